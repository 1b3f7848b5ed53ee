//! Texts as sets of shingles, those of equal texts once.

use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::ArrayView1;

use super::bounds::Threshold;
use super::shingles::Shingler;
use crate::base::{Ctx, Error, Result, hash, par};
use crate::dedup::cells::Text;
use crate::dedup::rows;

/// Texts that are worked on between two looks at the stop flag.
const CHUNK: usize = 256;

/// Sets of hashes, each rising.
#[derive(Debug, Default)]
pub struct Sets {
    /// Of each chunk of sets, their hashes one after the other.
    hashes: Vec<Vec<u64>>,
    /// Of each chunk, where its sets end.
    ends: Vec<Vec<usize>>,
    len: usize,
}

impl Sets {
    /// How many sets there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Set `i`.
    pub fn get(&self, i: usize) -> &[u64] {
        let (ends, k) = (&self.ends[i / CHUNK], i % CHUNK);
        let start = if k == 0 { 0 } else { ends[k - 1] };
        &self.hashes[i / CHUNK][start..ends[k]]
    }

    /// How many hashes all sets hold.
    pub fn total(&self) -> usize {
        self.hashes.iter().map(Vec::len).sum()
    }

    /// `len` sets; `append(i, scratch, out)` appends the hashes of set `i`, rising.
    pub fn new(
        ctx: &Ctx,
        len: usize,
        append: impl Fn(usize, &mut Vec<u64>, &mut Vec<u64>) + Sync + Send,
    ) -> Result<Self> {
        let chunks = par::map_chunks(ctx, len, CHUNK, |a, b| -> Result<_> {
            let (mut hashes, mut ends, mut scratch) = (Vec::new(), Vec::new(), Vec::new());
            for i in a..b {
                append(i, &mut scratch, &mut hashes);
                ends.push(hashes.len());
                ctx.check()?;
            }
            hashes.shrink_to_fit();
            Ok((hashes, ends))
        })?;
        let chunks = chunks.into_iter().collect::<Result<Vec<_>>>()?;
        let (hashes, ends) = chunks.into_iter().unzip();
        Ok(Sets { hashes, ends, len })
    }

    /// The sets of two sides (1, 2 or 3 for both). On the larger side, a set is left empty if so
    /// few of its hashes are on the other that it has no partner there.
    fn across(
        ctx: &Ctx,
        side: &[u8],
        threshold: Threshold,
        append: impl Fn(usize, &mut Vec<u64>, &mut Vec<u64>) + Sync + Send,
    ) -> Result<Self> {
        let count = |one: u8| side.iter().filter(|&&s| s & one != 0).count();
        let small = if count(1) < count(2) { 1 } else { 2 };
        let near = Sets::new(ctx, side.len(), |i, scratch, out| {
            if side[i] & small != 0 {
                append(i, scratch, out);
            }
        })?;
        let there = There::new(ctx, &near)?;
        let far = Sets::new(ctx, side.len(), |i, scratch, out| {
            if side[i] & small == 0 {
                let start = out.len();
                append(i, scratch, out);
                let set = &out[start..];
                // A partner shares as many as the least set that can be one.
                let spare = set.len() - set.len().min(threshold.size(set.len()));
                if set.iter().filter(|&&hash| !there.may_hold(hash)).nth(spare).is_some() {
                    out.truncate(start);
                }
            }
        })?;
        Sets::new(ctx, side.len(), |i, _, out| {
            out.extend(near.get(i));
            out.extend(far.get(i));
        })
    }
}

/// Which hashes sets hold, or pass for it: a bit for each value of the high bits.
struct There {
    bits: Vec<u64>,
    shift: u32,
}

