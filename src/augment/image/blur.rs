//! Filters: sums of neighbours by weight. Beyond the border the image is mirrored at its last pixel.

use pulp::Arch;

use super::pixel::{Border, Pixel, Shape};
use crate::base::{Ctx, Result};

/// Values summed at a time, so that their sums stay in registers.
const BLOCK: usize = 32;
/// Rows done between two looks at the stop flag.
const ROWS: usize = 64;

/// Weights of a Gaussian from its centre outwards, to three standard deviations.
pub fn gaussian(sigma: f64) -> Vec<f32> {
    let radius = (3.0 * sigma).ceil() as i32;
    let weight = |k: i32| (-0.5 * (f64::from(k) / sigma).powi(2)).exp();
    let sum: f64 = (-radius..=radius).map(weight).sum();
    (0..=radius).map(|k| (weight(k) / sum) as f32).collect()
}

/// An image of floats with `pad` more pixels on each side.
struct Padded {
    data: Vec<f32>,
    stride: usize,
}

fn padded<T: Pixel>(src: &[T], shape: Shape, pad: usize) -> Padded {
    let Shape { h, w, c } = shape;
    let (pad_i, stride) = (pad as i64, (w + 2 * pad) * c);
    let mut data = vec![0f32; (h + 2 * pad) * stride];
    for (y, out) in data.chunks_exact_mut(stride.max(1)).enumerate() {
        let from = Border::Mirror.index(y as i64 - pad_i, h).unwrap_or(0);
        let row = &src[from * w * c..(from + 1) * w * c];
        let inner = &mut out[pad * c..(pad + w) * c];
        inner.iter_mut().zip(row).for_each(|(o, s)| *o = s.get());
        for k in 1..=pad {
            for (at, x) in [(pad - k, -(k as i64)), (pad + w - 1 + k, (w + k) as i64 - 1)] {
                let x = Border::Mirror.index(x, w).unwrap_or(0);
                for j in 0..c {
                    out[at * c + j] = row[x * c + j].get();
                }
            }
        }
    }
    Padded { data, stride }
}

/// Sums of `a[k] + b[k]` by weight, for lines `(a, b, weight)`.
#[inline(always)]
fn sum_pairs(lines: &[(&[f32], &[f32], f32)], middle: (&[f32], f32), out: &mut [f32]) {
    let n = out.len();
    for (at, block) in (0..n).step_by(BLOCK).zip(out.chunks_mut(BLOCK)) {
        let mut sums = [0f32; BLOCK];
        let m = block.len();
        if m == BLOCK {
            let x = &middle.0[at..at + BLOCK];
            for j in 0..BLOCK {
                sums[j] = x[j] * middle.1;
            }
            for (a, b, weight) in lines {
                let (a, b) = (&a[at..at + BLOCK], &b[at..at + BLOCK]);
                for j in 0..BLOCK {
                    sums[j] += (a[j] + b[j]) * weight;
                }
            }
        } else {
            for j in 0..m {
                sums[j] = middle.0[at + j] * middle.1;
                for (a, b, weight) in lines {
                    sums[j] += (a[at + j] + b[at + j]) * weight;
                }
            }
        }
        block.copy_from_slice(&sums[..m]);
    }
}

/// A Gaussian blur, each way on its own.
pub fn blur<T: Pixel>(
    ctx: &Ctx,
    weights: &[f32],
    src: &[T],
    dst: &mut [T],
    shape: Shape,
) -> Result<()> {
    let Shape { w, c, .. } = shape;
    let radius = weights.len() - 1;
    let image = padded(src, shape, radius);
    let stride = image.stride;
    let mut column = vec![0f32; stride];
    let mut line = vec![0f32; w * c];
    for (y, out) in dst.chunks_exact_mut((w * c).max(1)).enumerate() {
        if y % ROWS == 0 {
            ctx.check()?;
        }
        let row = |k: usize| &image.data[(y + k) * stride..(y + k + 1) * stride];
        let rows: Vec<_> =
            (1..=radius).map(|k| (row(radius - k), row(radius + k), weights[k])).collect();
        Arch::new().dispatch(
            #[inline(always)]
            || sum_pairs(&rows, (row(radius), weights[0]), &mut column),
        );
        let part = |k: usize| &column[k * c..k * c + w * c];
        let parts: Vec<_> =
            (1..=radius).map(|k| (part(radius - k), part(radius + k), weights[k])).collect();
        Arch::new().dispatch(
            #[inline(always)]
            || {
                sum_pairs(&parts, (part(radius), weights[0]), &mut line);
                out.iter_mut().zip(&line).for_each(|(o, &x)| *o = T::put(x));
            },
        );
    }
    Ok(())
}

/// Smooths a field of floats in place.
pub fn smooth(field: &mut [f32], (h, w): (usize, usize), sigma: f64) {
    let src = field.to_vec();
    // No one asks a context of its own to stop.
    let _ = blur(&Ctx::new(1), &gaussian(sigma), &src, field, Shape { h, w, c: 1 });
}

/// A weighted neighbour: rows down, columns to the right.
pub type Tap = (i64, i64, f32);

/// Sums of neighbours by weight.
pub fn taps<T: Pixel>(
    ctx: &Ctx,
    taps: &[Tap],
    src: &[T],
    dst: &mut [T],
    shape: Shape,
) -> Result<()> {
    let Shape { w, c, .. } = shape;
    let reach = taps.iter().map(|t| t.0.abs().max(t.1.abs())).max().unwrap_or(0);
    let image = padded(src, shape, reach as usize);
    let mut line = vec![0f32; w * c];
    for (y, out) in dst.chunks_exact_mut((w * c).max(1)).enumerate() {
        if y % ROWS == 0 {
            ctx.check()?;
        }
        Arch::new().dispatch(
            #[inline(always)]
            || {
                line.fill(0.0);
                for &(down, right, weight) in taps {
                    let row = (y as i64 + reach + down) as usize * image.stride;
                    let from = row + (reach + right) as usize * c;
                    let part = &image.data[from..from + w * c];
                    line.iter_mut().zip(part).for_each(|(l, &x)| *l += x * weight);
                }
                out.iter_mut().zip(&line).for_each(|(o, &x)| *o = T::put(x));
            },
        );
    }
    Ok(())
}

/// The taps of a line of `length` pixels through the centre, counter-clockwise from the right.
pub fn streak(length: f64, degrees: f64) -> Vec<Tap> {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let points = (4.0 * length).ceil().max(1.0) as i32;
    let mut taps: Vec<(i64, i64, f64)> = Vec::new();
    for k in 0..points {
        let t = (f64::from(k) + 0.5) / f64::from(points) - 0.5;
        let (x, y) = (t * (length - 1.0) * cos, -t * (length - 1.0) * sin);
        let (left, top) = (x.floor(), y.floor());
        for (dy, dx) in [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)] {
            let weight = (1.0 - (x - left - dx).abs()) * (1.0 - (y - top - dy).abs());
            let at = ((top + dy) as i64, (left + dx) as i64);
            match taps.iter_mut().find(|t| (t.0, t.1) == at) {
                Some(t) => t.2 += weight,
                None => taps.push((at.0, at.1, weight)),
            }
        }
    }
    let sum: f64 = taps.iter().map(|t| t.2).sum();
    taps.into_iter().filter(|t| t.2 > 0.0).map(|(y, x, w)| (y, x, (w / sum) as f32)).collect()
}
