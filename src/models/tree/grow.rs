//! Growing a tree, depth first or best first, without recursion.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::Params;
use super::criterion::{Criterion, EPSILON, Stats};
use super::draw::{Features, Xorshift};
use super::order::{Columns, Entry, Sorted, present, sort_rows};
use super::split::{Bounds, Cut, Limits, Search, range, swap_left, varies, varies_sorted};
use crate::base::{Ctx, Result, par};
use crate::trees::flat::{LEAF, UNDEFINED};
use crate::trees::{Nodes, Shape};

/// From this many cells on (rows times features), a node is searched on several threads.
const WIDE: usize = 32_768;

/// A node that waits to be looked at.
#[derive(Debug)]
struct Open {
    start: usize,
    end: usize,
    depth: usize,
    /// The parent, and whether this is its left child.
    from: Option<(usize, bool)>,
    /// Features known to be constant.
    known: usize,
    low: f64,
    high: f64,
    stats: Stats,
}

/// A node whose split was found.
#[derive(Debug)]
struct Found {
    cut: Cut,
    left: Stats,
    right: Stats,
    middle: usize,
    improvement: f64,
}

/// What growing needs at hand.
pub(super) struct Grower<'a, C: Criterion> {
    ctx: &'a Ctx,
    criterion: &'a C,
    params: &'a Params,
    shape: Shape,
    columns: Columns,
    sorted: Option<Sorted>,
    rows: Vec<u32>,
    total: f64,
    features: Features,
    rng: Xorshift,
    marks: Vec<u8>,
    skip: Vec<bool>,
    scan: C::Scan,
    spare: Vec<Entry>,
    drawn: Vec<usize>,
    nodes: Nodes,
}

impl<'a, C: Criterion> Grower<'a, C> {
    /// Sets out the rows (those that weigh something) and sorts the features.
    pub fn new(
        ctx: &'a Ctx,
        criterion: &'a C,
        params: &'a Params,
        shape: Shape,
        columns: Columns,
        rows: Vec<u32>,
    ) -> Result<Self> {
        let n = shape.features;
        let sorted =
            if params.presorts(n) { Some(Sorted::new(ctx, &columns, n, &rows)?) } else { None };
        Ok(Grower {
            ctx,
            criterion,
            params,
            shape,
            marks: vec![0; rows.iter().max().map_or(0, |&r| r as usize + 1)],
            columns,
            sorted,
            rows,
            total: 0.0,
            features: Features::new(n, params.max_features),
            rng: Xorshift::new(params.seed),
            skip: vec![false; n],
            scan: C::Scan::default(),
            spare: Vec::new(),
            drawn: Vec::new(),
            nodes: Nodes::default(),
        })
    }

    /// Grows the tree and hands over its arrays.
    pub fn grow(mut self) -> Result<Nodes> {
        let stats = self.criterion.stats(&self.rows);
        self.total = stats.weight;
        let root = Open {
            start: 0,
            end: self.rows.len(),
            depth: 0,
            from: None,
            known: 0,
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            stats,
        };
        match self.params.max_leaves {
            None => self.depth_first(root)?,
            Some(leaves) => self.best_first(root, leaves)?,
        }
        Ok(self.nodes)
    }

    fn depth_first(&mut self, root: Open) -> Result<()> {
        let mut stack = vec![root];
        while let Some(mut node) = stack.pop() {
            let found = self.find(&mut node)?;
            let id = self.add(&node, found.as_ref().map(|f| &f.cut));
            if let Some(found) = found {
                let (left, right) = self.children(id, &node, found)?;
                stack.push(right);
                stack.push(left);
            }
        }
        Ok(())
    }

    fn best_first(&mut self, root: Open, leaves: usize) -> Result<()> {
        let mut splits = leaves.saturating_sub(1);
        let mut heap = BinaryHeap::new();
        self.wait(root, &mut heap)?;
        while let Some(Waiting { id, node, found, .. }) = heap.pop() {
            let Some(found) = found.filter(|_| splits > 0) else {
                self.close(id);
                continue;
            };
            splits -= 1;
            let (left, right) = self.children(id, &node, found)?;
            for child in [left, right] {
                // Best first, scikit-learn forgets which features were constant above.
                self.wait(Open { known: 0, ..child }, &mut heap)?;
            }
        }
        Ok(())
    }

    /// Adds a node and puts it among those that wait to be split.
    fn wait(&mut self, mut node: Open, heap: &mut BinaryHeap<Waiting>) -> Result<()> {
        let found = self.find(&mut node)?;
        let id = self.add(&node, found.as_ref().map(|f| &f.cut));
        let improvement = found.as_ref().map_or(0.0, |f| f.improvement);
        heap.push(Waiting { improvement, id, node, found });
        Ok(())
    }

    /// Whether a node cannot be split, whatever its features are.
    fn is_final(&self, rows: usize, depth: usize, stats: &Stats) -> bool {
        let p = self.params;
        depth >= p.max_depth
            || rows < p.min_split
            || rows < p.min_leaf.saturating_mul(2)
            || stats.weight < 2.0 * p.min_weight
            || stats.impurity <= EPSILON
    }

