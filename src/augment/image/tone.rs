//! Point operations: each value from its old value, and colours from colours.

use super::pixel::{PART, Pixel, Shape, join, split};
use super::{Kind, Op, lanes};
use crate::augment::plan::Step;

/// A table of 256 values.
pub type Table = [u8; 256];

/// Whether the step is a table on whole numbers: each value from its old value alone.
pub fn is_table(kind: Kind) -> bool {
    matches!(kind, Kind::BrightnessContrast | Kind::Gamma | Kind::Posterize | Kind::Solarize)
}

/// The new value of `x`, both in units of 0 to 255.
#[inline(always)]
fn point(kind: Kind, v: &[f64], x: f64) -> f64 {
    match kind {
        Kind::BrightnessContrast => x * (1.0 + v[1]) + v[0] * 255.0,
        Kind::Gamma => 255.0 * (x / 255.0).max(0.0).powf(v[0]),
        Kind::Posterize => {
            let step = 2f64.powi(8 - v[0] as i32);
            (x / step).floor() * step
        }
        _ if x >= v[0] * 255.0 => 255.0 - x,
        _ => x,
    }
}

/// The step as a table.
pub fn table(step: &Step<Op>) -> Table {
    std::array::from_fn(|x| u8::put_tone(point(step.op.kind, &step.values, x as f64)))
}

/// The step on values of any type, one by one.
pub fn points<T: Pixel>(step: &Step<Op>, src: &[T], dst: &mut [T], shape: Shape) {
    let unit = 255.0 / f64::from(T::FULL);
    for (d, s) in dst.chunks_exact_mut(shape.c).zip(src.chunks_exact(shape.c)) {
        d.copy_from_slice(s);
        for k in 0..shape.colours() {
            let x = f64::from(s[k].get()) * unit;
            d[k] = T::put_tone(point(step.op.kind, &step.values, x) / unit);
        }
    }
}

/// Brightness of a colour (ITU-R BT.601).
#[inline(always)]
pub fn luma(rgb: [f32; 3]) -> f32 {
    0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]
}

/// Three channels of up to `PART` pixels, of full scale one.
type Colours = [[f32; PART]; 3];

/// What is done to colours.
enum Change {
    Grey,
    /// A turn of the hue (a share of the circle), and factors of saturation and value.
    Hsv([f32; 3]),
    /// Factors of brightness, contrast and saturation, a turn, and the mean brightness.
    Jitter([f32; 5]),
}

/// The colours of pixels, grey ones as colours of equal parts.
fn load<T: Pixel, const C: usize>(src: &[T], values: &mut [[T; PART]; C], colours: &mut Colours) {
    lanes::run(
        #[inline(always)]
        || {
            split(src, values);
            for k in 0..3 {
                let from = &values[if C < 3 { 0 } else { k }];
                colours[k].iter_mut().zip(from).for_each(|(c, v)| *c = v.get() / T::FULL);
            }
        },
    );
}

/// Writes what became of the colours of [`load`]; alpha stays.
fn store<T: Pixel, const C: usize>(colours: &Colours, values: &mut [[T; PART]; C], dst: &mut [T]) {
    lanes::run(
        #[inline(always)]
        || {
            for k in 0..(if C == 2 || C == 4 { C - 1 } else { C }) {
                let from = &colours[k];
                values[k].iter_mut().zip(from).for_each(|(v, c)| *v = T::put_tone32(c * T::FULL));
            }
            join(values, dst);
        },
    );
}

fn changed<T: Pixel, const C: usize>(change: &Change, src: &[T], dst: &mut [T]) {
    let mut values = [[T::default(); PART]; C];
    let mut colours = [[0f32; PART]; 3];
    for (d, s) in dst.chunks_mut(PART * C).zip(src.chunks(PART * C)) {
        load(s, &mut values, &mut colours);
        lanes::run(
            #[inline(always)]
            || {
                let c = &mut colours;
                match change {
                    Change::Grey => each(
                        c,
                        #[inline(always)]
                        |rgb| [luma(rgb); 3],
                    ),
                    Change::Hsv(v) => each(
                        c,
                        #[inline(always)]
                        |rgb| hsv(rgb, v[0], v[1], v[2]),
                    ),
                    Change::Jitter(v) => {
                        each(
                            c,
                            #[inline(always)]
                            |rgb| jitter(rgb, v),
                        );
                        if v[3] != 0.0 {
                            each(
                                c,
                                #[inline(always)]
                                |rgb| hsv(rgb, v[3], 1.0, 1.0),
                            );
                        }
                    }
                }
            },
        );
        store(&colours, &mut values, d);
    }
}

