//! How far the fields of two records agree, in a few levels.

use super::compare::{Scratch, edits, jaro_winkler, sound};
use crate::base::{Ctx, Error, Result, hash, par};
use crate::dedup::cells::Text;

/// Levels of a comparison: 0 differs, 3 is equal, what lies between is the comparator's.
pub const LEVELS: u8 = 4;
/// The level of a pair of which a record lacks the field.
pub const MISSING: u8 = 255;
/// The code of a missing value.
pub const GONE: i64 = -1;

/// Pairs that are compared between two looks at the stop flag.
const CHUNK: usize = 1 << 13;
/// From which Jaro-Winkler similarity on names are alike, and nearly the same.
const ALIKE: f64 = 0.82;
const CLOSE: f64 = 0.92;

/// How the values of a field are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparator {
    /// Jaro-Winkler similarity: at least 0.82, at least 0.92.
    Name,
    /// Edits: two, one; as many as half the characters are none.
    Code,
    /// Digits of a date (yyyymmdd): two parts of three, or one digit wrong, or day and month, or
    /// two neighbours, swapped.
    Date,
    /// Numbers: within a tenth, within a hundredth of the greater.
    Number,
    /// Equal or not.
    Exact,
}

/// A field: its distinct values, and which of them each record has.
#[derive(Debug)]
pub struct Field<'a> {
    comparator: Comparator,
    values: Vec<Vec<char>>,
    /// How often characters are in each value, by class.
    counts: Vec<Counts>,
    numbers: Vec<f64>,
    codes: &'a [i64],
}

impl<'a> Field<'a> {
    /// `codes` holds a position in `values` for each record, or [`GONE`].
    pub fn new(comparator: Comparator, values: Text, codes: &'a [i64]) -> Result<Self> {
        let n = values.len();
        if codes.iter().any(|&c| c != GONE && usize::try_from(c).map_or(true, |c| c >= n)) {
            return Err(Error::Shape(format!("a code of a field is none of its {n} values")));
        }
        let texts: Vec<String> =
            (0..n).map(|i| String::from_utf8_lossy(values.get(i)).into_owned()).collect();
        let number = |t: &String| t.parse().unwrap_or(f64::NAN);
        let numbers = match comparator {
            Comparator::Number => texts.iter().map(number).collect(),
            _ => Vec::new(),
        };
        let values: Vec<Vec<char>> = texts.iter().map(|t| t.chars().collect()).collect();
        let counts = values.iter().map(|v| count(v)).collect();
        Ok(Field { comparator, values, counts, numbers, codes })
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// True where there is no record.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    fn level(&self, scratch: &mut Scratch, i: usize, j: usize) -> u8 {
        let (i, j) = (self.codes[i], self.codes[j]);
        if i == GONE || j == GONE {
            return MISSING;
        }
        if i == j {
            return 3;
        }
        let (i, j) = (i.min(j) as usize, i.max(j) as usize);
        let (a, b) = (&self.values[i], &self.values[j]);
        // No more characters than these can be common to both: most pairs need no closer look.
        let common = || common(&self.counts[i], &self.counts[j]);
        match self.comparator {
            Comparator::Name if !may_be_alike(a, b, common()) => 0,
            Comparator::Name => match jaro_winkler(scratch, a, b) {
                s if s >= CLOSE => 2,
                s if s >= ALIKE => 1,
                _ => 0,
            },
            Comparator::Code if a.len().max(b.len()) > common() + 2 => 0,
            Comparator::Code => by_edits(scratch, a, b),
            Comparator::Date => dates(scratch, a, b),
            Comparator::Number => {
                let (x, y) = (self.numbers[i], self.numbers[j]);
                let (gap, size) = ((x - y).abs(), x.abs().max(y.abs()));
                // Infinite and unreadable numbers differ.
                if gap <= 0.01 * size { 2 } else { u8::from(gap <= 0.1 * size) }
            }
            Comparator::Exact => 0,
        }
    }
}

/// How often characters of each class are in a text.
type Counts = [u8; 32];

