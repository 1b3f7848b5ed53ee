//! Scores of rows by isolation trees: blocks of rows by trees.

use ndarray::{ArrayView2, s};

use super::{Cut, Cuts, Term, Tree, single, sum};
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, par};

/// Rows that go down a tree side by side, so that one need not wait for the other's memory.
const LANES: usize = 8;
/// Cells of a block of rows: with a tree they stay in the first cache.
const CELLS: usize = 4096;
/// Rows between two looks at the stop flag.
const ROWS: usize = 1024;

/// The anomaly score of each row, 2 to the power of minus its way as a share of the average way:
/// near 1 for outliers, 0.5 and less for the rest. A row scores the same alone and in a batch.
pub fn score<T: Float>(ctx: &Ctx, x: ArrayView2<T>, trees: &[&Tree]) -> Result<Vec<f64>> {
    same_features(x.ncols(), trees)?;
    let mut out = vec![0.0; x.nrows()];
    ctx.set_total(out.len() as u64);
    par::fill_chunks(ctx, &mut out, ROWS, |first, out| {
        let mut block = Block::new(x.ncols());
        for (b, out) in out.chunks_mut(block.rows).enumerate() {
            if ctx.check().is_err() {
                return;
            }
            let first = first + b * block.rows;
            block.fill(x.slice(s![first..first + out.len(), ..]));
            let mut sums = vec![0.0; block.rows];
            for tree in trees {
                block.walk(tree, &mut sums);
            }
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = (-sum / trees.len() as f64).exp2();
            }
            let _ = ctx.advance(out.len() as u64);
        }
    })?;
    ctx.check()?;
    Ok(out)
}

/// A block of rows in single precision: each row's cells, and their negatives after them.
struct Block {
    cells: Vec<f32>,
    rows: usize,
    p: usize,
}

impl Block {
    fn new(p: usize) -> Self {
        let rows = (CELLS / (2 * p).max(1)).next_multiple_of(LANES).clamp(LANES, 256);
        Block { cells: vec![0.0; rows * 2 * p], rows, p }
    }

    fn fill<T: Float>(&mut self, x: ArrayView2<T>) {
        if self.p == 0 {
            return;
        }
        for (row, cells) in x.rows().into_iter().zip(self.cells.chunks_mut(2 * self.p)) {
            let (plain, negative) = cells.split_at_mut(self.p);
            for ((v, plain), negative) in row.iter().zip(plain).zip(negative) {
                *plain = single(v.wide());
                *negative = -*plain;
            }
        }
    }

    /// Adds each row's share of the average way in a tree.
    fn walk(&self, tree: &Tree, sums: &mut [f64]) {
        let stride = 2 * self.p;
        let ends = &tree.expected[1 << tree.depth..];
        match &tree.cuts {
            Cuts::Straight(cuts) => {
                let groups = self.cells.chunks_exact(LANES * stride);
                for (cells, sums) in groups.zip(sums.chunks_exact_mut(LANES)) {
                    let rows: [&[f32]; LANES] =
                        std::array::from_fn(|lane| &cells[lane * stride..(lane + 1) * stride]);
                    // Of 256 places, as those of the default, no index need be checked.
                    let at = match cuts.first_chunk::<256>() {
                        Some(cuts) if tree.depth == 8 => descend(&rows, 8, |at| cuts[at & 255]),
                        _ => descend(&rows, tree.depth, |at| cuts[at]),
                    };
                    for (sum, at) in sums.iter_mut().zip(at) {
                        *sum += f64::from(ends[at - ends.len()]);
                    }
                }
            }
            Cuts::Oblique { width, terms, at: limits } => {
                for (cells, total) in self.cells.chunks_exact(stride).zip(sums) {
                    let mut at = 1;
                    for _ in 0..tree.depth {
                        let terms = &terms[at * width..(at + 1) * width];
                        at = 2 * at + usize::from(sum(terms, |f| cells[f as usize]) > limits[at]);
                    }
                    *total += f64::from(ends[at - ends.len()]);
                }
            }
        }
    }
}

/// The places where rows end that go down a tree side by side.
#[inline(always)]
fn descend(rows: &[&[f32]; LANES], depth: u32, cut: impl Fn(usize) -> Cut) -> [usize; LANES] {
    let mut at = [1usize; LANES];
    for _ in 0..depth {
        for (at, row) in at.iter_mut().zip(rows) {
            let cut = cut(*at);
            // False for a missing cell, which goes with most rows.
            *at = 2 * *at + 1 - usize::from(row[cut.feature as usize] <= cut.at);
        }
    }
    at
}

/// The share of each feature in each row's score, by row: by how much the cuts of a feature
/// shortened the way that was expected before them, where they did; over the sum. Rows that
/// nothing isolates early get zeros.
pub fn shares<T: Float>(ctx: &Ctx, x: ArrayView2<T>, trees: &[&Tree]) -> Result<Vec<f64>> {
    let p = x.ncols();
    same_features(p, trees)?;
    let mut out = vec![0.0; x.len()];
    par::fill_chunks(ctx, &mut out, p.max(1) * 64, |first, out| {
        for (i, shares) in out.chunks_mut(p.max(1)).enumerate() {
            let row: Vec<f32> = x.row(first / p + i).iter().map(|v| single(v.wide())).collect();
            for tree in trees {
                credit(tree, &row, shares);
            }
            shares.iter_mut().for_each(|share| *share = share.max(0.0));
            let total: f64 = shares.iter().sum();
            if total > 0.0 {
                shares.iter_mut().for_each(|share| *share /= total);
            }
        }
    })?;
    Ok(out)
}

/// Adds what the cuts on a row's way took off the way that was expected.
fn credit(tree: &Tree, row: &[f32], shares: &mut [f64]) {
    let p = row.len();
    let mut at = 1;
    for _ in 0..tree.depth {
        let before = tree.expected[at];
        match &tree.cuts {
            Cuts::Straight(cuts) => {
                let cut = cuts[at];
                let (f, sign) = match cut.feature as usize {
                    f if f < p => (f, 1.0),
                    f => (f - p, -1.0),
                };
                at = 2 * at + 1 - usize::from(sign * row[f] <= cut.at);
                if !row[f].is_nan() {
                    shares[f] += f64::from(before - tree.expected[at]);
                }
            }
            Cuts::Oblique { width, terms, at: limits } => {
                let terms = &terms[at * width..(at + 1) * width];
                let second = sum(terms, |f| row[f as usize]) > limits[at];
                at = 2 * at + usize::from(second);
                let gain = f64::from(before - tree.expected[at]);
                let toward = if second { 1.0 } else { -1.0 };
                let pull = |term: &Term| {
                    let gap = f64::from(row[term.feature as usize] - term.from);
                    // 0 for a missing cell too.
                    (gap * f64::from(term.weight) * toward).max(0.0)
                };
                let total: f64 = terms.iter().map(pull).sum();
                if total > 0.0 && total.is_finite() {
                    for term in terms {
                        shares[term.feature as usize] += gain * pull(term) / total;
                    }
                }
            }
        }
    }
}

fn same_features(p: usize, trees: &[&Tree]) -> Result<()> {
    if trees.is_empty() {
        return Err(Error::State("a forest without trees".into()));
    }
    match trees.iter().find(|tree| tree.features != p) {
        None => Ok(()),
        Some(tree) => {
            Err(Error::Shape(format!("{p} features, but a tree grown on {}", tree.features)))
        }
    }
}
