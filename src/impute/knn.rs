//! Missing cells from the nearest rows that have them (Troyanskaya et al. 2001).
//!
//! The distance is over the features that both rows have, scaled up to all of them (Dixon 1979).
//! Distances are used as they are made: what is kept is the k nearest a missing cell.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use ndarray::{ArrayView1, ArrayView2};

use crate::base::columns::map_columns;
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, par, stats};

/// Donors whose distances to one row are made together.
const LANES: usize = 8;
/// Rows that go through the donors together, so that each donor is read once for all of them.
const TILE: usize = 32;
/// Neighbours that such rows may hold at once: fewer rows where k is large.
const HELD: usize = 1 << 20;
/// Blocks of donors between two looks at the stop flag.
const LOOK: usize = 256;

/// A donor near a row: its squared distance and its row in the training data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Squared distance.
    pub square: f64,
    /// Row of the donor.
    pub row: usize,
}

impl Eq for Near {}

impl Ord for Near {
    fn cmp(&self, other: &Self) -> Ordering {
        self.square.total_cmp(&other.square).then(self.row.cmp(&other.row))
    }
}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How the neighbours' values are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// All alike.
    Uniform,
    /// By one over the distance; neighbours at no distance alone, if there are any.
    Distance,
}

/// The training rows, laid out for distances: by block of [`LANES`] rows, by feature, by row.
struct Donors {
    cells: Vec<[f64; LANES]>,
    /// Which features a row has, as bits: by block, by word, by row.
    present: Vec<[u64; LANES]>,
    blocks: usize,
    features: usize,
    words: usize,
    /// How many rows have each feature.
    counts: Vec<usize>,
}

impl Donors {
    fn new<T: Float>(ctx: &Ctx, fit: ArrayView2<T>) -> Result<Self> {
        let (n, features) = fit.dim();
        let (blocks, words) = (n.div_ceil(LANES), features.div_ceil(64));
        let mut cells = vec![[f64::NAN; LANES]; blocks * features];
        let mut present = vec![[0u64; LANES]; blocks * words];
        let mut counts = vec![0; features];
        for (i, row) in fit.rows().into_iter().enumerate() {
            if i % 4096 == 0 {
                ctx.check()?;
            }
            let (block, lane) = (i / LANES, i % LANES);
            for (f, &v) in row.iter().enumerate().filter(|(_, v)| !v.is_missing()) {
                cells[block * features + f][lane] = v.wide();
                present[block * words + f / 64][lane] |= 1 << (f % 64);
                counts[f] += 1;
            }
        }
        Ok(Donors { cells, present, blocks, features, words, counts })
    }

    /// Sums of squared differences to the rows of a block over shared features, and how many
    /// features those are.
    #[inline]
    fn distances(&self, block: usize, to: &Receiver) -> ([f64; LANES], [f64; LANES]) {
        let mut sums = [0.0; LANES];
        let cells = &self.cells[block * self.features..(block + 1) * self.features];
        for &(f, x) in &to.has {
            // By index, so that the sums stay in registers.
            let theirs = &cells[f];
            for lane in 0..LANES {
                let gap = theirs[lane] - x;
                let square = gap * gap;
                // False for NaN: a feature that the donor lacks adds nothing.
                sums[lane] += if square > 0.0 { square } else { 0.0 };
            }
        }
        let mut shared = [0u32; LANES];
        let present = &self.present[block * self.words..(block + 1) * self.words];
        for (theirs, ours) in present.iter().zip(&to.present) {
            for lane in 0..LANES {
                shared[lane] += (theirs[lane] & ours).count_ones();
            }
        }
        (sums, shared.map(|n| f64::from(n as i32)))
    }
}

/// A row with missing cells, and the best donors found so far for each of them.
struct Receiver {
    has: Vec<(usize, f64)>,
    present: Vec<u64>,
    cells: Vec<Cell>,
    /// A donor farther than this is of no use for any cell.
    limit: f64,
}

/// A missing cell: its column, how many donors it takes, and the nearest so far.
struct Cell {
    column: usize,
    wanted: usize,
    best: BinaryHeap<Near>,
}

impl Cell {
    /// The distance that a donor must beat.
    fn limit(&self) -> f64 {
        match self.best.peek() {
            Some(worst) if self.best.len() == self.wanted => worst.square,
            _ if self.wanted == 0 => f64::NEG_INFINITY,
            _ => f64::INFINITY,
        }
    }

    fn offer(&mut self, donor: Near) {
        if self.best.len() < self.wanted {
            self.best.push(donor);
        } else if let Some(mut worst) = self.best.peek_mut()
            && donor < *worst
        {
            *worst = donor;
        }
    }
}

