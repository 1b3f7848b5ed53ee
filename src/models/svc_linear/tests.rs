use super::*;
use crate::base::rng::Stream;
use ndarray::{Array1, Array2};
use proptest::prelude::*;

struct Table {
    x: Array2<f64>,
    y: Array1<f64>,
    costs: Array1<f64>,
}

fn table(seed: u64, n: usize, p: usize, classes: u64) -> Table {
    let mut s = Stream::new(seed, 0, 0, 0);
    let x = Array2::from_shape_fn((n, p), |_| s.normal());
    let y = Array1::from_shape_fn(n, |i| {
        if classes == 0 { x[[i, 0]] + s.normal() } else { ((i as u64) % classes) as f64 }
    });
    Table { x, y, costs: Array1::from_shape_fn(n, |_| 0.2 + s.unit()) }
}

fn settings(loss: Loss) -> Settings {
    Settings { loss, l1: false, joint: false, bias: 1.0, tol: 1e-8, max_iter: 20_000, seed: 1 }
}

fn run(t: &Table, set: &Settings, sides: &Array2<f64>, threads: usize) -> Fit {
    let cells = Cells::dense(t.x.view()).unwrap();
    let classes = matches!(set.loss, Loss::Hinge | Loss::SquaredHinge);
    let (y, costs, sides) = (t.y.view(), t.costs.view(), sides.view());
    let data = Data { cells, y, costs, sides, classes };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| fit(&Ctx::new(threads), &data, set)).unwrap()
}

/// The objective of one problem, told from class 1.
fn objective(t: &Table, set: &Settings, w: ArrayView1<f64>) -> f64 {
    let p = t.x.ncols();
    let penalty = match set.l1 {
        true => w.iter().map(|v| v.abs()).sum::<f64>(),
        false => 0.5 * w.iter().map(|v| v * v).sum::<f64>(),
    };
    let mut value = penalty;
    for i in 0..t.y.len() {
        let score = t.x.row(i).dot(&w.slice(ndarray::s![..p])) + set.bias * w[p];
        let side = if t.y[i] == 1.0 { 1.0 } else { -1.0 };
        let loss = match set.loss {
            Loss::Hinge => (1.0 - side * score).max(0.0),
            Loss::SquaredHinge => (1.0 - side * score).max(0.0).powi(2),
            Loss::Insensitive(e) => ((score - t.y[i]).abs() - e).max(0.0),
            Loss::SquaredInsensitive(e) => ((score - t.y[i]).abs() - e).max(0.0).powi(2),
        };
        value += t.costs[i] * loss;
    }
    value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn no_small_step_leads_down(seed in 0u64..500, n in 4usize..60, p in 1usize..8) {
        let sides = Array2::ones((1, 2));
        for loss in [
            Loss::Hinge,
            Loss::SquaredHinge,
            Loss::Insensitive(0.1),
            Loss::SquaredInsensitive(0.1),
        ] {
            let classes = matches!(loss, Loss::Hinge | Loss::SquaredHinge);
            let t = table(seed, n, p, if classes { 2 } else { 0 });
            for l1 in [false, true] {
                if l1 && loss != Loss::SquaredHinge {
                    continue;
                }
                let set = Settings { l1, ..settings(loss) };
                let fit = run(&t, &set, &sides, 1);
                prop_assert!(fit.converged, "{loss:?} {l1}");
                let w = fit.coef.row(0);
                let here = objective(&t, &set, w);
                let mut stream = Stream::new(seed, 1, 0, 0);
                for size in [1e-1, 1e-3] {
                    for _ in 0..20 {
                        let near = w.mapv(|v| v + size * stream.normal());
                        let there = objective(&t, &set, near.view());
                        prop_assert!(there >= here - 1e-6 * (1.0 + here), "{loss:?} {l1} {size}");
                    }
                }
            }
        }
    }
}

#[test]
fn conjugate_gradients_find_what_the_factor_finds() {
    // So many columns that no factor is made: the first few are those of the small table.
    let small = table(5, 300, 6, 2);
    let mut x = Array2::zeros((300, 250));
    x.slice_mut(ndarray::s![.., ..6]).assign(&small.x);
    let wide = Table { x, y: small.y.clone(), costs: small.costs.clone() };
    let (set, sides) = (settings(Loss::SquaredHinge), Array2::ones((1, 2)));
    let (a, b) = (run(&small, &set, &sides, 1), run(&wide, &set, &sides, 1));
    assert!(a.converged && b.converged && a.n_iter < 20);
    for j in 0..6 {
        assert!((a.coef[[0, j]] - b.coef[[0, j]]).abs() < 1e-5);
    }
}

#[test]
fn threads_do_not_matter() {
    let t = table(7, 5000, 5, 3);
    let sides = Array2::ones((3, 2));
    for loss in [Loss::Hinge, Loss::SquaredHinge] {
        for (l1, joint) in [(false, false), (true, false), (false, true)] {
            if l1 && loss == Loss::Hinge {
                continue;
            }
            let set = Settings { l1, joint, tol: 1e-2, max_iter: 30, ..settings(loss) };
            let fits = [1, 2, 3].map(|threads| run(&t, &set, &sides, threads).coef);
            assert!(fits[0] == fits[1] && fits[1] == fits[2]);
        }
    }
}

#[test]
fn all_classes_at_once_have_no_better_neighbour() {
    let t = table(9, 60, 3, 3);
    let (set, sides) = (Settings { joint: true, ..settings(Loss::Hinge) }, Array2::ones((3, 2)));
    let fit = run(&t, &set, &sides, 1);
    assert!(fit.converged);
    let value = |w: &Array2<f64>| -> f64 {
        let mut sum = 0.5 * w.iter().map(|v| v * v).sum::<f64>();
        for i in 0..60 {
            let score = |c: usize| t.x.row(i).dot(&w.slice(ndarray::s![c, ..3])) + w[[c, 3]];
            let own = t.y[i] as usize;
            let worst = (0..3)
                .map(|c| score(c) + if c == own { 0.0 } else { 1.0 })
                .fold(f64::NEG_INFINITY, f64::max);
            sum += t.costs[i] * (worst - score(own));
        }
        sum
    };
    let here = value(&fit.coef);
    let mut stream = Stream::new(1, 1, 0, 0);
    for _ in 0..200 {
        let near = fit.coef.mapv(|v| v + 1e-2 * stream.normal());
        assert!(value(&near) >= here - 1e-6);
    }
}
