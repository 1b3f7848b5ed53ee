//! The probability that a label is right, given the row's probabilities and how labels go wrong.
//!
//! The true class has the probabilities q, in proportion to p^b: out-of-fold probabilities of a
//! model that learned from wrong labels are too flat, those of an overfitted one too sharp. Labels
//! come from the true class by the noise matrix T. The sharpness b is that under which the given
//! labels are most likely; by Bayes' rule a label y is right with q_y T_yy / sum_j q_j T_yj.

use ndarray::ArrayView2;

use super::margin::rival;
use super::rows::{ROWS, Rows, check, sum};
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
        let (mut row, mut raised) = (vec![0.0; k], vec![0.0; k]);
        let mut sums = [0.0; POWERS.len()];
        for i in start..end {
            let at = i * n / size;
            rows.load(at, &mut row);
            let weight = weights.map_or(1.0, |w| w[at]);
            let from = &noise[y[at] as usize * k..][..k];
            for (power, likely) in sums.iter_mut().enumerate() {
                raise(&row, power, &mut raised);
                let all = sum(&raised);
                let label: f64 = raised.iter().zip(from).map(|(q, t)| q * t).sum();
                *likely += weight * (label / all).max(f64::MIN_POSITIVE).ln();
            }
        }
        sums
    })?;
    let total = |power: usize| parts.iter().map(|part| part[power]).sum::<f64>();
    let best = |a: usize, b: usize| if total(b) > total(a) { b } else { a };
    Ok((0..POWERS.len()).reduce(best).unwrap_or(2))
}

/// Writes each probability to the given power, at least [`LEAST`] before.
fn raise(row: &[f64], power: usize, out: &mut [f64]) {
    let cells = out.iter_mut().zip(row.iter().map(|&v| if v > LEAST { v } else { LEAST }));
    match power {
        0 => cells.for_each(|(o, v)| *o = v.sqrt()),
        1 => cells.for_each(|(o, v)| *o = v.sqrt() * v.sqrt().sqrt()),
        2 => cells.for_each(|(o, v)| *o = v),
        3 => cells.for_each(|(o, v)| *o = v * v.sqrt()),
        4 => cells.for_each(|(o, v)| *o = v * v),
        5 => cells.for_each(|(o, v)| *o = v * v * v),
        6 => cells.for_each(|(o, v)| *o = (v * v) * (v * v)),
        _ => cells.for_each(|(o, v)| *o = (v * v) * (v * v) * (v * v)),
    }
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
    // Which rows are doubted stands in the sign, so that one array is written and no second one.
    let (mut quality, rows) = (vec![0.0; y.len()], Rows::new(p));
    par::fill_chunks(ctx, &mut quality, ROWS, |first, chunk| {
        let (mut row, mut part) = (vec![0.0; k], vec![0.0; k]);
        for (i, o) in chunk.iter_mut().enumerate() {
            let label = y[first + i] as usize;
            rows.load(first + i, &mut row);
            let own = row[label];
            let ahead = row.iter().filter(|v| **v > own).count();
            parts(&row, &noise[label * k..][..k], power, &mut part);
            let all = sum(&part);
            let right = if all > 0.0 { part[label] / all } else { 1.0 };
            *o = if ahead > 0 { -right } else { right };
        }
    })?;
    let marked = quality.iter().enumerate().filter(|(_, q)| q.is_sign_negative());
    let doubted: Vec<i64> = marked.map(|(row, _)| row as i64).collect();
    quality.iter_mut().for_each(|q| *q = q.abs());
    let mut other = vec![0; doubted.len()];
    par::fill_chunks(ctx, &mut other, ROWS, |first, chunk| {
        let (mut row, mut part) = (vec![0.0; k], vec![0.0; k]);
        for (o, &at) in chunk.iter_mut().zip(&doubted[first..]) {
            let label = y[at as usize] as usize;
            rows.load(at as usize, &mut row);
            parts(&row, &noise[label * k..][..k], power, &mut part);
            *o = i64::from(rival(&part, label).0);
        }
    })?;
    Ok(Verdicts { quality, doubted, other })
}

/// Writes how much speaks for each true class: its probability to the power, times that of the
/// label where the class is true.
fn parts(row: &[f64], from: &[f64], power: usize, out: &mut [f64]) {
    raise(row, power, out);
    out.iter_mut().zip(from).for_each(|(q, t)| *q *= t);
}
