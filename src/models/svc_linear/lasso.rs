//! Squared hinge with a penalty of absolute values, by the proximal steps that the logistic loss
//! takes, too.

use ndarray::{Array1, Array2, ArrayView1, s};

use super::super::logistic::Look;
use super::super::proximal::{Model, minimise};
use super::{End, Problem, newton};
use crate::base::float::Float;
use crate::base::{Ctx, Result};

/// Up to so many columns the steps know how columns go together.
const KNOWN: usize = 500;

pub(super) fn solve<T: Float>(ctx: &Ctx, problem: &Problem<T>) -> Result<End> {
    let (n, q) = (problem.y.len(), problem.width());
    let all: Vec<u32> = (0..n as u32).collect();
    let twice: Vec<f64> = problem.cost.iter().map(|c| 2.0 * c).collect();
    let look = |theta: &Array2<f64>| -> Result<Look> {
        let w = theta.row(0).to_vec();
        let score = problem.scores(ctx, &w)?;
        let mut value = 0.0;
        let mut by = vec![0.0; n];
        let mut costly = Vec::new();
        for i in 0..n {
            let off = problem.set.loss.off(problem.y[i], score[i]);
            if off != 0.0 {
                value += problem.cost[i] * off * off;
                by[i] = twice[i] * off;
                costly.push(i as u32);
            }
        }
        let gradient = Array1::from(problem.sum(ctx, &costly, &by, None)?);
        Ok(Look { value, gradient: gradient.insert_axis(ndarray::Axis(0)) })
    };
    let mut theta = Array2::zeros((1, q));
    let most = look(&theta)?.gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
    let metric = (q <= KNOWN).then(|| newton::squares(ctx, problem, &twice, &all)).transpose()?;
    let mut diagonal = match &metric {
        Some(square) => square.diag().to_owned(),
        None => Array1::from(newton::diagonal(problem, &twice, &all)),
    };
    diagonal.mapv_inplace(|d| if d > 0.0 { d } else { 1.0 });
    let metric = metric.map(|square| {
        let mut inner = square.slice(s![..q - 1, ..q - 1]).to_owned();
        inner.diag_mut().assign(&diagonal.slice(s![..q - 1]));
        inner
    });
    let mut l1 = Array1::ones(q);
    l1[q - 1] = if problem.set.bias > 0.0 { 1.0 } else { 0.0 };
    let model = Model { metric, diagonal, l1, blocks: None };
    let goal = problem.goal * most;
    let (steps, converged) =
        minimise(&mut theta, (goal, 10.0 * goal), problem.set.max_iter, &model, look)?;
    let w: ArrayView1<f64> = theta.row(0);
    Ok((w.to_vec(), steps, converged))
}
