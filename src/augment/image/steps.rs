//! An item's steps, one after the other.

use super::geometry::{self, Geometry, How, geometry};
use super::pixel::{Pixel, Shape};
use super::warp::Map;
use super::{Kind, Op, after, blur, jpeg, lanes, moves, noise, resize, tone, warp};
use crate::augment::plan::Drawn;
use crate::base::{Ctx, Result};

/// Buffers for what comes between steps, used again by the next image.
#[derive(Debug, Default)]
pub struct Spare<T>(Vec<Vec<T>>);

impl<T: Pixel> Spare<T> {
    /// A buffer of any content.
    pub fn take(&mut self, n: usize) -> Vec<T> {
        let mut buffer = self.0.pop().unwrap_or_default();
        buffer.resize(n, T::default());
        buffer
    }

    /// Takes one back.
    pub fn give(&mut self, buffer: Vec<T>) {
        self.0.push(buffer);
    }
}

/// Runs steps one after the other; the last writes into `dst`.
pub fn apply<T: Pixel>(
    ctx: &Ctx,
    (steps, fuse): (&[Drawn<Op>], bool),
    (src, mut shape): (&[T], Shape),
    dst: &mut [T],
    spare: &mut Spare<T>,
) -> Result<()> {
    let mut made: Option<Vec<T>> = None;
    let mut rest = steps;
    if rest.is_empty() {
        dst.copy_from_slice(src);
    }
    while let Some(step) = rest.first() {
        ctx.check()?;
        let is_table = |d: &&Drawn<Op>| matches!(d, Drawn::Step(s) if tone::is_table(s.op.kind));
        let tables = if T::FULL > 1.0 { rest.iter().take_while(is_table).count() } else { 0 };
        let joined = if fuse && tables == 0 { join(rest, shape)? } else { None };
        let (next, many) = match &joined {
            Some((g, n)) => (Shape { h: g.size.0, w: g.size.1, ..shape }, *n),
            None => (after(step, shape)?, tables.max(1)),
        };
        let mut between = if many == rest.len() { None } else { Some(spare.take(next.len())) };
        let out = between.as_deref_mut().unwrap_or(dst);
        let now = made.as_deref().unwrap_or(src);
        match (&joined, T::bytes(now), T::bytes_mut(out)) {
            (Some((g, _)), ..) => moved(ctx, g, (now, shape), (out, next))?,
            (None, Some(now), Some(out)) if tables > 0 => look_up(&rest[..many], now, out, shape),
            _ => one(ctx, step, (now, shape), (out, next))?,
        }
        rest = &rest[many..];
        shape = next;
        if let Some(old) = std::mem::replace(&mut made, between) {
            spare.give(old);
        }
    }
    Ok(())
}

/// Steps that are tables as one.
fn look_up(steps: &[Drawn<Op>], src: &[u8], dst: &mut [u8], shape: Shape) {
    let mut all: tone::Table = std::array::from_fn(|i| i as u8);
    for step in steps {
        if let Drawn::Step(s) = step {
            let table = tone::table(s);
            all = all.map(|x| table[x as usize]);
        }
    }
    lanes::look_up(&all, src, dst);
    keep_alpha(dst, src, shape);
}

/// Two or more neighbouring geometric steps as one, with the first one's border, and how many.
fn join(steps: &[Drawn<Op>], mut shape: Shape) -> Result<Option<(Geometry, usize)>> {
    let mut joined: Option<(Geometry, usize)> = None;
    for step in steps {
        let Drawn::Step(s) = step else { break };
        if matches!(s.op.kind, Kind::ElasticTransform | Kind::GridDistortion) {
            break;
        }
        let Some(g) = geometry(s, shape)? else { break };
        let (false, Some(map)) = (matches!(g.how, How::Resize(_)), g.backward()) else { break };
        shape = Shape { h: g.size.0, w: g.size.1, ..shape };
        joined = Some(match joined {
            None => (g, 1),
            Some((before, n)) => {
                let first = before.backward().unwrap_or(map);
                let how = How::Map(Map::Matrix(geometry::times(&first, &map)));
                (Geometry { size: g.size, how, ..before }, n + 1)
            }
        });
    }
    Ok(joined.filter(|(_, n)| *n > 1))
}

