//! One tree of a forest, depth first, or best split first where leaves are limited.

use super::search::{Cut, Item, Search};
use super::{Forest, Impurity};
use crate::base::rng::Stream;
use crate::base::{Ctx, Error, Result};
use crate::trees::Nodes;
use crate::trees::bins::MISSING;
use crate::trees::flat::{LEAF, UNDEFINED};

/// The operation that draws.
const GROW: u64 = 0x666f_7265;
/// A smaller impurity is none.
const EPSILON: f64 = f64::EPSILON;

/// A node whose split was found and waits to be made.
struct Open {
    node: usize,
    part: (usize, usize),
    middle: usize,
    depth: usize,
    improvement: f64,
}

pub(super) struct Grower<'a> {
    ctx: &'a Ctx,
    forest: &'a Forest,
    rows: Vec<u32>,
    items: Vec<Item>,
    search: Search,
    stream: Stream,
    /// All features, in the order of the last draws.
    deck: Vec<u32>,
    aside: Vec<(u32, Item)>,
    nodes: Nodes,
    weight: f64,
}

impl<'a> Grower<'a> {
    pub fn new(ctx: &'a Ctx, forest: &'a Forest, weights: &[f64], seed: u64) -> Result<Self> {
        let weighs = |&row: &u32| weights[row as usize] != 0.0;
        let rows: Vec<u32> = (0..forest.rows() as u32).filter(weighs).collect();
        if rows.is_empty() {
            return Err(Error::Data("no row has a weight other than zero".into()));
        }
        let item = |&row: &u32| Item { y: forest.y[row as usize], weight: weights[row as usize] };
        let items: Vec<Item> = rows.iter().map(item).collect();
        let weight: f64 = items.iter().map(|i| i.weight).sum();
        let params = &forest.params;
        let least = params.min_share * weight;
        Ok(Grower {
            ctx,
            forest,
            rows,
            items,
            search: Search::new(params.impurity, forest.classes, params.min_leaf, least),
            stream: Stream::new(seed, GROW, 0, 0),
            deck: (0..forest.table.columns() as u32).collect(),
            aside: Vec::new(),
            nodes: Nodes::default(),
            weight,
        })
    }

    pub fn grow(mut self) -> Result<Nodes> {
        let mut open = Vec::new();
        let all = (0, self.rows.len());
        self.visit(all, 0, &mut open)?;
        let mut leaves = 1;
        while leaves < self.forest.params.max_leaves
            && let Some(next) = self.next(&mut open)
        {
            leaves += 1;
            let Open { node, part: (start, end), middle, depth, .. } = next;
            self.nodes.left[node] = self.nodes.len() as i64;
            self.visit((start, middle), depth + 1, &mut open)?;
            self.nodes.right[node] = self.nodes.len() as i64;
            self.visit((middle, end), depth + 1, &mut open)?;
        }
        // Splits that were found and not made.
        for Open { node, .. } in open {
            self.nodes.feature[node] = UNDEFINED;
            self.nodes.threshold[node] = UNDEFINED as f64;
            self.nodes.missing_left[node] = false;
        }
        Ok(self.nodes)
    }

    fn next(&self, open: &mut Vec<Open>) -> Option<Open> {
        if self.forest.params.max_leaves == usize::MAX {
            return open.pop();
        }
        let gains = open.iter().map(|o| o.improvement).enumerate();
        let best = gains.reduce(|a, b| if b.1 > a.1 { b } else { a })?.0;
        Some(open.remove(best))
    }

    /// Adds a node, and looks for its split.
    fn visit(&mut self, part: (usize, usize), depth: usize, open: &mut Vec<Open>) -> Result<()> {
        let (start, end) = part;
        if end - start > 256 {
            self.ctx.check()?;
        }
        let items = &self.items[start..end];
        let total = self.search.total(items);
        let squared = self.forest.params.impurity == Impurity::Squared;
        let squares: f64 =
            if squared { items.iter().map(|i| i.weight * i.y * i.y).sum() } else { 0.0 };
        let impurity = self.search.impurity(&total, squares);
        let node = self.add(&total, impurity, end - start);
        let params = &self.forest.params;
        let weight = self.nodes.weight[node];
        let items = &self.items[start..end];
        let first = items.first().map_or(0.0, |i| i.y);
        let done = depth >= params.max_depth
            || end - start < params.min_split.max(2 * params.min_leaf)
            || weight < 2.0 * self.search.min_weight
            || impurity <= EPSILON
            || items.iter().all(|i| i.y == first);
        if done {
            return Ok(());
        }
        let Some((feature, cut)) = self.find(part, &total) else { return Ok(()) };
        let middle = start + self.part(part, feature, &cut);
        if middle == start || middle == end {
            return Ok(());
        }
        // Both worth and impurity are of the whole weight: what a split takes away of it.
        let (left, right) = (self.impurity_of(start, middle), self.impurity_of(middle, end));
        let improvement = (weight * impurity - left - right) / self.weight;
        if improvement + EPSILON < params.min_decrease {
            return Ok(());
        }
        let edge = self.forest.edges[feature].get(usize::from(cut.bin)).copied();
        self.nodes.feature[node] = feature as i64;
        self.nodes.threshold[node] = edge.unwrap_or(f64::INFINITY);
        self.nodes.missing_left[node] =
            if cut.bin == MISSING { false } else { self.seen_left(feature, cut, part, middle) };
        open.push(Open { node, part, middle, depth, improvement });
        Ok(())
    }

