//! The best split of a node over one column's histogram (Chen and Guestrin 2016, equations 5 to 7;
//! categories in the order of their mean gradient: Fisher 1958).

use super::hist::{Bins, Cell, Code, Sums, add, take};
use crate::trees::binned::{BinSet, put};
use crate::trees::bins::MISSING;

/// A category must have about as many rows to be looked at, and as many are added below its mean.
const SUPPORT: f64 = 10.0;

/// What a split must leave on both sides.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Rows.
    pub min_leaf: u32,
    /// Hessians.
    pub min_hessian: f64,
    /// Added to the hessians of a leaf.
    pub l2: f64,
}

/// A node whose split is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<const K: usize> {
    pub total: Cell<K>,
    /// Its value as a leaf, without shrinkage.
    pub value: f64,
    /// Between what its children's values must lie.
    pub low: f64,
    pub high: f64,
}

/// A column of the node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column<'a, const K: usize> {
    pub hist: &'a Bins<K>,
    pub feature: u32,
    pub bins: usize,
    pub missing: bool,
    pub categorical: bool,
    /// 1: the value must not fall as the feature rises, -1: must not rise.
    pub direction: i8,
}

/// A split.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split<const K: usize> {
    pub gain: f64,
    pub feature: u32,
    /// The last bin on the left.
    pub cut: u8,
    pub missing_left: bool,
    /// The bins on the left, of categories.
    pub set: Option<BinSet>,
    pub left: Cell<K>,
}

/// What the search of one column needs at hand.
struct Search<'a, const K: usize> {
    code: &'a Code,
    limits: &'a Limits,
    node: &'a Node<K>,
    total: Sums,
    direction: i8,
    /// Whether values are bound, so that the gain has no short form.
    bound: bool,
    /// The best worth so far; that of no split is `-total.gradient * node.value`.
    top: f64,
}

/// A place of a scan.
enum Place {
    TooFew,
    Over,
    Worse,
    Best,
}

impl<const K: usize> Search<'_, K> {
    /// Looks at a split with `near` on the side that grows.
    #[inline]
    fn look(&mut self, near: &Cell<K>, near_is_left: bool) -> Place {
        let (limits, total) = (self.limits, self.total);
        let near = self.code.decode(near);
        let far = Sums {
            gradient: total.gradient - near.gradient,
            hessian: total.hessian - near.hessian,
            count: total.count.wrapping_sub(near.count),
        };
        if near.count < limits.min_leaf || near.hessian < limits.min_hessian {
            return Place::TooFew;
        }
        if far.count < limits.min_leaf || far.hessian < limits.min_hessian {
            return Place::Over;
        }
        let worth = if self.bound {
            let (left, right) = if near_is_left { (near, far) } else { (far, near) };
            let (l, r) = (self.value(&left), self.value(&right));
            if (self.direction > 0 && l > r) || (self.direction < 0 && l < r) {
                return Place::Worse;
            }
            -left.gradient * l - right.gradient * r
        } else {
            let l2 = limits.l2 + 1e-15;
            near.gradient * near.gradient / (near.hessian + l2)
                + far.gradient * far.gradient / (far.hessian + l2)
        };
        if worth > self.top {
            self.top = worth;
            return Place::Best;
        }
        Place::Worse
    }

    fn value(&self, sums: &Sums) -> f64 {
        value(sums, self.limits.l2, self.node.low, self.node.high)
    }
}

/// The value of a leaf without shrinkage.
pub(super) fn value(sums: &Sums, l2: f64, low: f64, high: f64) -> f64 {
    let value = -sums.gradient / (sums.hessian + l2 + 1e-15);
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

/// The best split of a column with a gain above 0.
pub(super) fn best<const K: usize>(
    code: &Code,
    limits: &Limits,
    node: &Node<K>,
    column: &Column<'_, K>,
) -> Option<Split<K>> {
    let total = code.decode(&node.total);
    let without = -total.gradient * node.value;
    let free = node.low == f64::NEG_INFINITY && node.high == f64::INFINITY;
    let bound = column.direction != 0 || !free;
    let top = without;
    let mut search = Search { code, limits, node, total, direction: column.direction, bound, top };
    let found = if column.categorical {
        categories(&mut search, column)
    } else {
        numbers(&mut search, column)
    };
    let gain = search.top - without;
    found.filter(|_| gain > 0.0).map(|split| Split { gain, ..split })
}

fn empty<const K: usize>(cell: &Cell<K>) -> bool {
    cell[K - 1] == 0
}

/// Cuts from the left, with what is missing on the right; then from the right, with it on the left.
fn numbers<const K: usize>(search: &mut Search<'_, K>, column: &Column<'_, K>) -> Option<Split<K>> {
    let mut found: Option<Split<K>> = None;
    let mut keep = |cut: usize, missing_left, left: Cell<K>| {
        let (feature, cut) = (column.feature, cut as u8);
        found = Some(Split { gain: 0.0, feature, cut, missing_left, set: None, left });
    };
    let mut near = [0; K];
    for (bin, cell) in
        column.hist[..column.bins - 1 + usize::from(column.missing)].iter().enumerate()
    {
        if empty(cell) {
            continue;
        }
        add(&mut near, cell);
        match search.look(&near, true) {
            Place::Best => keep(bin, false, near),
            Place::Over => break,
            _ => {}
        }
    }
    if column.missing {
        near = [0; K];
        for bin in (1..column.bins).rev() {
            let cell = &column.hist[bin];
            if empty(cell) {
                continue;
            }
            add(&mut near, cell);
            match search.look(&near, false) {
                Place::Best => {
                    let mut left = search.node.total;
                    take(&mut left, &near);
                    keep(bin - 1, true, left);
                }
                Place::Over => break,
                _ => {}
            }
        }
    }
    found
}

/// Puts the categories that have enough rows in the order of their means and cuts it, from both
/// ends up to the middle; the rest goes right.
fn categories<const K: usize>(
    search: &mut Search<'_, K>,
    column: &Column<'_, K>,
) -> Option<Split<K>> {
    let factor = f64::from(search.total.count) / search.total.hessian;
    let missing = column.missing.then_some(usize::from(MISSING));
    let mut order: Vec<(f64, u8)> = Vec::new();
    for bin in (0..column.bins).chain(missing) {
        let sums = search.code.decode(&column.hist[bin]);
        if sums.hessian * factor >= SUPPORT {
            order.push((sums.gradient / (sums.hessian + SUPPORT), bin as u8));
        }
    }
    if order.len() < 2 {
        return None;
    }
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = order.len().div_ceil(2);
    let mut found: Option<(Cell<K>, bool, usize)> = None;
    for (backward, middle) in [(false, half), (true, half - 1)] {
        let mut near = [0; K];
        for i in 0..middle {
            let at = if backward { order.len() - 1 - i } else { i };
            add(&mut near, &column.hist[usize::from(order[at].1)]);
            match search.look(&near, true) {
                Place::Best => found = Some((near, backward, at)),
                Place::Over => break,
                _ => {}
            }
        }
    }
    let (left, backward, at) = found?;
    let chosen = if backward { &order[at..] } else { &order[..=at] };
    let mut set = [0; 4];
    chosen.iter().for_each(|&(_, bin)| put(&mut set, bin));
    let missing_left = column.missing && chosen.iter().any(|&(_, bin)| bin == MISSING);
    let feature = column.feature;
    Some(Split { gain: 0.0, feature, cut: 0, missing_left, set: Some(set), left })
}