impl Receiver {
    fn new<T: Float>(row: ArrayView1<T>, donors: &Donors, k: usize) -> Self {
        let mut present = vec![0u64; donors.words];
        let mut has = Vec::with_capacity(row.len());
        let mut cells = Vec::new();
        for (column, &v) in row.iter().enumerate() {
            if v.is_missing() {
                let wanted = k.min(donors.counts[column]);
                cells.push(Cell { column, wanted, best: BinaryHeap::new() });
            } else {
                has.push((column, v.wide()));
                present[column / 64] |= 1 << (column % 64);
            }
        }
        let mut made = Receiver { has, present, cells, limit: f64::NEG_INFINITY };
        made.set_limit();
        made
    }

    fn set_limit(&mut self) {
        self.limit = self.cells.iter().map(Cell::limit).fold(f64::NEG_INFINITY, f64::max);
    }

    /// Takes what is near enough from a block of donors.
    fn visit(&mut self, donors: &Donors, block: usize) {
        let (sums, shared) = donors.distances(block, self);
        let all = donors.features as f64;
        // Without division; the slack lets nothing slip that rounding would put in.
        let near = self.limit * (1.0 + 1e-9);
        let mut any = false;
        for lane in 0..LANES {
            any |= (shared[lane] > 0.0) & (sums[lane] * all <= near * shared[lane]);
        }
        if !any {
            return;
        }
        for lane in 0..LANES {
            let square = sums[lane] / shared[lane] * all;
            if shared[lane] == 0.0 || square > self.limit {
                continue;
            }
            let donor = Near { square, row: block * LANES + lane };
            for cell in &mut self.cells {
                if !donors.cells[block * donors.features + cell.column][lane].is_nan() {
                    cell.offer(donor);
                }
            }
            self.set_limit();
        }
    }
}

/// `finish(column, donors)` for every missing cell of `x`, by row and column, where `donors` are
/// the at most `k` nearest rows of `fit` that have that column, the nearest first (the earlier
/// row first among equals). Rows that share no feature with it are no donors.
pub fn search<T: Float, R: Send>(
    ctx: &Ctx,
    fit: ArrayView2<T>,
    x: ArrayView2<T>,
    k: usize,
    finish: impl Fn(usize, Vec<Near>) -> R + Sync + Send,
) -> Result<Vec<R>> {
    if fit.ncols() != x.ncols() {
        return Err(Error::Shape(format!(
            "the training rows have {} columns, the rows to impute {}",
            fit.ncols(),
            x.ncols()
        )));
    }
    if k == 0 {
        return Err(Error::Parameter("n_neighbors must be at least 1; got 0".into()));
    }
    let donors = Donors::new(ctx, fit)?;
    let holed = |i: &usize| x.row(*i).iter().any(|v| v.is_missing());
    let rows: Vec<usize> = (0..x.nrows()).filter(holed).collect();
    let a_row = k.min(fit.nrows()).max(1).saturating_mul(x.ncols().max(1));
    let tile = (HELD / a_row).clamp(1, TILE);
    ctx.set_total(rows.len() as u64);
    let parts = par::map_chunks(ctx, rows.len(), tile, |a, b| -> Result<Vec<R>> {
        let receive = |&i: &usize| Receiver::new(x.row(i), &donors, k);
        let mut receivers: Vec<Receiver> = rows[a..b].iter().map(receive).collect();
        for block in 0..donors.blocks {
            if block % LOOK == 0 {
                ctx.check()?;
            }
            for receiver in receivers.iter_mut().filter(|r| r.limit >= 0.0 && !r.has.is_empty()) {
                receiver.visit(&donors, block);
            }
        }
        ctx.advance((b - a) as u64)?;
        let cells = receivers.into_iter().flat_map(|r| r.cells);
        Ok(cells.map(|c| finish(c.column, c.best.into_sorted_vec())).collect())
    })?;
    let parts: Vec<Vec<R>> = parts.into_iter().collect::<Result<_>>()?;
    Ok(parts.into_iter().flatten().collect())
}

/// A value for every missing cell of `x`, by row and column: the average of its `k` nearest
/// donors; the column's mean in `fit` where there is none; NaN where `fit` lacks the column.
pub fn impute<T: Float>(
    ctx: &Ctx,
    fit: ArrayView2<T>,
    x: ArrayView2<T>,
    k: usize,
    weights: Weights,
) -> Result<Vec<f64>> {
    let means = map_columns(
        ctx,
        fit,
        |v: T| (v.wide(), !v.is_missing()),
        |values: &mut [f64]| stats::mean(values).unwrap_or(f64::NAN),
    )?;
    search(ctx, fit, x, k, |column, donors| {
        let value = |near: &Near| fit[[near.row, column]].wide();
        average(&donors, weights, value).unwrap_or(means[column])
    })
}

