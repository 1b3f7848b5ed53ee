//! One tree, grown best split first on histograms.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::hist::{Bins, Cell, Code, add, fill, take};
use super::split::{Column, Limits, Node, Split, best, value};
use super::table::Table;
use crate::base::rng::Stream;
use crate::base::{Ctx, Error, Result, par};
use crate::trees::binned::{BinSet, Rule, has, put};
use crate::trees::bins::MISSING;

/// The operation that draws features.
const DRAW: u64 = 0x626f_6f73;
/// Rows that one task sends to their sides.
const PART: usize = 1 << 14;
/// From about this many steps on, work on a node is shared out.
const WIDE: usize = 1 << 14;

/// How a tree grows.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Leaves at most.
    pub max_leaves: usize,
    /// Splits on the way to a leaf at most.
    pub max_depth: usize,
    /// What a split must leave on both sides.
    pub limits: Limits,
    /// The share of features that a node looks at.
    pub max_features: f64,
    /// By feature: 1 the value must not fall as the feature rises, -1 must not rise; or empty.
    pub monotonic: Vec<i8>,
    /// Sets of features that may meet on a way from the root to a leaf; none is no bound.
    pub interactions: Option<Vec<Vec<usize>>>,
    /// What values are multiplied by.
    pub rate: f64,
}

/// A node of a grown tree. Children lie side by side, after their parent.
#[derive(Debug, Clone, PartialEq)]
pub struct Grown {
    /// The value, of leaves with the rate.
    pub value: f64,
    /// How many rows.
    pub count: u32,
    /// Splits on the way.
    pub depth: u32,
    /// The gain of the split, -1 in a leaf.
    pub gain: f64,
    /// The feature that splits.
    pub feature: u32,
    /// The last bin on the left.
    pub cut: u8,
    /// Where missing values go.
    pub missing_left: bool,
    /// The bins on the left, of categories.
    pub set: Option<BinSet>,
    /// The left child, 0 in a leaf. The right one comes next.
    pub left: u32,
    /// The part of the rows.
    pub(super) part: (usize, usize),
}

impl Grown {
    fn leaf(value: f64, depth: u32, part: (usize, usize)) -> Self {
        Grown {
            value,
            count: (part.1 - part.0) as u32,
            depth,
            gain: -1.0,
            feature: 0,
            cut: 0,
            missing_left: false,
            set: None,
            left: 0,
            part,
        }
    }

    /// Whether a bin goes left.
    pub(super) fn rule(&self) -> Rule {
        match self.set {
            Some(mut set) => {
                if self.missing_left {
                    put(&mut set, MISSING);
                }
                Rule::Set(set)
            }
            None => Rule::Cut { cut: self.cut, missing_left: self.missing_left },
        }
    }
}

/// A node whose split was found and waits to be made.
struct Open<const K: usize> {
    node: usize,
    low: f64,
    high: f64,
    split: Split<K>,
    total: Cell<K>,
    hist: Vec<Bins<K>>,
    /// The sets of features that are still whole on this way.
    sets: Arc<Vec<usize>>,
}

/// A child on its way to be looked at.
struct Child<const K: usize> {
    node: usize,
    state: Node<K>,
    /// Whether a split is of use.
    open: bool,
    /// The features to look at.
    look: Option<Vec<bool>>,
}

/// What lives through many trees.
#[derive(Debug, Default)]
pub(super) struct Space<const K: usize> {
    /// The rows in the order of the leaves.
    pub rows: Vec<u32>,
    aside: Vec<u32>,
    ordered: Vec<Cell<K>>,
    pool: Vec<Vec<Bins<K>>>,
}

/// What one tree needs at hand.
pub(super) struct Grower<'a, const K: usize> {
    pub ctx: &'a Ctx,
    pub table: &'a Table,
    pub plan: &'a Plan,
    pub code: Code,
    /// The cells of all rows.
    pub cells: &'a [Cell<K>],
    pub space: &'a mut Space<K>,
    /// The keys of the draws: seed and tree.
    pub keys: (u64, u64),
}

type Found<const K: usize> = [Option<Split<K>>; 2];

