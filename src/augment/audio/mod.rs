//! Augmentation of sound: clips of channels and samples, one kernel an operation.
//!
//! Kernels work on 32-bit floats with a full scale of one, channel after channel. Clips of 16-bit
//! whole numbers and of 64-bit floats are turned to them once before the first step and back after
//! the last; what nothing is done to is copied as it is.
//!
//! To add an operation:
//! 1. Name it in [`Kind`]. Its drawn values come in `Step::values`, its settings in `Op::set`, what
//!    it draws besides from `Step::stream`.
//! 2. If it changes the length (or the rate), say so in [`after`]: from the drawn values and the
//!    clip's shape alone, since buffers are made before anything is run. If it is meant in seconds
//!    or hertz, ask [`Shape::hertz`] for the sample rate, which no one assumes.
//! 3. Call its kernel in `one`. It gets the clip, and where to write what `after` promised; it must
//!    leave silence silent and take clips of no samples.
//! 4. In Python: a class over `AudioTransform` with its fields.

pub mod features;
mod filter;
mod level;
pub mod masks;
mod noise;
mod rate;
mod reverb;
mod stretch;

use std::borrow::Cow;
use std::sync::Arc;

use super::plan::{Drawn, Key, Node, Step};
use crate::base::{Ctx, Error, Result, par};
use crate::media::audio::{Resampler, check_rate};

/// Names the operations, and finds them by their name.
macro_rules! kinds {
    ($($name:ident),* $(,)?) => {
        /// What an operation does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Kind { $($name),* }

        impl Kind {
            /// The operation of this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Kind::$name),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    Gain, Polarity, Normalize, Clip, TimeShift, AddNoise, CodecNoise, LowPass, HighPass, Reverb,
    Speed, Resample, PitchShift, TimeStretch,
}

/// A clip: how many channels of how many samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Channels, one after the other.
    pub channels: usize,
    /// Samples of each.
    pub len: usize,
    /// Samples a second; 0 where nobody said.
    pub rate: u32,
}

impl Shape {
    /// Samples in all.
    pub fn size(&self) -> usize {
        self.channels * self.len
    }

    /// Samples a second, for an operation that is meant in seconds or hertz.
    pub fn hertz(&self, kind: Kind) -> Result<f64> {
        if self.rate > 0 {
            return Ok(f64::from(self.rate));
        }
        Err(Error::Parameter(format!("{kind:?} needs the sample rate: give sample_rate=")))
    }
}

/// An operation and what of it is not drawn.
#[derive(Debug, Clone)]
pub struct Op {
    /// What it does.
    pub kind: Kind,
    /// Its settings, in the order that its kernel reads them.
    pub set: Vec<f64>,
    /// Recordings that it draws from.
    pub recordings: Option<Arc<Vec<Recording>>>,
}

/// Sound that an operation takes part of: noise, or the answer of a room.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Channels, one after the other.
    pub channels: usize,
    /// Samples of each.
    pub len: usize,
    /// All of them.
    pub samples: Vec<f32>,
}

impl Recording {
    /// A recording of so many channels, of at least one sample.
    pub fn new(channels: usize, samples: Vec<f32>) -> Result<Self> {
        let len = samples.len() / channels.max(1);
        if len == 0 || !samples.len().is_multiple_of(channels) {
            return Err(Error::Shape("a recording has channels of at least one sample".into()));
        }
        Ok(Recording { channels, len, samples })
    }

    fn channel(&self, c: usize) -> &[f32] {
        &self.samples[c * self.len..(c + 1) * self.len]
    }
}

/// The recording that a share of one draws, where there are any.
fn recording<'a>(step: &'a Step<Op>, share: f64) -> Option<&'a Recording> {
    let all = step.op.recordings.as_deref()?;
    all.get(((share * all.len() as f64) as usize).min(all.len().saturating_sub(1)))
}

