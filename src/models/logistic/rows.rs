//! The rows of a linear model in columns of unit variance, dense or sparse.
//!
//! Dense rows are handled in blocks by columns, which are made from the caller's array each time
//! they are looked at (no copy of the table is kept), or once where the table is small.

use ndarray::{Array1, ArrayView1, ArrayView2, s};

use super::super::gram::check_weights;
use super::super::group::Groups;
use crate::base::block::{Shape, fill};
use crate::base::float::Float;
use crate::base::linalg::dot;
use crate::base::{Ctx, Error, Result, lanes, par};

/// So many numbers are kept as blocks.
const SMALL: usize = 1 << 20;
/// Rows that tell about where a column lies.
const PROBE: usize = 256;

/// A sparse matrix by rows, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Sparse<'a> {
    /// Where each row begins and the last one ends.
    pub starts: ArrayView1<'a, i64>,
    /// Columns of the cells.
    pub columns: ArrayView1<'a, i64>,
    /// Values of the cells.
    pub values: ArrayView1<'a, f64>,
    /// How many columns there are.
    pub width: usize,
}

/// A dense table in the caller's precision.
#[derive(Debug, Clone, Copy)]
pub enum Dense<'a> {
    /// Single precision.
    Single(ArrayView2<'a, f32>),
    /// Double precision.
    Double(ArrayView2<'a, f64>),
}

#[derive(Debug, Clone)]
enum Cells {
    /// Made from the table when they are looked at.
    Table,
    /// Blocks after each other.
    Blocks(Vec<f64>),
    Sparse {
        starts: Vec<usize>,
        columns: Vec<u32>,
        values: Vec<f64>,
    },
}

/// Rows whose columns were centred (dense ones, with an intercept) and divided by their scale.
#[derive(Debug, Clone)]
pub struct Rows<'a> {
    cells: Cells,
    table: Option<Dense<'a>>,
    n: usize,
    /// Blocks of the columns and a one for the intercept.
    pub(super) shape: Shape,
    /// What was taken off each column.
    pub centre: Array1<f64>,
    /// What each column was then divided by.
    pub scale: Array1<f64>,
    inverse: Array1<f64>,
    /// Weights of the rows, which add up to 1.
    pub weights: Array1<f64>,
    /// What the weights added up to before.
    pub total: f64,
}

impl<'a> Rows<'a> {
    /// A dense matrix. The columns of groups that are `alike` get one scale each.
    pub fn dense(
        ctx: &Ctx,
        x: Dense<'a>,
        weights: Option<ArrayView1<f64>>,
        intercept: bool,
        alike: Option<&Groups>,
    ) -> Result<Self> {
        let (n, p) = x.dim();
        let (w, total) = shares(n, weights)?;
        let (centre, mut scale) = match x {
            Dense::Single(x) => moments(ctx, x, &w, intercept)?,
            Dense::Double(x) => moments(ctx, x, &w, intercept)?,
        };
        level(&mut scale, alike)?;
        let shape = Shape::new(p + 1);
        let cells = Cells::Table;
        let inverse = scale.mapv(f64::recip);
        let table = Some(x);
        Rows { cells, table, n, shape, centre, scale, inverse, weights: w, total }.kept(ctx)
    }

    /// With its blocks made for good, where they are few.
    fn kept(mut self, ctx: &Ctx) -> Result<Self> {
        if self.n * self.shape.width <= SMALL {
            let size = self.shape.width * self.shape.stride;
            let mut cells = vec![0.0; self.n.div_ceil(self.shape.len) * size];
            par::fill_chunks(ctx, &mut cells, size, |first, block| {
                self.fill(first / size, block);
            })?;
            self.cells = Cells::Blocks(cells);
        }
        Ok(self)
    }

