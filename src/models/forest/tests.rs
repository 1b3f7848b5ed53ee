use ndarray::Array2;
use proptest::prelude::*;

use super::*;
use crate::models::boost::find_cuts;
use crate::models::tree;

fn params(impurity: Impurity, random: bool) -> Params {
    Params {
        impurity,
        random,
        max_depth: usize::MAX,
        min_split: 2,
        min_leaf: 1,
        min_share: 0.0,
        max_features: usize::MAX,
        max_leaves: usize::MAX,
        min_decrease: 0.0,
    }
}

fn forest(x: &Array2<f32>, y: &[f64], classes: usize, params: Params) -> Forest {
    let ctx = Ctx::new(1);
    let cuts = find_cuts(&ctx, x.view(), None, None, &vec![0; x.ncols()], 255).unwrap();
    Forest::new(&ctx, x.view(), y, classes, cuts, params).unwrap()
}

fn said(tree: &FlatTree, x: &Array2<f32>) -> Vec<f64> {
    mean(&Ctx::new(1), &[tree], x.view()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn few_values_give_the_exact_tree(
        cells in prop::collection::vec(0u8..12, 120), y in prop::collection::vec(0u8..3, 40),
        weights in prop::collection::vec(0u8..3, 40), kind in 0usize..3, depth in 1usize..4,
    ) {
        prop_assume!(weights.iter().any(|&w| w > 0));
        let x = Array2::from_shape_vec((40, 3), cells).unwrap();
        let x = x.mapv(|v| if v == 11 { f32::NAN } else { f32::from(v) });
        let classes = [2, 3, 1][kind];
        let y: Vec<f64> = y.iter().map(|&v| f64::from(v % if kind == 0 { 2 } else { 3 })).collect();
        let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
        let impurity = if kind == 2 { Impurity::Squared } else { Impurity::Gini };
        let params = Params { max_depth: depth, ..params(impurity, false) };
        let tree = &forest(&x, &y, classes, params).grow(&Ctx::new(1), &[&weights], &[1]).unwrap()[0];
        let codes: Vec<u32> = y.iter().map(|&v| v as u32).collect();
        let target = if kind == 2 {
            tree::Target::Numbers { y: &y, outputs: 1 }
        } else {
            tree::Target::Classes { codes: &codes, counts: &[classes] }
        };
        let exact = tree::Params {
            impurity: if kind == 2 { tree::Impurity::Squared } else { tree::Impurity::Gini },
            max_depth: depth,
            ..Default::default()
        };
        let exact = tree::grow(&Ctx::new(1), x.view(), target, Some(&weights), &exact).unwrap();
        // Equally good splits may be taken in another order: the root's decides what both share.
        let (a, b) = (tree.nodes(), exact.nodes());
        prop_assert!((a.impurity[0] - b.impurity[0]).abs() < 1e-9);
        prop_assert_eq!((a.weight[0], a.samples[0]), (b.weight[0], b.samples[0]));
        if depth == 1 {
            let left = |t: &crate::trees::Nodes| -> f64 {
                (1..t.len()).map(|i| t.weight[i] * t.impurity[i]).sum()
            };
            prop_assert!((left(a) - left(b)).abs() < 1e-6, "{} {}", left(a), left(b));
        }
        prop_assert_eq!(said(tree, &x).len(), 40 * classes);
    }
}

#[test]
fn trees_learn_rows_by_heart_on_any_number_of_threads() {
    let mut stream = crate::base::rng::Stream::new(3, 0, 0, 0);
    let x = Array2::from_shape_fn((300, 3), |_| stream.normal() as f32);
    let y: Vec<f64> = (0..300).map(|i| f64::from(u8::from(x[[i, 0]] * x[[i, 1]] > 0.0))).collect();
    let weights = vec![1.0; 300];
    for random in [false, true] {
        for (impurity, classes) in
            [(Impurity::Gini, 2), (Impurity::Entropy, 2), (Impurity::Squared, 1)]
        {
            let forest = forest(&x, &y, classes, params(impurity, random));
            let sets = [weights.as_slice(); 3];
            let one = forest.grow(&Ctx::new(1), &sets, &[1, 2, 3]).unwrap();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
            let many = pool.install(|| forest.grow(&Ctx::new(3), &sets, &[1, 2, 3])).unwrap();
            for (a, b) in one.iter().zip(&many) {
                assert_eq!(a.nodes(), b.nodes());
                let right = said(a, &x).chunks(classes).map(|v| v[classes - 1]).collect::<Vec<_>>();
                let off = right.iter().zip(&y).filter(|(r, y)| (*r - *y).abs() > 0.3).count();
                assert!(off < 12, "{off} of 300");
            }
        }
    }
}
