//! Which clips may be copies: those that share codes at a common lag.

use super::print::{BITS, LEAD, NO_CODE, STEP};
use crate::base::{Ctx, Result, par};

/// Bits of a code that the table of starts is made for.
const TABLE: usize = 16;
/// Clips that one code of a clip is compared with, the next in the order of the keys. A code that
/// many clips share would make the work quadratic; copies share other codes as well.
const MOST: usize = 256;
/// Postings that are looked at for them.
const LOOKED_AT: usize = 16 * MOST;
/// Frames within which lags count as one.
const NEAR: i64 = 4;
/// Lags of a pair that are tried, those with most codes first.
const LAGS: usize = 3;
/// Codes that a pair must share at one lag: an eighth of the shorter clip's, within these bounds.
/// Copies with noise at 10 dB share half, with another speed a quarter.
const SHARED: (usize, usize) = (2, 6);

/// Two clips that may be copies, `one < other`.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The first.
    pub one: usize,
    /// The second.
    pub other: usize,
    /// Frames of the first and of the second at which they may be laid over each other.
    pub starts: Vec<(i64, i64)>,
}

/// A code, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Posting {
    code: u32,
    clip: u32,
    place: u32,
}

/// Every code of every clip, in order of the codes.
struct Index {
    postings: Vec<Posting>,
    starts: Vec<usize>,
}

impl Index {
    fn new(codes: &[&[u64]]) -> Self {
        let mut postings = Vec::with_capacity(codes.iter().map(|c| c.len()).sum());
        for (clip, own) in codes.iter().enumerate() {
            for (place, &word) in own.iter().enumerate().filter(|(_, w)| **w != NO_CODE) {
                let code = bits(word);
                postings.push(Posting { code, clip: clip as u32, place: place as u32 });
            }
        }
        postings.sort_unstable();
        let mut starts = vec![0usize; (1 << TABLE) + 1];
        for p in &postings {
            starts[(p.code >> (BITS - TABLE)) as usize + 1] += 1;
        }
        for k in 0..1 << TABLE {
            starts[k + 1] += starts[k];
        }
        Index { postings, starts }
    }

    /// The postings of a code in clips after the given one.
    fn after(&self, code: u32, clip: u32) -> &[Posting] {
        let k = (code >> (BITS - TABLE)) as usize;
        let part = &self.postings[self.starts[k]..self.starts[k + 1]];
        let first = part.partition_point(|p| (p.code, p.clip) <= (code, clip));
        let rest = &part[first..];
        &rest[..rest.iter().take(LOOKED_AT).take_while(|p| p.code == code).count()]
    }
}

/// Pairs of clips that share a code, with the lags at which they share most.
pub fn candidates(
    ctx: &Ctx,
    codes: &[&[u64]],
    wanted: impl Fn(usize, usize) -> bool + Sync + Send,
) -> Result<Vec<Candidate>> {
    let index = Index::new(codes);
    ctx.check()?;
    let found = par::map(ctx, codes.len(), |one| {
        let mut hits = Vec::new();
        for (place, &word) in codes[one].iter().enumerate().filter(|(_, w)| **w != NO_CODE) {
            for code in probes(word) {
                let mut clips = 0;
                let mut last = u32::MAX;
                for p in index.after(code, one as u32) {
                    if !wanted(one, p.clip as usize) {
                        continue;
                    }
                    clips += usize::from(p.clip != last);
                    last = p.clip;
                    if clips > MOST {
                        break;
                    }
                    hits.push((p.clip, i64::from(p.place) - place as i64, place as i64));
                }
            }
        }
        hits.sort_unstable();
        let by_clip = hits.chunk_by(|a, b| a.0 == b.0);
        by_clip
            .filter_map(|hits| {
                let other = hits[0].0 as usize;
                let shorter = codes[one].len().min(codes[other].len());
                let least = (shorter / 8).clamp(SHARED.0, SHARED.1).min(shorter);
                let starts = starts(hits, least);
                (!starts.is_empty()).then_some(Candidate { one, other, starts })
            })
            .collect::<Vec<_>>()
    })?;
    Ok(found.into_iter().flatten().collect())
}

fn bits(word: u64) -> u32 {
    (word & ((1 << BITS) - 1)) as u32
}

/// A code with none, one or both of its weakest bits turned.
fn probes(word: u64) -> [u32; 4] {
    let turn = |at: usize| 1u32 << ((word >> at) as u8).min(BITS as u8 - 1);
    let (code, a, b) = (bits(word), turn(BITS), turn(BITS + 8));
    [code, code ^ a, code ^ b, code ^ a ^ b]
}

/// The lags with the most, and at least so many, of the hits (clip, lag, place in codes), which are
/// sorted by lag.
fn starts(hits: &[(u32, i64, i64)], least: usize) -> Vec<(i64, i64)> {
    let near = NEAR / STEP as i64;
    let mut left: Vec<(i64, i64)> = hits.iter().map(|h| (h.1, h.2)).collect();
    let mut out = Vec::new();
    while out.len() < LAGS && !left.is_empty() {
        let (mut best, mut end) = (0..0, 0);
        for first in 0..left.len() {
            while end < left.len() && left[end].0 <= left[first].0 + near {
                end += 1;
            }
            if end - first > best.len() {
                best = first..end;
            }
        }
        if best.len() < least {
            break;
        }
        let (lag, place) = left[best.start + best.len() / 2];
        let frame = place * STEP as i64 - LEAD as i64 + super::print::SPAN as i64 / 2;
        out.push((frame, frame + lag * STEP as i64));
        let (low, high) = (left[best.start].0 - near, left[best.end - 1].0 + near);
        left.retain(|h| h.0 < low || h.0 > high);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_with_most_hits_comes_first() {
        let hits = [(7, -3, 10), (7, 5, 1), (7, 5, 2), (7, 6, 9), (7, 20, 4)];
        let got = starts(&hits, 1);
        assert_eq!(got.len(), 3);
        assert_eq!(got[0].1 - got[0].0, 10);
        assert_eq!(got[0].0, 2 * 2 - 8 + 16);
        assert_eq!(starts(&hits, 3), got[..1]);
        assert!(starts(&hits, 4).is_empty());
    }

    #[test]
    fn weak_bits_are_turned_and_junk_is_harmless() {
        let word = 0b101 | 2 << BITS | 23 << (BITS + 8);
        assert_eq!(probes(word), [0b101, 0b001, 0b101 | 1 << 23, 0b001 | 1 << 23]);
        let junk = [u64::MAX - 1];
        let found = candidates(&Ctx::new(1), &[&junk, &junk, &[], &[NO_CODE]], |_, _| true);
        assert_eq!(found.unwrap().len(), 1);
    }

    #[test]
    fn a_code_that_all_share_costs_no_square() {
        let same: Vec<Vec<u64>> = (0..2_000).map(|_| vec![5 | 1 << (BITS + 8)]).collect();
        let codes: Vec<&[u64]> = same.iter().map(Vec::as_slice).collect();
        let found = candidates(&Ctx::new(1), &codes, |_, _| true).unwrap();
        assert!(found.len() <= 2_000 * MOST && found.len() > 1_000 * MOST);
    }
}
