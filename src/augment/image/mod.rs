//! Augmentation of images: one kernel an operation, and the run of an item's steps.

mod blur;
mod geometry;
mod jpeg;
mod noise;
pub mod pixel;
mod resize;
mod targets;
mod tone;
mod warp;

pub use geometry::Geometry;
pub use pixel::Shape;
pub use targets::{Boxes, Points, boxes, mask, points};

use std::borrow::Cow;

use geometry::{How, geometry};
use pixel::{Border, Pixel};
use warp::Map;

use super::plan::{Drawn, Key, Node, Step};
use crate::base::{Ctx, Error, Result, par};

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
    Rotate, Scale, Translate, Shear, Affine, HorizontalFlip, VerticalFlip, RandomCrop,
    RandomResizedCrop, Pad, Perspective, ElasticTransform, GridDistortion, Resize,
    BrightnessContrast, Gamma, HueSaturation, ColorJitter, Grayscale, Equalize, CLAHE, Posterize,
    Solarize, Sharpen, GaussianBlur, MotionBlur, GaussianNoise, SaltPepper, JpegCompression,
    CoarseDropout, Normalize,
}

/// An operation and what of it is not drawn.
#[derive(Debug, Clone)]
pub struct Op {
    /// What it does.
    pub kind: Kind,
    /// Its settings, in the order that its kernel reads them.
    pub set: Vec<f64>,
}

/// The values of an image, by row, column and channel.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// 0 to 255.
    U8(&'a [u8]),
    /// Full scale is one.
    F32(&'a [f32]),
}

/// Where an image is written.
#[derive(Debug)]
pub enum Out<'a> {
    /// 0 to 255.
    U8(&'a mut [u8]),
    /// Floats.
    F32(&'a mut [f32]),
}

/// An image, what was drawn for it, and how it comes out.
#[derive(Debug)]
pub struct Item<'a> {
    /// Its size.
    pub shape: Shape,
    /// What is done to it.
    pub steps: Vec<Drawn<'a, Op>>,
    /// Its size afterwards.
    pub after: Shape,
    /// Whether it comes out as floats whatever it was.
    pub normalized: bool,
    /// Whether channels come first in what comes out.
    pub channels_first: bool,
    /// Whether neighbouring geometric steps are resampled once.
    pub fuse: bool,
}

/// Draws for images of these sizes; `first` is the number of the first.
pub fn draw<'a>(
    ctx: &Ctx,
    plan: &'a Node<Op>,
    key: Key,
    shapes: &[Shape],
    fuse: bool,
) -> Result<Vec<Item<'a>>> {
    let one = |i: usize| {
        let shape = shapes[i];
        if !(1..=4).contains(&shape.c) || shape.is_empty() {
            return Err(Error::Shape("an image has 1 to 4 channels and at least one pixel".into()));
        }
        let steps = plan.draw(Key { item: key.item.wrapping_add(i as u64), ..key });
        let mut item =
            Item { shape, steps, after: shape, normalized: false, channels_first: false, fuse };
        for step in &item.steps {
            if item.normalized {
                return Err(Error::Parameter("Normalize must come last".into()));
            }
            item.after = after(step, item.after)?;
            if let Drawn::Step(s) = step
                && s.op.kind == Kind::Normalize
            {
                item.normalized = true;
                item.channels_first = s.op.set.first() == Some(&1.0);
            }
        }
        Ok(item)
    };
    par::map(ctx, shapes.len(), |i| one(i).map_err(|e| at(e, key.item, i)))?.into_iter().collect()
}

fn at(error: Error, first: u64, i: usize) -> Error {
    let item = first.wrapping_add(i as u64);
    match error {
        Error::Parameter(m) => Error::Parameter(format!("image {item}: {m}")),
        Error::Shape(m) => Error::Shape(format!("image {item}: {m}")),
        Error::Data(m) => Error::Data(format!("image {item}: {m}")),
        other => other,
    }
}

