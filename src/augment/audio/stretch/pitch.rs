//! A clip read faster or slower.

use std::f64::consts::PI;
use std::sync::OnceLock;

use pulp::{Arch, Simd, WithSimd};

/// Samples to each side of a place that take part.
pub const REACH: usize = 16;
const TAPS: usize = 2 * REACH;
/// Places between two samples for which weights are laid out; between them they change evenly,
/// which is off by 2e-5.
const PHASES: usize = 256;
/// The pass band ends here, as a share of half the sample rate.
const PASS: f64 = 0.94;
/// The shape of the Kaiser window: 80 dB of stop band.
const BETA: f64 = 8.0;

/// For each phase the weights of samples 1 - REACH to REACH, seen from the one before it.
fn weights() -> &'static [[f32; TAPS]] {
    static TABLE: OnceLock<Vec<[f32; TAPS]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let row = |phase: usize| {
            let part = phase as f64 / PHASES as f64;
            let at = |k: usize| {
                let x = k as f64 - (REACH - 1) as f64 - part;
                let inner = 1.0 - (x / REACH as f64).powi(2);
                let window = if inner > 0.0 { bessel(BETA * inner.sqrt()) } else { 0.0 };
                window * PASS * sinc(PASS * x)
            };
            let row: [f64; TAPS] = std::array::from_fn(at);
            let sum: f64 = row.iter().sum();
            row.map(|w| (w / sum) as f32)
        };
        (0..=PHASES).map(row).collect()
    })
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The modified Bessel function of order 0, by its series.
fn bessel(x: f64) -> f64 {
    let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-12 * sum {
        term *= (x / (2.0 * k)).powi(2);
        sum += term;
        k += 1.0;
    }
    sum
}

/// Sample `i` of `out` is `x` at the place `(first + i) * step`; silence is assumed before and
/// after.
pub fn read(x: &[f32], step: f64, first: usize, out: &mut [f32]) {
    Arch::new().dispatch(Read { table: weights(), x, step, first, out });
}

struct Read<'a> {
    table: &'a [[f32; TAPS]],
    x: &'a [f32],
    step: f64,
    first: usize,
    out: &'a mut [f32],
}

impl WithSimd for Read<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Read { table, x, step, first, out } = self;
        for (i, slot) in out.iter_mut().enumerate() {
            let place = (first + i) as f64 * step;
            let whole = place as i64;
            let phase = (place - whole as f64) * PHASES as f64;
            let row = (phase as i32 as usize).min(PHASES - 1);
            let (low, high) = (&table[row], &table[row + 1]);
            let between = (phase - row as f64) as f32;
            let start = whole as isize - (REACH as isize - 1);
            let inside = usize::try_from(start).ok().and_then(|f| x.get(f..)?.first_chunk());
            *slot = match inside {
                Some(part) => mix(part, low, high, between),
                None => mix(&near(x, start), low, high, between),
            }
        }
    }
}

/// The samples from `start` on, some of which lie outside.
fn near(x: &[f32], start: isize) -> [f32; TAPS] {
    std::array::from_fn(|k| {
        let at = usize::try_from(start + k as isize).ok();
        at.and_then(|a| x.get(a)).copied().unwrap_or(0.0)
    })
}

/// The sum of products with what lies between two rows.
#[inline(always)]
fn mix(x: &[f32; TAPS], low: &[f32; TAPS], high: &[f32; TAPS], between: f32) -> f32 {
    let mut parts = [0.0f32; TAPS];
    for k in 0..TAPS {
        parts[k] = x[k] * (low[k] + between * (high[k] - low[k]));
    }
    for n in [TAPS / 2, TAPS / 4] {
        for k in 0..n {
            parts[k] += parts[k + n];
        }
    }
    let [a, b, c, d, e, f, g, h, ..] = parts;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_tone_is_the_tone_between_its_samples(step in 0.3f64..3.0, share in 0.02f64..0.7) {
            let wave = |t: f64| (PI * share * t).sin() as f32;
            let x: Vec<f32> = (0..600).map(|i| wave(i as f64)).collect();
            let mut out = vec![0.0; (540.0 / step) as usize];
            read(&x, step, 0, &mut out);
            for (i, &v) in out.iter().enumerate().skip((30.0 / step) as usize + 1) {
                prop_assert!((v - wave(i as f64 * step)).abs() < 3e-4);
            }
        }
    }
}
