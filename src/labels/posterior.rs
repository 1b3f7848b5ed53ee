//! The probability that a label is right, given the row's probabilities and how labels go wrong.
//!
//! The true class has the probabilities q, in proportion to p^b: out-of-fold probabilities of a
//! model that learned from wrong labels are too flat, those of an overfitted one too sharp. Labels
//! come from the true class by the noise matrix T. The sharpness b is that under which the given
//! labels are most likely; by Bayes' rule a label y is right with q_y T_yy / sum_j q_j T_yj.

use ndarray::ArrayView2;

use super::margin::rival;
use super::rows::{LANES, ROWS, Rows, check};
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, par};

/// The powers that are tried.
pub const POWERS: [f64; 8] = [0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];
/// Probabilities are at least this: a class is never quite impossible.
const LEAST: f64 = 1e-6;
/// The power is chosen on so many rows, evenly spread.
const SAMPLE: usize = 10_000;
/// Rows of a chunk of the sample.
const FEW: usize = 1 << 10;

/// What is known about labels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdicts {
    /// By row: the probability that the label is right.
    pub quality: Vec<f64>,
    /// The rows where another class has a greater probability in `p` than the label.
    pub doubted: Vec<i64>,
    /// Of each of these rows, the most probable true class but the label.
    pub other: Vec<i64>,
}

/// Checks that the noise matrix (by given label, then by true class) fits.
fn check_noise(noise: &[f64], k: usize) -> Result<()> {
    if noise.len() == k * k && noise.iter().all(|v| v.is_finite() && *v >= 0.0) {
        return Ok(());
    }
    Err(Error::Shape(format!("the noise matrix must be {k} x {k} numbers from 0 on")))
}

/// The power (the number of it in [`POWERS`]) under which the labels are most likely.
pub fn sharpness<T: Float>(
    ctx: &Ctx,
    p: ArrayView2<T>,
    y: &[u32],
    noise: &[f64],
    weights: Option<&[f64]>,
) -> Result<usize> {
    check(p, y, weights)?;
    let (n, k) = p.dim();
    check_noise(noise, k)?;
    let (size, rows) = (n.min(SAMPLE), Rows::new(p));
    let parts = par::map_chunks(ctx, size, FEW, |start, end| {
        let (mut buffer, mut sums) = (Vec::new(), [0.0; POWERS.len()]);
        for i in start..end {
            let at = i * n / size;
            let row = rows.row(at, &mut buffer);
            let weight = weights.map_or(1.0, |w| w[at]);
            let from = &noise[y[at] as usize * k..][..k];
            for (power, likely) in sums.iter_mut().enumerate() {
                let (all, label) = totals(row, from, power);
                *likely += weight * (label / all).max(f64::MIN_POSITIVE).ln();
            }
        }
        sums
    })?;
    let total = |power: usize| parts.iter().map(|part| part[power]).sum::<f64>();
    let best = |a: usize, b: usize| if total(b) > total(a) { b } else { a };
    Ok((0..POWERS.len()).reduce(best).unwrap_or(2))
}

/// The probability to the given power, at least [`LEAST`] before.
#[inline(always)]
fn raise(v: f64, power: usize) -> f64 {
    let v = if v > LEAST { v } else { LEAST };
    match power {
        0 => v.sqrt(),
        1 => v.sqrt() * v.sqrt().sqrt(),
        2 => v,
        3 => v * v.sqrt(),
        4 => v * v,
        5 => v * v * v,
        6 => (v * v) * (v * v),
        _ => (v * v) * (v * v) * (v * v),
    }
}

/// The sum of the powers of a row, and that of the powers times `from`.
#[inline]
fn totals<T: Float>(row: &[T], from: &[f64], power: usize) -> (f64, f64) {
    // The power is looked up once for a row, so that the loop over it has no branch.
    match power {
        0 => lanes(row, from, |v| raise(v, 0)),
        1 => lanes(row, from, |v| raise(v, 1)),
        2 => lanes(row, from, |v| raise(v, 2)),
        3 => lanes(row, from, |v| raise(v, 3)),
        4 => lanes(row, from, |v| raise(v, 4)),
        5 => lanes(row, from, |v| raise(v, 5)),
        6 => lanes(row, from, |v| raise(v, 6)),
        _ => lanes(row, from, |v| raise(v, 7)),
    }
}

#[inline(always)]
fn lanes<T: Float>(row: &[T], from: &[f64], raised: impl Fn(f64) -> f64) -> (f64, f64) {
    let (mut all, mut label) = ([0.0; LANES], [0.0; LANES]);
    let ((whole, rest), (by, left)) = (row.as_chunks::<LANES>(), from.as_chunks::<LANES>());
    let mut add = |lane: usize, v: T, t: f64| {
        let q = raised(v.wide());
        all[lane] += q;
        label[lane] += q * t;
    };
    for (cells, by) in whole.iter().zip(by) {
        (0..LANES).for_each(|lane| add(lane, cells[lane], by[lane]));
    }
    rest.iter().zip(left).enumerate().for_each(|(lane, (v, t))| add(lane, *v, *t));
    (all.iter().sum(), label.iter().sum())
}

/// The verdicts on all labels.
pub fn verdicts<T: Float>(
    ctx: &Ctx,
    p: ArrayView2<T>,
    y: &[u32],
    noise: &[f64],
    power: usize,
) -> Result<Verdicts> {
    check(p, y, None)?;
    let k = p.ncols();
    check_noise(noise, k)?;
    let rows = Rows::new(p);
    let parts = par::map_chunks(ctx, y.len(), ROWS, |start, end| {
        let (mut buffer, mut part) = (Vec::new(), vec![0.0; k]);
        let mut found = Verdicts { quality: Vec::with_capacity(end - start), ..Default::default() };
        for (i, &label) in (start..end).zip(&y[start..end]) {
            let (row, label) = (rows.row(i, &mut buffer), label as usize);
            let from = &noise[label * k..][..k];
            let (_, all) = totals(row, from, power);
            let own = row[label].wide();
            let right = raise(own, power) * from[label];
            found.quality.push(if all > 0.0 { right / all } else { 1.0 });
            if greatest(row) > own {
                let cells = part.iter_mut().zip(row).zip(from);
                cells.for_each(|((o, v), t)| *o = raise(v.wide(), power) * t);
                found.doubted.push(i as i64);
                found.other.push(i64::from(rival(&part, label).0));
            }
        }
        found
    })?;
    let mut all = Verdicts { quality: Vec::with_capacity(y.len()), ..Default::default() };
    for part in parts {
        all.quality.extend(part.quality);
        all.doubted.extend(part.doubted);
        all.other.extend(part.other);
    }
    Ok(all)
}

/// The greatest of a row.
#[inline]
fn greatest<T: Float>(row: &[T]) -> f64 {
    let mut most = [0.0; LANES];
    let (whole, rest) = row.as_chunks::<LANES>();
    let mut see = |lane: usize, v: f64| most[lane] = if v > most[lane] { v } else { most[lane] };
    for cells in whole {
        (0..LANES).for_each(|lane| see(lane, cells[lane].wide()));
    }
    rest.iter().enumerate().for_each(|(lane, v)| see(lane, v.wide()));
    most.into_iter().fold(0.0, f64::max)
}
