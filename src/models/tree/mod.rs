//! Decision trees (Breiman, Friedman, Olshen and Stone 1984), exact: every cut between two values
//! of a feature is weighed. The same tree as scikit-learn's on the same data and seed.

mod absolute;
mod classify;
mod criterion;
mod draw;
mod grow;
mod order;
mod regress;
mod split;
#[cfg(test)]
mod tests;

use ndarray::ArrayView2;

use crate::base::{Ctx, Error, Result};
use crate::trees::{FlatTree, Shape};

use absolute::Absolute;
use classify::{Classes, Entropy, EntropyCounts, Gini, GiniCounts, Sums};
use criterion::Criterion;
use grow::Grower;
use order::Columns;
use regress::{Numbers, Poisson, Squared};

/// What a split takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impurity {
    /// 1 - sum of squared class shares.
    Gini,
    /// - sum of share * log2(share).
    Entropy,
    /// Variance.
    Squared,
    /// Mean absolute distance from the median.
    Absolute,
    /// Half the Poisson deviance.
    Poisson,
}

/// How a tree grows.
#[derive(Debug, Clone)]
pub struct Params {
    /// The criterion.
    pub impurity: Impurity,
    /// One random cut a feature instead of the best.
    pub random: bool,
    /// The longest way from the root to a leaf.
    pub max_depth: usize,
    /// A node with fewer rows is a leaf.
    pub min_split: usize,
    /// Both sides of a split have at least this many rows,
    pub min_leaf: usize,
    /// and this much weight.
    pub min_weight: f64,
    /// How many features that vary a node looks at.
    pub max_features: usize,
    /// Grow best first until there are this many leaves.
    pub max_leaves: Option<usize>,
    /// A split takes away at least this much impurity, by the share of weight.
    pub min_decrease: f64,
    /// Seeds the draw of features.
    pub seed: u32,
    /// By feature: 1 the value (of class 0) must not fall as the feature rises, -1 must not rise.
    pub monotonic: Option<Vec<i8>>,
    /// Keep every feature sorted through the tree, or sort the rows of each node; `None` chooses.
    /// The tree is the same.
    pub presort: Option<bool>,
}

impl Default for Params {
    fn default() -> Self {
        Params {
            impurity: Impurity::Gini,
            random: false,
            max_depth: usize::MAX,
            min_split: 2,
            min_leaf: 1,
            min_weight: 0.0,
            max_features: usize::MAX,
            max_leaves: None,
            min_decrease: 0.0,
            seed: 0,
            monotonic: None,
            presort: None,
        }
    }
}

impl Params {
    /// Keeping `n` features sorted costs a pass over all of them a level; sorting costs several
    /// times that, but only over the features that a node looks at.
    fn presorts(&self, n: usize) -> bool {
        !self.random && self.presort.unwrap_or(self.max_features.saturating_mul(4) >= n)
    }
}

/// What a tree learns, row by row over the outputs.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// Class codes from 0, and how many classes each output has.
    Classes {
        /// `rows * outputs` codes.
        codes: &'a [u32],
        /// One count an output.
        counts: &'a [usize],
    },
    /// Numbers.
    Numbers {
        /// `rows * outputs` numbers.
        y: &'a [f64],
        /// How many outputs.
        outputs: usize,
    },
}

