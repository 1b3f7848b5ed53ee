//! The join by MinHash and bands (Broder 1997; Indyk and Motwani 1998), every candidate verified.
//!
//! What it finds are pairs indeed; some are missed, and how many is known beforehand.

use super::bounds::Threshold;
use super::pairs::{Pair, Pairs, Sides};
use super::sets::Sets;
use crate::base::rng::Stream;
use crate::base::{Ctx, Result, hash, par};

/// The share of pairs at the very threshold that the bands are to find.
const RECALL: f64 = 0.97;
/// Values of a signature, at most.
const VALUES: usize = 400;
/// Sets that are worked on between two looks at the stop flag.
const CHUNK: usize = 64;
/// Candidates between two looks at the stop flag.
const CANDIDATES: usize = 1 << 14;
/// The operation of the random stream.
const OP: u64 = 0x6d69_6e68;

/// How signatures are cut: so many bands of so many values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bands {
    count: usize,
    width: usize,
}

impl Bands {
    /// The widest bands (fewest false candidates) that find the share of pairs wanted.
    pub fn new(threshold: Threshold) -> Self {
        let needed = |width: usize| {
            let hit = threshold.value().powi(width as i32);
            let count =
                if hit >= RECALL { 1.0 } else { ((1.0 - RECALL).ln() / (-hit).ln_1p()).ceil() };
            Bands { count: count.min(VALUES as f64) as usize, width }
        };
        let fitting = (1..=VALUES).rev().map(needed).find(|b| b.count * b.width <= VALUES);
        fitting.unwrap_or(Bands { count: VALUES, width: 1 })
    }

    /// The share of pairs of a similarity that is expected to be found.
    pub fn recall(self, similarity: f64) -> f64 {
        1.0 - (1.0 - similarity.powi(self.width as i32)).powi(self.count as i32)
    }
}

/// Pairs at or above the threshold, about `bands.recall(threshold)` of them or more.
pub fn join(
    ctx: &Ctx,
    sets: &Sets,
    sides: Sides,
    threshold: Threshold,
    seed: u64,
    pairs: &Pairs,
) -> Result<Vec<Pair>> {
    let bands = Bands::new(threshold);
    ctx.set_total((sets.len() + bands.count) as u64);
    let keys = band_keys(ctx, sets, bands, seed)?;
    let key = |i: u32, band: usize| keys[i as usize * bands.count + band];
    let found = par::map(ctx, bands.count, |band| -> Result<_> {
        let filled = (0..sets.len() as u32).filter(|&i| !sets.get(i as usize).is_empty());
        let mut order: Vec<(u32, u32)> = filled.map(|i| (key(i, band), i)).collect();
        order.sort_unstable();
        let mut found = Vec::new();
        let mut looked = 0;
        for same in order.chunk_by(|x, y| x.0 == y.0) {
            for (k, &(_, j)) in same.iter().enumerate() {
                for &(_, i) in &same[..k] {
                    looked += 1;
                    if looked % CANDIDATES == 0 {
                        ctx.check()?;
                    }
                    // Seen in an earlier band already?
                    let again = (0..band).any(|b| key(i, b) == key(j, b));
                    if again || !sides.may_pair(i, j) {
                        continue;
                    }
                    let (one, other) = (sets.get(i as usize), sets.get(j as usize));
                    let least = threshold.overlap(one.len() + other.len());
                    if let Some(pair) = Pair::new(i, j, one, other, least) {
                        pairs.count(1)?;
                        found.push(pair);
                    }
                }
            }
        }
        ctx.advance(1)?;
        Ok(found)
    })?;
    Ok(found.into_iter().collect::<Result<Vec<_>>>()?.concat())
}

/// A hash of each band of each set's signature.
fn band_keys(ctx: &Ctx, sets: &Sets, bands: Bands, seed: u64) -> Result<Vec<u32>> {
    let values = bands.count * bands.width;
    let mut stream = Stream::new(seed, OP, 0, 0);
    let draws: Vec<(u64, u64)> = (0..values).map(|_| (stream.word() | 1, stream.word())).collect();
    let mut keys = vec![0u32; sets.len() * bands.count];
    par::fill_chunks(ctx, &mut keys, CHUNK * bands.count, |start, out| {
        let mut least = vec![u32::MAX; values];
        for (k, keys) in out.chunks_mut(bands.count).enumerate() {
            if ctx.stopped() {
                return;
            }
            least.fill(u32::MAX);
            for &h in sets.get(start / bands.count + k) {
                for (least, &(factor, shift)) in least.iter_mut().zip(&draws) {
                    let value = (h.wrapping_mul(factor).wrapping_add(shift) >> 32) as u32;
                    *least = value.min(*least);
                }
            }
            for (key, band) in keys.iter_mut().zip(least.chunks(bands.width)) {
                *key = (band.iter().fold(0, |h, &v| hash::mix(h, u64::from(v))) >> 32) as u32;
            }
        }
        let _ = ctx.advance((out.len() / bands.count) as u64);
    })?;
    ctx.check()?;
    Ok(keys)
}
