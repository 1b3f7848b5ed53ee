//! The penalised mean loss of a linear model over classes, with its gradient.

use ndarray::{Array1, Array2, ArrayView1, s};

use super::super::group::Groups;
use super::rows::Rows;
use super::{Settings, slopes};
use crate::base::block::{Shape, dots, mix};
use crate::base::linalg::Cholesky;
use crate::base::loss::Loss;
use crate::base::{Ctx, Result, par};

/// More columns than this are not preconditioned: the factor would cost more than it saves.
const MOST_FACTORED: usize = 1500;
/// Partial sums kept at most, in numbers.
const PARTIALS: usize = 4_000_000;
/// So many rows a column, and at least so many, are enough to know the Gram matrix by.
const SAMPLE: (usize, usize) = (30, 4096);
/// The same for how the loss bends, class by class, which is to be known only roughly.
const ROUGH: (usize, usize) = (8, 8192);

/// The problem in scaled columns. The last column of the coefficients is the intercept.
pub(super) struct Problem<'a, 'd> {
    ctx: &'a Ctx,
    rows: &'a Rows<'d>,
    y: Vec<u32>,
    loss: &'a Loss,
    /// Weights of the rows, those of the classes included for plain cross entropy.
    weights: Vec<f64>,
    outputs: usize,
    intercept: bool,
    /// The penalty of the squares, by column.
    pub l2: Array1<f64>,
    /// The penalty of the absolute values, by column.
    pub l1: Array1<f64>,
    /// The penalty of the norm of a group of weight 1, in the caller's units.
    of_groups: f64,
}

/// About the Hessian, factored.
pub(super) enum Metric {
    /// Its diagonal.
    Diagonal,
    /// That of every class, without the intercept.
    Shared(Cholesky),
    /// Those of the classes, with the intercept.
    Own(Vec<Cholesky>),
}

/// The mean loss with the penalty of the squares, and its gradient.
pub(in crate::models) struct Look {
    pub value: f64,
    pub gradient: Array2<f64>,
}

/// The largest part of a gradient.
pub(in crate::models) fn largest(gradient: &Array2<f64>) -> f64 {
    gradient.iter().fold(0.0, |m, g| m.max(g.abs()))
}

impl<'a, 'd> Problem<'a, 'd> {
    pub fn new(
        ctx: &'a Ctx,
        rows: &'a Rows<'d>,
        y: ArrayView1<u32>,
        loss: &'a Loss,
        outputs: usize,
        set: Settings,
    ) -> Self {
        let strength = 1.0 / (set.c * rows.total);
        let l2 = rows.scale.mapv(|s| strength * (1.0 - set.l1_ratio) / (s * s));
        let l1 = rows.scale.mapv(|s| strength * set.l1_ratio / s);
        let by_class = loss.plain_weights().unwrap_or(&[]);
        let of = |c: u32| by_class.get(c as usize).copied().unwrap_or(1.0);
        let weights = rows.weights.iter().zip(y).map(|(w, &c)| w * of(c)).collect();
        let (y, intercept) = (y.to_vec(), set.intercept);
        let of_groups = strength * (1.0 - set.l1_ratio);
        Problem { ctx, rows, y, loss, weights, outputs, intercept, l2, l1, of_groups }
    }

    /// The objective without the absolute values, and its gradient, in one pass over the rows.
    pub fn look(&self, theta: &Array2<f64>) -> Result<Look> {
        let p = self.l2.len();
        let k = self.outputs;
        let theta = theta.as_standard_layout();
        let flat = theta.as_slice().unwrap_or(&[]);
        let parts = par::map_chunks(self.ctx, self.blocks(), self.chunk(k * (p + 1)), |a, b| {
            let mut gradient = vec![0.0; k * (p + 1)];
            if !self.rows.is_dense() {
                let value = self.add_rows(a, b, flat, &mut gradient);
                return (value, gradient);
            }
            let mut value = 0.0;
            self.each_block(flat, a, b, |x, slopes, loss, _| {
                value += loss;
                dots(slopes, k, x, self.rows.shape, false, &mut gradient);
            });
            (value, gradient)
        })?;
        self.ctx.check()?;
        let mut value = 0.0;
        let mut gradient = Array2::zeros((k, p + 1));
        for (v, part) in parts {
            value += v;
            gradient.iter_mut().zip(&part).for_each(|(g, p)| *g += p);
        }
        for (mut g, t) in gradient.rows_mut().into_iter().zip(theta.rows()) {
            for j in 0..p {
                g[j] += self.l2[j] * t[j];
                value += 0.5 * self.l2[j] * t[j] * t[j];
            }
            if !self.intercept {
                g[p] = 0.0;
            }
        }
        Ok(Look { value, gradient })
    }