    /// The node's split, if it has one that is good enough; its rows are put in order for it.
    fn find(&mut self, node: &mut Open) -> Result<Option<Found>> {
        self.ctx.check()?;
        let (start, end) = (node.start, node.end);
        if self.is_final(end - start, node.depth, &node.stats) {
            return Ok(None);
        }
        let cut = if self.params.random { self.random(node) } else { self.best(node)? };
        let Some(cut) = cut else { return Ok(None) };
        let column = self.columns.column(cut.feature);
        let rows = &mut self.rows[start..end];
        let middle = start
            + swap_left(rows, |&row| {
                let v = column[row as usize];
                if v.is_nan() { cut.missing_left } else { f64::from(v) <= cut.threshold }
            });
        if middle == start || middle == end {
            return Ok(None);
        }
        let left = self.criterion.stats(&self.rows[start..middle]);
        let right = self.criterion.stats(&self.rows[middle..end]);
        let whole = node.stats.weight;
        let improvement = whole / self.total
            * (node.stats.impurity
                - right.weight / whole * right.impurity
                - left.weight / whole * left.impurity);
        if improvement + EPSILON < self.params.min_decrease {
            return Ok(None);
        }
        Ok(Some(Found { cut, left, right, middle, improvement }))
    }

    fn search<'b>(&'b self, node: &'b Open, feature: usize) -> Search<'b, C> {
        let direction = self.params.monotonic.as_ref().map_or(0, |m| m[feature]);
        let bounds = Bounds { low: node.low, high: node.high, direction };
        Search {
            criterion: self.criterion,
            node: &node.stats,
            limits: Limits { min_leaf: self.params.min_leaf, min_weight: self.params.min_weight },
            bounds: (direction != 0).then_some(bounds),
            feature,
        }
    }

    /// The best cut over the features drawn; on a tie the one drawn first.
    fn best(&mut self, node: &mut Open) -> Result<Option<Cut>> {
        let (start, end) = (node.start, node.end);
        let rows = &self.rows[start..end];
        self.drawn.clear();
        let drawn = &mut self.drawn;
        node.known = self.features.draw(&mut self.rng, node.known, |f, _| {
            let varies = match &self.sorted {
                Some(sorted) => varies_sorted(sorted.entries(f, start, end)),
                None => varies(self.columns.column(f), rows),
            };
            if varies {
                drawn.push(f);
            }
            varies
        });
        let Some(&last) = self.drawn.last() else { return Ok(None) };
        let wide = self.ctx.threads() > 1 && (end - start) * self.drawn.len() >= WIDE;
        let cuts = if wide {
            par::map(self.ctx, self.drawn.len(), |k| {
                self.cut(node, self.drawn[k], &mut C::Scan::default(), &mut Vec::new())
            })?
        } else {
            let (mut scan, mut spare) =
                (std::mem::take(&mut self.scan), std::mem::take(&mut self.spare));
            let mut cuts = Vec::with_capacity(self.drawn.len());
            for &f in &self.drawn {
                self.ctx.check()?;
                cuts.push(self.cut(node, f, &mut scan, &mut spare));
            }
            (self.scan, self.spare) = (scan, spare);
            cuts
        };
        // scikit-learn leaves the rows in the order of the last feature it sorted by.
        let order = match &self.sorted {
            Some(sorted) => sorted.entries(last, start, end),
            None => {
                if wide {
                    sort_rows(self.columns.column(last), rows, &mut self.spare);
                }
                &self.spare
            }
        };
        let (here, gone) = order.split_at(present(order));
        for (row, e) in self.rows[start..end].iter_mut().zip(gone.iter().chain(here)) {
            *row = e.row() as u32;
        }
        let better = |best: Option<Cut>, cut: Cut| match best {
            Some(b) if cut.proxy <= b.proxy => Some(b),
            _ => Some(cut),
        };
        Ok(cuts.into_iter().flatten().fold(None, better))
    }

    fn cut(
        &self,
        node: &Open,
        f: usize,
        scan: &mut C::Scan,
        spare: &mut Vec<Entry>,
    ) -> Option<Cut> {
        let entries = match &self.sorted {
            Some(sorted) => sorted.entries(f, node.start, node.end),
            None => {
                let rows = &self.rows[node.start..node.end];
                sort_rows(self.columns.column(f), rows, spare);
                spare
            }
        };
        self.search(node, f).best(scan, entries)
    }

