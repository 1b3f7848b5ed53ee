//! Sequential minimal optimisation of the dual problem.
//!
//! One problem serves classes and regression: minimise `b'Kb / 2 - t'b + epsilon |b|` over `lo <= b <= hi` and
//! `sum b = 0`. Each step moves the pair of variables that the second-order rule of Fan, Chen and Lin
//! (2005) picks. Variables that seem settled at a bound are set aside (shrinking) and looked at again
//! before the end. Kernel values are rounded to single precision, sums are made in double.

use super::cache::Cache;
use super::kernel::{Kernel, QUERIES, Query, Store, TILE, Table};
use crate::base::{Ctx, Error, Result, lanes, par};

/// The least curvature of a step, in place of one that is not positive.
const LEAST: f64 = 1e-12;
/// Values between two looks at the running best.
const CHUNK: usize = 128;
/// Numbers to be read from which a row of kernel values is worth two threads.
const WORTH: usize = 200_000;
/// Variables are set aside when they are at least this share of those in play.
const SHARE: f64 = 0.1;

/// How to solve.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The kernel; of no use for a table of given values.
    pub kernel: Kernel,
    /// Stop when no pair of variables violates the conditions of the optimum by more.
    pub tol: f64,
    /// Bytes for rows of kernel values.
    pub cache: usize,
    /// Whether variables are set aside.
    pub shrinking: bool,
    /// The most steps.
    pub max_iter: u64,
}

/// A dual problem over some rows of a table.
#[derive(Debug, Clone, Default)]
pub struct Problem {
    /// The rows.
    pub rows: Vec<u32>,
    /// The target of each: 1 and -1 for two classes.
    pub target: Vec<f64>,
    /// Lower bounds.
    pub lo: Vec<f64>,
    /// Upper bounds.
    pub hi: Vec<f64>,
    /// The weight of absolute values.
    pub epsilon: f64,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Solution {
    /// The coefficient of each row.
    pub dual: Vec<f64>,
    /// What is added to the sum of kernel values.
    pub intercept: f64,
    /// Steps made.
    pub steps: u64,
    /// False if `max_iter` came first.
    pub converged: bool,
    /// The value of the dual problem.
    pub objective: f64,
}

/// Solves one problem.
pub fn solve(ctx: &Ctx, table: &Table, problem: &Problem, set: &Settings) -> Result<Solution> {
    solve_by(ctx, table, problem, set, ctx.threads() > 1)
}

/// [`solve`], where `threads` tells whether a row of kernel values may be made by several threads.
pub(super) fn solve_by(
    ctx: &Ctx,
    table: &Table,
    problem: &Problem,
    set: &Settings,
    threads: bool,
) -> Result<Solution> {
    let mut solver = Solver::new(ctx, table, problem, set, threads)?;
    let (steps, converged) = solver.run()?;
    Ok(solver.solution(problem.rows.len(), steps, converged))
}

/// The pair that violates the conditions most: where the best way up is, its gain, and the gain of
/// the best way down.
#[derive(Clone, Copy)]
struct Worst {
    up: Option<usize>,
    most: f64,
    least: f64,
}

/// Variables by position: those in play first, those set aside after them.
struct Solver<'c, 'a> {
    ctx: &'c Ctx,
    set: Settings,
    /// Whether a row of kernel values may be made by several threads.
    threads: bool,
    store: Store<'a>,
    cache: Cache,
    query: Vec<Query>,
    /// The variable at each position.
    order: Vec<u32>,
    active: usize,
    /// The weight of absolute values, or 1 where there is none (then no sign below is finite but 0).
    epsilon: f64,
    bent: bool,
    target: Vec<f64>,
    lo: Vec<f64>,
    hi: Vec<f64>,
    dual: Vec<f64>,
    /// Target less the sum of kernel values times coefficients.
    rest: Vec<f64>,
    /// Coefficients and rests when last the rests of all variables were known.
    dual_then: Vec<f64>,
    rest_then: Vec<f64>,
    diagonal: Vec<f64>,
    /// What epsilon adds to the slope upwards and downwards, in signs; infinite at a bound.
    up: Vec<f32>,
    down: Vec<f32>,
}

impl<'c, 'a> Solver<'c, 'a> {
    fn new(
        ctx: &'c Ctx,
        table: &Table<'a>,
        problem: &Problem,
        set: &Settings,
        threads: bool,
    ) -> Result<Solver<'c, 'a>> {
        let n = problem.rows.len();
        let sides = [problem.target.len(), problem.lo.len(), problem.hi.len()];
        if sides != [n; 3] || problem.rows.iter().any(|&i| i as usize >= table.len()) {
            return Err(Error::Shape("targets and bounds do not fit the rows".into()));
        }
        if problem.lo.iter().any(|b| *b > 0.0) || problem.hi.iter().any(|b| *b < 0.0) {
            return Err(Error::Parameter("zero must lie within the bounds".into()));
        }
        let centre = table.centre(set.kernel, &problem.rows);
        let store = Store::new(table, &problem.rows, centre.as_ref())?;
        let bent = problem.epsilon > 0.0;
        let mut solver = Solver {
            ctx,
            set: *set,
            threads,
            cache: Cache::new(n, set.cache),
            query: vec![Query::default()],
            order: (0..n as u32).collect(),
            active: n,
            epsilon: if bent { problem.epsilon } else { 1.0 },
            bent,
            target: problem.target.clone(),
            lo: problem.lo.clone(),
            hi: problem.hi.clone(),
            dual: vec![0.0; n],
            rest: problem.target.clone(),
            dual_then: vec![0.0; n],
            rest_then: problem.target.clone(),
            diagonal: store.diagonal(set.kernel),
            store,
            up: vec![0.0; n],
            down: vec![0.0; n],
        };
        (0..n).for_each(|i| solver.set_signs(i));
        Ok(solver)
    }

