//! Forests on bins (Breiman 2001; Geurts, Ernst and Wehenkel 2006): the bins of a table are made
//! once, trees grow apart from each other on rows that weigh differently.

mod grow;
mod search;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ndarray::ArrayView2;

use super::boost::Table;
use crate::base::{Ctx, Error, Result, par};
use crate::trees::bins::{Cuts, MISSING};
use crate::trees::{FlatTree, Shape};

use grow::Grower;

/// Rows of one part of a prediction.
const BLOCK: usize = 1024;

/// What a split takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impurity {
    /// 1 - sum of squared class shares.
    Gini,
    /// - sum of share * log2(share).
    Entropy,
    /// Variance.
    Squared,
}

/// How the trees grow.
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
    /// and this share of the tree's weight.
    pub min_share: f64,
    /// How many features that vary a node looks at.
    pub max_features: usize,
    /// Grow best first until there are this many leaves.
    pub max_leaves: usize,
    /// A split takes away at least this much impurity, by the share of weight.
    pub min_decrease: f64,
}

/// A table in bins, with its target.
#[derive(Debug)]
pub struct Forest {
    table: Table,
    /// Class codes, or numbers less their mean.
    y: Vec<f64>,
    mean: f64,
    /// Classes, 1 for numbers.
    classes: usize,
    params: Params,
    /// The edges of each column, and the least and largest value of each bin.
    edges: Vec<Vec<f64>>,
    ends: Vec<Vec<[f64; 2]>>,
}

impl Forest {
    /// Puts the table in bins. `classes` is 1 for numbers.
    ///
    /// # Errors
    /// [`Error::Shape`] and [`Error::Data`] for a target that does not fit.
    pub fn new(
        ctx: &Ctx,
        x: ArrayView2<'_, f32>,
        y: &[f64],
        classes: usize,
        cuts: Vec<Arc<Cuts>>,
        params: Params,
    ) -> Result<Self> {
        if y.len() != x.nrows() || y.is_empty() || classes == 0 {
            return Err(Error::Shape(format!("{} rows, but a target of {}", x.nrows(), y.len())));
        }
        let numbers = params.impurity == Impurity::Squared;
        let codes = 0.0..classes as f64;
        if let Some(bad) = y.iter().find(|c| !numbers && !codes.contains(*c)) {
            return Err(Error::Data(format!("class code {bad} of {classes} classes")));
        }
        let mean = if numbers { y.iter().sum::<f64>() / y.len() as f64 } else { 0.0 };
        let table = Table::new(ctx, x, cuts, 8)?;
        let ends = par::map(ctx, table.columns(), |j| {
            let mut ends = vec![[f64::INFINITY, f64::NEG_INFINITY]; table.bins(j)];
            for (&bin, &value) in table.column(j).iter().zip(x.column(j)) {
                if bin != MISSING {
                    let [low, high] = &mut ends[usize::from(bin)];
                    (*low, *high) = (low.min(f64::from(value)), high.max(f64::from(value)));
                }
            }
            ends
        })?;
        let edges = table.cuts.iter().map(|cuts| match &**cuts {
            Cuts::Numbers(edges) => edges.clone(),
            Cuts::Categories(_) => Vec::new(),
        });
        let edges = edges.collect();
        let y = y.iter().map(|v| v - mean).collect();
        Ok(Forest { table, y, mean, classes, params, edges, ends })
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.y.len()
    }

    /// Grows a tree on each set of weights, one a row; rows of weight zero take no part. A tree's
    /// draws depend on its seed alone.
    ///
    /// # Errors
    /// [`Error::Data`] where no row weighs something; [`Error::Stopped`].
    pub fn grow(&self, ctx: &Ctx, weights: &[&[f64]], seeds: &[u64]) -> Result<Vec<FlatTree>> {
        if weights.len() != seeds.len() || weights.iter().any(|w| w.len() != self.rows()) {
            return Err(Error::Shape(format!("weights that do not fit {} rows", self.rows())));
        }
        let shape = Shape { features: self.table.columns(), outputs: 1, classes: self.classes };
        let trees = par::map(ctx, seeds.len(), |t| {
            FlatTree::new(Grower::new(ctx, self, weights[t], seeds[t])?.grow()?, shape)
        })?;
        trees.into_iter().collect()
    }
}

/// The mean over trees of the values of each row's leaf: `outputs * classes` a row.
///
/// # Errors
/// [`Error::Shape`] for other columns than the trees were grown on.
pub fn mean(ctx: &Ctx, trees: &[&FlatTree], x: ArrayView2<'_, f32>) -> Result<Vec<f64>> {
    let Some(shape) = trees.first().map(|t| t.shape()) else { return Ok(Vec::new()) };
    let width = shape.outputs * shape.classes;
    if trees.iter().any(|t| t.shape() != shape) || x.ncols() != shape.features {
        return Err(Error::Shape(format!(
            "X has {} columns, but the trees were grown on {}",
            x.ncols(),
            shape.features
        )));
    }
    let mut out = vec![0.0; x.nrows() * width];
    par::fill_chunks(ctx, &mut out, BLOCK * width, |first, out| {
        let first = first / width;
        let rows = x.slice(ndarray::s![first..first + out.len() / width, ..]);
        let rows = rows.as_standard_layout();
        let Some(rows) = rows.as_slice() else { return };
        for tree in trees {
            tree.add(rows, out);
        }
        out.iter_mut().for_each(|v| *v /= trees.len() as f64);
    })?;
    Ok(out)
}
