//! A phase vocoder with phases locked to peaks (Laroche and Dolson 1999).
//!
//! Windows are taken from the clip at the times that [`Times`] says and added up at even ones. The
//! phase of a peak goes on from where it stood in the window before, by as much as it does in the
//! clip over the same time: a second window is taken there for this, so that no frequency is
//! estimated and a steady tone stays exact. The bins around a peak are turned with it, and all
//! channels alike. A peak that sets in with an onset starts with the phase it has (as in Röbel
//! 2003), so that attacks stay sharp while tones go on.

use std::sync::{Arc, Mutex};

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::onset::{Times, onsets};
use crate::base::{Ctx, Error, Result};
use crate::media::audio::spectrum::{hann, windowed};

type C = Complex<f32>;

/// Windows lie a quarter of their length apart.
const OVERLAP: usize = 4;
/// The power by which a peak must have grown to set in with an onset.
const GROWN: f32 = 4.0;

/// What is asked for.
#[derive(Debug)]
pub struct Sizes {
    /// Samples of a window, a power of two.
    pub window: usize,
    /// Channels.
    pub channels: usize,
    /// How much faster time runs.
    pub rate: f64,
    /// Frequencies above are left out, as a share of half the sample rate.
    pub top: f64,
}

/// Transforms of one size.
struct Plans {
    size: usize,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    window: Vec<f32>,
}

impl Plans {
    /// Those of the size; the last are kept.
    fn get(size: usize) -> Arc<Self> {
        static LAST: Mutex<Option<Arc<Plans>>> = Mutex::new(None);
        let mut last = LAST.lock().unwrap_or_else(|e| e.into_inner());
        match last.as_ref() {
            Some(plans) if plans.size == size => plans.clone(),
            _ => {
                let mut planner = RealFftPlanner::new();
                let forward = planner.plan_fft_forward(size);
                let inverse = planner.plan_fft_inverse(size);
                let made = Arc::new(Plans { size, forward, inverse, window: hann(size) });
                *last = Some(made.clone());
                made
            }
        }
    }
}

/// Buffers of one clip.
struct Work {
    plans: Arc<Plans>,
    scratch: Vec<C>,
    wave: Vec<f32>,
    spectrum: Vec<C>,
    /// The window now, and that one step before it in the clip: channels of bins.
    now: Vec<C>,
    before: Vec<C>,
    /// What was made last.
    made: Vec<C>,
    power: Vec<f32>,
    peaks: Vec<usize>,
}

impl Work {
    fn new(size: usize, channels: usize) -> Self {
        let plans = Plans::get(size);
        let bins = size / 2 + 1;
        let scratch = plans.forward.get_scratch_len().max(plans.inverse.get_scratch_len());
        let zeros = |n: usize| vec![C::default(); n];
        Work {
            scratch: zeros(scratch),
            wave: vec![0.0; size],
            spectrum: zeros(bins),
            now: zeros(bins * channels),
            before: zeros(bins * channels),
            made: zeros(bins * channels),
            power: vec![0.0; bins],
            peaks: Vec::new(),
            plans,
        }
    }

    /// The windows about sample `at` of every channel.
    fn look(&mut self, x: &[f32], len: usize, at: isize, earlier: bool) -> Result<()> {
        let bins = self.power.len();
        let start = at - (self.plans.size / 2) as isize;
        let into = if earlier { &mut self.before } else { &mut self.now };
        for (channel, out) in x.chunks_exact(len).zip(into.chunks_exact_mut(bins)) {
            windowed(channel, start, &self.plans.window, &mut self.wave);
            let done = self.plans.forward.process_with_scratch(
                &mut self.wave,
                out,
                &mut self.scratch[..self.plans.forward.get_scratch_len()],
            );
            done.map_err(|e| Error::Shape(e.to_string()))?;
        }
        Ok(())
    }

    /// The bins that are greater than the two on each side.
    fn find_peaks(&mut self) {
        let bins = self.power.len();
        self.power.fill(0.0);
        for channel in self.now.chunks_exact(bins) {
            self.power.iter_mut().zip(channel).for_each(|(p, c)| *p += c.norm_sqr());
        }
        self.peaks.clear();
        let p = &self.power;
        if p[0] > p[1] && p[0] > p[2] {
            self.peaks.push(0);
        }
        for (k, w) in p.windows(5).enumerate() {
            if w[2] > w[1] && w[2] >= w[3] && w[2] > w[0] && w[2] >= w[4] {
                self.peaks.push(k + 2);
            }
        }
        if p[bins - 1] > p[bins - 2] && p[bins - 1] > p[bins - 3] {
            self.peaks.push(bins - 1);
        }
    }

