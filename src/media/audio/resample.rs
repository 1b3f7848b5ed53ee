//! From one sample rate to another, by a windowed sinc.

use std::f64::consts::PI;
use std::sync::OnceLock;

use crate::base::lanes;

/// Zero crossings of the sinc to each side.
const CROSSINGS: f64 = 16.0;
/// The shape of the Kaiser window: 80 dB of stop band.
const BETA: f64 = 8.0;
/// The pass band ends here, as a share of the lower of the two Nyquist frequencies.
const PASS: f64 = 0.94;
/// Places between two samples for which the filter is laid out. Ratios with more than so many take
/// the nearest, which is off by 1/2048 of a sample at most.
const PHASES: u64 = 1024;

/// A filter from one rate to another.
///
/// The time of the first sample is kept: output sample n stands at the time n / to.
#[derive(Debug, Clone)]
pub struct Resampler {
    from: u64,
    to: u64,
    phases: u64,
    /// Samples to each side of a place that take part.
    reach: usize,
    /// For each phase the weights of samples 1 - reach to reach, seen from the one before.
    weights: Vec<f32>,
}

impl Resampler {
    /// A resampler between two rates in hertz (both positive).
    pub fn new(from: u32, to: u32) -> Self {
        let common = gcd(from.max(1), to.max(1));
        let (from, to) = (u64::from(from.max(1) / common), u64::from(to.max(1) / common));
        let phases = to.min(PHASES);
        if from == to {
            return Resampler { from, to, phases, reach: 0, weights: Vec::new() };
        }
        let cutoff = PASS * (to as f64 / from as f64).min(1.0);
        let width = CROSSINGS / cutoff;
        let reach = width.ceil() as usize;
        let curve = curve();
        let mut weights = Vec::with_capacity(phases as usize * 2 * reach);
        for phase in 0..phases {
            let part = phase as f64 / phases as f64;
            let start = weights.len();
            for k in 0..2 * reach {
                let x = k as f64 - (reach - 1) as f64 - part;
                weights.push((cutoff * between(curve, cutoff * x)) as f32);
            }
            // A constant stays the constant it is.
            let sum: f32 = weights[start..].iter().sum();
            weights[start..].iter_mut().for_each(|w| *w /= sum);
        }
        Resampler { from, to, phases, reach, weights }
    }

    /// The samples at the new rate; silence is assumed before and after.
    pub fn run(&self, x: &[f32]) -> Vec<f32> {
        if self.reach == 0 {
            return x.to_vec();
        }
        let mut out = vec![0.0; count(x.len(), self.from, self.to)];
        self.fill(x, 0, &mut out);
        out
    }

    /// How many samples come of `n`.
    pub fn length(n: usize, from: u32, to: u32) -> usize {
        count(n, u64::from(from.max(1)), u64::from(to.max(1)))
    }

    /// The samples at the new rate from the `first` on, as many as there is room for.
    pub fn fill(&self, x: &[f32], first: u64, out: &mut [f32]) {
        if self.reach == 0 {
            let rest = x.get(first as usize..).unwrap_or_default();
            return out.iter_mut().zip(rest).for_each(|(o, v)| *o = *v);
        }
        let place = first * self.from;
        let (mut whole, mut rest) = ((place / self.to) as usize, place % self.to);
        let (far, more) = ((self.from / self.to) as usize, self.from % self.to);
        lanes::run(
            #[inline(always)]
            || {
                for o in out.iter_mut() {
                    *o = self.at(x, whole, rest);
                    whole += far;
                    rest += more;
                    if rest >= self.to {
                        (whole, rest) = (whole + 1, rest - self.to);
                    }
                }
            },
        );
    }

    /// The sample at `whole` and `rest / to` of the old ones.
    #[inline(always)]
    fn at(&self, x: &[f32], mut whole: usize, rest: u64) -> f32 {
        let mut phase = rest;
        if self.phases != self.to {
            phase = (rest * self.phases + self.to / 2) / self.to;
            if phase == self.phases {
                (whole, phase) = (whole + 1, 0);
            }
        }
        let taps = 2 * self.reach;
        let weights = &self.weights[phase as usize * taps..][..taps];
        let first = (whole + 1).saturating_sub(self.reach);
        let skipped = self.reach.saturating_sub(whole + 1);
        let end = (whole + 1 + self.reach).min(x.len());
        let part = x.get(first..end).unwrap_or_default();
        dot(part, &weights[skipped..])
    }
}

