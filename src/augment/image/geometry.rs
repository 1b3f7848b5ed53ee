//! What a geometric operation does to an image of a given size.

use super::moves::Moves;
use super::pixel::{Border, Shape};
use super::warp::{Map, Matrix, project};
use super::{Kind, Op};
use crate::augment::plan::Step;
use crate::base::rng::Stream;
use crate::base::{Error, Result};

/// How pixels come to their new places.
#[derive(Debug, Clone)]
pub enum How {
    /// Moved whole.
    Moves(Moves),
    /// Resampled between pixels.
    Map(Map),
    /// A window (first row, first column, rows, columns) brought to the size of the result.
    Resize([usize; 4]),
}

/// A geometric step on an image of a known size.
#[derive(Debug, Clone)]
pub struct Geometry {
    /// Rows and columns of the result.
    pub size: (usize, usize),
    /// How.
    pub how: How,
    /// Beyond the border.
    pub border: Border,
    /// What fills, a value or one a channel.
    pub fill: Vec<f64>,
}

/// A product of two maps: first `b`, then `a`.
pub fn times(a: &Matrix, b: &Matrix) -> Matrix {
    let cell = |i: usize| (0..3).map(|k| a[i / 3 * 3 + k] * b[k * 3 + i % 3]).sum();
    std::array::from_fn(cell)
}

/// The map back; None where there is none.
pub fn inverse(m: &Matrix) -> Option<Matrix> {
    let minor = |i: usize, j: usize| m[i] * m[j];
    let adjoint = [
        minor(4, 8) - minor(5, 7),
        minor(2, 7) - minor(1, 8),
        minor(1, 5) - minor(2, 4),
        minor(5, 6) - minor(3, 8),
        minor(0, 8) - minor(2, 6),
        minor(2, 3) - minor(0, 5),
        minor(3, 7) - minor(4, 6),
        minor(1, 6) - minor(0, 7),
        minor(0, 4) - minor(1, 3),
    ];
    let det = m[0] * adjoint[0] + m[1] * adjoint[3] + m[2] * adjoint[6];
    (det.is_finite() && det.abs() > 1e-12).then(|| adjoint.map(|a| a / det))
}

/// The turn, scale and shear about the centre, then the shift.
fn affine(
    size: (usize, usize),
    turn: f64,
    scale: (f64, f64),
    shear: (f64, f64),
    shift: (f64, f64),
) -> Matrix {
    let centre = ((size.1 as f64 - 1.0) / 2.0, (size.0 as f64 - 1.0) / 2.0);
    let (sin, cos) = turn.to_radians().sin_cos();
    let (a, b) = (shear.0.to_radians().tan(), shear.1.to_radians().tan());
    // Rows grow downwards: counter-clockwise on screen takes (1, 0) to (cos, -sin).
    let rotate = [cos, sin, 0.0, -sin, cos, 0.0, 0.0, 0.0, 1.0];
    let slant = [1.0, a, 0.0, b, 1.0 + a * b, 0.0, 0.0, 0.0, 1.0];
    let stretch = [scale.0, 0.0, 0.0, 0.0, scale.1, 0.0, 0.0, 0.0, 1.0];
    let to = [1.0, 0.0, centre.0 + shift.0, 0.0, 1.0, centre.1 + shift.1, 0.0, 0.0, 1.0];
    let from = [1.0, 0.0, -centre.0, 0.0, 1.0, -centre.1, 0.0, 0.0, 1.0];
    times(&to, &times(&times(&rotate, &times(&slant, &stretch)), &from))
}

