//! Squared losses with a penalty of squares: Newton's method on the rows that cost (Keerthi and
//! DeCoste 2005), by a factor of few columns' Hessian, else by conjugate gradients.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView1};

use super::{End, Problem};
use crate::base::float::Float;
use crate::base::linalg::{Cholesky, dot};
use crate::base::{Ctx, Result, par};

/// Up to so many columns the Hessian is made and factored.
const FACTORED: usize = 200;
/// Rows of it made at once.
const BLOCK: usize = 256;
/// Rows of a chunk in the search along a line.
const LINE: usize = 1 << 15;
/// Conjugate gradients at most, and what they leave of the gradient.
const GRADIENTS: usize = 500;
const LEFT: f64 = 0.1;

pub(super) fn solve<T: Float>(ctx: &Ctx, problem: &Problem<T>) -> Result<End> {
    let (n, q) = (problem.y.len(), problem.width());
    let (mut w, mut score) = (vec![0.0; q], vec![0.0; n]);
    let mut by = vec![0.0; n];
    let twice: Vec<f64> = problem.cost.iter().map(|c| 2.0 * c).collect();
    let mut hessian = (q <= FACTORED && n >= q).then(|| Hessian::new(n, q));
    let mut first = 0.0;
    for iter in 0.. {
        let mut costly = Vec::new();
        for (i, b) in by.iter_mut().enumerate() {
            *b = twice[i] * problem.set.loss.off(problem.y[i], score[i]);
            if *b != 0.0 {
                costly.push(i as u32);
            }
        }
        let mut gradient = problem.sum(ctx, &costly, &by, None)?;
        gradient.iter_mut().zip(&w).for_each(|(g, w)| *g += w);
        let size = dot(&gradient, &gradient).sqrt();
        first = if iter == 0 { size } else { first };
        if size <= problem.goal * first || !size.is_finite() {
            return Ok((w, iter, true));
        }
        if iter == problem.set.max_iter {
            return Ok((w, iter, false));
        }
        let step = match &mut hessian {
            Some(hessian) => hessian.step(ctx, problem, &twice, &costly, &gradient)?,
            None => None,
        };
        let step = match step {
            Some(step) => step,
            None => conjugate(ctx, problem, &twice, &costly, &gradient)?,
        };
        let moved = problem.scores(ctx, &step)?;
        let length = search(ctx, problem, &twice, (&w, &score), (&step, &moved))?;
        let most = |v: &[f64]| v.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let still = length * most(&step) <= 1e-14 * most(&w);
        w.iter_mut().zip(&step).for_each(|(w, s)| *w += length * s);
        score.iter_mut().zip(&moved).for_each(|(s, m)| *s += length * m);
        if still {
            return Ok((w, iter + 1, true)); // as near as numbers go
        }
    }
    Ok((w, 0, false))
}

/// Where along `step` the objective is least: it is made of parabolas.
fn search<T: Float>(
    ctx: &Ctx,
    problem: &Problem<T>,
    twice: &[f64],
    (w, score): (&[f64], &[f64]),
    (step, moved): (&[f64], &[f64]),
) -> Result<f64> {
    let (across, along) = (dot(w, step), dot(step, step));
    let slope = |t: f64| -> Result<(f64, f64)> {
        let parts = par::map_chunks(ctx, score.len(), LINE, |a, b| {
            let (mut slope, mut bend) = (0.0, 0.0);
            for i in a..b {
                let off = problem.set.loss.off(problem.y[i], score[i] + t * moved[i]);
                if off != 0.0 {
                    slope += twice[i] * off * moved[i];
                    bend += twice[i] * moved[i] * moved[i];
                }
            }
            (slope, bend)
        })?;
        let sum = parts.into_iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        Ok((across + t * along + sum.0, along + sum.1))
    };
    let enough = 1e-3 * slope(0.0)?.0.abs();
    let (mut low, mut high, mut t) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..30 {
        let (rise, bend) = slope(t)?;
        if rise.abs() <= enough || !rise.is_finite() {
            break;
        }
        if rise > 0.0 {
            high = t;
        } else {
            low = t;
        }
        let next = t - rise / bend;
        t = if next > low && next < high {
            next
        } else if high.is_finite() {
            0.5 * (low + high)
        } else {
            2.0 * t
        };
    }
    Ok(t)
}

/// The second derivatives, kept up to date by the rows that begin and cease to cost.
struct Hessian {
    square: Array2<f64>,
    costly: Vec<bool>,
    count: usize,
}

impl Hessian {
    fn new(n: usize, q: usize) -> Self {
        Hessian { square: Array2::eye(q), costly: vec![false; n], count: 0 }
    }

