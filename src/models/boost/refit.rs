//! Leaves of fitted trees given new values, near the ones they have.

use ndarray::ArrayView2;

use crate::base::{Ctx, Error, Result};

/// Visits of all trees at most.
const PASSES: usize = 100;
/// The end: a pass gains less than this share of all that was gained.
const LITTLE: f64 = 1e-7;

/// A quadratic model of a loss: rows with slope and bend, and how strongly each leaf is held.
#[derive(Debug, Clone, Copy)]
pub struct Bowl<'a> {
    /// The first derivative of each row's loss along its score.
    pub gradient: &'a [f64],
    /// The second.
    pub hessian: &'a [f64],
    /// The pull of each leaf; without end, its value stays.
    pub pull: &'a [f64],
}

/// The leaf of each row in one tree, and the leaves that have rows.
struct Tree {
    of_row: Vec<u32>,
    met: Vec<u32>,
}

impl Tree {
    fn new(of_row: Vec<u32>) -> Self {
        let mut met = of_row.clone();
        met.sort_unstable();
        met.dedup();
        Tree { of_row, met }
    }
}

/// Changes of the leaves' values that bring the model of the loss down: the least of
/// `sum(gradient * s + hessian * s^2 / 2) + sum(pull * change^2 / 2)`, where `s` is the sum of the
/// changes of the leaves that a row lies in.
///
/// `leaf` names the leaf of each row (down) in each tree (across), by a number of its own among all
/// trees. Tree after tree is solved exactly while the others stay (block coordinate descent; the
/// leaves of a tree share no rows), so that nothing depends on threads.
///
/// # Errors
/// [`Error::Shape`] for arrays that do not fit each other; [`Error::Stopped`].
pub fn refit(
    ctx: &Ctx,
    leaf: ArrayView2<'_, u32>,
    bowl: Bowl<'_>,
    change: &mut [f64],
) -> Result<()> {
    let n = leaf.nrows();
    let fits = bowl.gradient.len() == n && bowl.hessian.len() == n;
    let known = leaf.iter().all(|&l| (l as usize) < change.len());
    if !fits || !known || bowl.pull.len() != change.len() {
        return Err(Error::Shape("leaves, slopes and pulls do not fit each other".into()));
    }
    let trees: Vec<Tree> = leaf.columns().into_iter().map(|c| Tree::new(c.to_vec())).collect();
    let mut bend = vec![0.0; change.len()];
    let mut score = vec![0.0; n];
    for tree in &trees {
        for ((&l, h), s) in tree.of_row.iter().zip(bowl.hessian).zip(&mut score) {
            bend[l as usize] += h;
            *s += change[l as usize];
        }
    }
    let mut step = vec![0.0; change.len()];
    let mut gained = 0.0;
    for _ in 0..PASSES {
        let mut gain = 0.0;
        for tree in &trees {
            ctx.check()?;
            gain += solve(tree, bowl, &bend, &mut step, change, &mut score);
        }
        gained += gain;
        if gain <= LITTLE * gained {
            break;
        }
    }
    Ok(())
}

/// Solves the leaves of one tree; returns how far the objective fell. `step` is space of zeros.
fn solve(
    tree: &Tree,
    bowl: Bowl<'_>,
    bend: &[f64],
    step: &mut [f64],
    change: &mut [f64],
    score: &mut [f64],
) -> f64 {
    for (i, &l) in tree.of_row.iter().enumerate() {
        step[l as usize] -= bowl.gradient[i] + bowl.hessian[i] * score[i];
    }
    let mut gain = 0.0;
    for &l in &tree.met {
        let l = l as usize;
        let all = bend[l] + bowl.pull[l];
        let held = if change[l] == 0.0 { 0.0 } else { bowl.pull[l] * change[l] };
        let free = all.is_finite() && all > 0.0;
        step[l] = if free { (step[l] - held) / all } else { 0.0 };
        if free {
            gain += step[l] * step[l] * all / 2.0;
        }
        change[l] += step[l];
    }
    for (s, &l) in score.iter_mut().zip(&tree.of_row) {
        *s += step[l as usize];
    }
    for &l in &tree.met {
        step[l as usize] = 0.0;
    }
    gain
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    /// The slope of the objective along each change.
    fn slopes(leaf: &Array2<u32>, bowl: Bowl<'_>, change: &[f64]) -> Vec<f64> {
        let mut out: Vec<f64> = bowl.pull.iter().zip(change).map(|(p, c)| p * c).collect();
        for (i, row) in leaf.rows().into_iter().enumerate() {
            let s: f64 = row.iter().map(|&l| change[l as usize]).sum();
            for &l in row {
                out[l as usize] += bowl.gradient[i] + bowl.hessian[i] * s;
            }
        }
        out
    }

    proptest! {
        #[test]
        fn every_slope_is_nought_at_the_end(
            rows in prop::collection::vec((0u32..3, 0u32..3, -2.0..2.0f64, 0.1..1.0f64), 1..30),
            pull in 0.3..20.0f64,
        ) {
            let leaf = Array2::from_shape_fn((rows.len(), 2), |(i, t)| {
                if t == 0 { rows[i].0 } else { 3 + rows[i].1 }
            });
            let gradient: Vec<f64> = rows.iter().map(|r| r.2).collect();
            let hessian: Vec<f64> = rows.iter().map(|r| r.3).collect();
            let pull = [pull; 6];
            let bowl = Bowl { gradient: &gradient, hessian: &hessian, pull: &pull };
            let mut change = vec![0.0; 6];
            refit(&Ctx::default(), leaf.view(), bowl, &mut change).unwrap();
            let most = slopes(&leaf, bowl, &change).into_iter().fold(0.0, |m: f64, s| m.max(s.abs()));
            prop_assert!(most < 2e-2, "{most}");
        }
    }

    #[test]
    fn held_leaves_stay_and_bad_numbers_are_refused() {
        let leaf = array![[0u32, 1], [0, 2]];
        let (gradient, hessian) = ([1.0, -3.0], [1.0, 1.0]);
        let pull = [f64::INFINITY, 1.0, f64::INFINITY];
        let bowl = Bowl { gradient: &gradient, hessian: &hessian, pull: &pull };
        let mut change = vec![0.0; 3];
        refit(&Ctx::default(), leaf.view(), bowl, &mut change).unwrap();
        assert_eq!(change, [0.0, -0.5, 0.0]);
        assert!(refit(&Ctx::default(), leaf.view(), bowl, &mut change[..2]).is_err());
        let ctx = Ctx::default();
        ctx.stop();
        assert!(matches!(refit(&ctx, leaf.view(), bowl, &mut change), Err(Error::Stopped)));
    }
}
