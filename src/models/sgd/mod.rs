//! Stochastic gradient descent on linear models (Bottou 2012), with scikit-learn's rules: the same
//! steps, learning rates, order of rows and ends, so that the coefficients are the same up to
//! rounding. One problem for each class against the rest, side by side.

mod loss;
mod walk;

pub use loss::{Rule, Slopes};

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::cells::{Block, Cells, padded, side};
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, lanes, par};
use walk::Walk;

/// Rows in a block of which only the owner of the loss knows the slopes.
pub const BATCH: usize = 32;

/// How large steps are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// As large as ever.
    Constant,
    /// 1 / (alpha * (first + t - 1)).
    Optimal,
    /// eta0 / t^power.
    Scaling,
    /// A fifth of it each time that nothing is gained.
    Adaptive,
    /// As the loss needs, at most eta0 (Crammer et al. 2006, PA-I).
    Passive,
    /// As the loss needs, damped by eta0 (PA-II).
    Passive2,
}

impl Rate {
    /// The rate of scikit-learn's name.
    pub fn new(name: &str) -> Result<Self> {
        Ok(match name {
            "constant" => Rate::Constant,
            "optimal" => Rate::Optimal,
            "invscaling" => Rate::Scaling,
            "adaptive" => Rate::Adaptive,
            "pa1" => Rate::Passive,
            "pa2" => Rate::Passive2,
            _ => return Err(Error::Parameter(format!("there is no learning rate {name:?}"))),
        })
    }
}

/// How to go.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Strength of the penalty, and by that of the optimal rate.
    pub alpha: f64,
    /// The share of absolute values in the penalty; none without one.
    pub l1_ratio: Option<f64>,
    /// How large steps are.
    pub rate: Rate,
    /// The first step.
    pub eta0: f64,
    /// The power of t.
    pub power: f64,
    /// Where the optimal rate starts; see [`Settings::start`].
    pub first: f64,
    /// Whether there is an intercept, and how much slower it moves.
    pub intercept: bool,
    /// The factor of the intercept's steps.
    pub decay: f64,
    /// The step from which on weights are averaged; 0 for none.
    pub average: f64,
    /// Epochs at most.
    pub max_iter: usize,
    /// What an epoch must gain; none to go all epochs.
    pub tol: Option<f64>,
    /// Epochs without a gain before the end.
    pub patience: usize,
    /// Whether rows are shuffled.
    pub shuffle: bool,
    /// Whether targets are classes.
    pub classes: bool,
    /// Whether the objective is watched.
    pub watch: bool,
}

impl Settings {
    fn l2(&self) -> f64 {
        self.l1_ratio.map_or(0.0, |share| self.alpha * (1.0 - share))
    }

    fn l1(&self) -> f64 {
        self.l1_ratio.map_or(0.0, |share| self.alpha * share)
    }

    /// Whether the lengths of rows are of use.
    fn lengths(&self) -> bool {
        self.watch || matches!(self.rate, Rate::Passive | Rate::Passive2)
    }

    /// Where the optimal rate starts: the first step is one of typical weights (Bottou).
    pub fn start(alpha: f64) -> f64 {
        1.0 / ((1.0 / alpha.sqrt()).sqrt() * alpha)
    }
}

/// Weights, intercepts and their means, one row a problem.
#[derive(Debug, Clone)]
pub struct State {
    /// Weights.
    pub coef: Array2<f64>,
    /// Intercepts.
    pub intercept: Array1<f64>,
    /// Means of the weights over the steps; of no rows without averaging.
    pub mean: Array2<f64>,
    /// Means of the intercepts.
    pub mean_intercept: Array1<f64>,
}

/// Rows, targets and weights.
pub struct Data<'a, T> {
    /// The rows.
    pub cells: Cells<'a, T>,
    /// Class codes or numbers.
    pub y: ArrayView1<'a, f64>,
    /// Weights of the rows.
    pub weights: ArrayView1<'a, f64>,
    /// Weights of the classes as (the class in question, the rest), one a problem.
    pub sides: ArrayView2<'a, f64>,
    /// The rows that are kept to score by.
    pub held: Option<ArrayView1<'a, bool>>,
}

