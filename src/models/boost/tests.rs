//! Against a tree grown by looking at every row at every place.

use ndarray::Array2;
use proptest::prelude::*;

use super::*;
use crate::base::Ctx;
use crate::trees::bins::MISSING;

fn plan(max_leaves: usize, min_leaf: u32, l2: f64) -> Plan {
    Plan {
        max_leaves,
        max_depth: usize::MAX,
        limits: Limits { min_leaf, min_hessian: 1e-3, l2 },
        max_features: 1.0,
        monotonic: Vec::new(),
        interactions: None,
        rate: 1.0,
    }
}

/// Gain, feature, cut, whether missing values go left, and the rows on the left.
type Best = (f64, usize, u8, bool, Vec<usize>);

fn split(rows: &[usize], x: &Array2<u8>, y: &[f64], w: &[f64], plan: &Plan) -> Option<Best> {
    let value = |rows: &[usize]| {
        let g: f64 = rows.iter().map(|&r| -w[r] * y[r]).sum();
        let h: f64 = rows.iter().map(|&r| w[r]).sum();
        (g, h, g * g / (h + plan.limits.l2 + 1e-15))
    };
    let (.., parent) = value(rows);
    let mut best: Option<Best> = None;
    for j in 0..x.ncols() {
        let bins = 1 + x.column(j).iter().copied().filter(|&b| b != MISSING).max().unwrap_or(0);
        let missing = x.column(j).iter().any(|&b| b == MISSING);
        let rising = (0..bins - u8::from(!missing)).map(|cut| (cut, false));
        let falling = (0..bins - 1).rev().map(|cut| (cut, true)).filter(|_| missing);
        for (cut, missing_left) in rising.chain(falling) {
            let goes = |&r: &usize| match x[[r, j]] {
                MISSING => missing_left,
                bin => bin <= cut,
            };
            let (left, right): (Vec<usize>, Vec<usize>) = rows.iter().partition(|r| goes(r));
            let least = plan.limits.min_leaf as usize;
            let ((_, hl, l), (_, hr, r)) = (value(&left), value(&right));
            if left.len() < least || right.len() < least || hl.min(hr) < 1e-3 {
                continue;
            }
            let gain = l + r - parent;
            if gain > 1e-3 && best.as_ref().is_none_or(|b| gain > b.0 * (1.0 + 1e-12)) {
                best = Some((gain, j, cut, missing_left, left));
            }
        }
    }
    best
}

/// What a tree says of its rows.
fn slow(x: &Array2<u8>, y: &[f64], w: &[f64], plan: &Plan) -> Vec<f64> {
    let mut leaves = vec![(0..y.len()).collect::<Vec<usize>>()];
    while leaves.len() < plan.max_leaves {
        let splits = leaves.iter().map(|rows| split(rows, x, y, w, plan)).enumerate();
        let splits = splits.filter_map(|(at, s)| s.map(|s| (at, s)));
        let best = splits.reduce(|a, b| if b.1.0 > a.1.0 * (1.0 + 1e-12) { b } else { a });
        let Some((at, (.., left))) = best else { break };
        let all = leaves.remove(at);
        let right = all.iter().copied().filter(|r| !left.contains(r)).collect();
        leaves.extend([left, right]);
    }
    let mut out = vec![0.0; y.len()];
    for rows in leaves {
        let sum: f64 = rows.iter().map(|&r| w[r] * y[r]).sum();
        let weight: f64 = rows.iter().map(|&r| w[r]).sum();
        rows.iter().for_each(|&r| out[r] = sum / (weight + plan.limits.l2 + 1e-15));
    }
    out
}

fn boosted(
    threads: usize,
    x: &Array2<u8>,
    y: &[f64],
    weights: Option<Vec<f64>>,
    plan: &Plan,
    rounds: usize,
) -> (Booster, Vec<f64>) {
    let ctx = Ctx::new(1);
    let numbers = x.mapv(|b| if b == MISSING { f32::NAN } else { f32::from(b) });
    let cuts = find_cuts(&ctx, numbers.view(), None, None, &vec![0; x.ncols()], 255).unwrap();
    let data = Data { x: numbers.view(), y: y.to_vec(), weights, raw: vec![0.0; y.len()] };
    let mut booster = Booster::new(&ctx, data, cuts, Loss::Squared, plan.clone(), 0, 0).unwrap();
    let pool = rayon_pool(threads);
    pool.install(|| booster.rounds(&Ctx::new(threads), rounds)).unwrap();
    let raw = booster.raw().0.to_vec();
    (booster, raw)
}

