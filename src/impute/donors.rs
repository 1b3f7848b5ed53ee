//! Donors of missing cells, and the search for the nearest of them.
//!
//! A first look in single precision, with a bound on its error, leaves out the donors that are
//! surely too far; the others are measured in double precision, so that the result is exact.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use ndarray::{ArrayView1, ArrayView2};

use crate::base::columns::map_columns;
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, stats};

/// Donors that are compared with one row together.
const LANES: usize = 16;

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

/// The training rows, and a copy of them for the first look: each column about its mean, all by
/// one scale (categories as they are), by block of [`LANES`] rows, by feature, by row.
pub(super) struct Donors<'a, T> {
    fit: ArrayView2<'a, T>,
    /// Which features are categories: of these any two that differ are 1 apart.
    named: &'a [bool],
    cells: Vec<[f32; LANES]>,
    /// How many features a row has, by block.
    known: Vec<[f32; LANES]>,
    /// How many rows have each feature.
    counts: Vec<usize>,
    means: Vec<f64>,
    scale: f64,
}

impl<'a, T: Float> Donors<'a, T> {
    /// `named` tells which features are categories; it may be empty where none is.
    pub(super) fn new(ctx: &Ctx, fit: ArrayView2<'a, T>, named: &'a [bool]) -> Result<Self> {
        let (n, features) = fit.dim();
        if !named.is_empty() && named.len() != features {
            let told = named.len();
            return Err(Error::Shape(format!(
                "{features} columns, but the kind of {told} is given"
            )));
        }
        let is_named = |f: usize| named.get(f).is_some_and(|&named| named);
        let pick = |v: T| (v.wide(), !v.is_missing());
        let columns = map_columns(ctx, fit, pick, |values: &mut [f64]| {
            let mean = stats::mean(values).unwrap_or(0.0);
            let reach = values.iter().fold(0.0, |far: f64, v| far.max((v - mean).abs()));
            (values.len(), mean, reach)
        })?;
        let numbers = columns.iter().enumerate().filter(|(f, _)| !is_named(*f));
        let scale = numbers.fold(0.0, |far: f64, (_, &(_, _, reach))| far.max(reach));
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
                let v = v.wide();
                let look = if is_named(f) { v } else { (v - columns[f].1) / scale };
                cells[block * features + f][lane] = look as f32;
                known[block][lane] += 1.0;
            }
        }
        let counts = columns.iter().map(|c| c.0).collect();
        let means = columns.iter().map(|c| c.1).collect();
        Ok(Donors { fit, named, cells, known, counts, means, scale })
    }

    pub(super) fn blocks(&self) -> usize {
        self.known.len()
    }

    fn features(&self) -> usize {
        self.fit.ncols()
    }

    fn is_named(&self, feature: usize) -> bool {
        self.named.get(feature).is_some_and(|&named| named)
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
        if !to.named.is_empty() {
            let apart = (1.0 / self.scale / self.scale) as f32;
            for &(f, x) in &to.named {
                let (theirs, x) = (&cells[f], x as f32);
                for lane in 0..LANES {
                    let gap = (theirs[lane] - x).abs();
                    sums[lane] += if gap > 0.0 { apart } else { 0.0 }; // 0 for NaN
                }
            }
        }
        let known = &self.known[block];
        let own = (to.look.len() + to.named.len()) as f32;
        let (slope, slack) = (to.slope, to.slack);
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
        for &(f, x) in &to.named {
            let theirs = self.fit[[row, f]].wide();
            if !theirs.is_nan() {
                sum += f64::from(u8::from(theirs != x));
                shared += 1.0;
            }
        }
        (shared > 0.0).then(|| sum / shared * self.features() as f64)
    }
}

/// A row with missing cells, and the best donors found so far for each of them.
pub(super) struct Receiver {
    has: Vec<(usize, f64)>,
    /// Its categories.
    named: Vec<(usize, f64)>,
    /// Its numbers for the first look.
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
    pub(super) fn new<T: Float>(row: ArrayView1<T>, donors: &Donors<T>, k: usize) -> Self {
        let mut has = Vec::with_capacity(row.len());
        let (mut named, mut cells) = (Vec::new(), Vec::new());
        for (column, &v) in row.iter().enumerate() {
            if v.is_missing() {
                let wanted = k.min(donors.counts[column]);
                cells.push(Cell { column, wanted, best: BinaryHeap::new() });
            } else if donors.is_named(column) {
                named.push((column, v.wide()));
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
        let mut made = Receiver { has, named, look, error, cells, limit, slope, slack };
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

    /// Whether any donor could fill any of its cells.
    pub(super) fn can_be_filled(&self) -> bool {
        self.limit >= 0.0 && !(self.has.is_empty() && self.named.is_empty())
    }

    /// Each missing cell's column and its donors, the nearest first.
    pub(super) fn found(self) -> impl Iterator<Item = (usize, Vec<Near>)> {
        self.cells.into_iter().map(|c| (c.column, c.best.into_sorted_vec()))
    }

    /// Takes what is near enough from a block of donors.
    pub(super) fn visit<T: Float>(&mut self, donors: &Donors<T>, block: usize) {
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