    fn set_signs(&mut self, i: usize) {
        let (b, bent) = (self.dual[i], self.bent);
        let sign = |positive: bool| {
            if !bent {
                0.0
            } else if positive {
                -1.0
            } else {
                1.0
            }
        };
        self.up[i] = if b < self.hi[i] { sign(b >= 0.0) } else { f32::NEG_INFINITY };
        self.down[i] = if b > self.lo[i] { sign(b > 0.0) } else { f32::INFINITY };
    }

    /// Steps until the end; (how many, whether it converged).
    fn run(&mut self) -> Result<(u64, bool)> {
        let n = self.order.len();
        let (mut steps, mut again) = (0, false);
        let mut until_shrinking = n.min(1000);
        let mut worst = self.advance(None, 0.0);
        while steps < self.set.max_iter {
            if steps % 64 == 0 {
                self.ctx.check()?;
            }
            if until_shrinking == 0 && self.set.shrinking {
                until_shrinking = n.min(1000);
                if !again && worst.most - worst.least <= 10.0 * self.set.tol {
                    again = true;
                    self.recall()?;
                    worst = self.advance(None, 0.0);
                }
                self.set_aside(worst);
                worst = self.advance(None, 0.0);
            }
            let pair = match self.pair(worst)? {
                Some(pair) => pair,
                None if self.active == n => return Ok((steps, true)),
                None => {
                    self.recall()?;
                    until_shrinking = 0;
                    worst = self.advance(None, 0.0);
                    if self.pair(worst)?.is_none() {
                        return Ok((steps, true));
                    }
                    continue;
                }
            };
            until_shrinking = until_shrinking.saturating_sub(1);
            steps += 1;
            let size = self.step(pair, worst.most);
            worst = self.advance(Some(pair), size);
        }
        Ok((steps, false))
    }

    /// The pair to move, None at the optimum: their rows are then in the cache.
    fn pair(&mut self, worst: Worst) -> Result<Option<(usize, usize)>> {
        let Some(i) = worst.up.filter(|_| worst.most - worst.least >= self.set.tol) else {
            return Ok(None);
        };
        self.need(i, i)?;
        let Some(j) = self.partner(i, worst.most) else { return Ok(None) };
        self.need(j, i)?;
        Ok(Some((i, j)))
    }

    /// Makes sure that the row of position `i` is in the cache, without dropping that of `keep`.
    fn need(&mut self, i: usize, keep: usize) -> Result<()> {
        let (id, keep) = (self.order[i] as usize, self.order[keep] as usize);
        let (from, to) = (self.cache.len(id), self.active);
        if from >= to {
            self.cache.touch(id);
            return Ok(());
        }
        let mut row = self.cache.take(id, to, keep);
        row.resize(to, 0.0);
        self.store.load(i, &mut self.query[0]);
        let fill = |start: usize, part: &mut [f32]| {
            let mut values = [0.0; TILE];
            for (k, part) in part.chunks_mut(TILE).enumerate() {
                let values = &mut values[..part.len()];
                let first = from + start + k * TILE;
                self.store.tile(self.set.kernel, &self.query, first, part.len(), values);
                for (to, &v) in part.iter_mut().zip(values.iter()) {
                    *to = v as f32;
                }
            }
        };
        if self.threads && (to - from) * (self.store.width() + 8) > WORTH {
            let size = (to - from).div_ceil(4).next_multiple_of(TILE);
            par::fill_chunks(self.ctx, &mut row[from..], size, fill)?;
        } else {
            fill(0, &mut row[from..]);
        }
        self.cache.put(id, row);
        Ok(())
    }

