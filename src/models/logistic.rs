//! Logistic regression, binary and multinomial, with an L2 penalty.
//!
//! Newton steps (few, each one pass over the rows for the Hessian) while the Hessian is small,
//! L-BFGS beyond. Columns are centred and scaled to unit variance inside, so that the caller's units
//! do not decide how fast it converges; the penalty is that of the caller's units all the same.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use super::gram::{check_weights, means};
use super::lbfgs;
use crate::base::float::Float;
use crate::base::linalg::Cholesky;
use crate::base::{Ctx, Error, Result, par};

/// Beyond so many coefficients a Hessian costs more than the steps it saves.
const MOST_NEWTON: usize = 800;
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

/// The mean loss with its gradient, and the Hessian where it was asked for.
pub(super) struct Look {
    pub value: f64,
    pub gradient: Array2<f64>,
    hessian: Option<Array2<f64>>,
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
    if !(settings.c > 0.0) {
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
    let (n_iter, converged) = if outputs * (p + 1) <= MOST_NEWTON {
        newton(&problem, &mut theta, settings)?
    } else {
        lbfgs::minimise(&mut theta, settings.tol, settings.max_iter, |t| problem.look(t, false))?
    };
    let coef = &theta.slice(s![.., ..p]) / &scale;
    let intercept = &theta.column(p) - &coef.dot(&centre);
    let intercept = if settings.intercept { intercept } else { Array1::zeros(outputs) };
    Ok(Fit { coef, intercept, n_iter, converged })
}

/// Newton's method with steps halved until the loss falls enough.
fn newton(problem: &Problem, theta: &mut Array2<f64>, set: Settings) -> Result<(usize, bool)> {
    // Convergence is quadratic: full precision costs one or two steps more than `tol`, and makes
    // weighted rows equal repeated ones to the last digits.
    let goal = set.tol * 1e-9;
    let mut look = problem.look(theta, true)?;
    for iter in 0..set.max_iter {
        let size = largest(&look.gradient);
        if size <= goal {
            return Ok((iter.max(1), true));
        }
        let Some(step) = look.hessian.take().and_then(|h| solve(h, &look.gradient)) else {
            return Ok((iter.max(1), size <= set.tol));
        };
        let slope: f64 = step.iter().zip(&look.gradient).map(|(d, g)| d * g).sum();
        let mut length = 1.0;
        let next = loop {
            let trial = &*theta + &(&step * length);
            let value = problem.value(&trial)?;
            if value <= look.value + 1e-4 * length * slope {
                break Some(trial);
            }
            length *= 0.5;
            if length < 1e-9 {
                break None; // the loss cannot fall further in this precision
            }
        };
        let Some(next) = next else {
            return Ok((iter.max(1), size <= set.tol));
        };
        *theta = next;
        look = problem.look(theta, true)?;
    }
    Ok((set.max_iter, largest(&look.gradient) <= set.tol))
}

/// The Newton step; a ridge is added where the Hessian is singular (the intercepts of a multinomial
/// model can be shifted together without changing anything).
fn solve(mut hessian: Array2<f64>, gradient: &Array2<f64>) -> Option<Array2<f64>> {
    let right = -Array1::from_iter(gradient.iter().copied());
    let mean = hessian.diag().sum() / right.len() as f64;
    let mut ridge = 1e-12 * mean.max(f64::MIN_POSITIVE);
    for _ in 0..12 {
        hessian.diag_mut().mapv_inplace(|d| d + ridge);
        if let Some(factor) = Cholesky::new(hessian.view()) {
            return Array2::from_shape_vec(gradient.dim(), factor.solve(right.view()).to_vec())
                .ok();
        }
        ridge *= 10.0;
    }
    None
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

    /// Scores of rows `a..b`: one column an output.
    fn scores(&self, theta: &Array2<f64>, a: usize, b: usize) -> Array2<f64> {
        let p = self.x.ncols();
        let mut eta = Array2::zeros((b - a, self.outputs));
        for mut row in eta.rows_mut() {
            row.assign(&theta.column(p));
        }
        let x = self.x.slice(s![a..b, ..]);
        general_mat_mul(1.0, &x, &theta.slice(s![.., ..p]).t(), 1.0, &mut eta);
        eta
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

    /// The objective alone.
    fn value(&self, theta: &Array2<f64>) -> Result<f64> {
        let parts = par::map_chunks(self.ctx, self.x.nrows(), 4 * BLOCK, |a, b| {
            let mut eta = self.scores(theta, a, b);
            let mut sum = 0.0;
            for (mut row, i) in eta.rows_mut().into_iter().zip(a..b) {
                if let Some(row) = row.as_slice_mut() {
                    sum += self.w[i] * self.row_loss(row, self.y[i]);
                }
            }
            sum
        })?;
        Ok(parts.iter().sum::<f64>() + self.penalty_value(theta))
    }

    /// The objective, its gradient and, if asked for, its Hessian.
    pub(super) fn look(&self, theta: &Array2<f64>, hessian: bool) -> Result<Look> {
        let (n, p) = self.x.dim();
        let (k, d) = (self.outputs, p + 1);
        let numbers = if hessian { k * d * k * d } else { k * d };
        let chunks = (PARTIALS / numbers.max(1)).clamp(1, 64);
        let size = n.div_ceil(chunks).next_multiple_of(BLOCK);
        let parts = par::map_chunks(self.ctx, n, size, |a, b| {
            let mut value = 0.0;
            let mut gradient = Array2::zeros((k, d));
            let mut second = Array2::zeros(if hessian { (k * d, k * d) } else { (0, 0) });
            for first in (a..b).step_by(BLOCK) {
                if self.ctx.stopped() {
                    break;
                }
                let last = (first + BLOCK).min(b);
                let mut prob = self.scores(theta, first, last);
                for (mut row, i) in prob.rows_mut().into_iter().zip(first..last) {
                    if let Some(row) = row.as_slice_mut() {
                        value += self.w[i] * self.row_loss(row, self.y[i]);
                    }
                }
                if hessian {
                    self.add_hessian(&mut second, &prob, first, last);
                }
                self.add_gradient(&mut gradient, prob, first, last);
            }
            (value, gradient, second)
        })?;
        self.ctx.check()?;
        let mut parts = parts.into_iter();
        let (mut value, mut gradient, mut second) =
            parts.next().ok_or_else(|| Error::Data("there are no rows to fit".into()))?;
        for (v, g, h) in parts {
            value += v;
            gradient += &g;
            second += &h;
        }
        value += self.penalty_value(theta);
        for (mut g, t) in gradient.rows_mut().into_iter().zip(theta.rows()) {
            for j in 0..p {
                g[j] += self.penalty[j] * t[j];
            }
            if !self.intercept {
                g[p] = 0.0;
            }
        }
        if hessian {
            self.finish_hessian(&mut second);
        }
        Ok(Look { value, gradient, hessian: hessian.then_some(second) })
    }

    /// Adds the gradient of rows `first..last`; `prob` becomes their weighted residuals.
    fn add_gradient(
        &self,
        sum: &mut Array2<f64>,
        mut prob: Array2<f64>,
        first: usize,
        last: usize,
    ) {
        let p = self.x.ncols();
        for (mut row, i) in prob.rows_mut().into_iter().zip(first..last) {
            let class = self.y[i] as usize;
            if self.outputs == 1 {
                row[0] -= class as f64;
            } else {
                row[class] -= 1.0;
            }
            row *= self.w[i];
        }
        let x = self.x.slice(s![first..last, ..]);
        general_mat_mul(1.0, &prob.t(), &x, 1.0, &mut sum.slice_mut(s![.., ..p]));
        let total = prob.sum_axis(Axis(0));
        sum.column_mut(p).zip_mut_with(&total, |s, t| *s += t);
    }

    /// Adds the Hessian of rows `first..last` (the lower triangle of class blocks).
    fn add_hessian(&self, sum: &mut Array2<f64>, prob: &Array2<f64>, first: usize, last: usize) {
        let (m, p) = (last - first, self.x.ncols());
        let d = p + 1;
        let mut plain = Array2::<f64>::ones((m, d));
        plain.slice_mut(s![.., ..p]).assign(&self.x.slice(s![first..last, ..]));
        let mut weighted = Array2::<f64>::zeros((m, d));
        for a in 0..self.outputs {
            for b in 0..=a {
                for i in 0..m {
                    let own = if a == b { 1.0 } else { 0.0 };
                    let h = self.w[first + i] * prob[[i, a]] * (own - prob[[i, b]]);
                    let (mut out, row) = (weighted.row_mut(i), plain.row(i));
                    out.zip_mut_with(&row, |o, v| *o = h * v);
                }
                let mut block = sum.slice_mut(s![a * d..(a + 1) * d, b * d..(b + 1) * d]);
                general_mat_mul(1.0, &weighted.t(), &plain, 1.0, &mut block);
            }
        }
    }

    /// Adds the penalty, and takes the intercept out where there is none.
    fn finish_hessian(&self, h: &mut Array2<f64>) {
        let p = self.x.ncols();
        for a in 0..self.outputs {
            let first = a * (p + 1);
            for j in 0..p {
                h[[first + j, first + j]] += self.penalty[j];
            }
            if !self.intercept {
                h.row_mut(first + p).fill(0.0);
                h.column_mut(first + p).fill(0.0);
                h[[first + p, first + p]] = 1.0;
            }
        }
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
    fn newton_and_lbfgs_agree() {
        let (x, y) = data(1, 300, 4, 3);
        let ctx = Ctx::new(1);
        let f = fit(&ctx, x.view(), y.view(), 3, None, settings(1.0), None).unwrap();
        let centre = means(&ctx, x.view(), None).unwrap();
        let (problem, scale) =
            Problem::new(&ctx, x.view(), y.view(), None, 3, &centre, settings(1.0)).unwrap();
        let mut theta = Array2::zeros((3, 5));
        let (_, converged) =
            lbfgs::minimise(&mut theta, 1e-9, 500, |t| problem.look(t, false)).unwrap();
        assert!(converged);
        let coef = &theta.slice(s![.., ..4]) / &scale;
        assert!(largest(&(&coef - &f.coef)) < 1e-6);
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
