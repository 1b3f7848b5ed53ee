//! Logistic regression, binary and multinomial, with an L2 penalty.
//!
//! L-BFGS, preconditioned by an upper bound of the Hessian: a fixed share of the Gram matrix of a
//! sample of rows, factored once. Each step is one pass over the rows. Columns are centred and scaled
//! to unit variance inside, so that the caller's units do not decide how fast it converges; the
//! penalty is that of the caller's units all the same.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use super::gram::{check_weights, gram, means};
use super::lbfgs;
use crate::base::float::Float;
use crate::base::linalg::{Cholesky, dot};
use crate::base::{Ctx, Error, Result, par};

/// More columns than this are not preconditioned: the factor would cost more than it saves.
const MOST_FACTORED: usize = 1500;
/// So many rows a column, and at least so many, are enough to know the Gram matrix by.
const SAMPLE: (usize, usize) = (30, 4096);
/// Rows handled at once.
const BLOCK: usize = 512;
/// Partial sums kept at most, in numbers.
const PARTIALS: usize = 4_000_000;

/// What to fit.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Inverse strength of the penalty; infinite for none.
    pub c: f64,
    /// Whether an intercept is fitted (it is never penalised).
    pub intercept: bool,
    /// Stop when no part of the gradient of the mean loss is larger.
    pub tol: f64,
    /// The most steps.
    pub max_iter: usize,
}

/// A fitted model: one row of coefficients for two classes, one a class for more.
#[derive(Debug, Clone)]
pub struct Fit {
    /// Coefficients, in the caller's units.
    pub coef: Array2<f64>,
    /// Intercepts.
    pub intercept: Array1<f64>,
    /// Steps made.
    pub n_iter: usize,
    /// False if `max_iter` came first.
    pub converged: bool,
}

/// The problem in centred and scaled columns. The last column of the coefficients is the intercept.
pub(super) struct Problem<'a> {
    ctx: &'a Ctx,
    x: Array2<f64>,
    y: ArrayView1<'a, u32>,
    w: Array1<f64>,
    outputs: usize,
    penalty: Array1<f64>,
    intercept: bool,
}

/// The mean loss with its gradient.
pub(super) struct Look {
    pub value: f64,
    pub gradient: Array2<f64>,
}

/// Fits classes `y` (codes below `n_classes`) from `start` (in the caller's units) if given.
pub fn fit<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    y: ArrayView1<u32>,
    n_classes: usize,
    weights: Option<ArrayView1<f64>>,
    settings: Settings,
    start: Option<(ArrayView2<f64>, ArrayView1<f64>)>,
) -> Result<Fit> {
    let (n, p) = x.dim();
    if y.len() != n {
        return Err(Error::Shape(format!("y has {} rows, X has {n}", y.len())));
    }
    if n_classes < 2 || y.iter().any(|&c| c as usize >= n_classes) {
        return Err(Error::Data(
            "class codes must lie below a number of classes of 2 or more".into(),
        ));
    }
    if settings.c.is_nan() || settings.c <= 0.0 {
        return Err(Error::Parameter(format!("C must be positive; got {}", settings.c)));
    }
    check_weights(n, weights)?;
    let outputs = if n_classes == 2 { 1 } else { n_classes };
    let centre = if settings.intercept { means(ctx, x, weights)? } else { Array1::zeros(p) };
    let (problem, scale) = Problem::new(ctx, x, y, weights, outputs, &centre, settings)?;
    let mut theta = Array2::zeros((outputs, p + 1));
    if let Some((coef, bias)) = start {
        if coef.dim() != (outputs, p) || bias.len() != outputs {
            return Err(Error::Shape("the coefficients to start from have another shape".into()));
        }
        theta.slice_mut(s![.., ..p]).assign(&(&coef * &scale));
        theta.column_mut(p).assign(&(&bias + &coef.dot(&centre)));
    }
    let factor = problem.factor()?;
    // A smaller gradient than asked for costs a few cheap steps and makes the answer comparable.
    let (n_iter, converged) = lbfgs::minimise(
        &mut theta,
        (settings.tol * 1e-2, settings.tol),
        settings.max_iter,
        |t| problem.look(t),
        |g| problem.precondition(factor.as_ref(), g),
    )?;
    let mut coef = &theta.slice(s![.., ..p]) / &scale;
    let mut intercept = &theta.column(p) - &coef.dot(&centre);
    if outputs > 1 {
        // What can be shifted for all classes together is fixed to a mean of zero.
        intercept -= intercept.sum() / outputs as f64;
        if settings.c.is_infinite() {
            let mean = coef.sum_axis(Axis(0)) / outputs as f64;
            coef -= &mean;
        }
    }
    let intercept = if settings.intercept { intercept } else { Array1::zeros(outputs) };
    Ok(Fit { coef, intercept, n_iter, converged })
}

