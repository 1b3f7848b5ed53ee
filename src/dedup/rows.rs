//! Equal rows of a table of typed columns: hashed, then confirmed by their values.

use ndarray::ArrayView1;

use crate::base::float::equality_bits;
use crate::base::{Ctx, Error, Result, hash, par};

/// Rows that are hashed between two looks at the stop flag, at most.
const CHUNK: usize = 8192;
/// Rows of one part of the hash table, about: its entries stay in the cache.
const PART: usize = 4096;
/// The word that stands for a missing cell in a hash.
const MISSING: u64 = 0x6d69_7373_696e_6721;
const EMPTY: usize = usize::MAX;

/// The values of one column. Each type is compared as itself, never through another.
#[derive(Debug, Clone, Copy)]
pub enum Cells<'a> {
    /// Single precision; NaN is missing, -0.0 equals 0.0.
    F32(ArrayView1<'a, f32>),
    /// Double precision; NaN is missing, -0.0 equals 0.0.
    F64(ArrayView1<'a, f64>),
    /// Signed integers, and times.
    I64(ArrayView1<'a, i64>),
    /// Unsigned integers.
    U64(ArrayView1<'a, u64>),
    /// Booleans.
    Bool(ArrayView1<'a, bool>),
    /// Byte strings.
    Text(Text<'a>),
}

/// Byte strings one after the other, as Arrow keeps them.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    offsets: &'a [i64],
    bytes: &'a [u8],
}

impl<'a> Text<'a> {
    /// String `i` is `bytes[offsets[i]..offsets[i + 1]]`.
    pub fn new(offsets: &'a [i64], bytes: &'a [u8]) -> Result<Self> {
        let bad =
            || Err(Error::Shape("text offsets must rise from 0 to the end of the bytes".into()));
        let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else {
            return bad();
        };
        let rising = offsets.windows(2).all(|w| w[0] <= w[1]);
        if first < 0 || !rising || usize::try_from(last).map_or(true, |l| l > bytes.len()) {
            return bad();
        }
        Ok(Text { offsets, bytes })
    }

    /// How many strings there are.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// String `i`.
    pub fn get(&self, i: usize) -> &'a [u8] {
        self.bytes.get(self.offsets[i] as usize..self.offsets[i + 1] as usize).unwrap_or(&[])
    }
}

/// A column: its cells, and which of them are missing (their values are then of no account).
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    /// The values.
    pub cells: Cells<'a>,
    /// Where they are missing; `None` where none is.
    pub missing: Option<ArrayView1<'a, bool>>,
}

impl Column<'_> {
    /// How many rows the column has.
    pub fn len(&self) -> usize {
        match self.cells {
            Cells::F32(x) => x.len(),
            Cells::F64(x) => x.len(),
            Cells::I64(x) => x.len(),
            Cells::U64(x) => x.len(),
            Cells::Bool(x) => x.len(),
            Cells::Text(x) => x.len(),
        }
    }

    /// True for a column of no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn gone(&self, i: usize) -> bool {
        self.missing.is_some_and(|m| m[i])
    }

    /// Mixes the cells of the rows from `start` into their hashes.
    fn mix(&self, start: usize, out: &mut [u64]) {
        match self.cells {
            Cells::F32(x) => self.mix_words(start, out, |i| float_word(f64::from(x[i]))),
            Cells::F64(x) => self.mix_words(start, out, |i| float_word(x[i])),
            Cells::I64(x) => self.mix_words(start, out, |i| x[i] as u64),
            Cells::U64(x) => self.mix_words(start, out, |i| x[i]),
            Cells::Bool(x) => self.mix_words(start, out, |i| u64::from(x[i])),
            Cells::Text(x) => self.mix_words(start, out, |i| hash::bytes(0, x.get(i))),
        }
    }

    fn mix_words(&self, start: usize, out: &mut [u64], word: impl Fn(usize) -> u64) {
        for (k, h) in out.iter_mut().enumerate() {
            let i = start + k;
            *h = hash::mix(*h, if self.gone(i) { MISSING } else { word(i) });
        }
    }

    fn equal(&self, i: usize, j: usize) -> bool {
        let same = |a: f64, b: f64| equality_bits(a) == equality_bits(b);
        if let Cells::F32(x) = self.cells {
            let at = |i| if self.gone(i) { f64::NAN } else { f64::from(x[i]) };
            return same(at(i), at(j));
        }
        if let Cells::F64(x) = self.cells {
            let at = |i| if self.gone(i) { f64::NAN } else { x[i] };
            return same(at(i), at(j));
        }
        if self.gone(i) || self.gone(j) {
            return self.gone(i) && self.gone(j);
        }
        match self.cells {
            Cells::I64(x) => x[i] == x[j],
            Cells::U64(x) => x[i] == x[j],
            Cells::Bool(x) => x[i] == x[j],
            Cells::Text(x) => x.get(i) == x.get(j),
            Cells::F32(_) | Cells::F64(_) => false,
        }
    }
}