    /// The partner of `i` by which the objective falls most.
    fn partner(&self, i: usize, most: f64) -> Option<usize> {
        let m = self.active;
        let row = &self.cache.row(self.order[i] as usize)[..m];
        let (rest, down, diagonal) = (&self.rest[..m], &self.down[..m], &self.diagonal[..m]);
        let (own, epsilon) = (self.diagonal[i], self.epsilon);
        let gain = |k: usize| {
            let fall = (most - (rest[k] + epsilon * f64::from(down[k]))).max(0.0);
            let curve = own + diagonal[k] - 2.0 * f64::from(row[k]);
            fall * fall / if curve > 0.0 { curve } else { LEAST }
        };
        let (best, at) = lanes::run(
            #[inline(always)]
            || {
                let (mut best, mut at) = (0.0, 0);
                for start in (0..m).step_by(CHUNK) {
                    let most = largest(start, m.min(start + CHUNK), gain);
                    if most >= best {
                        (best, at) = (most, start);
                    }
                }
                (best, at)
            },
        );
        if best > 0.0 { (at..m.min(at + CHUNK)).rev().find(|&k| gain(k) == best) } else { None }
    }

    /// Moves a pair as far as is best and allowed; returns how far.
    fn step(&mut self, (i, j): (usize, usize), most: f64) -> f64 {
        let value = f64::from(self.cache.row(self.order[i] as usize)[j]);
        let curve = self.diagonal[i] + self.diagonal[j] - 2.0 * value;
        let fall = most - (self.rest[j] + self.epsilon * f64::from(self.down[j]));
        let (a, b) = (self.dual[i], self.dual[j]);
        let end_a = if self.bent && a < 0.0 { 0.0_f64.min(self.hi[i]) } else { self.hi[i] };
        let end_b = if self.bent && b > 0.0 { 0.0_f64.max(self.lo[j]) } else { self.lo[j] };
        let size = (fall / if curve > 0.0 { curve } else { LEAST }).min(end_a - a).min(b - end_b);
        // A bound is reached exactly, whatever the rounding.
        self.dual[i] = if size == end_a - a { end_a } else { a + size };
        self.dual[j] = if size == b - end_b { end_b } else { b - size };
        self.set_signs(i);
        self.set_signs(j);
        size
    }

    /// Takes a step of a pair into the rests, and finds what violates the conditions most now.
    fn advance(&mut self, pair: Option<(usize, usize)>, size: f64) -> Worst {
        let m = self.active;
        if let Some((i, j)) = pair {
            let a = &self.cache.row(self.order[i] as usize)[..m];
            let b = &self.cache.row(self.order[j] as usize)[..m];
            let rest = &mut self.rest[..m];
            lanes::run(
                #[inline(always)]
                || {
                    for k in 0..m {
                        rest[k] -= size * (f64::from(a[k]) - f64::from(b[k]));
                    }
                },
            );
        }
        let (rest, up, down) = (&self.rest[..m], &self.up[..m], &self.down[..m]);
        let epsilon = self.epsilon;
        let rise = |k: usize| rest[k] + epsilon * f64::from(up[k]);
        let fall = |k: usize| -(rest[k] + epsilon * f64::from(down[k]));
        let (most, least, at) = lanes::run(
            #[inline(always)]
            || {
                let (mut most, mut least, mut at) = (f64::NEG_INFINITY, f64::NEG_INFINITY, 0);
                for start in (0..m).step_by(CHUNK) {
                    let end = m.min(start + CHUNK);
                    let best = largest(start, end, rise);
                    if best >= most {
                        (most, at) = (best, start);
                    }
                    least = largest(start, end, fall).max(least);
                }
                (most, -least, at)
            },
        );
        let up = if most > f64::NEG_INFINITY {
            (at..m.min(at + CHUNK)).rev().find(|&k| rise(k) == most)
        } else {
            None
        };
        Worst { up, most, least }
    }

