//! How loud a clip is, where it is cut off, and where its sound lies in time.

use super::Shape;
use crate::base::lanes;

/// The factor of an amplitude that so many decibels are.
pub fn factor(decibel: f64) -> f64 {
    10f64.powf(decibel / 20.0)
}

/// Times a factor.
pub fn scale(factor: f64, src: &[f32], dst: &mut [f32]) {
    let factor = factor as f32;
    dst.iter_mut().zip(src).for_each(|(d, s)| *d = s * factor);
}

/// Whether no sample is infinite or missing.
pub fn finite(x: &[f32]) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    let mut wild = 0;
    lanes::run(
        #[inline(always)]
        || {
            for v in x {
                wild |= u32::from(v.to_bits() & EXPONENT == EXPONENT);
            }
        },
    );
    wild == 0
}

/// The sum of squares.
pub fn energy(x: &[f32]) -> f64 {
    let sum: f64 = lanes::run(
        #[inline(always)]
        || x.chunks(2048).map(squares).sum(),
    );
    // Squares of what is very soft or very loud do not fit 32 bits.
    if sum.is_finite() && sum > 1e-24 * x.len() as f64 {
        return sum;
    }
    x.iter().map(|&v| f64::from(v) * f64::from(v)).sum()
}

#[inline(always)]
fn squares(x: &[f32]) -> f64 {
    let (chunks, rest) = x.as_chunks::<16>();
    let mut sums = [0f32; 16];
    for c in chunks {
        for k in 0..16 {
            sums[k] += c[k] * c[k];
        }
    }
    let last: f32 = rest.iter().map(|v| v * v).sum();
    sums.iter().map(|&s| f64::from(s)).sum::<f64>() + f64::from(last)
}

/// What a level is of.
pub fn level_of(x: &[f32], peak: bool) -> f64 {
    if peak {
        return f64::from(x.iter().fold(0f32, |m, v| m.max(v.abs())));
    }
    (energy(x) / x.len().max(1) as f64).sqrt()
}

/// To a level of full scale one; silence has none, and stays.
pub fn normalize(level: f64, now: f64, src: &[f32], dst: &mut [f32]) {
    let by = if now > 0.0 { factor(level) / now } else { 1.0 };
    dst.iter_mut().zip(src).for_each(|(d, &s)| *d = (f64::from(s) * by) as f32);
}

/// What lies beyond the threshold becomes the threshold, or (soft) nears it: t tanh(x / t).
pub fn clip(threshold: f64, soft: bool, src: &[f32], dst: &mut [f32]) {
    let t = threshold as f32;
    let out = dst.iter_mut().zip(src);
    if t <= 0.0 {
        out.for_each(|(d, s)| *d = *s);
    } else if soft {
        out.for_each(|(d, s)| *d = t * (s / t).tanh());
    } else {
        out.for_each(|(d, s)| *d = s.clamp(-t, t));
    }
}

/// The amplitude that a percentage of the samples do not exceed.
pub fn percentile(percent: f64, src: &[f32]) -> f64 {
    let mut sizes: Vec<f32> = src.iter().map(|x| x.abs()).collect();
    if sizes.is_empty() {
        return 0.0;
    }
    let k = (percent / 100.0 * (sizes.len() - 1) as f64) as usize;
    let last = sizes.len() - 1;
    f64::from(*sizes.select_nth_unstable_by(k.min(last), f32::total_cmp).1)
}

/// So many samples later; what leaves comes in again at the other end, or silence does.
pub fn shift(by: f64, roll: bool, (src, shape): (&[f32], Shape), dst: &mut [f32]) {
    let n = shape.len;
    if n == 0 {
        return;
    }
    let by = by.round();
    for (d, s) in dst.chunks_exact_mut(n).zip(src.chunks_exact(n)) {
        if roll {
            let k = by.rem_euclid(n as f64) as usize % n;
            d[k..].copy_from_slice(&s[..n - k]);
            d[..k].copy_from_slice(&s[n - k..]);
        } else {
            let k = (by.abs() as usize).min(n);
            d.fill(0.0);
            if by >= 0.0 {
                d[k..].copy_from_slice(&s[..n - k]);
            } else {
                d[..n - k].copy_from_slice(&s[k..]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_and_percentiles_are_the_slow_ones(
            x in prop::collection::vec(-1f32..1.0, 1..5000), tiny in -36..18, percent in 0.0..=100.0,
        ) {
            let by = 10f32.powi(tiny);
            let x: Vec<f32> = x.iter().map(|v| v * by).collect();
            let slow: f64 = x.iter().map(|&v| f64::from(v).powi(2)).sum();
            prop_assert!((energy(&x) - slow).abs() <= 1e-6 * slow);
            let mut sizes: Vec<f32> = x.iter().map(|v| v.abs()).collect();
            sizes.sort_by(f32::total_cmp);
            let want = sizes[(percent / 100.0 * (x.len() - 1) as f64) as usize];
            prop_assert_eq!(percentile(percent, &x), f64::from(want));
        }

        #[test]
        fn shifts_are_index_arithmetic(n in 1usize..40, by in -90.0f64..90.0) {
            let shape = Shape { channels: 2, len: n, rate: 0 };
            let x: Vec<f32> = (1..=2 * n).map(|i| i as f32).collect();
            for roll in [true, false] {
                let mut made = vec![9.0; 2 * n];
                shift(by, roll, (&x, shape), &mut made);
                for (i, &v) in made.iter().enumerate() {
                    let (c, t) = ((i / n) as i64, (i % n) as i64 - by.round() as i64);
                    let inside = (0..n as i64).contains(&t);
                    let at = c * n as i64 + t.rem_euclid(n as i64);
                    let want = if roll || inside { x[at as usize] } else { 0.0 };
                    prop_assert_eq!(v, want);
                }
            }
        }
    }
}