/// The samples of a clip.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// Full scale is 32,768.
    I16(&'a [i16]),
    /// Full scale is one.
    F32(&'a [f32]),
    /// Full scale is one.
    F64(&'a [f64]),
}

impl Values<'_> {
    fn size(&self) -> usize {
        match self {
            Values::I16(a) => a.len(),
            Values::F32(a) => a.len(),
            Values::F64(a) => a.len(),
        }
    }
}

/// Where a clip is written, in the type it came in.
#[derive(Debug)]
pub enum Out<'a> {
    /// Rounded (halves to even) and saturated.
    I16(&'a mut [i16]),
    /// Floats.
    F32(&'a mut [f32]),
    /// Floats.
    F64(&'a mut [f64]),
}

impl Out<'_> {
    fn size(&self) -> usize {
        match self {
            Out::I16(a) => a.len(),
            Out::F32(a) => a.len(),
            Out::F64(a) => a.len(),
        }
    }
}

/// A clip, what was drawn for it, and how it comes out.
#[derive(Debug)]
pub struct Item<'a> {
    /// As it comes in.
    pub shape: Shape,
    /// What is done to it.
    pub steps: Vec<Step<'a, Op>>,
    /// As it comes out.
    pub after: Shape,
}

/// Draws for clips of these shapes; `key.item` is the number of the first.
pub fn draw<'a>(
    ctx: &Ctx,
    plan: &'a Node<Op>,
    key: Key,
    shapes: &[Shape],
) -> Result<Vec<Item<'a>>> {
    let one = |i: usize| {
        let shape = shapes[i];
        let mut item = Item { shape, steps: Vec::new(), after: shape };
        for drawn in plan.draw(Key { item: key.item.wrapping_add(i as u64), ..key }) {
            let Drawn::Step(step) = drawn else {
                return Err(Error::Parameter("a mix is of images alone".into()));
            };
            item.after = after(&step, item.after)?;
            item.steps.push(step);
        }
        Ok(item)
    };
    par::map(ctx, shapes.len(), |i| one(i).map_err(|e| at(e, key.item, i)))?.into_iter().collect()
}

fn at(error: Error, first: u64, i: usize) -> Error {
    let item = first.wrapping_add(i as u64);
    match error {
        Error::Parameter(m) => Error::Parameter(format!("clip {item}: {m}")),
        Error::Shape(m) => Error::Shape(format!("clip {item}: {m}")),
        Error::Data(m) => Error::Data(format!("clip {item}: {m}")),
        other => other,
    }
}

/// The shape that a step makes of a clip of this shape.
fn after(step: &Step<Op>, shape: Shape) -> Result<Shape> {
    let (v, set, kind) = (&step.values, &step.op.set, step.op.kind);
    match kind {
        Kind::Speed => {
            let (from, to) = rate::speed(v[0]);
            Ok(Shape { len: Resampler::length(shape.len, from, to), ..shape })
        }
        Kind::TimeStretch => Ok(Shape { len: stretch::stretched(shape.len, v[0]), ..shape }),
        Kind::Resample => {
            let (from, to) = (shape.hertz(kind)? as u32, set[0] as u32);
            check_rate(to)?;
            Ok(Shape { len: Resampler::length(shape.len, from, to), rate: to, ..shape })
        }
        Kind::Reverb if set[1] != 0.0 && shape.len > 0 => {
            let more = match recording(step, v[2]) {
                Some(response) => response.len,
                None => reverb::taps(v[0], shape.hertz(kind)?),
            };
            Ok(Shape { len: shape.len + more - 1, ..shape })
        }
        _ => Ok(shape),
    }
}

/// Runs one step from `src` to `dst`, which has the shape that [`after`] says (`next`).
fn one(
    ctx: &Ctx,
    step: &Step<Op>,
    (src, shape): (&[f32], Shape),
    (dst, next): (&mut [f32], Shape),
) -> Result<()> {
    let (v, set, kind) = (&step.values, &step.op.set, step.op.kind);
    match kind {
        Kind::Gain => level::scale(level::factor(v[0]), src, dst),
        Kind::Polarity => level::scale(-1.0, src, dst),
        Kind::PitchShift => {
            let factor = (v[0] / 12.0).exp2();
            stretch::shift(ctx, factor, (src, shape.channels, shape.rate), dst)?;
        }
        Kind::TimeStretch => {
            stretch::stretch(ctx, v[0], (src, shape.channels, shape.rate), dst)?;
        }
        Kind::Normalize => {
            let now = if set[0] == 2.0 {
                filter::loudness(ctx, shape.hertz(kind)?, (src, shape))?.map(level::factor)
            } else {
                Some(level::level_of(src, set[0] == 0.0))
            };
            level::normalize(v[0], now.unwrap_or(0.0), src, dst);
        }
        Kind::Clip => {
            let threshold = match set[0] as u8 {
                0 => v[0],
                1 => v[0] * level::level_of(src, true),
                _ => level::percentile(v[0], src),
            };
            level::clip(threshold, set[1] != 0.0, src, dst);
        }
        Kind::TimeShift => {
            let unit = if set[0] == 0.0 { shape.len as f64 } else { shape.hertz(kind)? };
            level::shift(v[0] * unit, set[1] == 0.0, (src, shape), dst);
        }
        Kind::AddNoise => {
            let source = match (recording(step, v[1]), set[0] == 0.0) {
                (Some(r), _) => noise::Source::Recorded(r, v[2]),
                (None, true) => noise::Source::White,
                (None, false) => noise::Source::Pink,
            };
            noise::add(v[0], source, &mut step.stream.clone(), (src, shape), dst);
        }
        Kind::CodecNoise => {
            let (bits, mu_law) = (v[0], set[0] == 0.0);
            match rate::narrowed(ctx, set[1] as u32, kind, (src, shape))? {
                Some(narrow) => noise::quantize(bits, mu_law, &narrow, dst),
                None => noise::quantize(bits, mu_law, src, dst),
            }
        }
        Kind::LowPass | Kind::HighPass => {
            let high = kind == Kind::HighPass;
            let chain = filter::designed(set[0], v[0], shape.hertz(kind)?, high)?;
            filter::run(ctx, &chain, set[1] != 0.0, (src, shape), dst)?;
        }
        Kind::Reverb => {
            let made;
            let response = match recording(step, v[2]) {
                Some(given) => given,
                None => {
                    shape.hertz(kind)?;
                    made = reverb::room(v[0], v[1], shape, &mut step.stream.clone());
                    &made
                }
            };
            reverb::play(ctx, response, set[0] != 0.0, (src, shape), (dst, next))?;
        }
        Kind::Speed | Kind::Resample => {
            let (from, to) =
                if kind == Kind::Speed { rate::speed(v[0]) } else { (shape.rate, next.rate) };
            rate::resample(ctx, &Resampler::new(from, to), (src, shape.len), (dst, next.len))?;
        }
    }
    Ok(())
}