fn after(step: &Drawn<Op>, shape: Shape) -> Result<Shape> {
    match step {
        Drawn::Step(s) => {
            // What a field or a grid does is not worked out for the size alone.
            if matches!(s.op.kind, Kind::ElasticTransform | Kind::GridDistortion) {
                return Ok(shape);
            }
            Ok(geometry(s, shape)?.map_or(shape, |g| Shape { h: g.size.0, w: g.size.1, ..shape }))
        }
        Drawn::Mix { chains, .. } => {
            for chain in chains {
                let mut s = shape;
                for step in chain {
                    s = after(step, s)?;
                }
                if s != shape {
                    return Err(Error::Parameter(
                        "a mix needs operations that keep the size".into(),
                    ));
                }
            }
            Ok(shape)
        }
    }
}

/// Runs every item's steps, from `inputs` to `outs`.
pub fn run(ctx: &Ctx, items: &[Item], inputs: &[Values], outs: Vec<Out>, first: u64) -> Result<()> {
    ctx.set_total(items.len() as u64);
    let mut jobs: Vec<(Out, Result<()>)> = outs.into_iter().map(|o| (o, Ok(()))).collect();
    par::fill_chunks(ctx, &mut jobs, 1, |i, chunk| {
        for (out, done) in chunk {
            *done = run_one(ctx, &items[i], inputs[i], out).and_then(|()| ctx.advance(1));
        }
    })?;
    jobs.into_iter().enumerate().try_for_each(|(i, (_, done))| done.map_err(|e| at(e, first, i)))
}

fn run_one(ctx: &Ctx, item: &Item, input: Values, out: &mut Out) -> Result<()> {
    let steps = &item.steps[..item.steps.len() - usize::from(item.normalized)];
    match (input, out, item.steps.last()) {
        (Values::U8(src), Out::U8(dst), _) => {
            apply(ctx, (steps, item.fuse), (src, item.shape), dst)
        }
        (Values::U8(src), Out::F32(dst), Some(Drawn::Step(last))) if item.normalized => {
            let src = prepared(ctx, steps, src, item)?;
            normalize(last, &src, dst, item.after);
            Ok(())
        }
        (Values::F32(src), Out::F32(dst), Some(Drawn::Step(last))) if item.normalized => {
            let src = prepared(ctx, steps, src, item)?;
            normalize(last, &src, dst, item.after);
            Ok(())
        }
        (Values::F32(src), Out::F32(dst), _) => {
            apply(ctx, (steps, item.fuse), (src, item.shape), dst)
        }
        _ => Err(Error::Shape("the buffer has another type than the images".into())),
    }
}

fn prepared<'a, T: Kernels>(
    ctx: &Ctx,
    steps: &[Drawn<Op>],
    src: &'a [T],
    item: &Item,
) -> Result<Cow<'a, [T]>> {
    if steps.is_empty() {
        return Ok(Cow::Borrowed(src));
    }
    let mut out = vec![T::default(); item.after.len()];
    apply(ctx, (steps, item.fuse), (src, item.shape), &mut out)?;
    Ok(Cow::Owned(out))
}

/// The types that the kernels know, and what each does in a way of its own.
pub trait Kernels: Pixel {
    /// Runs steps that are tables in one pass.
    fn tables(steps: &[Drawn<Op>], src: &[Self], dst: &mut [Self], shape: Shape);
    /// Every value of this type as a float of full scale one, or None where there are too many.
    fn levels(per_channel: impl Fn(f64) -> f64) -> Option<Vec<f32>>;
}

impl Kernels for u8 {
    fn tables(steps: &[Drawn<Op>], src: &[u8], dst: &mut [u8], shape: Shape) {
        let mut all: tone::Table = std::array::from_fn(|i| i as u8);
        for step in steps {
            if let Drawn::Step(s) = step {
                let table = tone::table(s);
                all = all.map(|x| table[x as usize]);
            }
        }
        tone::look_up(&all, src, dst, shape);
    }

    fn levels(f: impl Fn(f64) -> f64) -> Option<Vec<f32>> {
        Some((0..256).map(|x| f(f64::from(x) / 255.0) as f32).collect())
    }
}

impl Kernels for f32 {
    fn tables(_: &[Drawn<Op>], src: &[f32], dst: &mut [f32], _: Shape) {
        dst.copy_from_slice(src); // never: steps on floats run one by one
    }

    fn levels(_: impl Fn(f64) -> f64) -> Option<Vec<f32>> {
        None
    }
}