/// Moves that turn by quarters, counter-clockwise; None where the size would not stay.
fn quarters(degrees: f64, (h, w): (usize, usize)) -> Option<Moves> {
    let turns = degrees / 90.0;
    if turns.fract() != 0.0 || !turns.is_finite() {
        return None;
    }
    let (h1, w1) = (h as i64 - 1, w as i64 - 1);
    match (turns.rem_euclid(4.0) as i64, h == w) {
        (0, _) => Some(Moves { first: (0, 0), down: (1, 0), right: (0, 1) }),
        (2, _) => Some(Moves { first: (h1, w1), down: (-1, 0), right: (0, -1) }),
        (1, true) => Some(Moves { first: (0, w1), down: (0, -1), right: (1, 0) }),
        (3, true) => Some(Moves { first: (h1, 0), down: (0, 1), right: (-1, 0) }),
        _ => None,
    }
}

/// The first place of a window of `n` in `size`, at the share `u` of the room there is.
fn place(size: usize, n: usize, u: f64) -> usize {
    ((u * (size - n + 1) as f64) as usize).min(size - n)
}

/// What the step does to an image of this size; None for steps that move nothing.
pub fn geometry(step: &Step<Op>, shape: Shape) -> Result<Option<Geometry>> {
    let size = (shape.h, shape.w);
    let (v, set) = (&step.values, &step.op.set);
    let (h1, w1) = (shape.h as i64 - 1, shape.w as i64 - 1);
    let mut out = size;
    let mut fill = set.get(1..).unwrap_or_default().to_vec();
    let mut border = Border::from_number(set.first().copied().unwrap_or(0.0));
    let how = match step.op.kind {
        Kind::HorizontalFlip => How::Moves(Moves { first: (0, w1), down: (1, 0), right: (0, -1) }),
        Kind::VerticalFlip => How::Moves(Moves { first: (h1, 0), down: (-1, 0), right: (0, 1) }),
        Kind::Rotate => match quarters(v[0], size) {
            Some(moves) => How::Moves(moves),
            None => back(affine(size, v[0], (1.0, 1.0), (0.0, 0.0), (0.0, 0.0)))?,
        },
        Kind::Scale => back(affine(size, 0.0, (v[0], v[0]), (0.0, 0.0), (0.0, 0.0)))?,
        Kind::Translate if v[0].fract() == 0.0 && v[1].fract() == 0.0 => {
            How::Moves(Moves { first: (-v[1] as i64, -v[0] as i64), down: (1, 0), right: (0, 1) })
        }
        Kind::Translate => back(affine(size, 0.0, (1.0, 1.0), (0.0, 0.0), (v[0], v[1])))?,
        Kind::Shear => back(affine(size, 0.0, (1.0, 1.0), (v[0], v[1]), (0.0, 0.0)))?,
        Kind::Affine => back(affine(size, v[0], (v[1], v[1]), (v[4], 0.0), (v[2], v[3])))?,
        Kind::Perspective => perspective(v, size)?,
        Kind::RandomCrop => {
            out = (set[0] as usize, set[1] as usize);
            if out.0 > size.0 || out.1 > size.1 {
                return Err(Error::Shape(format!(
                    "a crop of {} x {} does not fit an image of {} x {}: pad it first",
                    out.0, out.1, size.0, size.1
                )));
            }
            let first = (place(size.0, out.0, v[1]) as i64, place(size.1, out.1, v[0]) as i64);
            How::Moves(Moves { first, down: (1, 0), right: (0, 1) })
        }
        Kind::Pad => {
            let [left, top, right, bottom] = [v[0], v[1], v[2], v[3]].map(|n| n as usize);
            out = (size.0 + top + bottom, size.1 + left + right);
            let first = (-(top as i64), -(left as i64));
            How::Moves(Moves { first, down: (1, 0), right: (0, 1) })
        }
        Kind::Resize | Kind::RandomResizedCrop => {
            out = (set[0] as usize, set[1] as usize);
            (border, fill) = (Border::Nearest, Vec::new());
            How::Resize(match step.op.kind {
                Kind::Resize => [0, 0, size.0, size.1],
                _ => window(v, size),
            })
        }
        Kind::GridDistortion => grid(v[0], set, size, &mut fill, &mut border, &step.stream),
        Kind::ElasticTransform => How::Map(elastic(v[0], v[1], size, &step.stream)),
        _ => return Ok(None),
    };
    Ok(Some(Geometry { size: out, how, border, fill }))
}

