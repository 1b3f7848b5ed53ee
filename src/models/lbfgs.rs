//! Limited-memory BFGS (Nocedal 1980) for smooth convex losses of many coefficients.

use std::collections::VecDeque;

use ndarray::Array2;

use super::logistic::{Look, largest};
use crate::base::Result;
use crate::base::linalg::dot;

/// Steps remembered.
const MEMORY: usize = 10;

/// What is minimised.
pub(super) trait Smooth {
    /// The value and the gradient.
    fn look(&self, theta: &Array2<f64>) -> Result<Look>;
    /// A gradient, divided by about the Hessian.
    fn precondition(&self, gradient: &Array2<f64>) -> Array2<f64>;
    /// Called before step `iter` (from 0), to turn to a better preconditioner.
    fn arrived(&mut self, iter: usize, theta: &Array2<f64>) -> Result<()>;
}

/// Past steps: what moved, how the gradient turned, and one over their product.
pub(super) type Past = VecDeque<(Array2<f64>, Array2<f64>, f64)>;

/// Minimises from `theta` on until the gradient is below `goal`; returns (steps, converged), where
/// `enough` is the gradient that counts as converged when no step makes the loss smaller.
pub(super) fn minimise(
    theta: &mut Array2<f64>,
    (goal, enough): (f64, f64),
    max_iter: usize,
    past: &mut Past,
    of: &mut impl Smooth,
) -> Result<(usize, bool)> {
    let mut now = of.look(theta)?;
    for iter in 0..max_iter {
        if largest(&now.gradient) <= goal {
            return Ok((iter.max(1), true));
        }
        of.arrived(iter, theta)?;
        let mut step = direction(past, &now.gradient, of);
        let mut slope = inner(&step, &now.gradient);
        if slope >= 0.0 {
            past.clear();
            step = -of.precondition(&now.gradient);
            slope = inner(&step, &now.gradient);
        }
        let rounding = 4.0 * f64::EPSILON * now.value.abs();
        let mut length = 1.0;
        let next = loop {
            let trial = &*theta + &(&step * length);
            let there = of.look(&trial)?;
            if there.value <= now.value + 1e-4 * length * slope + rounding {
                break Some((trial, there));
            }
            length *= 0.5;
            if length < 1e-12 {
                break None;
            }
        };
        let Some((trial, there)) = next else {
            return Ok((iter.max(1), largest(&now.gradient) <= enough));
        };
        let (moved, turned) = (&trial - &*theta, &there.gradient - &now.gradient);
        let curve = inner(&moved, &turned);
        if curve > 1e-12 * inner(&turned, &turned) {
            if past.len() == MEMORY {
                past.pop_front();
            }
            past.push_back((moved, turned, 1.0 / curve));
        }
        *theta = trial;
        now = there;
    }
    Ok((max_iter, largest(&now.gradient) <= enough))
}

/// Minus the inverse Hessian, as the past steps show it, times the gradient.
fn direction(past: &Past, gradient: &Array2<f64>, of: &impl Smooth) -> Array2<f64> {
    let mut q = gradient.clone();
    let mut weights = Vec::with_capacity(past.len());
    for (moved, turned, inverse) in past.iter().rev() {
        let a = inverse * inner(moved, &q);
        q.scaled_add(-a, turned);
        weights.push(a);
    }
    q = of.precondition(&q);
    if let Some((moved, turned, _)) = past.back() {
        q *= inner(moved, turned) / inner(turned, &of.precondition(turned));
    }
    for ((moved, turned, inverse), a) in past.iter().zip(weights.into_iter().rev()) {
        let b = inverse * inner(turned, &q);
        q.scaled_add(a - b, moved);
    }
    -q
}

fn inner(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    match (a.as_slice(), b.as_slice()) {
        (Some(a), Some(b)) => dot(a, b),
        _ => a.iter().zip(b).map(|(x, y)| x * y).sum(),
    }
}
