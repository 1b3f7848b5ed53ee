//! Near-duplicate texts: pairs whose sets of shingles are alike.

pub mod bounds;
pub mod exact;
pub mod minhash;
pub mod pairs;
pub mod prefix;
pub mod sets;
pub mod shingles;

#[cfg(test)]
mod tests;

use ndarray::ArrayView1;

use crate::base::{Ctx, Error, Result};
use crate::dedup::cells::Text;
use bounds::Threshold;
use exact::Join;
use minhash::Bands;
use pairs::{Pair, Pairs, Sides};
use shingles::Shingler;

/// Hits of the exact join that are never too many, and those that are for each text.
const HITS: u64 = 300_000_000;
const HITS_PER_TEXT: u64 = 10_000;

/// How pairs are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Every pair.
    Exact,
    /// By signatures that are drawn from the seed: some pairs are missed.
    MinHash(u64),
    /// Every pair, unless that would take too long.
    Auto(u64),
}

/// What a search found.
#[derive(Debug, PartialEq)]
pub struct Found {
    /// For each text its content, numbered in order of first appearance.
    pub content: Vec<u32>,
    /// A hash of each content.
    pub keys: Vec<u64>,
    /// Pairs of contents, sorted.
    pub pairs: Vec<Pair>,
    /// How many texts are too short for a shingle and not blank.
    pub short: usize,
    /// The share of pairs expected to be found, at least.
    pub recall: f64,
}

/// Texts of one content, and pairs of contents at or above the threshold.
///
/// With `n_left`, the texts from that number on are another data set, and pairs go across.
pub fn search(
    ctx: &Ctx,
    texts: &Text,
    missing: Option<ArrayView1<bool>>,
    shingler: &Shingler,
    threshold: Threshold,
    method: Method,
    n_left: Option<usize>,
) -> Result<Found> {
    if n_left.is_some_and(|n| n > texts.len()) {
        return Err(Error::Shape(format!("there are {} texts, fewer than n_left", texts.len())));
    }
    let across = n_left.map(|n| (n, threshold));
    let all = sets::contents(ctx, texts, missing, shingler, across)?;
    let (sides, pairs) = (Sides(all.side.as_deref()), Pairs::default());
    let exact = match method {
        Method::MinHash(_) => None,
        _ => Some(Join::new(ctx, &all.sets, &all.keys, sides, threshold)?),
    };
    let most = HITS.max(HITS_PER_TEXT * all.first.len() as u64);
    let (mut found, recall) = match (exact, method) {
        (Some(join), Method::Auto(seed)) if join.hits_expected(ctx)? > most => {
            drop(join);
            let found = minhash::join(ctx, &all.sets, sides, threshold, seed, &pairs)?;
            (found, Bands::new(threshold).recall(threshold.value()))
        }
        (None, Method::MinHash(seed)) => {
            let found = minhash::join(ctx, &all.sets, sides, threshold, seed, &pairs)?;
            (found, Bands::new(threshold).recall(threshold.value()))
        }
        (Some(join), _) => (join.run(ctx, &pairs)?, 1.0),
        (None, _) => (Vec::new(), 1.0),
    };
    found.sort_unstable_by_key(|p| (p.left, p.right));
    Ok(Found { content: all.content, keys: all.keys, pairs: found, short: all.short, recall })
}
