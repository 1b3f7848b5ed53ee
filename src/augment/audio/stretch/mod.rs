//! Longer or shorter at the same pitch, and higher or lower at the same length.

mod fft;
mod onset;
mod pitch;
mod vocoder;

use crate::base::{Ctx, Result};

use vocoder::Sizes;

/// Samples between two looks at whether to go on.
const PART: usize = 1 << 16;

/// Samples of a window at a rate: the power of two nearest to 70 ms, 2048 where no rate is known.
fn window(rate: u32) -> usize {
    let wanted = if rate == 0 { 2048.0 } else { f64::from(rate) * 0.07 };
    1 << (wanted.log2().round() as u32).clamp(6, 16)
}

/// Samples that come out where time runs `rate` times as fast.
pub fn stretched(len: usize, rate: f64) -> usize {
    if len == 0 { 0 } else { ((len as f64 / rate).round() as usize).max(1) }
}

/// Lets time run `rate` times as fast.
pub fn stretch(
    ctx: &Ctx,
    rate: f64,
    (src, channels, hertz): (&[f32], usize, u32),
    dst: &mut [f32],
) -> Result<()> {
    if rate == 1.0 {
        dst.copy_from_slice(src);
        return Ok(());
    }
    vocoder::run(ctx, &Sizes { window: window(hertz), channels, rate, top: 1.0 }, src, dst)
}

/// Multiplies every frequency by `factor`.
pub fn shift(
    ctx: &Ctx,
    factor: f64,
    (src, channels, hertz): (&[f32], usize, u32),
    dst: &mut [f32],
) -> Result<()> {
    let len = src.len() / channels.max(1);
    if factor == 1.0 || len == 0 {
        dst.copy_from_slice(src);
        return Ok(());
    }
    let long = (len as f64 * factor).ceil() as usize + pitch::REACH;
    let mut made = vec![0.0; channels * long];
    // What would come to lie above half the sample rate is left out.
    let top = (0.97 / factor).min(1.0);
    let sizes = Sizes { window: window(hertz), channels, rate: 1.0 / factor, top };
    vocoder::run(ctx, &sizes, src, &mut made)?;
    for (from, to) in made.chunks_exact(long).zip(dst.chunks_exact_mut(len)) {
        for (k, part) in to.chunks_mut(PART).enumerate() {
            ctx.check()?;
            pitch::read(from, factor, k * PART, part);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn click(len: usize, at: usize) -> Vec<f32> {
        let mut x = vec![0.0; len];
        x[at] = 1.0;
        x
    }

    fn loudest(x: &[f32]) -> usize {
        (0..x.len()).max_by(|&a, &b| x[a].abs().total_cmp(&x[b].abs())).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_click_stays_a_click_where_it_belongs(rate in 0.4f64..2.5, at in 3000usize..9000) {
            let ctx = Ctx::new(1);
            let x = click(12_000, at);
            let mut y = vec![0.0; stretched(12_000, rate)];
            stretch(&ctx, rate, (&x, 1, 16_000), &mut y).unwrap();
            prop_assert!((loudest(&y) as f64 - at as f64 / rate).abs() <= 1.0);
            let whole: f32 = y.iter().map(|v| v * v).sum();
            prop_assert!((whole - 1.0).abs() < 1e-3, "{whole}");
            let mut z = vec![0.0; 12_000];
            shift(&ctx, rate, (&x, 1, 16_000), &mut z).unwrap();
            prop_assert!((loudest(&z) as f64 - at as f64).abs() <= 1.0 + 1.0 / rate);
        }

        #[test]
        fn any_length_is_taken(
            len in 0usize..300, rate in 0.1f64..10.0, channels in 1usize..3, hertz in 0u32..9000,
        ) {
            let ctx = Ctx::new(1);
            let x: Vec<f32> = (0..len * channels).map(|i| (i as f32 * 0.9).sin()).collect();
            let mut y = vec![9.0; channels * stretched(len, rate)];
            stretch(&ctx, rate, (&x, channels, hertz), &mut y).unwrap();
            prop_assert!(y.iter().all(|v| v.abs() < 4.0));
            let mut z = vec![9.0; x.len()];
            shift(&ctx, rate.clamp(0.25, 4.0), (&x, channels, hertz), &mut z).unwrap();
            prop_assert!(z.iter().all(|v| v.abs() < 4.0));
        }
    }

    #[test]
    fn loud_and_soft_clips_are_the_same_but_for_their_loudness() {
        let ctx = Ctx::new(1);
        let wave = |i: usize| (i as f32 * 0.3).sin() + 0.5 * (i as f32 * 0.77).sin();
        let run = |gain: f32| {
            let x: Vec<f32> = (0..4000).map(|i| gain * wave(i)).collect();
            let mut y = vec![0.0; 3200];
            stretch(&ctx, 1.25, (&x, 1, 8000), &mut y).unwrap();
            y
        };
        let plain = run(1.0);
        // Powers of two, so that nothing is rounded otherwise.
        for gain in [2.0f32.powi(-25), 2.0f32.powi(40)] {
            assert!(run(gain).iter().zip(&plain).all(|(a, b)| *a == gain * b));
        }
        assert!(run(1e30).iter().all(|v| v.is_finite()));
    }

    #[test]
    fn silence_is_silent_and_a_copy_is_a_copy() {
        let ctx = Ctx::new(1);
        let mut y = vec![9.0; 2 * 800];
        stretch(&ctx, 1.25, (&[0.0; 2000], 2, 8000), &mut y).unwrap();
        assert!(y.iter().all(|&v| v == 0.0));
        let x = click(500, 100);
        let mut y = vec![9.0; 500];
        stretch(&ctx, 1.0, (&x, 1, 8000), &mut y).unwrap();
        assert_eq!(x, y);
        shift(&ctx, 1.0, (&x, 1, 8000), &mut y).unwrap();
        assert_eq!(x, y);
    }
}