    /// Sets aside the variables that sit at a bound and would rather go beyond it than any may go.
    fn set_aside(&mut self, worst: Worst) {
        let keep = |k: usize| {
            let (up, down) = (f64::from(self.up[k]), f64::from(self.down[k]));
            self.rest[k] + self.epsilon * up >= worst.least
                || self.rest[k] + self.epsilon * down <= worst.most
        };
        let (kept, gone): (Vec<u32>, Vec<u32>) =
            (0..self.active as u32).partition(|&k| keep(k as usize));
        if (gone.len() as f64) < SHARE * self.active as f64 {
            return;
        }
        self.cache.narrow(&kept);
        let (count, all) = (kept.len(), self.order.len() as u32);
        let places = [kept, gone, (self.active as u32..all).collect()].concat();
        self.active = count;
        self.store.reorder(&places);
        fn pick<T: Copy>(values: &mut Vec<T>, places: &[u32]) {
            *values = places.iter().map(|&k| values[k as usize]).collect();
        }
        pick(&mut self.order, &places);
        for values in [
            &mut self.target,
            &mut self.lo,
            &mut self.hi,
            &mut self.dual,
            &mut self.rest,
            &mut self.dual_then,
            &mut self.rest_then,
            &mut self.diagonal,
        ] {
            pick(values, &places);
        }
        pick(&mut self.up, &places);
        pick(&mut self.down, &places);
    }

    /// Brings back all that was set aside: their rests catch up with what the coefficients did since
    /// all were known.
    fn recall(&mut self) -> Result<()> {
        let n = self.order.len();
        let first = std::mem::replace(&mut self.active, n);
        let moved = |j: usize| self.dual[j] - self.dual_then[j];
        let vectors: Vec<usize> = (0..n).filter(|&j| moved(j) != 0.0).collect();
        let moved: Vec<f64> = vectors.iter().map(|&j| moved(j)).collect();
        let (ctx, kernel, store, then) = (self.ctx, self.set.kernel, &self.store, &self.rest_then);
        let fill = |start: usize, part: &mut [f64]| {
            let mut queries: [Query; QUERIES] = Default::default();
            let mut values = [0.0; QUERIES * TILE];
            let (len, start) = (part.len(), first + start);
            part.copy_from_slice(&then[start..start + len]);
            let groups = vectors.chunks(QUERIES).zip(moved.chunks(QUERIES));
            for (g, (group, moved)) in groups.enumerate() {
                if g % 64 == 0 && ctx.stopped() {
                    return;
                }
                for (query, &j) in queries.iter_mut().zip(group) {
                    store.load(j, query);
                }
                let values = &mut values[..group.len() * len];
                store.tile(kernel, &queries[..group.len()], start, len, values);
                for (values, &moved) in values.chunks(len).zip(moved) {
                    take_off(part, moved, values);
                }
            }
        };
        if self.threads {
            par::fill_chunks(ctx, &mut self.rest[first..], TILE, fill)?;
        } else {
            for (k, part) in self.rest[first..].chunks_mut(TILE).enumerate() {
                ctx.check()?;
                fill(k * TILE, part);
            }
        }
        self.dual_then.copy_from_slice(&self.dual);
        self.rest_then.copy_from_slice(&self.rest);
        ctx.check()
    }

    fn solution(&mut self, n: usize, steps: u64, converged: bool) -> Solution {
        let worst = self.advance(None, 0.0);
        let free = (0..self.active).filter(|&k| self.up[k] == self.down[k]);
        let (mut sum, mut count) = (0.0, 0.0);
        for k in free {
            sum += self.rest[k] + self.epsilon * f64::from(self.up[k]);
            count += 1.0;
        }
        let intercept = if count > 0.0 { sum / count } else { (worst.most + worst.least) / 2.0 };
        let absolute = if self.bent { self.epsilon } else { 0.0 };
        let mut dual = vec![0.0; n];
        let mut objective = 0.0;
        for (k, &id) in self.order.iter().enumerate() {
            let b = self.dual[k];
            dual[id as usize] = b;
            objective += absolute * b.abs() - 0.5 * b * (self.rest[k] + self.target[k]);
        }
        Solution { dual, intercept, steps, converged, objective }
    }
}

/// Takes multiples of kernel values, rounded as those of the cache are, off the rests.
fn take_off(rest: &mut [f64], factor: f64, values: &[f64]) {
    lanes::run(
        #[inline(always)]
        || {
            for (rest, &v) in rest.iter_mut().zip(values) {
                *rest -= factor * f64::from(v as f32);
            }
        },
    );
}

/// The largest value over `start..end`, at most [`CHUNK`] of them; lanes go side by side.
#[inline(always)]
fn largest(start: usize, end: usize, value: impl Fn(usize) -> f64) -> f64 {
    let mut values = [f64::NEG_INFINITY; CHUNK];
    for (out, k) in values.iter_mut().zip(start..end) {
        *out = value(k);
    }
    let mut most = [f64::NEG_INFINITY; 8];
    for part in values.as_chunks::<8>().0 {
        for l in 0..8 {
            most[l] = if part[l] > most[l] { part[l] } else { most[l] };
        }
    }
    most.iter().fold(f64::NEG_INFINITY, |a, &b| if b > a { b } else { a })
}
