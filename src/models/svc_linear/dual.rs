//! Losses with a kink: coordinate descent on the dual, with shrinking (Hsieh et al. 2008; Ho and
//! Lin 2012). A row that stays at a bound is left out until the others have settled.

use super::{End, Problem};
use crate::base::float::Float;
use crate::base::rng::Stream;
use crate::base::{Ctx, Result, lanes};
use crate::models::cells::{Block, Row, padded};

/// The operation of the random stream.
const ORDER: u64 = 0x5356_4d4c;

/// The weights of the rows so far, and of the columns by that.
struct Dual {
    w: Vec<f64>,
    intercept: f64,
    alpha: Vec<f64>,
    /// Squares of the rows' lengths, with the intercept's column.
    square: Vec<f64>,
    bias: f64,
}

impl Dual {
    fn new<T: Float>(problem: &Problem<T>) -> Self {
        let (n, bias) = (problem.y.len(), problem.set.bias);
        let square = (0..n).map(|i| problem.cells.row(i).square() + bias * bias).collect();
        let w = vec![0.0; padded(problem.cells.width())];
        Dual { w, intercept: 0.0, alpha: vec![0.0; n], square, bias }
    }

    #[inline(always)]
    fn score(&self, row: &Row<f64>) -> f64 {
        row.dot(&self.w) + self.bias * self.intercept
    }

    #[inline(always)]
    fn add(&mut self, row: &Row<f64>, by: f64) {
        row.add(&mut self.w, by);
        self.intercept += by * self.bias;
    }

    fn end(mut self, width: usize) -> Vec<f64> {
        self.w.truncate(width - 1);
        self.w.push(self.intercept);
        self.w
    }
}

/// Rows in use, in the order of a sweep, and those left out.
struct Order {
    used: Vec<u32>,
    out: Vec<u32>,
    seed: (u64, u64),
    sweep: u64,
    /// Visits to rows so far, and those that are a sweep over all.
    visits: usize,
    whole: usize,
}

impl Order {
    fn new(cost: &[f64], seed: (u64, u64)) -> Self {
        let used: Vec<u32> = (0..cost.len() as u32).filter(|&i| cost[i as usize] > 0.0).collect();
        let whole = used.len().max(1);
        Order { used, out: Vec::new(), seed, sweep: 0, visits: 0, whole }
    }

    /// Sweeps over all rows that the visits so far amount to: those over few rows cost little.
    fn sweeps(&self) -> usize {
        self.visits.div_ceil(self.whole)
    }

    /// Visits the rows in use in random order; `visit` says which to keep.
    fn sweep<T: Float>(
        &mut self,
        ctx: &Ctx,
        problem: &Problem<T>,
        mut visit: impl FnMut(usize, &Row<f64>) -> bool,
    ) -> Result<()> {
        Stream::new(self.seed.0, ORDER, self.sweep, self.seed.1).shuffle(&mut self.used);
        self.sweep += 1;
        self.visits += self.used.len().max(1);
        let (mut block, size) = (Block::default(), Block::size(&problem.cells));
        let mut kept = 0;
        for first in (0..self.used.len()).step_by(size) {
            ctx.check()?;
            let last = (first + size).min(self.used.len());
            block.gather(&problem.cells, &self.used[first..last]);
            let (used, out, visit) = (&mut self.used, &mut self.out, &mut visit);
            lanes::run(
                #[inline(always)]
                || {
                    for k in first..last {
                        let i = used[k];
                        if visit(i as usize, &block.row(k - first)) {
                            used[kept] = i;
                            kept += 1;
                        } else {
                            out.push(i);
                        }
                    }
                },
            );
        }
        self.used.truncate(kept);
        Ok(())
    }

    /// Takes all rows back; false if none were left out.
    fn restore(&mut self) -> bool {
        let any = !self.out.is_empty();
        self.used.append(&mut self.out);
        any
    }
}

