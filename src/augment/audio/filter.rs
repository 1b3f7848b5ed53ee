//! Butterworth filters as chains of biquads, and the loudness that is weighed by two more.

use std::f64::consts::PI;

use super::Shape;
use crate::base::{Ctx, Error, Result};

/// (b0 + b1/z + b2/z^2) / (1 + a1/z + a2/z^2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Biquad {
    b: [f64; 3],
    a: [f64; 2],
}

/// What a biquad remembers.
type State = [f64; 2];

impl Biquad {
    #[inline(always)]
    fn step(&self, state: &mut State, x: f64) -> f64 {
        let y = self.b[0] * x + state[0];
        state[0] = self.b[1] * x - self.a[0] * y + state[1];
        state[1] = self.b[2] * x - self.a[1] * y;
        y
    }

    /// What a constant is times.
    fn gain(&self) -> f64 {
        self.b.iter().sum::<f64>() / (1.0 + self.a[0] + self.a[1])
    }

    /// What it remembers of a constant 1 that has always been.
    fn settled(&self) -> State {
        let gain = self.gain();
        let last = self.b[2] - self.a[1] * gain;
        [self.b[1] - self.a[0] * gain + last, last]
    }
}

/// A Butterworth filter, by the bilinear transform with its cutoff in place; `share` is the cutoff
/// as a share of the sample rate, below one half.
pub fn butterworth(order: usize, share: f64, high: bool) -> Vec<Biquad> {
    let k = (PI * share).tan();
    let mut chain = Vec::with_capacity(order.div_ceil(2));
    for i in 0..order / 2 {
        let damping = 2.0 * (PI * (2 * i + 1) as f64 / (2 * order) as f64).sin();
        let by = 1.0 / (1.0 + damping * k + k * k);
        let (edge, middle) = if high { (by, -2.0 * by) } else { (k * k * by, 2.0 * k * k * by) };
        let a = [2.0 * (k * k - 1.0) * by, (1.0 - damping * k + k * k) * by];
        chain.push(Biquad { b: [edge, middle, edge], a });
    }
    if order % 2 == 1 {
        let by = 1.0 / (1.0 + k);
        let b = if high { [by, -by, 0.0] } else { [k * by, k * by, 0.0] };
        chain.push(Biquad { b, a: [(k - 1.0) * by, 0.0] });
    }
    chain
}

/// Filters every channel: once from rest, or forwards and backwards, which moves no phase.
pub fn run(
    ctx: &Ctx,
    chain: &[Biquad],
    zero_phase: bool,
    (src, shape): (&[f32], Shape),
    dst: &mut [f32],
) -> Result<()> {
    if shape.len == 0 {
        return Ok(());
    }
    // Three times the samples that the whole filter remembers, and one.
    let order: usize = chain.iter().map(|q| if q.a[1] == 0.0 { 1 } else { 2 }).sum();
    let edge = if zero_phase { (3 * (order + 1)).min(shape.len - 1) } else { 0 };
    let mut x = Vec::with_capacity(shape.len + 2 * edge);
    for (s, d) in src.chunks_exact(shape.len).zip(dst.chunks_exact_mut(shape.len)) {
        x.clear();
        if zero_phase {
            extended(s, edge, &mut x);
            pass(ctx, chain, Some(x[0]), &mut x)?;
            x.reverse();
            pass(ctx, chain, Some(x[0]), &mut x)?;
            x.reverse();
        } else {
            x.extend(s.iter().map(|&v| f64::from(v)));
            pass(ctx, chain, None, &mut x)?;
        }
        d.iter_mut().zip(&x[edge..]).for_each(|(d, &v)| *d = v as f32);
    }
    Ok(())
}

/// Turned about its first and last sample by `edge` more to each side.
fn extended(s: &[f32], edge: usize, x: &mut Vec<f64>) {
    let get = |i: usize| f64::from(s[i]);
    let last = s.len() - 1;
    x.extend((1..=edge).rev().map(|i| 2.0 * get(0) - get(i)));
    x.extend(s.iter().map(|&v| f64::from(v)));
    x.extend((1..=edge).map(|i| 2.0 * get(last) - get(last - i)));
}

/// Runs the chain in place, from rest or as after a constant that has always been.
fn pass(ctx: &Ctx, chain: &[Biquad], before: Option<f64>, x: &mut [f64]) -> Result<()> {
    let mut level = before.unwrap_or(0.0);
    let start = |q: &Biquad| {
        let state = q.settled().map(|s| s * level);
        level *= q.gain();
        state
    };
    let mut states: Vec<State> = chain.iter().map(start).collect();
    for part in x.chunks_mut(1 << 18) {
        ctx.check()?;
        for v in part {
            let through = |x: f64, (q, s): (&Biquad, &mut State)| q.step(s, x);
            *v = chain.iter().zip(&mut states).fold(*v, through);
        }
    }
    Ok(())
}

/// The filter of a step with a cutoff in hertz and an order.
pub fn designed(order: f64, hertz: f64, rate: f64, high: bool) -> Result<Vec<Biquad>> {
    if hertz < rate / 2.0 {
        return Ok(butterworth(order as usize, hertz / rate, high));
    }
    Err(Error::Parameter(format!(
        "a cutoff of {hertz:.0} hertz must lie below half the sample rate of {rate:.0}"
    )))
}

