//! Shapley values of trees, exact.
//!
//! A feature that is not known follows both branches by the training rows' share (Lundberg et al.
//! 2020). The value of a game is the integral over p in 0..1 of the slope of its multilinear
//! extension (Owen 1972), in which each feature is known with probability p. For a leaf this is a
//! product of one factor a feature of its path, a polynomial of p whose degree is below their
//! number: Gauss and Legendre's points give the integral exactly. One walk down multiplies the
//! factors, one walk up adds the leaves (as Yu et al. 2022 do with other polynomials), so a row
//! takes (edges * features of a path / 2) steps. Factors are never divided by, so nothing is lost
//! where shares are small.

mod against;
mod program;
#[cfg(test)]
mod tests;

use ndarray::{ArrayView2, s};

pub use against::against;

use crate::base::lanes;
use crate::base::{Ctx, Error, Result, par};
use program::Program;

/// Rows that go down side by side.
const LANES: usize = 8;
/// Rows of one task.
const BLOCK: usize = 4 * LANES;
/// Coefficients of the trees that all rows pass before the next trees are made ready.
const BATCH: usize = 1 << 20;

/// One number of each row that is on its way.
type Lanes = [f64; LANES];

/// Fitted trees as parallel arrays, one entry a node, tree after tree. Children are counted from
/// their tree's first node, -1 in a leaf, and come after their parent.
#[derive(Debug, Clone, Copy)]
pub struct Trees<'a> {
    /// Where each tree begins, and where the last ends.
    pub starts: &'a [i64],
    /// The first output that each tree adds to.
    pub outputs: &'a [i64],
    /// The left child.
    pub left: &'a [i64],
    /// The right child.
    pub right: &'a [i64],
    /// The feature that splits.
    pub feature: &'a [i64],
    /// Rows whose feature is at most this go left, in a split of numbers.
    pub threshold: &'a [f64],
    /// Where missing values go.
    pub missing_left: &'a [bool],
    /// The weight of the training rows.
    pub cover: &'a [f64],
    /// The set of categories on the left, -1 in a split of numbers.
    pub set: &'a [i64],
    /// The sets, four words each.
    pub sets: &'a [u64],
    /// `width` values a node.
    pub value: &'a [f64],
    /// Values a node.
    pub width: usize,
    /// Outputs of the model.
    pub n_outputs: usize,
    /// Known categories by feature, 0 for numbers.
    pub categories: &'a [u32],
}

impl Trees<'_> {
    /// How many features a row has.
    pub fn features(&self) -> usize {
        self.categories.len()
    }

    /// How many trees.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// True without any tree.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where a tree's nodes lie.
    fn nodes(&self, tree: usize) -> std::ops::Range<usize> {
        self.starts[tree] as usize..self.starts[tree + 1] as usize
    }

    /// The children of a node of the tree that begins at `start`, none in a leaf.
    fn children(&self, start: usize, at: usize) -> Option<[usize; 2]> {
        (self.left[at] >= 0).then(|| [self.left[at], self.right[at]].map(|c| start + c as usize))
    }

    /// Whether a value goes left at a node.
    #[inline(always)]
    fn goes_left(&self, at: usize, value: f64) -> bool {
        let missing = self.missing_left[at];
        if self.set[at] < 0 {
            return (value <= self.threshold[at]) | (missing & value.is_nan());
        }
        let known = self.categories[self.feature[at] as usize];
        if value >= 0.0 && value < f64::from(known.min(256)) && value.fract() == 0.0 {
            let (code, set) = (value as usize, self.set[at] as usize);
            self.sets[4 * set + code / 64] >> (code % 64) & 1 == 1
        } else {
            missing
        }
    }

    /// Checks that no index leads out of bounds and every walk ends.
    fn check(&self) -> Result<()> {
        let damaged = |what: String| Error::State(format!("the trees are damaged: {what}"));
        let n = self.left.len();
        let lengths = [
            self.right.len(),
            self.feature.len(),
            self.threshold.len(),
            self.missing_left.len(),
            self.cover.len(),
            self.set.len(),
        ];
        let whole = self.starts.first() == Some(&0)
            && self.starts.last() == Some(&(n as i64))
            && self.starts.windows(2).all(|w| w[0] < w[1])
            && self.outputs.len() == self.len();
        if !whole
            || lengths.iter().any(|&l| l != n)
            || n.checked_mul(self.width) != Some(self.value.len())
            || self.width == 0
            || n >= i32::MAX as usize
            || !self.sets.len().is_multiple_of(4)
        {
            return Err(damaged("arrays of different lengths".into()));
        }
        let last = self.n_outputs as i64 - self.width as i64;
        if self.outputs.iter().any(|&first| first < 0 || first > last) {
            return Err(damaged("a tree adds to an output that is not there".into()));
        }
        for tree in 0..self.len() {
            let nodes = self.nodes(tree);
            let mut parents = vec![0u8; nodes.len()];
            for at in nodes.clone() {
                let (l, r) = (self.left[at], self.right[at]);
                if l == -1 && r == -1 {
                    continue;
                }
                let (me, size) = ((at - nodes.start) as i64, nodes.len() as i64);
                let inside = l > me && r > me && l < size && r < size && l != r;
                let feature = usize::try_from(self.feature[at]).unwrap_or(usize::MAX);
                let set = self.set[at] < 0 || self.set[at] < (self.sets.len() / 4) as i64;
                let good = self.cover[at] >= 0.0 && !self.threshold[at].is_nan();
                if !inside || feature >= self.features() || !set || !good {
                    return Err(damaged(format!("node {me} of tree {tree} leads astray")));
                }
                for child in [l, r] {
                    let parents = &mut parents[child as usize];
                    *parents = parents.saturating_add(1);
                }
            }
            if parents.iter().skip(1).any(|&p| p != 1) {
                return Err(damaged(format!("tree {tree} is no tree")));
            }
        }
        Ok(())
    }
}

