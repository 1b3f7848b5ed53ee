//! Fitted trees as plain arrays, checked when they are made, and rows sent down them.

use std::sync::Arc;

use ndarray::{ArrayView2, s};

use super::grow::Grown;
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, par};
use crate::trees::binned::{BinSet, has, put};
use crate::trees::bins::{Cuts, MISSING};

/// Rows that go down all trees before the next ones: their cells stay in the first cache.
const BLOCK: usize = 256;
/// Rows that go down side by side.
const LANES: usize = 16;
/// The bit of [`Step::feature`] of a split by categories.
const CATEGORIES: u32 = 1 << 31;
/// The cell of what is missing.
const UNKNOWN: u16 = u16::MAX;

/// One entry a node, tree after tree; children are counted from the first node of their tree.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Nodes {
    /// Where each tree begins, and where the last ends.
    pub starts: Vec<i64>,
    /// The value.
    pub value: Vec<f64>,
    /// How many training rows came here.
    pub count: Vec<u32>,
    /// The feature that splits, 0 in a leaf.
    pub feature: Vec<u32>,
    /// Rows whose feature is at most this go left, in a split of numbers.
    pub threshold: Vec<f64>,
    /// Where missing values go.
    pub missing_left: Vec<bool>,
    /// The left child, 0 in a leaf.
    pub left: Vec<u32>,
    /// The right child, 0 in a leaf.
    pub right: Vec<u32>,
    /// The gain of the split, -1 in a leaf.
    pub gain: Vec<f64>,
    /// Splits on the way.
    pub depth: Vec<u32>,
    /// The last bin on the left.
    pub cut: Vec<u8>,
    /// The set of categories on the left, -1 in a split of numbers.
    pub set: Vec<i32>,
    /// The sets, four words each.
    pub sets: Vec<u64>,
}

impl Nodes {
    /// The arrays of grown trees.
    pub fn new(trees: &[Vec<Grown>], cuts: &[Arc<Cuts>]) -> Self {
        let mut out = Nodes { starts: vec![0], ..Nodes::default() };
        for tree in trees {
            for node in tree {
                let threshold = match &*cuts[node.feature as usize] {
                    Cuts::Numbers(edges) if node.left != 0 => {
                        edges.get(usize::from(node.cut)).copied().unwrap_or(f64::INFINITY)
                    }
                    _ => 0.0,
                };
                out.value.push(node.value);
                out.count.push(node.count);
                out.feature.push(node.feature);
                out.threshold.push(threshold);
                out.missing_left.push(node.missing_left);
                out.left.push(node.left);
                out.right.push(if node.left == 0 { 0 } else { node.left + 1 });
                out.gain.push(node.gain);
                out.depth.push(node.depth);
                out.cut.push(node.cut);
                out.set.push(match node.set {
                    Some(set) => {
                        out.sets.extend(set);
                        (out.sets.len() / 4) as i32 - 1
                    }
                    None => -1,
                });
            }
            out.starts.push(out.value.len() as i64);
        }
        out
    }

    /// Whether the arrays are of one length and every child lies after its parent.
    fn sound(&self, features: usize) -> bool {
        let n = self.value.len();
        let lengths = [
            self.count.len(),
            self.feature.len(),
            self.threshold.len(),
            self.missing_left.len(),
            self.left.len(),
            self.right.len(),
            self.gain.len(),
            self.depth.len(),
            self.cut.len(),
            self.set.len(),
        ];
        if lengths.iter().any(|&l| l != n) || n >= u32::MAX as usize || features >= 1 << 31 {
            return false;
        }
        let starts = &self.starts;
        let whole = starts.first() == Some(&0)
            && starts.last() == Some(&(n as i64))
            && starts.windows(2).all(|w| w[0] < w[1]);
        let sets = self.sets.len() / 4;
        whole
            && starts.windows(2).all(|w| {
                let (start, size) = (w[0] as usize, (w[1] - w[0]) as usize);
                (0..size).all(|i| {
                    let at = start + i;
                    let [l, r] = [self.left[at] as usize, self.right[at] as usize];
                    let leaf = l == 0 && r == 0;
                    let inner = l > i && r > i && l < size && r < size && l != r;
                    let feature = (self.feature[at] as usize) < features;
                    let set = self.set[at] < 0 || (self.set[at] as usize) < sets;
                    leaf || (inner && feature && set && !self.threshold[at].is_nan())
                })
            })
    }
}