    /// Newton's step; `None` where rounding has made the matrix useless.
    fn step<T: Float>(
        &mut self,
        ctx: &Ctx,
        problem: &Problem<T>,
        twice: &[f64],
        costly: &[u32],
        gradient: &[f64],
    ) -> Result<Option<Vec<f64>>> {
        let mut now = vec![false; self.costly.len()];
        costly.iter().for_each(|&i| now[i as usize] = true);
        let new: Vec<u32> = costly.iter().copied().filter(|&i| !self.costly[i as usize]).collect();
        let kept = costly.len() - new.len();
        if self.count - kept + new.len() < costly.len() {
            let were = 0..self.costly.len() as u32;
            let old: Vec<u32> =
                were.filter(|&i| self.costly[i as usize] && !now[i as usize]).collect();
            self.square += &squares(ctx, problem, twice, &new)?;
            self.square -= &squares(ctx, problem, twice, &old)?;
        } else {
            self.square = squares(ctx, problem, twice, costly)?;
            self.square += &Array2::eye(gradient.len());
        }
        (self.costly, self.count) = (now, costly.len());
        let factor = Cholesky::new(self.square.view());
        Ok(factor.map(|f| f.solve(ArrayView1::from(gradient)).mapv(|v| -v).to_vec()))
    }
}

/// The sum of `twice * x x'` over some rows.
pub(super) fn squares<T: Float>(
    ctx: &Ctx,
    problem: &Problem<T>,
    twice: &[f64],
    ids: &[u32],
) -> Result<Array2<f64>> {
    let q = problem.width();
    let size = ids.len().div_ceil(32).next_multiple_of(BLOCK);
    let parts = par::map_chunks(ctx, ids.len(), size, |a, b| {
        let mut sum = Array2::<f64>::zeros((q, q));
        let mut block = Array2::<f64>::zeros((BLOCK, q));
        for some in ids[a..b].chunks(BLOCK) {
            for (mut out, &i) in block.rows_mut().into_iter().zip(some) {
                let root = twice[i as usize].sqrt();
                out.fill(0.0);
                problem.cells.row(i as usize).each(|j, v| out[j] = root * v);
                out[q - 1] = root * problem.set.bias;
            }
            let rows = block.slice(ndarray::s![..some.len(), ..]);
            general_mat_mul(1.0, &rows.t(), &rows, 1.0, &mut sum);
        }
        sum
    })?;
    Ok(parts.into_iter().fold(Array2::zeros((q, q)), |a, b| a + b))
}

/// The diagonal of the same.
pub(super) fn diagonal<T: Float>(problem: &Problem<T>, twice: &[f64], ids: &[u32]) -> Vec<f64> {
    let q = problem.width();
    let mut out = vec![0.0; q];
    for &i in ids {
        let by = twice[i as usize];
        problem.cells.row(i as usize).each(|j, v| out[j] += by * v * v);
        out[q - 1] += by * problem.set.bias * problem.set.bias;
    }
    out
}

/// Newton's step, nearly, by conjugate gradients scaled by the diagonal of the Hessian.
fn conjugate<T: Float>(
    ctx: &Ctx,
    problem: &Problem<T>,
    twice: &[f64],
    costly: &[u32],
    gradient: &[f64],
) -> Result<Vec<f64>> {
    let q = gradient.len();
    let mut scale = diagonal(problem, twice, costly);
    scale.iter_mut().for_each(|s| *s += 1.0);
    let mut step = vec![0.0; q];
    let mut rest: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut scaled: Vec<f64> = rest.iter().zip(&scale).map(|(r, s)| r / s).collect();
    let mut way = scaled.clone();
    let mut size = dot(&rest, &scaled);
    let goal = LEFT * LEFT * dot(gradient, gradient);
    for _ in 0..GRADIENTS.min(2 * q) {
        let mut turned = problem.sum(ctx, costly, twice, Some(&way))?;
        turned.iter_mut().zip(&way).for_each(|(t, w)| *t += w);
        let bend = dot(&way, &turned);
        if !(bend > 0.0 && bend.is_finite()) {
            break;
        }
        let by = size / bend;
        step.iter_mut().zip(&way).for_each(|(s, w)| *s += by * w);
        rest.iter_mut().zip(&turned).for_each(|(r, t)| *r -= by * t);
        if dot(&rest, &rest) <= goal {
            break;
        }
        scaled.iter_mut().zip(rest.iter().zip(&scale)).for_each(|(o, (r, s))| *o = r / s);
        let next = dot(&rest, &scaled);
        way.iter_mut().zip(&scaled).for_each(|(w, s)| *w = s + next / size * *w);
        size = next;
    }
    Ok(step)
}
