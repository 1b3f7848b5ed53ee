//! Linear models over classes: cross entropy or another loss of the scores, penalised by squares
//! (L-BFGS) or absolute values (proximal steps). Each step is one pass over the rows.
//!
//! L-BFGS is preconditioned: at first by an upper bound of the Hessian of cross entropy (a fixed
//! share of the Gram matrix of a sample of rows), then by the Hessian of each class where the model
//! stands, on a sample of rows again. Long tables are fitted on such a sample first, which costs
//! next to nothing and leaves a few passes over all rows to make. Columns are scaled to unit
//! variance inside, so that the caller's units do not decide how fast it converges; the penalty is
//! that of the caller's units all the same.

mod problem;
mod rows;
mod slopes;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate, s};

use super::group::{Blocks, Groups};
use super::lbfgs::{Past, Smooth};
use super::proximal::Model;
use super::{lbfgs, proximal};
use crate::base::linalg::Cholesky;
use crate::base::loss::Loss;
use crate::base::{Ctx, Error, Result};
pub(super) use problem::{Look, largest};
use problem::{Metric, Problem};
pub use rows::{Dense, Rows, Sparse};

/// So many rows a column, and at least so many, are a sample to begin with, where it is at most one
/// row in so many.
const FIRST: ((usize, usize), usize) = ((60, 8192), 6);
/// The gradient to reach on it, and the most steps: its own error is larger.
const FIRST_GOAL: (f64, usize) = (1e-3, 30);

/// What to fit.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Inverse strength of the penalty; infinite for none.
    pub c: f64,
    /// The share of the penalty that is of absolute values, the rest being of squares.
    pub l1_ratio: f64,
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

/// Fits classes `y` (codes below `n_classes`) from `start` (in the caller's units) if given. With
/// `groups`, for which the rows were scaled alike, the norms of groups take the place of squares.
#[allow(clippy::too_many_arguments)]
pub fn fit(
    ctx: &Ctx,
    rows: &Rows,
    y: ArrayView1<u32>,
    n_classes: usize,
    loss: &Loss,
    settings: Settings,
    groups: Option<&Groups>,
    start: Option<(ArrayView2<f64>, ArrayView1<f64>)>,
) -> Result<Fit> {
    let (n, p) = rows.dim();
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
    if !(0.0..=1.0).contains(&settings.l1_ratio) {
        return Err(Error::Parameter(format!(
            "l1_ratio must lie between 0 and 1; got {}",
            settings.l1_ratio
        )));
    }
    if !loss.classifies() {
        return Err(Error::Parameter("the loss is one of numbers, not of classes".into()));
    }
    let outputs = if n_classes == 2 { 1 } else { n_classes };
    loss.check(&[], outputs)?;
    if let Some(groups) = groups {
        groups.check(p)?;
    }
    let mut problem = Problem::new(ctx, rows, y, loss, outputs, settings);
    if groups.is_some() {
        problem.l2.fill(0.0); // its share is that of the groups
    }
    let mut theta = Array2::zeros((outputs, p + 1));
    if let Some((coef, bias)) = start {
        if coef.dim() != (outputs, p) || bias.len() != outputs {
            return Err(Error::Shape("the coefficients to start from have another shape".into()));
        }
        theta.slice_mut(s![.., ..p]).assign(&(&coef * &rows.scale));
        theta.column_mut(p).assign(&(&bias + &coef.dot(&rows.centre)));
    }
    let (n_iter, converged) = minimise(&problem, &mut theta, settings, groups, start.is_none())?;
    let mut coef = &theta.slice(s![.., ..p]) / &rows.scale;
    let mut intercept = &theta.column(p) - &coef.dot(&rows.centre);
    if outputs > 1 {
        // What can be shifted for all classes together is fixed to a mean of zero, where squares are
        // least.
        intercept -= intercept.sum() / outputs as f64;
        if settings.c.is_infinite() || (settings.l1_ratio == 0.0 && groups.is_none()) {
            let mean = coef.sum_axis(Axis(0)) / outputs as f64;
            coef -= &mean;
        }
    }
    let intercept = if settings.intercept { intercept } else { Array1::zeros(outputs) };
    Ok(Fit { coef, intercept, n_iter, converged })
}