impl There {
    fn new(ctx: &Ctx, sets: &Sets) -> Result<Self> {
        let size = (16 * sets.total()).next_power_of_two().clamp(1 << 10, 1 << 32);
        let mut there = There { bits: vec![0; size / 64], shift: 64 - size.trailing_zeros() };
        for hashes in &sets.hashes {
            ctx.check()?;
            for hash in hashes {
                let slot = hash >> there.shift;
                there.bits[(slot / 64) as usize] |= 1 << (slot % 64);
            }
        }
        Ok(there)
    }

    #[inline]
    fn may_hold(&self, hash: u64) -> bool {
        let slot = hash >> self.shift;
        self.bits[(slot / 64) as usize] >> (slot % 64) & 1 == 1
    }
}

/// Texts of one content once, with their sets.
#[derive(Debug)]
pub struct Contents {
    /// For each text, its content: numbered in order of first appearance. Blank texts have contents
    /// of their own.
    pub content: Vec<u32>,
    /// The first text of each content.
    pub first: Vec<u32>,
    /// The hash of each content (of blank ones, of their number).
    pub keys: Vec<u64>,
    /// On which side of two data sets each content stands (1 left, 2 right, 3 both).
    pub side: Option<Vec<u8>>,
    /// The set of each content; empty, of two data sets, where it cannot be a pair with any.
    pub sets: Sets,
    /// How many texts are neither blank nor long enough for a shingle.
    pub short: usize,
}

/// Sorts texts by content and takes the set of each; those that are `missing` are blank.
///
/// `across` says how many texts are the first of two data sets, and how alike pairs across are.
pub fn contents(
    ctx: &Ctx,
    texts: &Text,
    missing: Option<ArrayView1<bool>>,
    shingler: &Shingler,
    across: Option<(usize, Threshold)>,
) -> Result<Contents> {
    let n = texts.len();
    if n >= u32::MAX as usize || missing.is_some_and(|m| m.len() != n) {
        return Err(Error::Shape(format!("{n} texts are too many, or as many as no mask has")));
    }
    let mut identity = vec![None; n];
    par::fill_chunks(ctx, &mut identity, CHUNK, |start, out| {
        for (k, own) in out.iter_mut().enumerate() {
            if !missing.is_some_and(|m| m[start + k]) {
                *own = shingler.identity(texts.get(start + k));
            }
        }
    })?;
    let blank = |i: usize| hash::mix(0, i as u64);
    let hashes: Vec<u64> =
        identity.iter().enumerate().map(|(i, own)| own.unwrap_or_else(|| blank(i))).collect();
    let of = rows::group(ctx, &hashes, |i, j| {
        identity[i].is_some() && identity[j].is_some() && shingler.equal(texts.get(i), texts.get(j))
    })?;
    let (mut first, mut copies) = (Vec::new(), Vec::new());
    let mut content = vec![0u32; n];
    for (i, &own) in of.iter().enumerate() {
        if own == i {
            content[i] = first.len() as u32;
            first.push(i as u32);
            copies.push(0);
        } else {
            content[i] = content[own];
        }
        copies[content[i] as usize] += 1;
    }
    let short = AtomicUsize::new(0);
    let append = |c: usize, scratch: &mut Vec<u64>, out: &mut Vec<u64>| {
        let (i, start) = (first[c] as usize, out.len());
        if identity[i].is_some() {
            shingler.append(texts.get(i), scratch, out);
            if out.len() == start {
                short.fetch_add(copies[c], Ordering::Relaxed);
            }
        }
    };
    let mut side = None;
    let sets = match across {
        None => Sets::new(ctx, first.len(), append)?,
        Some((n_left, threshold)) => {
            let of = side.insert(vec![0u8; first.len()]);
            for (i, &c) in content.iter().enumerate() {
                of[c as usize] |= if i < n_left { 1 } else { 2 };
            }
            Sets::across(ctx, of, threshold, append)?
        }
    };
    let keys = first.iter().map(|&i| hashes[i as usize]).collect();
    Ok(Contents { content, first, keys, side, sets, short: short.into_inner() })
}