fn count(n: usize, from: u64, to: u64) -> usize {
    (n as u128 * u128::from(to)).div_ceil(u128::from(from)) as usize
}

/// The sum of products over the shorter of the two, in eight running sums.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    let (ca, ra) = a[..n].as_chunks::<8>();
    let (cb, rb) = b[..n].as_chunks::<8>();
    let mut sums = [0.0f32; 8];
    for (x, y) in ca.iter().zip(cb) {
        for k in 0..8 {
            sums[k] += x[k] * y[k];
        }
    }
    sums.iter().sum::<f32>() + ra.iter().zip(rb).map(|(x, y)| x * y).sum::<f32>()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// Steps from one zero crossing to the next for which the windowed sinc is laid out once: making
/// each weight anew takes longer than to use it on a clip of a few seconds.
const STEPS: usize = 256;

/// The windowed sinc from one step before 0 to two beyond its last crossing.
fn curve() -> &'static [f64] {
    static CURVE: OnceLock<Vec<f64>> = OnceLock::new();
    CURVE.get_or_init(|| {
        let place = |i: usize| (i as f64 - 1.0) / STEPS as f64;
        let count = CROSSINGS as usize * STEPS + 4;
        (0..count).map(place).map(|u| sinc(u) * kaiser(u / CROSSINGS)).collect()
    })
}

/// The windowed sinc at any place, by cubics through four steps (off by 1e-9 at most).
fn between(curve: &[f64], u: f64) -> f64 {
    let at = u.abs() * STEPS as f64;
    let (i, t) = (at as usize, at.fract());
    let Some(&[a, b, c, d]) = curve.get(i..i + 4) else { return 0.0 };
    if u.abs() >= CROSSINGS {
        return 0.0;
    }
    let (low, high) = (t + 1.0, t - 2.0);
    let (mid, end) = (t - 1.0, t);
    (b * low * mid * high - c * low * end * high) / 2.0
        + (d * low * end * mid - a * end * mid * high) / 6.0
}

/// The Kaiser window at x, also a little beyond 1.
fn kaiser(x: f64) -> f64 {
    bessel(BETA * BETA * (1.0 - x * x)) / bessel(BETA * BETA)
}

/// The modified Bessel function of order 0 at the root of x, by its series.
fn bessel(x: f64) -> f64 {
    let (mut term, mut sum, mut k) = (1.0f64, 1.0, 1.0);
    while term.abs() > 1e-14 * sum {
        term *= x / (4.0 * k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tone(n: usize, rate: f64, hertz: f64) -> Vec<f32> {
        (0..n).map(|i| (2.0 * PI * hertz * i as f64 / rate).sin() as f32).collect()
    }

    proptest! {
        #[test]
        fn a_tone_stays_the_tone(
            from in 3_000u32..100_000, to in 3_000u32..50_000, share in 0.05f64..0.8,
        ) {
            let hertz = share * 0.5 * f64::from(from.min(to));
            let x = tone(from as usize / 10, f64::from(from), hertz);
            let got = Resampler::new(from, to).run(&x);
            prop_assert_eq!(got.len(), (x.len() * to as usize).div_ceil(from as usize));
            let want = tone(got.len(), f64::from(to), hertz);
            // The ends hear the silence around the clip.
            let edge = got.len() / 4;
            for (a, b) in got.iter().zip(&want).skip(edge).take(got.len() / 2) {
                prop_assert!((a - b).abs() < 5e-3, "{a} {b}");
            }
        }
    }

    #[test]
    fn the_curve_is_the_windowed_sinc() {
        for i in 0..20_000 {
            let u = (f64::from(i) - 10_000.0) * 0.001_7;
            let inside = u.abs() < CROSSINGS;
            let want = if inside { sinc(u) * kaiser(u / CROSSINGS) } else { 0.0 };
            assert!((between(curve(), u) - want).abs() < 1e-9, "{u}");
        }
        assert!((bessel(64.0) - 427.564_115_721_8).abs() < 1e-6);
    }

    #[test]
    fn what_lies_above_is_taken_out_and_what_is_equal_left() {
        let x = tone(4410, 44_100.0, 6_000.0);
        let left = Resampler::new(44_100, 8_000).run(&x);
        assert!(left[100..700].iter().all(|v| v.abs() < 1e-3));
        assert_eq!(Resampler::new(8_000, 8_000).run(&x), x);
        assert_eq!(Resampler::new(8_000, 16_000).run(&[]), Vec::<f32>::new());
        assert_eq!(Resampler::new(999_983, 8_000).run(&[1.0; 3]).len(), 1);
    }
}