fn minimise(
    problem: &Problem,
    theta: &mut Array2<f64>,
    settings: Settings,
    groups: Option<&Groups>,
    fresh: bool,
) -> Result<(usize, bool)> {
    // A smaller gradient than asked for costs a few cheap steps and makes the answer comparable.
    let goals = (settings.tol * 1e-1, settings.tol);
    let metric = problem.metric()?;
    if (settings.l1_ratio > 0.0 || groups.is_some()) && settings.c.is_finite() {
        let last = Array1::from_elem(1, problem.bend_of_intercept());
        let diagonal = match &metric {
            Some(h) => h.diag().to_owned(),
            None => problem.diagonal(),
        };
        let join = |a: &Array1<f64>, b: &Array1<f64>| {
            concatenate(Axis(0), &[a.view(), b.view()])
                .map_err(|e| Error::Shape(format!("the penalties do not fit: {e}")))
        };
        let mut model = Model {
            metric,
            diagonal: join(&diagonal, &last)?,
            l1: join(&problem.l1, &Array1::zeros(1))?,
            blocks: None,
        };
        if let Some(groups) = groups {
            let (metric, diagonal) = (model.metric.take(), model.diagonal.clone());
            let strength = problem.strength_of(groups);
            let l1 = model.l1.clone();
            model.blocks = Some(Blocks::new(groups, strength, l1, metric, diagonal));
        }
        return proximal::minimise(theta, goals, settings.max_iter, &model, |t| problem.look(t));
    }
    let mut past = Past::new();
    let mut smooth = Descent {
        metric: metric
            .and_then(|h| Cholesky::new(h.view()))
            .map_or(Metric::Diagonal, Metric::Shared),
        problem,
    };
    if let Some(step) = problem.sampled(FIRST.0, FIRST.1).filter(|_| fresh && problem.is_plain()) {
        smooth = begin(smooth, step, theta, &mut past, settings.max_iter)?;
    }
    lbfgs::minimise(theta, goals, settings.max_iter, &mut past, &mut smooth)
}

/// Fits a sample of the rows, which leaves coefficients, past steps and the Hessian to go on from.
fn begin<'a, 'd>(
    mut smooth: Descent<'a, 'd>,
    step: usize,
    theta: &mut Array2<f64>,
    past: &mut Past,
    max_iter: usize,
) -> Result<Descent<'a, 'd>> {
    let problem = smooth.problem;
    let Some(rows) = problem.sample(step)? else { return Ok(smooth) };
    let some = problem.on(&rows, step);
    let mut first = Descent { metric: smooth.metric, problem: &some };
    let mut there = theta.clone();
    let goals = (FIRST_GOAL.0, FIRST_GOAL.0);
    lbfgs::minimise(&mut there, goals, FIRST_GOAL.1.min(max_iter), past, &mut first)?;
    let metric = some.bend_there(&there)?;
    smooth.metric = metric.unwrap_or(first.metric);
    // A sample that misleads (weights on few rows, a class that it lacks) is left.
    if problem.look(&there)?.value < problem.at_zero() {
        *theta = there;
    } else {
        past.clear();
    }
    Ok(smooth)
}

/// A problem with the preconditioner it has come to.
struct Descent<'a, 'd> {
    problem: &'a Problem<'a, 'd>,
    metric: Metric,
}

impl Smooth for Descent<'_, '_> {
    fn look(&self, theta: &Array2<f64>) -> Result<Look> {
        self.problem.look(theta)
    }

    fn precondition(&self, gradient: &Array2<f64>) -> Array2<f64> {
        self.problem.precondition(&self.metric, gradient)
    }

    /// The Hessian is made anew at steps 5, 15, 45 and so on.
    fn arrived(&mut self, iter: usize, theta: &Array2<f64>) -> Result<()> {
        let turn = (0..20).any(|k| iter == 5 * 3usize.pow(k));
        if turn && let Some(metric) = self.problem.bend_there(theta)? {
            self.metric = metric;
        }
        Ok(())
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
        Settings { c, l1_ratio: 0.0, intercept: true, tol: 1e-8, max_iter: 200 }
    }

