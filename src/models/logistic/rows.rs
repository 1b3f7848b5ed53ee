//! The rows of a linear model in columns of unit variance, dense or sparse.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};

use super::super::gram::{check_weights, gram};
use crate::base::float::Float;
use crate::base::linalg::dot;
use crate::base::{Ctx, Error, Result, par};

/// Rows handled at once.
pub(super) const BLOCK: usize = 512;
/// So many rows a column, and at least so many, are enough to know the Gram matrix by.
const SAMPLE: (usize, usize) = (30, 4096);

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

#[derive(Debug, Clone)]
enum Cells {
    /// Rows of `width` numbers: the columns, a one for the intercept, zeros.
    Dense(Vec<f64>),
    Sparse {
        starts: Vec<usize>,
        columns: Vec<u32>,
        values: Vec<f64>,
    },
}

/// Rows whose columns were centred (dense ones, with an intercept) and divided by their scale.
#[derive(Debug, Clone)]
pub struct Rows {
    cells: Cells,
    n: usize,
    /// Numbers in a row and in its coefficients: columns, intercept, and zeros up to whole registers.
    pub(super) width: usize,
    /// What was taken off each column.
    pub centre: Array1<f64>,
    /// What each column was then divided by.
    pub scale: Array1<f64>,
    /// Weights of the rows, which add up to 1.
    pub weights: Array1<f64>,
    /// What the weights added up to before.
    pub total: f64,
}

impl Rows {
    /// A dense matrix.
    pub fn dense<T: Float>(
        ctx: &Ctx,
        x: ArrayView2<T>,
        weights: Option<ArrayView1<f64>>,
        intercept: bool,
    ) -> Result<Self> {
        let (n, p) = x.dim();
        let (w, total) = shares(n, weights)?;
        let x = x.as_standard_layout();
        let x = x.as_slice().ok_or_else(|| Error::Shape("the rows are not contiguous".into()))?;
        let at = |i: usize| &x[i * p..(i + 1) * p];
        let mut centre = Array1::zeros(p);
        if intercept {
            centre = sums(ctx, n, p, |i, sum| {
                for (s, v) in sum.iter_mut().zip(at(i)) {
                    *s += w[i] * v.wide();
                }
            })?;
        }
        let scale = roots(sums(ctx, n, p, |i, sum| {
            for ((s, v), m) in sum.iter_mut().zip(at(i)).zip(&centre) {
                let v = v.wide() - m;
                *s += w[i] * v * v;
            }
        })?);
        let inverse = scale.mapv(f64::recip);
        let width = (p + 1).next_multiple_of(8);
        let mut cells = vec![0.0; n * width];
        par::fill_chunks(ctx, &mut cells, BLOCK * width, |first, chunk| {
            for (k, row) in chunk.chunks_mut(width).enumerate() {
                let cells = row.iter_mut().zip(at(first / width + k));
                for (((o, v), m), s) in cells.zip(&centre).zip(&inverse) {
                    *o = (v.wide() - m) * s;
                }
                row[p] = 1.0;
            }
        })?;
        Ok(Rows { cells: Cells::Dense(cells), n, width, centre, scale, weights: w, total })
    }

    /// A sparse matrix, whose columns are scaled and not centred.
    pub fn sparse(x: Sparse, weights: Option<ArrayView1<f64>>) -> Result<Self> {
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
        let scale = roots(squares);
        values.iter_mut().zip(&columns).for_each(|(v, &c)| *v /= scale[c as usize]);
        let centre = Array1::zeros(x.width);
        let cells = Cells::Sparse { starts, columns, values };
        let width = x.width + 1;
        Ok(Rows { cells, n, width, centre, scale, weights: w, total })
    }

    /// Rows and columns.
    pub fn dim(&self) -> (usize, usize) {
        (self.n, self.scale.len())
    }

    /// The dense rows `a..b`, one for the intercept included; `None` for sparse ones.
    pub(super) fn block(&self, a: usize, b: usize) -> Option<ArrayView2<'_, f64>> {
        let Cells::Dense(cells) = &self.cells else { return None };
        let part = &cells[a * self.width..b * self.width];
        ArrayView2::from_shape((b - a, self.width), part).ok()
    }

    /// The product of row `i` and coefficients in rows of `width`.
    #[inline]
    pub(super) fn score(&self, i: usize, theta: &[f64]) -> f64 {
        match &self.cells {
            Cells::Dense(cells) => dot(&cells[i * self.width..(i + 1) * self.width], theta),
            Cells::Sparse { starts, columns, values } => {
                let part = starts[i]..starts[i + 1];
                let cells = columns[part.clone()].iter().zip(&values[part]);
                cells.map(|(&c, v)| v * theta[c as usize]).sum::<f64>() + theta[self.width - 1]
            }
        }
    }

    /// Adds `r` times row `i` to the coefficients of a gradient.
    #[inline]
    pub(super) fn add(&self, i: usize, r: f64, gradient: &mut [f64]) {
        match &self.cells {
            Cells::Dense(cells) => {
                let row = &cells[i * self.width..(i + 1) * self.width];
                for (g, v) in gradient.iter_mut().zip(row) {
                    *g += r * v;
                }
            }
            Cells::Sparse { starts, columns, values } => {
                let part = starts[i]..starts[i + 1];
                for (&c, v) in columns[part.clone()].iter().zip(&values[part]) {
                    gradient[c as usize] += r * v;
                }
                gradient[self.width - 1] += r;
            }
        }
    }

    /// The mean of x x' over a fixed share of the rows; `None` for sparse or very wide ones.
    pub(super) fn gram(&self, ctx: &Ctx, most: usize) -> Result<Option<Array2<f64>>> {
        let (n, p) = self.dim();
        let Some(x) = self.block(0, n).filter(|_| p <= most) else { return Ok(None) };
        let stride = (n / (SAMPLE.0 * p).max(SAMPLE.1)).max(1);
        let x = x.slice(s![..;stride, ..p]);
        let w = self.weights.slice(s![..;stride]);
        let none = Array2::zeros((x.nrows(), 0));
        let g = gram(ctx, x, none.view(), Some(w), false)?;
        Ok(Some(g.xx / w.sum().max(f64::MIN_POSITIVE)))
    }
}

/// Sums over the rows, made by `add(row, sum)` and put together in order.
fn sums(
    ctx: &Ctx,
    n: usize,
    p: usize,
    add: impl Fn(usize, &mut [f64]) + Sync + Send,
) -> Result<Array1<f64>> {
    let parts = par::map_chunks(ctx, n, 8 * BLOCK, |a, b| {
        let mut sum = vec![0.0; p];
        (a..b).for_each(|i| add(i, &mut sum));
        sum
    })?;
    let mut all = Array1::zeros(p);
    parts.iter().for_each(|part| all.iter_mut().zip(part).for_each(|(s, v)| *s += v));
    Ok(all)
}

/// The weights as shares of their sum, and the sum.
fn shares(n: usize, weights: Option<ArrayView1<f64>>) -> Result<(Array1<f64>, f64)> {
    check_weights(n, weights)?;
    let total = weights.map_or(n as f64, |w| w.sum());
    Ok((Array1::from_shape_fn(n, |i| weights.map_or(1.0, |w| w[i]) / total), total))
}

fn roots(squares: Array1<f64>) -> Array1<f64> {
    squares.mapv(|v| if v > 0.0 && v.is_finite() { v.sqrt() } else { 1.0 })
}
