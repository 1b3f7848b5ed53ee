//! Scores by how far in the tails of its columns a row lies: ECOD (Li et al. 2022) and COPOD (Li et
//! al. 2020).

use ndarray::{ArrayView2, s};

use crate::base::float::Float;
use crate::base::radix::order;
use crate::base::{Ctx, Error, Result, par};

/// Rows that are gathered together.
const ROWS: usize = 1 << 12;
/// Cells that are scored together, column after column: many, so that a column stays in the cache.
const CELLS: usize = 1 << 19;
/// Columns that are read together: a cache line of cells.
const WIDTH: usize = 8;
/// Values of a column between two of its coarse list.
const STEP: usize = 64;

/// The distribution of a column: its known values in order, and which tail counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    values: Vec<f64>,
    /// Every [`STEP`]th value: looked at first, because it stays in the cache.
    coarse: Vec<f64>,
    /// The skewness.
    pub skew: f64,
}

impl Column {
    /// A column of its values in order.
    pub fn new(values: Vec<f64>, skew: f64) -> Result<Column> {
        if !values.is_sorted() || skew.is_nan() {
            return Err(Error::State("a column's values are not in order".into()));
        }
        let coarse = values.iter().copied().step_by(STEP).collect();
        Ok(Column { values, coarse, skew })
    }

    /// The known values in order.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// How many values are below, and how many are at most, a value.
    fn counts(&self, v: f64) -> (usize, usize) {
        let n = self.values.len();
        let part = self.coarse.partition_point(|&c| c <= v);
        let start = part.saturating_sub(1) * STEP;
        let end = (part * STEP).min(n);
        let most = start + self.values[start..end].partition_point(|&c| c <= v);
        let twin = |back: usize| most >= back && self.values[most - back] == v;
        let below = match (twin(1), twin(2)) {
            (false, _) => most,
            (true, false) => most - 1,
            _ => self.values[..most].partition_point(|&c| c < v),
        };
        (below, most)
    }

    /// The evidence of the left and of the right tail: minus the logarithm of the share of values
    /// that are as far out.
    fn evidence(&self, v: f64) -> (f64, f64) {
        let n = self.values.len();
        if v.is_nan() || n == 0 {
            return (0.0, 0.0);
        }
        let (below, most) = self.counts(v);
        (rarity(n, most), rarity(n, n - below))
    }
}

/// Minus the logarithm of a share of `n` values; what is beyond all of them counts as one more of
/// its kind.
fn rarity(n: usize, count: usize) -> f64 {
    let n = n as f64;
    if count > 0 { (n / count as f64).ln() } else { (n + 1.0).ln() }
}

/// The distribution of each column, and the score of each row. NaN is missing.
pub fn fit<T: Float>(ctx: &Ctx, x: ArrayView2<T>) -> Result<(Vec<Column>, Vec<f64>)> {
    let n = x.nrows();
    let mut columns = Vec::with_capacity(x.ncols());
    let mut all = vec![[0.0; 3]; n];
    for start in (0..x.ncols()).step_by(WIDTH) {
        let group = x.slice(s![.., start..(start + WIDTH).min(x.ncols())]);
        let cells = gather(ctx, group)?;
        let made = par::map(ctx, group.ncols(), |j| ranked(&cells[j * n..(j + 1) * n]))?;
        let made = made.into_iter().collect::<Result<Vec<_>>>()?;
        par::fill_chunks(ctx, &mut all, ROWS, |first, sums| {
            for (column, tails) in &made {
                let tails = &tails[first..first + sums.len()];
                sums.iter_mut().zip(tails).for_each(|(sum, &tails)| add(sum, tails, column.skew));
            }
        })?;
        columns.extend(made.into_iter().map(|(column, _)| column));
    }
    Ok((columns, all.into_iter().map(|sum| sum[largest(sum)]).collect()))
}

/// The cells of some columns, column after column.
fn gather<T: Float>(ctx: &Ctx, x: ArrayView2<T>) -> Result<Vec<f64>> {
    let (n, width) = x.dim();
    let parts = par::map_chunks(ctx, n, ROWS, |a, b| {
        let mut part = vec![0.0; (b - a) * width];
        for (i, row) in x.slice(s![a..b, ..]).rows().into_iter().enumerate() {
            // A zero has no sign.
            row.iter().enumerate().for_each(|(j, v)| part[j * (b - a) + i] = v.wide() + 0.0);
        }
        part
    })?;
    let mut cells = Vec::with_capacity(n * width);
    for j in 0..width {
        for part in &parts {
            let rows = part.len() / width;
            cells.extend_from_slice(&part[j * rows..(j + 1) * rows]);
        }
    }
    Ok(cells)
}