/// Goes on from `state` at step `t`, the rows of each problem shuffled by its seed; returns the
/// epochs of each problem.
pub fn fit<T: Float>(
    ctx: &Ctx,
    data: &Data<T>,
    rule: &Rule,
    set: &Settings,
    seeds: &[u32],
    state: &mut State,
    t: f64,
) -> Result<Vec<usize>> {
    check(data, seeds, state)?;
    let made = par::map(ctx, seeds.len(), |k| one(ctx, data, rule, set, seeds[k], state, t, k))?;
    let mut epochs = Vec::with_capacity(made.len());
    for (k, end) in made.into_iter().enumerate() {
        let end = end?;
        state.coef.row_mut(k).assign(&ArrayView1::from(&end.coef));
        state.intercept[k] = end.intercept;
        if state.mean.nrows() > 0 {
            state.mean.row_mut(k).assign(&ArrayView1::from(&end.mean));
            state.mean_intercept[k] = end.mean_intercept;
        }
        epochs.push(end.epochs);
    }
    Ok(epochs)
}

fn check<T: Float>(data: &Data<T>, seeds: &[u32], state: &State) -> Result<()> {
    let (n, p, k) = (data.cells.rows(), data.cells.width(), seeds.len());
    let rows = data.y.len() == n && data.weights.len() == n;
    let held = data.held.is_none_or(|h| h.len() == n);
    let start = state.coef.dim() == (k, p) && state.intercept.len() == k;
    let mean = state.mean.nrows() == 0 || state.mean.dim() == (k, p);
    let mean = mean && state.mean_intercept.len() == state.mean.nrows();
    if !rows || !held || !start || !mean || data.sides.dim() != (k, 2) || n > u32::MAX as usize {
        return Err(Error::Shape("rows, targets, weights and coefficients do not fit".into()));
    }
    Ok(())
}

/// Where one problem ended.
struct End {
    coef: Vec<f64>,
    intercept: f64,
    mean: Vec<f64>,
    mean_intercept: f64,
    epochs: usize,
}

#[allow(clippy::too_many_arguments)]
fn one<T: Float>(
    ctx: &Ctx,
    data: &Data<T>,
    rule: &Rule,
    set: &Settings,
    seed: u32,
    state: &State,
    t: f64,
    k: usize,
) -> Result<End> {
    let (n, p) = (data.cells.rows(), data.cells.width());
    let mean = if state.mean.nrows() > 0 { wide(state.mean.row(k), p) } else { Vec::new() };
    let mut walk = Walk::new(set, wide(state.coef.row(k), p), state.intercept[k], mean, t);
    walk.mean_intercept = state.mean_intercept.get(k).copied().unwrap_or(0.0);
    let targets = Targets::new(data, set, rule, k);
    let mut order: Vec<u32> = (0..n as u32).collect();
    let train = n - data.held.map_or(0, |h| h.iter().filter(|h| **h).count());
    let (mut best, mut idle, mut epochs) = (f64::NEG_INFINITY, 0, 0);
    while epochs < set.max_iter {
        walk.begin();
        if set.shuffle {
            shuffle(&mut order, seed);
        }
        targets.epoch(ctx, &order, &mut walk)?;
        epochs += 1;
        if !walk.sound(|v| T::narrow(v).wide()) {
            return Err(Error::Data(format!(
                "Floating-point under-/overflow occurred at epoch #{epochs}. Scaling input data \
                 with StandardScaler or MinMaxScaler might help."
            )));
        }
        let Some(tol) = set.tol else { continue };
        let (gained, now) = if data.held.is_some() {
            let score = targets.score(ctx, &mut walk)?;
            (score >= best + tol || score.is_nan(), score)
        } else {
            let now = -walk.objective / train as f64;
            (now >= best + tol || now.is_nan(), now)
        };
        idle = if gained { 0 } else { idle + 1 };
        best = if now > best { now } else { best };
        if idle >= set.patience {
            if set.rate != Rate::Adaptive || walk.eta <= 1e-6 {
                break;
            }
            walk.eta /= 5.0;
            idle = 0;
        }
    }
    walk.settle();
    let (intercept, mean_intercept) = (walk.intercept, walk.mean_intercept);
    let (coef, mean) = walk.ends(p);
    Ok(End { coef, intercept, mean, mean_intercept, epochs })
}

/// The rows of one problem.
struct Targets<'a, 'b, T> {
    data: &'a Data<'b, T>,
    set: &'a Settings,
    rule: &'a Rule<'a>,
    /// The target and the weight of each row.
    pairs: Vec<(f64, f64)>,
}

