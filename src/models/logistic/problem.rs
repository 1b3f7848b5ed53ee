//! The penalised mean loss of a linear model over classes, with its gradient.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};

use super::Settings;
use super::rows::{BLOCK, Rows};
use crate::base::linalg::Cholesky;
use crate::base::loss::Loss;
use crate::base::{Ctx, Result, par};

/// More columns than this are not preconditioned: the factor would cost more than it saves.
const MOST_FACTORED: usize = 1500;
/// Partial sums kept at most, in numbers.
const PARTIALS: usize = 4_000_000;

/// The problem in scaled columns. The last column of the coefficients is the intercept.
pub(super) struct Problem<'a> {
    ctx: &'a Ctx,
    rows: &'a Rows,
    y: ArrayView1<'a, u32>,
    loss: &'a Loss,
    outputs: usize,
    intercept: bool,
    /// The penalty of the squares, by column.
    l2: Array1<f64>,
    /// The penalty of the absolute values, by column.
    pub l1: Array1<f64>,
}

/// The mean loss with the penalty of the squares, and its gradient.
pub(in crate::models) struct Look {
    pub value: f64,
    pub gradient: Array2<f64>,
}

/// The largest part of a gradient.
pub(in crate::models) fn largest(gradient: &Array2<f64>) -> f64 {
    gradient.iter().fold(0.0, |m, g| m.max(g.abs()))
}

impl<'a> Problem<'a> {
    pub fn new(
        ctx: &'a Ctx,
        rows: &'a Rows,
        y: ArrayView1<'a, u32>,
        loss: &'a Loss,
        outputs: usize,
        set: Settings,
    ) -> Self {
        let strength = 1.0 / (set.c * rows.total);
        let l2 = rows.scale.mapv(|s| strength * (1.0 - set.l1_ratio) / (s * s));
        let l1 = rows.scale.mapv(|s| strength * set.l1_ratio / s);
        Problem { ctx, rows, y, loss, outputs, intercept: set.intercept, l2, l1 }
    }

    /// The objective without the absolute values, and its gradient, in one pass over the rows.
    pub fn look(&self, theta: &Array2<f64>) -> Result<Look> {
        let (n, p) = self.rows.dim();
        let (k, d) = (self.outputs, self.rows.width);
        let mut wide = Array2::zeros((k, d));
        wide.slice_mut(s![.., ..=p]).assign(theta);
        let chunks = (PARTIALS / (k * d)).clamp(1, 64);
        let size = n.div_ceil(chunks).next_multiple_of(BLOCK);
        let parts = par::map_chunks(self.ctx, n, size, |a, b| {
            let mut gradient = Array2::zeros((k, d));
            let mut value = 0.0;
            for first in (a..b).step_by(BLOCK) {
                if self.ctx.stopped() {
                    break;
                }
                let last = (first + BLOCK).min(b);
                value += match self.rows.block(first, last).filter(|_| k > 1) {
                    Some(x) => self.add_block(first, x, &wide, &mut gradient),
                    None => self.add_rows(first, last, &wide, &mut gradient),
                };
            }
            (value, gradient)
        })?;
        self.ctx.check()?;
        let mut value = 0.0;
        let mut gradient = Array2::zeros((k, p + 1));
        for (v, part) in parts {
            value += v;
            gradient += &part.slice(s![.., ..=p]);
        }
        for (mut g, t) in gradient.rows_mut().into_iter().zip(theta.rows()) {
            for j in 0..p {
                g[j] += self.l2[j] * t[j];
                value += 0.5 * self.l2[j] * t[j] * t[j];
            }
            if !self.intercept {
                g[p] = 0.0;
            }
        }
        Ok(Look { value, gradient })
    }

    /// Adds the gradient of rows from `first` on, of several classes, by products of matrices;
    /// returns their loss.
    fn add_block(
        &self,
        first: usize,
        x: ArrayView2<f64>,
        theta: &Array2<f64>,
        gradient: &mut Array2<f64>,
    ) -> f64 {
        let k = self.outputs;
        let mut score = x.dot(&theta.t());
        let mut slope = vec![0.0; k];
        let mut value = 0.0;
        for (i, mut row) in score.rows_mut().into_iter().enumerate() {
            let Some(row) = row.as_slice_mut() else { continue };
            let (i, w) = (first + i, self.rows.weights[first + i]);
            value += w * self.loss.many(self.y[i] as usize, row, &mut slope, None);
            row.iter_mut().zip(&slope).for_each(|(r, s)| *r = w * s);
        }
        general_mat_mul(1.0, &score.t(), &x, 1.0, gradient);
        value
    }

    /// The same one row after another: for one output, and for sparse rows.
    fn add_rows(
        &self,
        first: usize,
        last: usize,
        theta: &Array2<f64>,
        gradient: &mut Array2<f64>,
    ) -> f64 {
        let (Some(theta), Some(gradient)) = (theta.as_slice(), gradient.as_slice_mut()) else {
            return 0.0; // fresh arrays are contiguous
        };
        let (k, d) = (self.outputs, self.rows.width);
        let (mut score, mut slope) = (vec![0.0; k], vec![0.0; k]);
        let mut value = 0.0;
        for i in first..last {
            let w = self.rows.weights[i];
            if k == 1 {
                let at = self.loss.one(f64::from(self.y[i]), self.rows.score(i, theta));
                value += w * at.value;
                self.rows.add(i, w * at.gradient, gradient);
                continue;
            }
            for (s, t) in score.iter_mut().zip(theta.chunks(d)) {
                *s = self.rows.score(i, t);
            }
            value += w * self.loss.many(self.y[i] as usize, &score, &mut slope, None);
            for (s, g) in slope.iter().zip(gradient.chunks_mut(d)) {
                self.rows.add(i, w * s, g);
            }
        }
        value
    }

    /// How much the cross entropy of one class bends at most: by 1/4 for two classes, by
    /// (K - 1) / K^2 on the average of K.
    fn bend(&self) -> f64 {
        let k = self.outputs as f64;
        if self.outputs == 1 { 0.25 } else { (k - 1.0) / (k * k) }
    }

    /// About the Hessian of one class, from a share of the rows; `None` where it is too large.
    pub fn metric(&self) -> Result<Option<Array2<f64>>> {
        let Some(gram) = self.rows.gram(self.ctx, MOST_FACTORED)? else { return Ok(None) };
        let mut h = gram * self.bend();
        let least = 1e-6 * self.bend(); // columns have unit variance; dependent ones need a floor
        h.diag_mut().zip_mut_with(&self.l2, |d, c| *d += c + least);
        Ok(Some(h))
    }

    /// The diagonal of that, which needs no pass: scaled columns have unit variance.
    pub fn diagonal(&self) -> Array1<f64> {
        self.l2.mapv(|c| c + self.bend())
    }

    /// About how the loss bends along an intercept.
    pub fn bend_of_intercept(&self) -> f64 {
        if self.outputs == 1 { 0.25 } else { 1.0 / self.outputs as f64 }
    }

    /// The gradient, divided by about the Hessian.
    pub fn precondition(&self, factor: Option<&Cholesky>, gradient: &Array2<f64>) -> Array2<f64> {
        let p = self.l2.len();
        let mut out = gradient.clone();
        for mut row in out.rows_mut() {
            let mut inner = row.slice_mut(s![..p]);
            match factor {
                Some(factor) => {
                    let solved = factor.solve(inner.view());
                    inner.assign(&solved);
                }
                None => inner /= &self.diagonal(),
            }
            row[p] /= self.bend_of_intercept();
        }
        out
    }
}
