//! Rooms: convolution with a response, given or made up.

use std::cell::RefCell;

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

use super::super::noise::normals;
use super::{Recording, Shape, level};
use crate::base::rng::Stream;
use crate::base::{Ctx, Result};

thread_local! {
    /// Plans are made once a thread and size.
    static PLANS: RefCell<RealFftPlanner<f32>> = RefCell::new(RealFftPlanner::new());
}

/// Samples that a made-up room of this reverberation time rings on, with the direct sound.
pub fn taps(seconds: f64, rate: f64) -> usize {
    (seconds * rate).ceil() as usize + 1
}

/// A room's response: the direct sound, and normal noise that falls by 60 dB in `seconds` (Polack),
/// of an energy that is `ratio` decibels below the direct sound's.
pub fn room(seconds: f64, ratio: f64, shape: Shape, stream: &mut Stream) -> Recording {
    let rate = f64::from(shape.rate);
    let len = taps(seconds, rate);
    let mut samples = vec![0.0; shape.channels * len];
    let fall = 10f64.powf(-3.0 / (seconds * rate));
    for channel in samples.chunks_exact_mut(len) {
        let (direct, tail) = channel.split_at_mut(1);
        normals(stream, tail);
        let mut now = 1.0;
        for v in tail.iter_mut() {
            now *= fall;
            *v = (f64::from(*v) * now) as f32;
        }
        let by = 1.0 / (level::energy(tail).sqrt() * level::factor(ratio)).max(f64::MIN_POSITIVE);
        tail.iter_mut().for_each(|v| *v *= by as f32);
        direct[0] = 1.0;
    }
    Recording { channels: shape.channels, len, samples }
}

/// The clip in the room: each channel with the response's channel of its number (modulo theirs).
/// `keep` brings the energy back to what it was.
pub fn play(
    ctx: &Ctx,
    response: &Recording,
    keep: bool,
    (src, shape): (&[f32], Shape),
    (dst, next): (&mut [f32], Shape),
) -> Result<()> {
    let before = level::energy(src);
    if before == 0.0 || response.len == 0 {
        dst.fill(0.0); // nothing sounds
        return Ok(());
    }
    for (c, (s, d)) in src.chunks_exact(shape.len).zip(dst.chunks_exact_mut(next.len)).enumerate() {
        convolve(ctx, s, response.channel(c % response.channels), d)?;
    }
    let after = level::energy(dst);
    if keep && after > 0.0 {
        let by = (before / after).sqrt() as f32;
        dst.iter_mut().for_each(|d| *d *= by);
    }
    Ok(())
}

/// The first samples of x * h, by blocks that overlap and are added.
fn convolve(ctx: &Ctx, x: &[f32], h: &[f32], out: &mut [f32]) -> Result<()> {
    let whole = x.len() + h.len() - 1;
    let size = whole.min((4 * h.len()).max(4096)).next_power_of_two();
    let step = size - h.len() + 1;
    let (forth, back) =
        PLANS.with_borrow_mut(|p| (p.plan_fft_forward(size), p.plan_fft_inverse(size)));
    let mut block = forth.make_input_vec();
    let mut spectrum = forth.make_output_vec();
    let mut answer = forth.make_output_vec();
    let mut scratch = vec![Complex::default(); forth.get_scratch_len().max(back.get_scratch_len())];
    let by = 1.0 / size as f32;
    block[..h.len()].iter_mut().zip(h).for_each(|(b, v)| *b = v * by);
    // Transforms fail only for buffers of a wrong length, and these are the plans' own.
    _ = forth.process_with_scratch(&mut block, &mut answer, &mut scratch);
    out.fill(0.0);
    for (k, part) in x.chunks(step).enumerate() {
        ctx.check()?;
        block.fill(0.0);
        block[..part.len()].copy_from_slice(part);
        _ = forth.process_with_scratch(&mut block, &mut spectrum, &mut scratch);
        spectrum.iter_mut().zip(&answer).for_each(|(s, a)| *s *= a);
        _ = back.process_with_scratch(&mut spectrum, &mut block, &mut scratch);
        let Some(at) = out.get_mut(k * step..) else { break };
        at.iter_mut().zip(&block).for_each(|(o, b)| *o += b);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn convolution_is_the_sum_of_products(
            x in prop::collection::vec(-1f32..1.0, 1..6000),
            h in prop::collection::vec(-1f32..1.0, 1..60),
            more in 0usize..80,
        ) {
            let n = x.len() + more.min(h.len() - 1);
            let mut got = vec![7.0; n];
            convolve(&Ctx::new(1), &x, &h, &mut got).unwrap();
            for (i, &g) in got.iter().enumerate().step_by(7) {
                let first = (i + 1).saturating_sub(x.len());
                let want: f64 = (first..h.len().min(i + 1))
                    .map(|k| f64::from(h[k]) * f64::from(x[i - k]))
                    .sum();
                prop_assert!((f64::from(g) - want).abs() < 2e-5, "{i} {g} {want}");
            }
        }
    }

    #[test]
    fn rooms_ring_as_long_as_told() {
        let shape = Shape { channels: 2, len: 10, rate: 8000 };
        let room = room(0.5, 6.0, shape, &mut Stream::new(1, 2, 3, 4));
        assert_eq!((room.len, room.channels), (4001, 2));
        for c in 0..2 {
            let (direct, tail) = room.channel(c).split_at(1);
            assert_eq!(direct, [1.0]);
            assert!((level::energy(tail) - level::factor(-6.0).powi(2)).abs() < 1e-5);
            // 60 dB in half a second: 24 dB from the first tenth to the middle one two tenths on.
            let part = |k: usize| level::energy(&tail[k * 800..(k + 1) * 800]).log10() * 10.0;
            assert!((part(0) - part(2) - 24.0).abs() < 2.0);
        }
        assert_ne!(room.channel(0), room.channel(1));
    }
}