    fn blocks(&self) -> usize {
        self.y.len().div_ceil(self.rows.shape.len)
    }

    /// How many blocks make one partial sum of so many numbers.
    fn chunk(&self, numbers: usize) -> usize {
        self.blocks().div_ceil((PARTIALS / numbers).clamp(1, 64))
    }

    /// Calls `take(block, slopes by class, loss, weights)` for the blocks `a..b` of dense rows, with
    /// slopes of zero for rows past the last.
    fn each_block(
        &self,
        theta: &[f64],
        a: usize,
        b: usize,
        mut take: impl FnMut(&[f64], &mut [f64], f64, &[f64]),
    ) {
        let (shape, k) = (self.rows.shape, self.outputs);
        let plain = self.is_plain();
        let mut cells = Vec::new();
        let (mut scores, mut space) = (shape.zeros(k), shape.zeros(4));
        for block in a..b {
            if self.ctx.stopped() {
                return; // the caller's next check says so
            }
            let x = self.rows.block(block, &mut cells);
            mix(theta, x, shape, &mut scores);
            let part = block * shape.len..((block + 1) * shape.len).min(self.y.len());
            let (w, y) = (&self.weights[part.clone()], &self.y[part]);
            let value = match (plain, k) {
                (true, 1) => slopes::two(y, w, &mut scores, &mut space),
                (true, _) => slopes::many(y, w, &mut scores, shape.stride, &mut space),
                _ => slopes::each(self.loss, y, w, &mut scores, shape.stride),
            };
            for row in scores.chunks_exact_mut(shape.stride) {
                row[y.len()..].fill(0.0);
            }
            take(x, &mut scores, value, w);
        }
    }

    /// The gradient of sparse rows, one row after another; returns the loss.
    fn add_rows(&self, a: usize, b: usize, theta: &[f64], gradient: &mut [f64]) -> f64 {
        let (k, d) = (self.outputs, self.l2.len() + 1);
        let (mut score, mut slope) = (vec![0.0; k], vec![0.0; k]);
        let mut value = 0.0;
        let len = self.rows.shape.len;
        // The weights of the classes are in those of the rows.
        let plain = Loss::cross_entropy();
        let loss = if self.is_plain() { &plain } else { self.loss };
        for i in a * len..(b * len).min(self.y.len()) {
            if i % len == 0 && self.ctx.stopped() {
                break;
            }
            let w = self.weights[i];
            for (s, t) in score.iter_mut().zip(theta.chunks(d)) {
                *s = self.rows.score(i, t);
            }
            if k == 1 {
                let at = loss.one(f64::from(self.y[i]), score[0]);
                value += w * at.value;
                slope[0] = at.gradient;
            } else {
                value += w * loss.many(self.y[i] as usize, &score, &mut slope, None);
            }
            for (s, g) in slope.iter().zip(gradient.chunks_mut(d)) {
                self.rows.add(i, w * s, g);
            }
        }
        value
    }

    /// Every so many of its rows, where that leaves `rows` a column; `None` where it is no saving.
    pub fn sampled(&self, share: (usize, usize), least: usize) -> Option<usize> {
        let (n, p) = self.rows.dim();
        let step = n / (share.0 * p).max(share.1);
        (step >= least && self.rows.is_dense()).then_some(step)
    }

    /// The penalties of the norms of groups, whose columns have one scale each.
    pub fn strength_of(&self, groups: &Groups) -> Vec<f64> {
        let scale = |g: &[usize]| g.first().map_or(1.0, |&j| self.rows.scale[j]);
        let one = |(g, w): (&Vec<usize>, &f64)| self.of_groups * w / scale(g);
        groups.members.iter().zip(&groups.weights).map(one).collect()
    }

