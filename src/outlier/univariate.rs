//! Bounds of each column on its own, and how far rows are from them.

use ndarray::{ArrayView1, ArrayView2, s};

use crate::base::columns::map_columns;
use crate::base::float::Float;
use crate::base::radix::sort_numbers;
use crate::base::{Ctx, Error, Result, par, stats};

/// Rows between two looks at the stop flag.
const ROWS: usize = 1 << 14;
/// The interquartile range of a normal distribution over its mean absolute deviation.
const IQR_OF_MEAN: f64 = 1.348_979_500_392_163_5 * SD_OF_MEAN;
/// The standard deviation of a normal distribution over its median absolute deviation.
const SD_OF_MAD: f64 = 1.482_602_218_505_602;
/// The standard deviation of a normal distribution over its mean absolute deviation.
const SD_OF_MEAN: f64 = 1.253_314_137_315_500_3;

/// How a column's centre and scale are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The middle of the quartiles, and the range between them (Tukey 1977).
    Iqr,
    /// The median, and the median absolute deviation as a standard deviation (Hampel 1974).
    Mad,
    /// The mean and the standard deviation.
    Moments,
}

/// A column's centre, scale and bounds. A column without spread has scale 0 and no bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The most normal value; NaN where there is none.
    pub center: f64,
    /// What distances are counted in.
    pub scale: f64,
    /// The least value that is no outlier.
    pub lower: f64,
    /// The greatest value that is no outlier.
    pub upper: f64,
}

/// The bounds of each column: `limit` scales to each side of the centre. NaN is missing.
pub fn fit<T: Float>(ctx: &Ctx, x: ArrayView2<T>, rule: Rule, limit: f64) -> Result<Vec<Bounds>> {
    if !(limit > 0.0 && limit.is_finite()) {
        return Err(Error::Parameter(format!("the limit must be positive; got {limit}")));
    }
    map_columns(
        ctx,
        x,
        |v: T| (v.wide(), !v.is_missing()),
        |values: &mut [f64]| {
            let (center, scale) = match rule {
                Rule::Iqr => iqr(values),
                Rule::Mad => mad(values),
                Rule::Moments => moments(values),
            }
            .unwrap_or((f64::NAN, 0.0));
            let reach = limit * scale;
            if scale > 0.0 && reach.is_finite() {
                Bounds { center, scale, lower: center - reach, upper: center + reach }
            } else {
                Bounds { center, scale: 0.0, lower: f64::NEG_INFINITY, upper: f64::INFINITY }
            }
        },
    )
}

fn iqr(x: &mut [f64]) -> Option<(f64, f64)> {
    let (low, high) = (stats::quantile(x, 0.25)?, stats::quantile(x, 0.75)?);
    if high > low {
        return Some((low * 0.5 + high * 0.5, high - low));
    }
    // Half of the values or more are one: the range that a normal of their mean deviation has.
    Some((low, IQR_OF_MEAN * mean_deviation(x, low)?))
}

fn mad(x: &mut [f64]) -> Option<(f64, f64)> {
    let center = stats::median(x)?;
    let mut gaps: Vec<f64> = x.iter().map(|v| (v - center).abs()).collect();
    let mad = stats::median(&mut gaps)?;
    if mad > 0.0 {
        return Some((center, SD_OF_MAD * mad));
    }
    Some((center, SD_OF_MEAN * mean_deviation(x, center)?))
}

fn moments(x: &mut [f64]) -> Option<(f64, f64)> {
    // Sorted, so that rounding does not depend on the order of the rows.
    sort_numbers(x);
    let center = stats::mean(x)?;
    let squares: Vec<f64> = x.iter().map(|v| (v - center) * (v - center)).collect();
    Some((center, stats::mean(&squares)?.sqrt()))
}

fn mean_deviation(x: &mut [f64], center: f64) -> Option<f64> {
    // Sorted, so that rounding does not depend on the order of the rows.
    sort_numbers(x);
    let gaps: Vec<f64> = x.iter().map(|v| (v - center).abs()).collect();
    stats::mean(&gaps)
}

/// How many scales each row is within the bounds of the column where it is nearest to leaving
/// them: negative exactly where a cell is outside, at most `limit`. Missing cells count for
/// nothing.
pub fn decide<T: Float>(
    ctx: &Ctx,
    x: ArrayView2<T>,
    bounds: &[Bounds],
    limit: f64,
) -> Result<Vec<f64>> {
    same_columns(x.ncols(), bounds)?;
    let margin = |row: ArrayView1<T>| {
        row.iter().zip(bounds).fold(limit, |least, (v, b)| {
            let v = v.wide();
            // From the bounds themselves, so that the sign is exact.
            let room = (v - b.lower).min(b.upper - v) / b.scale;
            if b.scale > 0.0 && room < least { room } else { least }
        })
    };
    let mut out = vec![0.0; x.nrows()];
    par::fill_chunks(ctx, &mut out, ROWS, |first, chunk| {
        let rows = x.slice(s![first..first + chunk.len(), ..]);
        chunk.iter_mut().zip(rows.rows()).for_each(|(o, row)| *o = margin(row));
    })?;
    Ok(out)
}

