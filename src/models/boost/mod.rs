//! Gradient boosting on histograms (Friedman 2001; Chen and Guestrin 2016; Ke and others 2017),
//! in scikit-learn's meaning of every parameter.

mod grow;
mod hist;
mod loss;
mod predict;
mod refit;
mod split;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ndarray::ArrayView2;

use crate::base::float::Float;
use crate::base::{Ctx, Error, Result};
use crate::trees::binned::has;
use crate::trees::bins::{Cuts, MISSING};

pub use grow::{Grown, Plan};
pub use loss::{Loss, Scores};
pub use predict::{Ensemble, Nodes};
pub use refit::{Bowl, refit};
pub use split::Limits;
pub use table::find_cuts;

use grow::{Grower, Space};
use hist::{Code, words};
pub(super) use table::Table;

/// Columns of a group: their histograms share the first cache, whose half holds 16 KB.
const WIDEST: [usize; 3] = [8, 4, 2];

/// Rows with a target.
#[derive(Debug, Clone)]
struct Rows {
    table: Table,
    y: Vec<f64>,
    weights: Option<Vec<f64>>,
    raw: Vec<f64>,
}

impl Rows {
    fn scores(&self) -> Scores<'_> {
        Scores { y: &self.y, weights: self.weights.as_deref(), raw: &self.raw }
    }
}

/// What grows trees round by round.
#[derive(Debug)]
pub struct Booster {
    train: Rows,
    held: Option<Rows>,
    loss: Loss,
    plan: Plan,
    seed: u64,
    /// Rounds made before this began.
    before: usize,
    /// The trees grown, round by round and class by class.
    trees: Vec<Vec<Grown>>,
    pairs: Vec<[f64; 2]>,
    shift: Vec<f64>,
    work: Work,
}

/// The space for trees, by words of a cell.
#[derive(Debug)]
enum Work {
    One(Space<1>, Vec<[i64; 1]>),
    Two(Space<2>, Vec<[i64; 2]>),
    Three(Space<3>, Vec<[i64; 3]>),
}

/// A table with its target, to be made the rows of a [`Booster`]; `raw` holds the first scores.
#[derive(Debug, Clone)]
pub struct Data<'a, T> {
    /// The table.
    pub x: ArrayView2<'a, T>,
    /// Numbers, or class codes.
    pub y: Vec<f64>,
    /// Weights.
    pub weights: Option<Vec<f64>>,
    /// `x.nrows()` scores a class.
    pub raw: Vec<f64>,
}

impl<T: Float> Data<'_, T> {
    fn rows(self, ctx: &Ctx, cuts: Vec<Arc<Cuts>>, loss: Loss, widest: usize) -> Result<Rows> {
        let Data { x, y, weights, raw } = self;
        let n = x.nrows();
        let weighs = weights.as_ref().is_none_or(|w| w.len() == n);
        if n == 0 || y.len() != n || raw.len() != n * loss.width() || !weighs {
            return Err(Error::Shape(format!("a target or weights that do not fit {n} rows")));
        }
        if let Loss::Classes(k) = loss
            && let Some(bad) = y.iter().find(|&&c| !(c >= 0.0 && c < k as f64))
        {
            return Err(Error::Data(format!("class code {bad} of {k} classes")));
        }
        Ok(Rows { table: Table::new(ctx, x, cuts, widest)?, y, weights, raw })
    }
}

impl Booster {
    /// Puts the table in bins. `before` is how many rounds its scores come from.
    ///
    /// # Errors
    /// [`Error::Shape`] for arrays that do not fit each other, [`Error::Data`] for a class that
    /// does not exist.
    pub fn new<T: Float>(
        ctx: &Ctx,
        data: Data<'_, T>,
        cuts: Vec<Arc<Cuts>>,
        loss: Loss,
        plan: Plan,
        seed: u64,
        before: usize,
    ) -> Result<Self> {
        let columns = data.x.ncols();
        let sets = plan.interactions.iter().flatten().flatten();
        if !(plan.monotonic.is_empty() || plan.monotonic.len() == columns)
            || sets.into_iter().any(|&feature| feature >= columns)
        {
            return Err(Error::Shape(format!("constraints that do not fit {columns} columns")));
        }
        let (n, constant) = (data.x.nrows(), loss.constant() && data.weights.is_none());
        let words = words(n, constant);
        let train = data.rows(ctx, cuts, loss, WIDEST[words - 1])?;
        let work = match words {
            1 => Work::One(Space::default(), Vec::new()),
            2 => Work::Two(Space::default(), Vec::new()),
            _ => Work::Three(Space::default(), Vec::new()),
        };
        let (trees, shift, pairs) = (Vec::new(), Vec::new(), vec![[0.0; 2]; n]);
        Ok(Booster { train, held: None, loss, plan, seed, before, trees, pairs, shift, work })
    }

    /// Rows whose scores are followed, too.
    ///
    /// # Errors
    /// As [`Booster::new`].
    pub fn hold<T: Float>(&mut self, ctx: &Ctx, data: Data<'_, T>) -> Result<()> {
        self.held = Some(data.rows(ctx, self.train.table.cuts.clone(), self.loss, 1)?);
        Ok(())
    }