fn back(forward: Matrix) -> Result<How> {
    let none = || Error::Parameter("the transform has no inverse: it flattens the image".into());
    inverse(&forward).map(|m| How::Map(Map::Matrix(m))).ok_or_else(none)
}

/// A window of the drawn share of the area and ratio of sides, made smaller where it does not fit.
fn window(v: &[f64], (h, w): (usize, usize)) -> [usize; 4] {
    let area = v[0] * (h * w) as f64;
    let shrink = (w as f64 / (area * v[1]).sqrt()).min(h as f64 / (area / v[1]).sqrt()).min(1.0);
    let columns = (((area * v[1]).sqrt() * shrink).round() as usize).clamp(1, w.max(1));
    let rows = (((area / v[1]).sqrt() * shrink).round() as usize).clamp(1, h.max(1));
    [place(h, rows, v[3]), place(w, columns, v[2]), rows, columns]
}

/// Each corner comes inwards by its share of half the side.
fn perspective(v: &[f64], (h, w): (usize, usize)) -> Result<How> {
    let (r, b) = ((w as f64 - 1.0).max(1.0), (h as f64 - 1.0).max(1.0));
    let to = [(0.0, 0.0, 1.0, 1.0), (r, 0.0, -1.0, 1.0), (r, b, -1.0, -1.0), (0.0, b, 1.0, -1.0)];
    let from: Vec<(f64, f64)> = to
        .iter()
        .enumerate()
        .map(|(i, &(x, y, sx, sy))| (x + sx * v[2 * i] * r / 2.0, y + sy * v[2 * i + 1] * b / 2.0))
        .collect();
    // The square to the four corners (Heckbert 1989), and the image to the square before it.
    let (p0, p1, p2, p3) = (from[0], from[1], from[2], from[3]);
    let (dx1, dx2, sx) = (p1.0 - p2.0, p3.0 - p2.0, p0.0 - p1.0 + p2.0 - p3.0);
    let (dy1, dy2, sy) = (p1.1 - p2.1, p3.1 - p2.1, p0.1 - p1.1 + p2.1 - p3.1);
    let det = dx1 * dy2 - dx2 * dy1;
    if det.abs() < 1e-9 {
        return Err(Error::Parameter("the perspective flattens the image".into()));
    }
    let (g, k) = ((sx * dy2 - dx2 * sy) / det, (dx1 * sy - sx * dy1) / det);
    let quad = [
        p1.0 - p0.0 + g * p1.0,
        p3.0 - p0.0 + k * p3.0,
        p0.0,
        p1.1 - p0.1 + g * p1.1,
        p3.1 - p0.1 + k * p3.1,
        p0.1,
        g,
        k,
        1.0,
    ];
    let unit = [1.0 / r, 0.0, 0.0, 0.0, 1.0 / b, 0.0, 0.0, 0.0, 1.0];
    Ok(How::Map(Map::Matrix(times(&quad, &unit))))
}

/// Lines of a grid moved along each axis; between them places are linear, and they never cross.
fn grid(
    most: f64,
    set: &[f64],
    (h, w): (usize, usize),
    fill: &mut Vec<f64>,
    border: &mut Border,
    stream: &Stream,
) -> How {
    let cells = set[0] as usize;
    *border = Border::from_number(set[1]);
    *fill = set[2..].to_vec();
    let mut stream = stream.clone();
    let mut axis = |n: usize| -> Vec<f64> {
        let steps: Vec<f64> =
            (0..cells).map(|_| 1.0 + most * (2.0 * stream.unit() - 1.0)).collect();
        let sum: f64 = steps.iter().sum();
        let mut ends = vec![0.0];
        for s in &steps {
            ends.push(ends[ends.len() - 1] + s / sum);
        }
        let last = (n as f64 - 1.0).max(1.0);
        let one = |i: usize| {
            let t = i as f64 / last * cells as f64;
            let k = (t as usize).min(cells - 1);
            (ends[k] + (ends[k + 1] - ends[k]) * (t - k as f64)) * last
        };
        (0..n).map(one).collect()
    };
    let xs = axis(w);
    How::Map(Map::Axes { xs, ys: axis(h) })
}