fn rayon_pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

/// Dense bins, so that a bin is its value: 0 .. most of each column occurs.
fn dense(mut x: Array2<u8>) -> Array2<u8> {
    for mut column in x.columns_mut() {
        let mut seen: Vec<u8> = column.iter().copied().filter(|&b| b != MISSING).collect();
        seen.sort_unstable();
        seen.dedup();
        column.mapv_inplace(|b| seen.iter().position(|&s| s == b).map_or(MISSING, |p| p as u8));
    }
    x
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn the_tree_of_every_row_at_every_place(
        cells in prop::collection::vec(0u8..7, 90), y in prop::collection::vec(-100_000i32..100_000, 30),
        w in prop::collection::vec(1u8..4, 30), leaves in 2usize..9, least in 1u32..5,
        weighted: bool, l2 in 0u8..2,
    ) {
        let x = Array2::from_shape_vec((30, 3), cells).unwrap();
        let x = dense(x.mapv(|b| if b == 6 { MISSING } else { b }));
        let y: Vec<f64> = y.into_iter().map(f64::from).collect();
        let w: Vec<f64> = w.into_iter().map(|w| if weighted { f64::from(w) } else { 1.0 }).collect();
        let plan = plan(leaves, least, f64::from(l2));
        let (booster, raw) = boosted(1, &x, &y, weighted.then(|| w.clone()), &plan, 1);
        let want = slow(&x, &y, &w, &plan);
        let near = raw.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-6 * (1.0 + b.abs()));
        prop_assert!(near, "{:?} {:?}", raw, want);
        let numbers = x.mapv(|b| if b == MISSING { f64::NAN } else { f64::from(b) });
        let (trees, cuts) = booster.trees();
        let all = Ensemble::new(Nodes::new(trees, cuts), 1, vec![0; 3]).unwrap();
        let mut said = vec![0.0; 30];
        all.add(&Ctx::new(1), numbers.view(), 0..1, &mut said).unwrap();
        prop_assert_eq!(said, raw);
    }

    #[test]
    fn any_arrays_are_refused_or_safe(
        left in prop::collection::vec(0u32..5, 5), right in prop::collection::vec(0u32..5, 5),
        feature in prop::collection::vec(0u32..3, 5), set in prop::collection::vec(-1i32..2, 5),
        known in 0u32..3,
    ) {
        let nodes = Nodes {
            starts: vec![0, 5],
            value: vec![1.0; 5],
            count: vec![1; 5],
            feature,
            threshold: vec![0.5; 5],
            missing_left: vec![true; 5],
            left,
            right,
            gain: vec![1.0; 5],
            depth: vec![0; 5],
            cut: vec![0; 5],
            set,
            sets: vec![3, 0, 0, 0],
        };
        if let Ok(trees) = Ensemble::new(nodes, 1, vec![known, 0]) {
            let x = ndarray::array![[0.0, 1.0], [f64::NAN, 0.0], [7.0, f64::INFINITY]];
            let mut out = [0.0; 3];
            trees.add(&Ctx::new(1), x.view(), 0..1, &mut out).unwrap();
            prop_assert_eq!(out, [1.0; 3]);
        }
    }
}

#[test]
fn threads_words_and_rounds_do_not_change_a_bit() {
    let mut stream = crate::base::rng::Stream::new(7, 0, 0, 0);
    let n = 40_000;
    let x = dense(Array2::from_shape_fn((n, 5), |_| stream.below(40) as u8));
    let y: Vec<f64> = (0..n).map(|i| f64::from(x[[i, 0]]) + stream.normal()).collect();
    let (_, one) = boosted(1, &x, &y, None, &plan(12, 20, 0.0), 4);
    for threads in [2, 3] {
        assert_eq!(boosted(threads, &x, &y, None, &plan(12, 20, 0.0), 4).1, one);
    }
    // Weights of 1 take two words in place of one.
    let (_, weighed) = boosted(2, &x, &y, Some(vec![1.0; n]), &plan(12, 20, 0.0), 4);
    assert!(one.iter().zip(&weighed).all(|(a, b)| (a - b).abs() < 1e-6));
}
