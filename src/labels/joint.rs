//! The confident joint of given and true labels (Northcutt, Jiang and Chuang 2021).

use ndarray::ArrayView2;

use super::rows::{ROWS, Rows, check, sum};
use crate::base::float::Float;
use crate::base::{Ctx, Error, Result, par};

/// How far a row's probabilities may be from adding up to 1.
const SLACK: f64 = 0.01;
/// No class is confident.
pub const NONE: u32 = u32::MAX;
/// The row is no row of probabilities.
const WRONG: u32 = u32::MAX - 1;

/// What confident rows say about labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Joint {
    /// By class: the mean probability of the class over the rows that have its label; NaN where
    /// there is none.
    pub thresholds: Vec<f64>,
    /// By class: the weight of the rows that have its label.
    pub counts: Vec<f64>,
    /// By given label, then by confident class: the weight of the rows.
    pub joint: Vec<f64>,
    /// By row: the most probable of the classes that reach their thresholds, or [`NONE`].
    pub confident: Vec<u32>,
}

/// Counts the confident joint. Refuses rows that are no probabilities, and names the first.
pub fn confident<T: Float>(
    ctx: &Ctx,
    p: ArrayView2<T>,
    y: &[u32],
    weights: Option<&[f64]>,
) -> Result<Joint> {
    check(p, y, weights)?;
    let k = p.ncols();
    let (thresholds, counts) = thresholds(ctx, p, y, weights)?;
    let confident = classes(ctx, p, &thresholds)?;
    // In the order of the rows, on one thread: k x k sums for each chunk would not be small.
    let mut joint = vec![0.0; k * k];
    for (row, (&label, &class)) in y.iter().zip(&confident).enumerate() {
        if class == WRONG {
            return Err(Error::Data(wrong(p, row)));
        }
        if class != NONE {
            joint[label as usize * k + class as usize] += weights.map_or(1.0, |w| w[row]);
        }
    }
    Ok(Joint { thresholds, counts, joint, confident })
}

fn thresholds<T: Float>(
    ctx: &Ctx,
    p: ArrayView2<T>,
    y: &[u32],
    weights: Option<&[f64]>,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let (k, rows) = (p.ncols(), Rows::new(p));
    let parts = par::map_chunks(ctx, y.len(), ROWS, |start, end| {
        let (mut sums, mut counts) = (vec![0.0; k], vec![0.0; k]);
        for i in start..end {
            let (label, weight) = (y[i] as usize, weights.map_or(1.0, |w| w[i]));
            sums[label] += weight * rows.cell(i, label);
            counts[label] += weight;
        }
        (sums, counts)
    })?;
    let (mut sums, mut counts) = (vec![0.0; k], vec![0.0; k]);
    for part in parts {
        sums.iter_mut().zip(part.0).for_each(|(a, b)| *a += b);
        counts.iter_mut().zip(part.1).for_each(|(a, b)| *a += b);
    }
    // Without rows of its own, 0 / 0: no class of that kind is ever confident.
    Ok((sums.iter().zip(&counts).map(|(s, c)| s / c).collect(), counts))
}

/// Says what is wrong with a row that is no row of probabilities.
fn wrong<T: Float>(p: ArrayView2<T>, row: usize) -> String {
    let cells = || p.row(row).into_iter().map(|v| v.wide()).enumerate();
    if let Some((column, v)) = cells().find(|(_, v)| !(*v >= 0.0 && v.is_finite())) {
        let what = match v {
            v if v.is_nan() => "NaN".into(),
            v if v.is_infinite() => "infinity".into(),
            v => format!("negative ({v})"),
        };
        return format!(
            "pred_probs is {what} in row {row}, column {column}: give probabilities from 0 to 1"
        );
    }
    let total: f64 = cells().map(|(_, v)| v).sum();
    format!(
        "the probabilities of row {row} of pred_probs add up to {total:.4}, not to 1: give what \
         predict_proba returns"
    )
}

fn classes<T: Float>(ctx: &Ctx, p: ArrayView2<T>, thresholds: &[f64]) -> Result<Vec<u32>> {
    let mut out = vec![NONE; p.nrows()];
    let rows = Rows::new(p);
    par::fill_chunks(ctx, &mut out, ROWS, |first, chunk| {
        let mut row = vec![0.0; thresholds.len()];
        for (i, o) in chunk.iter_mut().enumerate() {
            rows.load(first + i, &mut row);
            let from_zero = row.iter().filter(|v| **v >= 0.0).count();
            let off = (sum(&row) - 1.0).abs();
            if from_zero < row.len() || off > SLACK || off.is_nan() {
                *o = WRONG;
                continue;
            }
            let (mut best, mut class) = (-1.0, NONE);
            for (j, (&v, &t)) in row.iter().zip(thresholds).enumerate() {
                // No branch: which class it is cannot be foreseen.
                let ahead = (v >= t) & (v > best);
                best = if ahead { v } else { best };
                class = if ahead { j as u32 } else { class };
            }
            *o = class;
        }
    })?;
    Ok(out)
}

/// The joint distribution of given and true labels: each row of counts in proportion to the
/// label's weight, all of it adding up to that weight. A label with no confident row is right.
pub fn calibrate(joint: &[f64], counts: &[f64]) -> Vec<f64> {
    let k = counts.len();
    let mut out = joint.to_vec();
    for (i, (row, count)) in out.chunks_mut(k).zip(counts).enumerate() {
        let sum: f64 = row.iter().sum();
        if sum > 0.0 {
            row.iter_mut().for_each(|v| *v *= count / sum);
        } else {
            row[i] = *count;
        }
    }
    out
}