    /// Where missing values go: as the cut says or, where none occurred, with more rows.
    fn seen_left(&self, feature: usize, cut: Cut, part: (usize, usize), middle: usize) -> bool {
        let column = self.forest.table.column(feature);
        let missing = self.forest.table.missing[feature]
            && self.rows[part.0..part.1].iter().any(|&r| column[r as usize] == MISSING);
        if missing { cut.missing_left } else { middle - part.0 > part.1 - middle }
    }

    fn impurity_of(&self, start: usize, end: usize) -> f64 {
        let needed =
            self.forest.params.min_decrease > 0.0 || self.forest.params.max_leaves != usize::MAX;
        if !needed {
            return 0.0;
        }
        let items = &self.items[start..end];
        let total = self.search.total(items);
        let squares: f64 = items.iter().map(|i| i.weight * i.y * i.y).sum();
        let weight: f64 = items.iter().map(|i| i.weight).sum();
        weight * self.search.impurity(&total, squares)
    }

    fn add(&mut self, total: &[f64], impurity: f64, rows: usize) -> usize {
        let weight = total[total.len() - 2];
        let t = &mut self.nodes;
        t.left.push(LEAF);
        t.right.push(LEAF);
        t.feature.push(UNDEFINED);
        t.threshold.push(UNDEFINED as f64);
        t.impurity.push(impurity);
        t.samples.push(rows as i64);
        t.weight.push(weight);
        t.missing_left.push(false);
        match self.forest.classes {
            1 if self.forest.params.impurity == Impurity::Squared => {
                t.value.push(total[0] / weight + self.forest.mean);
            }
            1 => t.value.push(1.0),
            2 => t.value.extend([1.0 - total[0] / weight, total[0] / weight]),
            n => t.value.extend(total[..n].iter().map(|c| c / weight)),
        }
        t.len() - 1
    }

    /// The best cut over features drawn until `max_features` of them vary.
    fn find(&mut self, (start, end): (usize, usize), total: &[f64]) -> Option<(usize, Cut)> {
        let forest = self.forest;
        let (rows, items) = (&self.rows[start..end], &self.items[start..end]);
        let n = self.deck.len();
        let (mut best, mut varying): (Option<(usize, Cut)>, usize) = (None, 0);
        for i in 0..n {
            if varying >= forest.params.max_features {
                break;
            }
            let j = i + self.stream.below((n - i) as u64) as usize;
            self.deck.swap(i, j);
            let feature = self.deck[i] as usize;
            let column = forest.table.column(feature);
            let found = if forest.params.random {
                let ends = (forest.edges[feature].as_slice(), forest.ends[feature].as_slice());
                self.search.random(column, rows, items, total, ends, &mut self.stream)
            } else {
                self.search.best(column, rows, items, total)
            };
            let Some(cut) = found else { continue };
            varying += 1;
            let better = |c: &Cut| best.is_none_or(|(_, b)| c.worth > b.worth);
            if let Some(cut) = cut.filter(better) {
                best = Some((feature, cut));
            }
        }
        best
    }

    /// Moves the rows that go left to the front, in order. Returns how many they are.
    fn part(&mut self, (start, end): (usize, usize), feature: usize, cut: &Cut) -> usize {
        let column = self.forest.table.column(feature);
        let (add, last) =
            (u8::from(cut.missing_left), cut.bin.min(254) + u8::from(cut.missing_left));
        let (rows, items) = (&mut self.rows[start..end], &mut self.items[start..end]);
        self.aside.resize(rows.len().max(self.aside.len()), Default::default());
        let (mut at, mut away) = (0, 0);
        for i in 0..rows.len() {
            let (row, item) = (rows[i], items[i]);
            let left = usize::from(column[row as usize].wrapping_add(add) <= last);
            // Both are written and one counts: a branch would be wrong half the time.
            (rows[at], items[at]) = (row, item);
            self.aside[away] = (row, item);
            at += left;
            away += 1 - left;
        }
        for (i, &(row, item)) in (at..rows.len()).zip(&self.aside[..away]) {
            (rows[i], items[i]) = (row, item);
        }
        at
    }
}