    /// The scores of the training rows and of those held out, class after class.
    pub fn raw(&self) -> (&[f64], Option<&[f64]>) {
        (&self.train.raw, self.held.as_ref().map(|h| h.raw.as_slice()))
    }

    /// The mean losses of the same.
    pub fn losses(&self, ctx: &Ctx) -> Result<(f64, Option<f64>)> {
        let held = self.held.as_ref().map(|h| self.loss.mean(ctx, h.scores())).transpose()?;
        Ok((self.loss.mean(ctx, self.train.scores())?, held))
    }

    /// The trees, round by round and class by class, and the bins of their features.
    pub fn trees(&self) -> (&[Vec<Grown>], &[Arc<Cuts>]) {
        (&self.trees, &self.train.table.cuts)
    }

    /// Grows the trees of `n` rounds.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn rounds(&mut self, ctx: &Ctx, n: usize) -> Result<()> {
        ctx.set_total(n as u64);
        for _ in 0..n {
            self.loss.shift(ctx, self.train.scores(), &mut self.shift)?;
            // Every class's gradients are of the scores before this round.
            let grown: Vec<Vec<Grown>> = (0..self.loss.width())
                .map(|class| {
                    let mut pairs = std::mem::take(&mut self.pairs);
                    self.loss.pairs(ctx, self.train.scores(), class, &self.shift, &mut pairs)?;
                    self.pairs = pairs;
                    self.tree(ctx, class)
                })
                .collect::<Result<_>>()?;
            self.trees.extend(grown);
            ctx.advance(1)?;
        }
        Ok(())
    }

    /// Grows the trees of one round on gradients and hessians from outside, class after class.
    ///
    /// # Errors
    /// [`Error::Shape`] when they do not fit the rows, [`Error::Data`] when they are not finite or
    /// a hessian is negative.
    pub fn round_on(&mut self, ctx: &Ctx, gradient: &[f64], hessian: &[f64]) -> Result<()> {
        let n = self.train.y.len();
        let want = n * self.loss.width();
        if gradient.len() != want || hessian.len() != want {
            return Err(Error::Shape(format!(
                "the loss gave {} gradients and {} hessians for {want} scores",
                gradient.len(),
                hessian.len()
            )));
        }
        let bad = |(g, h): (&f64, &f64)| !g.is_finite() || !h.is_finite() || *h < 0.0;
        if let Some(at) = gradient.iter().zip(hessian).position(bad) {
            return Err(Error::Data(format!(
                "the loss gave the gradient {} and the hessian {} for row {}: gradients must be \
                 finite, and hessians not negative",
                gradient[at],
                hessian[at],
                at % n
            )));
        }
        let mut grown = Vec::new();
        for class in 0..self.loss.width() {
            let weights = self.train.weights.as_deref();
            for (row, pair) in self.pairs.iter_mut().enumerate() {
                let w = weights.map_or(1.0, |w| w[row]);
                *pair = [gradient[class * n + row] * w, hessian[class * n + row] * w];
            }
            grown.push(self.tree(ctx, class)?);
        }
        self.trees.extend(grown);
        Ok(())
    }

    /// Grows one tree on the gradients at hand, and adds what it says to the scores of its class.
    fn tree(&mut self, ctx: &Ctx, class: usize) -> Result<Vec<Grown>> {
        let constant = self.loss.constant() && self.train.weights.is_none();
        let number = (self.before * self.loss.width() + self.trees.len() + class) as u64;
        let keys = (self.seed, number);
        let (table, plan) = (&self.train.table, &self.plan);
        macro_rules! grow {
            ($space:expr, $cells:expr) => {{
                let code = Code::rows(ctx, &self.pairs, constant, $cells)?;
                let cells = $cells.as_slice();
                let tree = Grower { ctx, table, plan, code, cells, space: $space, keys }.grow()?;
                (tree, &$space.rows)
            }};
        }
        let (mut tree, rows) = match &mut self.work {
            Work::One(space, cells) => grow!(space, cells),
            Work::Two(space, cells) => grow!(space, cells),
            Work::Three(space, cells) => grow!(space, cells),
        };
        let train = &mut self.train;
        for leaf in tree.iter_mut().filter(|node| node.left == 0) {
            let rows = &rows[leaf.part.0..leaf.part.1];
            if self.loss.renews() {
                leaf.value = plan.rate * self.loss.renewed(train.scores(), rows);
            }
        }
        let n = train.y.len();
        let raw = &mut train.raw[class * n..][..n];
        for leaf in tree.iter().filter(|node| node.left == 0) {
            rows[leaf.part.0..leaf.part.1].iter().for_each(|&row| raw[row as usize] += leaf.value);
        }
        if let Some(held) = &mut self.held {
            let n = held.y.len();
            for (row, raw) in held.raw[class * n..][..n].iter_mut().enumerate() {
                *raw += said(&tree, &held.table, row);
            }
        }
        Ok(tree)
    }
}

/// What a tree says of a row.
fn said(tree: &[Grown], table: &Table, row: usize) -> f64 {
    let mut node = &tree[0];
    while node.left != 0 {
        let bin = table.column(node.feature as usize)[row];
        let left = match &node.set {
            Some(_) if bin == MISSING => node.missing_left,
            Some(set) => has(set, bin),
            None => node.rule().left(bin),
        };
        node = &tree[node.left as usize + usize::from(!left)];
    }
    node.value
}