    /// Every `step`-th row; `None` where they weigh nothing.
    pub fn sample(&self, step: usize) -> Result<Option<Rows<'d>>> {
        self.rows.every(self.ctx, step)
    }

    /// Whether the loss is plain cross entropy.
    pub fn is_plain(&self) -> bool {
        self.loss.plain_weights().is_some()
    }

    /// How much the cross entropy of one class bends at most: by 1/4 for two classes, by
    /// (K - 1) / K^2 on the average of K.
    fn bend(&self) -> f64 {
        let k = self.outputs as f64;
        if self.outputs == 1 { 0.25 } else { (k - 1.0) / (k * k) }
    }

    /// About the Hessian of one class, from a share of the rows; `None` where it is too large.
    pub fn metric(&self) -> Result<Option<Array2<f64>>> {
        let (n, p) = self.rows.dim();
        if !self.rows.is_dense() || p > MOST_FACTORED {
            return Ok(None);
        }
        let step = (n / (SAMPLE.0 * p).max(SAMPLE.1)).max(1);
        let some = if step > 1 { self.rows.every(self.ctx, step)? } else { None };
        let rows = some.as_ref().unwrap_or(self.rows);
        let shape = rows.shape;
        let blocks = rows.weights.len().div_ceil(shape.len);
        let chunk = blocks.div_ceil((PARTIALS / (p + 1).pow(2)).clamp(1, 64));
        let parts = par::map_chunks(self.ctx, blocks, chunk, |a, b| {
            let mut sum = vec![0.0; (p + 1) * (p + 1)];
            let (mut cells, mut bent) = (Vec::new(), shape.zeros(p + 1));
            for block in a..b {
                let x = rows.block(block, &mut cells);
                let first = block * shape.len;
                let last = (first + shape.len).min(rows.weights.len());
                weigh(x, rows.weights.slice(s![first..last]).iter().copied(), shape, &mut bent);
                dots(&bent, p + 1, x, shape, true, &mut sum);
            }
            sum
        })?;
        let sum = added(parts, (p + 1) * (p + 1));
        let mut h = Array2::from_shape_fn((p, p), |(i, j)| {
            sum[i.max(j) * (p + 1) + i.min(j)] * self.bend()
        });
        let least = 1e-6 * self.bend(); // columns have unit variance; dependent ones need a floor
        h.diag_mut().zip_mut_with(&self.l2, |d, c| *d += c + least);
        Ok(Some(h))
    }

    /// About the Hessian of each class where the model stands, from a share of the rows.
    pub fn bend_there(&self, theta: &Array2<f64>) -> Result<Option<Metric>> {
        let (p, k) = (self.l2.len(), self.outputs);
        let d = p + 1;
        let fits = p <= MOST_FACTORED && k * d * d <= 2 * PARTIALS;
        if !fits || !self.is_plain() || !self.rows.is_dense() {
            return Ok(None);
        }
        let some = match self.sampled(ROUGH, 2) {
            Some(step) => self.rows.every(self.ctx, step)?.map(|rows| (rows, step)),
            None => None,
        };
        match some.as_ref() {
            Some((rows, step)) => self.on(rows, *step).factored(theta),
            None => self.factored(theta),
        }
    }

    /// The same problem on rows that are every `step`-th of its own.
    pub fn on<'b>(&'b self, rows: &'b Rows<'d>, step: usize) -> Problem<'b, 'd> {
        let sum: f64 = self.rows.weights.iter().step_by(step).sum();
        Problem {
            ctx: self.ctx,
            rows,
            y: self.y.iter().step_by(step).copied().collect(),
            loss: self.loss,
            weights: self.weights.iter().step_by(step).map(|w| w / sum).collect(),
            outputs: self.outputs,
            intercept: self.intercept,
            l2: self.l2.clone(),
            l1: self.l1.clone(),
            of_groups: self.of_groups,
        }
    }

    fn factored(&self, theta: &Array2<f64>) -> Result<Option<Metric>> {
        let (k, d) = (self.outputs, self.l2.len() + 1);
        let shape = self.rows.shape;
        let theta = theta.as_standard_layout();
        let flat = theta.as_slice().unwrap_or(&[]);
        let parts = par::map_chunks(self.ctx, self.blocks(), self.chunk(k * d * d), |a, b| {
            let mut sums = vec![0.0; k * d * d];
            let mut bent = shape.zeros(d);
            self.each_block(flat, a, b, |x, slopes, _, w| {
                let classes = slopes.chunks_exact(shape.stride).zip(sums.chunks_exact_mut(d * d));
                for (slopes, sum) in classes {
                    // w p (1 - p), as the slope is w p, or w (p - 1) for a row's own class.
                    let bend = slopes.iter().zip(w).map(|(s, w)| {
                        let s = s.abs();
                        if *w > 0.0 { s * (1.0 - s / w) } else { 0.0 }
                    });
                    weigh(x, bend, shape, &mut bent);
                    dots(&bent, d, x, shape, true, sum);
                }
            });
            sums
        })?;
        self.ctx.check()?;
        let sums = added(parts, k * d * d);
        let one = |sum: &[f64]| {
            let mut h = Array2::from_shape_fn((d, d), |(i, j)| sum[i.max(j) * d + i.min(j)]);
            for j in 0..d {
                let l2 = self.l2.get(j).copied().unwrap_or(0.0);
                h[[j, j]] += l2 + 1e-6 * h[[j, j]] + 1e-9;
            }
            if !self.intercept {
                h.row_mut(d - 1).fill(0.0);
                h.column_mut(d - 1).fill(0.0);
                h[[d - 1, d - 1]] = 1.0;
            }
            Cholesky::new(h.view())
        };
        let factors: Option<Vec<_>> = sums.chunks_exact(d * d).map(one).collect();
        Ok(factors.map(Metric::Own))
    }

    /// The diagonal of the Hessian, about, which needs no pass: scaled columns have unit variance.
    pub fn diagonal(&self) -> Array1<f64> {
        self.l2.mapv(|c| c + self.bend())
    }

    /// About how the loss bends along an intercept.
    pub fn bend_of_intercept(&self) -> f64 {
        if self.outputs == 1 { 0.25 } else { 1.0 / self.outputs as f64 }
    }

    /// The mean loss of coefficients of zero.
    pub fn at_zero(&self) -> f64 {
        let (score, mut slope) = (vec![0.0; self.outputs], vec![0.0; self.outputs]);
        let plain = Loss::cross_entropy();
        let loss = if self.is_plain() { &plain } else { self.loss };
        let by_class: Vec<f64> = (0..self.outputs.max(2))
            .map(|c| match self.outputs {
                1 => loss.one(c as f64, 0.0).value,
                _ => loss.many(c, &score, &mut slope, None),
            })
            .collect();
        self.y.iter().zip(&self.weights).map(|(&c, w)| w * by_class[c as usize]).sum()
    }

    /// The gradient, divided by about the Hessian.
    pub fn precondition(&self, metric: &Metric, gradient: &Array2<f64>) -> Array2<f64> {
        let p = self.l2.len();
        let mut out = gradient.clone();
        for (k, mut row) in out.rows_mut().into_iter().enumerate() {
            match metric {
                Metric::Own(factors) => {
                    if let Some(row) = row.as_slice_mut() {
                        factors[k].solve_in(row);
                    }
                    continue;
                }
                Metric::Shared(factor) => {
                    if let Some(row) = row.as_slice_mut() {
                        factor.solve_in(&mut row[..p]);
                    }
                }
                Metric::Diagonal => {
                    let mut inner = row.slice_mut(s![..p]);
                    inner /= &self.diagonal();
                }
            }
            row[p] /= self.bend_of_intercept();
        }
        if !self.intercept {
            out.column_mut(p).fill(0.0);
        }
        out
    }
}

/// Writes the columns of a block, times a weight a row (zero past the last), to `out`.
fn weigh(x: &[f64], weights: impl Iterator<Item = f64>, shape: Shape, out: &mut [f64]) {
    let mut by_row: Vec<f64> = weights.take(shape.len).collect();
    by_row.resize(shape.len, 0.0);
    let columns = x.chunks_exact(shape.stride).zip(out.chunks_exact_mut(shape.stride));
    for (x, out) in columns {
        for ((o, x), w) in out.iter_mut().zip(x).zip(&by_row) {
            *o = x * w;
        }
    }
}

fn added(parts: Vec<Vec<f64>>, n: usize) -> Vec<f64> {
    let mut all = vec![0.0; n];
    parts.iter().for_each(|part| all.iter_mut().zip(part).for_each(|(a, p)| *a += p));
    all
}
