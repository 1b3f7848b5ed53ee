//! A binary tree as parallel arrays, checked when it is made, and rows sent down it.

use ndarray::{ArrayView2, s};

use crate::base::{Ctx, Error, Result, par};

/// The child of a leaf.
pub const LEAF: i64 = -1;
/// The feature and threshold of a leaf.
pub const UNDEFINED: i64 = -2;
/// Rows sent down the tree by one task.
const BLOCK: usize = 2048;
/// Rows that go down side by side.
const LANES: usize = 8;
/// The bit of [`Step::feature`] that sends missing values left.
const MISSING_LEFT: u32 = 1 << 31;

/// One entry a node, in scikit-learn's meaning: a row goes left where its feature is at most the
/// threshold, and where it is missing as `missing_left` says. Children come after their parent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Nodes {
    /// The left child, or [`LEAF`].
    pub left: Vec<i64>,
    /// The right child, or [`LEAF`].
    pub right: Vec<i64>,
    /// The feature that splits, or [`UNDEFINED`].
    pub feature: Vec<i64>,
    /// The threshold, or -2 in a leaf.
    pub threshold: Vec<f64>,
    /// The impurity.
    pub impurity: Vec<f64>,
    /// How many training rows came here.
    pub samples: Vec<i64>,
    /// Their weight.
    pub weight: Vec<f64>,
    /// Where missing values go.
    pub missing_left: Vec<bool>,
    /// `outputs * classes` values a node.
    pub value: Vec<f64>,
}

impl Nodes {
    /// How many nodes.
    pub fn len(&self) -> usize {
        self.left.len()
    }

    /// True without any node.
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// True when `node` has no children.
    pub fn is_leaf(&self, node: usize) -> bool {
        self.left[node] == LEAF
    }
}

/// What a tree takes and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Columns of a row.
    pub features: usize,
    /// Targets.
    pub outputs: usize,
    /// Values a target: the most classes of any target, 1 in regression.
    pub classes: usize,
}

/// What a row needs on its way, 16 bytes a node. A leaf is its own child.
#[derive(Debug, Clone, Copy)]
struct Step {
    threshold: f32,
    feature: u32,
    children: [u32; 2],
}

impl Step {
    /// The child a value goes to, without a branch: it would be wrong half the time.
    #[inline]
    fn next(self, value: f32) -> u32 {
        let left = (value <= self.threshold) | (value.is_nan() & (self.feature >= MISSING_LEFT));
        self.children[usize::from(!left)]
    }

    /// The column to look at.
    #[inline]
    fn column(self) -> usize {
        (self.feature & !MISSING_LEFT) as usize
    }
}

/// A tree whose arrays were checked: no index is out of bounds and every path ends in a leaf.
#[derive(Debug, Clone)]
pub struct FlatTree {
    nodes: Nodes,
    shape: Shape,
    steps: Vec<Step>,
    max_depth: usize,
    n_leaves: usize,
}

impl FlatTree {
    /// Checks the arrays and makes the tree. This is the only way to get one.
    ///
    /// # Errors
    /// [`Error::State`] names the first array or node that is wrong.
    pub fn new(nodes: Nodes, shape: Shape) -> Result<Self> {
        check_lengths(&nodes, shape)?;
        let n = nodes.len();
        let mut depth = vec![u32::MAX; n];
        depth[0] = 0;
        let mut steps = Vec::with_capacity(n);
        let (mut max_depth, mut n_leaves) = (0, 0);
        for i in 0..n {
            if depth[i] == u32::MAX {
                return Err(damaged(i, "has no parent before it"));
            }
            max_depth = max_depth.max(depth[i]);
            let step = step(&nodes, shape, i)?;
            steps.push(step);
            if step.children[0] as usize == i {
                n_leaves += 1;
                continue;
            }
            for child in step.children.map(|c| c as usize) {
                if depth[child] != u32::MAX {
                    return Err(damaged(child, "has two parents"));
                }
                depth[child] = depth[i] + 1;
            }
        }
        Ok(FlatTree { nodes, shape, steps, max_depth: max_depth as usize, n_leaves })
    }

