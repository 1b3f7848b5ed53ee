//! Linear support vector machines: the problems of liblinear (Fan et al. 2008).
//!
//! `sum(cost * loss) + |w|^2 / 2` (or `sum |w|`), where the last weight belongs to a column of
//! `bias` and is penalised as the others are.

mod crammer;
mod dual;
mod lasso;
mod newton;

use ndarray::{Array2, ArrayView1, ArrayView2};

use super::cells::{Cells, Row, side};
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, lanes, par};

/// What a row costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// max(0, 1 - margin).
    Hinge,
    /// The square of it.
    SquaredHinge,
    /// The error beyond this one.
    Insensitive(f64),
    /// The square of it.
    SquaredInsensitive(f64),
}

impl Loss {
    /// The loss of scikit-learn's name.
    pub fn new(name: &str, epsilon: f64) -> Result<Self> {
        Ok(match name {
            "hinge" => Loss::Hinge,
            "squared_hinge" => Loss::SquaredHinge,
            "epsilon_insensitive" => Loss::Insensitive(epsilon),
            "squared_epsilon_insensitive" => Loss::SquaredInsensitive(epsilon),
            _ => return Err(Error::Parameter(format!("there is no loss {name:?}"))),
        })
    }

    /// How far a score is off what costs nothing, with its sign.
    #[inline(always)]
    fn off(self, y: f64, score: f64) -> f64 {
        match self {
            Loss::Hinge | Loss::SquaredHinge if y * score < 1.0 => score - y,
            Loss::Insensitive(e) | Loss::SquaredInsensitive(e) if score - y > e => score - y - e,
            Loss::Insensitive(e) | Loss::SquaredInsensitive(e) if y - score > e => score - y + e,
            _ => 0.0,
        }
    }
}

/// What to solve, and how closely.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The loss.
    pub loss: Loss,
    /// Whether absolute values are penalised, not squares.
    pub l1: bool,
    /// Whether classes are told apart all at once (Crammer and Singer 2001).
    pub joint: bool,
    /// The value of the column of the intercept; 0 for none.
    pub bias: f64,
    /// How closely.
    pub tol: f64,
    /// Sweeps or steps at most.
    pub max_iter: usize,
    /// Seed of the order of rows.
    pub seed: u64,
}

/// Rows, their classes or numbers, and what they cost.
pub struct Data<'a, T> {
    /// The rows.
    pub cells: Cells<'a, T>,
    /// Class codes or numbers.
    pub y: ArrayView1<'a, f64>,
    /// C times the weights of the rows.
    pub costs: ArrayView1<'a, f64>,
    /// Factors of the costs as (the class in question, the rest), one a problem.
    pub sides: ArrayView2<'a, f64>,
    /// Whether targets are classes.
    pub classes: bool,
}

/// Weights (the last is that of the intercept's column), steps, and whether they were enough.
#[derive(Debug, Clone)]
pub struct Fit {
    /// Weights, one row a problem.
    pub coef: Array2<f64>,
    /// The most steps of a problem.
    pub n_iter: usize,
    /// Whether all came to their end.
    pub converged: bool,
}

/// Where one problem ended: weights, steps, and whether they were enough.
type End = (Vec<f64>, usize, bool);

/// Solves all problems.
pub fn fit<T: Float>(ctx: &Ctx, data: &Data<T>, set: &Settings) -> Result<Fit> {
    let (n, p, k) = (data.cells.rows(), data.cells.width(), data.sides.nrows());
    if data.y.len() != n || data.costs.len() != n || data.sides.ncols() != 2 || n == 0 {
        return Err(Error::Shape("rows, targets and weights do not fit".into()));
    }
    if data.costs.iter().chain(&data.sides).any(|c| !c.is_finite() || *c < 0.0) {
        return Err(Error::Data("weights must be finite and not negative".into()));
    }
    if set.joint {
        let (coef, n_iter, converged) = crammer::solve(ctx, data, set)?;
        return Ok(Fit { coef, n_iter, converged });
    }
    let ends = par::map(ctx, k, |k| {
        let problem = Problem::new(data, set, k);
        match (set.l1, set.loss) {
            (true, _) => lasso::solve(ctx, &problem),
            (false, Loss::Hinge) => dual::hinge(ctx, &problem, k),
            (false, Loss::Insensitive(e)) => dual::insensitive(ctx, &problem, e),
            _ => newton::solve(ctx, &problem),
        }
    })?;
    let mut fit = Fit { coef: Array2::zeros((k, p + 1)), n_iter: 0, converged: true };
    for (mut row, end) in fit.coef.rows_mut().into_iter().zip(ends) {
        let (w, steps, converged) = end?;
        if w.iter().any(|v| !v.is_finite()) {
            return Err(Error::Data("the coefficients overflow: scale the columns".into()));
        }
        row.assign(&ArrayView1::from(&w));
        fit.n_iter = fit.n_iter.max(steps);
        fit.converged &= converged;
    }
    Ok(fit)
}