fn count(text: &[char]) -> Counts {
    let mut counts = [0u8; 32];
    for &c in text {
        let class = &mut counts[c as usize % 32];
        *class = class.saturating_add(1);
    }
    counts
}

/// The most characters that two texts can have in common; too many to tell is all of them.
fn common(a: &Counts, b: &Counts) -> usize {
    let mut sum = 0u16;
    let mut full = false;
    for k in 0..32 {
        sum += u16::from(a[k].min(b[k]));
        full |= a[k].min(b[k]) == u8::MAX;
    }
    if full { usize::MAX / 2 } else { usize::from(sum) }
}

/// False where the Jaro-Winkler similarity is surely below [`ALIKE`].
fn may_be_alike(a: &[char], b: &[char], common: usize) -> bool {
    let share = common as f64 / a.len().max(1) as f64 + common as f64 / b.len().max(1) as f64;
    let most = (share.min(2.0) + 1.0) / 3.0;
    let prefix = a.iter().zip(b).take(4).take_while(|(x, y)| x == y).count() as f64;
    most + 0.1 * prefix * (1.0 - most) >= ALIKE - 1e-9
}

fn by_edits(scratch: &mut Scratch, a: &[char], b: &[char]) -> u8 {
    let longest = a.len().max(b.len());
    if a.len().abs_diff(b.len()) > 2 {
        return 0;
    }
    match edits(scratch, a, b) {
        1 if longest > 2 => 2,
        2 if longest > 4 => 1,
        _ => 0,
    }
}

fn dates(scratch: &mut Scratch, a: &[char], b: &[char]) -> u8 {
    if a.len() != 8 || b.len() != 8 {
        return by_edits(scratch, a, b);
    }
    let parts = |t: &[char]| {
        let (year, rest) = t.split_at(4);
        let (month, day) = rest.split_at(2);
        [year.to_vec(), month.to_vec(), day.to_vec()]
    };
    let (x, y) = (parts(a), parts(b));
    let turned = x[0] == y[0] && x[1] == y[2] && x[2] == y[1];
    if turned || edits(scratch, a, b) == 1 {
        return 2;
    }
    u8::from(x.iter().zip(&y).filter(|(p, q)| p == q).count() == 2)
}

/// The level of each field of each pair, pair after pair.
pub fn levels(ctx: &Ctx, fields: &[Field], left: &[i64], right: &[i64]) -> Result<Vec<u8>> {
    let n = fields.first().map_or(0, Field::len);
    let bad = |&i: &i64| usize::try_from(i).map_or(true, |i| i >= n);
    if left.len() != right.len() || left.iter().chain(right).any(bad) {
        return Err(Error::Shape(format!("a pair is none of {n} records")));
    }
    if fields.iter().any(|f| f.len() != n) {
        return Err(Error::Shape("fields must have a code for each record".into()));
    }
    let width = fields.len();
    let mut out = vec![MISSING; left.len() * width];
    ctx.set_total(left.len() as u64);
    par::fill_chunks(ctx, &mut out, CHUNK * width.max(1), |start, out| {
        let mut scratch = Scratch::default();
        let first = start / width;
        for (k, row) in out.chunks_mut(width).enumerate() {
            let (i, j) = (left[first + k] as usize, right[first + k] as usize);
            for (level, field) in row.iter_mut().zip(fields) {
                *level = field.level(&mut scratch, i, j);
            }
        }
    })?;
    Ok(out)
}

/// For each distinct value of a field a word that values written a little otherwise often share.
pub fn coarse(comparator: Comparator, values: Text) -> Vec<u64> {
    let word = |i: usize| {
        let text = String::from_utf8_lossy(values.get(i)).into_owned();
        let kept: Vec<char> = text.chars().filter(|c| c.is_alphanumeric()).collect();
        let key = match comparator {
            Comparator::Name => sound(&kept),
            Comparator::Exact => text,
            // The digits whatever their order: swaps of any two stay together.
            Comparator::Code | Comparator::Date => {
                let mut sorted = kept;
                sorted.sort_unstable();
                sorted.into_iter().collect()
            }
            // To about a part in ten.
            Comparator::Number => text.parse::<f64>().map_or(text, |x| {
                format!("{} {}", x.signum(), (x.abs().max(1e-300).ln() * 10.0).round())
            }),
        };
        hash::bytes(0, key.as_bytes())
    };
    (0..values.len()).map(word).collect()
}