    fn fitted(ctx: &Ctx, x: &Array2<f64>, y: &Array1<u32>, k: usize, set: Settings) -> Result<Fit> {
        let rows = Rows::dense(ctx, Dense::Double(x.view()), None, set.intercept, None)?;
        fit(ctx, &rows, y.view(), k, &Loss::cross_entropy(), set, None, None)
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
            let f = fitted(&Ctx::new(1), &x, &y, k as usize, settings(0.7)).unwrap();
            prop_assert!(f.converged);
            prop_assert!(plain_gradient(&x, &y, &f, 0.7) < 1e-6);
        }
    }

    #[test]
    fn absolute_values_make_zeros_where_the_slope_is_small() {
        let (x, y) = data(3, 300, 5, 3);
        let set = Settings { l1_ratio: 0.6, ..settings(0.05) };
        let f = fitted(&Ctx::new(1), &x, &y, 3, set).unwrap();
        assert!(f.converged);
        let mut slope = Array2::<f64>::zeros((3, 5));
        for i in 0..300 {
            let z = (f.coef.dot(&x.row(i)) + &f.intercept).mapv(f64::exp);
            for a in 0..3 {
                let off = z[a] / z.sum() - f64::from(u8::from(y[i] == a as u32));
                slope.row_mut(a).scaled_add(off, &x.row(i));
            }
        }
        let (l1, l2) = (0.6 / 0.05, 0.4 / 0.05);
        let mut zeros = 0;
        for (c, g) in f.coef.iter().zip(&slope) {
            if *c == 0.0 {
                zeros += 1;
                assert!(g.abs() <= l1 + 1e-3);
            } else {
                assert!((g + l2 * c + l1 * c.signum()).abs() < 1e-3);
            }
        }
        assert!(zeros > 0 && zeros < 15);
    }

    #[test]
    fn sparse_rows_are_dense_rows() {
        let (mut x, y) = data(4, 200, 4, 2);
        x.mapv_inplace(|v| if v < 1.0 { 0.0 } else { v });
        let (mut starts, mut columns, mut values) = (vec![0i64], vec![], vec![]);
        for row in x.rows() {
            for (j, v) in row.iter().enumerate().filter(|(_, v)| **v != 0.0) {
                columns.push(j as i64);
                values.push(*v);
            }
            starts.push(values.len() as i64);
        }
        let (starts, columns) = (Array1::from(starts), Array1::from(columns));
        let values = Array1::from(values);
        let sparse = Sparse {
            starts: starts.view(),
            columns: columns.view(),
            values: values.view(),
            width: 4,
        };
        let ctx = Ctx::new(1);
        let rows = Rows::sparse(sparse, None, None).unwrap();
        for l1_ratio in [0.0, 0.5] {
            let set = Settings { l1_ratio, max_iter: 2000, ..settings(0.3) };
            let a = fit(&ctx, &rows, y.view(), 2, &Loss::cross_entropy(), set, None, None).unwrap();
            let b = fitted(&ctx, &x, &y, 2, set).unwrap();
            assert!(a.converged && b.converged);
            assert!((&a.coef - &b.coef).iter().all(|d| d.abs() < 1e-4));
        }
        let bad = Sparse { width: 2, ..sparse };
        assert!(Rows::sparse(bad, None, None).is_err());
    }

    #[test]
    fn threads_give_the_same_bits() {
        let (x, y) = data(1, 3000, 4, 3);
        for l1_ratio in [0.0, 0.5] {
            let run = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let ctx = Ctx::new(threads);
                let set = Settings { l1_ratio, ..settings(1.0) };
                pool.install(|| fitted(&ctx, &x, &y, 3, set).unwrap().coef)
            };
            assert_eq!(run(1), run(2));
            assert_eq!(run(1), run(3));
        }
    }

    #[test]
    fn bad_input_is_an_error() {
        let (x, y) = data(1, 10, 2, 2);
        let ctx = Ctx::new(1);
        assert!(fitted(&ctx, &x, &y, 1, settings(1.0)).is_err());
        assert!(fitted(&ctx, &x, &y, 2, settings(-1.0)).is_err());
        assert!(fitted(&ctx, &x.slice(s![..5, ..]).to_owned(), &y, 2, settings(1.0)).is_err());
        let bad = Settings { l1_ratio: 2.0, ..settings(1.0) };
        assert!(fitted(&ctx, &x, &y, 2, bad).is_err());
    }
}