/// One class against the rest, or numbers.
struct Problem<'a, T> {
    cells: Cells<'a, T>,
    y: Vec<f64>,
    cost: Vec<f64>,
    set: Settings,
    /// Below this share of the first gradient a gradient is small.
    goal: f64,
}

impl<'a, T: Float> Problem<'a, T> {
    fn new(data: &Data<'a, T>, set: &Settings, k: usize) -> Self {
        let rows = data.y.iter().zip(&data.costs);
        let (y, cost): (Vec<f64>, Vec<f64>) = rows
            .map(|(&y, &c)| {
                if !data.classes {
                    return (y, c);
                }
                let (target, factor) = side(y, k, -1.0, data.sides);
                (target, c * factor)
            })
            .unzip();
        // The rarer class decides how close is close, as in liblinear.
        let own = y.iter().filter(|y| **y > 0.0).count();
        let rarer = own.min(y.len() - own).max(1) as f64 / y.len() as f64;
        let goal = set.tol * if data.classes { rarer } else { 1.0 };
        Problem { cells: data.cells, y, cost, set: *set, goal }
    }

    /// Weights with that of the intercept's column.
    fn width(&self) -> usize {
        self.cells.width() + 1
    }

    #[inline(always)]
    fn dot(&self, row: &Row<T>, w: &[f64]) -> f64 {
        row.dot(w) + self.set.bias * w[w.len() - 1]
    }

    /// Products of all rows with `w`.
    fn scores(&self, ctx: &Ctx, w: &[f64]) -> Result<Vec<f64>> {
        let mut out = vec![0.0; self.y.len()];
        par::fill_chunks(ctx, &mut out, self.chunk(self.y.len()), |first, part| {
            lanes::run(
                #[inline(always)]
                || {
                    for (k, o) in part.iter_mut().enumerate() {
                        *o = self.dot(&self.cells.row(first + k), w);
                    }
                },
            );
        })?;
        Ok(out)
    }

    /// The sum of the rows `ids`, each times `by` it and times its product with `w`, if any.
    fn sum(&self, ctx: &Ctx, ids: &[u32], by: &[f64], w: Option<&[f64]>) -> Result<Vec<f64>> {
        let q = self.width();
        let parts = par::map_chunks(ctx, ids.len(), self.chunk(ids.len()), |a, b| {
            let mut sum = vec![0.0; q];
            lanes::run(
                #[inline(always)]
                || {
                    for &i in &ids[a..b] {
                        let row = self.cells.row(i as usize);
                        let mut by = by[i as usize];
                        if let Some(w) = w {
                            by *= self.dot(&row, w);
                        }
                        row.add(&mut sum, by);
                        sum[q - 1] += by * self.set.bias;
                    }
                },
            );
            sum
        })?;
        let mut all = vec![0.0; q];
        parts.iter().for_each(|part| all.iter_mut().zip(part).for_each(|(a, p)| *a += p));
        Ok(all)
    }

    /// Rows in a chunk: so many that adding chunks up costs little.
    fn chunk(&self, rows: usize) -> usize {
        let chunks = (self.cells.len() / (16 * self.width())).clamp(1, 32);
        rows.div_ceil(chunks).max(1)
    }
}

#[cfg(test)]
mod tests;
