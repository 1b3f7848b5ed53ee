//! What is kept of an image: a small version, its size, and hashes of its content.

use crate::base::{Ctx, Result, hash, par};
use crate::media::image::{Image, Pixels, Small, Values};
use crate::media::image_shrink::Turn;

/// Cells across and down of the small version.
pub const SIDE: usize = 32;
/// Bytes of a small version: brightness, then colour at half the resolution, twice.
pub const BYTES: usize = SIDE * SIDE * 3 / 2;
/// An image whose small version strays less than this from its mean is flat: what little there is
/// in it cannot be told from the noise of compression.
const FLAT: f64 = 2.0;

/// An image as it is given.
#[derive(Debug, Clone)]
pub enum Given<'a> {
    /// The bytes of a file.
    File(&'a [u8]),
    /// Pixels, and the orientation as cameras write it.
    Pixels(Pixels<'a>, u8),
}

/// What is kept of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    /// The upright image on a grid.
    pub small: Small,
    /// Columns and rows, upright.
    pub size: (usize, usize),
    /// A hash of what was given.
    pub key: u128,
    /// Of a flat image: a hash of all pixels, upright; and one that all its turns share.
    pub flat: Option<[u128; 2]>,
}

/// The sketches of images, in order; an image that cannot be read gives an error of its own.
pub fn sketches(ctx: &Ctx, given: &[Given], max_pixels: u64) -> Result<Vec<Result<Sketch>>> {
    par::map(ctx, given.len(), |i| {
        let made = sketch(&given[i], max_pixels);
        ctx.advance(1).and(made)
    })
}

fn sketch(given: &Given, max_pixels: u64) -> Result<Sketch> {
    let image = match given {
        Given::File(bytes) => Image::decode(bytes, max_pixels, false)?,
        Given::Pixels(pixels, tag) => Image::from_pixels(pixels.clone(), *tag),
    };
    let small = image.small(SIDE);
    let flat = if is_flat(&small) {
        match (given, image.pixels()) {
            (Given::File(bytes), None) => flat_keys(&Image::decode(bytes, max_pixels, true)?),
            _ => flat_keys(&image),
        }
    } else {
        None
    };
    Ok(Sketch { small, size: image.size(), key: key_of(given), flat })
}

fn key_of(given: &Given) -> u128 {
    let twice = |data: &[u8], seed: u64| {
        u128::from(hash::bytes(seed, data)) << 64 | u128::from(hash::bytes(!seed, data))
    };
    match given {
        Given::File(bytes) => twice(bytes, 0),
        Given::Pixels(p, tag) => {
            let shape = [p.size.0 as u64, p.size.1 as u64, p.channels as u64, u64::from(*tag)];
            let seed = shape.iter().fold(1, |h, &w| hash::mix(h, w));
            match &p.values {
                Values::U8(v) => twice(v, seed),
                Values::U16(v) => {
                    let bytes: Vec<u8> = v.iter().flat_map(|v| v.to_le_bytes()).collect();
                    twice(&bytes, hash::mix(seed, 16))
                }
            }
        }
    }
}

/// Whether there is too little in an image to recognise it by.
fn is_flat(small: &Small) -> bool {
    let (cb, cr) = small.chroma.split_at(small.chroma.len() / 2);
    [&small.luma[..], cb, cr].iter().all(|grid| spread(grid) < FLAT)
}

/// The standard deviation.
fn spread(grid: &[u8]) -> f64 {
    let n = grid.len() as f64;
    let sum: u64 = grid.iter().map(|&v| u64::from(v)).sum();
    let squares: u64 = grid.iter().map(|&v| u64::from(v) * u64::from(v)).sum();
    let mean = sum as f64 / n;
    (squares as f64 / n - mean * mean).max(0.0).sqrt()
}

/// Hashes of all pixels: upright, and the least over the turns of the upright image.
fn flat_keys(image: &Image) -> Option<[u128; 2]> {
    let (pixels, turn) = image.pixels()?;
    let (words, size) = (turn.apply(&pixels.words(), pixels.size, 1), image.size());
    let key = |words: &[u64], size: (usize, usize)| {
        let hash = |seed: u64| {
            let start = hash::mix(hash::mix(seed, size.0 as u64), size.1 as u64);
            words.iter().fold(start, |h, &w| hash::mix(h, w))
        };
        u128::from(hash(2)) << 64 | u128::from(hash(3))
    };
    let turned = Turn::ALL.map(|t| {
        let after = if t.swaps() { (size.1, size.0) } else { size };
        key(&t.apply(&words, size, 1), after)
    });
    Some([turned[0], turned.into_iter().min()?])
}