impl<const K: usize> Grower<'_, K> {
    /// Grows the tree; the order of the rows stays in the space.
    pub fn grow(mut self) -> Result<Vec<Grown>> {
        let n = self.table.rows;
        self.space.rows.clear();
        self.space.rows.extend(0..n as u32);
        self.space.aside.resize(n, 0);
        let mut nodes = vec![Grown::leaf(0.0, 0, (0, n))];
        let mut open: Vec<Open<K>> = Vec::new();
        self.root(&mut nodes, &mut open)?;
        let mut leaves = 1;
        while leaves < self.plan.max_leaves
            && let Some(next) = self.next(&mut open)
        {
            self.ctx.check()?;
            leaves += 1;
            self.divide(next, leaves, &mut nodes, &mut open)?;
        }
        for node in open {
            self.space.pool.push(node.hist);
        }
        for node in nodes.iter_mut().filter(|node| node.left == 0) {
            node.value *= self.plan.rate;
        }
        Ok(nodes)
    }

    /// The node to split next: of the largest gain, or the last where leaves are not limited and
    /// the order does not matter, which keeps few histograms.
    fn next(&self, open: &mut Vec<Open<K>>) -> Option<Open<K>> {
        if self.plan.max_leaves == usize::MAX {
            return open.pop();
        }
        let gains = open.iter().map(|o| o.split.gain).enumerate();
        let best = gains.reduce(|a, b| if b.1 > a.1 { b } else { a })?.0;
        Some(open.remove(best))
    }

    fn buffer(&mut self) -> Vec<Bins<K>> {
        let columns = self.table.columns();
        self.space.pool.pop().unwrap_or_else(|| vec![[[0; K]; 256]; columns])
    }

    fn root(&mut self, nodes: &mut [Grown], open: &mut Vec<Open<K>>) -> Result<()> {
        let n = self.table.rows;
        let limits = self.plan.limits;
        let mut total = [0; K];
        self.cells.iter().for_each(|cell| add(&mut total, cell));
        let hessian = self.code.decode(&total).hessian;
        if n < 2 * limits.min_leaf as usize
            || hessian < limits.min_hessian
            || self.plan.max_depth == 0
        {
            return Ok(());
        }
        let sets: Vec<usize> = (0..self.plan.interactions.as_ref().map_or(0, Vec::len)).collect();
        let sets = Arc::new(sets);
        let mut hist = self.buffer();
        let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
        let state = Node { total, value: 0.0, low, high };
        let look = self.features(&sets, 0);
        let child = Child { node: 0, state, open: true, look };
        let [found, _] = self.search(None, self.cells, &mut hist, None, [Some(&child), None])?;
        self.keep(child, found, hist, sets, nodes, open);
        Ok(())
    }

    /// Keeps a node that has a split.
    fn keep(
        &mut self,
        child: Child<K>,
        split: Option<Split<K>>,
        hist: Vec<Bins<K>>,
        sets: Arc<Vec<usize>>,
        nodes: &mut [Grown],
        open: &mut Vec<Open<K>>,
    ) {
        let Some(split) = split else { return self.space.pool.push(hist) };
        nodes[child.node].gain = split.gain;
        let Child { node, state: Node { total, low, high, .. }, .. } = child;
        open.push(Open { node, low, high, split, total, hist, sets });
    }

    /// The features that a node looks at, if not all.
    fn features(&self, sets: &[usize], node: usize) -> Option<Vec<bool>> {
        let columns = self.table.columns();
        let mut look = vec![self.plan.interactions.is_none(); columns];
        for &set in sets {
            for &feature in self.plan.interactions.iter().flat_map(|i| &i[set]) {
                look[feature] = true;
            }
        }
        if self.plan.max_features < 1.0 {
            let mut allowed: Vec<usize> = (0..columns).filter(|&j| look[j]).collect();
            let keep = (self.plan.max_features * allowed.len() as f64).ceil().max(1.0) as usize;
            let (seed, tree) = self.keys;
            Stream::new(seed, DRAW, tree, node as u64).shuffle(&mut allowed);
            look.fill(false);
            allowed[..keep.min(allowed.len())].iter().for_each(|&j| look[j] = true);
        }
        (!look.iter().all(|&l| l)).then_some(look)
    }

    /// Splits a node, and looks at its children.
    fn divide(
        &mut self,
        from: Open<K>,
        leaves: usize,
        nodes: &mut Vec<Grown>,
        open: &mut Vec<Open<K>>,
    ) -> Result<()> {
        let (start, end) = nodes[from.node].part;
        let left = nodes.len();
        let split = from.split;
        let node = &mut nodes[from.node];
        (node.feature, node.cut) = (split.feature, split.cut);
        (node.set, node.missing_left) = (split.set, split.missing_left);
        node.left = left as u32;
        let depth = node.depth + 1;
        let rule = node.rule();
        let middle = start + self.part(start, end, split.feature as usize, &rule)?;
        if !self.table.missing[split.feature as usize] {
            nodes[from.node].missing_left = middle - start > end - middle;
        }
        let mut right = from.total;
        take(&mut right, &split.left);
        let [l, r] = self.children(&from, [split.left, right]);
        nodes.push(Grown::leaf(l.value, depth, (start, middle)));
        nodes.push(Grown::leaf(r.value, depth, (middle, end)));
        let least = 2 * self.plan.limits.min_leaf as usize;
        let deep = leaves >= self.plan.max_leaves || depth as usize >= self.plan.max_depth;
        let open_left = !deep && middle - start >= least;
        let open_right = !deep && end - middle >= least;
        if !(open_left || open_right) {
            self.space.pool.push(from.hist);
            return Ok(());
        }
        let sets = self.still(&from.sets, split.feature as usize);
        let child = |at: usize, state, open| {
            let look = if open { self.features(&sets, at) } else { None };
            Child { node: at, state, open, look }
        };
        let (l, r) = (child(left, l, open_left), child(left + 1, r, open_right));
        let small_is_left = middle - start < end - middle;
        let part = if small_is_left { (start, middle) } else { (middle, end) };
        let (small, large) = if small_is_left { (l, r) } else { (r, l) };
        let (mut small_hist, mut large_hist) = (self.buffer(), from.hist);
        let ordered = self.order(part)?;
        let rows = std::mem::take(&mut self.space.rows);
        let found = self.search(
            Some(&rows[part.0..part.1]),
            &ordered,
            &mut small_hist,
            Some(&mut large_hist),
            [small.open.then_some(&small), large.open.then_some(&large)],
        )?;
        (self.space.rows, self.space.ordered) = (rows, ordered);
        self.keep(small, found[0], small_hist, sets.clone(), nodes, open);
        self.keep(large, found[1], large_hist, sets, nodes, open);
        Ok(())
    }

    /// The children as nodes to look at: their values, and between what those of their own must lie.
    fn children(&self, from: &Open<K>, totals: [Cell<K>; 2]) -> [Node<K>; 2] {
        let (low, high) = (from.low, from.high);
        let of = |total: &Cell<K>| value(&self.code.decode(total), self.plan.limits.l2, low, high);
        let [l, r] = [of(&totals[0]), of(&totals[1])];
        let middle = f64::midpoint(l, r);
        let (left, right) = match self.direction(from.split.feature as usize) {
            0 => ((low, high), (low, high)),
            1 => ((low, middle), (middle, high)),
            _ => ((middle, high), (low, middle)),
        };
        [(totals[0], l, left), (totals[1], r, right)].map(|(total, value, (low, high))| Node {
            total,
            value,
            low,
            high,
        })
    }

    fn direction(&self, feature: usize) -> i8 {
        self.plan.monotonic.get(feature).copied().unwrap_or(0)
    }

    /// The sets that a split on a feature leaves whole.
    fn still(&self, sets: &Arc<Vec<usize>>, feature: usize) -> Arc<Vec<usize>> {
        match &self.plan.interactions {
            None => sets.clone(),
            Some(all) => {
                Arc::new(sets.iter().copied().filter(|&s| all[s].contains(&feature)).collect())
            }
        }
    }

    /// Sends rows to their sides, in order; returns how many go left.
    fn part(&mut self, start: usize, end: usize, feature: usize, rule: &Rule) -> Result<usize> {
        let column = self.table.column(feature);
        let rows = &mut self.space.rows[start..end];
        let aside = &mut self.space.aside[..end - start];
        let size = if self.ctx.threads() == 1 { rows.len() } else { PART };
        let counts: Vec<AtomicUsize> =
            (0..rows.len().div_ceil(size)).map(|_| AtomicUsize::new(0)).collect();
        par::fill_chunks(self.ctx, aside, size, |first, out| {
            let from = &rows[first..first + out.len()];
            let left = match *rule {
                Rule::Cut { cut, missing_left: false } => {
                    sides(from, out, column, |bin| bin <= cut)
                }
                Rule::Cut { cut, .. } => {
                    sides(from, out, column, |bin| bin.wrapping_add(1) <= cut + 1)
                }
                Rule::Set(set) => sides(from, out, column, |bin| has(&set, bin)),
            };
            counts[first / size].store(left, Ordering::Relaxed);
        })?;
        let all: usize = counts.iter().map(|c| c.load(Ordering::Relaxed)).sum();
        let (mut left, mut right) = rows.split_at_mut(all);
        for (part, count) in aside.chunks(size).zip(&counts) {
            let (l, r) = part.split_at(count.load(Ordering::Relaxed));
            let to = left.split_off_mut(..l.len()).ok_or(Error::Stopped)?;
            to.copy_from_slice(l);
            let to = right.split_off_mut(..r.len()).ok_or(Error::Stopped)?;
            to.iter_mut().zip(r.iter().rev()).for_each(|(to, &row)| *to = row);
        }
        Ok(all)
    }

    /// The cells of some rows, one after the other.
    fn order(&mut self, part: (usize, usize)) -> Result<Vec<Cell<K>>> {
        let mut out = std::mem::take(&mut self.space.ordered);
        let rows = &self.space.rows[part.0..part.1];
        out.resize(rows.len(), [0; K]);
        let ctx = self.shared(rows.len() * 8);
        par::fill_chunks(&ctx, &mut out, PART, |first, out| {
            for (out, &row) in out.iter_mut().zip(&rows[first..]) {
                *out = self.cells[row as usize];
            }
        })?;
        Ok(out)
    }

    /// All threads where there is enough work for them.
    fn shared(&self, steps: usize) -> Ctx {
        if steps < WIDE { Ctx::new(1) } else { self.ctx.clone() }
    }

    /// Fills the histogram of the smaller child, takes it away from that of the parent, which
    /// becomes the larger child's, and finds the best split of both.
    fn search(
        &self,
        rows: Option<&[u32]>,
        cells: &[Cell<K>],
        small: &mut [Bins<K>],
        large: Option<&mut [Bins<K>]>,
        children: [Option<&Child<K>>; 2],
    ) -> Result<Found<K>> {
        type Job<'a, const K: usize> = Mutex<(&'a mut [Bins<K>], Option<&'a mut [Bins<K>]>)>;
        let (mut rest, mut rest_large) = (small, large);
        let mut jobs: Vec<Job<'_, K>> = Vec::new();
        for group in &self.table.groups {
            let short = || Error::State("histograms for fewer columns than there are".into());
            let small = rest.split_off_mut(..group.width).ok_or_else(short)?;
            let large = rest_large.as_mut().and_then(|l| l.split_off_mut(..group.width));
            jobs.push(Mutex::new((small, large)));
        }
        let ctx = self.shared((cells.len() + 256) * self.table.columns());
        let found = par::map(&ctx, jobs.len(), |g| {
            let Ok(mut job) = jobs[g].lock() else { return [None; 2] };
            let (small, large) = &mut *job;
            let group = &self.table.groups[g];
            small.iter_mut().for_each(|bins| bins.fill([0; K]));
            fill(group, rows, cells, small);
            let mut out = [None; 2];
            for (lane, small) in small.iter().enumerate() {
                let feature = group.first + lane;
                out[0] = better(out[0], self.look(children[0], feature, small));
                if let Some(large) = large.as_mut() {
                    let large = &mut large[lane];
                    large.iter_mut().zip(small).for_each(|(l, s)| take(l, s));
                    out[1] = better(out[1], self.look(children[1], feature, large));
                }
            }
            out
        })?;
        let both = |a: Found<K>, b: Found<K>| [better(a[0], b[0]), better(a[1], b[1])];
        Ok(found.into_iter().fold([None; 2], both))
    }

    fn look(&self, child: Option<&Child<K>>, feature: usize, hist: &Bins<K>) -> Option<Split<K>> {
        let child = child?;
        if !child.look.as_ref().is_none_or(|look| look[feature]) {
            return None;
        }
        let column = Column {
            hist,
            feature: feature as u32,
            bins: self.table.bins(feature),
            missing: self.table.missing[feature],
            categorical: self.table.cuts[feature].categorical(),
            direction: self.direction(feature),
        };
        best(&self.code, &self.plan.limits, &child.state, &column)
    }
}

/// The split of the larger gain, of equal ones the first.
fn better<const K: usize>(a: Option<Split<K>>, b: Option<Split<K>>) -> Option<Split<K>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.gain > a.gain { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// Puts rows that go left at the front of `out`, in order, and the others at its end, the last
/// one first. Returns how many went left.
#[inline]
fn sides(rows: &[u32], out: &mut [u32], column: &[u8], left: impl Fn(u8) -> bool) -> usize {
    let (mut front, mut back) = (0, out.len());
    for &row in rows {
        // Without a branch, which would be wrong half the time.
        let goes = usize::from(left(column[row as usize]));
        let at = if goes == 1 { front } else { back - 1 };
        out[at] = row;
        front += goes;
        back -= 1 - goes;
    }
    front
}
