//! Trees on bins against slow and obvious references.

use proptest::prelude::*;

use super::binned::Trees;
use super::bins::{Bins, MISSING, find_cuts};
use super::forest::{Forest, Keys, Plan, Target, bagged, boosted, error};
use super::gini::Gini;
use super::hist::{Features, Grown, Params, grow};
use super::moments::Moments;
use super::split::Goal;
use crate::base::Ctx;
use crate::base::rng::Stream;
use ndarray::Array2;

const FREE: Params =
    Params { min_leaf: 1, max_depth: usize::MAX, max_leaves: usize::MAX, max_features: usize::MAX };

/// The least squared error or impurity, the other way round: more is better.
type Score<'a> = dyn Fn(&[(u32, f64)]) -> f64 + 'a;

/// All ways to part the bins of a column in two.
fn partings(column: &[u8], categorical: bool) -> Vec<Box<dyn Fn(u8) -> bool>> {
    let mut bins = column.to_vec();
    bins.sort_unstable();
    bins.dedup();
    let mut out: Vec<Box<dyn Fn(u8) -> bool>> = Vec::new();
    if categorical {
        for subset in 1u32..1 << bins.len() {
            let left: Vec<u8> =
                (0..bins.len()).filter(|k| subset >> k & 1 == 1).map(|k| bins[k]).collect();
            out.push(Box::new(move |bin| left.contains(&bin)));
        }
    } else {
        for cut in bins {
            out.push(Box::new(move |bin| bin <= cut));
            out.push(Box::new(move |bin| bin <= cut || bin == MISSING));
        }
    }
    out
}

/// The best score of two children that are large enough.
fn best(
    features: &Features<'_>,
    rows: &[(u32, f64)],
    least: f64,
    score: &Score<'_>,
    only: impl Fn(usize) -> bool,
) -> f64 {
    let mut top = f64::NEG_INFINITY;
    for (j, column) in features.columns.iter().enumerate().filter(|(j, _)| only(*j)) {
        for left in partings(column, features.categorical[j]) {
            let (l, r): (Vec<_>, Vec<_>) =
                rows.iter().copied().partition(|&(row, _)| left(column[row as usize]));
            let weight = |part: &[(u32, f64)]| part.iter().map(|(_, w)| w).sum::<f64>();
            if !l.is_empty() && !r.is_empty() && weight(&l) >= least && weight(&r) >= least {
                top = top.max(score(&l) + score(&r));
            }
        }
    }
    top
}

/// Checks every node of a tree against `best`; where splits of categories are only near the best,
/// they need not reach it.
fn check<G: Goal>(
    grown: &Grown<G::Item>,
    features: &Features<'_>,
    least: u32,
    score: &Score<'_>,
    near: bool,
) {
    for (node, &(start, end)) in grown.parts.iter().enumerate() {
        let rows: Vec<(u32, f64)> = grown.rows[start..end]
            .iter()
            .zip(&grown.items[start..end])
            .map(|(&row, item)| (row, G::weight(item)))
            .collect();
        assert!(rows.iter().map(|r| r.1).sum::<f64>() >= f64::from(least).min(1.0));
        let sure = |j: usize| !near || !features.categorical[j];
        let (want, most) = (
            best(features, &rows, f64::from(least), score, sure),
            best(features, &rows, f64::from(least), score, |_| true),
        );
        if grown.tree.is_leaf(node as u32) {
            assert!(want <= score(&rows) + 1e-9, "{want} was left at {}", score(&rows));
            continue;
        }
        let children: Vec<f64> = grown
            .parts
            .iter()
            .enumerate()
            .filter(|&(child, _)| parent(&grown.tree, child as u32) == Some(node as u32))
            .map(|(_, &(a, b))| {
                let part: Vec<_> = rows[a - start..b - start].to_vec();
                assert!(part.iter().map(|r| r.1).sum::<f64>() >= f64::from(least));
                score(&part)
            })
            .collect();
        assert_eq!(children.len(), 2);
        let got: f64 = children.iter().sum();
        assert!(got >= want - 1e-9 && got <= most + 1e-9, "{want} <= {got} <= {most}");
    }
}

fn parent(tree: &Trees, child: u32) -> Option<u32> {
    let (words, _) = tree.words();
    let at = words.chunks(4).position(|w| w[2] != w[3] && w[2..].contains(&child));
    at.map(|at| at as u32)
}

/// Columns of few bins, some missing; targets; weights.
fn case() -> impl Strategy<Value = (Vec<Vec<u8>>, Vec<u32>, Vec<u32>, u32)> {
    (2usize..24).prop_flat_map(|n| {
        let bin = prop_oneof![9 => 0u8..6, 1 => Just(254u8), 2 => Just(MISSING)];
        let columns = prop::collection::vec(prop::collection::vec(bin, n), 1..4);
        let targets = prop::collection::vec(0u32..5, n);
        (columns, targets, prop::collection::vec(0u32..4, n), 1u32..4)
    })
}

