//! Lasso and elastic net by coordinate descent (Friedman, Hastie and Tibshirani 2010).
//!
//! Where there are more rows than columns, on the Gram matrix of the centred columns, which one
//! pass makes: a sweep then costs nothing that grows with the rows. Elsewhere, and for sparse rows,
//! on the residuals. It stops by the duality gap, as scikit-learn does.

use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis};

use super::columns::Columns;
use super::gram::{check_weights, means};
use super::logistic::Sparse;
use super::proximal::soften;
use crate::base::float::Float;
use crate::base::rng::Stream;
use crate::base::{Ctx, Error, Result};

/// What to fit.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The share of the penalty that is of absolute values.
    pub l1_ratio: f64,
    /// Whether an intercept is fitted, which is not penalised.
    pub intercept: bool,
    /// Whether coefficients must not be negative.
    pub positive: bool,
    /// The most sweeps.
    pub max_iter: usize,
    /// The duality gap to reach, as a share of the mean square of y.
    pub tol: f64,
    /// Draws coordinates at random by this seed, in place of one after another.
    pub seed: Option<u64>,
}

/// A path of models: for each penalty, in the order given, one row of coefficients a target.
#[derive(Debug, Clone)]
pub struct Path {
    /// Coefficients: penalties, targets, columns.
    pub coef: Array3<f64>,
    /// Intercepts: penalties, targets.
    pub intercept: Array2<f64>,
    /// Duality gaps, of the mean loss.
    pub gap: Array2<f64>,
    /// Sweeps made.
    pub n_iter: Array2<u64>,
    /// The gap that was to be reached, by target.
    pub goal: Array1<f64>,
    /// The least penalty that makes all coefficients zero, by target (of the part of absolute
    /// values alone).
    pub most: Array1<f64>,
}

/// Dense or sparse columns, borrowed.
pub enum Table<'a, T> {
    /// A matrix, and X'WX where that is known (then X is centred, or there is no intercept).
    Dense(ArrayView2<'a, T>, Option<ArrayView2<'a, f64>>),
    /// A matrix sparse by columns, as [`Columns::sparse`] takes it.
    Sparse(Sparse<'a>),
}

/// Minimises the mean of w (y - x b - c)^2 / 2 plus alpha (r |b|_1 + (1 - r) |b|_2^2 / 2), for
/// each alpha from the last one's coefficients on. An alpha below zero is a share of the least
/// penalty that makes all coefficients zero.
pub fn path<T: Float>(
    ctx: &Ctx,
    x: &Table<T>,
    y: ArrayView2<f64>,
    weights: Option<ArrayView1<f64>>,
    alphas: ArrayView1<f64>,
    set: Settings,
    start: Option<ArrayView2<f64>>,
) -> Result<Path> {
    let (n, p) = match x {
        Table::Dense(x, _) => x.dim(),
        Table::Sparse(x) => (x.width, x.starts.len().saturating_sub(1)),
    };
    let k = y.ncols();
    if y.nrows() != n || start.is_some_and(|s| s.dim() != (k, p)) {
        return Err(Error::Shape(format!(
            "y of shape {:?}, or the coefficients to start from, does not fit X of shape {:?}",
            y.dim(),
            (n, p)
        )));
    }
    if alphas.iter().any(|a| !a.is_finite()) || !(0.0..=1.0).contains(&set.l1_ratio) {
        return Err(Error::Parameter(
            "alpha must be finite, and l1_ratio must lie between 0 and 1".into(),
        ));
    }
    check_weights(n, weights)?;
    let y_mean = if set.intercept { means(ctx, y, weights)? } else { Array1::zeros(k) };
    let mut columns = match x {
        Table::Dense(x, xx) => {
            if xx.is_some_and(|xx| xx.dim() != (p, p)) {
                return Err(Error::Shape(format!("the Gram matrix must be {p} x {p}")));
            }
            Columns::dense(ctx, *x, y, weights, set.intercept, *xx)?
        }
        Table::Sparse(x) => Columns::sparse(*x, weights, set.intercept)?,
    };
    let mut out = Path {
        coef: Array3::zeros((alphas.len(), k, p)),
        intercept: Array2::zeros((alphas.len(), k)),
        gap: Array2::zeros((alphas.len(), k)),
        n_iter: Array2::zeros((alphas.len(), k)),
        goal: Array1::zeros(k),
        most: Array1::zeros(k),
    };
    for t in 0..k {
        columns.take(t, y.column(t), y_mean[t], &Array1::zeros(p));
        let sides = |s: f64| if set.positive { s } else { s.abs() };
        out.most[t] = (0..p).fold(0.0, |m: f64, j| m.max(sides(columns.slope(j))));
        out.goal[t] = set.tol * columns.yy;
        let mut coef = Array1::zeros(p);
        if let Some(start) = start {
            coef.assign(&start.row(t));
            columns.take(t, y.column(t), y_mean[t], &coef);
        }
        for (a, &alpha) in alphas.iter().enumerate() {
            let alpha = if alpha < 0.0 { -alpha * out.most[t] / set.l1_ratio } else { alpha };
            let penalty = (alpha * set.l1_ratio, alpha * (1.0 - set.l1_ratio));
            let (gap, n_iter) = descend(ctx, &mut columns, &mut coef, penalty, set)?;
            out.intercept[[a, t]] = y_mean[t] - coef.dot(&columns.mean);
            out.gap[[a, t]] = gap;
            out.n_iter[[a, t]] = n_iter as u64;
            out.coef.index_axis_mut(Axis(0), a).row_mut(t).assign(&coef);
        }
    }
    Ok(out)
}