/// Runs one step.
fn one<T: Pixel>(
    ctx: &Ctx,
    step: &Drawn<Op>,
    (src, shape): (&[T], Shape),
    (dst, next): (&mut [T], Shape),
) -> Result<()> {
    let step = match step {
        Drawn::Step(step) => step,
        Drawn::Mix { keep, weights, chains } => {
            return mix(ctx, (*keep, weights, chains), (src, shape), dst);
        }
    };
    let v = &step.values;
    let stream = || step.stream.clone();
    match step.op.kind {
        Kind::BrightnessContrast | Kind::Gamma | Kind::Posterize | Kind::Solarize => {
            tone::points(step, src, dst, shape);
        }
        Kind::HueSaturation | Kind::ColorJitter | Kind::Grayscale => {
            tone::colour(step, src, dst, shape);
        }
        Kind::Equalize => tone::equalize(src, dst, shape),
        Kind::CLAHE => tone::clahe(v, step.op.set[0] as usize, src, dst, shape),
        Kind::Sharpen => {
            let s = v[0] as f32;
            let taps = [(0, 0, 1.0 + 4.0 * s), (0, -1, -s), (0, 1, -s), (-1, 0, -s), (1, 0, -s)];
            filtered(dst, src, shape, |dst| blur::taps(ctx, &taps, src, dst, shape))?;
        }
        Kind::GaussianBlur if v[0] > 0.0 => {
            let weights = blur::gaussian(v[0]);
            filtered(dst, src, shape, |dst| blur::blur(ctx, &weights, src, dst, shape))?;
        }
        Kind::MotionBlur => {
            let taps = blur::streak(v[0], v[1]);
            filtered(dst, src, shape, |dst| blur::taps(ctx, &taps, src, dst, shape))?;
        }
        Kind::GaussianNoise => noise::gaussian(v[0], stream(), src, dst, shape),
        Kind::SaltPepper => noise::salt_pepper(v[0], stream(), src, dst, shape),
        Kind::JpegCompression => jpeg::round_trip(v[0] as u8, src, dst, shape)?,
        Kind::CoarseDropout => {
            dst.copy_from_slice(src);
            let size = (step.op.set[0], step.op.set[1]);
            noise::holes((v[0] as usize, size), &step.op.set[2..], stream(), dst, shape);
        }
        Kind::GaussianBlur | Kind::Normalize => dst.copy_from_slice(src),
        _ => match geometry(step, shape)? {
            Some(g) => moved(ctx, &g, (src, shape), (dst, next))?,
            None => dst.copy_from_slice(src),
        },
    }
    Ok(())
}

/// A filter of the colours alone: alpha stays.
fn filtered<T: Pixel>(
    dst: &mut [T],
    src: &[T],
    shape: Shape,
    filter: impl FnOnce(&mut [T]) -> Result<()>,
) -> Result<()> {
    filter(dst)?;
    keep_alpha(dst, src, shape);
    Ok(())
}

/// Brings back the alpha of an image whose values were all changed.
pub fn keep_alpha<T: Pixel>(dst: &mut [T], src: &[T], shape: Shape) {
    let k = shape.colours();
    if k < shape.c {
        for (d, s) in dst.chunks_exact_mut(shape.c).zip(src.chunks_exact(shape.c)) {
            d[k..].copy_from_slice(&s[k..]);
        }
    }
}

/// Moves or resamples an image.
pub fn moved<T: Pixel>(
    ctx: &Ctx,
    g: &Geometry,
    (src, shape): (&[T], Shape),
    (dst, next): (&mut [T], Shape),
) -> Result<()> {
    match &g.how {
        How::Moves(moves) => {
            let fill: Vec<T> = g.fill.iter().map(|&f| T::put(f as f32)).collect();
            moves::moved((src, shape), *moves, (g.border, &fill), (dst, next.w));
            Ok(())
        }
        How::Map(map) => warp::linear(ctx, (src, shape), map, (g.border, &g.fill), (dst, next.w)),
        How::Resize(window) => resize::resize(ctx, (src, shape), *window, (dst, (next.h, next.w))),
    }
}

/// `keep` of the image and the rest of the chains by weight (Hendrycks et al. 2020).
fn mix<T: Pixel>(
    ctx: &Ctx,
    (keep, weights, chains): (f64, &[f64], &[Vec<Drawn<Op>>]),
    (src, shape): (&[T], Shape),
    dst: &mut [T],
) -> Result<()> {
    let mut sums: Vec<f32> = src.iter().map(|x| x.get() * keep as f32).collect();
    let mut made = vec![T::default(); src.len()];
    let mut spare = Spare::default();
    for (chain, &weight) in chains.iter().zip(weights) {
        apply(ctx, (chain, false), (src, shape), &mut made, &mut spare)?;
        let share = ((1.0 - keep) * weight) as f32;
        sums.iter_mut().zip(&made).for_each(|(s, x)| *s += x.get() * share);
    }
    dst.iter_mut().zip(&sums).for_each(|(d, &s)| *d = T::put(s));
    Ok(())
}
