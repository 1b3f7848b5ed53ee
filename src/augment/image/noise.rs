//! Noise: random values from a counter, so that many come quickly from one word of a stream.

use std::sync::OnceLock;

use super::pixel::{Pixel, Shape};
use crate::base::rng::Stream;

/// Words of a counter (splitmix64).
struct Words(u64);

impl Words {
    #[inline(always)]
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The standard normal's quantiles at the middles of 65,536 equal shares.
fn quantiles() -> &'static [f32; 65536] {
    static TABLE: OnceLock<Box<[f32; 65536]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Box::new([0f32; 65536]);
        for i in 0..32768 {
            let z = quantile((i as f64 + 0.5) / 65536.0) as f32;
            table[i] = z;
            table[65535 - i] = -z;
        }
        table
    })
}

/// The standard normal's quantile below one half, to 2e-9 (Wichura 1988, AS 241, PPND7 refined).
fn quantile(p: f64) -> f64 {
    // A start from the tail's expansion, then Newton's steps on the log of the share.
    let t = (-2.0 * p.ln()).sqrt();
    let mut z = -(t
        - (2.515_517 + 0.802_853 * t + 0.010_328 * t * t)
            / (1.0 + 1.432_788 * t + 0.189_269 * t * t + 0.001_308 * t * t * t));
    for _ in 0..3 {
        let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
        z -= (share(z) - p) / density.max(1e-300);
    }
    z
}

/// The standard normal's share below `z <= 0`.
fn share(z: f64) -> f64 {
    let x = -z;
    let density = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    if x > 3.0 {
        // Laplace's continued fraction.
        let mut f = 0.0;
        for k in (1..=60).rev() {
            f = f64::from(k) / (x + f);
        }
        return density / (x + f);
    }
    // Marsaglia's series (2004).
    let (mut term, mut sum) = (x, x);
    let mut k = 1.0;
    while term > 1e-17 * sum.max(1e-300) && k < 400.0 {
        k += 2.0;
        term *= x * x / k;
        sum += term;
    }
    0.5 - density * sum
}

/// Adds normal noise of standard deviation `std` (a share of full scale) to the colours.
pub fn gaussian<T: Pixel>(std: f64, mut stream: Stream, src: &[T], dst: &mut [T], shape: Shape) {
    let table = quantiles();
    let scale = std as f32 * T::FULL;
    let mut words = Words(stream.word());
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

/// A draw from the outermost share of 1 in 65,536.
#[inline(never)]
fn tail(low: bool, stream: &mut Stream) -> f32 {
    let z = quantile((1.0 - stream.unit()) / 65536.0) as f32;
    if low { z } else { -z }
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
    let mut words = Words(stream.word());
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