/// The largest part of a gradient.
pub(super) fn largest(gradient: &Array2<f64>) -> f64 {
    gradient.iter().fold(0.0, |m, g| m.max(g.abs()))
}

impl<'a> Problem<'a> {
    fn new<T: Float>(
        ctx: &'a Ctx,
        x: ArrayView2<T>,
        y: ArrayView1<'a, u32>,
        weights: Option<ArrayView1<f64>>,
        outputs: usize,
        centre: &Array1<f64>,
        set: Settings,
    ) -> Result<(Self, Array1<f64>)> {
        let (n, p) = x.dim();
        let total = weights.map_or(n as f64, |w| w.sum());
        let w = Array1::from_shape_fn(n, |i| weights.map_or(1.0, |w| w[i]) / total);
        let mut scaled = Array2::<f64>::zeros((n, p));
        let rows = BLOCK * p.max(1);
        let out = scaled
            .as_slice_mut()
            .ok_or_else(|| Error::Shape("a fresh matrix is not contiguous".into()))?;
        par::fill_chunks(ctx, out, rows, |first, chunk| {
            let first = first / p.max(1);
            for (k, row) in chunk.chunks_mut(p.max(1)).enumerate() {
                for ((o, v), m) in row.iter_mut().zip(x.row(first + k)).zip(centre) {
                    *o = v.wide() - m;
                }
            }
        })?;
        let squares = scaled.view();
        let parts = par::map_chunks(ctx, n, 8 * BLOCK, |a, b| {
            let mut sum = Array1::<f64>::zeros(p);
            for i in a..b {
                for (s, v) in sum.iter_mut().zip(squares.row(i)) {
                    *s += w[i] * v * v;
                }
            }
            sum
        })?;
        let variance = parts.into_iter().fold(Array1::<f64>::zeros(p), |a, b| a + b);
        let scale = variance.mapv(|v| if v > 0.0 && v.is_finite() { v.sqrt() } else { 1.0 });
        let inverse = scale.mapv(f64::recip);
        let out = scaled
            .as_slice_mut()
            .ok_or_else(|| Error::Shape("a fresh matrix is not contiguous".into()))?;
        par::fill_chunks(ctx, out, rows, |_, chunk| {
            for row in chunk.chunks_mut(p.max(1)) {
                for (o, s) in row.iter_mut().zip(&inverse) {
                    *o *= s;
                }
            }
        })?;
        let penalty = scale.mapv(|s| 1.0 / (set.c * total * s * s));
        let problem = Problem { ctx, x: scaled, y, w, outputs, penalty, intercept: set.intercept };
        Ok((problem, scale))
    }

    fn penalty_value(&self, theta: &Array2<f64>) -> f64 {
        let one = |row: ArrayView1<f64>| -> f64 {
            row.iter().zip(&self.penalty).map(|(t, c)| 0.5 * c * t * t).sum()
        };
        theta.rows().into_iter().map(one).sum()
    }

