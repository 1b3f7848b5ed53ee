//! Scores by the histogram of each column: HBOS (Goldstein and Dengel 2012).

use ndarray::{ArrayView2, s};

use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, par};

/// Rows between two looks at the stop flag.
const ROWS: usize = 1 << 12;
/// How many rows an empty bin counts for.
const EMPTY: f64 = 0.5;

/// How many bins a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bins {
    /// As many as this.
    Fixed(usize),
    /// The square root of the number of its values, as the paper advises.
    Root,
}

/// The histogram of a column: bins of one width from the least to the greatest value.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// The least value; NaN where none is known.
    pub low: f64,
    /// The greatest value.
    pub high: f64,
    /// By bin, the logarithm of the highest bin over this one, and that of an empty bin at last.
    pub rarity: Vec<f64>,
}

impl Histogram {
    /// Of the rows by bin; without known values, nothing is rare.
    fn new(low: f64, high: f64, counts: &[u32]) -> Histogram {
        let most = f64::from(counts.iter().copied().max().unwrap_or(0));
        if most == 0.0 {
            return Histogram { low: f64::NAN, high: f64::NAN, rarity: vec![0.0; 2] };
        }
        let rarity = counts.iter().map(|&c| (most / f64::from(c).max(EMPTY)).ln()).collect();
        Histogram { low, high, rarity }
    }

    fn place(&self) -> Place {
        Place::new(self.low, self.high, self.rarity.len() - 1)
    }
}

/// The least and the greatest known value of each column, and how many are known.
struct Ends {
    low: Vec<f64>,
    high: Vec<f64>,
    known: Vec<u32>,
}

impl Ends {
    fn of<T: Float>(x: ArrayView2<T>) -> Ends {
        let p = x.ncols();
        let (mut low, mut high) = (vec![f64::INFINITY; p], vec![f64::NEG_INFINITY; p]);
        let mut known = vec![0u32; p];
        for row in x.rows() {
            for (j, v) in row.iter().enumerate() {
                let v = v.wide();
                // False for NaN.
                low[j] = if v < low[j] { v } else { low[j] };
                high[j] = if v > high[j] { v } else { high[j] };
                known[j] += u32::from(!v.is_nan());
            }
        }
        Ends { low, high, known }
    }

    fn join(&mut self, other: &Ends) {
        for j in 0..self.low.len() {
            self.low[j] = self.low[j].min(other.low[j]);
            self.high[j] = self.high[j].max(other.high[j]);
            self.known[j] += other.known[j];
        }
    }
}

/// In which bin a value is.
struct Place {
    low: f64,
    high: f64,
    half: f64,
    scale: f64,
    bins: usize,
}

impl Place {
    fn new(low: f64, high: f64, bins: usize) -> Place {
        // Halves, so that the width does not overflow; of a width too small to divide by, one bin.
        let scale = bins as f64 / (high * 0.5 - low * 0.5);
        let scale = if scale.is_finite() { scale } else { 0.0 };
        Place { low, high, half: low * 0.5, scale, bins }
    }

    /// The bin of a value; the last one, which is empty, for a value beyond all.
    #[inline]
    fn of(&self, v: f64) -> usize {
        // Within the bounds the place is small and not negative.
        let at = ((v * 0.5 - self.half) * self.scale) as i64 as usize;
        if (v >= self.low) & (v <= self.high) { at.min(self.bins - 1) } else { self.bins }
    }
}

/// The histogram of each column. NaN is missing.
pub fn fit<T: Float>(ctx: &Ctx, x: ArrayView2<T>, bins: Bins) -> Result<Vec<Histogram>> {
    if bins == Bins::Fixed(0) {
        return Err(Error::Parameter("n_bins must be at least 1".into()));
    }
    // Rows a chunk: so many that the counts of all chunks are few.
    let size = x.nrows().div_ceil(16).max(ROWS);
    let parts = par::map_chunks(ctx, x.nrows(), size, |a, b| Ends::of(x.slice(s![a..b, ..])))?;
    let mut ends = Ends::of(x.slice(s![..0, ..]));
    parts.iter().for_each(|part| ends.join(part));
    let count = |known: u32| match bins {
        Bins::Fixed(bins) => bins,
        Bins::Root => (f64::from(known).sqrt().ceil() as usize).max(1),
    };
    let mut places = Vec::with_capacity(x.ncols());
    let mut starts = vec![0];
    for ((&low, &high), &known) in ends.low.iter().zip(&ends.high).zip(&ends.known) {
        places.push(Place::new(low, high, count(known)));
        starts.push(starts[starts.len() - 1] + count(known) + 1);
    }
    let total = starts[x.ncols()];
    let parts = par::map_chunks(ctx, x.nrows(), size, |a, b| {
        let mut counts = vec![0u32; total];
        for row in x.slice(s![a..b, ..]).rows() {
            for (j, v) in row.iter().enumerate() {
                let v = v.wide();
                counts[starts[j] + places[j].of(v)] += u32::from(!v.is_nan());
            }
        }
        counts
    })?;
    let mut counts = vec![0u32; total];
    for part in &parts {
        counts.iter_mut().zip(part).for_each(|(all, part)| *all += part);
    }
    let column =
        |j: usize| Histogram::new(ends.low[j], ends.high[j], &counts[starts[j]..starts[j + 1]]);
    Ok((0..x.ncols()).map(column).collect())
}

