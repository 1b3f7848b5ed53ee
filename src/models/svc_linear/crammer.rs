//! All classes at once (Crammer and Singer 2001): the dual by one row after another, whose own
//! problem is solved exactly (Keerthi et al. 2008).

use ndarray::Array2;

use super::{Data, Settings};
use crate::base::float::Float;
use crate::base::rng::Stream;
use crate::base::{Ctx, Error, Result};

/// The operation of the random stream.
const ORDER: u64 = 0x4353_4d53;
/// Rows between two looks at the stop flag.
const LOOK: usize = 256;

/// Weights (one row a class), sweeps, and whether they were enough.
pub(super) fn solve<T: Float>(
    ctx: &Ctx,
    data: &Data<T>,
    set: &Settings,
) -> Result<(Array2<f64>, usize, bool)> {
    let (n, p, k) = (data.cells.rows(), data.cells.width(), data.sides.nrows());
    if data.y.iter().any(|&y| !(y >= 0.0 && (y as usize) < k)) || k < 2 {
        return Err(Error::Data(format!("y must hold class codes below {k}")));
    }
    let mut rows = Rows {
        k,
        // The weights of a column for all classes lie together.
        w: vec![0.0; (p + 1) * k],
        alpha: vec![0.0; n * k],
        slope: vec![0.0; k],
        sorted: Vec::with_capacity(k),
    };
    let costs: Vec<f64> =
        (0..n).map(|i| data.costs[i] * data.sides[[data.y[i] as usize, 0]]).collect();
    let all: Vec<u32> = (0..n as u32).filter(|&i| costs[i as usize] > 0.0).collect();
    let (mut order, mut left) = (all.clone(), Vec::new());
    let (mut sweep, mut visits, mut converged) = (0, 0, all.is_empty());
    // Sweeps over few rows count by their share.
    while visits < set.max_iter.saturating_mul(all.len()) && !converged {
        let whole = order.len() == all.len();
        Stream::new(set.seed, ORDER, sweep, 0).shuffle(&mut order);
        sweep += 1;
        visits += order.len();
        left.clear();
        let mut worst = 0.0f64;
        for (seen, &i) in order.iter().enumerate() {
            if seen % LOOK == 0 {
                ctx.check()?;
            }
            let at = i as usize;
            let violation = rows.visit(data, at, costs[at], set.bias);
            worst = worst.max(violation);
            // Rows whose weights are all at their bounds wait until the others have settled.
            if violation > 0.0 {
                left.push(i);
            }
        }
        converged = worst < set.tol && whole;
        if worst < set.tol || left.is_empty() {
            order.clone_from(&all);
        } else {
            std::mem::swap(&mut order, &mut left);
        }
    }
    let coef = Array2::from_shape_fn((k, p + 1), |(c, j)| rows.w[j * k + c]);
    Ok((coef, visits.div_ceil(all.len().max(1)), converged))
}

struct Rows {
    k: usize,
    w: Vec<f64>,
    alpha: Vec<f64>,
    slope: Vec<f64>,
    sorted: Vec<f64>,
}

impl Rows {
    /// Solves for the weights of a row in each class; returns how far they were off.
    fn visit<T: Float>(&mut self, data: &Data<T>, i: usize, cost: f64, bias: f64) -> f64 {
        let (k, own) = (self.k, data.y[i] as usize);
        let row = data.cells.row(i);
        let last = data.cells.width() * k;
        let square = row.square() + bias * bias;
        let (w, slope) = (&self.w, &mut self.slope);
        for (c, (s, w)) in slope.iter_mut().zip(&w[last..]).enumerate() {
            *s = bias * w + if c == own { 0.0 } else { 1.0 };
        }
        row.each(|j, v| {
            for (s, w) in slope.iter_mut().zip(&w[j * k..(j + 1) * k]) {
                *s += v * w;
            }
        });
        let alpha = &mut self.alpha[i * k..(i + 1) * k];
        let bound = |c: usize| if c == own { cost } else { 0.0 };
        let top = slope.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Weights at their bound can only shrink.
        let low = (0..k).filter(|&c| alpha[c] < bound(c)).map(|c| slope[c]);
        let violation = top - low.fold(f64::INFINITY, f64::min);
        if square <= 0.0 || violation <= 1e-12 {
            return 0.0;
        }
        // From slopes to the linear part of the row's own problem.
        slope.iter_mut().zip(alpha.iter()).for_each(|(s, a)| *s -= square * a);
        self.sorted.clear();
        self.sorted.extend_from_slice(slope);
        self.sorted[own] += square * cost;
        self.sorted.sort_unstable_by(|a, b| b.total_cmp(a));
        let mut level = self.sorted[0] - square * cost;
        let mut count = 1.0;
        for &next in &self.sorted[1..] {
            if level >= count * next {
                break;
            }
            level += next;
            count += 1.0;
        }
        level /= count;
        for (c, (a, s)) in alpha.iter_mut().zip(slope.iter_mut()).enumerate() {
            let new = ((level - *s) / square).min(bound(c));
            *s = new - *a;
            *a = new;
        }
        let w = &mut self.w;
        let moved = &self.slope;
        row.each(|j, v| {
            for (w, m) in w[j * k..(j + 1) * k].iter_mut().zip(moved) {
                *w += v * m;
            }
        });
        w[last..].iter_mut().zip(moved).for_each(|(w, m)| *w += bias * m);
        violation
    }
}