    /// The arrays.
    pub fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// What the tree takes and gives.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The longest way from the root to a leaf.
    pub fn max_depth(&self) -> usize {
        self.max_depth
    }

    /// How many leaves.
    pub fn n_leaves(&self) -> usize {
        self.n_leaves
    }

    /// The leaf of every row.
    pub fn apply(&self, ctx: &Ctx, x: ArrayView2<'_, f32>) -> Result<Vec<i64>> {
        self.check_columns(&x)?;
        let mut out = vec![0i64; x.nrows()];
        par::fill_chunks(ctx, &mut out, BLOCK, |first, chunk| {
            let rows = x.slice(s![first..first + chunk.len(), ..]);
            // Rows side by side in memory, whatever the layout of the matrix.
            let rows = rows.as_standard_layout();
            let Some(values) = rows.as_slice() else { return };
            let width = self.shape.features;
            for (leaves, values) in chunk.chunks_mut(LANES).zip(values.chunks(LANES * width)) {
                self.walk_together(values, leaves);
            }
        })?;
        Ok(out)
    }

    /// Adds the values of each row's leaf to `out`; rows lie one after the other.
    pub fn add(&self, rows: &[f32], out: &mut [f64]) {
        let (width, size) = (self.shape.features, self.shape.outputs * self.shape.classes);
        let mut leaves = [0i64; LANES];
        for (values, out) in rows.chunks(LANES * width).zip(out.chunks_mut(LANES * size)) {
            let count = values.len() / width;
            self.walk_together(values, &mut leaves[..count]);
            for (leaf, out) in leaves[..count].iter().zip(out.chunks_exact_mut(size)) {
                let value = &self.nodes.value[*leaf as usize * size..][..size];
                out.iter_mut().zip(value).for_each(|(o, v)| *o += v);
            }
        }
    }

    /// Sends a few rows down step by step together: while one waits for its node to come from
    /// memory, the others move on. A row in its leaf stays there.
    fn walk_together(&self, values: &[f32], leaves: &mut [i64]) {
        let width = self.shape.features;
        let mut at = [0u32; LANES];
        loop {
            let mut moved = false;
            for (at, row) in at.iter_mut().zip(values.chunks_exact(width)) {
                let step = self.steps[*at as usize];
                let value = row[step.column()];
                let next = step.next(value);
                moved |= next != *at;
                *at = next;
            }
            if !moved {
                break;
            }
        }
        for (leaf, at) in leaves.iter_mut().zip(at) {
            *leaf = i64::from(at);
        }
    }

    /// The nodes that every row passes, root first, one row after the other, and where each row's
    /// begin (one more entry than rows): the indices and index pointer of a CSR matrix.
    pub fn paths(&self, ctx: &Ctx, x: ArrayView2<'_, f32>) -> Result<(Vec<i64>, Vec<i64>)> {
        self.check_columns(&x)?;
        let blocks = par::map_chunks(ctx, x.nrows(), BLOCK, |a, b| {
            let (mut ids, mut ends) = (Vec::new(), Vec::with_capacity(b - a));
            for row in a..b {
                self.walk(&x, row, |node| ids.push(i64::from(node)));
                ends.push(ids.len() as i64);
            }
            (ids, ends)
        })?;
        let (mut indices, mut starts) = (Vec::new(), vec![0i64]);
        for (ids, ends) in blocks {
            let before = indices.len() as i64;
            starts.extend(ends.iter().map(|end| before + end));
            indices.extend(ids);
        }
        Ok((indices, starts))
    }

    /// Sends one row down, tells `seen` every node on its way, and returns the leaf.
    #[inline]
    fn walk(&self, x: &ArrayView2<'_, f32>, row: usize, mut seen: impl FnMut(u32)) -> u32 {
        let mut at = 0u32;
        loop {
            seen(at);
            let step = self.steps[at as usize];
            if step.children[0] == at {
                return at;
            }
            let value = x[[row, step.column()]];
            at = step.next(value);
        }
    }

