//! Penalties of groups of columns: the group lasso (Yuan and Lin 2006) and the sparse group lasso
//! (Simon, Friedman, Hastie and Tibshirani 2013).
//!
//! A quadratic with such a penalty is minimised by block coordinate descent: a group at a time, by
//! steps that the largest eigenvalue of its block bounds. Least squares is such a quadratic, on the
//! Gram matrix; for losses of classes it is the model that each proximal step minimises.

use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis, s};

use super::gram::{check_weights, gram};
use super::proximal::soften;
use crate::base::eigen::symmetric;
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result};

/// More columns than this make a Gram matrix too large.
const MOST: usize = 4000;

/// Columns in groups, with the penalty of each.
#[derive(Debug, Clone)]
pub struct Groups {
    /// The columns of each group; a column is in one at most, and one in none is not penalised.
    pub members: Vec<Vec<usize>>,
    /// Weights of their penalties, the roots of their sizes say.
    pub weights: Vec<f64>,
}

impl Groups {
    /// Checks them against a number of columns.
    pub fn check(&self, p: usize) -> Result<()> {
        let mut seen = vec![false; p];
        for &j in self.members.iter().flatten() {
            if j >= p || std::mem::replace(&mut seen[j], true) {
                return Err(Error::Parameter(format!(
                    "column {j} is in two groups, or is not one of the {p}"
                )));
            }
        }
        let fits = self.weights.len() == self.members.len();
        if !fits || self.weights.iter().any(|w| !w.is_finite() || *w < 0.0) {
            return Err(Error::Parameter(
                "group weights must be finite and not negative, one a group".into(),
            ));
        }
        Ok(())
    }
}

/// A quadratic and the penalties of groups, for rows of coefficients that are in or out together.
pub(super) struct Blocks {
    members: Vec<Vec<usize>>,
    /// The penalty of the norm of a group.
    strength: Vec<f64>,
    /// The penalty of the absolute values, by column.
    l1: Array1<f64>,
    /// How one row of coefficients bends, of the first columns; `None` for a diagonal.
    metric: Option<Array2<f64>>,
    diagonal: Array1<f64>,
    /// The most that a group bends.
    bounds: Vec<f64>,
}

impl Blocks {
    /// `strength` and `l1` are in the units of the coefficients; columns in no group are left free
    /// by themselves.
    pub fn new(
        groups: &Groups,
        mut strength: Vec<f64>,
        mut l1: Array1<f64>,
        metric: Option<Array2<f64>>,
        diagonal: Array1<f64>,
    ) -> Self {
        let mut members = groups.members.clone();
        let mut grouped = vec![false; diagonal.len()];
        members.iter().flatten().for_each(|&j| grouped[j] = true);
        for j in (0..diagonal.len()).filter(|&j| !grouped[j]) {
            members.push(vec![j]);
            strength.push(0.0);
            l1[j] = 0.0;
        }
        let bound = |group: &Vec<usize>| {
            let most = group.iter().fold(0.0f64, |m, &j| m.max(diagonal[j]));
            let sum: f64 = group.iter().map(|&j| diagonal[j]).sum();
            let Some(h) = metric.as_ref().filter(|_| group.len() > 1) else { return most };
            let n = group.len();
            let part = Array2::from_shape_fn((n, n), |(a, b)| h[[group[a], group[b]]]);
            symmetric(part.view()).map_or(sum, |e| e.values.iter().fold(most, |m, v| m.max(*v)))
        };
        let bounds = members.iter().map(bound).collect();
        Blocks { members, strength, l1, metric, diagonal, bounds }
    }

    fn norm(&self, theta: &Array2<f64>, group: &[usize]) -> f64 {
        let cells = theta.rows().into_iter().flat_map(|row| group.iter().map(move |&j| row[j]));
        cells.map(|v| v * v).sum::<f64>().sqrt()
    }

    /// The penalty.
    pub fn penalty(&self, theta: &Array2<f64>) -> f64 {
        let groups = self.members.iter().zip(&self.strength);
        let norms: f64 = groups.map(|(g, s)| s * self.norm(theta, g)).sum();
        let flat = theta
            .rows()
            .into_iter()
            .map(|row| row.iter().zip(&self.l1).map(|(t, l)| l * t.abs()).sum::<f64>());
        norms + flat.sum::<f64>()
    }

