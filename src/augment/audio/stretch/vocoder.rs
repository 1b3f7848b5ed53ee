//! A phase vocoder with phases locked to peaks (Laroche and Dolson 1999).
//!
//! Windows are taken from the clip at the times that [`Times`] says and added up at even ones. The
//! phase of a peak goes on from where it stood in the window before, by as much as it does in the
//! clip over the same time: a second window is taken there for this, so that no frequency is
//! estimated and a steady tone stays exact. The bins around a peak are turned with it, and all
//! channels alike. A peak that sets in with an onset starts with the phase it has (as in Röbel
//! 2003), so that attacks stay sharp while tones go on.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use pulp::{Arch, Simd, WithSimd};

use super::fft::{Fft, Split};
use super::onset::{Times, onsets};
use crate::base::{Ctx, Result};
use crate::media::audio::spectrum::{hann, windowed};

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

/// What is the same for all clips.
struct Plan {
    fft: Fft,
    window: Vec<f32>,
}

impl Plan {
    /// That of a size; the last is kept.
    fn get(size: usize) -> Arc<Self> {
        static LAST: Mutex<Option<Arc<Plan>>> = Mutex::new(None);
        let mut last = LAST.lock().unwrap_or_else(|e| e.into_inner());
        match last.as_ref() {
            Some(plan) if plan.fft.size() == size => plan.clone(),
            _ => {
                let made = Arc::new(Plan { fft: Fft::new(size), window: hann(size) });
                *last = Some(made.clone());
                made
            }
        }
    }
}

/// Buffers of one clip.
struct Work {
    plan: Arc<Plan>,
    bins: usize,
    /// A pair of windows, and room for their transform.
    pair: Split,
    spare: Split,
    /// The window now, and that one step before it in the clip: channels of bins.
    now: Split,
    before: Split,
    /// What was made of the last two.
    made: [Split; 2],
    power: Vec<f32>,
    is_peak: Vec<u8>,
    peaks: Vec<usize>,
}

impl Work {
    fn new(size: usize, channels: usize) -> Self {
        let bins = size / 2 + 1;
        let all = || Split::new(bins * channels);
        Work {
            plan: Plan::get(size),
            bins,
            pair: Split::new(size),
            spare: Split::new(size),
            now: all(),
            before: all(),
            made: [all(), all()],
            power: vec![0.0; bins],
            is_peak: vec![0; bins],
            peaks: Vec::new(),
        }
    }

    /// The windows about sample `at` of every channel, and those one hop before.
    #[inline(always)]
    fn look(&mut self, x: &[f32], len: usize, at: isize, hop: isize) {
        let (bins, size) = (self.bins, self.plan.fft.size());
        let start = at - (size / 2) as isize;
        self.power.fill(0.0);
        for (c, channel) in x.chunks_exact(len).enumerate() {
            windowed(channel, start, &self.plan.window, &mut self.pair.re);
            windowed(channel, start - hop, &self.plan.window, &mut self.pair.im);
            self.plan.fft.run(&mut self.pair, &mut self.spare);
            let part = c * bins..(c + 1) * bins;
            let (nr, ni) = (&mut self.now.re[part.clone()], &mut self.now.im[part.clone()]);
            let (br, bi) = (&mut self.before.re[part.clone()], &mut self.before.im[part]);
            apart(&self.pair, (nr, ni), (br, bi));
            for ((p, r), i) in self.power.iter_mut().zip(&*nr).zip(&*ni) {
                *p += r * r + i * i;
            }
        }
    }

    /// The bins that are greater than the two on each side.
    #[inline(always)]
    fn find_peaks(&mut self) {
        let bins = self.bins;
        self.peaks.clear();
        let p = &self.power;
        if p[0] > p[1] && p[0] > p[2] {
            self.peaks.push(0);
        }
        let n = bins - 4;
        let (a, b, c, d, e) = (&p[..n], &p[1..=n], &p[2..n + 2], &p[3..n + 3], &p[4..]);
        for (k, peak) in self.is_peak.iter_mut().enumerate().take(n) {
            *peak = u8::from((c[k] > a[k]) & (c[k] > b[k]) & (c[k] >= d[k]) & (c[k] >= e[k]));
        }
        let (words, rest) = self.is_peak[..n].as_chunks::<8>();
        for (i, word) in words.iter().enumerate().filter(|w| u64::from_le_bytes(*w.1) != 0) {
            self.peaks.extend((0..8).filter(|&k| word[k] != 0).map(|k| i * 8 + k + 2));
        }
        let first = n - rest.len() + 2;
        self.peaks.extend((0..rest.len()).filter(|&k| rest[k] != 0).map(|k| first + k));
        if p[bins - 1] > p[bins - 2] && p[bins - 1] > p[bins - 3] {
            self.peaks.push(bins - 1);
        }
    }

