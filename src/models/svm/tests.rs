use ndarray::{Array1, Array2};
use proptest::prelude::*;

use super::*;
use crate::base::rng::Stream;

const RBF: Kernel = Kernel::Rbf { gamma: 0.4 };

fn settings(kernel: Kernel, tol: f64, cache: usize, shrinking: bool) -> Settings {
    Settings { kernel, tol, cache, shrinking, max_iter: 1_000_000 }
}

fn rows(seed: u64, n: usize, p: usize) -> (Array2<f64>, Array1<f64>) {
    let mut draw = Stream::new(seed, 1, 0, 0);
    let x = Array2::from_shape_fn((n, p), |_| draw.normal());
    let y = x.rows().into_iter().map(|r| (2.0 * r[0]).sin() + r[p - 1] + 0.3 * draw.normal());
    let y = y.collect();
    (x, y)
}

fn values(x: &Array2<f64>) -> Array2<f64> {
    let n = x.nrows();
    Array2::from_shape_fn((n, n), |(i, j)| (-0.4 * (&x.row(i) - &x.row(j)).pow2().sum()).exp())
}

/// What an optimum must be like, by kernel values made one by one: feasible, and no pair of
/// variables that could move in opposite ways at a gain of more than `tol`.
fn check_optimum(k: &Array2<f64>, problem: &Problem, found: &Solution, tol: f64) {
    let b = Array1::from(found.dual.clone());
    assert!(b.sum().abs() < 1e-9, "{}", b.sum());
    let rest = Array1::from(problem.target.clone()) - k.dot(&b);
    let (mut up, mut down) = (f64::NEG_INFINITY, f64::INFINITY);
    for i in 0..b.len() {
        assert!(problem.lo[i] <= b[i] && b[i] <= problem.hi[i]);
        let e = problem.epsilon;
        if b[i] < problem.hi[i] {
            up = up.max(rest[i] - if b[i] >= 0.0 { e } else { -e });
        }
        if b[i] > problem.lo[i] {
            down = down.min(rest[i] - if b[i] > 0.0 { e } else { -e });
        }
    }
    assert!(up - down <= tol + 1e-5, "{up} {down}");
    assert!(up <= found.intercept + tol + 1e-5 && found.intercept <= down + tol + 1e-5);
    let value = 0.5 * b.dot(&k.dot(&b)) - b.dot(&Array1::from(problem.target.clone()))
        + problem.epsilon * b.mapv(f64::abs).sum();
    assert!((value - found.objective).abs() < 1e-4 * (1.0 + value.abs()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_optimum(
        seed in 0u64..10_000, n in 2usize..70, p in 1usize..5, classes in any::<bool>(),
        shrinking in any::<bool>(), most in 0.05f64..20.0, epsilon in 0.0f64..0.4,
    ) {
        let (x, y) = rows(seed, n, p);
        let mut draw = Stream::new(seed, 2, 0, 0);
        let most: Vec<f64> = (0..n).map(|_| most * (0.2 + draw.unit())).collect();
        let sign = |i: usize| if y[i] > 0.0 { 1.0 } else { -1.0 };
        let problem = if classes {
            Problem {
                rows: (0..n as u32).collect(),
                target: (0..n).map(sign).collect(),
                lo: (0..n).map(|i| if y[i] > 0.0 { 0.0 } else { -most[i] }).collect(),
                hi: (0..n).map(|i| if y[i] > 0.0 { most[i] } else { 0.0 }).collect(),
                epsilon: 0.0,
            }
        } else {
            Problem {
                rows: (0..n as u32).collect(),
                target: y.to_vec(),
                lo: most.iter().map(|c| -c).collect(),
                hi: most,
                epsilon,
            }
        };
        let set = settings(RBF, 1e-4, 0, shrinking);
        let k = values(&x);
        let found = solve(&Ctx::new(1), &Table::Dense(x.view()), &problem, &set).unwrap();
        prop_assert!(found.converged);
        check_optimum(&k, &problem, &found, 1e-4);
        let given = solve(&Ctx::new(1), &Table::Given(k.view()), &problem, &set).unwrap();
        check_optimum(&k, &problem, &given, 1e-4);
    }
}

#[test]
fn shrinking_cache_and_steps() {
    let (x, y) = rows(7, 1200, 3);
    let codes: Array1<u32> = y.mapv(|v| u32::from(v > -0.5) + u32::from(v > 0.5));
    let bound = Array1::from_elem(1200, 2.0);
    let table = Table::Dense(x.view());
    let fit = |set| classify(&Ctx::new(1), &table, codes.view(), 3, bound.view(), &set).unwrap();
    let base = fit(settings(RBF, 1e-3, 1 << 24, true));
    assert_eq!(base.dual, fit(settings(RBF, 1e-3, 0, true)).dual);
    let whole = fit(settings(RBF, 1e-3, 1 << 24, false));
    for (a, b) in base.found.iter().zip(&whole.found) {
        assert!((a.objective - b.objective).abs() < 1e-3 * b.objective.abs());
    }
    let few = fit(Settings { max_iter: 3, ..settings(RBF, 1e-3, 0, true) });
    assert!(few.found.iter().all(|s| !s.converged && s.steps == 3));
    let ctx = Ctx::new(1);
    ctx.stop();
    let set = settings(RBF, 1e-3, 0, true);
    assert!(classify(&ctx, &table, codes.view(), 3, bound.view(), &set).is_err());
}

#[test]
fn degenerate() {
    let x = Array2::<f64>::ones((4, 2));
    let table = Table::Dense(x.view());
    let set = settings(RBF, 1e-3, 0, true);
    let bound = Array1::ones(4);
    let codes = Array1::from(vec![0u32, 1, 0, 1]);
    let found = classify(&Ctx::new(1), &table, codes.view(), 2, bound.view(), &set).unwrap();
    assert!(found.found[0].converged && found.dual.iter().all(|b| b.abs() == 1.0), "{:?}", found);
    let flat = Array1::from_elem(4, 5.0);
    let (dual, one) = regress(&Ctx::new(1), &table, flat.view(), 0.1, bound.view(), &set).unwrap();
    assert!(dual.iter().all(|b| *b == 0.0) && (one.intercept - 5.0).abs() < 1e-12);
    let none = Array1::zeros(4);
    assert!(
        regress(&Ctx::new(1), &table, flat.view(), 0.1, none.view(), &set).unwrap().1.converged
    );
    let huge = Array2::from_shape_vec((2, 1), vec![1e200, -1e200]).unwrap();
    let (two, huge) = (Array1::ones(2), Table::Dense(huge.view()));
    assert!(regress(&Ctx::new(1), &huge, two.view(), 0.1, two.view(), &set).is_err());
    let bad = Problem { rows: vec![0, 1], ..Problem::default() };
    assert!(solve(&Ctx::new(1), &table, &bad, &set).is_err());
    assert!(classify(&Ctx::new(1), &table, codes.view(), 1, bound.view(), &set).is_err());
    let short = Array2::zeros((1, 3));
    assert!(scores(&Ctx::new(1), RBF, &table, &short, &[3], &table).is_err());
}
