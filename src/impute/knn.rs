//! Missing cells from the nearest rows that have them (Troyanskaya et al. 2001).
//!
//! The distance is over the features that both rows have, scaled up to all of them (Dixon 1979).
//! Distances are used as they are made: what is kept is the k nearest a missing cell.

use ndarray::ArrayView2;

pub use super::donors::Near;
use super::donors::{Donors, Receiver};
use crate::base::columns::map_columns;
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, par, stats};

/// Rows that go through the donors together, so that each donor is read once for all of them.
const TILE: usize = 32;
/// Neighbours that such rows may hold at once: fewer rows where k is large.
const HELD: usize = 1 << 20;
/// Blocks of donors between two looks at the stop flag.
const LOOK: usize = 256;

/// How the neighbours' values are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// All alike.
    Uniform,
    /// By one over the distance; neighbours at no distance alone, if there are any.
    Distance,
}

/// `finish(column, donors)` for every missing cell of `x`, by row and column, where `donors` are
/// the at most `k` nearest rows of `fit` that have that column, the nearest first (the earlier
/// row first among equals). Rows that share no feature with it are no donors. Features that are
/// `named` hold categories, of which any two that differ are 1 apart; it is empty where none is.
pub fn search<T: Float, R: Send>(
    ctx: &Ctx,
    fit: ArrayView2<T>,
    x: ArrayView2<T>,
    named: &[bool],
    k: usize,
    finish: impl Fn(usize, Vec<Near>) -> R + Sync + Send,
) -> Result<Vec<R>> {
    if fit.ncols() != x.ncols() {
        return Err(Error::Shape(format!(
            "the training rows have {} columns, the rows to impute {}",
            fit.ncols(),
            x.ncols()
        )));
    }
    if k == 0 {
        return Err(Error::Parameter("n_neighbors must be at least 1; got 0".into()));
    }
    let donors = Donors::new(ctx, fit, named)?;
    let holed = |i: &usize| x.row(*i).iter().any(|v| v.is_missing());
    let rows: Vec<usize> = (0..x.nrows()).filter(holed).collect();
    let a_row = k.min(fit.nrows()).max(1).saturating_mul(x.ncols().max(1));
    let tile = (HELD / a_row).clamp(1, TILE);
    ctx.set_total(rows.len() as u64);
    let parts = par::map_chunks(ctx, rows.len(), tile, |a, b| -> Result<Vec<R>> {
        let receive = |&i: &usize| Receiver::new(x.row(i), &donors, k);
        let mut receivers: Vec<Receiver> = rows[a..b].iter().map(receive).collect();
        for block in 0..donors.blocks() {
            if block % LOOK == 0 {
                ctx.check()?;
            }
            for receiver in receivers.iter_mut().filter(|r| r.can_be_filled()) {
                receiver.visit(&donors, block);
            }
        }
        ctx.advance((b - a) as u64)?;
        let found = receivers.into_iter().flat_map(Receiver::found);
        Ok(found.map(|(column, donors)| finish(column, donors)).collect())
    })?;
    let parts: Vec<Vec<R>> = parts.into_iter().collect::<Result<_>>()?;
    Ok(parts.into_iter().flatten().collect())
}

/// A value for every missing cell of `x`, by row and column: the average of its `k` nearest
/// donors; the column's mean in `fit` where there is none; NaN where `fit` lacks the column.
pub fn impute<T: Float>(
    ctx: &Ctx,
    fit: ArrayView2<T>,
    x: ArrayView2<T>,
    k: usize,
    weights: Weights,
) -> Result<Vec<f64>> {
    let means = map_columns(
        ctx,
        fit,
        |v: T| (v.wide(), !v.is_missing()),
        |values: &mut [f64]| stats::mean(values).unwrap_or(f64::NAN),
    )?;
    search(ctx, fit, x, &[], k, |column, donors| {
        let value = |near: &Near| fit[[near.row, column]].wide();
        average(&donors, weights, value).unwrap_or(means[column])
    })
}