fn average(donors: &[Near], weights: Weights, value: impl Fn(&Near) -> f64) -> Option<f64> {
    let plain = || donors.iter().map(&value).sum::<f64>() / donors.len() as f64;
    if donors.is_empty() {
        return None;
    }
    if weights == Weights::Uniform {
        return Some(plain());
    }
    let mut by: Vec<f64> = donors.iter().map(|d| 1.0 / d.square.sqrt()).collect();
    if by.iter().any(|w| w.is_infinite()) {
        by.iter_mut().for_each(|w| *w = f64::from(u8::from(w.is_infinite())));
    }
    let total: f64 = by.iter().sum();
    let sum: f64 = donors.iter().zip(&by).map(|(d, w)| w * value(d)).sum();
    // All at an infinite distance: none counts more than another.
    Some(if total > 0.0 { sum / total } else { plain() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    const NAN: f64 = f64::NAN;

    fn random(seed: u64, n: usize, p: usize, holes: f64, levels: u64) -> Array2<f64> {
        let mut s = Stream::new(seed, 0, 0, 0);
        Array2::from_shape_fn(
            (n, p),
            |_| {
                if s.unit() < holes { NAN } else { s.below(levels) as f64 }
            },
        )
    }

    /// Every donor of one missing cell by sorting all distances.
    fn obvious(fit: &Array2<f64>, row: ArrayView1<f64>, column: usize, k: usize) -> Vec<Near> {
        let mut all: Vec<Near> = Vec::new();
        for (i, other) in fit.rows().into_iter().enumerate() {
            let both: Vec<(f64, f64)> = row
                .iter()
                .zip(other)
                .filter(|(a, b)| !a.is_nan() && !b.is_nan())
                .map(|(a, b)| (*a, *b))
                .collect();
            if other[column].is_nan() || both.is_empty() {
                continue;
            }
            let sum: f64 = both.iter().map(|(a, b)| (a - b) * (a - b)).sum();
            all.push(Near { square: sum / both.len() as f64 * row.len() as f64, row: i });
        }
        all.sort();
        all.truncate(k);
        all
    }

    proptest! {
        #[test]
        fn search_is_sorting_all_distances(
            seed in any::<u64>(), n in 1usize..40, m in 1usize..12, p in 1usize..6,
            k in 1usize..9, holes in 0.0f64..0.9,
        ) {
            let fit = random(seed, n, p, holes, 6);
            let x = random(seed ^ 1, m, p, holes, 6);
            let got = search(&Ctx::new(1), fit.view(), x.view(), k, |c, d| (c, d)).unwrap();
            let want: Vec<_> = x
                .rows()
                .into_iter()
                .flat_map(|r| (0..p).filter(move |&c| r[c].is_nan()).map(move |c| (c, r)))
                .map(|(c, r)| (c, obvious(&fit, r, c, k)))
                .collect();
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn more_features_than_a_word_has_bits() {
        let (fit, x) = (random(3, 70, 150, 0.3, 1000), random(4, 5, 150, 0.3, 1000));
        let got = search(&Ctx::new(1), fit.view(), x.view(), 4, |c, d| (c, d)).unwrap();
        let mut cells = got.into_iter();
        for row in x.rows() {
            for c in (0..150).filter(|&c| row[c].is_nan()) {
                assert_eq!(cells.next(), Some((c, obvious(&fit, row, c, 4))));
            }
        }
    }

    #[test]
    fn averages_and_fallbacks() {
        let fit = array![[1.0, 10.0, NAN], [2.0, 20.0, NAN], [4.0, NAN, NAN], [NAN, 60.0, NAN]];
        let x = array![[2.0, NAN, NAN], [NAN, NAN, NAN], [1.5, NAN, 1.0]];
        let get = |weights| impute(&Ctx::new(1), fit.view(), x.view(), 2, weights).unwrap();
        let uniform = get(Weights::Uniform);
        // Nothing shared with any row: the column's mean. No donor at all: NaN.
        assert_eq!(uniform[0], 15.0);
        assert!(uniform[1].is_nan() && uniform[4].is_nan());
        assert_eq!((uniform[2], uniform[3], uniform[5]), (7.0 / 3.0, 30.0, 15.0));
        let distance = get(Weights::Distance);
        assert_eq!((distance[0], distance[5]), (20.0, 15.0));
    }

    #[test]
    fn same_bits_on_any_number_of_threads_and_it_stops() {
        let x = random(9, 500, 7, 0.2, 1000);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let ctx = Ctx::new(threads);
            pool.install(|| impute(&ctx, x.view(), x.view(), 5, Weights::Distance).unwrap())
        };
        let bits = |v: Vec<f64>| v.into_iter().map(f64::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(on(1)), bits(on(3)));
        let ctx = Ctx::new(1);
        ctx.stop();
        let stopped = impute(&ctx, x.view(), x.view(), 5, Weights::Uniform);
        assert_eq!(stopped, Err(Error::Stopped));
        let zero = impute(&Ctx::new(1), x.view(), x.view(), 0, Weights::Uniform);
        assert!(matches!(zero, Err(Error::Parameter(_))));
    }
}