#[inline(always)]
fn each([r, g, b]: &mut Colours, f: impl Fn([f32; 3]) -> [f32; 3]) {
    for p in 0..PART {
        [r[p], g[p], b[p]] = f([r[p], g[p], b[p]]);
    }
}

/// Turns the hue by a share of the circle, and multiplies saturation and value (HSV). Without
/// branches, so that it runs in lanes.
#[inline(always)]
fn hsv([r, g, b]: [f32; 3], turn: f32, saturation: f32, value: f32) -> [f32; 3] {
    let most = r.max(g).max(b);
    let chroma = most - r.min(g).min(b);
    let safe = if chroma > 0.0 { chroma } else { 1.0 };
    let (red, green, blue) = ((g - b) / safe, 2.0 + (b - r) / safe, 4.0 + (r - g) / safe);
    let sector = if most == r {
        red
    } else if most == g {
        green
    } else {
        blue
    };
    let hue = sector + 6.0 * turn;
    let hue = hue - (hue * (1.0 / 6.0)).floor() * 6.0;
    let share = chroma / if most > 0.0 { most } else { 1.0 };
    let new = (most * value).clamp(0.0, 1.0);
    let less = new * (share * saturation).clamp(0.0, 1.0);
    [wave(5.0 + hue, new, less), wave(3.0 + hue, new, less), wave(1.0 + hue, new, less)]
}

/// A channel, by its place on the circle of hues.
#[inline(always)]
fn wave(k: f32, new: f32, less: f32) -> f32 {
    let k = if k >= 6.0 { k - 6.0 } else { k };
    new - less * k.min(4.0 - k).clamp(0.0, 1.0)
}

/// Factors of brightness, contrast and saturation, in this order.
#[inline(always)]
fn jitter(mut rgb: [f32; 3], v: &[f32; 5]) -> [f32; 3] {
    for k in &mut rgb {
        *k = ((*k * v[0]).clamp(0.0, 1.0) * v[1] + v[4] * (1.0 - v[1])).clamp(0.0, 1.0);
    }
    let grey = luma(rgb);
    for k in &mut rgb {
        *k = (*k * v[2] + grey * (1.0 - v[2])).clamp(0.0, 1.0);
    }
    rgb
}

/// The mean brightness after a factor.
fn brightness<T: Pixel, const C: usize>(factor: f32, src: &[T], shape: Shape) -> f32 {
    let mut values = [[T::default(); PART]; C];
    let mut colours = [[0f32; PART]; 3];
    let mut sum = 0.0;
    for s in src.chunks(PART * C) {
        load(s, &mut values, &mut colours);
        let [r, g, b] = &colours;
        sum += (0..s.len() / C)
            .map(|p| f64::from(luma([r[p], g[p], b[p]].map(|x| (x * factor).clamp(0.0, 1.0)))))
            .sum::<f64>();
    }
    (sum / (shape.h * shape.w).max(1) as f64) as f32
}

/// HueSaturation, ColorJitter and Grayscale.
pub fn colour<T: Pixel>(step: &Step<Op>, src: &[T], dst: &mut [T], shape: Shape) {
    match shape.c {
        1 => coloured::<T, 1>(step, src, dst, shape),
        2 => coloured::<T, 2>(step, src, dst, shape),
        3 => coloured::<T, 3>(step, src, dst, shape),
        _ => coloured::<T, 4>(step, src, dst, shape),
    }
}

fn coloured<T: Pixel, const C: usize>(step: &Step<Op>, src: &[T], dst: &mut [T], shape: Shape) {
    let get = |k: usize| step.values[k] as f32;
    let change = match step.op.kind {
        Kind::Grayscale => Change::Grey,
        Kind::HueSaturation => Change::Hsv([get(0) / 360.0, 1.0 + get(1), 1.0 + get(2)]),
        _ => {
            let mean = brightness::<T, C>(get(0), src, shape);
            Change::Jitter([get(0), get(1), get(2), get(3), mean])
        }
    };
    changed::<T, C>(&change, src, dst);
}