/// Goes down until the duality gap is small enough; returns it and the sweeps made.
fn descend(
    ctx: &Ctx,
    columns: &mut Columns,
    coef: &mut Array1<f64>,
    (l1, l2): (f64, f64),
    set: Settings,
) -> Result<(f64, usize)> {
    let p = coef.len();
    let goal = set.tol * columns.yy;
    let mut draw = set.seed.map(|seed| Stream::new(seed, 0, 0, 0));
    let mut gap = gap_of(columns, coef, (l1, l2), set.positive);
    if (0.0..=goal).contains(&gap) {
        return Ok((gap, 0));
    }
    // All columns, then those in use until they rest, then all again.
    let mut all = true;
    let mut active: Vec<usize> = (0..p).collect();
    for n_iter in 1..=set.max_iter {
        ctx.check()?;
        let (mut largest, mut moved) = (0.0f64, 0.0f64);
        for k in 0..active.len() {
            let j = match draw.as_mut() {
                Some(draw) => active[draw.below(active.len() as u64) as usize],
                None => active[k],
            };
            let square = columns.squares[j];
            if square <= 0.0 {
                continue;
            }
            let old = coef[j];
            let pull = columns.slope(j) + square * old;
            let new =
                if set.positive && pull < 0.0 { 0.0 } else { soften(pull, l1) / (square + l2) };
            if new != old {
                columns.shift(j, new - old);
                coef[j] = new;
            }
            largest = largest.max(new.abs());
            moved = moved.max((new - old).abs());
        }
        let rests = largest == 0.0 || moved <= set.tol * largest;
        if (rests && all) || n_iter == set.max_iter {
            gap = gap_of(columns, coef, (l1, l2), set.positive);
            if gap <= goal {
                return Ok((gap, n_iter));
            }
        }
        // Draws at random do not tell when columns rest: they take all of them always.
        if draw.is_none() && (all || rests) {
            all = rests && !all;
            active.clear();
            active.extend((0..p).filter(|&j| all || coef[j] != 0.0));
            if active.is_empty() {
                all = true;
                active.extend(0..p);
            }
        }
    }
    Ok((gap, set.max_iter))
}

