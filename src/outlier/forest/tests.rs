use ndarray::{Array2, array};
use proptest::prelude::*;

use super::*;
use crate::base::Ctx;
use crate::base::rng::Stream;

const NAN: f64 = f64::NAN;

fn random(seed: u64, n: usize, p: usize, holes: f64) -> Array2<f64> {
    let mut s = Stream::new(seed, 0, 0, 0);
    Array2::from_shape_fn((n, p), |_| {
        let v = (s.normal() * 4.0).round() / 2.0;
        if s.unit() < holes { NAN } else { v }
    })
}

fn plan(rows: usize, features: usize, extension: usize) -> Plan<'static> {
    Plan { seed: 3, trees: 0..7, rows, features, replace: false, weights: None, extension }
}

fn grown(x: &Array2<f64>, plan: &Plan) -> Vec<Tree> {
    grow(&Ctx::new(1), x.view(), x.nrows(), plan, |row| row as usize).unwrap()
}

fn scores(x: &Array2<f64>, trees: &[Tree]) -> Vec<f64> {
    score(&Ctx::new(1), x.view(), &trees.iter().collect::<Vec<_>>()).unwrap()
}

/// The place where a row ends, walked one cut at a time.
fn end(tree: &Tree, row: &[f64]) -> usize {
    let mut at = 1;
    for _ in 0..tree.depth {
        let second = match &tree.cuts {
            Cuts::Straight(cuts) => {
                let (f, cut) = (cuts[at].feature as usize, f64::from(cuts[at].at));
                let first = if f < row.len() { row[f] <= cut } else { -row[f - row.len()] <= cut };
                !first
            }
            Cuts::Oblique { width, terms, at: limits } => {
                let terms = &terms[at * width..(at + 1) * width];
                sum(terms, |f| row[f as usize] as f32) > limits[at]
            }
        };
        at = 2 * at + usize::from(second);
    }
    at
}

proptest! {
    #[test]
    fn leaves_say_how_many_training_rows_they_hold(
        seed in 0u64..500, n in 1usize..70, p in 1usize..5, holes in 0.0f64..0.6,
        extension in 0usize..4,
    ) {
        let x = random(seed, n, p, holes);
        let trees = grown(&x, &plan(n, p, extension));
        let mut ways = vec![0.0; n];
        for tree in &trees {
            let ends: Vec<usize> = x.rows().into_iter().map(|r| end(tree, &r.to_vec())).collect();
            for (i, &at) in ends.iter().enumerate() {
                // Up to the leaf, above which the expected way changes.
                let mut leaf = at;
                while leaf > 1 && tree.expected[leaf / 2] == tree.expected[leaf] {
                    leaf /= 2;
                }
                let level = leaf.ilog2();
                let held = ends.iter().filter(|&&e| e >> (tree.depth - level) == leaf).count();
                let way = f64::from(level) + average_path(held);
                let whole = average_path(n);
                let share = if whole > 0.0 { way / whole } else { 1.0 };
                prop_assert!((f64::from(tree.expected[at]) - share).abs() < 1e-5);
                ways[i] += f64::from(tree.expected[at]);
            }
        }
        for (got, way) in scores(&x, &trees).into_iter().zip(ways) {
            prop_assert!((got - (-way / trees.len() as f64).exp2()).abs() < 1e-12);
        }
    }
}

#[test]
fn a_row_scores_the_same_alone_and_far_rows_stand_out() {
    let mut x = random(1, 700, 3, 0.05);
    x.row_mut(9).fill(40.0);
    for extension in [0, 2] {
        let trees = grown(&x, &plan(256, 3, extension));
        let all = scores(&x, &trees);
        for i in [0, 9, 699] {
            let one = x.slice(ndarray::s![i..i + 1, ..]).to_owned();
            assert_eq!(scores(&one, &trees), all[i..=i]);
        }
        assert!(all.iter().enumerate().all(|(i, &s)| i == 9 || s < all[9]));
        assert!(scores(&array![[NAN, NAN, NAN]], &trees)[0] < 0.5);
    }
}

