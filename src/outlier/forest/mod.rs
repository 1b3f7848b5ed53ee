//! Isolation forests (Liu, Ting and Zhou 2008) and their oblique form (Hariri, Carrasco Kind and
//! Brunner 2019).
//!
//! A tree is a complete binary tree of the depth it was allowed, so that no child is looked up: the
//! children of place `i` are `2 i` and `2 i + 1`, the root is 1. Below a leaf every cut sends
//! everything to the first side, and all places have the leaf's value.

mod draw;
mod grow;
mod score;
#[cfg(test)]
mod tests;

pub use draw::samples;
pub use grow::{Plan, grow};
pub use score::{score, shares};

use crate::base::{Error, Result};

/// The deepest tree that is kept: one of a thousand million rows.
const DEEPEST: u32 = 30;
/// Euler's constant.
const GAMMA: f64 = 0.577_215_664_901_532_9;

/// A cut by one feature: the first side has what is at most the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// The threshold.
    pub at: f32,
    /// The feature, or the number of features and the feature where its negative is compared: so
    /// that a missing cell, which compares as false, goes to the side of most rows.
    pub feature: u32,
}

/// A term of an oblique cut: the weight of a feature's distance from its mean in the node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// The feature.
    pub feature: u32,
    /// Its weight; zero for no term.
    pub weight: f32,
    /// Its mean.
    pub from: f32,
}

/// The cuts of a tree, by place.
#[derive(Debug, Clone, PartialEq)]
pub enum Cuts {
    /// By one feature each.
    Straight(Vec<Cut>),
    /// By planes: the first side has the sums of terms up to the threshold. A missing cell adds
    /// nothing, as if it were at the mean.
    Oblique {
        /// Terms of a plane.
        width: usize,
        /// The terms of each plane.
        terms: Vec<Term>,
        /// The thresholds.
        at: Vec<f32>,
    },
}

/// An isolation tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    depth: u32,
    features: usize,
    cuts: Cuts,
    /// How long the way of a row in this place is expected to be, as a share of the average way.
    expected: Vec<f32>,
}

impl Tree {
    /// A tree of its parts, checked.
    pub fn new(depth: u32, features: usize, cuts: Cuts, expected: Vec<f32>) -> Result<Tree> {
        let wrong = |what: &str| Err(Error::State(format!("an isolation tree has {what}")));
        if depth > DEEPEST {
            return wrong("more levels than it can have");
        }
        let places = 1usize << depth;
        let (held, reach) = match &cuts {
            Cuts::Straight(cuts) => (cuts.len(), cuts.iter().map(|c| c.feature).max()),
            Cuts::Oblique { width, terms, at } => {
                if width.checked_mul(at.len()) != Some(terms.len()) || *width == 0 {
                    return wrong("a plane that lacks terms");
                }
                (at.len(), terms.iter().map(|t| t.feature).max())
            }
        };
        let sides = if matches!(cuts, Cuts::Straight(_)) { 2 } else { 1 };
        if held != places || expected.len() != 2 * places {
            return wrong("too few or too many places");
        }
        if reach.is_some_and(|f| f as usize >= sides * features) {
            return wrong("a cut by a feature that there is not");
        }
        Ok(Tree { depth, features, cuts, expected })
    }

    /// Levels of cuts.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Features of the rows it takes.
    pub fn features(&self) -> usize {
        self.features
    }

    /// The cuts, by place; place 0 is not used.
    pub fn cuts(&self) -> &Cuts {
        &self.cuts
    }

    /// The expected share of the average way, by place.
    pub fn expected(&self) -> &[f32] {
        &self.expected
    }
}

/// The average way to where one of `n` rows is alone.
pub fn average_path(n: usize) -> f64 {
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = n as f64;
            2.0 * ((n - 1.0).ln() + GAMMA) - 2.0 * (n - 1.0) / n
        }
    }
}

/// How deep a tree of `rows` rows may be.
pub fn depth_of(rows: usize) -> u32 {
    rows.max(2).next_power_of_two().trailing_zeros()
}

/// A cell in single precision: the nearest number that is finite.
fn single(x: f64) -> f32 {
    x.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
}

/// The sum of a plane's terms for a row; a cell that is missing adds nothing.
#[inline]
fn sum(terms: &[Term], cell: impl Fn(u32) -> f32) -> f32 {
    terms.iter().fold(0.0, |sum, term| {
        let part = (cell(term.feature) - term.from) * term.weight;
        if part.is_nan() { sum } else { sum + part }
    })
}
