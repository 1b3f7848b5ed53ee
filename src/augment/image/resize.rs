//! Sizes: a window brought to another size, linearly, and smoothed where it shrinks.

use super::pixel::{Pixel, Shape};
use crate::base::{Ctx, Result};

/// For each place of the result: the first source place, and the weights from there.
fn weights(first: usize, n: usize, out: usize) -> Vec<(usize, Vec<f32>)> {
    let scale = n as f64 / out as f64;
    let reach = scale.max(1.0);
    let one = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        let from = (centre - reach - 0.5).ceil().max(0.0) as usize;
        let to = ((centre + reach - 0.5).floor() as usize).min(n - 1);
        let weight = |k: usize| (1.0 - ((k as f64 + 0.5 - centre) / reach).abs()).max(0.0);
        let sum: f64 = (from..=to).map(weight).sum();
        (first + from, (from..=to).map(|k| (weight(k) / sum) as f32).collect())
    };
    (0..out).map(one).collect()
}

/// Brings a window (first row, first column, rows, columns) to the size of `dst`.
pub fn resize<T: Pixel>(
    ctx: &Ctx,
    (src, shape): (&[T], Shape),
    [top, left, rows, columns]: [usize; 4],
    (dst, size): (&mut [T], (usize, usize)),
) -> Result<()> {
    let Shape { w, c, .. } = shape;
    let across = weights(left, columns, size.1);
    let down = weights(top, rows, size.0);
    let wide = size.1 * c;
    let mut lines = vec![0f32; rows * wide];
    for (y, line) in lines.chunks_exact_mut(wide.max(1)).enumerate() {
        ctx.check()?;
        let row = &src[(top + y) * w * c..(top + y + 1) * w * c];
        for (o, (first, weights)) in line.chunks_exact_mut(c).zip(&across) {
            for (p, &weight) in row[first * c..].chunks_exact(c).zip(weights) {
                o.iter_mut().zip(p).for_each(|(o, p)| *o += p.get() * weight);
            }
        }
    }
    let mut sums = vec![0f32; wide];
    for (out, (first, weights)) in dst.chunks_exact_mut(wide.max(1)).zip(&down) {
        sums.fill(0.0);
        for (line, &weight) in lines[(first - top) * wide..].chunks_exact(wide).zip(weights) {
            sums.iter_mut().zip(line).for_each(|(s, &x)| *s += x * weight);
        }
        out.iter_mut().zip(&sums).for_each(|(o, &s)| *o = T::put(s));
    }
    Ok(())
}