    /// Turns the scores of a row into probabilities; returns its loss.
    fn row_loss(&self, eta: &mut [f64], class: u32) -> f64 {
        if let [score] = eta {
            let z = *score;
            *score = 1.0 / (1.0 + (-z).exp());
            // log(1 + exp(-|z|)) keeps its digits at both ends.
            let margin = if class == 1 { z } else { -z };
            return (-margin.abs()).exp().ln_1p() + (-margin).max(0.0);
        }
        let top = eta.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let own = eta[class as usize] - top;
        let mut sum = 0.0;
        for v in eta.iter_mut() {
            *v = (*v - top).exp();
            sum += *v;
        }
        eta.iter_mut().for_each(|v| *v /= sum);
        sum.ln() - own
    }

    /// The objective and its gradient, in one pass over the rows.
    pub(super) fn look(&self, theta: &Array2<f64>) -> Result<Look> {
        let (n, p) = self.x.dim();
        let (k, d) = (self.outputs, p + 1);
        let flat: Vec<f64> = theta.iter().copied().collect();
        let chunks = (PARTIALS / (k * d)).clamp(1, 64);
        let size = n.div_ceil(chunks).next_multiple_of(BLOCK);
        let parts = par::map_chunks(self.ctx, n, size, |a, b| {
            let mut value = 0.0;
            let mut gradient = vec![0.0; k * d];
            let mut eta = vec![0.0; k];
            for i in a..b {
                if i % BLOCK == 0 && self.ctx.stopped() {
                    break;
                }
                if let Some(x) = self.x.row(i).to_slice() {
                    value += self.add_row(i, x, &flat, &mut eta, &mut gradient);
                }
            }
            (value, gradient)
        })?;
        self.ctx.check()?;
        let mut value = self.penalty_value(theta);
        let mut gradient = Array2::zeros((k, d));
        for (v, part) in parts {
            value += v;
            gradient.iter_mut().zip(part).for_each(|(g, q)| *g += q);
        }
        for (mut g, t) in gradient.rows_mut().into_iter().zip(theta.rows()) {
            for j in 0..p {
                g[j] += self.penalty[j] * t[j];
            }
            if !self.intercept {
                g[p] = 0.0;
            }
        }
        Ok(Look { value, gradient })
    }

    /// Adds the gradient of row `i`; returns its loss.
    fn add_row(
        &self,
        i: usize,
        x: &[f64],
        theta: &[f64],
        eta: &mut [f64],
        gradient: &mut [f64],
    ) -> f64 {
        let p = x.len();
        for (e, t) in eta.iter_mut().zip(theta.chunks(p + 1)) {
            *e = dot(x, &t[..p]) + t[p];
        }
        let class = self.y[i] as usize;
        let loss = self.row_loss(eta, self.y[i]);
        if self.outputs == 1 {
            eta[0] -= class as f64;
        } else {
            eta[class] -= 1.0;
        }
        for (e, g) in eta.iter().zip(gradient.chunks_mut(p + 1)) {
            let r = self.w[i] * e;
            for (g, v) in g[..p].iter_mut().zip(x) {
                *g += r * v;
            }
            g[p] += r;
        }
        self.w[i] * loss
    }

    /// Factors an upper bound of the Hessian of one class: the loss bends by at most 1/4 for two
    /// classes and (K - 1) / K^2 on the average of K.
    fn factor(&self) -> Result<Option<Cholesky>> {
        let (n, p) = self.x.dim();
        if p > MOST_FACTORED {
            return Ok(None);
        }
        let rows = (SAMPLE.0 * p).max(SAMPLE.1);
        let stride = (n / rows).max(1);
        let x = self.x.slice(s![..;stride, ..]);
        let w = self.w.slice(s![..;stride]);
        let total = w.sum();
        let none = Array2::zeros((x.nrows(), 0));
        let g = gram(self.ctx, x, none.view(), Some(w), false)?;
        let k = self.outputs as f64;
        let bend = if self.outputs == 1 { 0.25 } else { (k - 1.0) / (k * k) };
        let mut h = g.xx * (bend / total.max(f64::MIN_POSITIVE));
        let least = 1e-6 * bend; // columns have unit variance; dependent ones need a floor
        h.diag_mut().zip_mut_with(&self.penalty, |d, c| *d += c + least);
        Ok(Cholesky::new(h.view()))
    }

