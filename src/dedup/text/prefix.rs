//! The rarest shingles of each set: two sets that are alike share one of them.

use std::sync::atomic::{AtomicU32, Ordering};

use super::bounds::Threshold;
use super::sets::Sets;
use crate::base::{Ctx, Result, par};

/// Sets that are worked on between two looks at the stop flag.
const CHUNK: usize = 1024;

/// One of the rarest shingles of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rare {
    /// Its hash.
    pub hash: u64,
    /// How many shingles of the set are rarer.
    pub place: u32,
}

/// The rarest shingles of sets, the smallest set first.
#[derive(Debug)]
pub struct Prefixes {
    /// The sets that are not empty by size, then key: set `order[rank]` has that rank.
    pub order: Vec<u32>,
    /// By rank, in chunks: their rare shingles that another set may have, rarest first.
    rare: Vec<Vec<Rare>>,
    ends: Vec<Vec<usize>>,
}

impl Prefixes {
    /// The rare shingles of the set of a rank.
    pub fn get(&self, rank: usize) -> &[Rare] {
        let (ends, k) = (&self.ends[rank / CHUNK], rank % CHUNK);
        let start = if k == 0 { 0 } else { ends[k - 1] };
        &self.rare[rank / CHUNK][start..ends[k]]
    }

    /// The rare shingles of every set.
    ///
    /// Shingles are counted by a part of their hash. Where two share a count they look more common
    /// than they are, which costs time alone: any order of shingles will do if it is the same for
    /// all sets. A count of one is sure: no other set has the shingle.
    pub fn new(ctx: &Ctx, sets: &Sets, keys: &[u64], threshold: Threshold) -> Result<Self> {
        let counts = counts(ctx, sets)?;
        let shift = 64 - counts.len().trailing_zeros();
        let mut order: Vec<u32> =
            (0..sets.len() as u32).filter(|&i| !sets.get(i as usize).is_empty()).collect();
        order.sort_unstable_by_key(|&i| (sets.get(i as usize).len(), keys[i as usize], i));
        let chunks = par::map_chunks(ctx, order.len(), CHUNK, |a, b| -> Result<_> {
            let (mut rare, mut ends, mut all) = (Vec::new(), Vec::new(), Vec::new());
            for &i in &order[a..b] {
                let set = sets.get(i as usize);
                let count = |h: u64| counts[(h >> shift) as usize].load(Ordering::Relaxed);
                all.clear();
                all.extend(set.iter().map(|&h| (count(h), h)));
                let long = threshold.prefix(set.len());
                if long < all.len() {
                    all.select_nth_unstable(long);
                    all.truncate(long);
                }
                all.sort_unstable();
                let known = all.iter().enumerate().filter(|(_, (count, _))| *count > 1);
                rare.extend(known.map(|(k, &(_, hash))| Rare { hash, place: k as u32 }));
                ends.push(rare.len());
                ctx.check()?;
            }
            rare.shrink_to_fit();
            Ok((rare, ends))
        })?;
        let chunks = chunks.into_iter().collect::<Result<Vec<_>>>()?;
        let (rare, ends) = chunks.into_iter().unzip();
        Ok(Prefixes { order, rare, ends })
    }
}

/// How many shingles have each value of the high bits of the hash.
fn counts(ctx: &Ctx, sets: &Sets) -> Result<Vec<AtomicU32>> {
    let size = (2 * sets.total()).next_power_of_two().clamp(1 << 10, 1 << 28);
    let shift = 64 - size.trailing_zeros();
    let counts: Vec<AtomicU32> = std::iter::repeat_with(|| AtomicU32::new(0)).take(size).collect();
    par::map_chunks(ctx, sets.len(), CHUNK, |a, b| {
        for hash in (a..b).flat_map(|i| sets.get(i)) {
            counts[(hash >> shift) as usize].fetch_add(1, Ordering::Relaxed);
        }
    })?;
    Ok(counts)
}
