//! Minimal cost-complexity pruning (Breiman and others 1984, chapter 3).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::flat::{FlatTree, LEAF, Nodes, UNDEFINED};
use crate::base::{Ctx, Result};

/// The effective alphas at which branches fall, and the impurity of the leaves left after each;
/// the first pair is the whole tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Rising alphas.
    pub alphas: Vec<f64>,
    /// The weighted impurity of the leaves.
    pub impurities: Vec<f64>,
}

/// The whole pruning path of a tree.
pub fn path(ctx: &Ctx, tree: &FlatTree) -> Result<Path> {
    Ok(weakest_links(ctx, tree, f64::INFINITY)?.0)
}

/// The smallest subtree whose weakest link is stronger than `alpha`.
pub fn prune(ctx: &Ctx, tree: &FlatTree, alpha: f64) -> Result<FlatTree> {
    let (_, leaves) = weakest_links(ctx, tree, alpha)?;
    FlatTree::new(copy(tree, &leaves), tree.shape())
}

/// Cuts the weakest branch again and again while its alpha is at most `limit`. Returns what was
/// met on the way, and which nodes are leaves now.
fn weakest_links(ctx: &Ctx, tree: &FlatTree, limit: f64) -> Result<(Path, Vec<bool>)> {
    let t = tree.nodes();
    let n = t.len();
    let alone: Vec<f64> = (0..n).map(|i| t.weight[i] * t.impurity[i] / t.weight[0]).collect();
    let mut leaf: Vec<bool> = (0..n).map(|i| t.is_leaf(i)).collect();
    let mut parent = vec![usize::MAX; n];
    let (mut branch, mut leaves) = (vec![0.0; n], vec![0usize; n]);
    for i in (0..n).filter(|&i| !leaf[i]) {
        for child in [t.left[i], t.right[i]] {
            parent[child as usize] = i;
        }
    }
    for i in (0..n).filter(|&i| leaf[i]) {
        branch[i] += alone[i];
        let mut up = parent[i];
        while up != usize::MAX {
            branch[up] += alone[i];
            leaves[up] += 1;
            up = parent[up];
        }
    }
    let strength = |i: usize, branch: &[f64], leaves: &[usize]| {
        (alone[i] - branch[i]) / (leaves[i] as f64 - 1.0)
    };
    let mut found = Path { alphas: vec![0.0], impurities: vec![branch[0]] };
    let mut gone = vec![false; n];
    let mut heap: BinaryHeap<Reverse<Link>> = (0..n)
        .filter(|&i| !leaf[i])
        .map(|i| Reverse(Link(strength(i, &branch, &leaves), i)))
        .collect();
    while let Some(Reverse(Link(alpha, i))) = heap.pop() {
        ctx.check()?;
        // A link is out of date once its branch was cut or something below it was.
        let now = strength(i, &branch, &leaves);
        if gone[i] || leaf[i] || alpha.is_nan() || alpha.to_bits() != now.to_bits() {
            continue;
        }
        if alpha > limit {
            break;
        }
        mark_below(t, i, &mut gone);
        leaf[i] = true;
        let (fewer, more) = (leaves[i] - 1, alone[i] - branch[i]);
        branch[i] = alone[i];
        let mut up = parent[i];
        while up != usize::MAX {
            leaves[up] -= fewer;
            branch[up] += more;
            heap.push(Reverse(Link(strength(up, &branch, &leaves), up)));
            up = parent[up];
        }
        found.alphas.push(alpha);
        found.impurities.push(branch[0]);
    }
    Ok((found, leaf))
}

/// A branch and its strength, in the order of strength, then of nodes.
#[derive(Debug, Clone, Copy)]
struct Link(f64, usize);

