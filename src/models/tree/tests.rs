//! The grown tree against an obvious reference: every node's cut is the best there is.

use ndarray::Array2;
use proptest::prelude::*;

use super::*;

/// The weighted impurity of some rows, straight from its definition.
fn impurity(target: Target<'_>, weights: &[f64], kind: Impurity, rows: &[usize]) -> f64 {
    let total: f64 = rows.iter().map(|&r| weights[r]).sum();
    match target {
        Target::Classes { codes, counts } => {
            let k = counts.len();
            let one = |output: usize| {
                let share = |c: usize| {
                    let of = |r: &&usize| codes[**r * k + output] as usize == c;
                    rows.iter().filter(of).map(|&r| weights[r]).sum::<f64>() / total
                };
                let shares = (0..counts[output]).map(share);
                match kind {
                    Impurity::Gini => 1.0 - shares.map(|p| p * p).sum::<f64>(),
                    _ => shares.filter(|&p| p > 0.0).map(|p| -p * p.log2()).sum(),
                }
            };
            (0..k).map(one).sum::<f64>() / k as f64
        }
        Target::Numbers { y, outputs } => {
            let one = |output: usize| {
                let mean =
                    rows.iter().map(|&r| weights[r] * y[r * outputs + output]).sum::<f64>() / total;
                let loss = |y: f64| match kind {
                    Impurity::Poisson if y > 0.0 => y * (y / mean).ln(),
                    Impurity::Poisson => 0.0,
                    _ => (y - mean).powi(2),
                };
                rows.iter().map(|&r| weights[r] * loss(y[r * outputs + output])).sum::<f64>()
                    / total
            };
            (0..outputs).map(one).sum::<f64>() / outputs as f64
        }
    }
}

/// Rows that reach each node, by walking the tree's own arrays.
fn members(tree: &FlatTree, x: &Array2<f32>, used: &[usize]) -> Vec<Vec<usize>> {
    let t = tree.nodes();
    let mut all = vec![Vec::new(); t.len()];
    all[0] = used.to_vec();
    for i in 0..t.len() {
        if t.is_leaf(i) {
            continue;
        }
        for &row in &all[i].clone() {
            let v = x[[row, t.feature[i] as usize]];
            let left = if v.is_nan() { t.missing_left[i] } else { f64::from(v) <= t.threshold[i] };
            all[if left { t.left[i] } else { t.right[i] } as usize].push(row);
        }
    }
    all
}

/// The most that any cut of any feature takes away from a node.
fn best_decrease(
    x: &Array2<f32>,
    target: Target<'_>,
    weights: &[f64],
    params: &Params,
    rows: &[usize],
) -> Option<f64> {
    let weight = |rows: &[usize]| rows.iter().map(|&r| weights[r]).sum::<f64>();
    let of = |rows: &[usize]| weight(rows) * impurity(target, weights, params.impurity, rows);
    let mut best = None;
    for f in 0..x.ncols() {
        let mut cuts: Vec<f32> = rows.iter().map(|&r| x[[r, f]]).filter(|v| !v.is_nan()).collect();
        cuts.sort_by(f32::total_cmp);
        cuts.dedup();
        for &cut in &cuts {
            for missing_left in [false, true] {
                let goes = |r: &&usize| {
                    let v = x[[**r, f]];
                    if v.is_nan() { missing_left } else { v <= cut }
                };
                let left: Vec<usize> = rows.iter().filter(goes).copied().collect();
                let right: Vec<usize> = rows.iter().filter(|r| !goes(r)).copied().collect();
                if left.len() < params.min_leaf || right.len() < params.min_leaf {
                    continue;
                }
                let positive = |side: &[usize]| match target {
                    Target::Numbers { y, outputs: 1 } if params.impurity == Impurity::Poisson => {
                        side.iter().any(|&r| y[r] > 0.0)
                    }
                    _ => true,
                };
                if positive(&left) && positive(&right) {
                    let decrease = (of(rows) - of(&left) - of(&right)) / weight(rows);
                    best = Some(best.map_or(decrease, |b: f64| b.max(decrease)));
                }
            }
        }
    }
    best
}

#[derive(Debug, Clone)]
struct Case {
    x: Array2<f32>,
    codes: Vec<u32>,
    y: Vec<f64>,
    weights: Vec<f64>,
    min_leaf: usize,
    seed: u32,
}