/// The weighing of ITU-R BS.1770-4 at any sample rate: a shelf for the head, and a high pass.
fn weighing(rate: f64) -> [Biquad; 2] {
    let (gain, f, q) = (3.999_843_853_973_347, 1_681.974_450_955_533, 0.707_175_236_955_419_6);
    let k = (PI * f / rate).tan();
    let high = 10f64.powf(gain / 20.0);
    let middle = high.powf(0.499_666_774_154_541_6);
    let by = 1.0 / (1.0 + k / q + k * k);
    let b = [high + middle * k / q + k * k, 2.0 * (k * k - high), high - middle * k / q + k * k];
    let a = [2.0 * (k * k - 1.0) * by, (1.0 - k / q + k * k) * by];
    let shelf = Biquad { b: b.map(|x| x * by), a };
    let (f, q) = (38.135_470_876_024_44, 0.500_327_037_323_877_3);
    let k = (PI * f / rate).tan();
    let by = 1.0 / (1.0 + k / q + k * k);
    let a = [2.0 * (k * k - 1.0) * by, (1.0 - k / q + k * k) * by];
    [shelf, Biquad { b: [1.0, -2.0, 1.0], a }]
}

/// The loudness in LUFS (ITU-R BS.1770-4, all channels of weight one): the mean power of weighed
/// blocks of 0.4 s, those below -70 and 10 below the rest's mean left out. A clip that is shorter
/// is one block. None where all is softer than -70.
pub fn loudness(ctx: &Ctx, rate: f64, (src, shape): (&[f32], Shape)) -> Result<Option<f64>> {
    let mut weighed = vec![0.0; src.len()];
    run(ctx, &weighing(rate), false, (src, shape), &mut weighed)?;
    let long = ((0.4 * rate).round() as usize).min(shape.len).max(1);
    let hop = ((0.1 * rate).round() as usize).max(1);
    let mean = |start: usize| {
        let channel = |c: &[f32]| super::level::energy(&c[start..start + long]);
        weighed.chunks_exact(shape.len.max(1)).map(channel).sum::<f64>() / long as f64
    };
    let blocks: Vec<f64> = match shape.len.checked_sub(long) {
        Some(last) if shape.len > 0 => (0..=last).step_by(hop).map(mean).collect(),
        _ => return Ok(None),
    };
    let level = |power: f64| -0.691 + 10.0 * power.log10();
    let above = |gate: f64| {
        let loud: Vec<f64> = blocks.iter().copied().filter(|p| level(*p) > gate).collect();
        (!loud.is_empty()).then(|| level(loud.iter().sum::<f64>() / loud.len() as f64))
    };
    Ok(above(-70.0).and_then(|mean| above((mean - 10.0).max(-70.0))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The size of a chain's answer at a frequency (a share of the rate).
    fn answer(chain: &[Biquad], share: f64) -> f64 {
        let size = |c: [f64; 3]| {
            let part = |f: fn(f64) -> f64| -> f64 {
                (0..3).map(|k| c[k] * f(-2.0 * PI * share * k as f64)).sum()
            };
            part(f64::cos).hypot(part(f64::sin))
        };
        chain.iter().map(|q| size(q.b) / size([1.0, q.a[0], q.a[1]])).product()
    }

    proptest! {
        #[test]
        fn the_answer_is_butterworths(order in 1usize..9, share in 0.001f64..0.49, at in 0.001f64..0.49) {
            let warped = (PI * at).tan() / (PI * share).tan();
            for high in [false, true] {
                let ratio = if high { 1.0 / warped } else { warped };
                let want = 1.0 / (1.0 + ratio.powi(2 * order as i32)).sqrt();
                let got = answer(&butterworth(order, share, high), at);
                prop_assert!((got - want).abs() < 1e-6, "{got} {want}");
            }
        }

        #[test]
        fn a_constant_stays_through_low_passes_and_both_ways(
            order in 1usize..7, share in 0.01f64..0.4, n in 1usize..60,
        ) {
            let shape = Shape { channels: 1, len: n, rate: 0 };
            let mut made = vec![0.0; n];
            let chain = butterworth(order, share, false);
            run(&Ctx::new(1), &chain, true, (&vec![0.5; n], shape), &mut made).unwrap();
            prop_assert!(made.iter().all(|v| (v - 0.5).abs() < 1e-5));
        }
    }

    #[test]
    fn loudness_is_the_standards() {
        // A sine of 997 hertz at full scale in one channel has -3.01 LUFS.
        for rate in [48_000.0, 16_000.0] {
            let wave = |i: usize| (2.0 * PI * 997.0 * i as f64 / rate).sin() as f32;
            let x: Vec<f32> = (0..rate as usize * 2).map(wave).collect();
            let shape = Shape { channels: 1, len: x.len(), rate: 0 };
            let got = loudness(&Ctx::new(1), rate, (&x, shape)).unwrap().unwrap();
            assert!((got + 3.01).abs() < 0.05, "{got}");
        }
        let still = Shape { channels: 2, len: 900, rate: 0 };
        assert_eq!(loudness(&Ctx::new(1), 8e3, (&[0.0; 1800], still)).unwrap(), None);
        let none = Shape { channels: 2, len: 0, rate: 0 };
        assert_eq!(loudness(&Ctx::new(1), 8e3, (&[], none)).unwrap(), None);
    }
}