/// Runs every item's steps, from `inputs` to `outs`; `first` is the number of the first.
pub fn run(ctx: &Ctx, items: &[Item], inputs: &[Values], outs: Vec<Out>, first: u64) -> Result<()> {
    if inputs.len() != items.len()
        || outs.len() != items.len()
        || items.iter().zip(inputs).any(|(i, v)| i.shape.size() != v.size())
        || items.iter().zip(&outs).any(|(i, o)| i.after.size() != o.size())
    {
        return Err(Error::Shape("the buffers do not fit the clips that come out".into()));
    }
    ctx.set_total(items.len() as u64);
    let mut jobs: Vec<(Out, Result<()>)> = outs.into_iter().map(|o| (o, Ok(()))).collect();
    par::fill_chunks(ctx, &mut jobs, 1, |i, chunk| {
        for (out, done) in chunk {
            *done = run_one(ctx, &items[i], inputs[i], out).and_then(|()| ctx.advance(1));
        }
    })?;
    jobs.into_iter().enumerate().try_for_each(|(i, (_, done))| done.map_err(|e| at(e, first, i)))
}

/// Full scale of 16-bit samples.
const FULL: f32 = 32_768.0;

fn run_one(ctx: &Ctx, item: &Item, input: Values, out: &mut Out) -> Result<()> {
    let still = item.steps.is_empty();
    match (input, out) {
        (Values::I16(src), Out::I16(dst)) if still => dst.copy_from_slice(src),
        (Values::F32(src), Out::F32(dst)) if still => dst.copy_from_slice(src),
        (Values::F64(src), Out::F64(dst)) if still => dst.copy_from_slice(src),
        (Values::I16(src), Out::I16(dst)) => {
            let src: Vec<f32> = src.iter().map(|&x| f32::from(x) / FULL).collect();
            let mut made = vec![0.0; dst.len()];
            apply(ctx, item, &src, &mut made)?;
            let whole = |x: f32| (x * FULL).round_ties_even() as i16; // saturates
            dst.iter_mut().zip(&made).for_each(|(d, &x)| *d = whole(x));
        }
        (Values::F64(src), Out::F64(dst)) => {
            let src: Vec<f32> = src.iter().map(|&x| x as f32).collect();
            let mut made = vec![0.0; dst.len()];
            apply(ctx, item, &src, &mut made)?;
            dst.iter_mut().zip(&made).for_each(|(d, &x)| *d = f64::from(x));
        }
        (Values::F32(src), Out::F32(dst)) => apply(ctx, item, src, dst)?,
        _ => return Err(Error::Shape("the buffer has another type than the clips".into())),
    }
    Ok(())
}

/// Runs an item's steps one after the other; the last writes into `dst`.
fn apply(ctx: &Ctx, item: &Item, src: &[f32], dst: &mut [f32]) -> Result<()> {
    if !level::finite(src) {
        return Err(Error::Data("it holds a sample that is not finite".into()));
    }
    let mut shape = item.shape;
    let mut now = Cow::Borrowed(src);
    let mut spare: Vec<f32> = Vec::new();
    for (k, step) in item.steps.iter().enumerate() {
        ctx.check()?;
        let next = after(step, shape)?;
        if k + 1 == item.steps.len() {
            return one(ctx, step, (&now, shape), (dst, next));
        }
        spare.resize(next.size(), 0.0);
        one(ctx, step, (&now, shape), (&mut spare, next))?;
        let old = std::mem::replace(&mut now, Cow::Owned(std::mem::take(&mut spare)));
        if let Cow::Owned(old) = old {
            spare = old;
        }
        shape = next;
    }
    Ok(())
}
