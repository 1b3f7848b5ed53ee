//! Texts as sets of shingles, those of equal texts once.

use ndarray::ArrayView1;

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
    /// The set of each content.
    pub sets: Sets,
    /// How many texts are neither blank nor long enough for a shingle.
    pub short: usize,
}

/// Sorts texts by content and takes the set of each; those that are `missing` are blank.
pub fn contents(
    ctx: &Ctx,
    texts: &Text,
    missing: Option<ArrayView1<bool>>,
    shingler: &Shingler,
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
    let mut first = Vec::new();
    let mut content = vec![0u32; n];
    for (i, &own) in of.iter().enumerate() {
        if own == i {
            content[i] = first.len() as u32;
            first.push(i as u32);
        } else {
            content[i] = content[own];
        }
    }
    let sets = Sets::new(ctx, first.len(), |c, scratch, out| {
        let i = first[c] as usize;
        if identity[i].is_some() {
            shingler.append(texts.get(i), scratch, out);
        }
    })?;
    let is_short = |i: &usize| identity[*i].is_some() && sets.get(content[*i] as usize).is_empty();
    let short = (0..n).filter(is_short).count();
    let keys = first.iter().map(|&i| hashes[i as usize]).collect();
    Ok(Contents { content, first, keys, sets, short })
}