proptest! {
    #[test]
    fn every_split_of_numbers_is_the_best(
        (columns, y, weights, least) in case(), categorical in prop::collection::vec(any::<bool>(), 3)
    ) {
        let features = Features {
            columns: columns.iter().map(Vec::as_slice).collect(),
            categorical: categorical[..columns.len()].to_vec(),
        };
        let drawn = drawn(&weights);
        prop_assume!(!drawn.is_empty());
        let y: Vec<f64> = y.iter().map(|&v| f64::from(v) / 4.0 - 0.5).collect();
        let mut goal = Moments::new(&y, f64::from(least));
        let params = Params { min_leaf: least, ..FREE };
        let grown = grow(&Ctx::new(1), &features, &params, &mut goal, &drawn, 7).unwrap();
        let score = |rows: &[(u32, f64)]| {
            let sum: f64 = rows.iter().map(|&(row, w)| w * y[row as usize]).sum();
            sum * sum / rows.iter().map(|r| r.1).sum::<f64>()
        };
        // The order by means has the best split, but not always the best of those large enough.
        check::<Moments>(&grown, &features, least, &score, least > 1);
    }

    #[test]
    fn every_split_of_classes_is_the_best(
        (columns, codes, weights, least) in case(), categorical: bool
    ) {
        let mut kinds = vec![false; columns.len()];
        kinds[0] = categorical;
        let features = Features {
            columns: columns.iter().map(Vec::as_slice).collect(),
            categorical: kinds,
        };
        let drawn = drawn(&weights);
        prop_assume!(!drawn.is_empty());
        let mut goal = Gini::new(&codes, 5, f64::from(least));
        let params = Params { min_leaf: least, ..FREE };
        let grown = grow(&Ctx::new(1), &features, &params, &mut goal, &drawn, 7).unwrap();
        let score = |rows: &[(u32, f64)]| {
            let mut counts = [0.0; 5];
            rows.iter().for_each(|&(row, w)| counts[codes[row as usize] as usize] += w);
            counts.iter().map(|c| c * c).sum::<f64>() / counts.iter().sum::<f64>()
        };
        check::<Gini>(&grown, &features, least, &score, true);
    }

    #[test]
    fn rows_find_the_leaf_they_grew_in((columns, y, weights, least) in case(), categorical: bool) {
        let features = Features {
            columns: columns.iter().map(Vec::as_slice).collect(),
            categorical: vec![categorical; columns.len()],
        };
        let drawn = drawn(&weights);
        prop_assume!(!drawn.is_empty());
        let y: Vec<f64> = y.iter().map(|&v| f64::from(v) - 2.0).collect();
        let mut goal = Moments::new(&y, f64::from(least));
        let params = Params { min_leaf: least, max_features: 1, max_leaves: 4, ..FREE };
        let grown = grow(&Ctx::new(1), &features, &params, &mut goal, &drawn, 7).unwrap();
        let leaves = grown.tree.n_nodes() / 2 + 1;
        prop_assert!(leaves <= 4);
        for (node, &(start, end)) in grown.parts.iter().enumerate() {
            if grown.tree.is_leaf(node as u32) {
                let rows = &grown.rows[start..end];
                grown.tree.walk(0, &features.columns, rows, |_, leaf| assert_eq!(leaf, node as u32));
            }
        }
    }
}

fn drawn(weights: &[u32]) -> Vec<(u32, u32)> {
    (0..).zip(weights.iter().copied()).filter(|&(_, w)| w > 0).collect()
}

/// A table of three numbers, with missing ones, and a category, and a target.
fn table(n: usize) -> (Bins, Vec<f64>) {
    let mut stream = Stream::new(5, 0, 0, 0);
    let mut x = Array2::from_shape_simple_fn((n, 4), || stream.normal());
    x.column_mut(3).mapv_inplace(|v| (v.abs() * 3.0).floor().min(5.0));
    let y = (0..n).map(|i| x[[i, 0]] * 2.0 + x[[i, 1]] * x[[i, 2]] + x[[i, 3]]).collect();
    for i in (0..n).step_by(7) {
        x[[i, 1]] = f64::NAN;
    }
    let ctx = Ctx::new(1);
    let cuts = find_cuts(&ctx, x.view(), &[0, 0, 0, 6], 64).unwrap();
    (Bins::new(&ctx, x.view(), cuts).unwrap(), y)
}

const PLAN: Plan = Plan {
    trees: 20,
    bootstrap: true,
    keep: true,
    rate: 0.3,
    params: Params { min_leaf: 2, max_features: 2, ..FREE },
};
const KEYS: Keys = Keys { seed: 3, epoch: 9 };