/// Grows a tree on the rows of `x`. Missing values are NaN.
///
/// # Errors
/// Shapes that do not fit each other, an impurity that is not for the target, no row that weighs
/// something, and stopping.
pub fn grow(
    ctx: &Ctx,
    x: ArrayView2<'_, f32>,
    target: Target<'_>,
    weights: Option<&[f64]>,
    params: &Params,
) -> Result<FlatTree> {
    let shape = check(x, target, weights, params)?;
    let weighs = |row: &u32| weights.is_none_or(|w| w[*row as usize] != 0.0);
    let rows: Vec<u32> = (0..x.nrows() as u32).filter(weighs).collect();
    if rows.is_empty() {
        return Err(Error::Data("no row has a weight other than zero: nothing to grow on".into()));
    }
    match target {
        Target::Classes { codes, counts } => {
            let data = Classes { codes, counts, most: shape.classes, weights };
            if params.impurity == Impurity::Entropy {
                return match EntropyCounts::new(data) {
                    Some(counts) => with(ctx, x, &counts, params, shape, rows),
                    None => with(ctx, x, &Sums::new(data, Entropy), params, shape, rows),
                };
            }
            match GiniCounts::new(data) {
                Some(counts) => with(ctx, x, &counts, params, shape, rows),
                None => with(ctx, x, &Sums::new(data, Gini), params, shape, rows),
            }
        }
        Target::Numbers { y, outputs } => {
            let data = Numbers { y, outputs, weights };
            match params.impurity {
                Impurity::Absolute => with(ctx, x, &Absolute { data }, params, shape, rows),
                Impurity::Poisson => with(ctx, x, &Poisson { data }, params, shape, rows),
                _ => match regress::shift(data) {
                    None => {
                        let criterion = Squared { data, shift: vec![0.0; outputs] };
                        with(ctx, x, &criterion, params, shape, rows)
                    }
                    Some(shift) => {
                        let off = shift.iter().cycle();
                        let y: Vec<f64> = y.iter().zip(off).map(|(v, off)| v - off).collect();
                        let criterion = Squared { data: Numbers { y: &y, ..data }, shift };
                        with(ctx, x, &criterion, params, shape, rows)
                    }
                },
            }
        }
    }
}

fn with<C: Criterion>(
    ctx: &Ctx,
    x: ArrayView2<'_, f32>,
    criterion: &C,
    params: &Params,
    shape: Shape,
    rows: Vec<u32>,
) -> Result<FlatTree> {
    let grower = Grower::new(ctx, criterion, params, shape, Columns::new(x), rows)?;
    FlatTree::new(grower.grow()?, shape)
}

fn check(
    x: ArrayView2<'_, f32>,
    target: Target<'_>,
    weights: Option<&[f64]>,
    params: &Params,
) -> Result<Shape> {
    let (rows, features) = x.dim();
    if rows == 0 || features == 0 || rows >= u32::MAX as usize {
        return Err(Error::Shape(format!(
            "cannot grow a tree on {rows} rows x {features} columns"
        )));
    }
    let (length, outputs, classes, fits) = match target {
        Target::Classes { codes, counts } => {
            let most = counts.iter().copied().max().unwrap_or(0);
            for row in codes.chunks(counts.len().max(1)) {
                if let Some((code, n)) = row.iter().zip(counts).find(|(c, n)| **c as usize >= **n) {
                    return Err(Error::Data(format!("class code {code} of {n} classes")));
                }
            }
            let fits = matches!(params.impurity, Impurity::Gini | Impurity::Entropy);
            (codes.len(), counts.len(), most, fits)
        }
        Target::Numbers { y, outputs } => {
            (y.len(), outputs, 1, !matches!(params.impurity, Impurity::Gini | Impurity::Entropy))
        }
    };
    if outputs == 0 || rows.checked_mul(outputs) != Some(length) {
        return Err(Error::Shape(format!("{rows} rows, but a target of {length} for {outputs}")));
    }
    if let Some(w) = weights.filter(|w| w.len() != rows) {
        return Err(Error::Shape(format!("{rows} rows, but {} weights", w.len())));
    }
    if let Some(m) = params.monotonic.as_ref() {
        if m.len() != features {
            return Err(Error::Shape(format!("{features} columns, but {} constraints", m.len())));
        }
        if outputs > 1 || classes > 2 {
            return Err(Error::Parameter(
                "monotonic constraints need one output, and at most two classes".into(),
            ));
        }
    }
    if !fits {
        return Err(Error::Parameter(format!("{:?} is not for this target", params.impurity)));
    }
    Ok(Shape { features, outputs, classes })
}
