//! A tree grown on bins: depth first, or the most useful split first where leaves are limited.

use super::binned::{BinSet, Rule, Seen, Trees, has};
use super::bins::MISSING;
use super::split::{Goal, Offer, Split, look};
use crate::base::{Ctx, Result, hash};

/// When a tree stops growing, and how many features a node looks at.
#[derive(Debug, Clone, Copy)]
pub struct Params {
    /// Rows of a leaf at least, counted as often as they were drawn.
    pub min_leaf: u32,
    /// Splits on the way to a leaf at most.
    pub max_depth: usize,
    /// Leaves at most.
    pub max_leaves: usize,
    /// Features that vary in a node and are looked at, drawn anew for each node.
    pub max_features: usize,
}

/// The columns that a tree may look at.
#[derive(Debug, Clone)]
pub struct Features<'a> {
    /// The bins of each column.
    pub columns: Vec<&'a [u8]>,
    /// Whether they are categories.
    pub categorical: Vec<bool>,
}

/// A tree, and the rows in the order of its leaves.
pub(super) struct Grown<I> {
    pub tree: Trees,
    pub rows: Vec<u32>,
    pub items: Vec<I>,
    /// The part of the rows that is in each node.
    pub parts: Vec<(usize, usize)>,
}

/// A node with a split that waits to be made.
struct Open {
    node: u32,
    part: (usize, usize),
    depth: usize,
    feature: usize,
    split: Split,
    /// The worth over that of no split.
    gain: f64,
}

struct Grower<'a, G: Goal> {
    ctx: &'a Ctx,
    features: &'a Features<'a>,
    params: &'a Params,
    goal: &'a mut G,
    grown: Grown<G::Item>,
    open: Vec<Open>,
    /// The key of the tree's draws.
    key: u64,
    /// All features, in order but while a node draws.
    deck: Vec<usize>,
    order: Vec<u8>,
    aside: Vec<(u32, G::Item)>,
}

/// Grows a tree on rows that count as often as their weight says. Its draws depend on `key` and
/// the node.
pub(super) fn grow<G: Goal>(
    ctx: &Ctx,
    features: &Features<'_>,
    params: &Params,
    goal: &mut G,
    drawn: &[(u32, u32)],
    key: u64,
) -> Result<Grown<G::Item>> {
    let items = drawn.iter().map(|&(row, weight)| goal.item(row, weight)).collect();
    let rows = drawn.iter().map(|&(row, _)| row).collect();
    let mut tree = Trees::default();
    let root = tree.add_leaf()?;
    tree.roots.push(root);
    let grown = Grown { tree, rows, items, parts: vec![(0, drawn.len())] };
    let mut grower = Grower {
        ctx,
        features,
        params,
        goal,
        grown,
        open: Vec::new(),
        key,
        deck: (0..features.columns.len()).collect(),
        order: Vec::new(),
        aside: Vec::new(),
    };
    grower.consider(0, (0, drawn.len()), 0)?;
    let mut leaves = 1;
    while leaves < params.max_leaves
        && let Some(next) = grower.next()
    {
        grower.divide(next)?;
        leaves += 1;
    }
    Ok(grower.grown)
}