/// The distribution of a column, and the evidence of its cells.
fn ranked(cells: &[f64]) -> Result<(Column, Vec<(f64, f64)>)> {
    let mut order = order(cells);
    let n = order.partition_point(|&i| !cells[i as usize].is_nan());
    order.truncate(n);
    let values: Vec<f64> = order.iter().map(|&i| cells[i as usize]).collect();
    let logs: Vec<f64> = (0..=n).map(|count| rarity(n, count)).collect();
    let mut tails = vec![(0.0, 0.0); cells.len()];
    let mut below = 0;
    for run in values.chunk_by(|a, b| a == b) {
        let most = below + run.len();
        for &i in &order[below..most] {
            tails[i as usize] = (logs[most], logs[n - below]);
        }
        below = most;
    }
    let skew = skewness(&values);
    Ok((Column::new(values, skew)?, tails))
}

/// The third moment over the standard deviation cubed; 0 for a column without spread.
fn skewness(sorted: &[f64]) -> f64 {
    let (Some(low), Some(high)) = (sorted.first(), sorted.last()) else { return 0.0 };
    let (middle, half) = (low * 0.5 + high * 0.5, high * 0.5 - low * 0.5);
    if half <= 0.0 || half.is_nan() {
        return 0.0;
    }
    // Within [-1, 1], so that no power overflows.
    let n = sorted.len() as f64;
    let unit = |v: f64| (v - middle) / half;
    let mean = sorted.iter().map(|&v| unit(v)).sum::<f64>() / n;
    let (square, cube) = sorted.iter().fold((0.0, 0.0), |(square, cube), &v| {
        let gap = unit(v) - mean;
        (square + gap * gap, cube + gap * gap * gap)
    });
    let deviation = (square / n).sqrt();
    if deviation > 0.0 { cube / n / deviation.powi(3) } else { 0.0 }
}

/// Each row's largest of three sums over columns: left tails, right tails, and the tails on the
/// side of each column's skew. Missing cells add nothing.
pub fn score<T: Float>(ctx: &Ctx, x: ArrayView2<T>, columns: &[Column]) -> Result<Vec<f64>> {
    same_columns(x.ncols(), columns)?;
    let mut out = vec![0.0; x.nrows()];
    let size = (CELLS / x.ncols().max(1)).clamp(1 << 8, 1 << 14);
    par::fill_chunks(ctx, &mut out, size, |first, out| {
        let sums = sums(x.slice(s![first..first + out.len(), ..]), columns);
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum[largest(sum)]);
    })?;
    Ok(out)
}

/// The sums of left tails, right tails, and tails on the side of the skew, by row.
fn sums<T: Float>(x: ArrayView2<T>, columns: &[Column]) -> Vec<[f64; 3]> {
    let mut sums = vec![[0.0; 3]; x.nrows()];
    for (cells, column) in x.columns().into_iter().zip(columns) {
        for (sum, v) in sums.iter_mut().zip(cells) {
            add(sum, column.evidence(v.wide()), column.skew);
        }
    }
    sums
}

fn add(sum: &mut [f64; 3], (left, right): (f64, f64), skew: f64) {
    sum[0] += left;
    sum[1] += right;
    sum[2] += if skew < 0.0 { left } else { right };
}

fn largest(sums: [f64; 3]) -> usize {
    let one = usize::from(sums[1] > sums[0]);
    if sums[2] > sums[one] { 2 } else { one }
}

