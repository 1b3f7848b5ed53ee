use ndarray::{Array1, Array2};
use proptest::prelude::*;

use super::*;
use crate::base::rng::Stream;
use crate::models::logistic::Sparse;

const ADAM: Optim = Optim::Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8 };

fn settings(optim: Optim, dropout: f64) -> Settings {
    Settings { optim, alpha: 0.1, weight_decay: 0.01, dropout, seed: 3 }
}

fn normal(seed: u64, rows: usize, columns: usize) -> Array2<f64> {
    let mut s = Stream::new(seed, 1, 0, 0);
    Array2::from_shape_fn((rows, columns), |_| s.normal())
}

fn network(widths: &[usize], activation: &str, set: Settings, seed: u64) -> Mlp<f64> {
    let shape = Shape::new(widths.to_vec(), activation).unwrap();
    let w = normal(seed, 1, shape.size()).into_raw_vec_and_offset().0;
    let output = Output::new(("cross_entropy", &[0.0], vec![]), false, 1.0, None).unwrap();
    let mut net = Mlp::new(shape, output, set, w, None).unwrap();
    net.rate = 0.01;
    net
}

fn codes(seed: u64, n: usize, classes: u64) -> Array2<f64> {
    let mut s = Stream::new(seed, 2, 0, 0);
    Array2::from_shape_fn((n, 1), |_| s.below(classes.max(2)) as f64)
}

/// The loss and nothing else, one row and one unit after another.
fn plain(shape: &Shape, w: &[f64], x: &Array2<f64>, y: &Array2<f64>) -> f64 {
    let mut value = 0.0;
    for (row, y) in x.rows().into_iter().zip(y) {
        let mut said = row.to_vec();
        for l in 0..shape.layers() {
            let (coef, bias) = (&w[shape.coef(l)], &w[shape.bias(l)]);
            said = (0..bias.len())
                .map(|k| {
                    let sum = bias[k]
                        + said
                            .iter()
                            .enumerate()
                            .map(|(j, a)| a * coef[j * bias.len() + k])
                            .sum::<f64>();
                    match shape.activation {
                        _ if l + 1 == shape.layers() => sum,
                        Activation::Identity => sum,
                        Activation::Logistic => 1.0 / (1.0 + (-sum).exp()),
                        Activation::Tanh => sum.tanh(),
                        Activation::Relu => sum.max(0.0),
                    }
                })
                .collect();
        }
        value += match said.len() {
            1 => (if *y > 0.5 { -said[0] } else { said[0] }).exp().ln_1p(),
            _ => said.iter().map(|s| s.exp()).sum::<f64>().ln() - said[*y as usize],
        };
    }
    value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_gradient_is_that_of_the_plain_loss(
        seed in 0u64..500,
        hidden in prop::collection::vec(1usize..5, 0..3),
        classes in 1usize..4,
        kind in 0usize..4,
    ) {
        let name = ["identity", "logistic", "tanh", "relu"][kind];
        let classes = if classes == 2 { 3 } else { classes };
        let widths = [&[3], hidden.as_slice(), &[classes]].concat();
        let (x, y) = (normal(seed, 7, 3), codes(seed, 7, classes as u64));
        let mut net = network(&widths, name, settings(ADAM, 0.0), seed + 1);
        let data = Data { x: Table::Dense(x.view()), y: y.view(), weights: None };
        let w = net.params().to_vec();
        net.place(&w).unwrap();
        let value = net.look(&Ctx::new(1), data).unwrap();
        prop_assert!((value - plain(&net.shape, &w, &x, &y)).abs() < 1e-9 * (1.0 + value));
        for k in 0..w.len() {
            let at = |d: f64| {
                let mut w = w.clone();
                w[k] += d;
                plain(&net.shape, &w, &x, &y)
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            // A unit may turn on or off between the two.
            if kind < 3 || (at(1e-5) + at(-1e-5) - 2.0 * value).abs() < 1e-8 {
                prop_assert!((net.slopes()[k] - slope).abs() < 1e-5 * (1.0 + slope.abs()), "{k}");
            }
        }
    }
}

#[test]
fn threads_give_the_same_bits() {
    let (x, y) = (normal(1, 450, 40), codes(1, 450, 3));
    let order: Vec<i64> = (0..450).rev().collect();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut net = network(&[40, 200, 60, 3], "tanh", settings(ADAM, 0.3), 2);
        let data = Data { x: Table::Dense(x.view()), y: y.view(), weights: None };
        pool.install(|| {
            let ctx = Ctx::new(threads);
            let loss = net.epoch(&ctx, data, &order, 250).unwrap();
            let said = scores(&ctx, &net.shape, net.params(), data.x, None).unwrap();
            (loss, net.params().to_vec(), said)
        })
    };
    assert_eq!(run(1), run(2));
    assert_eq!(run(1), run(3));
}