fn float_word(x: f64) -> u64 {
    if x.is_nan() { MISSING } else { equality_bits(x) }
}

/// For each row the first row that equals it in every column (its own number if none does).
pub fn first_equal(ctx: &Ctx, n_rows: usize, columns: &[Column]) -> Result<Vec<usize>> {
    for (k, column) in columns.iter().enumerate() {
        let masked = column.missing.map_or(n_rows, |m| m.len());
        if column.len() != n_rows || masked != n_rows {
            let n = column.len();
            return Err(Error::Shape(format!(
                "column {k} has {n} rows where {n_rows} are expected"
            )));
        }
    }
    let mut hashes = vec![0u64; n_rows];
    let chunk = (8 * CHUNK / columns.len().max(1)).clamp(64, CHUNK);
    par::fill_chunks(ctx, &mut hashes, chunk, |start, out| {
        for column in columns {
            column.mix(start, out);
        }
    })?;
    group(ctx, &hashes, |i, j| columns.iter().all(|c| c.equal(i, j)))
}

/// For each row the first that has its hash and equals it.
pub fn group(
    ctx: &Ctx,
    hashes: &[u64],
    equal: impl Fn(usize, usize) -> bool + Sync + Send,
) -> Result<Vec<usize>> {
    let parts = (hashes.len() / PART).next_power_of_two().clamp(1, 1024);
    let (rows, starts) = partition(ctx, hashes, parts)?;
    let found = par::map(ctx, parts, |p| {
        first_in_part(ctx, &rows[starts[p]..starts[p + 1]], hashes, &equal)
    })?;
    let mut first = vec![0; hashes.len()];
    for (p, answers) in found.into_iter().enumerate() {
        for (&row, answer) in rows[starts[p]..].iter().zip(answers?) {
            first[row] = answer;
        }
    }
    Ok(first)
}

/// The rows ordered by the high bits of their hash, each part in row order, and where parts start.
fn partition(ctx: &Ctx, hashes: &[u64], parts: usize) -> Result<(Vec<usize>, Vec<usize>)> {
    let part = |h: u64| ((u128::from(h) * parts as u128) >> 64) as usize;
    let mut starts = vec![0usize; parts + 1];
    for chunk in hashes.chunks(1 << 20) {
        ctx.check()?;
        for &h in chunk {
            starts[part(h) + 1] += 1;
        }
    }
    for p in 0..parts {
        starts[p + 1] += starts[p];
    }
    let mut next = starts.clone();
    let mut rows = vec![0usize; hashes.len()];
    for (c, chunk) in hashes.chunks(1 << 20).enumerate() {
        ctx.check()?;
        for (k, &h) in chunk.iter().enumerate() {
            let place = &mut next[part(h)];
            rows[*place] = (c << 20) + k;
            *place += 1;
        }
    }
    Ok((rows, starts))
}

