//! Resampling: where each pixel of the result comes from, and the pixels read there.

use pulp::Arch;

use super::pixel::{Border, Pixel, Shape};
use crate::base::{Ctx, Result};

/// Rows done between two looks at the stop flag.
const ROWS: usize = 64;

/// A projective map, by rows.
pub type Matrix = [f64; 9];

/// From a pixel's place in the result to its place in the source (column, row; centres whole).
#[derive(Debug, Clone)]
pub enum Map {
    /// A projective map; affine where the last row is 0 0 1.
    Matrix(Matrix),
    /// The column of each column and the row of each row; they grow.
    Axes {
        /// Of each column.
        xs: Vec<f64>,
        /// Of each row.
        ys: Vec<f64>,
    },
    /// A shift of each pixel.
    Field {
        /// Columns of the field.
        w: usize,
        /// To the right.
        dx: Vec<f32>,
        /// Down.
        dy: Vec<f32>,
    },
}

impl Map {
    /// The places of row `y`.
    #[inline(always)]
    fn row(&self, y: usize, xs: &mut [f64], ys: &mut [f64]) {
        let v = y as f64;
        match self {
            Map::Matrix(m) if m[6] == 0.0 && m[7] == 0.0 => {
                let (x0, y0) = (m[1] * v + m[2], m[4] * v + m[5]);
                for (i, (x, y)) in xs.iter_mut().zip(ys).enumerate() {
                    let u = f64::from(i as u32);
                    (*x, *y) = (x0 + m[0] * u, y0 + m[3] * u);
                }
            }
            Map::Matrix(m) => {
                for (i, (x, y)) in xs.iter_mut().zip(ys).enumerate() {
                    (*x, *y) = project(m, i as f64, v);
                }
            }
            Map::Axes { xs: columns, ys: rows } => {
                xs.copy_from_slice(columns);
                ys.fill(rows[y]);
            }
            Map::Field { w, dx, dy } => {
                let at = y * w;
                for (i, (x, y)) in xs.iter_mut().zip(ys).enumerate() {
                    (*x, *y) = (i as f64 + f64::from(dx[at + i]), v + f64::from(dy[at + i]));
                }
            }
        }
    }
}

/// Where a projective map takes a point.
pub fn project(m: &Matrix, x: f64, y: f64) -> (f64, f64) {
    let z = m[6] * x + m[7] * y + m[8];
    ((m[0] * x + m[1] * y + m[2]) / z, (m[3] * x + m[4] * y + m[5]) / z)
}

/// Resamples `src` into `dst` between pixels, linearly.
pub fn linear<T: Pixel>(
    ctx: &Ctx,
    (src, shape): (&[T], Shape),
    map: &Map,
    (border, fill): (Border, &[f64]),
    (dst, width): (&mut [T], usize),
) -> Result<()> {
    let value = |k: usize| fill.get(k).or(fill.last()).map_or(T::default(), |&f| T::put(f as f32));
    let fill: [T; 4] = std::array::from_fn(value);
    let padded = pad(src, shape, border, fill);
    let stride = shape.w + 3;
    let (mut xs, mut ys) = (vec![0f64; width], vec![0f64; width]);
    let mut at = vec![0u32; width];
    let (mut fx, mut fy) = (vec![0f32; width], vec![0f32; width]);
    for (y, row) in dst.chunks_exact_mut((width * shape.c).max(1)).enumerate() {
        if y % ROWS == 0 {
            ctx.check()?;
        }
        Arch::new().dispatch(
            #[inline(always)]
            || {
                map.row(y, &mut xs, &mut ys);
                for i in 0..width {
                    let (x, y) = (border.fold(xs[i], shape.w), border.fold(ys[i], shape.h));
                    let (left, top) = (x.floor(), y.floor());
                    (fx[i], fy[i]) = ((x - left) as f32, (y - top) as f32);
                    at[i] = (((top as i32) + 1) * stride as i32 + left as i32 + 1) as u32;
                }
                match shape.c {
                    1 => read::<T, 1>(&padded, stride, (&at, &fx, &fy), row),
                    2 => read::<T, 2>(&padded, stride, (&at, &fx, &fy), row),
                    3 => read::<T, 3>(&padded, stride, (&at, &fx, &fy), row),
                    _ => read::<T, 4>(&padded, stride, (&at, &fx, &fy), row),
                }
            },
        );
    }
    Ok(())
}

/// Pixels of four channels with one more before and two more after each line.
fn pad<T: Pixel>(src: &[T], shape: Shape, border: Border, fill: [T; 4]) -> Vec<[T; 4]> {
    let Shape { h, w, c } = shape;
    let stride = w + 3;
    let mut out = Vec::with_capacity(stride * (h + 3));
    for y in -1..h as i64 + 2 {
        let Some(from) = border.index(y, h) else {
            out.resize(out.len() + stride, fill);
            continue;
        };
        let row = &src[from * w * c..(from + 1) * w * c];
        let pixel = |x: i64| match border.index(x, w) {
            Some(x) => four(&row[x * c..(x + 1) * c], fill),
            None => fill,
        };
        out.push(pixel(-1));
        if c == 3 {
            out.extend(row.chunks_exact(3).map(|p| [p[0], p[1], p[2], p[2]]));
        } else {
            out.extend(row.chunks_exact(c).map(|p| four(p, fill)));
        }
        out.extend([pixel(w as i64), pixel(w as i64 + 1)]);
    }
    out
}

