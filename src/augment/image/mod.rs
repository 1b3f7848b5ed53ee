//! Augmentation of images: one kernel an operation, and the run of an item's steps.

mod blur;
mod geometry;
mod jpeg;
mod lanes;
mod moves;
mod noise;
mod normalize;
pub mod pixel;
mod resize;
mod steps;
mod targets;
mod tone;
mod warp;

pub use geometry::Geometry;
pub use pixel::Shape;
pub use targets::{Boxes, Points, boxes, mask, points};

use geometry::geometry;
use pixel::Pixel;
use steps::{Spare, apply};

use super::plan::{Drawn, Key, Node};
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

/// Values of an image at most, so that their places fit 32 bits.
const MOST: usize = i32::MAX as usize;

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
        if shape.len() > MOST {
            return Err(Error::Shape("an image has at most 2^31 values".into()));
        }
        let steps = plan.draw(Key { item: key.item.wrapping_add(i as u64), ..key });
        let mut item =
            Item { shape, steps, after: shape, normalized: false, channels_first: false, fuse };
        for step in &item.steps {
            if item.normalized {
                return Err(Error::Parameter("Normalize must come last".into()));
            }
            item.after = after(step, item.after)?;
            if item.after.len() > MOST {
                return Err(Error::Shape("the image comes out with more than 2^31 values".into()));
            }
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

/// Images done one after the other, in the same buffers; fewer where threads would have none.
const IMAGES: usize = 8;

/// Runs every item's steps, from `inputs` to `outs`.
pub fn run(ctx: &Ctx, items: &[Item], inputs: &[Values], outs: Vec<Out>, first: u64) -> Result<()> {
    ctx.set_total(items.len() as u64);
    let mut jobs: Vec<(Out, Result<()>)> = outs.into_iter().map(|o| (o, Ok(()))).collect();
    let size = (items.len() / (4 * ctx.threads())).clamp(1, IMAGES);
    par::fill_chunks(ctx, &mut jobs, size, |start, chunk| {
        let mut spare = (Spare::default(), Spare::default());
        for (i, (out, done)) in chunk.iter_mut().enumerate() {
            let i = start + i;
            *done =
                run_one(ctx, &items[i], inputs[i], out, &mut spare).and_then(|()| ctx.advance(1));
        }
    })?;
    jobs.into_iter().enumerate().try_for_each(|(i, (_, done))| done.map_err(|e| at(e, first, i)))
}

fn run_one(
    ctx: &Ctx,
    item: &Item,
    input: Values,
    out: &mut Out,
    spare: &mut (Spare<u8>, Spare<f32>),
) -> Result<()> {
    match (input, out) {
        (Values::U8(src), Out::U8(dst)) if !item.normalized => {
            apply(ctx, (&item.steps, item.fuse), (src, item.shape), dst, &mut spare.0)
        }
        (Values::F32(src), Out::F32(dst)) if !item.normalized => {
            apply(ctx, (&item.steps, item.fuse), (src, item.shape), dst, &mut spare.1)
        }
        (Values::U8(src), Out::F32(dst)) => normalized(ctx, item, src, dst, &mut spare.0),
        (Values::F32(src), Out::F32(dst)) => normalized(ctx, item, src, dst, &mut spare.1),
        _ => Err(Error::Shape("the buffer has another type than the images".into())),
    }
}

/// Runs the steps before the last, which is Normalize, and then that.
fn normalized<T: Pixel>(
    ctx: &Ctx,
    item: &Item,
    src: &[T],
    dst: &mut [f32],
    spare: &mut Spare<T>,
) -> Result<()> {
    let Some((Drawn::Step(last), steps)) = item.steps.split_last() else {
        return Err(Error::Shape("the buffer has another type than the images".into()));
    };
    if steps.is_empty() {
        normalize::normalize(last, src, dst, item.after);
        return Ok(());
    }
    let mut made = spare.take(item.after.len());
    apply(ctx, (steps, item.fuse), (src, item.shape), &mut made, spare)?;
    normalize::normalize(last, &made, dst, item.after);
    spare.give(made);
    Ok(())
}

#[cfg(test)]
mod tests;
