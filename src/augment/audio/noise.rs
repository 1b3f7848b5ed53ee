//! Noise at a ratio to the signal, and the noise of coarse codes.

use super::super::noise::normals;
use super::{Recording, Shape, level};
use crate::base::lanes;
use crate::base::rng::Stream;

/// Poles and weights of a sum of low passes whose power falls as one over the frequency, within
/// 0.35 dB from 1/8192 of the sample rate to its half (fitted by least squares on decibels).
const PINK: [(f32, f32); 7] = [
    (0.999_570_6, 0.044_57),
    (0.998_217, 0.040_08),
    (0.994_832_7, 0.060_64),
    (0.985_543_7, 0.100_24),
    (0.959_142_7, 0.174_33),
    (0.880_132, 0.327_06),
    (0.635_375_1, 0.687_83),
];
/// What they are added to: this much of the sample, and of the one before.
const DIRECT: (f32, f32) = (0.896_5, 0.238_9);
/// Samples until the slowest of the low passes has forgotten where it began.
const WARM: usize = 8192;

/// Where noise comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// As much at every frequency.
    White,
    /// As much in every octave.
    Pink,
    /// A recording, and the share of the places it can be cut at.
    Recorded(&'a Recording, f64),
}

/// Adds noise so that the clip's power is `snr` decibels above the noise's, over all channels.
pub fn add(
    snr: f64,
    source: Source,
    stream: &mut Stream,
    (src, shape): (&[f32], Shape),
    dst: &mut [f32],
) {
    let signal = level::energy(src);
    let power = if signal > 0.0 { fill(source, stream, shape, dst) } else { 0.0 };
    if power == 0.0 {
        return dst.copy_from_slice(src);
    }
    let by = (signal / power).sqrt() / level::factor(snr);
    lanes::run(
        #[inline(always)]
        || {
            let by = by as f32;
            dst.iter_mut().zip(src).for_each(|(d, s)| *d = s + by * *d);
        },
    );
}

/// Writes noise of some level; returns the sum of its squares.
fn fill(source: Source, stream: &mut Stream, shape: Shape, dst: &mut [f32]) -> f64 {
    match source {
        Source::White => normals(stream, dst),
        Source::Pink => {
            let mut white = vec![0.0; WARM + shape.len];
            for channel in dst.chunks_exact_mut(shape.len) {
                normals(stream, &mut white);
                pink(&white, channel);
            }
            level::energy(dst)
        }
        Source::Recorded(recording, share) => {
            let n = recording.len;
            let places = if n >= shape.len { n - shape.len + 1 } else { n };
            let start = ((share * places as f64) as usize).min(n - 1);
            cut(recording, start, shape, dst);
            let power = level::energy(dst);
            if power > 0.0 {
                return power;
            }
            // A silent place: from the first sound on.
            let sound = recording.channel(0).iter().position(|v| *v != 0.0);
            cut(recording, sound.unwrap_or(0), shape, dst);
            level::energy(dst)
        }
    }
}

/// The recording from a sample on, again from its start where it ends.
fn cut(recording: &Recording, start: usize, shape: Shape, dst: &mut [f32]) {
    for (c, channel) in dst.chunks_exact_mut(shape.len).enumerate() {
        let from = recording.channel(c % recording.channels);
        let mut at = start;
        let mut rest = channel;
        while !rest.is_empty() {
            let n = rest.len().min(from.len() - at);
            let (now, later) = rest.split_at_mut(n);
            now.copy_from_slice(&from[at..at + n]);
            (rest, at) = (later, 0);
        }
    }
}

/// Pink noise of white noise that begins `WARM` samples earlier.
fn pink(white: &[f32], out: &mut [f32]) {
    let mut state = [0f32; 8];
    let (mut pole, mut weight) = ([0f32; 8], [0f32; 8]);
    for (k, (p, w)) in PINK.into_iter().enumerate() {
        (pole[k], weight[k]) = (p, w);
    }
    let mut before = 0.0;
    let mut next = |w: f32| {
        for k in 0..8 {
            state[k] = pole[k] * state[k] + weight[k] * w;
        }
        let sum = DIRECT.0 * w + DIRECT.1 * before;
        before = w;
        sum + (state[0] + state[1] + state[2] + state[3]) + (state[4] + state[5] + state[6])
    };
    let (warm, rest) = white.split_at(WARM);
    warm.iter().for_each(|w| _ = next(*w));
    out.iter_mut().zip(rest).for_each(|(o, w)| *o = next(*w));
}

/// What is left of a sample that is kept in so many bits, along a straight line or by mu-law: 0 is
/// kept, and there are 2^(bits - 1) - 1 steps to each side of it.
pub fn quantize(bits: f64, mu_law: bool, src: &[f32], dst: &mut [f32]) {
    const MU: f64 = 255.0;
    let steps = 2f64.powf(bits - 1.0) - 1.0;
    for (d, &s) in dst.iter_mut().zip(src) {
        let x = f64::from(s).clamp(-1.0, 1.0);
        let size = x.abs();
        let kept = if mu_law {
            let coded = ((size * MU).ln_1p() / MU.ln_1p() * steps).round_ties_even() / steps;
            (coded * MU.ln_1p()).exp_m1() / MU
        } else {
            (size * steps).round_ties_even() / steps
        };
        *d = kept.copysign(x) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_ratio_is_the_one_asked_for(
            channels in 1usize..3, len in 1usize..3000, snr in -30.0..60.0f64, size in -20..10, seed: u64,
        ) {
            let shape = Shape { channels, len, rate: 0 };
            let wave = |i: usize| (1.0 + i as f32 * 0.37).sin() * 10f32.powi(size);
            let src: Vec<f32> = (0..shape.size()).map(wave).collect();
            let long = Recording { channels: 1, len: 7, samples: (0..7).map(|i| i as f32).collect() };
            for source in [Source::White, Source::Pink, Source::Recorded(&long, 0.0)] {
                let mut made = vec![0.0; src.len()];
                let mut stream = Stream::new(seed, 0, 0, 0);
                add(snr, source, &mut stream, (&src, shape), &mut made);
                let noise = made.iter().zip(&src).map(|(m, s)| f64::from(*m) - f64::from(*s));
                let noise: f64 = noise.map(|v| v * v).sum();
                let got = 10.0 * (level::energy(&src) / noise).log10();
                prop_assert!((got - snr).abs() < 1e-3, "{got} {snr}");
            }
        }

        #[test]
        fn codes_are_near_and_odd(x in -1f32..1.0, bits in 2..17, mu_law: bool) {
            let (mut made, mut turned) = ([0.0], [0.0]);
            quantize(f64::from(bits), mu_law, &[x], &mut made);
            quantize(f64::from(bits), mu_law, &[-x], &mut turned);
            prop_assert_eq!(made[0], -turned[0]);
            // Mu-law's steps are widest at full scale, where one of them is a factor of 256.
            let steps = 2f32.powi(bits - 1) - 1.0;
            let half = if mu_law { 256f32.powf(0.5 / steps) - 1.0 } else { 0.5 / steps };
            let near = half * if mu_law { x.abs() + 0.01 } else { 1.0 } + 1e-6;
            prop_assert!((made[0] - x).abs() <= near);
        }
    }
}