    /// How the peak is turned: on from what was made last, or not at all where it is new.
    #[inline(always)]
    fn turn(&self, peak: usize, last: &Split, fresh: bool) -> (f32, f32) {
        let (mut re, mut im, mut old) = (0.0, 0.0, 0.0);
        for k in (peak..last.re.len()).step_by(self.bins) {
            let (r, i) = (self.before.re[k], self.before.im[k]);
            re += last.re[k] * r + last.im[k] * i;
            im += last.im[k] * r - last.re[k] * i;
            old += r * r + i * i;
        }
        let (most, power) = (re.abs().max(im.abs()), self.power[peak]);
        // Both windows went through one transform: what is left of the one beside a far louder one
        // is the rounding of the other.
        let heard = most > f32::MIN_POSITIVE && most < f32::MAX && old > 1e-10 * power;
        if !heard || (fresh && power > GROWN * old) {
            return (1.0, 0.0);
        }
        // No squares of what may be very large or small.
        let (re, im) = (re / most, im / most);
        let scale = (re * re + im * im).sqrt().recip();
        (re * scale, im * scale)
    }

    /// Turns the bins around every peak, into `made[slot]`.
    #[inline(always)]
    fn make(&mut self, slot: usize, fresh: bool) {
        self.find_peaks();
        let bins = self.bins;
        let mut made = std::mem::take(&mut self.made[slot]);
        let mut from = 0;
        for i in 0..self.peaks.len().max(1) {
            // Without a peak (in silence) all is taken as it is.
            let (wr, wi) = match self.peaks.get(i) {
                Some(&peak) => self.turn(peak, &self.made[1 - slot], fresh),
                None => (1.0, 0.0),
            };
            let to = self.peaks.get(i + 1).map_or(bins, |next| (self.peaks[i] + next).div_ceil(2));
            for first in (0..made.re.len()).step_by(bins) {
                let part = first + from..first + to;
                let now = self.now.re[part.clone()].iter().zip(&self.now.im[part.clone()]);
                let into = made.re[part.clone()].iter_mut().zip(&mut made.im[part]);
                for ((mr, mi), (r, i)) in into.zip(now) {
                    (*mr, *mi) = (r * wr - i * wi, r * wi + i * wr);
                }
            }
            from = to;
        }
        self.made[slot] = made;
    }

    /// Adds the two that were made to the clip, about the samples `at[0]` and `at[1]`.
    #[inline(always)]
    fn add(&mut self, dst: &mut [f32], long: usize, at: [isize; 2], top: usize) {
        let (bins, size) = (self.bins, self.plan.fft.size());
        // The squares of the windows over one another sum to 3 / 8 of their overlap.
        let scale = 1.0 / (0.375 * OVERLAP as f32 * size as f32);
        for (c, channel) in dst.chunks_exact_mut(long).enumerate() {
            together(&self.made, c * bins..(c + 1) * bins, top, &mut self.pair);
            self.plan.fft.run(&mut self.pair, &mut self.spare);
            // The parts were swapped before, and are so again.
            for (at, wave) in at.into_iter().zip([&self.pair.im, &self.pair.re]) {
                let start = at - (size / 2) as isize;
                let skip = start.min(0).unsigned_abs();
                let part = channel.get_mut(start.max(0) as usize..).unwrap_or_default();
                let wave = wave.iter().zip(&self.plan.window).skip(skip);
                part.iter_mut().zip(wave).for_each(|(d, (y, w))| *d += y * (w * scale));
            }
        }
    }
}