/// What a row needs on its way. A leaf is its own left child, and everything goes left there.
#[derive(Debug, Clone, Copy)]
struct Step {
    feature: u32,
    /// The left child; the right one comes next.
    child: u32,
    /// The last cell on the left, when `add` was added to it. What is missing wraps around to 0
    /// where it goes left.
    cut: u16,
    add: u16,
}

/// Trees that were checked, with the thresholds that they use.
#[derive(Debug)]
pub struct Ensemble {
    nodes: Nodes,
    /// Trees a round.
    width: usize,
    /// Known categories by feature, 0 for numbers.
    categories: Vec<u32>,
    /// The thresholds of each feature, rising.
    edges: Vec<Vec<f64>>,
    /// Nodes with siblings side by side, and where each tree begins.
    steps: Vec<Step>,
    values: Vec<f64>,
    roots: Vec<u32>,
    sets: Vec<BinSet>,
}

impl Ensemble {
    /// Checks the arrays. This is the only way to get one.
    ///
    /// # Errors
    /// [`Error::State`] for arrays that do not make trees.
    pub fn new(nodes: Nodes, width: usize, categories: Vec<u32>) -> Result<Self> {
        let features = categories.len();
        let damaged = || Error::State("the trees are damaged: fit them again".into());
        let trees = nodes.starts.len().saturating_sub(1);
        if !nodes.sound(features) || width == 0 || !trees.is_multiple_of(width) {
            return Err(damaged());
        }
        let mut edges = vec![Vec::new(); features];
        let inner = |at: &usize| nodes.left[*at] != 0;
        for at in (0..nodes.value.len()).filter(inner) {
            let feature = nodes.feature[at] as usize;
            if (nodes.set[at] >= 0) != (categories[feature] > 0) {
                return Err(damaged());
            }
            if nodes.set[at] < 0 {
                edges[feature].push(nodes.threshold[at]);
            }
        }
        for edges in &mut edges {
            edges.sort_unstable_by(f64::total_cmp);
            edges.dedup();
            if edges.len() >= usize::from(UNKNOWN) {
                return Err(Error::State("the trees have more thresholds than fit".into()));
            }
        }
        let (steps, values, roots, sets) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut out = Ensemble { nodes, width, categories, edges, steps, values, roots, sets };
        out.sets = out.nodes.sets.as_chunks::<4>().0.to_vec();
        for at in 0..out.nodes.value.len() {
            if let Ok(set) = usize::try_from(out.nodes.set[at])
                && out.nodes.missing_left[at]
            {
                put(&mut out.sets[set], MISSING);
            }
        }
        for tree in 0..trees {
            if !out.compile(tree) {
                return Err(damaged());
            }
        }
        Ok(out)
    }

    /// Puts the nodes of a tree in the order in which they are met, siblings side by side; false
    /// where a node has two parents.
    fn compile(&mut self, tree: usize) -> bool {
        let start = self.nodes.starts[tree] as usize;
        let size = self.nodes.starts[tree + 1] as usize - start;
        let first = self.steps.len() as u32;
        self.roots.push(first);
        let mut order = vec![start];
        let mut next = 0;
        while next < order.len() {
            if order.len() > size {
                return false;
            }
            let at = order[next];
            let me = first + next as u32;
            self.values.push(self.nodes.value[at]);
            self.steps.push(if self.nodes.left[at] == 0 {
                Step { feature: 0, child: me, cut: UNKNOWN, add: 0 }
            } else {
                let child = first + order.len() as u32;
                order.extend(
                    [self.nodes.left[at], self.nodes.right[at]].map(|c| start + c as usize),
                );
                self.step(at, child)
            });
            next += 1;
        }
        true
    }