/// Smoothed uniform shifts (Simard, Steinkraus and Platt 2003).
fn elastic(alpha: f64, sigma: f64, (h, w): (usize, usize), stream: &Stream) -> Map {
    let mut stream = stream.clone();
    let mut field = || {
        let mut noise = vec![0f32; h * w];
        for pair in noise.chunks_mut(2) {
            let word = stream.word();
            for (k, x) in pair.iter_mut().enumerate() {
                *x = (word >> (32 * k)) as u32 as f32 / 2_147_483_648.0 - 1.0;
            }
        }
        super::blur::smooth(&mut noise, (h, w), sigma);
        noise.iter_mut().for_each(|x| *x *= alpha as f32);
        noise
    };
    let dx = field();
    Map::Field { w, dx, dy: field() }
}

impl Geometry {
    /// The map from the result to the source, where it is not a field or a grid.
    pub fn backward(&self) -> Option<Matrix> {
        match &self.how {
            How::Moves(m) => Some([
                m.right.1 as f64,
                m.down.1 as f64,
                m.first.1 as f64,
                m.right.0 as f64,
                m.down.0 as f64,
                m.first.0 as f64,
                0.0,
                0.0,
                1.0,
            ]),
            How::Map(Map::Matrix(m)) => Some(*m),
            How::Map(_) => None,
            How::Resize([top, left, rows, columns]) => {
                let (sy, sx) =
                    (*rows as f64 / self.size.0 as f64, *columns as f64 / self.size.1 as f64);
                let offset = |s: f64, first: usize| 0.5 * s - 0.5 + first as f64;
                Some([sx, 0.0, offset(sx, *left), 0.0, sy, offset(sy, *top), 0.0, 0.0, 1.0])
            }
        }
    }

    /// Where a point of the source comes to in the result.
    pub fn forward(&self, x: f64, y: f64) -> (f64, f64) {
        if let Some(m) = self.backward() {
            return inverse(&m).map_or((f64::NAN, f64::NAN), |m| project(&m, x, y));
        }
        match &self.how {
            How::Map(Map::Axes { xs, ys }) => (along(xs, x), along(ys, y)),
            How::Map(Map::Field { w, dx, dy }) => {
                let h = dx.len() / (*w).max(1);
                let shift = |f: &[f32], x: f64, y: f64| {
                    let (x, y) = (x.clamp(0.0, *w as f64 - 1.0), y.clamp(0.0, h as f64 - 1.0));
                    let (i, j) = (x as usize, y as usize);
                    let (fx, fy) = (x - i as f64, y - j as f64);
                    let at = |j: usize, i: usize| f64::from(f[j.min(h - 1) * w + i.min(w - 1)]);
                    (at(j, i) * (1.0 - fx) + at(j, i + 1) * fx) * (1.0 - fy)
                        + (at(j + 1, i) * (1.0 - fx) + at(j + 1, i + 1) * fx) * fy
                };
                let (mut px, mut py) = (x, y);
                for _ in 0..30 {
                    (px, py) = (x - shift(dx, px, py), y - shift(dy, px, py));
                }
                (px, py)
            }
            _ => (x, y),
        }
    }
}

/// The place in a growing line whose value is `x`; beyond the ends by its last step.
fn along(line: &[f64], x: f64) -> f64 {
    if line.len() < 2 {
        return x;
    }
    let k = line.partition_point(|&v| v <= x).clamp(1, line.len() - 1);
    let step = line[k] - line[k - 1];
    (k - 1) as f64 + if step > 0.0 { (x - line[k - 1]) / step } else { 0.0 }
}
