//! The exact join: every pair of sets at or above a threshold (Bayardo, Ma and Srikant 2007; Xiao,
//! Wang, Lin and Yu 2008).
//!
//! Two sets that are alike share one of their rarest shingles, so an index of those gives every
//! candidate. Sizes, the places of what is shared and a sketch of each set (Sandes, Teodoro and Melo
//! 2020) rule most of them out; the rest are compared whole.

use super::bounds::Threshold;
use super::pairs::{Pair, Pairs, Sides};
use super::prefix::Prefixes;
use super::sets::Sets;
use crate::base::{Ctx, Result, par};

/// Sets that one task looks up.
const CHUNK: usize = 512;
/// Hits between two looks at the stop flag.
const HITS: usize = 1 << 20;
/// Of so many sets one is looked up to estimate what the join costs, where there are many.
const SAMPLE: usize = 16;

/// In place of how many shingles are shared: too few to be a pair.
const GIVEN_UP: u32 = u32::MAX;

/// A rare shingle in the index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    hash: u64,
    rank: u32,
    place: u32,
}

/// The join, ready to run.
#[derive(Debug)]
pub struct Join<'a> {
    sets: &'a Sets,
    sides: Sides<'a>,
    threshold: Threshold,
    prefixes: Prefixes,
    /// Entries by the high bits of their hash, then by hash and rank, and where each part starts.
    entries: Vec<Entry>,
    starts: Vec<u32>,
    shift: u32,
    /// The size of each rank's set, and for each of its bits whether an odd number of hashes has it.
    sizes: Vec<u32>,
    sketches: Vec<[u64; 2]>,
    /// The first rank of a set of at least a size.
    ranks: Vec<u32>,
    /// The least overlap of a pair by the sum of its sizes.
    least: Vec<u32>,
}

impl<'a> Join<'a> {
    /// Indexes the sets; `keys` hash their contents.
    pub fn new(
        ctx: &Ctx,
        sets: &'a Sets,
        keys: &[u64],
        sides: Sides<'a>,
        threshold: Threshold,
    ) -> Result<Self> {
        let prefixes = Prefixes::new(ctx, sets, keys, threshold)?;
        let size = |&i: &u32| sets.get(i as usize).len() as u32;
        let sizes: Vec<u32> = prefixes.order.iter().map(size).collect();
        let (n, largest) = (sizes.len(), sizes.last().map_or(0, |&s| s as usize));
        let mut ranks = vec![n as u32; largest + 1];
        for rank in (0..n).rev() {
            ranks[sizes[rank] as usize] = rank as u32;
        }
        for s in (1..ranks.len()).rev() {
            ranks[s - 1] = ranks[s - 1].min(ranks[s]);
        }
        let least = |sizes| if sizes == 0 { 0 } else { threshold.overlap(sizes) as u32 };
        let least: Vec<u32> = (0..=2 * largest).map(least).collect();
        let mut sketches = vec![[0; 2]; n];
        par::fill_chunks(ctx, &mut sketches, CHUNK, |start, out| {
            for (rank, sketch) in (start..).zip(out) {
                // A set without a shared shingle is never met.
                if !prefixes.get(rank).is_empty() {
                    *sketch = parities(sets.get(prefixes.order[rank] as usize));
                }
            }
        })?;
        let indexed = |rank: usize| {
            let size = sizes[rank];
            let short = size + 1 - least[2 * size as usize];
            prefixes.get(rank).iter().take_while(move |r| r.place < short)
        };
        let (entries, starts, shift) = index(ctx, n, indexed)?;
        Ok(Join {
            sets,
            sides,
            threshold,
            prefixes,
            entries,
            starts,
            shift,
            sizes,
            sketches,
            ranks,
            least,
        })
    }

    /// The indexed sets before `rank`, from rank `from` on, that have a shingle.
    fn hits(&self, hash: u64, from: u32, rank: u32) -> &[Entry] {
        let part = (hash >> self.shift) as usize;
        let part = &self.entries[self.starts[part] as usize..self.starts[part + 1] as usize];
        let start = part.partition_point(|e| (e.hash, e.rank) < (hash, from));
        let end = start + part[start..].partition_point(|e| (e.hash, e.rank) < (hash, rank));
        &part[start..end]
    }

    /// The set of a rank, and the least rank of its partners.
    fn set(&self, rank: usize) -> (&[u64], u32) {
        let set = self.sets.get(self.prefixes.order[rank] as usize);
        (set, self.ranks[self.threshold.size(set.len())])
    }

    /// How many hits the join has to look at, about.
    pub fn hits_expected(&self, ctx: &Ctx) -> Result<u64> {
        let n = self.prefixes.order.len();
        let step = if n < SAMPLE * CHUNK { 1 } else { SAMPLE };
        let counted = par::map_chunks(ctx, n.div_ceil(step), CHUNK, |a, b| {
            let mut hits = 0;
            for rank in (a..b).map(|k| k * step) {
                let (_, from) = self.set(rank);
                for rare in self.prefixes.get(rank) {
                    hits += self.hits(rare.hash, from, rank as u32).len() as u64;
                }
            }
            hits
        })?;
        Ok(counted.iter().sum::<u64>() * step as u64)
    }