/// The duality gap (for l1 = 0 that of ridge; without a penalty the square of the slope).
fn gap_of(columns: &Columns, coef: &Array1<f64>, (l1, l2): (f64, f64), positive: bool) -> f64 {
    let (square, with_y) = columns.residual(coef);
    let norm = coef.dot(coef);
    if l1 == 0.0 {
        let slopes: f64 = (0..coef.len()).map(|j| columns.slope(j).powi(2)).sum();
        return if l2 == 0.0 {
            slopes
        } else {
            square + 0.5 * l2 * norm - with_y + slopes / (2.0 * l2)
        };
    }
    let steepest = (0..coef.len()).fold(f64::NEG_INFINITY, |m, j| {
        let slope = columns.slope(j) - l2 * coef[j];
        m.max(if positive { slope } else { slope.abs() })
    });
    let primal = 0.5 * (square + l2 * norm) + l1 * coef.iter().map(|c| c.abs()).sum::<f64>();
    let scale = if steepest > l1 { l1 / steepest } else { 1.0 };
    primal + 0.5 * scale * scale * (square + l2 * norm) - scale * with_y
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn data(seed: u64, n: usize, p: usize) -> (Array2<f64>, Array2<f64>) {
        let mut s = Stream::new(seed, 5, 0, 0);
        let x =
            Array2::from_shape_fn((n, p), |_| if s.unit() < 0.3 { 0.0 } else { s.normal() + 1.0 });
        let y =
            Array2::from_shape_fn((n, 1), |(i, _)| 2.0 * x[[i, 0]] - x[[i, p - 1]] + s.normal());
        (x, y)
    }

    fn settings(l1_ratio: f64) -> Settings {
        Settings {
            l1_ratio,
            intercept: true,
            positive: false,
            max_iter: 100_000,
            tol: 1e-10,
            seed: None,
        }
    }

    fn run(x: &Array2<f64>, y: &Array2<f64>, alpha: f64, set: Settings) -> Path {
        let alphas = Array1::from_elem(1, alpha);
        path(&Ctx::new(1), &Table::Dense(x.view(), None), y.view(), None, alphas.view(), set, None)
            .unwrap()
    }

    proptest! {
        #[test]
        fn slopes_balance_the_penalty(seed in 0u64..200, wide in any::<bool>(), ratio in 0.1f64..1.0) {
            let (x, y) = if wide { data(seed, 12, 20) } else { data(seed, 50, 5) };
            let (alpha, n) = (0.2, x.nrows() as f64);
            let got = run(&x, &y, alpha, settings(ratio));
            let coef = got.coef.index_axis(Axis(0), 0).row(0).to_owned();
            let left = &y.column(0) - &x.dot(&coef) - got.intercept[[0, 0]];
            prop_assert!((left.sum() / n).abs() < 1e-9);
            for j in 0..x.ncols() {
                let slope = x.column(j).dot(&left) / n - alpha * (1.0 - ratio) * coef[j];
                let bound = alpha * ratio;
                if coef[j] == 0.0 {
                    prop_assert!(slope.abs() <= bound + 1e-4);
                } else {
                    prop_assert!((slope - bound * coef[j].signum()).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn all_ways_agree() {
        let (x, y) = data(1, 40, 6);
        let want = run(&x, &y, 0.1, settings(0.7));
        let mut wide = Array2::zeros((40, 60));
        wide.slice_mut(ndarray::s![.., ..6]).assign(&x);
        let by_residual = run(&wide, &y, 0.1, settings(0.7));
        let random = run(&x, &y, 0.1, Settings { seed: Some(3), ..settings(0.7) });
        let (mut starts, mut rows, mut values) = (vec![0i64], vec![], vec![]);
        for column in x.columns() {
            for (i, v) in column.iter().enumerate().filter(|(_, v)| **v != 0.0) {
                rows.push(i as i64);
                values.push(*v);
            }
            starts.push(values.len() as i64);
        }
        let (starts, rows, values) =
            (Array1::from(starts), Array1::from(rows), Array1::from(values));
        let sparse = Sparse {
            starts: starts.view(),
            columns: rows.view(),
            values: values.view(),
            width: 40,
        };
        let alphas = ndarray::array![0.1];
        let table: Table<f64> = Table::Sparse(sparse);
        let by_cells =
            path(&Ctx::new(1), &table, y.view(), None, alphas.view(), settings(0.7), None).unwrap();
        for other in [by_residual, random, by_cells] {
            for j in 0..6 {
                assert!((other.coef[[0, 0, j]] - want.coef[[0, 0, j]]).abs() < 1e-4);
            }
            assert!((other.intercept[[0, 0]] - want.intercept[[0, 0]]).abs() < 1e-3);
        }
    }

    #[test]
    fn the_largest_penalty_leaves_nothing() {
        let (x, y) = data(2, 40, 4);
        let got = run(&x, &y, -1.0, settings(0.5));
        assert!(got.coef.iter().all(|c| *c == 0.0));
        assert!(run(&x, &y, -0.9, settings(0.5)).coef.iter().any(|c| *c != 0.0));
    }
}