    /// How much of the impurity each feature took away, weighted, divided by the total if wanted.
    pub fn importances(&self, normalize: bool) -> Vec<f64> {
        let t = &self.nodes;
        let mut out = vec![0.0; self.shape.features];
        for i in (0..t.len()).filter(|&i| !t.is_leaf(i)) {
            let [l, r] = self.steps[i].children.map(|c| c as usize);
            out[self.steps[i].column()] += t.weight[i] * t.impurity[i]
                - t.weight[l] * t.impurity[l]
                - t.weight[r] * t.impurity[r];
        }
        let root = t.weight[0];
        out.iter_mut().for_each(|v| *v /= root);
        let total: f64 = out.iter().sum();
        if normalize && total > 0.0 {
            out.iter_mut().for_each(|v| *v /= total);
        }
        out
    }

    fn check_columns(&self, x: &ArrayView2<'_, f32>) -> Result<()> {
        if x.ncols() == self.shape.features {
            return Ok(());
        }
        Err(Error::Shape(format!(
            "X has {} columns, but the tree was grown on {}",
            x.ncols(),
            self.shape.features
        )))
    }
}

fn damaged(node: usize, what: &str) -> Error {
    Error::State(format!("the tree is damaged: node {node} {what}"))
}

fn check_lengths(t: &Nodes, shape: Shape) -> Result<()> {
    let n = t.len();
    let values = n.checked_mul(shape.outputs).and_then(|v| v.checked_mul(shape.classes));
    let lengths = [
        ("children_right", t.right.len(), Some(n)),
        ("feature", t.feature.len(), Some(n)),
        ("threshold", t.threshold.len(), Some(n)),
        ("impurity", t.impurity.len(), Some(n)),
        ("n_node_samples", t.samples.len(), Some(n)),
        ("weighted_n_node_samples", t.weight.len(), Some(n)),
        ("missing_go_to_left", t.missing_left.len(), Some(n)),
        ("value", t.value.len(), values),
    ];
    if n == 0 || n >= u32::MAX as usize || shape.features >= MISSING_LEFT as usize {
        return Err(Error::State(format!(
            "the tree is damaged: {n} nodes over {} features",
            shape.features
        )));
    }
    for (name, len, want) in lengths {
        if Some(len) != want {
            return Err(Error::State(format!(
                "the tree is damaged: {name} has {len} entries for {n} nodes"
            )));
        }
    }
    Ok(())
}

/// The checked step of node `i`: children lie after it and its feature exists.
fn step(t: &Nodes, shape: Shape, i: usize) -> Result<Step> {
    let me = i as u32;
    if t.left[i] == LEAF && t.right[i] == LEAF {
        return Ok(Step { threshold: 0.0, feature: 0, children: [me, me] });
    }
    let child = |id: i64| match u32::try_from(id) {
        Ok(c) if c > me && (c as usize) < t.len() => Ok(c),
        _ => Err(damaged(i, &format!("has the child {id}"))),
    };
    let children = [child(t.left[i])?, child(t.right[i])?];
    let feature = match usize::try_from(t.feature[i]) {
        Ok(f) if f < shape.features => f as u32,
        _ => return Err(damaged(i, &format!("splits on the feature {}", t.feature[i]))),
    };
    if t.threshold[i].is_nan() {
        return Err(damaged(i, "has no threshold"));
    }
    let bit = if t.missing_left[i] { MISSING_LEFT } else { 0 };
    Ok(Step { threshold: round_down(t.threshold[i]), feature: feature | bit, children })
}