fn average(donors: &[Near], weights: Weights, value: impl Fn(&Near) -> f64) -> Option<f64> {
    let plain = || donors.iter().map(&value).sum::<f64>() / donors.len() as f64;
    if donors.is_empty() {
        return None;
    }
    if weights == Weights::Uniform {
        return Some(plain());
    }
    let mut by: Vec<f64> = donors.iter().map(|d| 1.0 / d.square.sqrt()).collect();
    if by.iter().any(|w| w.is_infinite()) {
        by.iter_mut().for_each(|w| *w = f64::from(u8::from(w.is_infinite())));
    }
    let total: f64 = by.iter().sum();
    let sum: f64 = donors.iter().zip(&by).map(|(d, w)| w * value(d)).sum();
    // All at an infinite distance: none counts more than another.
    Some(if total > 0.0 { sum / total } else { plain() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;
    use ndarray::{Array2, ArrayView1, array};
    use proptest::prelude::*;

    const NAN: f64 = f64::NAN;

    fn random(seed: u64, n: usize, p: usize, holes: f64, levels: u64) -> Array2<f64> {
        let mut s = Stream::new(seed, 0, 0, 0);
        Array2::from_shape_fn(
            (n, p),
            |_| {
                if s.unit() < holes { NAN } else { s.below(levels) as f64 }
            },
        )
    }

    /// Every donor of one missing cell by sorting all distances.
    fn obvious(fit: &Array2<f64>, row: ArrayView1<f64>, column: usize, k: usize) -> Vec<Near> {
        obvious_mixed(fit, row, &vec![false; row.len()], column, k)
    }

    fn obvious_mixed(
        fit: &Array2<f64>,
        row: ArrayView1<f64>,
        named: &[bool],
        column: usize,
        k: usize,
    ) -> Vec<Near> {
        let mut all: Vec<Near> = Vec::new();
        for (i, other) in fit.rows().into_iter().enumerate() {
            // Numbers first, as the kernel adds them up.
            let mut both: Vec<(bool, f64)> = (0..row.len())
                .filter(|&f| !row[f].is_nan() && !other[f].is_nan())
                .map(|f| (named[f], row[f] - other[f]))
                .collect();
            both.sort_by_key(|b| b.0);
            if other[column].is_nan() || both.is_empty() {
                continue;
            }
            let part = |&(named, gap): &(bool, f64)| match named {
                true => f64::from(u8::from(gap != 0.0)),
                false => gap * gap,
            };
            let sum: f64 = both.iter().map(part).sum();
            all.push(Near { square: sum / both.len() as f64 * row.len() as f64, row: i });
        }
        all.sort();
        all.truncate(k);
        all
    }

    proptest! {
        #[test]
        fn search_is_sorting_all_distances(
            seed in any::<u64>(), n in 1usize..40, m in 1usize..12, p in 1usize..6,
            k in 1usize..9, holes in 0.0f64..0.9, levels in prop_oneof![Just(6u64), Just(1 << 40)],
            unit in prop_oneof![4 => Just(1.0), 1 => Just(1e-160), 1 => Just(1e-9), 1 => Just(1e140)],
            from in prop_oneof![2 => Just(0.0), 1 => Just(1e9)],
            far in prop_oneof![3 => Just(1.0), 1 => Just(1e30)],
        ) {
            // Columns of unlike units, far from zero, and rows far from all donors.
            let place = |column: usize, v: f64| (v + from) * if column == 1 { unit } else { 1.0 };
            let mut fit = random(seed, n, p, holes, levels);
            let mut x = random(seed ^ 1, m, p, holes, levels);
            fit.indexed_iter_mut().for_each(|((_, c), v)| *v = place(c, *v));
            x.indexed_iter_mut().for_each(|((_, c), v)| *v = place(c, *v * far));
            let got = search(&Ctx::new(1), fit.view(), x.view(), &[], k, |c, d| (c, d)).unwrap();
            let want: Vec<_> = x
                .rows()
                .into_iter()
                .flat_map(|r| (0..p).filter(move |&c| r[c].is_nan()).map(move |c| (c, r)))
                .map(|(c, r)| (c, obvious(&fit, r, c, k)))
                .collect();
            prop_assert_eq!(got, want);
        }

        #[test]
        fn categories_that_differ_are_one_apart(
            seed in any::<u64>(), n in 1usize..40, m in 1usize..12, k in 1usize..9,
            holes in 0.0f64..0.9, named in prop::collection::vec(any::<bool>(), 1..6),
            unit in prop_oneof![Just(1.0), Just(1e-3), Just(1e5), Just(1e-170), Just(1e140)],
        ) {
            let p = named.len();
            let mut fit = random(seed, n, p, holes, 4);
            let mut x = random(seed ^ 1, m, p, holes, 5);
            let scaled = |c: usize, v: f64| if named[c] { v } else { (v - 1.5) * unit };
            fit.indexed_iter_mut().for_each(|((_, c), v)| *v = scaled(c, *v));
            x.indexed_iter_mut().for_each(|((_, c), v)| *v = scaled(c, *v));
            let got = search(&Ctx::new(1), fit.view(), x.view(), &named, k, |c, d| (c, d)).unwrap();
            let want: Vec<_> = x
                .rows()
                .into_iter()
                .flat_map(|r| (0..p).filter(move |&c| r[c].is_nan()).map(move |c| (c, r)))
                .map(|(c, r)| (c, obvious_mixed(&fit, r, &named, c, k)))
                .collect();
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn kinds_that_do_not_fit_the_columns_are_refused() {
        let x = random(1, 4, 3, 0.2, 5);
        let got = search(&Ctx::new(1), x.view(), x.view(), &[true], 2, |_, d| d);
        assert!(matches!(got, Err(Error::Shape(_))));
    }

    #[test]
    fn the_first_look_allows_for_its_rounding() {
        // Two heaps far apart: single precision cannot tell the rows of one from each other.
        for seed in 0..20 {
            let mut fit = random(seed, 200, 3, 0.1, 1 << 20);
            fit.mapv_inplace(|v| (v % 2.0) * 1e7 + v / 1e6);
            let mut x = fit.slice(ndarray::s![..20, ..]).to_owned();
            x.column_mut(0).fill(NAN);
            let mut got =
                search(&Ctx::new(1), fit.view(), x.view(), &[], 3, |_, d| d).unwrap().into_iter();
            for row in x.rows() {
                for c in (0..3).filter(|&c| row[c].is_nan()) {
                    assert_eq!(got.next(), Some(obvious(&fit, row, c, 3)));
                }
            }
        }
    }

    #[test]
    fn many_features() {
        let (fit, x) = (random(3, 70, 150, 0.3, 1000), random(4, 5, 150, 0.3, 1000));
        let got = search(&Ctx::new(1), fit.view(), x.view(), &[], 4, |c, d| (c, d)).unwrap();
        let mut cells = got.into_iter();
        for row in x.rows() {
            for c in (0..150).filter(|&c| row[c].is_nan()) {
                assert_eq!(cells.next(), Some((c, obvious(&fit, row, c, 4))));
            }
        }
    }

    #[test]
    fn averages_and_fallbacks() {
        let fit = array![[1.0, 10.0, NAN], [2.0, 20.0, NAN], [4.0, NAN, NAN], [NAN, 60.0, NAN]];
        let x = array![[2.0, NAN, NAN], [NAN, NAN, NAN], [1.5, NAN, 1.0]];
        let get = |weights| impute(&Ctx::new(1), fit.view(), x.view(), 2, weights).unwrap();
        let uniform = get(Weights::Uniform);
        // Nothing shared with any row: the column's mean. No donor at all: NaN.
        assert_eq!(uniform[0], 15.0);
        assert!(uniform[1].is_nan() && uniform[4].is_nan());
        assert_eq!((uniform[2], uniform[3], uniform[5]), (7.0 / 3.0, 30.0, 15.0));
        let distance = get(Weights::Distance);
        assert_eq!((distance[0], distance[5]), (20.0, 15.0));
    }

    #[test]
    fn same_bits_on_any_number_of_threads_and_it_stops() {
        let x = random(9, 500, 7, 0.2, 1000);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let ctx = Ctx::new(threads);
            pool.install(|| impute(&ctx, x.view(), x.view(), 5, Weights::Distance).unwrap())
        };
        let bits = |v: Vec<f64>| v.into_iter().map(f64::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(on(1)), bits(on(3)));
        let ctx = Ctx::new(1);
        ctx.stop();
        let stopped = impute(&ctx, x.view(), x.view(), 5, Weights::Uniform);
        assert_eq!(stopped, Err(Error::Stopped));
        let zero = impute(&Ctx::new(1), x.view(), x.view(), 0, Weights::Uniform);
        assert!(matches!(zero, Err(Error::Parameter(_))));
    }
}
