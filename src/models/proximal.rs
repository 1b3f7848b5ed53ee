//! Smooth losses with a penalty of absolute values or of groups: SpaRSA (Wright, Nowak and Figueiredo 2009).
//!
//! Each step minimises a quadratic model of the loss plus the penalty, by coordinate descent. The
//! model bends as a fixed matrix times a factor, which the last step tells (Barzilai and Borwein
//! 1988). The objective may rise for a few steps, not over its worst of the last ones.

use std::collections::VecDeque;

use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut1};

use super::group::Blocks;
use super::logistic::{Look, largest};
use crate::base::Result;

/// Steps whose objectives a new one is compared with.
const MEMORY: usize = 5;
/// Passes over the coordinates of one step.
const SWEEPS: usize = 200;

/// The quadratic model of the loss.
pub(super) struct Model {
    /// About the Hessian of one row of coefficients without the last; `None` for a diagonal one.
    pub metric: Option<Array2<f64>>,
    /// Its diagonal, with the last coefficient (the intercept, which is not penalised).
    pub diagonal: Array1<f64>,
    /// The penalty by coefficient; 0 for the last.
    pub l1: Array1<f64>,
    /// Groups of columns, in place of all of that.
    pub blocks: Option<Blocks>,
}

/// Minimises from `theta` on until no subgradient is above `goal`; returns (steps, converged),
/// where `enough` counts as converged when no step makes the objective smaller.
pub(super) fn minimise(
    theta: &mut Array2<f64>,
    (goal, enough): (f64, f64),
    max_iter: usize,
    model: &Model,
    look: impl Fn(&Array2<f64>) -> Result<Look>,
) -> Result<(usize, bool)> {
    let mut now = look(theta)?;
    let mut factor = 1.0;
    let mut past = VecDeque::from([now.value + model.penalty(theta)]);
    for iter in 0..max_iter {
        if model.steepest(theta, &now.gradient) <= goal {
            return Ok((iter.max(1), true));
        }
        let worst = past.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let rounding = 4.0 * f64::EPSILON * worst.abs();
        let next = loop {
            let trial = model.step(theta, &now.gradient, factor);
            let moved = &trial - &*theta;
            let bend = model.bend(&moved);
            let there = look(&trial)?;
            let total = there.value + model.penalty(&trial);
            if total <= worst - 1e-4 * 0.5 * factor * bend + rounding {
                break Some((trial, there, moved, bend, total));
            }
            factor *= 2.0;
            if factor > 1e12 || !bend.is_finite() {
                break None;
            }
        };
        let Some((trial, there, moved, bend, total)) = next else {
            return Ok((iter.max(1), model.steepest(theta, &now.gradient) <= enough));
        };
        let turned: f64 = there
            .gradient
            .iter()
            .zip(&now.gradient)
            .zip(&moved)
            .map(|((a, b), m)| (a - b) * m)
            .sum();
        if bend == 0.0 {
            return Ok((iter.max(1), model.steepest(&trial, &there.gradient) <= enough));
        }
        factor = (turned / bend).clamp(1e-4, 1e6);
        if past.len() == MEMORY {
            past.pop_front();
        }
        past.push_back(total);
        *theta = trial;
        now = there;
    }
    Ok((max_iter, model.steepest(theta, &now.gradient) <= enough))
}

impl Model {
    fn penalty(&self, theta: &Array2<f64>) -> f64 {
        if let Some(blocks) = &self.blocks {
            return blocks.penalty(theta);
        }
        let one = |row: ArrayView1<f64>| -> f64 {
            row.iter().zip(&self.l1).map(|(t, l)| l * t.abs()).sum()
        };
        theta.rows().into_iter().map(one).sum()
    }

    /// The largest part of the subgradient that is least.
    fn steepest(&self, theta: &Array2<f64>, gradient: &Array2<f64>) -> f64 {
        if let Some(blocks) = &self.blocks {
            return blocks.steepest(theta, gradient);
        }
        let mut most = 0.0f64;
        for (row, slopes) in theta.rows().into_iter().zip(gradient.rows()) {
            for ((t, g), l) in row.iter().zip(slopes).zip(&self.l1) {
                let left =
                    if *t == 0.0 { (g.abs() - l).max(0.0) } else { (g + l * t.signum()).abs() };
                most = most.max(left);
            }
        }
        most
    }

    /// moved' H moved.
    fn bend(&self, moved: &Array2<f64>) -> f64 {
        if let Some(blocks) = &self.blocks {
            return blocks.bend(moved);
        }
        let p = self.l1.len() - 1;
        let mut sum = 0.0;
        for row in moved.rows() {
            let inner = row.slice(ndarray::s![..p]);
            sum += self.diagonal[p] * row[p] * row[p];
            sum += match &self.metric {
                Some(h) => inner.dot(&h.dot(&inner)),
                None => inner.iter().zip(&self.diagonal).map(|(m, d)| d * m * m).sum(),
            };
        }
        sum
    }

    /// Where the quadratic model and the penalty are least together.
    fn step(&self, theta: &Array2<f64>, gradient: &Array2<f64>, factor: f64) -> Array2<f64> {
        let mut out = theta.clone();
        if let Some(blocks) = &self.blocks {
            let mut slopes = gradient.clone();
            let goal = 1e-4 * largest(gradient);
            let mut sweeps = (0..SWEEPS).map(|_| blocks.sweep(&mut out, &mut slopes, factor));
            sweeps.find(|most| *most <= goal);
            return out;
        }
        for (row, slopes) in out.rows_mut().into_iter().zip(gradient.rows()) {
            self.descend(row, slopes, factor);
        }
        out
    }

    fn descend(&self, mut theta: ArrayViewMut1<f64>, gradient: ArrayView1<f64>, factor: f64) {
        let mut slope = gradient.to_owned();
        for _ in 0..if self.metric.is_some() { SWEEPS } else { 1 } {
            let mut most = 0.0f64;
            for j in 0..theta.len() {
                let bend = factor * self.diagonal[j];
                let old = theta[j];
                let new = soften(old - slope[j] / bend, self.l1[j] / bend);
                if new == old {
                    continue;
                }
                theta[j] = new;
                most = most.max((new - old).abs() * bend);
                match &self.metric {
                    Some(h) if j + 1 < self.l1.len() => {
                        let by = factor * (new - old);
                        slope.iter_mut().zip(h.row(j)).for_each(|(s, h)| *s += by * h);
                    }
                    _ => slope[j] += bend * (new - old),
                }
            }
            // A hundredth of the gradient is exact enough: the model itself is only near.
            if most <= 1e-2 * gradient.iter().fold(0.0f64, |m, g| m.max(g.abs())) * 1e-2 {
                break;
            }
        }
    }
}

/// Towards zero by `by`, at most to zero.
pub(super) fn soften(x: f64, by: f64) -> f64 {
    if x > by {
        x - by
    } else if x < -by {
        x + by
    } else {
        0.0
    }
}