    fn step(&self, at: usize, child: u32) -> Step {
        let feature = self.nodes.feature[at];
        let add = u16::from(self.nodes.missing_left[at]);
        if let Ok(set) = u32::try_from(self.nodes.set[at]) {
            // The set's place takes the room of the cut.
            let (cut, add) = (set as u16, (set >> 16) as u16);
            return Step { feature: feature | CATEGORIES, child, cut, add };
        }
        let (edges, threshold) = (&self.edges[feature as usize], self.nodes.threshold[at]);
        let cut = edges.partition_point(|e| *e < threshold) as u16;
        Step { feature, child, cut: cut + add, add }
    }

    /// The arrays.
    pub fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// Known categories by feature, 0 for numbers.
    pub fn categories(&self) -> &[u32] {
        &self.categories
    }

    /// How many rounds.
    pub fn rounds(&self) -> usize {
        self.roots.len() / self.width
    }

    /// The trees a round.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Adds what the trees of some rounds say to the scores of the rows, row by row.
    ///
    /// # Errors
    /// [`Error::Shape`] for other columns or scores than there are; [`Error::Stopped`].
    pub fn add<T: Float>(
        &self,
        ctx: &Ctx,
        x: ArrayView2<'_, T>,
        rounds: std::ops::Range<usize>,
        out: &mut [f64],
    ) -> Result<()> {
        let fits = out.len() == x.nrows() * self.width && rounds.end <= self.rounds();
        if x.ncols() != self.categories.len() || !fits {
            return Err(Error::Shape(format!(
                "X has {} columns, but the trees were grown on {}",
                x.ncols(),
                self.categories.len()
            )));
        }
        let plain = self.nodes.set.iter().all(|&set| set < 0);
        par::fill_chunks(ctx, out, BLOCK * self.width, |first, out| {
            let first = first / self.width;
            let rows = x.slice(s![first..first + out.len() / self.width, ..]);
            let cells = self.cells(rows);
            for round in rounds.clone() {
                for class in 0..self.width {
                    let root = self.roots[round * self.width + class];
                    if plain {
                        self.walk::<false>(root, &cells, out, class);
                    } else {
                        self.walk::<true>(root, &cells, out, class);
                    }
                }
            }
        })
    }

    /// The cells of some rows, row by row.
    fn cells<T: Float>(&self, rows: ArrayView2<'_, T>) -> Vec<u16> {
        let width = self.categories.len();
        let mut cells = vec![0u16; rows.nrows() * width];
        for (j, (edges, &known)) in self.edges.iter().zip(&self.categories).enumerate() {
            let cell = cells.iter_mut().skip(j).step_by(width);
            for (cell, value) in cell.zip(rows.column(j)) {
                let value = value.wide();
                *cell = if known > 0 {
                    let is = value >= 0.0 && value < f64::from(known) && value.fract() == 0.0;
                    if is { value as u16 } else { UNKNOWN }
                } else if value.is_nan() {
                    UNKNOWN
                } else if edges.is_empty() {
                    0
                } else {
                    edges.partition_point(|&edge| edge < value) as u16
                };
            }
        }
        cells
    }

    /// Sends rows down one tree, some side by side: while one waits for its node, the others move
    /// on. A row in its leaf stays there.
    fn walk<const CATEGORICAL: bool>(
        &self,
        root: u32,
        cells: &[u16],
        out: &mut [f64],
        class: usize,
    ) {
        let width = self.categories.len();
        let out = out.chunks_mut(LANES * self.width);
        for (out, cells) in out.zip(cells.chunks(LANES * width)) {
            let mut at = [root; LANES];
            let mut moved = true;
            while moved {
                moved = false;
                for (at, cells) in at.iter_mut().zip(cells.chunks_exact(width)) {
                    let step = self.steps[*at as usize];
                    let next = if CATEGORICAL && step.feature & CATEGORIES != 0 {
                        let cell = cells[(step.feature & !CATEGORIES) as usize];
                        let set = usize::from(step.cut) | usize::from(step.add) << 16;
                        let left = has(&self.sets[set], cell.min(u16::from(MISSING)) as u8);
                        step.child + u32::from(!left)
                    } else {
                        let cell = cells[step.feature as usize].wrapping_add(step.add);
                        step.child + u32::from(cell > step.cut)
                    };
                    moved |= next != *at;
                    *at = next;
                }
            }
            for (out, at) in out.iter_mut().skip(class).step_by(self.width).zip(at) {
                *out += self.values[at as usize];
            }
        }
    }
}
