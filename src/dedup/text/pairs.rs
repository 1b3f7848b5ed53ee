//! Pairs that were verified, and which pairs are asked for.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::bounds::jaccard;
use super::shingles::overlap;
use crate::base::{Error, Result};

/// More pairs than this are of no use to anyone, and do not fit the memory.
const MOST: usize = 100_000_000;

/// Two contents whose sets are alike.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Pair {
    /// The content of the lower number.
    pub left: u32,
    /// The content of the higher number.
    pub right: u32,
    /// Their Jaccard similarity.
    pub score: f64,
}

impl Pair {
    /// The pair of two contents if their sets share at least `least`.
    pub fn new(one: u32, other: u32, a: &[u64], b: &[u64], least: usize) -> Option<Self> {
        let shared = overlap(a, b, least)?;
        let score = jaccard(shared, a.len() + b.len() - shared);
        Some(Pair { left: one.min(other), right: one.max(other), score })
    }
}

/// On which side of two data sets contents stand: 1 left, 2 right, 3 both; none where there is one
/// data set.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a>(pub Option<&'a [u8]>);

impl Sides<'_> {
    /// True if one can be left and the other right.
    pub fn may_pair(self, one: u32, other: u32) -> bool {
        self.0.is_none_or(|side| side[one as usize] | side[other as usize] == 3)
    }
}

/// How many pairs there are so far.
#[derive(Debug, Default)]
pub struct Pairs(AtomicUsize);

impl Pairs {
    /// Counts `more` pairs; an error if they are too many.
    pub fn count(&self, more: usize) -> Result<()> {
        if self.0.fetch_add(more, Ordering::Relaxed) + more > MOST {
            return Err(Error::Data(format!(
                "more than {} million pairs are this much alike: raise the threshold, or take out \
                 what all texts have in common",
                MOST / 1_000_000
            )));
        }
        Ok(())
    }
}