#[test]
fn the_share_is_with_the_feature_that_isolates() {
    let mut x = random(2, 300, 4, 0.0);
    x[[5, 2]] = 60.0;
    for extension in [0, 3] {
        let mut plan = plan(256, 4, extension);
        plan.trees = 0..50;
        let trees = grown(&x, &plan);
        let refs: Vec<&Tree> = trees.iter().collect();
        let got = shares(&Ctx::new(1), x.view(), &refs).unwrap();
        let row = &got[20..24];
        assert!(row[2] > 0.5 && (row.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{row:?}");
    }
}

#[test]
fn no_spread_scores_one_half() {
    for x in [Array2::from_elem((50, 2), 7.0), Array2::from_elem((5, 1), NAN), array![[3.0]]] {
        let trees = grown(&x, &plan(x.nrows(), x.ncols(), 0));
        assert!(scores(&x, &trees).iter().all(|&s| s == 0.5));
    }
    let wide = array![[f64::MAX, 1.0], [-f64::MAX, 2.0], [0.0, 3.0]];
    for extension in [0, 1] {
        assert!(scores(&wide, &grown(&wide, &plan(3, 2, extension))).iter().all(|s| s.is_finite()));
    }
}

#[test]
fn draws() {
    let ten = samples(1, 0, 10, 10, false, None);
    let mut sorted = ten.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..10).collect::<Vec<_>>());
    assert_eq!(samples(1, 0, 3, 9, false, None).len(), 3);
    assert_eq!(samples(1, 0, 3, 9, true, None).len(), 9);
    let weights = [1.0, 1000.0, 1.0];
    for replace in [false, true] {
        let hits = (0..200).filter(|&t| samples(1, t, 3, 1, replace, Some(&weights))[0] == 1);
        assert!(hits.count() > 190);
    }
    assert!(samples(1, 0, 0, 5, true, None).is_empty());
}

#[test]
fn same_bits_on_any_number_of_threads_and_it_stops() {
    let x = random(4, 5000, 3, 0.1);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let ctx = Ctx::new(threads);
        pool.install(|| {
            let trees = grow(&ctx, x.view(), 5000, &plan(256, 2, 0), |r| r as usize).unwrap();
            score(&ctx, x.view(), &trees.iter().collect::<Vec<_>>()).unwrap()
        })
    };
    assert_eq!(on(1), on(3));
    let ctx = Ctx::new(1);
    ctx.stop();
    let stopped = grow(&ctx, x.view(), 5000, &plan(256, 2, 0), |r| r as usize);
    assert_eq!(stopped, Err(Error::Stopped));
}

#[test]
fn what_cannot_be() {
    let x = random(1, 4, 2, 0.0);
    for bad in [plan(0, 2, 0), plan(4, 3, 0), plan(4, 0, 0)] {
        assert!(grow(&Ctx::new(1), x.view(), 4, &bad, |r| r as usize).is_err());
    }
    let trees = grown(&x, &plan(4, 2, 0));
    assert!(score(&Ctx::new(1), array![[1.0]].view(), &[&trees[0]]).is_err());
    assert!(score::<f64>(&Ctx::new(1), x.view(), &[]).is_err());
    let cut = Cut { at: 0.0, feature: 9 };
    assert!(Tree::new(1, 2, Cuts::Straight(vec![cut; 2]), vec![0.0; 4]).is_err());
    assert!(Tree::new(1, 5, Cuts::Straight(vec![cut; 2]), vec![0.0; 3]).is_err());
    assert!(Tree::new(40, 5, Cuts::Straight(vec![cut; 2]), vec![0.0; 3]).is_err());
    let planes = Cuts::Oblique { width: 2, terms: vec![], at: vec![0.0; 2] };
    assert!(Tree::new(1, 5, planes, vec![0.0; 4]).is_err());
}