/// Calls `f(row, column, rarity)` for the known cells of some rows, row after row.
fn each<T: Float>(x: ArrayView2<T>, columns: &[Histogram], mut f: impl FnMut(usize, usize, f64)) {
    let places: Vec<Place> = columns.iter().map(Histogram::place).collect();
    for (i, row) in x.rows().into_iter().enumerate() {
        for (j, ((v, column), place)) in row.iter().zip(columns).zip(&places).enumerate() {
            let v = v.wide();
            if !v.is_nan() {
                f(i, j, column.rarity[place.of(v)]);
            }
        }
    }
}

/// The sum over columns of how rare a row's bins are. Missing cells add nothing.
pub fn score<T: Float>(ctx: &Ctx, x: ArrayView2<T>, columns: &[Histogram]) -> Result<Vec<f64>> {
    check(x.ncols(), columns)?;
    let mut out = vec![0.0; x.nrows()];
    par::fill_chunks(ctx, &mut out, ROWS, |first, out| {
        let part = x.slice(s![first..first + out.len(), ..]);
        each(part, columns, |i, _, rarity| out[i] += rarity);
    })?;
    Ok(out)
}

/// The share of each column in each row's score, by row; zeros for a row with the score zero.
pub fn shares<T: Float>(ctx: &Ctx, x: ArrayView2<T>, columns: &[Histogram]) -> Result<Vec<f64>> {
    let p = x.ncols().max(1);
    check(x.ncols(), columns)?;
    let mut out = vec![0.0; x.len()];
    par::fill_chunks(ctx, &mut out, p * 256, |first, out| {
        let first = first / p;
        let part = x.slice(s![first..first + out.len() / p, ..]);
        each(part, columns, |i, j, rarity| out[i * p + j] = rarity);
        for shares in out.chunks_mut(p) {
            let total: f64 = shares.iter().sum();
            if total > 0.0 {
                shares.iter_mut().for_each(|share| *share /= total);
            }
        }
    })?;
    Ok(out)
}

fn check(p: usize, columns: &[Histogram]) -> Result<()> {
    if p != columns.len() {
        return Err(Error::Shape(format!("{p} columns, but histograms of {}", columns.len())));
    }
    if columns.iter().any(|c| c.rarity.len() < 2) {
        return Err(Error::State("a histogram has no bin".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    const NAN: f64 = f64::NAN;

    proptest! {
        #[test]
        fn scores_are_those_of_counting(
            cells in prop::collection::vec(
                prop_oneof![8 => -50.0f64..50.0, 1 => Just(NAN)], 2..300),
            bins in 1usize..20,
        ) {
            let n = cells.len() / 2;
            let x = Array2::from_shape_vec((n, 2), cells[..n * 2].to_vec()).unwrap();
            let ctx = Ctx::new(1);
            let columns = fit(&ctx, x.view(), Bins::Fixed(bins)).unwrap();
            let got = score(&ctx, x.view(), &columns).unwrap();
            for (i, row) in x.rows().into_iter().enumerate() {
                let mut want = 0.0;
                for (j, v) in row.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
                    let known: Vec<f64> =
                        x.column(j).iter().copied().filter(|v| !v.is_nan()).collect();
                    let low = known.iter().copied().fold(f64::INFINITY, f64::min);
                    let high = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let bin = |v: f64| {
                        let at = if high > low { (v - low) / (high - low) } else { 0.0 };
                        ((at * bins as f64) as usize).min(bins - 1)
                    };
                    let mut counts = vec![0.0; bins];
                    known.iter().for_each(|&k| counts[bin(k)] += 1.0);
                    let most = counts.iter().copied().fold(0.0, f64::max);
                    want += f64::ln(most / counts[bin(*v)]);
                }
                prop_assert!((got[i] - want).abs() < 1e-9, "{} {want}", got[i]);
            }
            for (shares, score) in shares(&ctx, x.view(), &columns).unwrap().chunks(2).zip(got) {
                let total: f64 = shares.iter().sum();
                prop_assert!((total - f64::from(u8::from(score > 0.0))).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn beyond_and_without_spread() {
        let ctx = Ctx::new(1);
        let x = array![[3.0, NAN, f64::MAX], [3.0, NAN, -f64::MAX], [3.0, NAN, 0.0]];
        for bins in [Bins::Fixed(4), Bins::Root] {
            let columns = fit(&ctx, x.view(), bins).unwrap();
            let got = score(&ctx, array![[3.0, 1.0, NAN], [4.0, 1.0, 0.0]].view(), &columns);
            assert_eq!(got.unwrap(), [0.0, 6f64.ln()]);
        }
        let columns = fit(&ctx, array![[0.0], [5e-324]].view(), Bins::Fixed(3)).unwrap();
        assert!(score(&ctx, array![[5e-324]].view(), &columns).unwrap()[0] == 0.0);
        assert!(fit(&ctx, x.view(), Bins::Fixed(0)).is_err());
        assert!(score(&ctx, array![[1.0]].view(), &columns[..0]).is_err());
    }
}