fn cases() -> impl Strategy<Value = Case> {
    (2usize..24, 1usize..4).prop_flat_map(|(rows, features)| {
        let cell = prop_oneof![4 => (-4i8..4).prop_map(f32::from), 1 => Just(f32::NAN)];
        (
            prop::collection::vec(cell, rows * features),
            prop::collection::vec(0u32..3, rows),
            prop::collection::vec(0i8..9, rows),
            prop::collection::vec(0u8..4, rows),
            1usize..4,
            0u32..9,
        )
            .prop_map(move |(x, codes, y, weights, min_leaf, seed)| Case {
                x: Array2::from_shape_vec((rows, features), x).unwrap(),
                codes,
                y: y.iter().map(|&v| f64::from(v) / 2.0).collect(),
                weights: weights.iter().map(|&w| f64::from(w) * 0.7).collect(),
                min_leaf,
                seed,
            })
    })
}

fn check_case(
    case: &Case,
    target: Target<'_>,
    impurity_kind: Impurity,
) -> std::result::Result<(), TestCaseError> {
    let params = Params {
        impurity: impurity_kind,
        min_leaf: case.min_leaf,
        seed: case.seed,
        ..Params::default()
    };
    let used: Vec<usize> = (0..case.x.nrows()).filter(|&r| case.weights[r] != 0.0).collect();
    let grown = grow(&Ctx::new(1), case.x.view(), target, Some(&case.weights), &params);
    if used.is_empty() {
        prop_assert!(matches!(grown, Err(Error::Data(_))));
        return Ok(());
    }
    let tree = grown.unwrap();
    let resort = Params { presort: Some(false), ..params.clone() };
    let again = grow(&Ctx::new(1), case.x.view(), target, Some(&case.weights), &resort).unwrap();
    prop_assert_eq!(tree.nodes(), again.nodes());
    let t = tree.nodes();
    for (i, rows) in members(&tree, &case.x, &used).iter().enumerate() {
        let here = impurity(target, &case.weights, impurity_kind, rows);
        prop_assert_eq!(t.samples[i] as usize, rows.len());
        prop_assert!((t.impurity[i] - here).abs() < 1e-9, "{} is not {}", t.impurity[i], here);
        let best = best_decrease(&case.x, target, &case.weights, &params, rows);
        if t.is_leaf(i) {
            let small = rows.len() < 2 || rows.len() < 2 * params.min_leaf || here < 1e-9;
            prop_assert!(small || best.is_none_or(|b| b < 1e-9), "leaf {} can gain {:?}", i, best);
            continue;
        }
        let (l, r) = (t.left[i] as usize, t.right[i] as usize);
        let got = here - (t.weight[l] * t.impurity[l] + t.weight[r] * t.impurity[r]) / t.weight[i];
        let best = best.expect("a node was split that cannot be");
        prop_assert!((got - best).abs() < 1e-9, "node {} gained {}, best is {}", i, got, best);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_gini_cut_is_the_best(case in cases()) {
        let target = Target::Classes { codes: &case.codes, counts: &[3] };
        check_case(&case, target, Impurity::Gini)?;
    }

    #[test]
    fn every_entropy_cut_is_the_best(case in cases()) {
        let target = Target::Classes { codes: &case.codes, counts: &[3] };
        check_case(&case, target, Impurity::Entropy)?;
    }

    #[test]
    fn every_squared_cut_is_the_best(case in cases()) {
        check_case(&case, Target::Numbers { y: &case.y, outputs: 1 }, Impurity::Squared)?;
    }

    #[test]
    fn every_poisson_cut_is_the_best(case in cases()) {
        let used = |i: &usize| case.weights[*i] > 0.0;
        prop_assume!((0..case.y.len()).filter(used).any(|i| case.y[i] > 0.0));
        check_case(&case, Target::Numbers { y: &case.y, outputs: 1 }, Impurity::Poisson)?;
    }

    #[test]
    fn counting_gives_the_bits_of_summing(case in cases()) {
        let whole: Vec<f64> = case.weights.iter().map(|w| (w / 0.7).round()).collect();
        prop_assume!(whole.iter().any(|&w| w > 0.0));
        let rows: Vec<u32> = (0..whole.len() as u32).filter(|&r| whole[r as usize] > 0.0).collect();
        let data = Classes { codes: &case.codes, counts: &[3], most: 3, weights: Some(&whole) };
        let shape = Shape { features: case.x.ncols(), outputs: 1, classes: 3 };
        let params = Params { seed: case.seed, ..Params::default() };
        let ctx = Ctx::new(1);
        let fast = GiniCounts::new(data).expect("whole weights");
        let fast = with(&ctx, case.x.view(), &fast, &params, shape, rows.clone()).unwrap();
        let slow = Sums::new(data, Gini);
        let slow = with(&ctx, case.x.view(), &slow, &params, shape, rows).unwrap();
        prop_assert_eq!(fast.nodes(), slow.nodes());
        let rows: Vec<u32> = (0..whole.len() as u32).filter(|&r| whole[r as usize] > 0.0).collect();
        let fast = EntropyCounts::new(data).expect("whole weights");
        let fast = with(&ctx, case.x.view(), &fast, &params, shape, rows.clone()).unwrap();
        let slow = Sums::new(data, Entropy);
        let slow = with(&ctx, case.x.view(), &slow, &params, shape, rows).unwrap();
        prop_assert_eq!(fast.nodes(), slow.nodes());
    }

    #[test]
    fn limits_hold_whatever_the_splitter(case in cases(), random: bool, leaves in 2usize..6) {
        prop_assume!(case.weights.iter().any(|&w| w > 0.0));
        let params = Params {
            random,
            min_leaf: case.min_leaf,
            max_depth: 3,
            max_leaves: Some(leaves),
            max_features: 1,
            seed: case.seed,
            ..Params::default()
        };
        let target = Target::Classes { codes: &case.codes, counts: &[3] };
        let tree =
            grow(&Ctx::new(1), case.x.view(), target, Some(&case.weights), &params).unwrap();
        let t = tree.nodes();
        prop_assert!(tree.max_depth() <= 3 && tree.n_leaves() <= leaves);
        let apart = (1..t.len()).all(|i| t.samples[i] as usize >= case.min_leaf);
        prop_assert!(apart);
        let used: Vec<usize> = (0..case.x.nrows()).filter(|&r| case.weights[r] != 0.0).collect();
        for (i, rows) in members(&tree, &case.x, &used).iter().enumerate() {
            prop_assert_eq!(t.samples[i] as usize, rows.len());
        }
    }
}

#[test]
fn wrong_input_is_refused() {
    let x = Array2::<f32>::zeros((3, 2));
    let ctx = Ctx::new(1);
    let go = |target, weights, params: &Params| grow(&ctx, x.view(), target, weights, params);
    let p = Params::default();
    let ok = Target::Classes { codes: &[0, 1, 0], counts: &[2] };
    assert!(go(ok, None, &p).is_ok());
    let numbers = Target::Numbers { y: &[0.0, 1.0, 2.0], outputs: 1 };
    assert!(matches!(go(numbers, None, &p), Err(Error::Parameter(_))));
    let codes = Target::Classes { codes: &[0, 2, 0], counts: &[2] };
    assert!(matches!(go(codes, None, &p), Err(Error::Data(_))));
    let short = Target::Classes { codes: &[0, 1], counts: &[2] };
    assert!(matches!(go(short, None, &p), Err(Error::Shape(_))));
    assert!(matches!(go(ok, Some(&[1.0]), &p), Err(Error::Shape(_))));
    assert!(matches!(go(ok, Some(&[0.0; 3]), &p), Err(Error::Data(_))));
    let m = Params { monotonic: Some(vec![1]), ..p.clone() };
    assert!(matches!(go(ok, None, &m), Err(Error::Shape(_))));
    let infinite = Array2::from_elem((3, 2), f32::INFINITY);
    assert!(grow(&ctx, infinite.view(), ok, None, &p).is_ok());
}

#[test]
fn threads_do_not_change_the_tree_and_stopping_works() {
    let n = 4000;
    let mut stream = crate::base::rng::Stream::new(1, 2, 3, 4);
    let x = Array2::from_shape_fn((n, 12), |_| stream.normal() as f32);
    let y: Vec<f64> = (0..n).map(|i| f64::from(x[[i, 0]] * x[[i, 1]])).collect();
    let params = Params { impurity: Impurity::Squared, ..Params::default() };
    let target = Target::Numbers { y: &y, outputs: 1 };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| grow(&Ctx::new(threads), x.view(), target, None, &params)).unwrap()
    };
    let one = run(1);
    assert_eq!(one.nodes(), run(2).nodes());
    assert_eq!(one.nodes(), run(3).nodes());
    let ctx = Ctx::new(1);
    ctx.stop();
    assert_eq!(grow(&ctx, x.view(), target, None, &params).unwrap_err(), Error::Stopped);
}