    /// The largest part of the subgradient that is least.
    pub fn steepest(&self, theta: &Array2<f64>, gradient: &Array2<f64>) -> f64 {
        let mut most = 0.0f64;
        for (group, strength) in self.members.iter().zip(&self.strength) {
            let norm = self.norm(theta, group);
            let mut rest = 0.0;
            for (row, slopes) in theta.rows().into_iter().zip(gradient.rows()) {
                for &j in group {
                    let (t, g, l) = (row[j], slopes[j], self.l1[j]);
                    if norm == 0.0 {
                        rest += soften(g, l).powi(2);
                    } else if t == 0.0 {
                        most = most.max((g.abs() - l).max(0.0));
                    } else {
                        most = most.max((g + l * t.signum() + strength * t / norm).abs());
                    }
                }
            }
            if norm == 0.0 {
                most = most.max(rest.sqrt() - strength);
            }
        }
        most
    }

    /// moved' H moved.
    pub fn bend(&self, moved: &Array2<f64>) -> f64 {
        let m = self.metric.as_ref().map_or(0, |h| h.nrows());
        let one = |row: ArrayView1<f64>| {
            let (inner, rest) = (row.slice(s![..m]), row.slice(s![m..]));
            let squares = rest.iter().zip(self.diagonal.slice(s![m..])).map(|(v, d)| d * v * v);
            let whole = self.metric.as_ref().map_or(0.0, |h| inner.dot(&h.dot(&inner)));
            whole + squares.sum::<f64>()
        };
        moved.rows().into_iter().map(one).sum()
    }

    /// One sweep over the groups of `factor` times the quadratic, whose gradient `slopes` follows;
    /// returns the largest change of a slope by one step.
    pub fn sweep(&self, theta: &mut Array2<f64>, slopes: &mut Array2<f64>, factor: f64) -> f64 {
        let mut most = 0.0f64;
        let k = theta.nrows();
        let mut new: Vec<f64> = Vec::new();
        for (b, group) in self.members.iter().enumerate() {
            let bound = factor * self.bounds[b];
            if bound <= 0.0 {
                continue; // columns of zeros
            }
            new.clear();
            for r in 0..k {
                new.extend(
                    group.iter().map(|&j| {
                        soften(theta[[r, j]] - slopes[[r, j]] / bound, self.l1[j] / bound)
                    }),
                );
            }
            let norm = new.iter().map(|v| v * v).sum::<f64>().sqrt();
            let shrink = (1.0 - self.strength[b] / bound / norm.max(f64::MIN_POSITIVE)).max(0.0);
            for r in 0..k {
                for (c, &j) in group.iter().enumerate() {
                    let value = new[r * group.len() + c] * shrink;
                    let by = value - theta[[r, j]];
                    if by == 0.0 {
                        continue;
                    }
                    theta[[r, j]] = value;
                    most = most.max(by.abs() * bound);
                    match &self.metric {
                        Some(h) if j < h.nrows() => {
                            let row = h.row(j);
                            let mut to = slopes.row_mut(r);
                            to.iter_mut().zip(row).for_each(|(s, h)| *s += factor * by * h);
                        }
                        _ => slopes[[r, j]] += factor * by * self.diagonal[j],
                    }
                }
            }
        }
        most
    }

    /// Sweeps until the subgradient is a small enough share of `largest`; returns it and the sweeps.
    fn descend(
        &self,
        ctx: &Ctx,
        theta: &mut Array2<f64>,
        slopes: &mut Array2<f64>,
        (largest, set): (f64, Settings),
    ) -> Result<(f64, usize)> {
        let mut steps = 0;
        loop {
            ctx.check()?;
            let left = self.steepest(theta, slopes) / largest.max(f64::MIN_POSITIVE);
            if left <= set.tol || steps == set.max_iter {
                return Ok((left, steps));
            }
            self.sweep(theta, slopes, 1.0);
            steps += 1;
        }
    }
}