impl<'a, 'b, T: Float> Targets<'a, 'b, T> {
    fn new(data: &'a Data<'b, T>, set: &'a Settings, rule: &'a Rule<'a>, k: usize) -> Self {
        let rows = data.y.iter().zip(&data.weights);
        let pairs = rows.map(|(&y, &w)| {
            if !set.classes {
                return (y, w);
            }
            let (target, factor) = side(y, k, rule.low(), data.sides);
            (target, w * factor)
        });
        Targets { data, set, rule, pairs: pairs.collect() }
    }

    fn block_rows(&self) -> usize {
        match self.rule {
            Rule::Own(_) => BATCH,
            _ => Block::size(&self.data.cells),
        }
    }

    fn epoch(&self, ctx: &Ctx, order: &[u32], walk: &mut Walk) -> Result<()> {
        let size = self.block_rows();
        let mut block = Block::default();
        let mut ids: Vec<u32> = Vec::with_capacity(size);
        let mut targets: Vec<(f64, f64)> = Vec::with_capacity(size);
        let held = |i: u32| self.data.held.is_some_and(|h| h[i as usize]);
        let mut rows = order.iter().copied().filter(|&i| !held(i));
        loop {
            ids.clear();
            ids.extend(rows.by_ref().take(size));
            if ids.is_empty() {
                return Ok(());
            }
            ctx.check()?;
            block.gather(&self.data.cells, &ids);
            targets.clear();
            targets.extend(ids.iter().map(|&i| self.pairs[i as usize]));
            let known = match self.rule {
                Rule::Own(slopes) => Some(ask(slopes, &block, &targets, walk)?),
                _ => None,
            };
            lanes::run(
                #[inline(always)]
                || {
                    for (k, &(y, weight)) in targets.iter().enumerate() {
                        let known = known.as_ref().map(|(value, slope)| (value[k], slope[k]));
                        walk.step(self.rule, &block.row(k), y, weight, known);
                    }
                },
            );
        }
    }

    /// How well the rows that were held out are told: the share of right classes, or R2.
    fn score(&self, ctx: &Ctx, walk: &mut Walk) -> Result<f64> {
        let Some(held) = self.data.held else { return Ok(0.0) };
        let ids: Vec<u32> = (0..held.len() as u32).filter(|&i| held[i as usize]).collect();
        let mut block = Block::default();
        let (mut total, mut right, mut sum, mut off) = (0.0, 0.0, 0.0, 0.0);
        let mut told = Vec::with_capacity(ids.len());
        for part in ids.chunks(self.block_rows()) {
            ctx.check()?;
            block.gather(&self.data.cells, part);
            for (k, &i) in part.iter().enumerate() {
                // Classes count by the rows' weights alone.
                let (y, w) = (self.pairs[i as usize].0, self.data.weights[i as usize]);
                let score = walk.score(&block.row(k));
                total += w;
                right += if (score > 0.0) == (y > 0.0) { w } else { 0.0 };
                sum += w * y;
                off += w * (y - score) * (y - score);
                told.push((y, w));
            }
        }
        if self.set.classes {
            return Ok(right / total);
        }
        let centre = sum / total;
        let spread: f64 = told.iter().map(|(y, w)| w * (y - centre) * (y - centre)).sum();
        Ok(match (off == 0.0, spread == 0.0) {
            (true, _) => 1.0,
            (_, true) => 0.0,
            _ => 1.0 - off / spread,
        })
    }
}

/// Losses and slopes of the rows of a block at the weights before its first step.
fn ask(
    slopes: &Slopes,
    block: &Block,
    targets: &[(f64, f64)],
    walk: &Walk,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let y: Vec<f64> = targets.iter().map(|t| t.0).collect();
    let scores: Vec<f64> = (0..y.len()).map(|k| walk.score(&block.row(k))).collect();
    let (mut value, mut slope) = (vec![0.0; y.len()], vec![0.0; y.len()]);
    slopes(&y, &scores, &mut value, &mut slope)?;
    Ok((value, slope))
}

/// Weights in whole registers.
fn wide(row: ArrayView1<f64>, width: usize) -> Vec<f64> {
    let mut out = row.to_vec();
    out.resize(padded(width), 0.0);
    out
}

/// Fisher and Yates by xorshift (Marsaglia 2003), whose state must not be 0.
fn shuffle(items: &mut [u32], seed: u32) {
    let (n, mut state) = (items.len(), seed);
    for i in 0..n.saturating_sub(1) {
        if state == 0 {
            state = 1;
        }
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let draw = (state % (1 << 31)) as usize;
        items.swap(i, i + draw % (n - i));
    }
}

#[cfg(test)]
mod tests;