/// Hinge loss.
pub(super) fn hinge<T: Float>(ctx: &Ctx, problem: &Problem<T>, k: usize) -> Result<End> {
    let mut dual = Dual::new(problem);
    let mut order = Order::new(&problem.cost, (problem.set.seed, k as u64));
    let (mut above, mut below) = (f64::INFINITY, f64::NEG_INFINITY);
    while order.sweeps() < problem.set.max_iter {
        let (mut most, mut least) = (f64::NEG_INFINITY, f64::INFINITY);
        order.sweep(
            ctx,
            problem,
            #[inline(always)]
            |i, row| {
                let (y, cost, alpha) = (problem.y[i], problem.cost[i], dual.alpha[i]);
                let slope = y * dual.score(row) - 1.0;
                if (alpha == 0.0 && slope > above) || (alpha == cost && slope < below) {
                    return false;
                }
                let bound = (alpha == 0.0 && slope > 0.0) || (alpha == cost && slope < 0.0);
                let free = if bound { 0.0 } else { slope };
                most = most.max(free);
                least = least.min(free);
                if free.abs() > 1e-12 && dual.square[i] > 0.0 {
                    let next = (alpha - slope / dual.square[i]).clamp(0.0, cost);
                    dual.alpha[i] = next;
                    dual.add(row, (next - alpha) * y);
                }
                true
            },
        )?;
        // Without a row there is nothing left to gain.
        if order.used.is_empty() || most - least <= problem.set.tol {
            if !order.restore() {
                return Ok((dual.end(problem.width()), order.sweeps(), true));
            }
            (above, below) = (f64::INFINITY, f64::NEG_INFINITY);
        } else {
            above = if most > 0.0 { most } else { f64::INFINITY };
            below = if least < 0.0 { least } else { f64::NEG_INFINITY };
        }
    }
    Ok((dual.end(problem.width()), problem.set.max_iter, false))
}

/// Errors beyond `epsilon`.
pub(super) fn insensitive<T: Float>(ctx: &Ctx, problem: &Problem<T>, epsilon: f64) -> Result<End> {
    let mut dual = Dual::new(problem);
    let mut order = Order::new(&problem.cost, (problem.set.seed, 0));
    let (mut limit, mut first) = (f64::INFINITY, -1.0);
    while order.sweeps() < problem.set.max_iter {
        let (mut most, mut sum) = (0.0f64, 0.0);
        order.sweep(
            ctx,
            problem,
            #[inline(always)]
            |i, row| {
                let (cost, alpha, square) = (problem.cost[i], dual.alpha[i], dual.square[i]);
                let slope = dual.score(row) - problem.y[i];
                let (up, down) = (slope + epsilon, slope - epsilon);
                let done = (alpha == 0.0 && up > limit && down < -limit)
                    || (alpha >= cost && up < -limit)
                    || (alpha <= -cost && down > limit);
                if done {
                    return false;
                }
                let violation = if alpha == 0.0 {
                    (-up).max(down).max(0.0)
                } else if alpha >= cost {
                    up.max(0.0)
                } else if alpha <= -cost {
                    (-down).max(0.0)
                } else if alpha > 0.0 {
                    up.abs()
                } else {
                    down.abs()
                };
                most = most.max(violation);
                sum += violation;
                if square > 0.0 {
                    let step = if up < square * alpha {
                        -up / square
                    } else if down > square * alpha {
                        -down / square
                    } else {
                        -alpha
                    };
                    let next = (alpha + step).clamp(-cost, cost);
                    dual.alpha[i] = next;
                    if next != alpha {
                        dual.add(row, next - alpha);
                    }
                }
                true
            },
        )?;
        first = if first < 0.0 { sum } else { first };
        if sum <= problem.set.tol * first {
            if !order.restore() {
                return Ok((dual.end(problem.width()), order.sweeps(), true));
            }
            limit = f64::INFINITY;
        } else {
            limit = most;
        }
    }
    Ok((dual.end(problem.width()), problem.set.max_iter, false))
}