    /// Every `step`-th row of a dense table, in the same columns; `None` for sparse ones, or where
    /// those rows weigh nothing.
    pub(super) fn every(&self, ctx: &Ctx, step: usize) -> Result<Option<Self>> {
        let Some(table) = self.table else { return Ok(None) };
        let table = match table {
            Dense::Single(x) => Dense::Single(x.slice_move(s![..;step, ..])),
            Dense::Double(x) => Dense::Double(x.slice_move(s![..;step, ..])),
        };
        let mut weights = self.weights.slice(s![..;step]).to_owned();
        let sum = weights.sum();
        if sum <= 0.0 {
            return Ok(None);
        }
        weights /= sum;
        let (cells, n) = (Cells::Table, weights.len());
        let rows = Rows {
            cells,
            table: Some(table),
            n,
            shape: self.shape,
            centre: self.centre.clone(),
            scale: self.scale.clone(),
            inverse: self.inverse.clone(),
            weights,
            total: self.total,
        };
        rows.kept(ctx).map(Some)
    }

    /// A sparse matrix, whose columns are scaled and not centred.
    pub fn sparse(
        x: Sparse,
        weights: Option<ArrayView1<f64>>,
        alike: Option<&Groups>,
    ) -> Result<Self> {
        let damaged = || Error::Shape("the sparse matrix is damaged".into());
        let starts: Vec<usize> = x.starts.iter().map(|&v| v as usize).collect();
        let n = starts.len().checked_sub(1).ok_or_else(damaged)?;
        let cells = x.values.len();
        let ordered = starts[0] == 0 && starts.windows(2).all(|w| w[0] <= w[1]);
        let inside = x.columns.iter().all(|&c| c >= 0 && (c as usize) < x.width);
        if !ordered || starts[n] != cells || x.columns.len() != cells || !inside {
            return Err(damaged());
        }
        let (w, total) = shares(n, weights)?;
        let columns: Vec<u32> = x.columns.iter().map(|&c| c as u32).collect();
        let mut values = x.values.to_vec();
        let mut squares = Array1::<f64>::zeros(x.width);
        for i in 0..n {
            for k in starts[i]..starts[i + 1] {
                squares[columns[k] as usize] += w[i] * values[k] * values[k];
            }
        }
        let mut scale = squares.mapv(root);
        level(&mut scale, alike)?;
        values.iter_mut().zip(&columns).for_each(|(v, &c)| *v /= scale[c as usize]);
        let centre = Array1::zeros(x.width);
        let cells = Cells::Sparse { starts, columns, values };
        let shape = Shape::new(x.width + 1);
        let (inverse, table) = (scale.mapv(f64::recip), None);
        Ok(Rows { cells, table, n, shape, centre, scale, inverse, weights: w, total })
    }

    /// Rows and columns.
    pub fn dim(&self) -> (usize, usize) {
        (self.n, self.scale.len())
    }

    /// Whether rows come in blocks.
    pub(super) fn is_dense(&self) -> bool {
        self.table.is_some()
    }

    /// Block `b` of a dense table, made in `space` if need be; rows past the last are zeros.
    pub(super) fn block<'b>(&'b self, b: usize, space: &'b mut Vec<f64>) -> &'b [f64] {
        let size = self.shape.width * self.shape.stride;
        if let Cells::Blocks(cells) = &self.cells {
            return &cells[b * size..(b + 1) * size];
        }
        space.resize(size, 0.0);
        self.fill(b, space);
        space
    }

    fn fill(&self, b: usize, out: &mut [f64]) {
        let first = b * self.shape.len;
        let n = self.shape.len.min(self.n - first);
        let part = s![first..first + n, ..];
        match self.table {
            Some(Dense::Single(x)) => self.fill_from(x.slice(part), out),
            Some(Dense::Double(x)) => self.fill_from(x.slice(part), out),
            None => {}
        }
    }

    fn fill_from<T: Float>(&self, x: ArrayView2<T>, out: &mut [f64]) {
        let (n, p) = x.dim();
        let (columns, ones) = out.split_at_mut(p * self.shape.stride);
        ones[..n].fill(1.0);
        ones[n..].fill(0.0);
        fill(x, &self.centre, &self.inverse, self.shape, columns);
    }

    /// The product of sparse row `i` and coefficients with that of the intercept.
    #[inline]
    pub(super) fn score(&self, i: usize, theta: &[f64]) -> f64 {
        let Cells::Sparse { starts, columns, values } = &self.cells else { return f64::NAN };
        let part = starts[i]..starts[i + 1];
        let cells = columns[part.clone()].iter().zip(&values[part]);
        cells.map(|(&c, v)| v * theta[c as usize]).sum::<f64>() + theta[self.scale.len()]
    }

