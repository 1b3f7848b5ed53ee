//! What is kept of a clip: its log-mel spectrum, and the codes by which its copies are found.

use std::f32::consts::PI;

use crate::base::{Ctx, Error, Result, hash};
use crate::media::audio::{MelBank, Resampler, Stft};

/// Samples a second to which every clip is brought.
pub const RATE: u32 = 8_000;
/// Bands of the spectrum.
pub const BANDS: usize = 32;
/// Samples of a window: 64 ms.
const WINDOW: usize = 512;
/// Samples from one frame to the next: 16 ms.
const HOP: usize = 128;
/// Hertz from the lowest to the highest band: what a telephone carries.
pub const BAND_RANGE: (f64, f64) = (150.0, 3_500.0);
/// Power, as a share of the clip's mean, below which the logarithm flattens: noise 10 dB below the
/// sound then counts little.
const FLOOR: f32 = 0.1;
/// A clip whose peak is less than so much of full scale is silent: three steps of 16 bits.
const SILENT: f32 = 1e-4;
/// Frames in which something must sound for a clip to be compared: a click has five.
const SOUNDING: usize = 8;
/// The least variance of the spectrum over time, as a share of its mean square: a steady tone or
/// hum has nothing by which its copies could be told from others like it.
const VARIED: f64 = 0.02;

/// Frames under one code: half a second.
pub const SPAN: usize = 32;
/// Frames from one code to the next.
pub const STEP: usize = 2;
/// Frames by which the first code starts before the clip.
pub const LEAD: usize = SPAN / 4;
/// Slow changes over time by slow changes over the bands: each gives one bit of the code.
const CHANGES: usize = 4;
const SHAPES: usize = 6;
/// Bits of a code.
pub const BITS: usize = CHANGES * SHAPES;
/// What stands where a window holds too little to be coded.
pub const NO_CODE: u64 = u64::MAX;

/// Clips as they are compared, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prints {
    /// Spectra, `BANDS` values a frame.
    pub bands: Vec<f32>,
    /// Frames of each clip; none where nothing can be compared (silence, a click, a steady tone).
    pub frames: Vec<usize>,
    /// For every `STEP`th frame a code (24 bits) and the numbers of its two weakest bits.
    pub codes: Vec<u64>,
}

impl Prints {
    /// How many clips there are.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there is no clip.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The spectrum and the codes of each clip; an error unless the parts fit each other.
    pub fn clips(&self) -> Result<Vec<(&[f32], &[u64])>> {
        let (mut bands, mut codes) = (self.bands.as_slice(), self.codes.as_slice());
        let mut out = Vec::with_capacity(self.len());
        for &n in &self.frames {
            let taken = n.checked_mul(BANDS).and_then(|k| bands.split_at_checked(k));
            let (Some((own, rest)), Some((code, others))) =
                (taken, codes.split_at_checked(n_codes(n)))
            else {
                return Err(Error::Shape("spectra and codes are too few for the frames".into()));
            };
            out.push((own, code));
            (bands, codes) = (rest, others);
        }
        if bands.is_empty() && codes.is_empty() {
            return Ok(out);
        }
        Err(Error::Shape("spectra and codes are too many for the frames".into()))
    }
}

/// Codes of a clip of `frames` frames.
pub fn n_codes(frames: usize) -> usize {
    if frames == 0 { 0 } else { frames.saturating_add(2 * LEAD).saturating_sub(SPAN) / STEP + 1 }
}

/// Whether nothing is to be heard.
pub fn silent(samples: &[f32]) -> bool {
    !samples.iter().any(|v| v.abs() >= SILENT)
}

/// The print of one clip (`Prints` of length 1) from mono samples at any rate.
pub fn prints(ctx: &Ctx, samples: &[f32], rate: u32) -> Result<Prints> {
    let none = Prints { frames: vec![0], ..Prints::default() };
    if silent(samples) {
        return Ok(none);
    }
    let peak = samples.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    ctx.check()?;
    let mean = (samples.iter().map(|&v| f64::from(v)).sum::<f64>() / samples.len() as f64) as f32;
    // Scaled first: squares of very large or small samples would leave f32.
    let level: Vec<f32> = samples.iter().map(|v| (v - mean) / peak).collect();
    let sound = Resampler::new(rate, RATE).run(&level);
    ctx.check()?;
    let bands = spectrum(&sound);
    if !comparable(&bands) {
        return Ok(none);
    }
    let codes = codes(&bands);
    Ok(Prints { frames: vec![bands.len() / BANDS], bands, codes })
}

/// The logarithm of the power in each band, from the clip's mean power on.
fn spectrum(sound: &[f32]) -> Vec<f32> {
    let stft = Stft::new(WINDOW, HOP);
    let bank = MelBank::new(BANDS, WINDOW, f64::from(RATE), BAND_RANGE);
    let mut bands = vec![0.0f32; stft.frames(sound.len()) * BANDS];
    stft.power(sound, |frame, power| bank.apply(power, &mut bands[frame * BANDS..][..BANDS]));
    let mean = bands.iter().map(|&v| f64::from(v)).sum::<f64>() / bands.len().max(1) as f64;
    let scale = 1.0 / (FLOOR * mean as f32).max(f32::MIN_POSITIVE);
    bands.iter_mut().for_each(|v| *v = (*v * scale).ln_1p());
    bands
}

