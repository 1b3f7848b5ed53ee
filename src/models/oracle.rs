//! smartcore as an oracle: another hand's models, on small data.

use ndarray::{Array1, Array2, Axis};
use smartcore::linear::{logistic_regression as their_logistic, ridge_regression as their_ridge};
use smartcore::naive_bayes::gaussian::GaussianNB;
use smartcore::neighbors::knn_classifier::{KNNClassifier, KNNClassifierParameters};
use smartcore::svm::{Kernels, svc, svr};
use smartcore::tree::decision_tree_classifier as their_tree;

use super::{bayes, linear, logistic, svm, tree};
use crate::base::loss::Loss;
use crate::base::rng::Stream;
use crate::base::{Ctx, float::Float};
use crate::near::nearest;

/// Columns, classes (0 and 1) and a quantity that bends with the columns.
fn table() -> (Array2<f64>, Array1<u32>, Array1<f64>) {
    let mut draw = Stream::new(3, 0, 0, 0);
    // Numbers of single precision: trees read no others.
    let x = Array2::from_shape_fn((120, 3), |_| draw.normal().narrowed());
    let y: Array1<f64> =
        x.rows().into_iter().map(|r| r[0].sin() + r[1] + 0.5 * draw.normal()).collect();
    (x, y.mapv(|v| u32::from(v > 0.0)), y)
}

trait Narrowed {
    fn narrowed(self) -> f64;
}

impl Narrowed for f64 {
    fn narrowed(self) -> f64 {
        f32::narrow(self).wide()
    }
}

fn near(a: f64, b: f64, tol: f64) -> bool {
    (a - b).abs() <= tol * (1.0 + b.abs())
}

/// The share of rows of which both say the same.
fn agreement(a: impl Iterator<Item = bool>, b: impl Iterator<Item = bool>) -> f64 {
    let same: Vec<bool> = a.zip(b).map(|(a, b)| a == b).collect();
    same.iter().filter(|s| **s).count() as f64 / same.len() as f64
}

#[test]
fn support_vector_machines() {
    let (x, codes, y) = table();
    let (ctx, table) = (Ctx::new(1), svm::Table::Dense(x.view()));
    let kernel = svm::Kernel::Rbf { gamma: 0.4 };
    let set =
        svm::Settings { kernel, tol: 1e-4, cache: 1 << 20, shrinking: true, max_iter: 100_000 };
    let bound = Array1::ones(120);
    let sums =
        |dual: &Array2<f64>| svm::scores(&ctx, kernel, &table, dual, &[120], &table).unwrap();

    let (dual, found) = svm::regress(&ctx, &table, y.view(), 0.1, bound.view(), &set).unwrap();
    let ours = sums(&dual.insert_axis(Axis(0))).column(0).to_owned() + found.intercept;
    let params = svr::SVRParameters::default().with_c(1.0).with_eps(0.1).with_tol(1e-4);
    let params = params.with_kernel(Kernels::rbf().with_gamma(0.4));
    let theirs = svr::SVR::fit(&x, &y, &params).unwrap().predict(&x).unwrap();
    assert!(ours.iter().zip(&theirs).all(|(a, b)| near(*a, *b, 2e-3)));

    let pairs = svm::classify(&ctx, &table, codes.view(), 2, bound.view(), &set).unwrap();
    let ours = sums(&pairs.dual).column(0).to_owned() + pairs.found[0].intercept;
    let labels = codes.mapv(|c| c as i32);
    let params = svc::SVCParameters::default().with_c(1.0).with_tol(1e-4).with_seed(Some(1));
    let params = params.with_kernel(Kernels::rbf().with_gamma(0.4));
    let theirs = svc::SVC::fit(&x, &labels, &params).unwrap().predict(&x).unwrap();
    // Theirs ends after a few passes, near the optimum.
    let same = agreement(ours.iter().map(|v| *v < 0.0), theirs.iter().map(|v| *v > 0.5));
    assert!(same >= 0.97, "{same}");
}