    /// Every pair.
    pub fn run(&self, ctx: &Ctx, pairs: &Pairs) -> Result<Vec<Pair>> {
        let n = self.prefixes.order.len();
        ctx.set_total(n as u64);
        // Each task clears a table of all sets: the more there are, the fewer tasks.
        let found = par::map_chunks(ctx, n, CHUNK.max(n / 256), |a, b| -> Result<_> {
            let mut met = Met { shared: vec![0; n], ranks: Vec::new() };
            let mut found = Vec::new();
            for rank in a..b {
                self.meet(ctx, rank, &mut met)?;
                self.compare(ctx, rank, &mut met, &mut found)?;
                ctx.advance(1)?;
            }
            pairs.count(found.len())?;
            Ok(found)
        })?;
        Ok(found.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    /// Counts the rare shingles that a set shares with each set before it, and gives up those that
    /// cannot share enough: what comes before a shared one is behind them, unshared.
    fn meet(&self, ctx: &Ctx, rank: usize, met: &mut Met) -> Result<()> {
        let (set, from) = self.set(rank);
        let least = &self.least[set.len()..];
        for rare in self.prefixes.get(rank) {
            let left = set.len() as u32 - rare.place;
            for hits in self.hits(rare.hash, from, rank as u32).chunks(HITS) {
                ctx.check()?;
                for hit in hits {
                    let shared = &mut met.shared[hit.rank as usize];
                    if *shared == GIVEN_UP {
                        continue;
                    }
                    if *shared == 0 {
                        met.ranks.push(hit.rank);
                    }
                    let size = self.sizes[hit.rank as usize];
                    let most = *shared + left.min(size - hit.place);
                    *shared = if most < least[size as usize] { GIVEN_UP } else { *shared + 1 };
                }
            }
        }
        Ok(())
    }

    /// Appends the pairs of a set with those it met, and forgets these.
    fn compare(&self, ctx: &Ctx, rank: usize, met: &mut Met, found: &mut Vec<Pair>) -> Result<()> {
        let (set, _) = self.set(rank);
        let own = self.prefixes.order[rank];
        for (k, &other) in met.ranks.iter().enumerate() {
            if k % 4096 == 4095 {
                ctx.check()?;
            }
            let shared = std::mem::take(&mut met.shared[other as usize]);
            let sizes = set.len() + self.sizes[other as usize] as usize;
            let least = self.least[sizes] as usize;
            let apart = apart(self.sketches[rank], self.sketches[other as usize]);
            if shared == GIVEN_UP || apart > sizes - 2 * least {
                continue;
            }
            let partner = self.prefixes.order[other as usize];
            if self.sides.may_pair(own, partner) {
                found.extend(Pair::new(own, partner, set, self.sets.get(partner as usize), least));
            }
        }
        met.ranks.clear();
        Ok(())
    }
}

/// The sets that share a rare shingle with the one looked up: how many they share, by rank.
struct Met {
    shared: Vec<u32>,
    ranks: Vec<u32>,
}

/// A set in 128 bits: whether each is taken by an odd number of hashes.
fn parities(set: &[u64]) -> [u64; 2] {
    let mut out = [0; 2];
    for &hash in set {
        out[(hash & 1) as usize] ^= 1 << (hash >> 1 & 63);
    }
    out
}

/// At least so many shingles stand in one of two sets alone.
fn apart(one: [u64; 2], other: [u64; 2]) -> usize {
    ((one[0] ^ other[0]).count_ones() + (one[1] ^ other[1]).count_ones()) as usize
}

type Index = (Vec<Entry>, Vec<u32>, u32);

/// Entries in parts of their own high bits, each sorted.
fn index<'r, I: Iterator<Item = &'r super::prefix::Rare>>(
    ctx: &Ctx,
    n: usize,
    rare: impl Fn(usize) -> I + Sync,
) -> Result<Index> {
    let total: usize = (0..n).map(|rank| rare(rank).count()).sum();
    if total > u32::MAX as usize {
        return Err(crate::base::Error::Data(
            "the texts have too many shingles in common to be indexed: raise the threshold".into(),
        ));
    }
    let parts = total.next_power_of_two().clamp(2, 1 << 26);
    let shift = 64 - parts.trailing_zeros();
    let mut starts = vec![0u32; parts + 1];
    for chunk in (0..n).step_by(CHUNK) {
        ctx.check()?;
        for r in (chunk..(chunk + CHUNK).min(n)).flat_map(&rare) {
            starts[(r.hash >> shift) as usize + 1] += 1;
        }
    }
    for p in 0..parts {
        starts[p + 1] += starts[p];
    }
    let mut next = starts.clone();
    let mut entries = vec![Entry::default(); total];
    for chunk in (0..n).step_by(CHUNK) {
        ctx.check()?;
        for rank in chunk..(chunk + CHUNK).min(n) {
            for r in rare(rank) {
                let place = &mut next[(r.hash >> shift) as usize];
                entries[*place as usize] =
                    Entry { hash: r.hash, rank: rank as u32, place: r.place };
                *place += 1;
            }
        }
    }
    for part in starts.windows(2) {
        entries[part[0] as usize..part[1] as usize].sort_unstable();
    }
    Ok((entries, starts, shift))
}