#[inline(always)]
fn four<T: Pixel>(p: &[T], fill: [T; 4]) -> [T; 4] {
    let mut out = fill;
    for (o, &v) in out.iter_mut().zip(p) {
        *o = v;
    }
    out
}

#[inline(always)]
fn read<T: Pixel, const C: usize>(
    src: &[[T; 4]],
    stride: usize,
    (at, fx, fy): (&[u32], &[f32], &[f32]),
    out: &mut [T],
) {
    for (((o, &at), &fx), &fy) in out.chunks_exact_mut(C).zip(at).zip(fx).zip(fy) {
        let at = at as usize;
        let (Some(top), Some(low)) = (src.get(at..at + 2), src.get(at + stride..at + stride + 2))
        else {
            continue; // never: places are folded to the padded image
        };
        let mix: [T; 4] = std::array::from_fn(|k| {
            let a = top[0][k].get() + (top[1][k].get() - top[0][k].get()) * fx;
            let b = low[0][k].get() + (low[1][k].get() - low[0][k].get()) * fx;
            T::put_inside(a + (b - a) * fy)
        });
        o.copy_from_slice(&mix[..C]);
    }
}

/// Resamples pixels of `c` values by the nearest one; what is filled becomes zero.
pub fn nearest<T: Pixel>(
    ctx: &Ctx,
    (src, shape): (&[T], Shape),
    map: &Map,
    border: Border,
    (dst, width): (&mut [T], usize),
) -> Result<()> {
    let Shape { h, w, c } = shape;
    let (mut xs, mut ys) = (vec![0f64; width], vec![0f64; width]);
    for (y, row) in dst.chunks_exact_mut((width * c).max(1)).enumerate() {
        if y % ROWS == 0 {
            ctx.check()?;
        }
        map.row(y, &mut xs, &mut ys);
        for (o, (&x, &y)) in row.chunks_exact_mut(c).zip(xs.iter().zip(&ys)) {
            let (x, y) = ((x + 0.5).floor() as i64, (y + 0.5).floor() as i64);
            match (border.index(x, w), border.index(y, h)) {
                (Some(x), Some(y)) => o.copy_from_slice(&src[(y * w + x) * c..][..c]),
                _ => o.fill(T::default()),
            }
        }
    }
    Ok(())
}

/// Pixels moved whole: flips, quarter turns, crops and pads. `place(row, column)` in the result is
/// `first + row * down + column * right` in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moves {
    /// Row and column of the source of the first pixel.
    pub first: (i64, i64),
    /// What a row down in the result is in the source.
    pub down: (i64, i64),
    /// What a column to the right in the result is in the source.
    pub right: (i64, i64),
}

/// Moves pixels.
pub fn moved<T: Pixel>(
    (src, shape): (&[T], Shape),
    moves: Moves,
    (border, fill): (Border, &[T]),
    (dst, width): (&mut [T], usize),
) {
    let Shape { h, w, c } = shape;
    let inside = |n: i64, size: usize| n >= 0 && n < size as i64;
    for (y, row) in dst.chunks_exact_mut((width * c).max(1)).enumerate() {
        let y = y as i64;
        let start = (moves.first.0 + y * moves.down.0, moves.first.1 + y * moves.down.1);
        let end = (
            start.0 + (width as i64 - 1) * moves.right.0,
            start.1 + (width as i64 - 1) * moves.right.1,
        );
        let whole = [start, end].iter().all(|p| inside(p.0, h) && inside(p.1, w));
        let at = |(r, k): (i64, i64)| (r as usize * w + k as usize) * c;
        if whole && moves.right == (0, 1) {
            row.copy_from_slice(&src[at(start)..at(end) + c]);
        } else if whole && moves.right == (0, -1) {
            reverse(&src[at(end)..at(start) + c], row, c);
        } else {
            for (i, o) in row.chunks_exact_mut(c).enumerate() {
                let i = i as i64;
                let (r, k) = (start.0 + i * moves.right.0, start.1 + i * moves.right.1);
                match (border.index(r, h), border.index(k, w)) {
                    (Some(r), Some(k)) => o.copy_from_slice(&src[(r * w + k) * c..][..c]),
                    _ => o.iter_mut().enumerate().for_each(|(k, o)| {
                        *o = fill.get(k).or(fill.last()).copied().unwrap_or_default();
                    }),
                }
            }
        }
    }
}

fn reverse<T: Pixel>(src: &[T], dst: &mut [T], c: usize) {
    match c {
        1 => dst.iter_mut().zip(src.iter().rev()).for_each(|(d, &s)| *d = s),
        3 => {
            let pixels = src.as_chunks::<3>().0;
            let out = dst.as_chunks_mut::<3>().0;
            out.iter_mut().zip(pixels.iter().rev()).for_each(|(d, s)| *d = *s);
        }
        _ => {
            let pixels = src.chunks_exact(c).rev();
            dst.chunks_exact_mut(c).zip(pixels).for_each(|(d, s)| d.copy_from_slice(s));
        }
    }
}