/// The largest f32 that is at most `t`: `x <= t` and `x <= round_down(t)` agree for every f32.
pub fn round_down(t: f64) -> f32 {
    let near = t as f32;
    if near.is_nan() || f64::from(near) <= t {
        return near;
    }
    let bits = near.to_bits();
    f32::from_bits(match near {
        v if v > 0.0 => bits - 1,
        0.0 => 1 | 1 << 31,
        _ => bits + 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    const SHAPE: Shape = Shape { features: 2, outputs: 1, classes: 1 };

    /// x0 <= 0.5 (missing left) ? node 1 : (x1 <= -1 ? node 3 : node 4).
    fn nodes() -> Nodes {
        Nodes {
            left: vec![1, -1, 3, -1, -1],
            right: vec![2, -1, 4, -1, -1],
            feature: vec![0, -2, 1, -2, -2],
            threshold: vec![0.5, -2.0, -1.0, -2.0, -2.0],
            impurity: vec![1.0, 0.0, 0.5, 0.0, 0.0],
            samples: vec![4, 2, 2, 1, 1],
            weight: vec![4.0, 2.0, 2.0, 1.0, 1.0],
            missing_left: vec![true, false, false, false, false],
            value: vec![0.0, 1.0, 2.0, 3.0, 4.0],
        }
    }

    #[test]
    fn rows_find_their_leaf() {
        let tree = FlatTree::new(nodes(), SHAPE).unwrap();
        let x = array![[0.5f32, 9.0], [f32::NAN, 0.0], [1.0, -1.0], [1.0, f32::NAN]];
        assert_eq!(tree.apply(&Ctx::new(1), x.view()).unwrap(), [1, 1, 3, 4]);
        let (ids, starts) = tree.paths(&Ctx::new(1), x.view()).unwrap();
        assert_eq!(ids, [0, 1, 0, 1, 0, 2, 3, 0, 2, 4]);
        assert_eq!(starts, [0, 2, 4, 7, 10]);
        assert_eq!((tree.max_depth(), tree.n_leaves()), (2, 3));
        assert_eq!(tree.importances(false), [0.75, 0.25]);
        assert!(tree.apply(&Ctx::new(1), array![[1.0f32]].view()).is_err());
    }

    #[test]
    fn damage_is_refused() {
        type Harm = fn(&mut Nodes);
        let harms: [Harm; 12] = [
            |t| t.left[0] = 0,
            |t| t.left[2] = 0,
            |t| t.left[2] = 1,
            |t| t.right[2] = 5,
            |t| t.right[2] = i64::MAX,
            |t| t.right[2] = -1,
            |t| t.right[2] = 3,
            |t| t.feature[0] = 2,
            |t| t.feature[2] = -1,
            |t| t.threshold[0] = f64::NAN,
            |t| t.value.truncate(4),
            |t| *t = Nodes::default(),
        ];
        for harm in harms {
            let mut t = nodes();
            harm(&mut t);
            assert!(matches!(FlatTree::new(t, SHAPE), Err(Error::State(_))));
        }
    }

    proptest! {
        #[test]
        fn rounding_down_keeps_the_comparison(bits: u32, t in prop::num::f64::ANY) {
            let x = f32::from_bits(bits);
            prop_assume!(!t.is_nan());
            prop_assert_eq!(f64::from(x) <= t, x <= round_down(t));
            let near = f64::from(x).next_to(t);
            prop_assert_eq!(f64::from(x) <= near, x <= round_down(near));
        }

        #[test]
        fn any_arrays_are_refused_or_safe(
            left in prop::collection::vec(-2i64..6, 5),
            right in prop::collection::vec(-2i64..6, 5),
            feature in prop::collection::vec(-3i64..4, 5),
        ) {
            let t = Nodes { left, right, feature, ..nodes() };
            if let Ok(tree) = FlatTree::new(t, SHAPE) {
                let x = array![[0.5f32, 9.0], [f32::NAN, 0.0], [1.0, -1.0]];
                let leaves = tree.apply(&Ctx::new(1), x.view()).unwrap();
                prop_assert!(leaves.iter().all(|&l| tree.nodes().is_leaf(l as usize)));
            }
        }
    }

    trait NextTo {
        fn next_to(self, other: f64) -> f64;
    }

    impl NextTo for f64 {
        /// A f64 beside `self`, on the side of `other`.
        fn next_to(self, other: f64) -> f64 {
            if self.is_nan() || self.is_infinite() || self == 0.0 {
                return self;
            }
            let up = (other > self) == (self > 0.0);
            f64::from_bits(if up { self.to_bits() + 1 } else { self.to_bits() - 1 })
        }
    }
}
