//! The parameters in blocks, each with its gradient and the memory of its steps.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, s};

use super::layers::{Num, Places, Shape, Table};
use super::optim::Step;

/// Weights in a block, about, and blocks in a layer at most.
const BLOCK: usize = 3000;
const BLOCKS: usize = 8;

/// A block of weights, or the biases of a layer, with what its step needs.
pub struct Job<'a, T> {
    layer: usize,
    /// The first unit and the number of units that the weights lead from; `None` for biases.
    from: Option<(usize, usize)>,
    w: &'a mut [T],
    g: &'a mut [T],
    m: &'a mut [T],
    v: &'a mut [T],
}

/// Cuts the parameters, the gradient and the two memories into blocks, by the shape alone.
pub fn jobs_of<'a, T: Num>(
    shape: &Shape,
    (mut w, mut g, mut m, mut v): (&'a mut [T], &'a mut [T], &'a mut [T], &'a mut [T]),
) -> Vec<Job<'a, T>> {
    let mut jobs = Vec::new();
    let mut next = |layer, from, size| {
        let (w, g) = (first_of(&mut w, size), first_of(&mut g, size));
        let (m, v) = (first_of(&mut m, size), first_of(&mut v, size));
        jobs.push(Job { layer, from, w, g, m, v });
    };
    for layer in 0..shape.layers() {
        let (units, width) = (shape.widths[layer], shape.widths[layer + 1]);
        let blocks = (units * width / BLOCK).clamp(1, BLOCKS);
        let size = units.div_ceil(blocks);
        for first in (0..units).step_by(size) {
            let count = size.min(units - first);
            next(layer, Some((first, count)), count * width);
        }
    }
    for layer in 0..shape.layers() {
        next(layer, None, shape.widths[layer + 1]);
    }
    jobs
}

/// Takes the first items off a slice (all, where there are fewer).
fn first_of<'a, T>(rest: &mut &'a mut [T], size: usize) -> &'a mut [T] {
    let all = std::mem::take(rest);
    let (first, after) = all.split_at_mut(size.min(all.len()));
    *rest = after;
    first
}

impl<T: Num> Job<'_, T> {
    /// Makes the gradient of the rows in the workspace and takes a step by it, or adds it to the
    /// gradient so far; returns the sum of the squares of the weights before.
    pub fn run(
        &mut self,
        x: &Table<T>,
        rows: &[usize],
        places: &Places,
        area: ArrayView2<T>,
        step: Option<Step>,
    ) -> f64 {
        let slopes = area.slice(s![.., places.slope[self.layer].clone()]);
        if step.is_some() {
            self.g.fill(T::zero());
        }
        let Some((first, count)) = self.from else {
            for row in slopes.rows() {
                self.g.iter_mut().zip(row).for_each(|(g, d)| *g = *g + *d);
            }
            if let Some(step) = step {
                step.of_biases().take(self.w, self.g, self.m, self.v);
            }
            return 0.0;
        };
        self.add_gradient(x, rows, places, area, (first, count));
        let Some(step) = step else { return 0.0 };
        let squares = self.w.iter().map(|w| w.wide() * w.wide()).sum();
        step.take(self.w, self.g, self.m, self.v);
        squares
    }

    fn add_gradient(
        &mut self,
        x: &Table<T>,
        rows: &[usize],
        places: &Places,
        area: ArrayView2<T>,
        (first, count): (usize, usize),
    ) {
        let slopes = area.slice(s![.., places.slope[self.layer].clone()]);
        let width = slopes.ncols();
        let Ok(mut g) = ArrayViewMut2::from_shape((count, width), &mut *self.g) else {
            return; // a block is whole rows
        };
        if self.layer == 0 && matches!(x, Table::Sparse(_)) {
            for (row, slope) in rows.iter().zip(slopes.rows()) {
                x.cells(*row, first..first + count, |column, value| {
                    g.row_mut(column - first).scaled_add(value, &slope);
                });
            }
            return;
        }
        let from = places.said[self.layer].start + first;
        let said = area.slice(s![.., from..from + count]);
        general_mat_mul(T::one(), &said.t(), &slopes, T::one(), &mut g);
    }
}
