//! Noise: random values in lanes of a counter of their own, seeded from the item's stream.

use super::lanes;
use super::pixel::{Pixel, Shape};
use crate::base::rng::Stream;

/// Generators side by side.
const LANES: usize = 16;
/// Values made at a time.
const BLOCK: usize = 4 * LANES;

/// Generators side by side (xoshiro128+ of Blackman and Vigna 2018; its weak low bits are unused).
struct Words([[u32; LANES]; 4]);

impl Words {
    fn new(stream: &mut Stream) -> Self {
        let mut state = [[0; LANES]; 4];
        for k in 0..LANES {
            let (a, b) = (stream.word(), stream.word());
            // Odd, so that no generator is all zeros.
            for (s, word) in
                state.iter_mut().zip([a as u32 | 1, (a >> 32) as u32, b as u32, (b >> 32) as u32])
            {
                s[k] = word;
            }
        }
        Words(state)
    }

    #[inline(always)]
    fn next(&mut self) -> [u32; LANES] {
        let [a, b, c, d] = &mut self.0;
        let mut out = [0; LANES];
        for k in 0..LANES {
            out[k] = a[k].wrapping_add(d[k]);
            let t = b[k] << 9;
            c[k] ^= a[k];
            d[k] ^= b[k];
            b[k] ^= c[k];
            a[k] ^= d[k];
            c[k] ^= t;
            d[k] = d[k].rotate_left(11);
        }
        out
    }
}

/// The natural logarithm of a positive normal number of at most one, to 1e-7 of it (the terms of
/// Moshier's Cephes library).
#[inline(always)]
fn ln(x: f32) -> f32 {
    // x = m * 2^e with m from 1/sqrt(2) to sqrt(2).
    const HALF: u32 = 0x3f35_04f3;
    let shifted = x.to_bits().wrapping_sub(HALF);
    let e = (shifted as i32 >> 23) as f32;
    let m = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(HALF)) - 1.0;
    let z = m * m;
    let mut p = 7.037_683_6e-2;
    for k in [
        -1.151_461e-1,
        1.167_699_8e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_7e-1,
        2.000_071_4e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ] {
        p = p * m + k;
    }
    m + (m * z * p - 0.5 * z) + e * std::f32::consts::LN_2
}

/// Standard normals, two lanes from two words each (Box and Muller 1958). Nothing here depends on
/// the machine: sums and products are rounded one by one.
#[inline(always)]
fn normals(words: &mut Words, out: &mut [f32; BLOCK]) {
    for half in out.as_chunks_mut::<{ 2 * LANES }>().0 {
        let (first, second) = (words.next(), words.next());
        for k in 0..LANES {
            let u = ((first[k] >> 1) as i32 as f32 + 0.5) * (1.0 / 2_147_483_648.0);
            let radius = (-2.0 * ln(u)).max(0.0).sqrt();
            // A quarter of the circle by the upper two bits, and the angle within it, from -pi/4.
            let quarter = second[k] >> 30;
            let turn = ((second[k] << 2) as i32 >> 8) as f32 + 0.5;
            let t = turn * (std::f32::consts::FRAC_PI_4 / 8_388_608.0);
            let z = t * t;
            let sin = t + t * z * (-1.666_665_5e-1 + z * (8.332_161e-3 + z * -1.951_529_6e-4));
            let cos = 1.0 - 0.5 * z
                + z * z * (4.166_664_6e-2 + z * (-1.388_731_6e-3 + z * 2.443_315_7e-5));
            let swap = quarter & 1 == 1;
            let (x, y) = if swap { (sin, cos) } else { (cos, sin) };
            let sign = |x: f32, flip: u32| f32::from_bits(x.to_bits() ^ (flip << 31));
            half[k] = radius * sign(x, (quarter >> 1) ^ (quarter & 1));
            half[LANES + k] = radius * sign(y, quarter >> 1);
        }
    }
}

/// Adds normal noise of standard deviation `std` (a share of full scale) to the colours.
pub fn gaussian<T: Pixel>(std: f64, mut stream: Stream, src: &[T], dst: &mut [T], shape: Shape) {
    let scale = std as f32 * T::FULL;
    let mut words = Words::new(&mut stream);
    let mut z = [0f32; BLOCK];
    lanes::run(
        #[inline(always)]
        || {
            let (d, d_rest) = dst.as_chunks_mut::<BLOCK>();
            let (s, s_rest) = src.as_chunks::<BLOCK>();
            for (d, s) in d.iter_mut().zip(s) {
                normals(&mut words, &mut z);
                for k in 0..BLOCK {
                    d[k] = T::put(s[k].get() + scale * z[k]);
                }
            }
            normals(&mut words, &mut z);
            for ((d, s), z) in d_rest.iter_mut().zip(s_rest).zip(&z) {
                *d = T::put(s.get() + scale * z);
            }
        },
    );
    super::steps::keep_alpha(dst, src, shape);
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
    for block in dst.chunks_mut(LANES * shape.c) {
        for (d, word) in block.chunks_exact_mut(shape.c).zip(words.next().map(u64::from)) {
            if word < limit {
                let value = if 2 * word < limit { T::put(T::FULL) } else { T::default() };
                d[..shape.colours()].fill(value);
            }
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