    /// How the peak is turned: on from what was made last, or not at all where it is new.
    fn turn(&self, peak: usize, fresh: bool) -> C {
        let bins = self.power.len();
        let (mut sum, mut old) = (C::default(), 0.0);
        for (made, before) in self.made.chunks_exact(bins).zip(self.before.chunks_exact(bins)) {
            sum += made[peak] * before[peak].conj();
            old += before[peak].norm_sqr();
        }
        let norm = sum.norm_sqr();
        if norm < 1e-36 || (fresh && self.power[peak] > GROWN * old) {
            return C::new(1.0, 0.0);
        }
        sum * norm.sqrt().recip()
    }

    /// Turns the bins around every peak.
    fn make(&mut self, fresh: bool) {
        let bins = self.power.len();
        self.find_peaks();
        let mut from = 0;
        for i in 0..self.peaks.len().max(1) {
            // Without a peak (in silence) all is taken as it is.
            let turn = self.peaks.get(i).map_or(C::new(1.0, 0.0), |&p| self.turn(p, fresh));
            let to = self.peaks.get(i + 1).map_or(bins, |next| (self.peaks[i] + next).div_ceil(2));
            for (made, now) in self.made.chunks_exact_mut(bins).zip(self.now.chunks_exact(bins)) {
                made[from..to].iter_mut().zip(&now[from..to]).for_each(|(m, n)| *m = n * turn);
            }
            from = to;
        }
    }

    /// Adds what was made to the clip, about sample `at`.
    fn add(&mut self, dst: &mut [f32], len: usize, at: isize, top: usize) -> Result<()> {
        let (bins, size) = (self.power.len(), self.plans.size);
        let start = at - (size / 2) as isize;
        let skip = start.min(0).unsigned_abs();
        let begin = start.max(0) as usize;
        // The squares of the windows over one another sum to 3 / 8 of their overlap.
        let scale = 1.0 / (0.375 * OVERLAP as f32 * size as f32);
        for (channel, made) in dst.chunks_exact_mut(len).zip(self.made.chunks_exact(bins)) {
            self.spectrum.copy_from_slice(made);
            self.spectrum[top.min(bins)..].fill(C::default());
            self.spectrum[0].im = 0.0;
            self.spectrum[bins - 1].im = 0.0;
            let done = self.plans.inverse.process_with_scratch(
                &mut self.spectrum,
                &mut self.wave,
                &mut self.scratch[..self.plans.inverse.get_scratch_len()],
            );
            done.map_err(|e| Error::Shape(e.to_string()))?;
            let part = channel.get_mut(begin..).unwrap_or_default();
            let wave = self.wave.iter().zip(&self.plans.window).skip(skip);
            part.iter_mut().zip(wave).for_each(|(d, (y, w))| *d += y * (w * scale));
        }
        Ok(())
    }
}

/// Lets time run faster or slower, from `src` to `dst`, channel after channel.
pub fn run(ctx: &Ctx, sizes: &Sizes, src: &[f32], dst: &mut [f32]) -> Result<()> {
    let channels = sizes.channels.max(1);
    let (len, long) = (src.len() / channels, dst.len() / channels);
    dst.fill(0.0);
    if len == 0 || long == 0 {
        return Ok(());
    }
    let (half, hop) = (sizes.window / 2, (sizes.window / OVERLAP) as isize);
    // Onsets nearer than a hop, before or after, are one.
    let apart = (hop as f64 * sizes.rate.max(1.0)) as usize;
    let found = onsets(src, channels, sizes.window / 64, apart);
    let times = Times::new(&found, len, sizes.rate, half);
    let mut work = Work::new(sizes.window, channels);
    let top = (sizes.top * half as f64).ceil() as usize + 1;
    let frames = (long + half).div_ceil(hop as usize) as isize;
    let mut last = None;
    for heard in (-1..frames).map(|k| k * hop) {
        ctx.check()?;
        let at = times.at(heard);
        // Where time runs as it did, the window before is that of the last turn.
        if last == Some(at - hop) {
            std::mem::swap(&mut work.now, &mut work.before);
        } else {
            work.look(src, len, at - hop, true)?;
        }
        work.look(src, len, at, false)?;
        work.make(times.awaits(heard));
        work.add(dst, long, heard, top)?;
        last = Some(at);
    }
    Ok(())
}