    /// Adds `r` times sparse row `i` to the coefficients of a gradient.
    #[inline]
    pub(super) fn add(&self, i: usize, r: f64, gradient: &mut [f64]) {
        let Cells::Sparse { starts, columns, values } = &self.cells else { return };
        let part = starts[i]..starts[i + 1];
        for (&c, v) in columns[part.clone()].iter().zip(&values[part]) {
            gradient[c as usize] += r * v;
        }
        gradient[self.scale.len()] += r;
    }
}

impl Dense<'_> {
    fn dim(&self) -> (usize, usize) {
        match self {
            Dense::Single(x) => x.dim(),
            Dense::Double(x) => x.dim(),
        }
    }
}

/// Means (zeros without an intercept) and the roots of the mean squares about them, in one pass
/// about a point near the means.
fn moments<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    w: &Array1<f64>,
    intercept: bool,
) -> Result<(Array1<f64>, Array1<f64>)> {
    let (n, p) = x.dim();
    let mut near = vec![0.0; p];
    if intercept {
        let step = n.div_ceil(PROBE).max(1);
        let some = x.slice(s![..;step, ..]);
        for (m, column) in near.iter_mut().zip(some.columns()) {
            *m = column.iter().map(|v| v.wide()).sum::<f64>() / some.nrows() as f64;
        }
    }
    let parts = par::map_chunks(ctx, n, 4096, |a, b| {
        let mut sums = vec![0.0; 2 * p];
        let (first, second) = sums.split_at_mut(p);
        let part = x.slice(s![a..b, ..]);
        let w = &w.as_slice().unwrap_or(&[])[a..b];
        if let Some(cells) = part.to_slice().filter(|_| p > 0) {
            lanes::run(
                #[inline(always)]
                || {
                    for (row, w) in cells.chunks_exact(p).zip(w) {
                        let sums = first.iter_mut().zip(second.iter_mut());
                        for ((v, m), (f, s)) in row.iter().zip(&near).zip(sums) {
                            let v = v.wide() - m;
                            *f += w * v;
                            *s += w * v * v;
                        }
                    }
                },
            );
        } else {
            let mut column: Vec<f64> = Vec::with_capacity(b - a);
            for (j, cells) in part.columns().into_iter().enumerate() {
                column.clear();
                column.extend(cells.iter().map(|v| v.wide() - near[j]));
                first[j] = dot(&column, w);
                second[j] = column.iter().zip(w).map(|(v, w)| w * v * v).sum();
            }
        }
        sums
    })?;
    let mut sums = vec![0.0; 2 * p];
    parts.iter().for_each(|part| sums.iter_mut().zip(part).for_each(|(s, v)| *s += v));
    let off = |j: usize| if intercept { sums[j] } else { 0.0 };
    let centre = Array1::from_shape_fn(p, |j| near[j] + off(j));
    let scale = Array1::from_shape_fn(p, |j| {
        let square = sums[p + j] - off(j) * off(j);
        // What is left of a constant column is rounding.
        if square > (1e-14 * centre[j]).powi(2) { root(square) } else { 1.0 }
    });
    Ok((centre, scale))
}

/// The weights as shares of their sum, and the sum.
fn shares(n: usize, weights: Option<ArrayView1<f64>>) -> Result<(Array1<f64>, f64)> {
    check_weights(n, weights)?;
    let total = weights.map_or(n as f64, |w| w.sum());
    Ok((Array1::from_shape_fn(n, |i| weights.map_or(1.0, |w| w[i]) / total), total))
}

/// Gives the columns of each group one scale, so that the norm of a group stays one.
fn level(scale: &mut Array1<f64>, groups: Option<&Groups>) -> Result<()> {
    let Some(groups) = groups else { return Ok(()) };
    groups.check(scale.len())?;
    for group in groups.members.iter().filter(|g| !g.is_empty()) {
        let squares: f64 = group.iter().map(|&j| scale[j] * scale[j]).sum();
        let one = (squares / group.len() as f64).sqrt();
        group.iter().for_each(|&j| scale[j] = one);
    }
    Ok(())
}

fn root(square: f64) -> f64 {
    if square > 0.0 && square.is_finite() { square.sqrt() } else { 1.0 }
}
