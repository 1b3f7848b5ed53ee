//! Noise on pixels, and holes.

use super::super::noise::{Words, quantiles, tail};
use super::pixel::{Pixel, Shape};
use crate::base::rng::Stream;

/// Adds normal noise of standard deviation `std` (a share of full scale) to the colours.
pub fn gaussian<T: Pixel>(std: f64, mut stream: Stream, src: &[T], dst: &mut [T], shape: Shape) {
    let table = quantiles();
    let scale = std as f32 * T::FULL;
    let mut words = Words::new(&mut stream);
    let mut add = |d: &mut [T], s: &[T]| {
        let word = words.next();
        for (k, (d, s)) in d.iter_mut().zip(s).enumerate() {
            let i = (word >> (16 * k)) as u16;
            let z =
                if i == 0 || i == u16::MAX { tail(i == 0, &mut stream) } else { table[i as usize] };
            *d = T::put(s.get() + scale * z);
        }
    };
    if shape.c == 2 || shape.c == 4 {
        for (d, s) in dst.chunks_exact_mut(shape.c).zip(src.chunks_exact(shape.c)) {
            let k = shape.colours();
            add(&mut d[..k], &s[..k]);
            d[k] = s[k];
        }
        return;
    }
    let (d4, d1) = dst.as_chunks_mut::<4>();
    let (s4, s1) = src.as_chunks::<4>();
    d4.iter_mut().zip(s4).for_each(|(d, s)| add(d, s));
    add(d1, s1);
}

/// Turns a share of the pixels black or white, each with the same chance.
pub fn salt_pepper<T: Pixel>(
    amount: f64,
    mut stream: Stream,
    src: &[T],
    dst: &mut [T],
    shape: Shape,
) {
    dst.copy_from_slice(src);
    let mut words = Words::new(&mut stream);
    let limit = (amount * 2f64.powi(32)) as u64;
    for d in dst.chunks_exact_mut(shape.c) {
        let word = words.next();
        if word >> 32 < limit {
            let value = if word & 1 == 1 { T::put(T::FULL) } else { T::default() };
            d[..shape.colours()].fill(value);
        }
    }
}

/// Fills rectangles of drawn sides (shares of the image's sides), all channels.
pub fn holes<T: Pixel>(
    (count, size): (usize, (f64, f64)),
    fill: &[f64],
    mut stream: Stream,
    dst: &mut [T],
    shape: Shape,
) {
    let Shape { h, w, c } = shape;
    for _ in 0..count {
        let mut span = |n: usize| {
            let share = size.0 + (size.1 - size.0) * stream.unit();
            let long = ((share * n as f64).round() as usize).clamp(1, n);
            let first = stream.below((n - long + 1) as u64) as usize;
            first..first + long
        };
        let (rows, columns) = (span(h), span(w));
        for y in rows {
            let row = &mut dst[(y * w + columns.start) * c..(y * w + columns.end) * c];
            for pixel in row.chunks_exact_mut(c) {
                for (k, x) in pixel.iter_mut().enumerate() {
                    let f = fill.get(k).or(fill.last()).copied().unwrap_or(0.0);
                    *x = T::put(f as f32);
                }
            }
        }
    }
}