/// Equal counts at all levels, channel by channel (256 levels, also of floats).
pub fn equalize<T: Pixel>(src: &[T], dst: &mut [T], shape: Shape) {
    dst.copy_from_slice(src);
    for k in 0..shape.colours() {
        let mut counts = [0u32; 256];
        src.iter().skip(k).step_by(shape.c).for_each(|s| counts[level(*s)] += 1);
        let n: u32 = counts.iter().sum();
        let least = counts.iter().copied().find(|&x| x > 0).unwrap_or(0);
        if n == least {
            continue; // one level only
        }
        let mut seen = 0u32;
        let table: [T; 256] = std::array::from_fn(|i| {
            seen += counts[i];
            let share = f64::from(seen.saturating_sub(least)) / f64::from(n - least);
            T::put_tone(share * f64::from(T::FULL))
        });
        dst.iter_mut().skip(k).step_by(shape.c).for_each(|d| *d = table[level(*d)]);
    }
}

/// Of 256 levels the one that the value lies in.
#[inline(always)]
fn level<T: Pixel>(x: T) -> usize {
    u8::put(x.get() * (255.0 / T::FULL)) as usize
}

/// Equalizes brightness tile by tile, counts clipped (Zuiderveld 1994); colours keep their hue.
pub fn clahe<T: Pixel>(v: &[f64], tiles: usize, src: &[T], dst: &mut [T], shape: Shape) {
    let Shape { h, w, c } = shape;
    let unit = 255.0 / T::FULL;
    let bright: Vec<f32> = src
        .chunks_exact(c)
        .map(|s| luma(std::array::from_fn(|k| s[if c < 3 { 0 } else { k }].get() * unit)))
        .collect();
    let (rows, columns) = (tiles.min(h), tiles.min(w));
    let mut tables = Vec::with_capacity(rows * columns);
    for t in 0..rows * columns {
        let (r, k) = (t / columns, t % columns);
        let (y, x) = (r * h / rows..(r + 1) * h / rows, k * w / columns..(k + 1) * w / columns);
        let cells = y.flat_map(|y| bright[y * w + x.start..y * w + x.end].iter());
        tables.push(clipped(cells, v[0]));
    }
    // Between the centres of the tiles, values are linear.
    let between = |i: usize, n: usize, parts: usize| {
        let t = ((i as f32 + 0.5) * parts as f32 / n as f32 - 0.5).clamp(0.0, parts as f32 - 1.0);
        (t as usize, (t as usize + 1).min(parts - 1), t.fract())
    };
    for y in 0..h {
        let (top, low, fy) = between(y, h, rows);
        for x in 0..w {
            let (left, right, fx) = between(x, w, columns);
            let old = bright[y * w + x];
            let i = u8::put(old) as usize;
            let at = |r: usize, k: usize| tables[r * columns + k][i];
            let a = at(top, left) + (at(top, right) - at(top, left)) * fx;
            let b = at(low, left) + (at(low, right) - at(low, left)) * fx;
            let more = (a + (b - a) * fy - i as f32) / unit;
            let p = (y * w + x) * c;
            dst[p..p + c].copy_from_slice(&src[p..p + c]);
            for k in p..p + shape.colours() {
                dst[k] = T::put_tone(f64::from(src[k].get() + more));
            }
        }
    }
}

/// The table of a tile: what exceeds `limit` times the mean count is spread over all levels.
fn clipped<'a>(cells: impl Iterator<Item = &'a f32>, limit: f64) -> [f32; 256] {
    let mut counts = [0f64; 256];
    let mut n = 0.0;
    for &x in cells {
        counts[u8::put(x) as usize] += 1.0;
        n += 1.0;
    }
    let most = (limit * n / 256.0).max(1.0);
    let spread = counts.iter().map(|&k| (k - most).max(0.0)).sum::<f64>() / 256.0;
    let mut seen = 0.0;
    counts.map(|k| {
        seen += k.min(most) + spread;
        (seen / n.max(1.0) * 255.0) as f32
    })
}
