//! Points in single precision, prepared so that distances keep as many digits as they can.

use crate::base::linalg::dot;
use crate::base::{Ctx, Result, par, stats};

/// Values between two looks at the stop flag.
const CHUNK: usize = 1 << 16;
/// Points that a centre is taken from.
const SAMPLE: usize = 1024;
/// The widest span of lengths: squares of what is below it fit single precision.
const SPAN: f64 = 1e15;

/// Points about a common centre, by a common scale, in single precision.
///
/// Centre and scale leave the order of distances as it is. Each point is off by no more than
/// [`Points::ERROR`] of its own length.
#[derive(Debug)]
pub struct Points {
    /// Coordinates, point after point.
    pub(super) rows: Vec<f32>,
    /// Squared lengths.
    pub(super) squares: Vec<f64>,
    /// What the coordinates were divided by.
    pub(super) scale: f64,
    /// Coordinates of a point.
    pub(super) width: usize,
}

impl Points {
    /// How far off a point may be, as a share of its length: rounding to single precision.
    pub(super) const ERROR: f64 = 1.01 * f32::EPSILON as f64 / 2.0;

    /// `n` points of `width` coordinates; `fill(i, out)` writes point `i`, every value within
    /// [-2, 2].
    pub fn new(
        ctx: &Ctx,
        n: usize,
        width: usize,
        fill: impl Fn(usize, &mut [f64]) + Sync + Send,
    ) -> Result<Points> {
        let centre = centre(ctx, n, width, &fill)?;
        let about = |i: usize, out: &mut [f64]| {
            fill(i, out);
            for (x, c) in out.iter_mut().zip(&centre) {
                *x -= c;
            }
        };
        let size = (CHUNK / width.max(1)).clamp(1, CHUNK);
        let mut lengths: Vec<f64> = par::map_chunks(ctx, n, size, |start, end| {
            let mut row = vec![0.0; width];
            let length = |i| {
                about(i, &mut row);
                dot(&row, &row).sqrt()
            };
            (start..end).map(length).collect::<Vec<_>>()
        })?
        .concat();
        let largest = lengths.iter().fold(0.0, |far: f64, &v| far.max(v));
        let middle = stats::median(&mut lengths).unwrap_or(0.0);
        let scale = middle.max(largest / SPAN);
        let scale = if scale > 0.0 { scale } else { 1.0 };
        let mut rows = vec![0f32; n * width];
        par::fill_chunks(ctx, &mut rows, size * width, |start, out| {
            let mut row = vec![0.0; width];
            for (k, cells) in out.chunks_mut(width.max(1)).enumerate() {
                about(start / width + k, &mut row);
                for (cell, x) in cells.iter_mut().zip(&row) {
                    *cell = (x / scale) as f32;
                }
            }
        })?;
        let squares = par::map_chunks(ctx, n, size, |start, end| {
            (start..end).map(|i| square(&rows[i * width..(i + 1) * width])).collect::<Vec<_>>()
        })?
        .concat();
        Ok(Points { rows, squares, scale, width })
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.squares.len()
    }

    /// True where there is no point.
    pub fn is_empty(&self) -> bool {
        self.squares.is_empty()
    }

    pub(super) fn row(&self, i: usize) -> &[f32] {
        &self.rows[i * self.width..(i + 1) * self.width]
    }
}

/// `count` of `0..n`, evenly spread.
pub(super) fn spread(n: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(n);
    (0..count).map(move |k| (k as u128 * n as u128 / count as u128) as usize)
}

/// The median of each coordinate over a sample: far points do not move it.
fn centre(
    ctx: &Ctx,
    n: usize,
    width: usize,
    fill: &(impl Fn(usize, &mut [f64]) + Sync + Send),
) -> Result<Vec<f64>> {
    let chosen: Vec<usize> = spread(n, SAMPLE).collect();
    let mut sample = vec![0.0; chosen.len() * width];
    par::fill_chunks(ctx, &mut sample, width, |start, out| fill(chosen[start / width], out))?;
    par::map(ctx, width, |j| {
        let mut column: Vec<f64> = sample.iter().skip(j).step_by(width).copied().collect();
        stats::median(&mut column).unwrap_or(0.0)
    })
}

fn square(row: &[f32]) -> f64 {
    let (parts, rest) = row.as_chunks::<8>();
    let mut sums = [0f64; 8];
    for part in parts {
        for (sum, &x) in sums.iter_mut().zip(part) {
            *sum += f64::from(x) * f64::from(x);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>()
}