impl<G: Goal> Grower<'_, G> {
    /// The node to split next.
    fn next(&mut self) -> Option<Open> {
        if self.params.max_leaves == usize::MAX {
            return self.open.pop();
        }
        let gains = self.open.iter().map(|o| o.gain).enumerate();
        let best = gains.reduce(|a, b| if b.1 > a.1 { b } else { a })?.0;
        Some(self.open.remove(best))
    }

    /// Looks for a split of a node, and keeps it if it is of use.
    fn consider(&mut self, node: u32, part: (usize, usize), depth: usize) -> Result<()> {
        self.ctx.check()?;
        let items = &self.grown.items[part.0..part.1];
        if depth >= self.params.max_depth || !self.goal.begin(items) {
            return Ok(());
        }
        let best = self.best(node, part);
        if let Some((feature, split)) = best.filter(|(_, s)| self.goal.useful(s.worth)) {
            let gain = split.worth - self.goal.base();
            self.open.push(Open { node, part, depth, feature, split, gain });
        }
        Ok(())
    }

    /// The best split over the features drawn. As many are drawn as are needed to see
    /// `max_features` that vary.
    fn best(&mut self, node: u32, part: (usize, usize)) -> Option<(usize, Split)> {
        let n = self.deck.len();
        let key = hash::mix(self.key, u64::from(node));
        let all = self.params.max_features >= n;
        let (mut found, mut varying): (Option<(usize, Split)>, usize) = (None, 0);
        let mut swaps = Vec::new();
        for i in 0..n {
            if varying >= self.params.max_features {
                break;
            }
            if !all {
                let j = i + below(hash::mix(key, i as u64), n - i);
                self.deck.swap(i, j);
                swaps.push(j);
            }
            let feature = self.deck[i];
            let (rows, items) = (&self.grown.rows, &self.grown.items);
            let (rows, items) = (&rows[part.0..part.1], &items[part.0..part.1]);
            let column = self.features.columns[feature];
            let categorical = self.features.categorical[feature];
            match look(self.goal, column, categorical, rows, items, &mut self.order) {
                Offer::Constant => {}
                Offer::Best(split) => {
                    varying += 1;
                    let better = |s: &Split| found.is_none_or(|(_, f)| s.worth > f.worth);
                    if let Some(split) = split.filter(better) {
                        found = Some((feature, split));
                    }
                }
            }
        }
        for (i, j) in swaps.into_iter().enumerate().rev() {
            self.deck.swap(i, j);
        }
        found
    }

    /// Splits a node, and looks at its children.
    fn divide(&mut self, open: Open) -> Result<()> {
        let (start, end) = open.part;
        let (middle, seen) = self.part(&open);
        let weigh = |items: &[G::Item]| items.iter().map(G::weight).sum::<f64>();
        let items = &self.grown.items;
        let heavy_left = weigh(&items[start..middle]) >= weigh(&items[middle..end]);
        let rule = with_unseen(open.split.rule, &seen, heavy_left);
        let [left, right] = self.grown.tree.split(open.node, open.feature as u32, &rule)?;
        self.grown.parts.extend([(start, middle), (middle, end)]);
        self.consider(right, (middle, end), open.depth + 1)?;
        self.consider(left, (start, middle), open.depth + 1)
    }

    /// Moves the rows that go left to the front, in order. Returns how far they reach, and the
    /// bins that occur.
    fn part(&mut self, open: &Open) -> (usize, BinSet) {
        let column = self.features.columns[open.feature];
        let (start, end) = open.part;
        let (rows, items) = (&mut self.grown.rows, &mut self.grown.items);
        self.aside.resize(end - start, Default::default());
        let mut seen = Seen::default();
        let (mut at, mut away) = (start, 0);
        for i in start..end {
            let (row, item) = (rows[i], items[i]);
            let bin = column[row as usize];
            seen.put(bin);
            // Both are written and one counts: a branch would be wrong half the time.
            (rows[at], items[at]) = (row, item);
            self.aside[away] = (row, item);
            let left = usize::from(open.split.rule.left(bin));
            at += left;
            away += 1 - left;
        }
        for (i, &(row, item)) in (at..end).zip(&self.aside) {
            (rows[i], items[i]) = (row, item);
        }
        let seen = seen.take();
        (at, seen)
    }
}

/// Uniform in `0..n`, but for n parts in 2^64.
fn below(word: u64, n: usize) -> usize {
    ((u128::from(word) * n as u128) >> 64) as usize
}

/// The rule that sends what did not occur to the child with more rows.
fn with_unseen(rule: Rule, seen: &BinSet, left: bool) -> Rule {
    match rule {
        Rule::Cut { cut, .. } if !has(seen, MISSING) => Rule::Cut { cut, missing_left: left },
        Rule::Set(mut set) if left => {
            set.iter_mut().zip(seen).for_each(|(word, seen)| *word |= !seen);
            Rule::Set(set)
        }
        rule => rule,
    }
}