/// The share of each cell in its row's deviation, by row: distances from the centre in scales,
/// over their sum. Rows that deviate nowhere get zeros.
pub fn shares<T: Float>(ctx: &Ctx, x: ArrayView2<T>, bounds: &[Bounds]) -> Result<Vec<f64>> {
    let p = x.ncols();
    same_columns(p, bounds)?;
    let mut out = vec![0.0; x.len()];
    par::fill_chunks(ctx, &mut out, p.max(1) * ROWS.div_ceil(p.max(1)), |first, chunk| {
        for (i, shares) in chunk.chunks_mut(p.max(1)).enumerate() {
            for ((share, v), b) in shares.iter_mut().zip(x.row(first / p.max(1) + i)).zip(bounds) {
                if b.scale > 0.0 && !v.is_missing() {
                    *share = (v.wide() - b.center).abs() / b.scale;
                }
            }
            let total: f64 = shares.iter().sum();
            if total > 0.0 {
                shares.iter_mut().for_each(|share| *share /= total);
            }
        }
    })?;
    Ok(out)
}

fn same_columns(p: usize, bounds: &[Bounds]) -> Result<()> {
    if p == bounds.len() {
        return Ok(());
    }
    Err(Error::Shape(format!("{p} columns, but bounds of {}", bounds.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    const NAN: f64 = f64::NAN;

    fn one(x: &[f64], rule: Rule, limit: f64) -> Bounds {
        let x = Array2::from_shape_vec((x.len(), 1), x.to_vec()).unwrap();
        fit(&Ctx::new(1), x.view(), rule, limit).unwrap()[0]
    }

    #[test]
    fn bounds_by_hand() {
        let b = one(&[1.0, 2.0, NAN, 3.0, 4.0, 5.0], Rule::Iqr, 2.0);
        assert_eq!((b.center, b.scale, b.lower, b.upper), (3.0, 2.0, -1.0, 7.0));
        let b = one(&[1.0, 2.0, 3.0, 4.0, 100.0], Rule::Mad, 3.5);
        assert_eq!((b.center, b.scale), (3.0, SD_OF_MAD));
        let b = one(&[1.0, 3.0, NAN], Rule::Moments, 3.0);
        assert_eq!((b.center, b.scale, b.lower, b.upper), (2.0, 1.0, -1.0, 5.0));
        assert!(fit(&Ctx::new(1), array![[1.0]].view(), Rule::Mad, 0.0).is_err());
    }

    #[test]
    fn no_spread_falls_back_and_then_flags_nothing() {
        let mut x = vec![5.0; 98];
        x.extend([5.0, 105.0]);
        let b = one(&x, Rule::Mad, 3.5);
        assert!((b.scale - SD_OF_MEAN).abs() < 1e-12 && b.upper < 105.0);
        let b = one(&x, Rule::Iqr, 2.0);
        assert!((b.scale - IQR_OF_MEAN).abs() < 1e-12 && b.upper < 105.0);
        for rule in [Rule::Iqr, Rule::Mad, Rule::Moments] {
            for x in [&[7.0, 7.0, 7.0][..], &[NAN, NAN], &[]] {
                let b = one(x, rule, 2.0);
                assert_eq!((b.scale, b.lower, b.upper), (0.0, f64::NEG_INFINITY, f64::INFINITY));
            }
            let huge = one(&[-f64::MAX, f64::MAX, 0.0, 1.0, f64::MAX], rule, 3.0);
            assert_eq!((huge.lower, huge.upper), (f64::NEG_INFINITY, f64::INFINITY));
        }
    }

    #[test]
    fn shares_add_up_and_missing_cells_have_none() {
        let b = Bounds { center: 0.0, scale: 1.0, lower: -2.0, upper: 2.0 };
        let flat = Bounds { scale: 0.0, ..b };
        let x = array![[3.0, 1.0, 9.0], [NAN, -2.0, NAN], [0.0, NAN, 5.0]];
        let got = shares(&Ctx::new(1), x.view(), &[b, b, flat]).unwrap();
        assert_eq!(got, [0.75, 0.25, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(shares(&Ctx::new(1), x.view(), &[b]).is_err());
    }

    proptest! {
        #[test]
        fn negative_exactly_outside(
            cells in prop::collection::vec(prop_oneof![9 => -50.0f64..50.0, 1 => Just(NAN)], 3..90),
            limit in 0.5f64..4.0,
        ) {
            let n = cells.len() / 3;
            let x = Array2::from_shape_vec((n, 3), cells[..n * 3].to_vec()).unwrap();
            for rule in [Rule::Iqr, Rule::Mad, Rule::Moments] {
                let bounds = fit(&Ctx::new(1), x.view(), rule, limit).unwrap();
                let got = decide(&Ctx::new(1), x.view(), &bounds, limit).unwrap();
                for (row, d) in x.rows().into_iter().zip(got) {
                    let out = row.iter().zip(&bounds).any(|(v, b)| *v < b.lower || *v > b.upper);
                    prop_assert_eq!(d < 0.0, out);
                    prop_assert!(d <= limit);
                }
            }
        }
    }
}