#[test]
fn sparse_rows_are_dense_rows() {
    let x = normal(4, 60, 5).mapv(|v| if v < 0.3 { 0.0 } else { v });
    let y = codes(4, 60, 2);
    let (mut starts, mut columns, mut values) = (vec![0i64], vec![], vec![]);
    for row in x.rows() {
        for (j, v) in row.iter().enumerate().filter(|(_, v)| **v != 0.0) {
            columns.push(j as i64);
            values.push(*v);
        }
        starts.push(values.len() as i64);
    }
    let (starts, columns) = (Array1::from(starts), Array1::from(columns));
    let values = Array1::from(values);
    let sparse =
        Sparse { starts: starts.view(), columns: columns.view(), values: values.view(), width: 5 };
    let order: Vec<i64> = (0..60).collect();
    let sgd = Optim::Sgd { momentum: 0.9, nesterov: true };
    let run = |x| {
        let mut net = network(&[5, 8, 1], "relu", settings(sgd, 0.2), 6);
        let data = Data { x, y: y.view(), weights: None };
        for _ in 0..3 {
            net.epoch(&Ctx::new(1), data, &order, 25).unwrap();
        }
        Array1::from(net.params().to_vec())
    };
    let (a, b) = (run(Table::Dense(x.view())), run(Table::Sparse(sparse)));
    assert!((&a - &b).iter().all(|d| d.abs() < 1e-12));
    assert!(Table::<f64>::Sparse(Sparse { width: 3, ..sparse }).check(3).is_err());
    let turned = columns.slice(ndarray::s![..;-1]).to_owned();
    assert!(Table::<f64>::Sparse(Sparse { columns: turned.view(), ..sparse }).check(5).is_err());
}

#[test]
fn a_share_of_the_units_is_dropped_and_none_when_all_rows_are_looked_at() {
    let x = Array2::from_elem((4000, 1), 1.0);
    let shape = Shape::new(vec![1, 10, 1], "identity").unwrap();
    let output = Output::new(("squared_error", &[], vec![]), true, 1.0, None).unwrap();
    let mut w = vec![0.1f64; shape.size()];
    w[shape.bias(0)].fill(0.0);
    w[shape.bias(1)].fill(0.0);
    w[shape.coef(1)].fill(1.0);
    let set = settings(ADAM, 0.25);
    let mut net = Mlp::new(shape, output, set, w.clone(), None).unwrap();
    let rows: Vec<i64> = (0..4000).collect();
    let said = net.ahead(&Ctx::new(1), Table::Dense(x.view()), &rows).unwrap();
    assert!((said.mean().unwrap() - 1.0).abs() < 0.01);
    let spread = said.std(0.0); // ten units of 0.1, each kept with 0.75 and counted 1 / 0.75
    assert!((spread - (10.0 * 0.01 * (0.25 / 0.75f64)).sqrt()).abs() < 0.01, "{spread}");
    let y = Array2::from_elem((4000, 1), 1.0);
    net.place(&w).unwrap();
    let data = Data { x: Table::Dense(x.view()), y: y.view(), weights: None };
    assert!(net.look(&Ctx::new(1), data).unwrap() < 1e-20);
}

#[test]
fn bad_input_is_an_error() {
    let (x, y) = (normal(1, 10, 3), codes(1, 10, 3));
    let ctx = Ctx::new(1);
    let mut net = network(&[3, 4, 3], "relu", settings(ADAM, 0.0), 2);
    let data = Data { x: Table::Dense(x.view()), y: y.view(), weights: None };
    assert!(net.epoch(&ctx, data, &[0, 10], 2).is_err());
    assert!(net.epoch(&ctx, data, &[-1], 2).is_err());
    assert!(net.epoch(&ctx, Data { weights: Some(&[1.0]), ..data }, &[0], 2).is_err());
    let (few, wrong) = (y.slice(ndarray::s![..5, ..]), y.mapv(|v| v + 3.0));
    assert!(net.epoch(&ctx, Data { y: few, ..data }, &[0], 2).is_err());
    assert!(net.epoch(&ctx, Data { y: wrong.view(), ..data }, &[0], 2).is_err());
    assert!(net.back(&ctx, data.x, &[0, 1], Array2::zeros((2, 2)).view(), None).is_err());
    assert!(net.place(&[0.0]).is_err());
    let stopped = Ctx::new(1);
    stopped.stop();
    assert_eq!(net.epoch(&stopped, data, &[0, 1], 2), Err(Error::Stopped));
    // Batches without weight say nothing.
    let before = net.params().to_vec();
    let none = Data { weights: Some(&[0.0; 10]), ..data };
    assert_eq!(net.epoch(&ctx, none, &[0, 1], 2), Ok(0.0));
    assert_eq!(net.params(), before);
}