    /// The best of one random cut a feature.
    fn random(&mut self, node: &mut Open) -> Option<Cut> {
        let (start, end) = (node.start, node.end);
        let mut rows = std::mem::take(&mut self.rows);
        let (mut scan, mut entries) =
            (std::mem::take(&mut self.scan), std::mem::take(&mut self.spare));
        let mut features = std::mem::replace(&mut self.features, Features::new(0, 0));
        let mut rng = self.rng.clone();
        let mut best: Option<Cut> = None;
        node.known = features.draw(&mut rng, node.known, |feature, rng| {
            let column = self.columns.column(feature);
            if !varies(column, &rows[start..end]) {
                return false;
            }
            entries.clear();
            entries.extend(rows[start..end].iter().map(|&r| Entry::new(column[r as usize], r)));
            let (low, high, missing) = range(&entries);
            let mut threshold = rng.uniform(low, high);
            let missing_left = missing && rng.between(0, 2) == 1;
            if threshold == high {
                threshold = low;
            }
            let last = Entry::last_below(threshold);
            let left = swap_left(&mut entries, |e| *e <= last || (missing_left && e.is_missing()));
            for (row, e) in rows[start..end].iter_mut().zip(&entries) {
                *row = e.row() as u32;
            }
            let majority_left = left > entries.len() - left;
            let missing_left = if missing { missing_left } else { majority_left };
            let cut = Cut { feature, threshold, missing_left, proxy: f64::NEG_INFINITY };
            if let Some(cut) = self.search(node, feature).one(&mut scan, &entries, left, cut)
                && best.is_none_or(|b| cut.proxy > b.proxy)
            {
                best = Some(cut);
            }
            true
        });
        (self.rows, self.scan, self.spare) = (rows, scan, entries);
        (self.features, self.rng) = (features, rng);
        best
    }

    /// The two children of a node that is split.
    fn children(&mut self, id: usize, node: &Open, found: Found) -> Result<(Open, Open)> {
        let Found { cut, left, right, middle, .. } = found;
        let (start, end, depth) = (node.start, node.end, node.depth + 1);
        let both_final = self.is_final(middle - start, depth, &left)
            && self.is_final(end - middle, depth, &right);
        if !both_final {
            self.split_sorted(node, middle)?;
        }
        let direction = self.params.monotonic.as_ref().map_or(0, |m| m[cut.feature]);
        let between = self.first_value(&left) / 2.0 + self.first_value(&right) / 2.0;
        let (mut lows, mut highs) = ([node.low; 2], [node.high; 2]);
        match direction {
            1 => (highs[0], lows[1]) = (between, between),
            -1 => (lows[0], highs[1]) = (between, between),
            _ => {}
        }
        let child = |is_left: bool, stats: Stats| Open {
            start: if is_left { start } else { middle },
            end: if is_left { middle } else { end },
            depth,
            from: Some((id, is_left)),
            known: node.known,
            low: lows[usize::from(!is_left)],
            high: highs[usize::from(!is_left)],
            stats,
        };
        Ok((child(true, left), child(false, right)))
    }

    /// Brings the sorted features in line with the rows of the two children.
    fn split_sorted(&mut self, node: &Open, middle: usize) -> Result<()> {
        let Some(sorted) = &mut self.sorted else { return Ok(()) };
        let (start, end) = (node.start, node.end);
        for (i, &row) in self.rows[start..end].iter().enumerate() {
            self.marks[row as usize] = u8::from(start + i < middle);
        }
        // What is constant here is never looked at again below, unless the tree grows best first.
        self.skip.fill(false);
        if self.params.max_leaves.is_none() {
            for &f in self.features.constants(node.known) {
                self.skip[f] = true;
            }
        }
        let wide = self.ctx.threads() > 1 && (end - start) * self.shape.features >= WIDE;
        sorted.split(self.ctx, (start, end), &self.marks, &self.skip, wide)
    }

    fn first_value(&self, stats: &Stats) -> f64 {
        let mut value = Vec::new();
        self.criterion.value(stats, &mut value);
        value.first().copied().unwrap_or(f64::NAN)
    }

    /// Adds a node to the arrays and to its parent.
    fn add(&mut self, node: &Open, cut: Option<&Cut>) -> usize {
        let t = &mut self.nodes;
        let id = t.len();
        match node.from {
            Some((parent, true)) => t.left[parent] = id as i64,
            Some((parent, false)) => t.right[parent] = id as i64,
            None => {}
        }
        t.left.push(LEAF);
        t.right.push(LEAF);
        t.feature.push(cut.map_or(UNDEFINED, |c| c.feature as i64));
        t.threshold.push(cut.map_or(UNDEFINED as f64, |c| c.threshold));
        t.missing_left.push(cut.is_some_and(|c| c.missing_left));
        t.impurity.push(node.stats.impurity);
        t.samples.push((node.end - node.start) as i64);
        t.weight.push(node.stats.weight);
        let first = t.value.len();
        self.criterion.value(&node.stats, &mut t.value);
        if self.params.monotonic.is_some() {
            t.value[first] = t.value[first].max(node.low).min(node.high);
            if self.shape.classes > 1 {
                t.value[first + 1] = 1.0 - t.value[first];
            }
        }
        id
    }

    /// Makes a node that could have been split a leaf.
    fn close(&mut self, id: usize) {
        self.nodes.feature[id] = UNDEFINED;
        self.nodes.threshold[id] = UNDEFINED as f64;
    }
}

/// A node in the order of what its split brings; equal ones in the order they came.
#[derive(Debug)]
struct Waiting {
    improvement: f64,
    id: usize,
    node: Open,
    found: Option<Found>,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.improvement.total_cmp(&other.improvement).then(other.id.cmp(&self.id))
    }
}
