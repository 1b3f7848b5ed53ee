//! Passages that occur more than once in a collection of texts: exact, in time that grows with the
//! length of the texts whatever they hold.
//!
//! A *window* is `min_length` code points in a row within one text. Windows are repeated or not, and
//! that is all that has to be found out: what is covered by repeated windows is what a suffix array
//! gives.
//!
//! 1. `anchors`: windows are told apart by the least hash of the shorter runs of characters in them.
//!    Equal windows have an equal least hash, so that windows whose least hash occurs once are done.
//! 2. `repeats`: windows of one least hash are looked up by a hash of the whole window, and every
//!    match is confirmed. Each gets the place of the first window equal to it.
//! 3. `units`: windows that always occur one after the other are joined to passages.
//! 4. `cover`: which documents are covered by the passages of another.

mod anchors;
mod cover;
mod cut;
mod repeats;
mod units;

#[cfg(test)]
mod tests;

use crate::base::{Ctx, Error, Result, hash, par};
use crate::dedup::rows::{Text, group};

pub use cover::{Cover, Covered};
pub use cut::cut;
pub use units::Passages;

/// The least length of a passage that can be asked for.
pub const LEAST: usize = 2;

/// Texts as the stages see them: their bytes, where each begins, and the length of a window.
///
/// A code point is a byte and the continuation bytes (0b10xxxxxx) that follow it, so that bytes that
/// are no UTF-8 are cut up the same way from either end.
#[derive(Clone, Copy)]
struct Corpus<'a> {
    bytes: &'a [u8],
    offsets: &'a [i64],
    window: usize,
}

impl Corpus<'_> {
    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Where a document begins and ends in the bytes.
    fn edges(&self, document: usize) -> (usize, usize) {
        (self.offsets[document] as usize, self.offsets[document + 1] as usize)
    }

    /// The document that a byte lies in.
    fn document(&self, byte: usize) -> usize {
        self.offsets.partition_point(|&o| o as usize <= byte) - 1
    }

    /// The start of the code point after the one at `at`, not beyond `end`.
    #[inline]
    fn next(&self, at: usize, end: usize) -> usize {
        let mut next = at + 1;
        while next < end && is_continuation(self.bytes[next]) {
            next += 1;
        }
        next
    }

    /// `at` moved on by `n` code points, not beyond `end`.
    fn forward(&self, mut at: usize, n: usize, end: usize) -> usize {
        for _ in 0..n {
            if at >= end {
                break;
            }
            at = self.next(at, end);
        }
        at
    }

    /// `at` moved back by `n` code points, not beyond `start`.
    fn back(&self, mut at: usize, n: usize, start: usize) -> usize {
        for _ in 0..n {
            if at <= start {
                break;
            }
            at -= 1;
            while at > start && is_continuation(self.bytes[at]) {
                at -= 1;
            }
        }
        at
    }

    /// How many code points there are from one byte to another of a document.
    fn code_points(&self, start: usize, end: usize) -> usize {
        // The first byte begins one whatever it is.
        let Some((_, rest)) = self.bytes[start..end].split_first() else { return 0 };
        1 + rest.iter().filter(|&&b| !is_continuation(b)).count()
    }
}

#[inline]
fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// A hash of a run of code points that can be moved on by one of them.
#[derive(Clone, Copy)]
struct Roller {
    /// The multiplier to the power of the length.
    power: u64,
}

/// An odd number without a pattern in its bits.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Roller {
    fn new(length: usize) -> Self {
        Roller { power: (0..length).fold(1, |p: u64, _| p.wrapping_mul(FACTOR)) }
    }

    #[inline]
    fn enter(hash: u64, code: u64) -> u64 {
        hash.wrapping_mul(FACTOR).wrapping_add(code.wrapping_add(1))
    }

    #[inline]
    fn roll(self, hash: u64, code: u64, gone: u64) -> u64 {
        let left = gone.wrapping_add(1).wrapping_mul(self.power);
        Roller::enter(hash, code).wrapping_sub(left)
    }
}

/// A number for the code point in these bytes.
#[inline]
fn code(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |c: u64, &b| c.wrapping_mul(256).wrapping_add(u64::from(b)))
}

/// The passages of at least `min_length` code points that occur more than once in the texts.
///
/// Where `n_left` is given, only passages that occur both in a text before that position and in one
/// at or after it are given.
pub fn find(ctx: &Ctx, texts: &Text, min_length: usize, n_left: Option<usize>) -> Result<Passages> {
    let corpus = check(texts, min_length)?;
    let pieces = repeats::find(ctx, corpus)?;
    units::passages(ctx, corpus, pieces, n_left)
}

fn check<'a>(texts: &Text<'a>, min_length: usize) -> Result<Corpus<'a>> {
    if min_length < LEAST {
        return Err(Error::Parameter(format!("min_length must be {LEAST} or more")));
    }
    let (offsets, bytes) = texts.buffers();
    if u32::try_from(offsets.len()).is_err() {
        return Err(Error::Data("there are more than four billion texts: split them".into()));
    }
    Ok(Corpus { bytes, offsets, window: min_length })
}

/// Which documents are covered, to `min_share` at least, by the passages of another one.
///
/// `passages` are those found in the texts. Equal texts are found beforehand, and only the first of
/// them is compared. Where `n_left` is given, only pairs across that edge count.
pub fn cover(
    ctx: &Ctx,
    texts: &Text,
    passages: &Passages,
    min_length: usize,
    min_share: f64,
    n_left: Option<usize>,
) -> Result<Cover> {
    let n = passages.lengths.len();
    let mut keys = vec![0; n];
    par::fill_chunks(ctx, &mut keys, 64, |start, out| {
        for (k, key) in out.iter_mut().enumerate() {
            *key = hash::bytes(0, texts.get(start + k));
        }
    })?;
    let mut equal = group(ctx, &keys, |i, j| texts.get(i) == texts.get(j))?;
    let mut sides = vec![0; n];
    for document in 0..n {
        if (passages.lengths[document] as usize) < min_length {
            equal[document] = document; // it holds no passage
        }
        sides[equal[document]] |= match n_left {
            Some(edge) if document < edge => cover::LEFT,
            Some(_) => cover::RIGHT,
            None => cover::LEFT | cover::RIGHT,
        };
    }
    let chosen: Vec<usize> = (0..n).filter(|&d| equal[d] == d).collect();
    let documents = cover::Documents { passages, chosen: &chosen, keys: &keys, sides: &sides };
    let (pairs, homes) = cover::covered(ctx, &documents, min_share, n_left.is_some())?;
    let mut home: Vec<usize> = (0..n).collect();
    for (document, by) in homes {
        home[document] = by;
    }
    let home = equal.iter().map(|&first| home[first]).collect();
    Ok(Cover { equal, keys, pairs, home })
}
