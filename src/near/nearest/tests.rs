use ndarray::{Array2, ArrayView1, array};
use proptest::prelude::*;

use super::*;
use crate::base::rng::Stream;

/// By sorting all distances.
fn obvious(data: &Array2<f64>, row: ArrayView1<f64>, own: Option<usize>, k: usize) -> Vec<u32> {
    let mut all: Vec<(f64, u32)> = (0..data.nrows())
        .filter(|&i| Some(i) != own)
        .map(|i| ((&data.row(i) - &row).mapv(|d| d * d).sum(), i as u32))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all.into_iter().take(k).map(|one| one.1).collect()
}

fn random(seed: u64, n: usize, p: usize, levels: u64, unit: f64) -> Array2<f64> {
    let mut s = Stream::new(seed, 0, 0, 0);
    // Whole numbers, so that no distance is rounded, and many ties.
    Array2::from_shape_fn((n, p), |_| (s.below(levels) as f64 - 3.0) * unit)
}

proptest! {
    #[test]
    fn found_are_those_of_sorting(
        seed in any::<u64>(), n in 1usize..400, m in 0usize..60, p in 1usize..6, k in 0usize..30,
        levels in prop_oneof![Just(3u64), Just(50), Just(1 << 20)],
        unit in prop_oneof![3 => Just(1.0), 1 => Just(2f64.powi(-400)), 1 => Just(2f64.powi(300))],
        far in prop_oneof![3 => Just(0.0), 1 => Just(2f64.powi(20))],
    ) {
        let mut data = random(seed, n, p, levels, unit);
        data.row_mut(0).mapv_inplace(|v| v + far * unit);
        let mut queries = random(seed ^ 1, m, p, levels, unit);
        queries.mapv_inplace(|v| if levels == 50 { v + far * unit } else { v });
        let ctx = Ctx::new(1);
        let k = k.min(n - 1);
        let own = nearest(&ctx, data.view(), None, k).unwrap();
        for i in 0..n {
            prop_assert_eq!(
                &own.rows[i * k..(i + 1) * k],
                &obvious(&data, data.row(i), Some(i), k)[..]
            );
        }
        let got = nearest(&ctx, data.view(), Some(queries.view()), k).unwrap();
        for i in 0..m {
            prop_assert_eq!(
                &got.rows[i * k..(i + 1) * k],
                &obvious(&data, queries.row(i), None, k)[..]
            );
        }
    }
}

#[test]
fn heaps_far_apart_and_many_columns() {
    for (n, p) in [(600, 3), (250, 150)] {
        let mut s = Stream::new(n as u64, 0, 0, 0);
        let data = Array2::from_shape_fn((n, p), |(i, _)| {
            (i % 2) as f64 * 1e7 + s.below(1 << 12) as f64 / 4096.0
        });
        let got = nearest(&Ctx::new(1), data.view(), None, 7).unwrap();
        for i in 0..n {
            let want = obvious(&data, data.row(i), Some(i), 7);
            let square = |row: u32| (&data.row(i) - &data.row(row as usize)).mapv(|d| d * d).sum();
            for (m, row) in want.into_iter().enumerate() {
                assert!((got.distances[i * 7 + m].powi(2) / square(row) - 1.0).abs() < 1e-9);
            }
        }
    }
}

#[test]
fn same_bits_on_any_number_of_threads_and_what_cannot_be() {
    let mut s = Stream::new(5, 0, 0, 0);
    let data = Array2::from_shape_fn((3000, 4), |_| s.normal());
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| nearest(&Ctx::new(threads), data.view(), None, 9).unwrap())
    };
    assert_eq!(on(1), on(3));
    let few = data.slice(ndarray::s![..5, ..]);
    let alone = nearest(&Ctx::new(1), data.view(), Some(few), 9).unwrap();
    let all = nearest(&Ctx::new(1), data.view(), Some(data.view()), 9).unwrap();
    assert_eq!(alone.distances, all.distances[..45]);
    let ctx = Ctx::new(1);
    assert!(nearest(&ctx, array![[1.0], [2.0]].view(), None, 2).is_err());
    assert!(nearest(&ctx, array![[f64::NAN], [2.0]].view(), None, 1).is_err());
    assert!(nearest(&ctx, data.view(), Some(array![[1.0]].view()), 1).is_err());
    ctx.stop();
    assert_eq!(nearest(&ctx, data.view(), None, 1), Err(Error::Stopped));
}

/// By sorting all distances of rows of numbers and categories.
fn obvious_mixed(
    data: &Array2<f64>,
    codes: &Array2<u32>,
    gap: f64,
    i: usize,
    k: usize,
) -> Vec<u32> {
    let differ = |j: usize| codes.row(i).iter().zip(codes.row(j)).filter(|(a, b)| a != b).count();
    let square = |j: usize| {
        (&data.row(i) - &data.row(j)).mapv(|d| d * d).sum() + differ(j) as f64 * gap * gap
    };
    let mut all: Vec<(f64, u32)> =
        (0..data.nrows()).filter(|&j| j != i).map(|j| (square(j), j as u32)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all.into_iter().take(k).map(|one| one.1).collect()
}

proptest! {
    #[test]
    fn found_among_numbers_and_categories_are_those_of_sorting(
        seed in any::<u64>(), n in 1usize..300, p in 1usize..4, c in 0usize..5, k in 0usize..9,
        levels in 1u64..40, gap in prop_oneof![Just(0.0), Just(1.0), Just(4.0), Just(1024.0)],
    ) {
        let data = random(seed, n, p, 9, 1.0);
        let mut s = Stream::new(seed, 1, 0, 0);
        let codes = Array2::from_shape_fn((n, c), |(_, j)| s.below(levels + j as u64) as u32);
        let k = k.min(n - 1);
        let one = nearest_mixed(&Ctx::new(1), data.view(), codes.view(), gap, k).unwrap();
        for i in 0..n {
            prop_assert_eq!(&one.rows[i * k..(i + 1) * k], &obvious_mixed(&data, &codes, gap, i, k)[..]);
        }
        let (data, codes) = (data.view(), codes.view());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let three = pool.install(|| nearest_mixed(&Ctx::new(3), data, codes, gap, k).unwrap());
        prop_assert_eq!(&one, &three);
    }
}

#[test]
fn many_columns_of_categories_and_what_cannot_be() {
    let data = random(1, 400, 2, 50, 1.0);
    let mut s = Stream::new(2, 0, 0, 0);
    let codes = Array2::from_shape_fn((400, 90), |_| s.below(500) as u32);
    let got = nearest_mixed(&Ctx::new(1), data.view(), codes.view(), 2.0, 5).unwrap();
    for i in 0..400 {
        assert_eq!(got.rows[i * 5..(i + 1) * 5], obvious_mixed(&data, &codes, 2.0, i, 5)[..]);
    }
    let few = codes.slice(ndarray::s![..3, ..]);
    for (codes, gap, k) in [
        (few, 1.0, 1),
        (codes.view(), f64::NAN, 1),
        (codes.view(), -1.0, 1),
        (codes.view(), 1.0, 400),
    ] {
        assert!(nearest_mixed(&Ctx::new(1), data.view(), codes, gap, k).is_err());
    }
}
