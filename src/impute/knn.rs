//! Missing cells from the nearest rows that have them (Troyanskaya et al. 2001).
//!
//! The distance is over the features that both rows have, scaled up to all of them (Dixon 1979).
//! Distances are used as they are made: what is kept is the k nearest a missing cell. A first look
//! in single precision, with a bound on its error, leaves out the donors that are surely too far;
//! the others are measured in double precision, so that the result is exact.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use ndarray::{ArrayView1, ArrayView2};

use crate::base::columns::map_columns;
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, par, stats};

/// Donors that are compared with one row together.
const LANES: usize = 16;
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

/// The training rows, and a copy of them for the first look: each column about its mean, all by
/// one scale, by block of [`LANES`] rows, by feature, by row.
struct Donors<'a, T> {
    fit: ArrayView2<'a, T>,
    cells: Vec<[f32; LANES]>,
    /// How many features a row has, by block.
    known: Vec<[f32; LANES]>,
    /// How many rows have each feature.
    counts: Vec<usize>,
    means: Vec<f64>,
    scale: f64,
}

impl<'a, T: Float> Donors<'a, T> {
    fn new(ctx: &Ctx, fit: ArrayView2<'a, T>) -> Result<Self> {
        let (n, features) = fit.dim();
        let pick = |v: T| (v.wide(), !v.is_missing());
        let columns = map_columns(ctx, fit, pick, |values: &mut [f64]| {
            let mean = stats::mean(values).unwrap_or(0.0);
            let reach = values.iter().fold(0.0, |far: f64, v| far.max((v - mean).abs()));
            (values.len(), mean, reach)
        })?;
        let scale = columns.iter().fold(0.0, |far: f64, &(_, _, reach)| far.max(reach));
        let scale = if scale > 0.0 { scale } else { 1.0 };
        let blocks = n.div_ceil(LANES);
        let mut cells = vec![[f32::NAN; LANES]; blocks * features];
        let mut known = vec![[0f32; LANES]; blocks];
        for (i, row) in fit.rows().into_iter().enumerate() {
            if i % 4096 == 0 {
                ctx.check()?;
            }
            let (block, lane) = (i / LANES, i % LANES);
            for (f, &v) in row.iter().enumerate().filter(|(_, v)| !v.is_missing()) {
                cells[block * features + f][lane] = ((v.wide() - columns[f].1) / scale) as f32;
                known[block][lane] += 1.0;
            }
        }
        let counts = columns.iter().map(|c| c.0).collect();
        let means = columns.iter().map(|c| c.1).collect();
        Ok(Donors { fit, cells, known, counts, means, scale })
    }

    fn features(&self) -> usize {
        self.fit.ncols()
    }

    /// Which rows of a block may be near enough: none that is goes missing.
    #[inline]
    fn may_be_near(&self, block: usize, to: &Receiver) -> [bool; LANES] {
        let mut sums = [0f32; LANES];
        let cells = &self.cells[block * self.features()..(block + 1) * self.features()];
        for &(f, x) in &to.look {
            // By index, so that the sums stay in registers.
            let theirs = &cells[f];
            for lane in 0..LANES {
                let gap = theirs[lane] - x;
                let square = gap * gap;
                // False for NaN: a feature that the donor lacks adds nothing.
                sums[lane] += if square > 0.0 { square } else { 0.0 };
            }
        }
        let known = &self.known[block];
        let (own, slope, slack) = (to.look.len() as f32, to.slope, to.slack);
        let mut near = [false; LANES];
        for lane in 0..LANES {
            let shared = if known[lane] < own { known[lane] } else { own };
            near[lane] = sums[lane] <= slope * shared + slack;
        }
        near
    }

    /// The squared distance of a row, if it shares a feature.
    fn square(&self, row: usize, to: &Receiver) -> Option<f64> {
        let (mut sum, mut shared) = (0.0, 0.0);
        for &(f, x) in &to.has {
            let gap = self.fit[[row, f]].wide() - x;
            if !gap.is_nan() {
                sum += gap * gap;
                shared += 1.0;
            }
        }
        (shared > 0.0).then(|| sum / shared * self.features() as f64)
    }
}

