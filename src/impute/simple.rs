//! One statistic a column, and the missing cells filled with it.

use std::cmp::Ordering;

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::base::columns::map_columns;
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, par, stats};

/// Cells filled between two looks at the stop flag.
const CELLS: usize = 1 << 18;

/// What stands in for a column's missing cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// The mean.
    Mean,
    /// The median.
    Median,
    /// The most frequent value; the smallest of several.
    Mode,
}

/// The statistic of each column's present cells; `None` where there is none.
///
/// NaN is missing, and so is every cell equal to `marker` (NaN for no such value).
pub fn statistics<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    what: Statistic,
    marker: f64,
) -> Result<Vec<Option<f64>>> {
    let pick = |cell: T| {
        let v = cell.wide();
        (v, !(v.is_nan() | (v == marker)))
    };
    map_columns(ctx, x, pick, |values: &mut [f64]| match what {
        Statistic::Mean => stats::mean(values),
        Statistic::Median => stats::median(values),
        Statistic::Mode => mode(values),
    })
}

/// The most frequent value of each column of whole numbers, without a detour through floats.
pub fn integer_modes<T>(ctx: &Ctx, x: ArrayView2<T>, marker: Option<T>) -> Result<Vec<Option<T>>>
where
    T: Copy + Default + PartialOrd + Send + Sync,
{
    map_columns(ctx, x, |v| (v, Some(v) != marker), mode)
}

/// The most frequent value, the smallest of several. Sorts `x`, which holds no NaN.
fn mode<T: Copy + PartialOrd>(x: &mut [T]) -> Option<T> {
    x.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    let mut best: Option<(usize, T)> = None;
    for run in x.chunk_by(|a, b| a == b) {
        if best.is_none_or(|(most, _)| run.len() > most) {
            best = Some((run.len(), run[0]));
        }
    }
    best.map(|(_, value)| value)
}

/// Writes `values[j]` into every missing cell of column `j`. Missing is as in [`statistics`].
pub fn fill<T: Float>(
    ctx: &Ctx,
    mut x: ArrayViewMut2<T>,
    values: &[f64],
    marker: f64,
) -> Result<()> {
    let p = x.ncols();
    if values.len() != p {
        return Err(Error::Shape(format!("{} values for {p} columns", values.len())));
    }
    let put = |cell: &mut T, value: f64| {
        let v = cell.wide();
        if v.is_nan() | (v == marker) {
            *cell = T::narrow(value);
        }
    };
    if p == 0 {
        return Ok(());
    }
    if let Some(cells) = x.as_slice_mut() {
        return par::fill_chunks(ctx, cells, p * CELLS.div_ceil(p), |_, rows| {
            for row in rows.chunks_exact_mut(p) {
                row.iter_mut().zip(values).for_each(|(cell, &value)| put(cell, value));
            }
        });
    }
    for (mut column, &value) in x.columns_mut().into_iter().zip(values) {
        ctx.check()?;
        column.iter_mut().for_each(|cell| put(cell, value));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    #[test]
    fn statistics_of_a_small_table() {
        let x = array![[1.0, f64::NAN, -0.0], [f64::NAN, f64::NAN, 0.0], [4.0, f64::NAN, 7.0]];
        let get = |what, marker| statistics(&Ctx::new(1), x.view(), what, marker).unwrap();
        assert_eq!(get(Statistic::Mean, f64::NAN), [Some(2.5), None, Some(7.0 / 3.0)]);
        assert_eq!(get(Statistic::Median, 7.0), [Some(2.5), None, Some(0.0)]);
        assert_eq!(get(Statistic::Mode, f64::NAN), [Some(1.0), None, Some(0.0)]);
    }

    #[test]
    fn integers_keep_what_floats_would_round() {
        let big = (1i64 << 53) + 1;
        let x = array![[big, 3], [big, 2], [1, 2], [1, 3], [-1, -1]];
        let got = integer_modes(&Ctx::new(1), x.view(), Some(-1)).unwrap();
        assert_eq!(got, [Some(1), Some(2)]);
        let got = integer_modes(&Ctx::new(1), x.slice(ndarray::s![..3, ..]), Some(-1)).unwrap();
        assert_eq!(got, [Some(big), Some(2)]);
    }

    #[test]
    fn fill_writes_missing_cells_alone_in_any_layout() {
        let holes = array![[1.0f32, f32::NAN], [9.0, 2.0], [f32::NAN, f32::NAN]];
        let want = array![[1.0f32, 5.0], [4.0, 2.0], [4.0, 5.0]];
        let (mut rows, mut columns) = (holes.clone(), holes.clone().reversed_axes());
        fill(&Ctx::new(1), rows.view_mut(), &[4.0, 5.0], 9.0).unwrap();
        assert_eq!(rows, want);
        let mut turned = Array2::from_shape_fn((2, 3), |(j, i)| holes[[i, j]]).reversed_axes();
        fill(&Ctx::new(1), turned.view_mut(), &[4.0, 5.0], 9.0).unwrap();
        assert_eq!(turned, want);
        assert!(fill(&Ctx::new(1), columns.view_mut(), &[4.0, 5.0], 9.0).is_err());
    }

    proptest! {
        #[test]
        fn mode_is_the_smallest_most_counted(x in prop::collection::vec(-4i64..4, 0..40)) {
            let count = |v: i64| x.iter().filter(|&&w| w == v).count();
            let want = x.iter().copied().max_by_key(|&v| (count(v), -v));
            prop_assert_eq!(mode(&mut x.clone()), want);
        }
    }
}
