//! Point operations: each value from its old value, and colours from colours.

use super::pixel::{Pixel, Shape};
use super::{Kind, Op};
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

/// Looks every colour value up.
pub fn look_up(table: &Table, src: &[u8], dst: &mut [u8], shape: Shape) {
    if shape.colours() == shape.c {
        dst.iter_mut().zip(src).for_each(|(d, &s)| *d = table[s as usize]);
        return;
    }
    for (d, s) in dst.chunks_exact_mut(shape.c).zip(src.chunks_exact(shape.c)) {
        d.copy_from_slice(s);
        for k in 0..shape.c - 1 {
            d[k] = table[s[k] as usize];
        }
    }
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

/// Each colour by `f`, in units of full scale; grey images as colours of equal parts.
fn colours<T: Pixel>(src: &[T], dst: &mut [T], shape: Shape, f: impl Fn([f32; 3]) -> [f32; 3]) {
    let c = shape.c;
    for (d, s) in dst.chunks_exact_mut(c).zip(src.chunks_exact(c)) {
        d.copy_from_slice(s);
        let rgb: [f32; 3] = std::array::from_fn(|k| s[if c < 3 { 0 } else { k }].get() / T::FULL);
        let out = f(rgb);
        for k in 0..shape.colours() {
            d[k] = T::put_tone(f64::from(out[k]) * f64::from(T::FULL));
        }
    }
}

/// Turns the hue by a share of the circle, and multiplies saturation and value (HSV).
fn hsv(rgb: [f32; 3], turn: f32, saturation: f32, value: f32) -> [f32; 3] {
    let most = rgb[0].max(rgb[1]).max(rgb[2]);
    let chroma = most - rgb[0].min(rgb[1]).min(rgb[2]);
    let most_new = (most * value).clamp(0.0, 1.0);
    if chroma <= 0.0 || most <= 0.0 {
        return [most_new; 3];
    }
    let sector = if most == rgb[0] {
        (rgb[1] - rgb[2]) / chroma
    } else if most == rgb[1] {
        2.0 + (rgb[2] - rgb[0]) / chroma
    } else {
        4.0 + (rgb[0] - rgb[1]) / chroma
    };
    let hue = (sector + 6.0 * turn).rem_euclid(6.0);
    let s = (chroma / most * saturation).clamp(0.0, 1.0);
    [5.0f32, 3.0, 1.0].map(|n| {
        let k = (n + hue) % 6.0;
        most_new - most_new * s * k.min(4.0 - k).clamp(0.0, 1.0)
    })
}

/// HueSaturation, ColorJitter and Grayscale.
pub fn colour<T: Pixel>(step: &Step<Op>, src: &[T], dst: &mut [T], shape: Shape) {
    let v: Vec<f32> = step.values.iter().map(|&x| x as f32).collect();
    match step.op.kind {
        Kind::Grayscale => colours(src, dst, shape, |rgb| [luma(rgb); 3]),
        Kind::HueSaturation => {
            colours(src, dst, shape, |rgb| hsv(rgb, v[0] / 360.0, 1.0 + v[1], 1.0 + v[2]));
        }
        _ => jitter(&v, src, dst, shape),
    }
}

/// Factors of brightness, contrast and saturation, and a turn of the hue, in this order.
fn jitter<T: Pixel>(v: &[f32], src: &[T], dst: &mut [T], shape: Shape) {
    let c = shape.c;
    let rgb = |s: &[T]| -> [f32; 3] {
        std::array::from_fn(|k| {
            (s[if c < 3 { 0 } else { k }].get() / T::FULL * v[0]).clamp(0.0, 1.0)
        })
    };
    let sum: f64 = src.chunks_exact(c).map(|s| f64::from(luma(rgb(s)))).sum();
    let mean = (sum / (shape.h * shape.w).max(1) as f64) as f32;
    colours(src, dst, shape, |x| {
        let mut x =
            x.map(|k| ((k * v[0]).clamp(0.0, 1.0) * v[1] + mean * (1.0 - v[1])).clamp(0.0, 1.0));
        let grey = luma(x);
        x = x.map(|k| (k * v[2] + grey * (1.0 - v[2])).clamp(0.0, 1.0));
        if v[3] == 0.0 { x } else { hsv(x, v[3], 1.0, 1.0) }
    });
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