fn forests(ctx: &Ctx) -> Vec<(Forest, f64)> {
    let (bins, y) = table(700);
    let rows: Vec<u32> = (0..700).filter(|row| row % 5 != 0).collect();
    let codes: Vec<u32> = y.iter().map(|v| (v.abs() as u32).min(3)).collect();
    let two: Vec<u32> = codes.iter().map(|&c| c.min(1)).collect();
    let columns = [0, 1, 2, 3];
    let bag = |target| {
        let (forest, said) = bagged(ctx, &bins, &columns, target, &rows, &PLAN, KEYS).unwrap();
        (forest, error(target, &rows, &said))
    };
    let plan = Plan { params: Params { max_features: 4, max_leaves: 8, ..PLAN.params }, ..PLAN };
    vec![
        bag(Target::Numbers(&y)),
        bag(Target::Classes(&codes, 4)),
        bag(Target::Classes(&two, 2)),
        (boosted(ctx, &bins, &columns, &y, &rows, &plan, KEYS).unwrap(), 0.0),
    ]
}

#[test]
fn the_same_forest_on_any_number_of_threads() {
    let (bins, _) = table(700);
    let columns: Vec<&[u8]> = (0..4).map(|j| bins.column(j)).collect();
    let rows: Vec<u32> = (0..700).collect();
    let all = |threads| {
        let ctx = Ctx::new(threads);
        let said = |(forest, error): (Forest, f64)| {
            let mut said = forest.predict(&ctx, &columns, &rows).unwrap();
            if forest.averaged {
                said.extend(forest.draw(&ctx, &columns, &rows, KEYS).unwrap());
            }
            (forest, error.to_bits(), said)
        };
        forests(&ctx).into_iter().map(said).collect::<Vec<_>>()
    };
    let one = all(1);
    assert!(one == all(2) && one == all(3));
}

#[test]
fn forests_learn_and_know_their_error() {
    let (bins, y) = table(700);
    let columns: Vec<&[u8]> = (0..4).map(|j| bins.column(j)).collect();
    let hidden: Vec<u32> = (0..700).step_by(5).collect();
    let ctx = Ctx::new(1);
    let rmse = |said: &[f64]| {
        let square = |(&row, s): (&u32, &f64)| (y[row as usize] - s).powi(2);
        (hidden.iter().zip(said).map(square).sum::<f64>() / hidden.len() as f64).sqrt()
    };
    let made = forests(&ctx);
    let spread = rmse(&vec![y.iter().sum::<f64>() / 700.0; hidden.len()]);
    let (forest, error) = &made[0];
    let bag = rmse(&forest.predict(&ctx, &columns, &hidden).unwrap());
    assert!(bag < 0.6 * spread && (error / bag - 1.0).abs() < 0.25, "{bag} {error} {spread}");
    let boost = rmse(&made[3].0.predict(&ctx, &columns, &hidden).unwrap());
    assert!(boost < 0.6 * spread, "{boost} {spread}");
    for (place, classes) in [(1, 3), (2, 1)] {
        let (forest, error) = &made[place];
        let said = forest.predict(&ctx, &columns, &hidden).unwrap();
        let code = |row: u32| f64::from((y[row as usize].abs() as u32).min(classes));
        let wrong = hidden.iter().zip(&said).filter(|&(&row, &s)| code(row) != s).count();
        let wrong = wrong as f64 / hidden.len() as f64;
        assert!(wrong < 0.5 && (wrong - error).abs() < 0.15, "{wrong} {error}");
    }
}

#[test]
fn draws_are_values_that_occur_and_have_the_spread_of_the_target() {
    let (bins, y) = table(700);
    let columns: Vec<&[u8]> = (0..4).map(|j| bins.column(j)).collect();
    let rows: Vec<u32> = (0..700).collect();
    let ctx = Ctx::new(1);
    let drawn = forests(&ctx)[0].0.draw(&ctx, &columns, &rows, KEYS).unwrap();
    assert!(drawn.iter().all(|d| y.contains(d)));
    let spread = |x: &[f64]| {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        (x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.len() as f64).sqrt()
    };
    assert!((spread(&drawn) / spread(&y) - 1.0).abs() < 0.1);
}

#[test]
fn hostile_targets_give_a_forest_or_an_error() {
    let (bins, _) = table(20);
    let ctx = Ctx::new(1);
    let rows: Vec<u32> = (0..20).collect();
    for value in [0.0, -0.0, 1e300, f64::MIN_POSITIVE / 8.0, f64::INFINITY, f64::NAN] {
        let mut y = vec![1.0; 20];
        y[4] = value;
        bagged(&ctx, &bins, &[0, 3], Target::Numbers(&y), &rows, &PLAN, KEYS).unwrap();
        boosted(&ctx, &bins, &[0, 3], &y, &rows, &PLAN, KEYS).unwrap();
    }
    let (forest, said) =
        bagged(&ctx, &bins, &[], Target::Numbers(&[2.0; 20]), &[3], &PLAN, KEYS).unwrap();
    assert!(said[0].is_nan());
    assert_eq!(forest.predict(&ctx, &[], &[0, 1]).unwrap(), [2.0, 2.0]);
    assert!(forest.predict(&ctx, &[bins.column(0)], &[0]).is_err());
    assert!(bagged(&ctx, &bins, &[0], Target::Numbers(&[2.0; 20]), &[], &PLAN, KEYS).is_err());
}
