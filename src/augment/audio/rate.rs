//! Sample rates: a clip at another one, or as if it had been.

use super::{Kind, Shape};
use crate::base::{Ctx, Result};
use crate::media::audio::{Resampler, check_rate};

/// The rates that a factor of speed is the ratio of.
pub fn speed(factor: f64) -> (u32, u32) {
    const ONE: f64 = 1_048_576.0;
    ((factor * ONE).round().clamp(1.0, f64::from(u32::MAX)) as u32, ONE as u32)
}

/// Resamples every channel.
pub fn resample(
    ctx: &Ctx,
    by: &Resampler,
    (src, from): (&[f32], usize),
    (dst, to): (&mut [f32], usize),
) -> Result<()> {
    const PART: usize = 1 << 16;
    if from == 0 || to == 0 {
        return Ok(());
    }
    for (s, d) in src.chunks_exact(from).zip(dst.chunks_exact_mut(to)) {
        for (k, part) in d.chunks_mut(PART).enumerate() {
            ctx.check()?;
            by.fill(s, (k * PART) as u64, part);
        }
    }
    Ok(())
}

/// What is left of a clip at a lower sample rate (0 is its own), at its own again.
pub fn narrowed(
    ctx: &Ctx,
    rate: u32,
    kind: Kind,
    (src, shape): (&[f32], Shape),
) -> Result<Option<Vec<f32>>> {
    if rate == 0 || f64::from(rate) >= shape.hertz(kind)? {
        return Ok(None);
    }
    check_rate(rate)?;
    let low = Resampler::length(shape.len, shape.rate, rate);
    let mut few = vec![0.0; shape.channels * low];
    resample(ctx, &Resampler::new(shape.rate, rate), (src, shape.len), (&mut few, low))?;
    let mut out = vec![0.0; shape.size()];
    resample(ctx, &Resampler::new(rate, shape.rate), (&few, low), (&mut out, shape.len))?;
    Ok(Some(out))
}