/// A hash of each record: of the values of its fields.
pub fn keys(fields: &[Field]) -> Vec<u64> {
    let n = fields.first().map_or(0, Field::len);
    let mut out = vec![0; n];
    for field in fields {
        let text = |v: &Vec<char>| hash::bytes(1, v.iter().collect::<String>().as_bytes());
        let words: Vec<u64> = field.values.iter().map(text).collect();
        for (key, &code) in out.iter_mut().zip(field.codes) {
            *key = hash::mix(*key, if code == GONE { 0 } else { words[code as usize] });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn level(comparator: Comparator, a: &str, b: &str) -> u8 {
        let bytes = format!("{a}{b}");
        let offsets = [0, a.len() as i64, bytes.len() as i64];
        let text = Text::new(&offsets, bytes.as_bytes()).unwrap();
        let field = Field::new(comparator, text, &[0, 1]).unwrap();
        levels(&Ctx::new(1), &[field], &[0], &[1]).unwrap()[0]
    }

    #[test]
    fn levels_of_every_comparator() {
        use Comparator::*;
        for (how, a, b, want) in [
            (Name, "mitchell", "mitchel", 2),
            (Name, "martha", "marta", 2),
            (Name, "dixon", "dickson", 1),
            (Name, "smith", "jones", 0),
            (Code, "2119", "2191", 2),
            (Code, "1804974", "1804947", 2),
            (Code, "1804974", "1805975", 1),
            (Code, "7", "9", 0),
            (Code, "12", "13", 0),
            (Date, "19560409", "19560904", 2),
            (Date, "19560409", "19560408", 2),
            (Date, "19560409", "19560427", 1),
            (Date, "19560409", "19571227", 0),
            (Date, "1956040", "19560409", 2),
            (Number, "100", "100.5", 2),
            (Number, "-100", "-95", 1),
            (Number, "0", "5", 0),
            (Number, "x", "5", 0),
            (Exact, "nsw", "nsv", 0),
        ] {
            assert_eq!(level(how, a, b), want, "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn the_first_look_rules_out_nothing_that_is_alike(
            a in "[abcd1é]{1,9}", b in "[abcd1é]{1,9}",
        ) {
            let (x, y): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            let scratch = &mut Scratch::default();
            let by_hand = match jaro_winkler(scratch, &x, &y) {
                _ if a == b => 3,
                s if s >= CLOSE => 2,
                s if s >= ALIKE => 1,
                _ => 0,
            };
            if a != b {
                prop_assert_eq!(level(Comparator::Name, &a, &b), by_hand);
                prop_assert_eq!(level(Comparator::Code, &a, &b), by_edits(scratch, &x, &y));
            }
        }
    }

    #[test]
    fn missing_values_bad_codes_and_stopping() {
        let text = Text::new(&[0, 1], b"a").unwrap();
        let made = |codes: &'static [i64]| Field::new(Comparator::Name, text, codes);
        let field = made(&[0, -1, 0]).unwrap();
        assert_eq!(levels(&Ctx::new(1), &[field], &[0, 0], &[1, 2]).unwrap(), [MISSING, 3]);
        assert!(matches!(made(&[1]), Err(Error::Shape(_))));
        assert!(matches!(made(&[-2]), Err(Error::Shape(_))));
        let field = || made(&[0, 0]).unwrap();
        assert!(matches!(levels(&Ctx::new(1), &[field()], &[0], &[2]), Err(Error::Shape(_))));
        assert!(levels(&Ctx::new(1), &[], &[], &[]).unwrap().is_empty());
        let ctx = Ctx::new(1);
        ctx.stop();
        assert_eq!(levels(&ctx, &[field()], &[0], &[1]), Err(Error::Stopped));
    }
}