/// Runs steps one after the other; the last writes into `dst`.
fn apply<T: Kernels>(
    ctx: &Ctx,
    (steps, fuse): (&[Drawn<Op>], bool),
    (src, mut shape): (&[T], Shape),
    dst: &mut [T],
) -> Result<()> {
    let mut now: Cow<[T]> = Cow::Borrowed(src);
    let mut spare: Vec<T> = Vec::new();
    let mut rest = steps;
    if rest.is_empty() {
        dst.copy_from_slice(&now);
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
        let last = many == rest.len();
        if !last {
            spare.resize(next.len(), T::default());
        }
        let out: &mut [T] = if last { &mut *dst } else { &mut spare };
        match &joined {
            Some((g, _)) => moved(ctx, g, (&now, shape), (out, next))?,
            None if tables > 0 => T::tables(&rest[..many], &now, out, shape),
            None => one(ctx, step, (&now, shape), (out, next))?,
        }
        rest = &rest[many..];
        shape = next;
        if !last {
            let old = std::mem::replace(&mut now, Cow::Owned(std::mem::take(&mut spare)));
            if let Cow::Owned(old) = old {
                spare = old;
            }
        }
    }
    Ok(())
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
fn one<T: Kernels>(
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
    let k = shape.colours();
    if k < shape.c {
        for (d, s) in dst.chunks_exact_mut(shape.c).zip(src.chunks_exact(shape.c)) {
            d[k..].copy_from_slice(&s[k..]);
        }
    }
    Ok(())
}

/// Moves or resamples an image.
fn moved<T: Pixel>(
    ctx: &Ctx,
    g: &Geometry,
    (src, shape): (&[T], Shape),
    (dst, next): (&mut [T], Shape),
) -> Result<()> {
    match &g.how {
        How::Moves(moves) => {
            let fill: Vec<T> = g.fill.iter().map(|&f| T::put(f as f32)).collect();
            warp::moved((src, shape), *moves, (g.border, &fill), (dst, next.w));
            Ok(())
        }
        How::Map(map) => warp::linear(ctx, (src, shape), map, (g.border, &g.fill), (dst, next.w)),
        How::Resize(window) => resize::resize(ctx, (src, shape), *window, (dst, (next.h, next.w))),
    }
}

/// `keep` of the image and the rest of the chains by weight (Hendrycks et al. 2020).
fn mix<T: Kernels>(
    ctx: &Ctx,
    (keep, weights, chains): (f64, &[f64], &[Vec<Drawn<Op>>]),
    (src, shape): (&[T], Shape),
    dst: &mut [T],
) -> Result<()> {
    let mut sums: Vec<f32> = src.iter().map(|x| x.get() * keep as f32).collect();
    let mut made = vec![T::default(); src.len()];
    for (chain, &weight) in chains.iter().zip(weights) {
        apply(ctx, (chain, false), (src, shape), &mut made)?;
        let share = ((1.0 - keep) * weight) as f32;
        sums.iter_mut().zip(&made).for_each(|(s, x)| *s += x.get() * share);
    }
    dst.iter_mut().zip(&sums).for_each(|(d, &s)| *d = T::put(s));
    Ok(())
}

/// (x - mean) / std of values of full scale one, as floats; channels last or first.
fn normalize<T: Kernels>(step: &Step<Op>, src: &[T], dst: &mut [f32], shape: Shape) {
    let Shape { h, w, c } = shape;
    let first = step.op.set[0] == 1.0;
    let n = (step.op.set.len() - 1) / 2;
    for k in 0..c {
        let mean = step.op.set[1 + k.min(n - 1)];
        let std = step.op.set[1 + n + k.min(n - 1)];
        let f = |x: f64| (x - mean) / std;
        let values = src.iter().skip(k).step_by(c);
        let table = T::levels(f);
        let one = |x: &T| match &table {
            Some(t) => t[x.get() as u8 as usize],
            None => f(f64::from(x.get())) as f32,
        };
        if first {
            let plane = &mut dst[k * h * w..(k + 1) * h * w];
            plane.iter_mut().zip(values).for_each(|(d, x)| *d = one(x));
        } else {
            dst.iter_mut().skip(k).step_by(c).zip(values).for_each(|(d, x)| *d = one(x));
        }
    }
}