/// A row with missing cells, and the best donors found so far for each of them.
struct Receiver {
    has: Vec<(usize, f64)>,
    /// The same for the first look.
    look: Vec<(usize, f32)>,
    /// How far off a distance at the first look may be, in its scale.
    error: f64,
    cells: Vec<Cell>,
    /// A donor farther than this is of no use for any cell.
    limit: f64,
    /// The limit at the first look: `slope` for each shared feature, and `slack`.
    slope: f32,
    slack: f32,
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
    fn new<T: Float>(row: ArrayView1<T>, donors: &Donors<T>, k: usize) -> Self {
        let mut has = Vec::with_capacity(row.len());
        let mut cells = Vec::new();
        for (column, &v) in row.iter().enumerate() {
            if v.is_missing() {
                let wanted = k.min(donors.counts[column]);
                cells.push(Cell { column, wanted, best: BinaryHeap::new() });
            } else {
                has.push((column, v.wide()));
            }
        }
        let look: Vec<(usize, f32)> =
            has.iter().map(|&(f, x)| (f, ((x - donors.means[f]) / donors.scale) as f32)).collect();
        // Half a unit in the last place of both numbers of each difference; donors are within 1.
        let error = |x: f32| (f64::from(x.abs()) + 1.0) * f64::from(f32::EPSILON);
        let error = look.iter().map(|&(_, x)| error(x).powi(2)).sum::<f64>().sqrt();
        let (limit, slope, slack) = (f64::NEG_INFINITY, 0.0, 0.0);
        let mut made = Receiver { has, look, error, cells, limit, slope, slack };
        made.set_limit(donors);
        made
    }

    fn set_limit<T: Float>(&mut self, donors: &Donors<T>) {
        self.limit = self.cells.iter().map(Cell::limit).fold(f64::NEG_INFINITY, f64::max);
        let all = donors.features() as f64;
        let limit = self.limit.max(0.0) / donors.scale / donors.scale;
        // The sum of a donor at the limit, its rounding, and the rounding of what goes in.
        let rounding = 1.0 + (all + 16.0) * f64::from(f32::EPSILON);
        let slope = limit / all * rounding;
        let slack = (2.0 * self.error * limit.sqrt() + self.error * self.error) * rounding;
        // What is too great for single precision is not left out at the first look.
        let usable = self.error < 1.0 && slope.is_finite() && donors.scale.is_finite();
        self.slope = if usable { slope as f32 } else { 0.0 };
        self.slack = if usable { slack as f32 * (1.0 + 2.0 * f32::EPSILON) } else { f32::INFINITY };
    }

    /// Takes what is near enough from a block of donors.
    fn visit<T: Float>(&mut self, donors: &Donors<T>, block: usize) {
        let near = donors.may_be_near(block, self);
        if !near.contains(&true) {
            return;
        }
        let first = block * LANES;
        let rows = first..(first + LANES).min(donors.fit.nrows());
        for row in rows.filter(|row| near[row - first]) {
            let Some(square) = donors.square(row, self) else { continue };
            if square > self.limit {
                continue;
            }
            for cell in &mut self.cells {
                if !donors.fit[[row, cell.column]].is_missing() {
                    cell.offer(Near { square, row });
                }
            }
            self.set_limit(donors);
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
        for block in 0..donors.known.len() {
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
            k in 1usize..9, holes in 0.0f64..0.9, levels in prop_oneof![Just(6u64), Just(1 << 40)],
            unit in prop_oneof![4 => Just(1.0), 1 => Just(1e-160), 1 => Just(1e-9), 1 => Just(1e140)],
            from in prop_oneof![2 => Just(0.0), 1 => Just(1e9)],
            far in prop_oneof![3 => Just(1.0), 1 => Just(1e30)],
        ) {
            // Columns of unlike units, far from zero, and rows far from all donors.
            let place = |column: usize, v: f64| (v + from) * if column == 1 { unit } else { 1.0 };
            let mut fit = random(seed, n, p, holes, levels);
            let mut x = random(seed ^ 1, m, p, holes, levels);
            fit.indexed_iter_mut().for_each(|((_, c), v)| *v = place(c, *v));
            x.indexed_iter_mut().for_each(|((_, c), v)| *v = place(c, *v * far));
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
    fn the_first_look_allows_for_its_rounding() {
        // Two heaps far apart: single precision cannot tell the rows of one from each other.
        for seed in 0..20 {
            let mut fit = random(seed, 200, 3, 0.1, 1 << 20);
            fit.mapv_inplace(|v| (v % 2.0) * 1e7 + v / 1e6);
            let mut x = fit.slice(ndarray::s![..20, ..]).to_owned();
            x.column_mut(0).fill(NAN);
            let mut got =
                search(&Ctx::new(1), fit.view(), x.view(), 3, |_, d| d).unwrap().into_iter();
            for row in x.rows() {
                for c in (0..3).filter(|&c| row[c].is_nan()) {
                    assert_eq!(got.next(), Some(obvious(&fit, row, c, 3)));
                }
            }
        }
    }

    #[test]
    fn many_features() {
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
