use super::*;
use crate::base::rng::Stream;
use ndarray::{Array1, Array2};
use proptest::prelude::*;

fn settings(l1_ratio: Option<f64>, rate: Rate, average: f64) -> Settings {
    let alpha = 0.01;
    Settings {
        alpha,
        l1_ratio,
        rate,
        eta0: 0.1,
        power: 0.3,
        first: Settings::start(alpha),
        intercept: true,
        decay: 1.0,
        average,
        max_iter: 2,
        tol: None,
        patience: 5,
        shuffle: true,
        classes: true,
        watch: false,
    }
}

struct Table {
    x: Array2<f64>,
    y: Array1<f64>,
    w: Array1<f64>,
}

fn table(seed: u64, n: usize, p: usize) -> Table {
    let mut s = Stream::new(seed, 0, 0, 0);
    let x = Array2::from_shape_fn((n, p), |_| if s.unit() < 0.4 { 0.0 } else { s.normal() });
    let y = Array1::from_shape_fn(n, |_| (s.below(2)) as f64);
    let w = Array1::from_shape_fn(n, |_| s.unit() + 0.2);
    Table { x, y, w }
}

type Parts = (Vec<i32>, Vec<i32>, Vec<f64>);

fn sparse(x: &Array2<f64>) -> Parts {
    let (mut starts, mut columns, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in x.rows() {
        for (j, &v) in row.iter().enumerate().filter(|(_, v)| **v != 0.0) {
            columns.push(j as i32);
            values.push(v);
        }
        starts.push(values.len() as i32);
    }
    (starts, columns, values)
}

fn empty(k: usize, p: usize, average: bool) -> State {
    let rows = if average { k } else { 0 };
    State {
        coef: Array2::zeros((k, p)),
        intercept: Array1::zeros(k),
        mean: Array2::zeros((rows, p)),
        mean_intercept: Array1::zeros(rows),
    }
}

fn run(t: &Table, cells: Cells<f64>, rule: &Rule, set: &Settings) -> State {
    let mut state = empty(1, t.x.ncols(), set.average > 0.0);
    let sides = ndarray::array![[1.5, 1.0]];
    let (y, weights, sides) = (t.y.view(), t.w.view(), sides.view());
    let data = Data { cells, y, weights, sides, held: None };
    fit(&Ctx::new(1), &data, rule, set, &[77], &mut state, 1.0).unwrap();
    state
}

/// Plain steps on all weights. The pull is that of Tsuruoka et al., on all columns each time.
fn slow(t: &Table, rule: &Rule, set: &Settings) -> State {
    let (n, p) = t.x.dim();
    let mut state = empty(1, p, true);
    let (mut w, mut b) = (Array1::<f64>::zeros(p), 0.0);
    let (mut q, mut u, mut step) = (Array1::<f64>::zeros(p), 0.0, 1.0);
    let mut order: Vec<u32> = (0..n as u32).collect();
    let mut counted = 0.0;
    for _ in 0..set.max_iter {
        shuffle(&mut order, 77);
        for &i in &order {
            let i = i as usize;
            let y = if t.y[i] == 1.0 { 1.0 } else { rule.low() };
            let weight = t.w[i] * if t.y[i] == 1.0 { 1.5 } else { 1.0 };
            let score = t.x.row(i).dot(&w) + b;
            let eta = match set.rate {
                Rate::Optimal => 1.0 / (set.alpha * (set.first + step - 1.0)),
                Rate::Scaling => set.eta0 / f64::powf(step, set.power),
                _ => set.eta0,
            };
            let by = -eta * rule.look(y, score).1 * weight;
            w *= (1.0 - eta * set.l2()).max(0.0);
            w.scaled_add(by, &t.x.row(i));
            b += by;
            if set.average > 0.0 && step >= set.average {
                counted += 1.0;
                let before = state.mean.row(0).to_owned();
                state.mean.row_mut(0).assign(&(&before + &((&w - &before) / counted)));
                state.mean_intercept[0] += (b - state.mean_intercept[0]) / counted;
            }
            if set.l1() > 0.0 {
                u += eta * set.l1();
                for j in 0..p {
                    let old = w[j];
                    if old > 0.0 {
                        w[j] = (old - (u + q[j])).max(0.0);
                    } else if old < 0.0 {
                        w[j] = (old + (u - q[j])).min(0.0);
                    }
                    q[j] += w[j] - old;
                }
            }
            step += 1.0;
        }
    }
    state.coef.row_mut(0).assign(&w);
    state.intercept[0] = b;
    state
}

fn near(a: &State, b: &State, average: bool) -> bool {
    let close = |x: f64, y: f64| (x - y).abs() <= 1e-6 * (1.0 + y.abs());
    let all = a.coef.iter().zip(&b.coef).all(|(x, y)| close(*x, *y));
    let mean = !average || a.mean.iter().zip(&b.mean).all(|(x, y)| close(*x, *y));
    all && mean && close(a.intercept[0], b.intercept[0])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn steps_are_the_plain_ones(
        seed in 0u64..1000, n in 1usize..60, p in 1usize..12, which in 0usize..3, start in 0u32..40,
    ) {
        let t = table(seed, n, p);
        let loss = ["hinge", "cross_entropy", "modified_huber"][which];
        let params: &[f64] = [&[1.0][..], &[0.0], &[]][which];
        let rule = Rule::new(loss, params).unwrap();
        for l1_ratio in [None, Some(0.0), Some(0.15), Some(1.0)] {
            for rate in [Rate::Constant, Rate::Optimal, Rate::Scaling] {
                let set = settings(l1_ratio, rate, f64::from(start));
                let cells = Cells::dense(t.x.view()).unwrap();
                let (got, want) = (run(&t, cells, &rule, &set), slow(&t, &rule, &set));
                prop_assert!(near(&got, &want, start > 0), "{l1_ratio:?} {rate:?}\n{got:?}\n{want:?}");
                if set.l1() == 0.0 {
                    let (starts, columns, values) = sparse(&t.x);
                    let view = |v| ArrayView1::from(v);
                    let cells =
                        Cells::sparse(view(&starts), view(&columns), (&values).into(), p).unwrap();
                    prop_assert!(near(&run(&t, cells, &rule, &set), &want, start > 0));
                }
            }
        }
    }
}

#[test]
fn threads_do_not_matter_and_own_losses_are_batches() {
    let t = table(3, 300, 5);
    let set = settings(Some(0.5), Rate::Optimal, 10.0);
    let slopes = |y: &[f64], s: &[f64], v: &mut [f64], g: &mut [f64]| {
        let loss = crate::base::loss::Loss::cross_entropy();
        for k in 0..y.len() {
            let at = loss.one(y[k], s[k]);
            (v[k], g[k]) = (at.value, at.gradient);
        }
        Ok(())
    };
    let y = Array1::from_shape_fn(300, |i| (i % 3) as f64);
    let sides = Array2::ones((3, 2));
    let mut seen = Vec::new();
    for threads in [1, 2, 3] {
        let cells = Cells::dense(t.x.view()).unwrap();
        let data =
            Data { cells, y: y.view(), weights: t.w.view(), sides: sides.view(), held: None };
        let mut state = empty(3, 5, true);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let rule = Rule::Own(&slopes);
        let ctx = Ctx::new(threads);
        pool.install(|| fit(&ctx, &data, &rule, &set, &[1, 2, 3], &mut state, 1.0)).unwrap();
        seen.push(state.mean);
    }
    assert!(seen[0] == seen[1] && seen[1] == seen[2]);
    assert!(seen[0].iter().all(|v| v.is_finite()) && seen[0].iter().any(|v| *v != 0.0));
}

#[test]
fn damage_is_an_error() {
    let (starts, columns, values) = (vec![0, 2], vec![0, 5], vec![1.0, 2.0]);
    let view = |v| ArrayView1::from(v);
    assert!(Cells::<f64>::sparse(view(&starts), view(&columns), (&values).into(), 3).is_err());
    let t = table(0, 5, 2);
    let cells = Cells::dense(t.x.view()).unwrap();
    let sides = Array2::ones((1, 2));
    let data = Data { cells, y: t.y.view(), weights: t.w.view(), sides: sides.view(), held: None };
    let set = settings(None, Rate::Constant, 0.0);
    let rule = Rule::Hinge(1.0);
    let mut state = empty(1, 3, false);
    assert!(fit(&Ctx::new(1), &data, &rule, &set, &[1], &mut state, 1.0).is_err());
    let mut state = empty(1, 2, false);
    state.coef[[0, 0]] = 1e308;
    state.intercept[0] = 1e308;
    assert!(fit(&Ctx::new(1), &data, &rule, &set, &[1], &mut state, 1.0).is_ok());
    state.intercept[0] = f64::NAN;
    assert!(fit(&Ctx::new(1), &data, &rule, &set, &[1], &mut state, 1.0).is_err());
}
