//! Filters: sums of neighbours by weight. Beyond the border the image is mirrored at its last pixel.

use pulp::{Arch, Simd, WithSimd};

use super::lanes;
use super::pixel::{Border, Pixel, Shape};
use crate::base::{Ctx, Result};

/// Vectors summed at a time, so that their sums stay in registers.
const VECTORS: usize = 4;
/// Lines of floats are as long as a multiple of this: what `VECTORS` hold at most.
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

/// Sums of a line and of pairs of lines by weight; all are of the same whole number of blocks.
struct Sums<'a> {
    middle: (&'a [f32], f32),
    pairs: &'a [(&'a [f32], &'a [f32], f32)],
    out: &'a mut [f32],
}

impl WithSimd for Sums<'_> {
    type Output = ();

    /// Sums and products are rounded one by one, so that no machine gives other bits.
    #[inline(always)]
    #[allow(clippy::needless_range_loop, clippy::manual_memcpy)] // see below
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::F32_LANES * VECTORS;
        let middle = self.middle.0.chunks_exact(lanes);
        for (i, (out, middle)) in self.out.chunks_exact_mut(lanes).zip(middle).enumerate() {
            let by = simd.splat_f32s(self.middle.1);
            let middle = S::as_simd_f32s(middle).0;
            let mut sums: [S::f32s; VECTORS] =
                std::array::from_fn(|v| simd.mul_f32s(middle[v], by));
            for &(a, b, weight) in self.pairs {
                let part = i * lanes..(i + 1) * lanes;
                let (a, b) = (S::as_simd_f32s(&a[part.clone()]).0, S::as_simd_f32s(&b[part]).0);
                let by = simd.splat_f32s(weight);
                for v in 0..VECTORS {
                    let both = simd.mul_f32s(simd.add_f32s(a[v], b[v]), by);
                    sums[v] = simd.add_f32s(sums[v], both);
                }
            }
            // No reference to the sums is taken, so that they stay in registers.
            let out = S::as_mut_simd_f32s(out).0;
            for v in 0..VECTORS {
                out[v] = sums[v];
            }
        }
    }
}

/// The last rows of an image as floats, so many that a column's neighbours are all there.
struct Ring {
    data: Vec<f32>,
    stride: usize,
    rows: usize,
}

impl Ring {
    fn row(&self, y: usize) -> &[f32] {
        let at = y % self.rows * self.stride;
        &self.data[at..at + self.stride]
    }
}

/// Fills the pixels on either side of the `w` in the middle of a line with mirrored ones.
fn mirror(line: &mut [f32], w: usize, c: usize, pad: usize) {
    for k in 1..=pad {
        for (at, x) in [(pad - k, -(k as i64)), (pad + w - 1 + k, (w + k) as i64 - 1)] {
            let from = (pad + Border::Mirror.index(x, w).unwrap_or(0)) * c;
            line.copy_within(from..from + c, at * c);
        }
    }
}

/// A Gaussian blur, each way on its own: the sums of columns first, row by row.
pub fn blur<T: Pixel>(
    ctx: &Ctx,
    weights: &[f32],
    src: &[T],
    dst: &mut [T],
    shape: Shape,
) -> Result<()> {
    let Shape { h, w, c } = shape;
    let (radius, wide) = (weights.len() - 1, w * c);
    let stride = wide.next_multiple_of(BLOCK);
    let rows = 2 * radius + 1;
    let mut ring = Ring { data: vec![0f32; rows * stride], stride, rows };
    let mut column = vec![0f32; stride + 2 * radius * c];
    let mut line = vec![0f32; stride];
    let mut read = 0;
    let arch = Arch::new();
    for (y, out) in dst.chunks_exact_mut(wide.max(1)).enumerate() {
        if y % ROWS == 0 {
            ctx.check()?;
        }
        while read <= y + 2 * radius {
            let from = Border::Mirror.index(read as i64 - radius as i64, h).unwrap_or(0);
            let at = read % rows * stride;
            let (to, row) = (&mut ring.data[at..at + wide], &src[from * wide..(from + 1) * wide]);
            lanes::run(
                #[inline(always)]
                || to.iter_mut().zip(row).for_each(|(o, s)| *o = s.get()),
            );
            read += 1;
        }
        let row = |k: usize| ring.row(y + k);
        let pairs: Vec<_> =
            (1..=radius).map(|k| (row(radius - k), row(radius + k), weights[k])).collect();
        let to = &mut column[radius * c..radius * c + stride];
        arch.dispatch(Sums { middle: (row(radius), weights[0]), pairs: &pairs, out: to });
        mirror(&mut column, w, c, radius);
        let part = |k: usize| &column[k * c..k * c + stride];
        let pairs: Vec<_> =
            (1..=radius).map(|k| (part(radius - k), part(radius + k), weights[k])).collect();
        arch.dispatch(Sums { middle: (part(radius), weights[0]), pairs: &pairs, out: &mut line });
        lanes::run(
            #[inline(always)]
            || out.iter_mut().zip(&line).for_each(|(o, &x)| *o = T::put(x)),
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
        lanes::run(
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