    /// The gradient, divided by the bound of the Hessian.
    fn precondition(&self, factor: Option<&Cholesky>, gradient: &Array2<f64>) -> Array2<f64> {
        let p = self.x.ncols();
        let bend = if self.outputs == 1 { 0.25 } else { 1.0 / self.outputs as f64 };
        let mut out = gradient.clone();
        for mut row in out.rows_mut() {
            if let Some(factor) = factor {
                let solved = factor.solve(row.slice(s![..p]));
                row.slice_mut(s![..p]).assign(&solved);
            }
            row[p] /= bend;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;
    use proptest::prelude::*;

    fn data(seed: u64, n: usize, p: usize, k: u32) -> (Array2<f64>, Array1<u32>) {
        let mut s = Stream::new(seed, 3, 0, 0);
        let x = Array2::from_shape_fn((n, p), |(_, j)| s.normal() * 3f64.powi(j as i32) + 1.0);
        let y = Array1::from_shape_fn(n, |_| s.below(u64::from(k)) as u32);
        (x, y)
    }

    fn settings(c: f64) -> Settings {
        Settings { c, intercept: true, tol: 1e-8, max_iter: 200 }
    }

    /// The gradient of the objective in the caller's units, written out plainly.
    fn plain_gradient(x: &Array2<f64>, y: &Array1<u32>, f: &Fit, c: f64) -> f64 {
        let (n, p) = x.dim();
        let k = f.coef.nrows();
        let mut g = Array2::<f64>::zeros((k, p + 1));
        for i in 0..n {
            let z = f.coef.dot(&x.row(i)) + &f.intercept;
            let prob: Vec<f64> = if k == 1 {
                vec![1.0 / (1.0 + (-z[0]).exp())]
            } else {
                let sum: f64 = z.iter().map(|v| v.exp()).sum();
                z.iter().map(|v| v.exp() / sum).collect()
            };
            for a in 0..k {
                let hit =
                    if k == 1 { f64::from(y[i]) } else { f64::from(u8::from(y[i] == a as u32)) };
                for j in 0..p {
                    g[[a, j]] += (prob[a] - hit) * x[[i, j]];
                }
                g[[a, p]] += prob[a] - hit;
            }
        }
        for a in 0..k {
            for j in 0..p {
                g[[a, j]] += f.coef[[a, j]] / c;
            }
        }
        largest(&g) / n as f64
    }

    proptest! {
        #[test]
        fn the_gradient_is_zero_in_the_callers_units(seed in 0u64..200, p in 1usize..4, k in 2u32..5) {
            let (x, y) = data(seed, 120, p, k);
            let f = fit(&Ctx::new(1), x.view(), y.view(), k as usize, None, settings(0.7), None)
                .unwrap();
            prop_assert!(f.converged);
            prop_assert!(plain_gradient(&x, &y, &f, 0.7) < 1e-6);
        }
    }

    #[test]
    fn threads_give_the_same_bits() {
        let (x, y) = data(1, 3000, 4, 3);
        let fitted = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let ctx = Ctx::new(threads);
            pool.install(|| fit(&ctx, x.view(), y.view(), 3, None, settings(1.0), None).unwrap())
        };
        assert_eq!(fitted(1).coef, fitted(2).coef);
        assert_eq!(fitted(1).coef, fitted(3).coef);
    }

    #[test]
    fn bad_input_is_an_error() {
        let (x, y) = data(1, 10, 2, 2);
        let ctx = Ctx::new(1);
        assert!(fit(&ctx, x.view(), y.view(), 1, None, settings(1.0), None).is_err());
        assert!(fit(&ctx, x.view(), y.view(), 2, None, settings(-1.0), None).is_err());
        assert!(fit(&ctx, x.slice(s![..5, ..]), y.view(), 2, None, settings(1.0), None).is_err());
    }
}
