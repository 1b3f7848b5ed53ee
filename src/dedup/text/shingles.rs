//! From a text to the set of its shingles, as sorted hashes.

use crate::base::hash;
use crate::media::text::{Form, words};

/// The seeds of the hashes, so that words, shingles and texts have hashes of their own. An index
/// on disk holds these hashes: they never change.
const WORD: u64 = 0x776f_7264;
const RUN: u64 = 0x7275_6e73;
const CHARS: u64 = 0x6368_6172;
const TEXT: u64 = 0x7465_7874;

/// What a shingle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// So many words in a row.
    Words(usize),
    /// So many code points in a row.
    Chars(usize),
}

/// How texts become sets of shingles.
///
/// A shingle is known by its 64-bit hash. Two of `n` shingles share one with a probability of
/// about `n * n / 2^65` (three in ten thousand for a hundred million of them), and what comes of it
/// is a score that is off by one shingle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shingler {
    /// What a shingle is.
    pub unit: Unit,
    /// What is evened out in the texts first.
    pub form: Form,
}

impl Shingler {
    /// The hash of a text in the form compared; `None` where it is empty or white space.
    pub fn identity(&self, bytes: &[u8]) -> Option<u64> {
        let text = self.form.apply(bytes);
        let blank = text.chars().all(char::is_whitespace);
        (!blank).then(|| hash::bytes(TEXT, text.as_bytes()))
    }

    /// True if two texts are equal in the form compared.
    pub fn equal(&self, one: &[u8], other: &[u8]) -> bool {
        one == other || self.form.apply(one) == self.form.apply(other)
    }

    /// Appends the set of a text's shingles to `out`: hashes, rising. A text shorter than a shingle
    /// has none. `scratch` is overwritten.
    pub fn append(&self, bytes: &[u8], scratch: &mut Vec<u64>, out: &mut Vec<u64>) {
        let text = self.form.apply(bytes);
        let start = out.len();
        scratch.clear();
        match self.unit {
            Unit::Words(size) => {
                scratch.extend(words(&text).map(|w| hash::bytes(WORD, w.as_bytes())));
                let run = |w: &[u64]| w.iter().fold(RUN, |h, &word| hash::mix(h, word));
                out.extend(scratch.windows(size.max(1)).map(run));
            }
            Unit::Chars(size) => {
                let ends = text.char_indices().map(|(at, _)| at as u64);
                scratch.extend(ends.chain([text.len() as u64]));
                let run = |w: &[u64]| {
                    hash::bytes(CHARS, text[w[0] as usize..w[w.len() - 1] as usize].as_bytes())
                };
                out.extend(scratch.windows(size.max(1) + 1).map(run));
            }
        }
        out[start..].sort_unstable();
        let mut kept = start;
        for k in start..out.len() {
            if kept == start || out[k] != out[kept - 1] {
                out[kept] = out[k];
                kept += 1;
            }
        }
        out.truncate(kept);
    }

    /// The set of a text's shingles: hashes, rising.
    pub fn set(&self, bytes: &[u8]) -> Vec<u64> {
        let mut out = Vec::new();
        self.append(bytes, &mut Vec::new(), &mut out);
        out
    }
}

/// How many shingles two sets share if they share at least `least`.
pub fn overlap(one: &[u64], other: &[u64], least: usize) -> Option<usize> {
    // How many more shingles of one set alone there may be.
    let most = one.len().checked_sub(least)?;
    let mut spare = (most, other.len().checked_sub(least)?);
    let (mut i, mut j) = (0, 0);
    while i < one.len() && j < other.len() {
        let (a, b) = (one[i], other[j]);
        if a < b {
            spare.0 = spare.0.checked_sub(1)?;
        } else if b < a {
            spare.1 = spare.1.checked_sub(1)?;
        }
        i += usize::from(a <= b);
        j += usize::from(b <= a);
    }
    Some(i - (most - spare.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn words_of(size: usize) -> Shingler {
        Shingler { unit: Unit::Words(size), form: Form { nfc: true, ..Form::default() } }
    }

    #[test]
    fn hashes_are_pinned() {
        // An index on disk holds them.
        assert_eq!(words_of(2).set(b"one two three"), [9162206384857374355, 13707022141224095927]);
        let chars = Shingler { unit: Unit::Chars(3), form: Form::default() };
        assert_eq!(chars.set("aé b".as_bytes()), [11441850022949722939, 14766588278787959623]);
        assert_eq!(chars.identity(b"one"), Some(12203145225151034930));
    }

    #[test]
    fn sets_of_words_and_of_characters() {
        assert_eq!(words_of(3).set(b"a b c a b c a").len(), 3);
        assert_eq!(words_of(3).set(b"a b, c!"), words_of(3).set(b"a  b c"));
        assert!(words_of(3).set(b"a b").is_empty());
        assert_eq!(words_of(1).set("我们我".as_bytes()).len(), 2);
        let chars = Shingler { unit: Unit::Chars(2), form: Form::default() };
        assert_eq!(chars.set("日本日本".as_bytes()).len(), 2);
        assert!(chars.set("日".as_bytes()).is_empty());
        assert!(chars.set(b"").is_empty());
    }

    #[test]
    fn blank_texts_have_no_identity() {
        for blank in ["", " ", "\n\t\u{3000}"] {
            assert_eq!(words_of(3).identity(blank.as_bytes()), None);
        }
        assert_eq!(
            words_of(3).identity("é".as_bytes()),
            words_of(3).identity("e\u{301}".as_bytes())
        );
        assert!(words_of(3).equal("é".as_bytes(), "e\u{301}".as_bytes()));
        assert!(!words_of(3).equal(b"a", b"b"));
    }

    proptest! {
        #[test]
        fn shingles_are_those_of_the_slow_way(text in "[ab é]{0,12}", size in 1usize..4) {
            let chars: Vec<char> = text.chars().collect();
            let slow: BTreeSet<&[char]> = chars.windows(size).collect();
            let shingler = Shingler { unit: Unit::Chars(size), form: Form::default() };
            prop_assert_eq!(shingler.set(text.as_bytes()).len(), slow.len());
            let split: Vec<&str> = text.split_whitespace().collect();
            let slow: BTreeSet<&[&str]> = split.windows(size).collect();
            prop_assert_eq!(words_of(size).set(text.as_bytes()).len(), slow.len());
        }

        #[test]
        fn overlap_is_that_of_sets(
            one in prop::collection::btree_set(0u64..20, 0..12),
            other in prop::collection::btree_set(0u64..20, 0..12),
            least in 0usize..12,
        ) {
            let shared = one.intersection(&other).count();
            let (a, b): (Vec<u64>, Vec<u64>) =
                (one.into_iter().collect(), other.into_iter().collect());
            prop_assert_eq!(overlap(&a, &b, least), (shared >= least).then_some(shared));
        }
    }
}