/// The share of each column in each row's score, by row; zeros for a row with the score zero.
pub fn shares<T: Float>(ctx: &Ctx, x: ArrayView2<T>, columns: &[Column]) -> Result<Vec<f64>> {
    let p = x.ncols();
    same_columns(p, columns)?;
    let mut out = vec![0.0; x.len()];
    par::fill_chunks(ctx, &mut out, p.max(1) * 256, |first, out| {
        let first = first / p.max(1);
        let part = x.slice(s![first..first + out.len() / p.max(1), ..]);
        let sums = sums(part, columns);
        for (j, (cells, column)) in part.columns().into_iter().zip(columns).enumerate() {
            for (i, v) in cells.iter().enumerate() {
                let (left, right) = column.evidence(v.wide());
                let which = largest(sums[i]);
                let by_left = which == 0 || (which == 2 && column.skew < 0.0);
                if sums[i][which] > 0.0 {
                    out[i * p + j] = if by_left { left } else { right } / sums[i][which];
                }
            }
        }
    })?;
    Ok(out)
}

fn same_columns(p: usize, columns: &[Column]) -> Result<()> {
    if p == columns.len() {
        return Ok(());
    }
    Err(Error::Shape(format!("{p} columns, but distributions of {}", columns.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    const NAN: f64 = f64::NAN;

    /// The scores by counting, as the papers have them.
    fn obvious(fit: &Array2<f64>, x: &Array2<f64>) -> Vec<f64> {
        let one = |row: ndarray::ArrayView1<f64>| {
            let mut sums = [0.0; 3];
            for (column, &v) in fit.columns().into_iter().zip(row) {
                let known: Vec<f64> = column.iter().copied().filter(|v| !v.is_nan()).collect();
                if v.is_nan() || known.is_empty() {
                    continue;
                }
                let n = known.len() as f64;
                let mean = known.iter().sum::<f64>() / n;
                let third: f64 = known.iter().map(|v| (v - mean).powi(3)).sum();
                let tail = |count: usize| {
                    -(if count == 0 { 1.0 / (n + 1.0) } else { count as f64 / n }).ln()
                };
                let left = tail(known.iter().filter(|&&k| k <= v).count());
                let right = tail(known.iter().filter(|&&k| k >= v).count());
                sums[0] += left;
                sums[1] += right;
                sums[2] += if third < -1e-9 { left } else { right };
            }
            sums.into_iter().fold(0.0, f64::max)
        };
        x.rows().into_iter().map(one).collect()
    }

    proptest! {
        #[test]
        fn scores_are_those_of_counting(
            cells in prop::collection::vec(
                prop_oneof![6 => -50.0f64..50.0, 4 => (-3i32..4).prop_map(|v| f64::from(v * v * v)),
                            1 => Just(NAN)], 3..900),
        ) {
            let n = cells.len() / 3;
            let x = Array2::from_shape_vec((n, 3), cells[..n * 3].to_vec()).unwrap();
            let ctx = Ctx::new(1);
            let half = x.slice(s![..n.div_ceil(2), ..]).to_owned();
            let (columns, own) = fit(&ctx, half.view()).unwrap();
            prop_assert_eq!(own, score(&ctx, half.view(), &columns).unwrap());
            prop_assume!(columns.iter().all(|c| c.skew.abs() > 1e-6 || c.skew == 0.0));
            let got = score(&ctx, x.view(), &columns).unwrap();
            for (got, want) in got.iter().zip(obvious(&half, &x)) {
                prop_assert!((got - want).abs() < 1e-9, "{got} {want}");
            }
            let shares = shares(&ctx, x.view(), &columns).unwrap();
            for (shares, score) in shares.chunks(3).zip(got) {
                let total: f64 = shares.iter().sum();
                prop_assert!((total - f64::from(u8::from(score > 0.0))).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn no_spread_and_extremes() {
        let ctx = Ctx::new(1);
        let x = array![[1.0, NAN, f64::MAX], [1.0, NAN, -f64::MAX], [1.0, NAN, f64::MAX]];
        let (columns, _) = fit(&ctx, x.view()).unwrap();
        assert_eq!((columns[0].skew, columns[1].skew), (0.0, 0.0));
        assert!(columns[2].skew < 0.0);
        let got = score(&ctx, x.view(), &columns).unwrap();
        assert!(got.iter().all(|s| s.is_finite()));
        assert_eq!(score(&ctx, array![[NAN, 3.0, NAN]].view(), &columns).unwrap(), [0.0]);
        assert!(score(&ctx, array![[1.0]].view(), &columns).is_err());
        assert!(Column::new(vec![2.0, 1.0], 0.0).is_err());
        assert!((skewness(&[0.0, 0.0, 3.0]) - 0.5f64.sqrt()).abs() < 1e-12);
    }
}
