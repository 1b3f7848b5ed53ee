//! The rarest shingles of each set: two sets that are alike share one of them.

use std::sync::atomic::{AtomicU64, Ordering};

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
    /// By rank, in chunks: their rare shingles that another set may have too, rarest first.
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
    /// Any order of shingles will do if it is the same for all sets; rarest first costs the least.
    /// How common a shingle is is estimated from a part of the sets, so that a small table tells.
    pub fn new(ctx: &Ctx, sets: &Sets, keys: &[u64], threshold: Threshold) -> Result<Self> {
        let size = |i: u32| sets.get(i as usize).len();
        let mut order: Vec<(usize, u64, u32)> = (0..sets.len() as u32)
            .map(|i| (size(i), keys[i as usize], i))
            .filter(|&(size, ..)| size > 0)
            .collect();
        order.sort_unstable();
        let order: Vec<u32> = order.into_iter().map(|(_, _, i)| i).collect();
        let common = Common::new(ctx, sets, keys)?;
        let chunks = par::map_chunks(ctx, order.len(), CHUNK, |a, b| -> Result<_> {
            let (mut rare, mut ends, mut others) = (Vec::new(), Vec::new(), Vec::new());
            for &i in &order[a..b] {
                let set = sets.get(i as usize);
                let start = rare.len();
                let long = threshold.prefix(set.len());
                others.clear();
                for &hash in set {
                    match common.rank(hash) {
                        0 if rare.len() - start == long => break,
                        0 => rare.push(Rare { hash, place: (rare.len() - start) as u32 }),
                        rank => others.push((rank, hash)),
                    }
                }
                let found = rare.len() - start;
                others.sort_unstable();
                let more = others.iter().take(long - found).zip(found as u32..);
                rare.extend(more.map(|(&(_, hash), place)| Rare { hash, place }));
                ends.push(rare.len());
                ctx.check()?;
            }
            Ok((rare, ends))
        })?;
        let chunks = chunks.into_iter().collect::<Result<Vec<_>>>()?;
        let (rare, ends) = chunks.into_iter().unzip();
        let mut all = Prefixes { order, rare, ends };
        all.drop_single(ctx)?;
        Ok(all)
    }

    /// Drops the shingles that are rare in one set alone: no pair is found by them. Most that pass
    /// for another by some bits of their hash do not by other bits.
    fn drop_single(&mut self, ctx: &Ctx) -> Result<()> {
        self.drop_unless_twice(ctx, 0)?;
        self.drop_unless_twice(ctx, 32)
    }

    fn drop_unless_twice(&mut self, ctx: &Ctx, turn: u32) -> Result<()> {
        let seen = Seen::new(ctx, &self.rare, turn)?;
        let mut chunks: Vec<_> = self.rare.iter_mut().zip(&mut self.ends).collect();
        par::fill_chunks(ctx, &mut chunks, 1, |_, chunk| {
            for (rare, ends) in chunk {
                let (mut kept, mut start) = (0, 0);
                for end in ends.iter_mut() {
                    for k in start..*end {
                        rare[kept] = rare[k];
                        kept += usize::from(seen.twice(rare[k].hash));
                    }
                    start = *end;
                    *end = kept;
                }
                rare.truncate(kept);
                rare.shrink_to_fit();
            }
        })
    }
}

/// How common shingles are, from sets that are picked by their content: counted by the high bits
/// of the hash, so that a rare one may pass for a common one, never the other way round.
struct Common {
    counts: Vec<u32>,
    shift: u32,
}

impl Common {
    fn new(ctx: &Ctx, sets: &Sets, keys: &[u64]) -> Result<Self> {
        let total = sets.total();
        let wanted = (total / 16).clamp(1 << 16, 1 << 21);
        let step = (total / wanted).max(1) as u64;
        let size = (2 * wanted).next_power_of_two();
        let mut common = Common { counts: vec![0; size], shift: 64 - size.trailing_zeros() };
        for chunk in (0..sets.len()).step_by(CHUNK) {
            ctx.check()?;
            let picked =
                (chunk..(chunk + CHUNK).min(sets.len())).filter(|&i| keys[i].is_multiple_of(step));
            for hash in picked.flat_map(|i| sets.get(i)) {
                common.counts[(hash >> common.shift) as usize] += 1;
            }
        }
        Ok(common)
    }

    /// Zero for what is rare.
    #[inline]
    fn rank(&self, hash: u64) -> u32 {
        self.counts[(hash >> self.shift) as usize] / 2
    }
}

/// Which shingles were seen more than once, or pass for it: two bits (seen, seen again) for each
/// value of the high bits of the hash, turned to the left.
struct Seen {
    bits: Vec<AtomicU64>,
    shift: u32,
    turn: u32,
}

impl Seen {
    fn new(ctx: &Ctx, rare: &[Vec<Rare>], turn: u32) -> Result<Self> {
        let total: usize = rare.iter().map(Vec::len).sum();
        let size = (4 * total).next_power_of_two().clamp(1 << 10, 1 << 32);
        let mut bits = Vec::new();
        bits.resize_with(size / 32, AtomicU64::default);
        let seen = Seen { bits, shift: 64 - size.trailing_zeros(), turn };
        par::map(ctx, rare.len(), |c| {
            for rare in &rare[c] {
                let (word, bit) = seen.place(rare.hash);
                if word.fetch_or(1 << bit, Ordering::Relaxed) >> bit & 1 == 1 {
                    word.fetch_or(2 << bit, Ordering::Relaxed);
                }
            }
        })?;
        Ok(seen)
    }

    #[inline]
    fn place(&self, hash: u64) -> (&AtomicU64, u64) {
        let slot = hash.rotate_left(self.turn) >> self.shift;
        (&self.bits[(slot / 32) as usize], slot % 32 * 2)
    }

    #[inline]
    fn twice(&self, hash: u64) -> bool {
        let (word, bit) = self.place(hash);
        word.load(Ordering::Relaxed) >> bit & 2 == 2
    }
}