/// Whether a spectrum has enough in it to tell clips apart by.
fn comparable(bands: &[f32]) -> bool {
    let frames = bands.len() / BANDS;
    let loud: Vec<f32> = bands.chunks_exact(BANDS).map(|f| f.iter().sum()).collect();
    let most = loud.iter().fold(0.0f32, |m, &v| m.max(v));
    if loud.iter().filter(|&&v| v > 0.1 * most).count() < SOUNDING {
        return false;
    }
    let means = means(bands);
    let square: f64 = bands.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    let steady: f64 = means.iter().map(|&m| f64::from(m) * f64::from(m)).sum::<f64>();
    square - steady * frames as f64 > VARIED * square
}

/// The mean of each band over time.
fn means(bands: &[f32]) -> [f32; BANDS] {
    let mut sums = [0.0f64; BANDS];
    for frame in bands.chunks_exact(BANDS) {
        for (sum, &v) in sums.iter_mut().zip(frame) {
            *sum += f64::from(v);
        }
    }
    sums.map(|s| (s / (bands.len() / BANDS).max(1) as f64) as f32)
}

/// The codes along a spectrum: signs of a cosine transform over half a second, of which the parts
/// that do not change with time are left out (they are the voice, not what it says).
fn codes(bands: &[f32]) -> Vec<u64> {
    let frames = bands.len() / BANDS;
    let wave = |k: usize, n: usize, size: usize| {
        (PI * k as f32 * (2 * n + 1) as f32 / (2 * size) as f32).cos()
    };
    let mut shapes = vec![[0.0f32; SHAPES]; frames];
    for (out, frame) in shapes.iter_mut().zip(bands.chunks_exact(BANDS)) {
        for (v, slot) in out.iter_mut().enumerate() {
            *slot = frame.iter().enumerate().map(|(b, x)| x * wave(v, b, BANDS)).sum();
        }
    }
    let mut changes = [[0.0f32; SPAN]; CHANGES];
    for (u, row) in changes.iter_mut().enumerate() {
        for (t, slot) in row.iter_mut().enumerate() {
            *slot = wave(u + 1, t, SPAN);
        }
    }
    let windows: Vec<[f32; BITS]> = (0..n_codes(frames))
        .map(|k| {
            let mut values = [0.0; BITS];
            for (t, place) in (k * STEP..k * STEP + SPAN).enumerate() {
                let Some(shape) = place.checked_sub(LEAD).and_then(|p| shapes.get(p)) else {
                    continue;
                };
                for (u, change) in changes.iter().enumerate() {
                    for (v, x) in shape.iter().enumerate() {
                        values[u * SHAPES + v] += change[t] * x;
                    }
                }
            }
            values
        })
        .collect();
    // Each value against its spread over the clip: a weak bit is one that noise turns first.
    let mut spread = [0.0f64; BITS];
    for values in &windows {
        for (s, &v) in spread.iter_mut().zip(values) {
            *s += f64::from(v) * f64::from(v);
        }
    }
    let spread = spread.map(|s| (s / windows.len().max(1) as f64).sqrt().max(1e-9) as f32);
    windows.iter().map(|values| code(values, &spread)).collect()
}

fn code(values: &[f32; BITS], spread: &[f32; BITS]) -> u64 {
    let (mut bits, mut energy) = (0u64, 0.0);
    let mut weakest = [(f32::INFINITY, 0usize); 2];
    for (k, (&v, s)) in values.iter().zip(spread).enumerate() {
        let strength = v.abs() / s;
        energy += strength * strength;
        bits |= u64::from(v > 0.0) << k;
        if strength < weakest[0].0 {
            weakest = [(strength, k), weakest[0]];
        } else if strength < weakest[1].0 {
            weakest[1] = (strength, k);
        }
    }
    if energy < 0.1 * BITS as f32 {
        return NO_CODE;
    }
    bits | (weakest[0].1 as u64) << BITS | (weakest[1].1 as u64) << (BITS + 8)
}

/// One clip, ready to be laid over another: each band without its mean.
pub struct Clip {
    /// Values, `BANDS` a frame.
    pub bands: Vec<f32>,
    /// How much sounds in each frame.
    pub loud: Vec<f32>,
}

impl Clip {
    /// A clip from its spectrum.
    pub fn new(bands: &[f32]) -> Self {
        let means = means(bands);
        let loud = bands.chunks_exact(BANDS).map(|f| f.iter().sum()).collect();
        let mut bands = bands.to_vec();
        for frame in bands.chunks_exact_mut(BANDS) {
            for (v, m) in frame.iter_mut().zip(means) {
                *v -= m;
            }
        }
        Clip { bands, loud }
    }

    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.loud.len()
    }
}

/// A hash of the samples as they came, by which equal clips are told.
pub fn content(samples: &[f32], rate: u32) -> [u64; 2] {
    let mut out =
        [1u64, 2].map(|seed| hash::mix(hash::mix(seed, u64::from(rate)), samples.len() as u64));
    for part in samples.chunks(2) {
        let low = u64::from((part[0] + 0.0).to_bits());
        let high = part.get(1).map_or(0, |v| u64::from((v + 0.0).to_bits()));
        for h in &mut out {
            *h = hash::mix(*h, low | high << 32);
        }
    }
    out
}