#[test]
fn linear_models() {
    let (x, codes, y) = table();
    let ctx = Ctx::new(1);
    let target = y.view().insert_axis(Axis(1));
    // Without an intercept: theirs penalises it where columns are not scaled.
    let alpha = Array1::from_elem(1, 2.0);
    let fit = linear::fit(&ctx, x.view(), target, None, false, alpha.view()).unwrap();
    let params = their_ridge::RidgeRegressionParameters::default();
    let params = params.with_alpha(2.0).with_normalize(false);
    let theirs = their_ridge::RidgeRegression::fit(&x, &y, params).unwrap();
    for (a, b) in fit.coef.iter().zip(theirs.coefficients()) {
        assert!(near(*a, *b, 1e-9), "{a} {b}");
    }

    let rows =
        logistic::Rows::dense(&ctx, logistic::Dense::Double(x.view()), None, true, None).unwrap();
    let loss = Loss::new("cross_entropy", &[0.0], Vec::new()).unwrap();
    let set =
        logistic::Settings { c: 0.5, l1_ratio: 0.0, intercept: true, tol: 1e-8, max_iter: 500 };
    let fit = logistic::fit(&ctx, &rows, codes.view(), 2, &loss, set, None, None).unwrap();
    let labels = codes.mapv(|c| c as i32);
    let params = their_logistic::LogisticRegressionParameters::default().with_alpha(2.0);
    let theirs = their_logistic::LogisticRegression::fit(&x, &labels, params).unwrap();
    for (a, b) in fit.coef.iter().zip(theirs.coefficients()) {
        assert!(near(*a, *b, 1e-3), "{a} {b}");
    }
    assert!(near(fit.intercept[0], theirs.intercept()[[0, 0]], 1e-3));
}

#[test]
fn naive_bayes_neighbours_and_trees() {
    let (x, codes, _) = table();
    let (ctx, labels) = (Ctx::new(1), codes.clone());
    let m = bayes::moments(&ctx, x.view(), codes.view(), 2, None).unwrap();
    let log = |c: usize| (m.count[c] / 120.0).ln() - 0.5 * m.variance.row(c).mapv(f64::ln).sum();
    let constant = Array1::from(vec![log(0), log(1)]);
    let ours = bayes::scores(&ctx, x.view(), m.mean.view(), m.variance.view(), constant.view());
    let ours = ours.unwrap();
    let theirs = GaussianNB::fit(&x, &labels, Default::default()).unwrap().predict(&x).unwrap();
    let same =
        agreement(ours.rows().into_iter().map(|r| r[1] > r[0]), theirs.iter().map(|c| *c == 1));
    assert!(same == 1.0, "{same}");

    let found = nearest(&ctx, x.view(), Some(x.view()), 5).unwrap();
    let ours = found.rows.chunks(5).map(|r| r.iter().filter(|i| codes[**i as usize] == 1).count());
    let params = KNNClassifierParameters::default().with_k(5);
    let theirs = KNNClassifier::fit(&x, &labels, params).unwrap().predict(&x).unwrap();
    let same = agreement(ours.map(|votes| votes > 2), theirs.iter().map(|c| *c == 1));
    assert!(same == 1.0, "{same}");

    // Grown to the end: pure on its rows, and beside them but for splits that are level.
    let flat: Vec<u32> = codes.to_vec();
    let target = tree::Target::Classes { codes: &flat, counts: &[2] };
    let small = x.mapv(|v| v as f32);
    let grown = tree::grow(&ctx, small.view(), target, None, &tree::Params::default()).unwrap();
    let value = &grown.nodes().value;
    let params = their_tree::DecisionTreeClassifierParameters::default();
    let theirs = their_tree::DecisionTreeClassifier::fit(&x, &labels, params).unwrap();
    for (shift, least) in [(0.0, 1.0), (0.05, 0.9)] {
        let moved = &x + shift;
        let leaves = grown.apply(&ctx, moved.mapv(|v| v as f32).view()).unwrap();
        let ours = leaves.iter().map(|l| value[*l as usize * 2 + 1] > value[*l as usize * 2]);
        let same = agreement(ours, theirs.predict(&moved).unwrap().iter().map(|c| *c == 1));
        assert!(same >= least, "{same}");
    }
}