/// Models along the strength of the penalty.
#[derive(Debug, Clone)]
pub struct Path {
    /// Coefficients: penalties, targets, columns.
    pub coef: Array3<f64>,
    /// Intercepts: penalties, targets.
    pub intercept: Array2<f64>,
    /// Sweeps made.
    pub n_iter: Array1<u64>,
    /// The largest part of the subgradient where each stopped, as a share of the largest slope of
    /// coefficients of zero.
    pub left: Array1<f64>,
    /// The least penalty that leaves no group on.
    pub most: f64,
}

/// How to fit.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The share of the penalty that is of absolute values.
    pub l1_ratio: f64,
    /// Whether an intercept is fitted, which is not penalised.
    pub intercept: bool,
    /// The most sweeps.
    pub max_iter: usize,
    /// The subgradient to reach, as a share of the largest slope of coefficients of zero.
    pub tol: f64,
}

/// Minimises the mean of w (y - x b - c)^2 / 2 plus alpha ((1 - r) sum of w_g |b_g|_2 + r |b|_1)
/// for each alpha, from the last one's coefficients on.
pub fn path<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    y: ArrayView2<f64>,
    weights: Option<ArrayView1<f64>>,
    groups: &Groups,
    alphas: ArrayView1<f64>,
    set: Settings,
) -> Result<Path> {
    let ((n, p), k) = (x.dim(), y.ncols());
    if y.nrows() != n {
        return Err(Error::Shape(format!("y has {} rows, X has {n}", y.nrows())));
    }
    if p > MOST {
        return Err(Error::Parameter(format!(
            "groups of columns take {MOST} columns at most; X has {p}: drop or join some first"
        )));
    }
    groups.check(p)?;
    check_weights(n, weights)?;
    let total = weights.map_or(n as f64, |w| w.sum());
    let g = gram(ctx, x, y, weights, set.intercept)?;
    let (xx, slopes) = (g.xx / total, -g.xy.t().to_owned() / total);
    let largest = slopes.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let diagonal = xx.diag().to_owned();
    let mut out = Path {
        coef: Array3::zeros((alphas.len(), k, p)),
        intercept: Array2::zeros((alphas.len(), k)),
        n_iter: Array1::zeros(alphas.len()),
        left: Array1::zeros(alphas.len()),
        most: 0.0,
    };
    let strength = |a: f64| groups.weights.iter().map(|w| a * (1.0 - set.l1_ratio) * w).collect();
    let flat = |a: f64| Array1::from_elem(p, a * set.l1_ratio);
    let mut blocks = Blocks::new(groups, strength(1.0), flat(1.0), Some(xx), diagonal);
    let unit = (blocks.strength.clone(), blocks.l1.clone());
    let (mut theta, mut slopes) = (Array2::zeros((k, p)), slopes);
    // With the groups shut out, columns in none are fitted by themselves.
    blocks.strength[..groups.members.len()].fill(f64::INFINITY);
    blocks.descend(ctx, &mut theta, &mut slopes, (largest, set))?;
    out.most = least_that_empties(groups, &slopes, set.l1_ratio);
    for (a, &alpha) in alphas.iter().enumerate() {
        blocks.strength = unit.0.iter().map(|s| alpha * s).collect();
        blocks.l1 = &unit.1 * alpha;
        let (left, steps) = blocks.descend(ctx, &mut theta, &mut slopes, (largest, set))?;
        out.left[a] = left;
        out.n_iter[a] = steps as u64;
        out.coef.index_axis_mut(Axis(0), a).assign(&theta);
        out.intercept.row_mut(a).assign(&(&g.y_mean - &theta.dot(&g.x_mean)));
    }
    Ok(out)
}

