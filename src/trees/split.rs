//! The best split of a node over one column of bins.

use super::binned::{BinSet, Rule, put};
use super::bins::MISSING;

/// A split must take away more than this share of what it compares, or it is rounding.
const LEAST: f64 = 1e-12;

/// What a split is to make small: the squared error or the Gini impurity of the children.
///
/// A column's bins are gathered, put in an order, and the order is cut where that is best.
pub(super) trait Goal {
    /// What is kept beside each row.
    type Item: Copy + Default;

    /// The item of a row that counts `weight` times.
    fn item(&self, row: u32, weight: u32) -> Self::Item;

    /// How often an item's row counts.
    fn weight(item: &Self::Item) -> f64;

    /// Begins a node; false where no split can be of use.
    fn begin(&mut self, items: &[Self::Item]) -> bool;

    /// Sums the items up by bin, and returns the bins that occur.
    fn gather(&mut self, column: &[u8], rows: &[u32], items: &[Self::Item]) -> BinSet;

    /// Puts categories in the order in which they are to be cut.
    fn sort(&mut self, bins: &mut [u8]);

    /// The worth of the best cut of an order (more is better) and the bins before it.
    fn scan(&mut self, order: &[u8]) -> Option<(f64, usize)>;

    /// Forgets what was gathered.
    fn clear(&mut self, bins: &[u8]);

    /// The worth of no split.
    fn base(&self) -> f64;

    /// Whether the worth of a split is more than that of none, and not by rounding.
    fn useful(&self, worth: f64) -> bool {
        worth - self.base() > LEAST * worth
    }
}

/// A split of a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Split {
    /// More is better; comparable within a node.
    pub worth: f64,
    /// Which rows go left.
    pub rule: Rule,
}

/// What a column has to offer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Offer {
    /// One bin alone occurs.
    Constant,
    /// It varies, and this is its best split, if one is allowed.
    Best(Option<Split>),
}

/// Looks at one column of a node that the goal has begun.
pub(super) fn look<G: Goal>(
    goal: &mut G,
    column: &[u8],
    categorical: bool,
    rows: &[u32],
    items: &[G::Item],
    order: &mut Vec<u8>,
) -> Offer {
    let seen = goal.gather(column, rows, items);
    order.clear();
    each(&seen, |bin| order.push(bin));
    let found = if order.len() < 2 {
        Offer::Constant
    } else if categorical {
        goal.sort(order);
        let best = goal.scan(order);
        Offer::Best(best.map(|(worth, k)| Split { worth, rule: Rule::Set(set_of(&order[..k])) }))
    } else {
        Offer::Best(cut(goal, order))
    };
    goal.clear(order);
    found
}

/// The best cut of numbers: what is missing goes with the right, or, where that is better, left.
fn cut<G: Goal>(goal: &mut G, order: &mut [u8]) -> Option<Split> {
    let missing = order.last() == Some(&MISSING);
    let right = goal.scan(order).map(|(worth, k)| Split {
        worth,
        rule: Rule::Cut { cut: middle(order, k), missing_left: false },
    });
    if !missing {
        return right;
    }
    order.rotate_right(1);
    // What is missing against all the rest was among the cuts above.
    let left = goal.scan(order).filter(|&(_, k)| k > 1).map(|(worth, k)| Split {
        worth,
        rule: Rule::Cut { cut: middle(order, k), missing_left: true },
    });
    match (right, left) {
        (Some(r), Some(l)) => Some(if l.worth > r.worth { l } else { r }),
        (r, l) => r.or(l),
    }
}

/// The last bin on the left of a cut before `order[k]`: half way to the next that occurs.
fn middle(order: &[u8], k: usize) -> u8 {
    match order[k] {
        MISSING => order[k - 1],
        next => ((u16::from(order[k - 1]) + u16::from(next) - 1) / 2) as u8,
    }
}

/// Gives the bins of a set, the least first.
pub(super) fn each(set: &BinSet, mut give: impl FnMut(u8)) {
    for (word, &bits) in set.iter().enumerate() {
        let mut bits = bits;
        while bits != 0 {
            give((word * 64) as u8 + bits.trailing_zeros() as u8);
            bits &= bits - 1;
        }
    }
}

fn set_of(bins: &[u8]) -> BinSet {
    let mut set = [0; 4];
    bins.iter().for_each(|&bin| put(&mut set, bin));
    set
}