/// For each of `rows` (in rising order) the first of them that equals it: linear probing.
fn first_in_part(
    ctx: &Ctx,
    rows: &[usize],
    hashes: &[u64],
    equal: impl Fn(usize, usize) -> bool,
) -> Result<Vec<usize>> {
    let slots = (rows.len() * 2).next_power_of_two();
    let mut table = vec![(0u64, EMPTY); slots];
    let mut out = Vec::with_capacity(rows.len());
    let mut looked = 0usize;
    for &row in rows {
        let h = hashes[row];
        let mut slot = h as usize & (slots - 1);
        loop {
            looked += 1;
            if looked.is_multiple_of(CHUNK) {
                ctx.check()?;
            }
            let (seen, first) = table[slot];
            if first == EMPTY {
                table[slot] = (h, row);
                out.push(row);
                break;
            }
            if seen == h && equal(first, row) {
                out.push(first);
                break;
            }
            slot = (slot + 1) & (slots - 1);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn column<'a>(cells: Cells<'a>) -> Column<'a> {
        Column { cells, missing: None }
    }

    fn slow(n: usize, equal: impl Fn(usize, usize) -> bool) -> Vec<usize> {
        (0..n).map(|i| (0..i).find(|&j| equal(j, i)).unwrap_or(i)).collect()
    }

    #[test]
    fn numbers_are_equal_by_value_in_their_own_type() {
        let x = [f64::NAN, 0.0, -0.0, -f64::NAN, 1.0];
        let cells = Cells::F64(ArrayView1::from(&x));
        assert_eq!(first_equal(&Ctx::new(1), 5, &[column(cells)]).unwrap(), [0, 1, 1, 0, 4]);
        let big = [1i64 << 53, (1 << 53) + 1, 1 << 53];
        let cells = Cells::I64(ArrayView1::from(&big));
        assert_eq!(first_equal(&Ctx::new(1), 3, &[column(cells)]).unwrap(), [0, 1, 0]);
    }

    #[test]
    fn missing_equals_missing_whatever_lies_beneath() {
        let x = [1i64, 2, 0];
        let gone = [true, true, false];
        let c = Column {
            cells: Cells::I64(ArrayView1::from(&x)),
            missing: Some(ArrayView1::from(&gone)),
        };
        assert_eq!(first_equal(&Ctx::new(1), 3, &[c]).unwrap(), [0, 0, 2]);
    }

    #[test]
    fn a_hash_alone_is_never_trusted() {
        let values = [5, 6, 5, 7, 6, 5];
        let got = group(&Ctx::new(1), &[42; 6], |i, j| values[i] == values[j]).unwrap();
        assert_eq!(got, [0, 1, 0, 3, 1, 0]);
    }

    #[test]
    fn no_rows_no_columns_and_wrong_shapes() {
        let ctx = Ctx::new(1);
        assert!(first_equal(&ctx, 0, &[]).unwrap().is_empty());
        assert_eq!(first_equal(&ctx, 3, &[]).unwrap(), [0, 0, 0]);
        let x = [1i64];
        let short = column(Cells::I64(ArrayView1::from(&x)));
        assert!(matches!(first_equal(&ctx, 2, &[short]), Err(Error::Shape(_))));
        assert!(Text::new(&[], b"").is_err());
        assert!(Text::new(&[0, 3], b"ab").is_err());
        assert!(Text::new(&[0, 2, 1], b"ab").is_err());
        assert!(Text::new(&[-1, 2], b"ab").is_err());
    }

    #[test]
    fn it_stops() {
        let ctx = Ctx::new(1);
        ctx.stop();
        let x = vec![0i64; 100];
        let cells = Cells::I64(ArrayView1::from(&x));
        assert_eq!(first_equal(&ctx, 100, &[column(cells)]), Err(Error::Stopped));
    }

    #[test]
    fn many_rows_on_any_number_of_threads() {
        let n = 50_000usize;
        let x: Vec<u64> = (0..n as u64).map(|i| i * i % 7919).collect();
        let cells = Cells::U64(ArrayView1::from(&x));
        let one = first_equal(&Ctx::new(1), n, &[column(cells)]).unwrap();
        for threads in [2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let got = pool.install(|| first_equal(&Ctx::new(threads), n, &[column(cells)]));
            assert_eq!(got.unwrap(), one);
        }
        let mut seen = std::collections::HashMap::new();
        for (i, &f) in one.iter().enumerate() {
            assert_eq!(f, *seen.entry(x[i]).or_insert(i));
        }
    }

    proptest! {
        #[test]
        fn rows_are_those_of_the_slow_search(
            rows in prop::collection::vec(
                (0u8..3, prop::option::of(0i64..3), "[ab]{0,2}", any::<bool>()), 0..60)
        ) {
            let floats: Vec<f32> =
                rows.iter().map(|r| [0.0, -0.0, f32::NAN][r.0 as usize]).collect();
            let ints: Vec<i64> = rows.iter().map(|r| r.1.unwrap_or(7)).collect();
            let gone: Vec<bool> = rows.iter().map(|r| r.1.is_none()).collect();
            let bools: Vec<bool> = rows.iter().map(|r| r.3).collect();
            let bytes: Vec<u8> = rows.iter().flat_map(|r| r.2.bytes()).collect();
            let mut offsets = vec![0i64];
            for r in &rows {
                offsets.push(offsets[offsets.len() - 1] + r.2.len() as i64);
            }
            let columns = [
                column(Cells::F32(ArrayView1::from(&floats))),
                Column {
                    cells: Cells::I64(ArrayView1::from(&ints)),
                    missing: Some(ArrayView1::from(&gone)),
                },
                column(Cells::Text(Text::new(&offsets, &bytes).unwrap())),
                column(Cells::Bool(ArrayView1::from(&bools))),
            ];
            let key = |i: usize| {
                let r: &(u8, Option<i64>, String, bool) = &rows[i];
                (r.0 == 2, r.1, r.2.clone(), r.3)
            };
            let got = first_equal(&Ctx::new(1), rows.len(), &columns).unwrap();
            prop_assert_eq!(got, slow(rows.len(), |i, j| key(i) == key(j)));
        }
    }
}