/// The least alpha at which no group is in (columns in no group left out of account).
fn least_that_empties(groups: &Groups, slopes: &Array2<f64>, r: f64) -> f64 {
    let mut most = 0.0f64;
    for (group, weight) in groups.members.iter().zip(&groups.weights) {
        let cells = || slopes.rows().into_iter().flat_map(|row| group.iter().map(move |&j| row[j]));
        let over = |a: f64| {
            let rest: f64 = cells().map(|g| soften(g, a * r).powi(2)).sum();
            rest.sqrt() - a * (1.0 - r) * weight
        };
        let share = (1.0 - r) * weight;
        let norm = cells().map(|g| g * g).sum::<f64>().sqrt();
        let peak = cells().fold(0.0f64, |m, g| m.max(g.abs()));
        // Between zero and either bound the rest falls: halve.
        let high = match (share > 0.0, r > 0.0) {
            (true, _) => norm / share,
            (false, true) => peak / r,
            _ => 0.0, // not penalised
        };
        let (mut low, mut high) = (0.0, high);
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if over(middle) > 0.0 { low = middle } else { high = middle }
        }
        most = most.max(high);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_subgradient_is_zero_at_the_end(seed in 0u64..100, r in 0.0f64..0.9, share in 0.05f64..0.9) {
            let mut s = Stream::new(seed, 0, 0, 0);
            let x = Array2::from_shape_fn((60, 7), |(_, j)| s.normal() * (1.0 + j as f64) + 2.0);
            let y = Array2::from_shape_fn((60, 2), |(i, t)| x[[i, t]] - x[[i, 4]] + s.normal());
            let groups = Groups {
                members: vec![vec![0, 3], vec![1], vec![2, 4, 6]],
                weights: vec![1.4, 1.0, 0.7],
            };
            let set = Settings { l1_ratio: r, intercept: true, max_iter: 100_000, tol: 1e-9 };
            let ctx = Ctx::new(1);
            let run = |alphas: Array1<f64>| {
                path(&ctx, x.view(), y.view(), None, &groups, alphas.view(), set).unwrap()
            };
            let most = run(Array1::zeros(0)).most;
            let got = run(Array1::from(vec![share * most]));
            let alpha = share * most;
            let coef = got.coef.index_axis(Axis(0), 0);
            let left = &y - x.dot(&coef.t()) - got.intercept.row(0);
            let slope = -left.t().dot(&x) / 60.0;
            prop_assert!(slope.column(5).iter().all(|g| g.abs() < 1e-6)); // in no group
            for (group, w) in groups.members.iter().zip(&groups.weights) {
                let cells: Vec<(f64, f64)> = group
                    .iter()
                    .flat_map(|&j| (0..2).map(move |t| (t, j)))
                    .map(|at| (coef[[at.0, at.1]], slope[[at.0, at.1]]))
                    .collect();
                let norm = cells.iter().map(|c| c.0 * c.0).sum::<f64>().sqrt();
                if norm == 0.0 {
                    let rest: f64 = cells.iter().map(|c| soften(c.1, alpha * r).powi(2)).sum();
                    prop_assert!(rest.sqrt() <= alpha * (1.0 - r) * w + 1e-6);
                }
                for (b, g) in cells.iter().filter(|c| c.0 != 0.0) {
                    let pull = alpha * (r * b.signum() + (1.0 - r) * w * b / norm);
                    prop_assert!((g + pull).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn the_least_penalty_is_where_groups_come_in() {
        let mut s = Stream::new(1, 0, 0, 0);
        let x = Array2::from_shape_fn((50, 4), |_| s.normal());
        let y = Array2::from_shape_fn((50, 1), |_| s.normal());
        let groups = Groups { members: vec![vec![0, 1], vec![2, 3]], weights: vec![1.4, 1.4] };
        let set = Settings { l1_ratio: 0.3, intercept: true, max_iter: 10_000, tol: 1e-9 };
        let ctx = Ctx::new(1);
        let run = |a: f64| {
            let alphas = Array1::from(vec![a]);
            path(&ctx, x.view(), y.view(), None, &groups, alphas.view(), set).unwrap()
        };
        let most = run(1.0).most;
        assert!(run(most * 1.0001).coef.iter().all(|c| *c == 0.0));
        assert!(run(most * 0.999).coef.iter().any(|c| *c != 0.0));
        let twice = Groups { members: vec![vec![0, 1], vec![1]], weights: vec![1.0, 1.0] };
        assert!(twice.check(4).is_err() && groups.check(3).is_err());
    }
}
