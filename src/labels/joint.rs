//! The confident joint of given and true labels (Northcutt, Jiang and Chuang 2021).

use ndarray::ArrayView2;

use super::rows::{LANES, ROWS, Rows, check};
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
    let (thresholds, counts, tops) = thresholds(ctx, p, y, weights)?;
    let confident = classes(ctx, p, &thresholds, &tops)?;
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

/// A row's most probable class, the first of equals, and its probability.
#[derive(Clone, Copy)]
struct Top {
    best: f64,
    class: u32,
}

type Thresholds = (Vec<f64>, Vec<f64>, Vec<Vec<Top>>);

/// The thresholds and counts of classes, and chunk by chunk the top of each row: with it few rows
/// need a second look once the thresholds are known.
fn thresholds<T: Float>(
    ctx: &Ctx,
    p: ArrayView2<T>,
    y: &[u32],
    weights: Option<&[f64]>,
) -> Result<Thresholds> {
    let (k, rows) = (p.ncols(), Rows::new(p));
    let parts = par::map_chunks(ctx, y.len(), ROWS, |start, end| {
        let (mut sums, mut counts) = (vec![0.0; k], vec![0.0; k]);
        let (mut tops, mut buffer) = (Vec::with_capacity(end - start), Vec::new());
        for i in start..end {
            let (label, weight) = (y[i] as usize, weights.map_or(1.0, |w| w[i]));
            let row = rows.row(i, &mut buffer);
            sums[label] += weight * row[label].wide();
            counts[label] += weight;
            tops.push(top(row, label));
        }
        (sums, counts, tops)
    })?;
    let (mut sums, mut counts, mut tops) = (vec![0.0; k], vec![0.0; k], vec![]);
    for part in parts {
        sums.iter_mut().zip(part.0).for_each(|(a, b)| *a += b);
        counts.iter_mut().zip(part.1).for_each(|(a, b)| *a += b);
        tops.push(part.2);
    }
    // Without rows of its own, 0 / 0: no class of that kind is ever confident.
    Ok((sums.iter().zip(&counts).map(|(s, c)| s / c).collect(), counts, tops))
}

/// The top of a row; its class is [`WRONG`] where these are no probabilities.
#[inline]
fn top<T: Float>(row: &[T], label: usize) -> Top {
    let own = row[label].wide();
    let (mut sum, mut least, mut level) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    let (whole, rest) = row.as_chunks::<LANES>();
    let mut add = |lane: usize, v: f64| {
        sum[lane] += v;
        least[lane] = if v < least[lane] { v } else { least[lane] };
        level[lane] += if v >= own { 1.0 } else { 0.0 };
    };
    for cells in whole {
        (0..LANES).for_each(|lane| add(lane, cells[lane].wide()));
    }
    rest.iter().enumerate().for_each(|(lane, v)| add(lane, v.wide()));
    // A NaN or an infinity makes the sum one.
    let off = (sum.iter().sum::<f64>() - 1.0).abs();
    if off > SLACK || off.is_nan() || least.iter().any(|v| *v < 0.0) {
        return Top { best: 0.0, class: WRONG };
    }
    if level.iter().sum::<f64>() == 1.0 {
        return Top { best: own, class: label as u32 };
    }
    ahead(row, |_| 0.0)
}

/// The greatest of the probabilities that reach their class's threshold, the first of equals.
#[inline]
fn ahead<T: Float>(row: &[T], threshold: impl Fn(usize) -> f64) -> Top {
    let (mut best, mut class) = (-1.0, NONE);
    for (j, v) in row.iter().map(|v| v.wide()).enumerate() {
        // No branch: which class it is cannot be foreseen.
        let ahead = (v >= threshold(j)) & (v > best);
        best = if ahead { v } else { best };
        class = if ahead { j as u32 } else { class };
    }
    Top { best, class }
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

fn classes<T: Float>(
    ctx: &Ctx,
    p: ArrayView2<T>,
    thresholds: &[f64],
    tops: &[Vec<Top>],
) -> Result<Vec<u32>> {
    let mut out = vec![NONE; p.nrows()];
    let (rows, lowest) = (Rows::new(p), thresholds.iter().fold(f64::INFINITY, |a, b| a.min(*b)));
    par::fill_chunks(ctx, &mut out, ROWS, |first, chunk| {
        let mut buffer = Vec::new();
        for (i, (o, top)) in chunk.iter_mut().zip(&tops[first / ROWS]).enumerate() {
            *o = match top.class {
                WRONG => WRONG,
                class if top.best >= thresholds[class as usize] => class,
                _ if top.best < lowest => NONE,
                _ => ahead(rows.row(first + i, &mut buffer), |j| thresholds[j]).class,
            };
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