/// The spectra of the two real windows whose transform is `pair`, one as its imaginary part.
#[inline(always)]
fn apart(pair: &Split, a: (&mut [f32], &mut [f32]), b: (&mut [f32], &mut [f32])) {
    let (zr, zi) = (&pair.re, &pair.im);
    let half = zr.len() / 2;
    (a.0[0], a.1[0], b.0[0], b.1[0]) = (zr[0], 0.0, zi[0], 0.0);
    // Each frequency, and its mirror image.
    let x = zr[1..=half].iter().zip(&zi[1..=half]);
    let y = zr[half..].iter().rev().zip(zi[half..].iter().rev());
    let a = a.0[1..=half].iter_mut().zip(&mut a.1[1..=half]);
    let b = b.0[1..=half].iter_mut().zip(&mut b.1[1..=half]);
    for (((xr, xi), (yr, yi)), ((ar, ai), (br, bi))) in x.zip(y).zip(a.zip(b)) {
        (*ar, *ai) = (0.5 * (xr + yr), 0.5 * (xi - yi));
        (*br, *bi) = (0.5 * (xi + yi), 0.5 * (yr - xr));
    }
}

/// A pair whose transform has two windows as its imaginary and real part, with their frequencies
/// from `top` on left out.
#[inline(always)]
fn together(made: &[Split; 2], part: Range<usize>, top: usize, pair: &mut Split) {
    let (ar, ai) = (&made[0].re[part.clone()], &made[0].im[part.clone()]);
    let (br, bi) = (&made[1].re[part.clone()], &made[1].im[part]);
    let half = ar.len() - 1;
    pair.re.fill(0.0);
    pair.im.fill(0.0);
    let end = top.min(half);
    (pair.im[0], pair.re[0]) = (ar[0], br[0]);
    if top > half {
        (pair.im[half], pair.re[half]) = (ar[half], br[half]);
    }
    let made = || ar[1..end].iter().zip(&ai[1..end]).zip(br[1..end].iter().zip(&bi[1..end]));
    let low = pair.re[1..end].iter_mut().zip(&mut pair.im[1..end]);
    for ((re, im), ((ar, ai), (br, bi))) in low.zip(made()) {
        (*re, *im) = (ai + br, ar - bi);
    }
    let mirror = 2 * half - end + 1..2 * half;
    let high = pair.re[mirror.clone()].iter_mut().rev().zip(pair.im[mirror].iter_mut().rev());
    for ((re, im), ((ar, ai), (br, bi))) in high.zip(made()) {
        (*re, *im) = (br - ai, ar + bi);
    }
}

/// Lets time run faster or slower, from `src` to `dst`, channel after channel.
pub fn run(ctx: &Ctx, sizes: &Sizes, src: &[f32], dst: &mut [f32]) -> Result<()> {
    let channels = sizes.channels.max(1);
    dst.fill(0.0);
    if src.len() < channels || dst.len() < channels {
        return Ok(());
    }
    Arch::new().dispatch(Run { ctx, sizes, channels, src, dst })
}

struct Run<'a> {
    ctx: &'a Ctx,
    sizes: &'a Sizes,
    channels: usize,
    src: &'a [f32],
    dst: &'a mut [f32],
}

impl WithSimd for Run<'_> {
    type Output = Result<()>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Result<()> {
        let Run { ctx, sizes, channels, src, dst } = self;
        let (len, long) = (src.len() / channels, dst.len() / channels);
        let (half, hop) = (sizes.window / 2, (sizes.window / OVERLAP) as isize);
        // Onsets nearer than a hop, before or after, are one.
        let apart = (hop as f64 * sizes.rate.max(1.0)) as usize;
        let found = onsets(src, channels, sizes.window / 64, apart);
        let times = Times::new(&found, len, sizes.rate, half);
        let mut work = Work::new(sizes.window, channels);
        let top = (sizes.top * half as f64).ceil() as usize + 1;
        let frames = (long + half).div_ceil(hop as usize) as isize;
        // Two at a time: one more at the end lies past the clip.
        for first in (-1..frames).step_by(2).map(|k| k * hop) {
            ctx.check()?;
            let at = [first, first + hop];
            for (slot, heard) in at.into_iter().enumerate() {
                work.look(src, len, times.at(heard), hop);
                work.make(slot, times.awaits(heard));
            }
            work.add(dst, long, at, top);
        }
        Ok(())
    }
}
