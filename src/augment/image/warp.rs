//! Resampling: where each pixel of the result comes from, and the pixels read there.

use super::lanes::{self, Wide};
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

/// An image to be read between its pixels and beyond its border.
struct View<'a, T> {
    src: &'a [T],
    shape: Shape,
    border: Border,
    fill: [T; 4],
}

/// For each pixel of a row where it is read: the place, and of the upper left of the four pixels
/// around it the index and the shares of the others. An index that is none is [`EDGE`].
struct Line {
    xs: Vec<f64>,
    ys: Vec<f64>,
    at: Vec<u32>,
    fx: Vec<f32>,
    fy: Vec<f32>,
}

/// Stands for an index where the four pixels are not all within the image.
const EDGE: u32 = u32::MAX;

impl Line {
    fn new(width: usize) -> Self {
        let (zeros, shares) = (vec![0f64; width], vec![0f32; width]);
        Line { xs: zeros.clone(), ys: zeros, at: vec![0; width], fx: shares.clone(), fy: shares }
    }

    /// The places of row `y`.
    #[inline(always)]
    fn fill(&mut self, map: &Map, y: usize, shape: Shape) {
        map.row(y, &mut self.xs, &mut self.ys);
        let Shape { h, w, c } = shape;
        let (w1, h1) = (w as u32 - 1, h as u32 - 1);
        let places = self.xs.iter().zip(&self.ys);
        let out = self.at.iter_mut().zip(&mut self.fx).zip(&mut self.fy);
        for ((&x, &y), ((at, fx), fy)) in places.zip(out) {
            let (left, more) = apart(x, w as f64);
            let (top, below) = apart(y, h as f64);
            (*fx, *fy) = (more, below);
            let index = top.wrapping_mul(w as u32).wrapping_add(left).wrapping_mul(c as u32);
            *at = if left < w1 && top < h1 { index } else { EDGE };
        }
    }
}

/// The whole part of a place from -1 to `most`, and the rest; what lies beyond is brought there.
#[inline(always)]
fn apart(x: f64, most: f64) -> (u32, f32) {
    // Adding this leaves a whole number of up to 31 bits in the lowest bits.
    const WHOLE: f64 = 6_755_399_441_055_744.0;
    let x = if x > -1.0 { x } else { -1.0 };
    let x = if x < most { x } else { most };
    let low = x.floor();
    ((low + WHOLE).to_bits() as u32, (x - low) as f32)
}

/// Eight bytes from a place.
#[inline(always)]
fn bytes(src: &[u8], at: usize) -> Option<&[u8; 8]> {
    src.get(at..at + 8).and_then(|s| s.first_chunk())
}

impl<T: Pixel> View<'_, T> {
    /// Reads where some of the four pixels may lie beyond the border.
    #[inline(never)]
    fn edge(&self, x: f64, y: f64, out: &mut [T]) {
        let Shape { h, w, c } = self.shape;
        let outside = |x: f64, n: usize| x <= -1.0 || x >= n as f64;
        if self.border == Border::Constant && (outside(x, w) || outside(y, h)) {
            out.copy_from_slice(&self.fill[..c]);
            return;
        }
        let (x, y) = (self.border.fold(x, w), self.border.fold(y, h));
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = ((x - left) as f32, (y - top) as f32);
        let pixel = |down: i64, right: i64| {
            let row = self.border.index(top as i64 + down, h);
            match (row, self.border.index(left as i64 + right, w)) {
                (Some(row), Some(column)) => &self.src[(row * w + column) * c..][..c],
                _ => &self.fill[..c],
            }
        };
        let (a, b) = ([pixel(0, 0), pixel(0, 1)], [pixel(1, 0), pixel(1, 1)]);
        for (k, o) in out.iter_mut().enumerate() {
            *o = mixed([a[0][k], a[1][k]], [b[0][k], b[1][k]], fx, fy);
        }
    }

    /// The pixels of a row.
    #[inline(always)]
    fn read<const C: usize>(&self, line: &Line, out: &mut [T]) {
        let step = self.shape.w * C;
        for (i, o) in out.as_chunks_mut::<C>().0.iter_mut().enumerate() {
            let at = line.at[i] as usize;
            match (self.src.get(at..at + 2 * C), self.src.get(at + step..at + step + 2 * C)) {
                (Some(top), Some(low)) => {
                    for k in 0..C {
                        let (top, low) = ([top[k], top[C + k]], [low[k], low[C + k]]);
                        o[k] = mixed(top, low, line.fx[i], line.fy[i]);
                    }
                }
                _ => self.edge(line.xs[i], line.ys[i], o),
            }
        }
    }
}

impl View<'_, u8> {
    /// As [`View::read`], for three and four channels.
    #[inline(always)]
    fn read_wide<const C: usize>(&self, wide: Wide, line: &Line, out: &mut [u8]) {
        let step = self.shape.w * C;
        for (i, o) in out.as_chunks_mut::<C>().0.iter_mut().enumerate() {
            let at = line.at[i] as usize;
            match (bytes(self.src, at), bytes(self.src, at + step)) {
                (Some(top), Some(low)) => {
                    let mixed = lanes::mix::<C>(wide, (top, low), (line.fx[i], line.fy[i]));
                    // Bytes of a number that is known here: no call to copy them.
                    *o = *mixed.first_chunk().unwrap_or(o);
                }
                _ => self.edge(line.xs[i], line.ys[i], o),
            }
        }
    }
}

/// Four pixels by the shares of the right and of the lower ones.
#[inline(always)]
fn mixed<T: Pixel>(top: [T; 2], low: [T; 2], fx: f32, fy: f32) -> T {
    let left = top[0].get() + (low[0].get() - top[0].get()) * fy;
    let right = top[1].get() + (low[1].get() - top[1].get()) * fy;
    T::put_inside(left + (right - left) * fx)
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
    let view = View { src, shape, border, fill };
    let bytes = T::bytes(src)
        .zip(T::bytes(&fill))
        .and_then(|(src, fill)| Some(View { src, shape, border, fill: *fill.first_chunk()? }));
    let wide = if shape.c >= 3 { Wide::try_new().zip(bytes) } else { None };
    let mut line = Line::new(width);
    for (y, row) in dst.chunks_exact_mut((width * shape.c).max(1)).enumerate() {
        if y % ROWS == 0 {
            ctx.check()?;
        }
        lanes::run(
            #[inline(always)]
            || {
                line.fill(map, y, shape);
                match (shape.c, &wide, T::bytes_mut(row)) {
                    (3, Some((wide, view)), Some(row)) => view.read_wide::<3>(*wide, &line, row),
                    (4, Some((wide, view)), Some(row)) => view.read_wide::<4>(*wide, &line, row),
                    (1, ..) => view.read::<1>(&line, row),
                    (2, ..) => view.read::<2>(&line, row),
                    (3, ..) => view.read::<3>(&line, row),
                    _ => view.read::<4>(&line, row),
                }
            },
        );
    }
    Ok(())
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
