//! A few numbers a point, whose sum of products bounds that of the points themselves.

use super::directions::leading;
use super::points::{Points, spread};
use super::tile::{Machine, Task, dispatch};
use crate::base::{Ctx, Result, par};

/// The most directions looked at.
const MOST: usize = 160;
/// Directions between two plans that are weighed up.
const STEP: usize = 8;
/// Points a side on whose pairs the plans are tried.
const TRIED: usize = 300;
/// Below so many products in all there is nothing to save.
const SMALL: f64 = 3e8;
const EPSILON: f64 = f32::EPSILON as f64;

/// Sketches of points: `dot(sketch of x, sketch of y) >= x.y` but for rounding, for which
/// [`Sketches::room`] leaves room.
///
/// A sketch is what the point is along a few directions, and the length of what is left of it:
/// by the inequality of Cauchy and Schwarz, what is left of two points adds no more than the
/// product of these lengths.
pub(super) struct Sketches {
    /// `width` numbers a point.
    pub(super) cells: Vec<f32>,
    pub(super) width: usize,
    /// The rounding of a bound, as a share of the squared lengths of the two points.
    pub(super) room: f64,
}

impl Sketches {
    /// Sketches whose length is chosen by what is least work for pairs within `reach`.
    pub(super) fn new(
        ctx: &Ctx,
        points: &Points,
        reach: f64,
        left: &[u32],
        right: &[u32],
    ) -> Result<Sketches> {
        let width = points.width;
        let most = MOST.min(width / 2) / STEP * STEP;
        if most == 0 || (left.len() * width) as f64 * (right.len() as f64) < SMALL {
            return Ok(whole(points));
        }
        let axes = leading(ctx, points, most)?;
        match plan(points, &axes, reach, left, right) {
            Some(count) => shortened(ctx, points, &axes[..count * width]),
            None => Ok(whole(points)),
        }
    }

    pub(super) fn row(&self, i: usize) -> &[f32] {
        &self.cells[i * self.width..(i + 1) * self.width]
    }
}

/// What a sum of `terms` products in single precision may be off by, as a share of both lengths.
pub(super) fn rounding(terms: usize) -> f64 {
    (terms as f64 + 4.0) * EPSILON
}

/// The points themselves.
fn whole(points: &Points) -> Sketches {
    Sketches { cells: points.rows.clone(), width: points.width, room: rounding(points.width) }
}

fn shortened(ctx: &Ctx, points: &Points, axes: &[f32]) -> Result<Sketches> {
    let count = axes.len() / points.width;
    let width = count + 1;
    // How far off the numbers along all directions together may be, as a share of the length: the
    // directions are rounded, and so are the sums.
    let error = (count as f64).sqrt() * (EPSILON + rounding(points.width));
    let error = 2.0 * error + error * error;
    let mut cells = vec![0f32; points.len() * width];
    par::fill_chunks(ctx, &mut cells, 256 * width, |start, out| {
        dispatch(Project { points, axes, first: start / width, out });
        for (k, sketch) in out.chunks_mut(width).enumerate() {
            let square = points.squares[start / width + k];
            let along: f64 = sketch[..count].iter().map(|&x| f64::from(x).powi(2)).sum();
            sketch[count] = ((square - along).max(0.0) + error * square).sqrt() as f32;
        }
    })?;
    Ok(Sketches { cells, width, room: error + rounding(width) })
}

/// Writes each point's numbers along the directions, one cell more a point left as it is.
struct Project<'a> {
    points: &'a Points,
    axes: &'a [f32],
    first: usize,
    out: &'a mut [f32],
}

impl Task for Project<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine>(self, machine: M) {
        let width = self.points.width;
        let count = self.axes.len() / width;
        for (k, out) in self.out.chunks_mut(count + 1).enumerate() {
            let row = self.points.row(self.first + k);
            for (cell, axis) in out.iter_mut().zip(self.axes.chunks(width)) {
                *cell = machine.dot(row, axis);
            }
        }
    }
}

/// How many of the directions to use: tried on pairs of a sample. `None` where no sketch pays.
fn plan(points: &Points, axes: &[f32], reach: f64, left: &[u32], right: &[u32]) -> Option<usize> {
    let width = points.width;
    let most = axes.len() / width;
    let plans = most / STEP;
    let pick = |from: &[u32]| -> Vec<usize> {
        spread(from.len(), TRIED).map(|k| from[k] as usize).collect()
    };
    let (one, other) = (pick(left), pick(right));
    let sketch = |items: &[usize]| -> Vec<(Vec<f32>, Vec<f64>)> {
        items.iter().map(|&i| tried(points, axes, i)).collect()
    };
    let (ours, theirs) = (sketch(&one), sketch(&other));
    let (mut kept, mut pairs) = (vec![0usize; plans], 0usize);
    for (i, (x, x_left)) in one.iter().zip(&ours) {
        for (j, (y, y_left)) in other.iter().zip(&theirs) {
            if i == j {
                continue;
            }
            pairs += 1;
            let limit = (points.squares[*i] + points.squares[*j] - reach * reach) / 2.0;
            let mut sum = 0f32;
            for p in 0..plans {
                let part = p * STEP..(p + 1) * STEP;
                sum += x[part.clone()].iter().zip(&y[part]).map(|(a, b)| a * b).sum::<f32>();
                if f64::from(sum) + x_left[p] * y_left[p] < limit {
                    break;
                }
                kept[p] += 1;
            }
        }
    }
    // In products of the first look, a lane of a register each; a second look is at one pair.
    let second = 1600.0 + 4.0 * width as f64;
    let cost = |p: usize| ((p + 1) * STEP) as f64 + second * kept[p] as f64 / pairs.max(1) as f64;
    let best = (0..plans).min_by(|&a, &b| cost(a).total_cmp(&cost(b)))?;
    (cost(best) < width as f64).then_some((best + 1) * STEP)
}

/// A point along the directions, and the length left after each plan.
fn tried(points: &Points, axes: &[f32], i: usize) -> (Vec<f32>, Vec<f64>) {
    let row = points.row(i);
    let along: Vec<f32> = axes
        .chunks(points.width)
        .map(|axis| row.iter().zip(axis).map(|(x, a)| x * a).sum())
        .collect();
    let mut rest = points.squares[i];
    let left = along.chunks(STEP).map(|part| {
        rest -= part.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
        rest.max(0.0).sqrt()
    });
    let left = left.collect();
    (along, left)
}