impl PartialEq for Link {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Link {}

impl PartialOrd for Link {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Link {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // Adding zero makes -0.0 equal to 0.0, so that equal strengths fall in node order.
        (self.0 + 0.0).total_cmp(&(other.0 + 0.0)).then(self.1.cmp(&other.1))
    }
}

fn mark_below(t: &Nodes, top: usize, gone: &mut [bool]) {
    let mut stack = vec![top];
    while let Some(i) = stack.pop() {
        if t.is_leaf(i) {
            continue;
        }
        for child in [t.left[i] as usize, t.right[i] as usize] {
            if !gone[child] {
                gone[child] = true;
                stack.push(child);
            }
        }
    }
}

/// The tree in which the marked nodes are leaves, numbered depth first.
fn copy(tree: &FlatTree, leaf: &[bool]) -> Nodes {
    let (t, width) = (tree.nodes(), tree.shape().outputs * tree.shape().classes);
    let mut out = Nodes::default();
    let mut stack = vec![(0usize, None::<(usize, bool)>)];
    while let Some((i, from)) = stack.pop() {
        let id = out.len();
        match from {
            Some((up, true)) => out.left[up] = id as i64,
            Some((up, false)) => out.right[up] = id as i64,
            None => {}
        }
        out.left.push(LEAF);
        out.right.push(LEAF);
        out.feature.push(if leaf[i] { UNDEFINED } else { t.feature[i] });
        out.threshold.push(if leaf[i] { UNDEFINED as f64 } else { t.threshold[i] });
        out.impurity.push(t.impurity[i]);
        out.samples.push(t.samples[i]);
        out.weight.push(t.weight[i]);
        out.missing_left.push(!leaf[i] && t.missing_left[i]);
        out.value.extend_from_slice(&t.value[i * width..(i + 1) * width]);
        if !leaf[i] {
            stack.push((t.right[i] as usize, Some((id, false))));
            stack.push((t.left[i] as usize, Some((id, true))));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trees::Shape;

    /// A root of impurity 1 over a leaf of 0 and a node of .5 that splits into leaves of 0: the
    /// inner node is worth 2 * .5 / 4 = .25 for its one more leaf, and then the root 1 - .25.
    fn tree() -> FlatTree {
        let nodes = Nodes {
            left: vec![1, -1, 3, -1, -1],
            right: vec![2, -1, 4, -1, -1],
            feature: vec![0, -2, 1, -2, -2],
            threshold: vec![0.5, -2.0, -1.0, -2.0, -2.0],
            impurity: vec![1.0, 0.0, 0.5, 0.0, 0.0],
            samples: vec![4, 2, 2, 1, 1],
            weight: vec![4.0, 2.0, 2.0, 1.0, 1.0],
            missing_left: vec![true, false, true, false, false],
            value: vec![0.0, 1.0, 2.0, 3.0, 4.0],
        };
        FlatTree::new(nodes, Shape { features: 2, outputs: 1, classes: 1 }).unwrap()
    }

    #[test]
    fn the_weakest_branch_falls_first() {
        let found = path(&Ctx::new(1), &tree()).unwrap();
        assert_eq!(found.alphas, [0.0, 0.25, 0.75]);
        assert_eq!(found.impurities, [0.0, 0.25, 1.0]);
    }

    #[test]
    fn what_is_worth_more_stays() {
        let ctx = Ctx::new(1);
        assert_eq!(prune(&ctx, &tree(), 0.2).unwrap().nodes(), tree().nodes());
        let cut = prune(&ctx, &tree(), 0.5).unwrap();
        assert_eq!((cut.n_leaves(), cut.max_depth()), (2, 1));
        assert_eq!(cut.nodes().value, [0.0, 1.0, 2.0]);
        assert_eq!(cut.nodes().feature, [0, UNDEFINED, UNDEFINED]);
        assert_eq!(cut.nodes().missing_left, [true, false, false]);
        assert_eq!(prune(&ctx, &tree(), 0.75).unwrap().nodes().len(), 1);
    }

    #[test]
    fn impurities_that_are_no_numbers_end_the_search() {
        let mut nodes = tree().nodes().clone();
        nodes.impurity = vec![f64::NAN; 5];
        let broken = FlatTree::new(nodes, tree().shape()).unwrap();
        assert_eq!(path(&Ctx::new(1), &broken).unwrap().alphas, [0.0]);
    }
}
