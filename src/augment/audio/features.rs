//! What models of sound take in: the logarithm of the power in mel bands, and its cepstrum.

use std::f64::consts::PI;

use crate::base::{Ctx, Error, Result, par};
use crate::media::audio::{MelBank, Norm, Scale, Stft};

/// How spectra are taken and told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Samples a second.
    pub rate: f64,
    /// Samples of a transform.
    pub size: usize,
    /// Samples of its window.
    pub window: usize,
    /// Samples between two.
    pub hop: usize,
    /// Whether the first stands about the first sample.
    pub centred: bool,
    /// Bands.
    pub mels: usize,
    /// Their lowest and highest frequency.
    pub range: (f64, f64),
    /// Their scale.
    pub scale: Scale,
    /// Their weights.
    pub norm: Norm,
    /// The power that has 0 decibels; `None` is the greatest of the clip.
    pub reference: Option<f64>,
    /// The least power that is told apart from none.
    pub floor: f64,
    /// Decibels below the greatest of the clip that are told apart.
    pub range_db: Option<f64>,
    /// Coefficients of the cepstrum, where that is wanted, and its lifter (0 for none).
    pub cepstrum: Option<(usize, f64)>,
}

impl Settings {
    /// Rows that come out for a channel.
    pub fn rows(&self) -> usize {
        self.cepstrum.map_or(self.mels, |(n, _)| n)
    }

    fn stft(&self) -> Stft {
        Stft::inner(self.size, self.window, self.hop, self.centred)
    }

    /// Columns that come out for so many samples.
    pub fn frames(&self, samples: usize) -> usize {
        let n = samples + if self.centred { self.size / 2 * 2 } else { 0 };
        if n < self.size { 0 } else { (n - self.size) / self.hop + 1 }
    }
}

/// For each clip of so many channels, `channels x rows x frames` decibels (or coefficients).
pub fn run(
    ctx: &Ctx,
    set: &Settings,
    clips: &[(usize, &[f32])],
    outs: Vec<&mut [f32]>,
) -> Result<()> {
    let room = |&(channels, x): &(usize, &[f32])| {
        channels * set.rows() * set.frames(x.len() / channels.max(1))
    };
    let fits = outs.len() == clips.len()
        && clips.iter().zip(&outs).all(|(c, o)| room(c) == o.len())
        && set.size > 1
        && set.hop > 0;
    if !fits {
        return Err(Error::Shape("the buffers do not fit the spectra that come out".into()));
    }
    ctx.set_total(clips.len() as u64);
    let (stft, dct) = (set.stft(), cosines(set));
    let bank = MelBank::scaled((set.scale, set.norm), set.mels, set.size, set.rate, set.range);
    let mut jobs: Vec<(&mut [f32], Result<()>)> = outs.into_iter().map(|o| (o, Ok(()))).collect();
    par::fill_chunks(ctx, &mut jobs, 1, |i, chunk| {
        for (out, done) in chunk {
            *done =
                one(ctx, set, (&stft, &bank, &dct), clips[i], out).and_then(|()| ctx.advance(1));
        }
    })?;
    jobs.into_iter().enumerate().try_for_each(|(i, (_, done))| {
        done.map_err(|e| match e {
            Error::Data(m) => Error::Data(format!("clip {i}: {m}")),
            other => other,
        })
    })
}

fn one(
    ctx: &Ctx,
    set: &Settings,
    (stft, bank, dct): (&Stft, &MelBank, &[f32]),
    (channels, x): (usize, &[f32]),
    out: &mut [f32],
) -> Result<()> {
    if !super::level::finite(x) {
        return Err(Error::Data("it holds a sample that is not finite".into()));
    }
    let len = x.len() / channels.max(1);
    let frames = stft.frames(len);
    // Frame after frame: each is written and read in one go, and turned at the end.
    let mut power = vec![0.0f32; channels * frames * set.mels];
    for c in 0..channels {
        ctx.check()?;
        let part = &mut power[c * frames * set.mels..][..frames * set.mels];
        stft.power(&x[c * len..][..len], |frame, p| {
            bank.apply(p, &mut part[frame * set.mels..][..set.mels]);
        });
    }
    decibels(set, &mut power);
    let rows = set.rows();
    let Some(count) = frames.checked_mul(rows).filter(|&n| n > 0) else { return Ok(()) };
    for (from, to) in power.chunks_exact(frames * set.mels).zip(out.chunks_exact_mut(count)) {
        for (frame, bands) in from.chunks_exact(set.mels).enumerate() {
            if set.cepstrum.is_none() {
                bands.iter().enumerate().for_each(|(m, &v)| to[m * frames + frame] = v);
                continue;
            }
            for (m, weights) in dct.chunks_exact(set.mels).enumerate() {
                to[m * frames + frame] = dot(weights, bands);
            }
        }
    }
    Ok(())
}

/// Power to decibels, none below `range_db` under the greatest.
fn decibels(set: &Settings, power: &mut [f32]) {
    let top = power.iter().fold(0.0f32, |a, &b| a.max(b));
    let floor = set.floor as f32;
    let zero = set.reference.unwrap_or(f64::from(top)).max(set.floor);
    let zero = (10.0 * zero.log10()) as f32;
    let least = set.range_db.map_or(f32::MIN, |r| 10.0 * top.max(floor).log10() - zero - r as f32);
    power.iter_mut().for_each(|p| *p = (10.0 * p.max(floor).log10() - zero).max(least));
}

/// The rows of the orthonormal cosine transform (of type II), with the lifter's weights.
fn cosines(set: &Settings) -> Vec<f32> {
    let Some((count, lifter)) = set.cepstrum else { return Vec::new() };
    let n = set.mels as f64;
    let row = |k: usize| {
        let unit = if k == 0 { (1.0 / n).sqrt() } else { (2.0 / n).sqrt() };
        let lift = match lifter {
            0.0 => 1.0,
            _ => 1.0 + 0.5 * lifter * (PI * (k + 1) as f64 / lifter).sin(),
        };
        let at = move |m: usize| (PI * k as f64 * (m as f64 + 0.5) / n).cos();
        (0..set.mels).map(move |m| (unit * lift * at(m)) as f32)
    };
    (0..count).flat_map(row).collect()
}

/// The sum of products, in eight running sums.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (ca, ra) = a.as_chunks::<8>();
    let (cb, rb) = b.as_chunks::<8>();
    let mut sums = [0.0f32; 8];
    for (x, y) in ca.iter().zip(cb) {
        for k in 0..8 {
            sums[k] += x[k] * y[k];
        }
    }
    sums.iter().sum::<f32>() + ra.iter().zip(rb).map(|(x, y)| x * y).sum::<f32>()
}