/// The values of each row, (rows, features, outputs), and what the trees say of no row in
/// particular, by output.
///
/// # Errors
/// [`Error::State`] for arrays that do not make trees, [`Error::Shape`], [`Error::Stopped`].
pub fn by_cover(
    ctx: &Ctx,
    trees: &Trees<'_>,
    x: ArrayView2<'_, f64>,
) -> Result<(Vec<f64>, Vec<f64>)> {
    trees.check()?;
    check_columns(trees, x)?;
    let mut base = vec![0.0; trees.n_outputs];
    let cells = trees.features() * trees.n_outputs;
    let mut out = vec![0.0; x.nrows() * cells];
    ctx.set_total((x.nrows() * trees.len()) as u64);
    let mut next = 0;
    while next < trees.len() {
        ctx.check()?;
        let mut batch: Vec<Program> = Vec::new();
        let mut size = 0;
        while next < trees.len() && size < BATCH {
            let program = Program::new(trees, next, &mut base);
            size += program.size();
            batch.push(program);
            next += 1;
        }
        par::fill_chunks(ctx, &mut out, BLOCK * cells, |first, out| {
            let first = first / cells;
            let mut room = Room::default();
            for (k, out) in out.chunks_mut(LANES * cells).enumerate() {
                if ctx.stopped() {
                    return;
                }
                let (start, rows) = (first + k * LANES, out.len() / cells);
                room.fill(x.slice(s![start..start + rows, ..]), cells);
                for program in &batch {
                    room.make_for(program);
                    lanes::run(
                        #[inline(always)]
                        || program.run(trees, &mut room),
                    );
                }
                for (row, out) in out.chunks_exact_mut(cells).enumerate() {
                    out.iter_mut().zip(&room.sums).for_each(|(o, sum)| *o += sum[row]);
                }
                let _ = ctx.advance((rows * batch.len()) as u64);
            }
        })?;
    }
    Ok((out, base))
}

fn check_columns(trees: &Trees<'_>, x: ArrayView2<'_, f64>) -> Result<()> {
    if x.ncols() == trees.features() && x.ncols() > 0 {
        return Ok(());
    }
    let (got, want) = (x.ncols(), trees.features());
    Err(Error::Shape(format!("X has {got} columns, but the trees were grown on {want}")))
}

/// What some rows carry with them.
#[derive(Default)]
struct Room {
    /// The rows, feature by feature.
    x: Vec<Lanes>,
    /// Their values, by feature and output.
    sums: Vec<Lanes>,
    /// By depth: whether the rows went left at the node, and whether they pass the edge above it
    /// (and the edges above of the same feature).
    went: Vec<Lanes>,
    passes: Vec<Lanes>,
    /// By depth and point: the product of the factors.
    product: Vec<Lanes>,
    /// By depth, value and point: the sum over leaves.
    below: Vec<Lanes>,
}

impl Room {
    fn fill(&mut self, rows: ArrayView2<'_, f64>, cells: usize) {
        self.x.clear();
        self.x.resize(rows.ncols(), [0.0; LANES]);
        for (lane, row) in rows.rows().into_iter().enumerate() {
            self.x.iter_mut().zip(row).for_each(|(x, v)| x[lane] = *v);
        }
        self.sums.clear();
        self.sums.resize(cells, [0.0; LANES]);
    }

    fn make_for(&mut self, program: &Program) {
        let (depths, points) = (program.depth + 1, program.points);
        let grow = |v: &mut Vec<Lanes>, n: usize| v.resize(n.max(v.len()), [0.0; LANES]);
        grow(&mut self.went, depths);
        grow(&mut self.passes, depths);
        grow(&mut self.product, depths * points);
        grow(&mut self.below, depths * points * program.width);
    }
}
