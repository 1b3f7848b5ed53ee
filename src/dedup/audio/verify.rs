//! Two clips laid over each other as well as they go, and how alike they are then.

use std::ops::Range;

use super::Demand;
use super::print::{BAND_RANGE, BANDS, Clip};
use crate::media::audio::spectrum::{hertz, mel};

/// Frames of the first alignment: four seconds.
const FIRST: usize = 250;
/// Speeds and lags (in frames) that the first alignment starts from.
const SPEEDS: [f64; 5] = [0.97, 0.985, 1.0, 1.015, 1.03];
const LAGS: [i64; 5] = [-4, -2, 0, 2, 4];
/// While lags are tried that are far apart, every second frame will do.
const SKIP: usize = 2;
/// Hundredths by which the pitch must seem to differ to be looked at.
const AUDIBLE: f64 = 0.5;
/// Frames whose products are summed in f32 before they go into f64.
const BLOCK: usize = 16;
/// The largest change of speed.
const MOST: f64 = 0.045;

/// How one clip fits over another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// The correlation of the spectra where both are: 1 is the same.
    pub score: f64,
    /// How fast the second is, the first being 1.
    pub speed: f64,
    /// How high the second is, the first being 1.
    pub pitch: f64,
}

impl Match {
    /// The same, seen from the other clip.
    pub fn turned(self) -> Match {
        Match { score: self.score, speed: 1.0 / self.speed, pitch: 1.0 / self.pitch }
    }
}

/// Frame `center` of the first clip lies on `at` of the second, which advances by `step` for each
/// frame of the first.
#[derive(Debug, Clone, Copy)]
struct Warp {
    center: f64,
    at: f64,
    step: f64,
}

impl Warp {
    fn place(&self, frame: usize) -> f64 {
        self.at + (frame as f64 - self.center) * self.step
    }

    /// The frames of the first clip, within a range, that lie on a frame of the second.
    fn shared(&self, range: Range<usize>, len: usize) -> Range<usize> {
        let inside = |t: usize| {
            let u = self.place(t);
            u >= 0.0 && u <= (len - 1) as f64
        };
        let estimate = |u: f64| (self.center + (u - self.at) / self.step).max(0.0);
        let mut start = range.start.max((estimate(0.0) - 1.0).max(0.0) as usize);
        let mut end = range.end.min(estimate((len - 1) as f64) as usize + 2);
        while start < end && !inside(start) {
            start += 1;
        }
        while start < end && !inside(end - 1) {
            end -= 1;
        }
        start..end.max(start)
    }
}

/// The best fit from any of the starts (frames of the first and second clip that may lie on each
/// other), if it meets the demand.
pub fn verify(a: &Clip, b: &Clip, starts: &[(i64, i64)], demand: Demand) -> Option<Match> {
    if a.len() < 2 || b.len() < 2 {
        return None;
    }
    let mut best: Option<Match> = None;
    for &(one, other) in starts {
        if let Some(found) = fit(a, b, one, other, demand)
            && best.is_none_or(|m| found.score > m.score)
        {
            best = Some(found);
        }
    }
    best
}

fn fit(a: &Clip, b: &Clip, one: i64, other: i64, demand: Demand) -> Option<Match> {
    let n = a.len();
    let mut size = FIRST.min(n);
    let middle = one.clamp(0, n as i64 - 1) as usize;
    let around = |size: usize| {
        let start = middle.saturating_sub(size / 2).min(n - size);
        start..start + size
    };
    let mut range = around(size);
    // What does not fit here fits nowhere: true copies have 0.9 of their score by now.
    let hopeless = 0.7 * demand.threshold;
    let (score, mut warp) = coarse(a, b, &range, one, other);
    if score < hopeless {
        return None;
    }
    let mut step = (1.0, 0.0075);
    loop {
        // A wrong speed moves the ends by half a frame at most.
        let fine = 0.5 / size as f64;
        loop {
            warp = refine(a, b, &range, warp, step);
            if step.1 <= fine && step.0 <= 0.25 {
                break;
            }
            step = (f64::max(step.0 / 2.0, 0.25), step.1 / 2.0);
        }
        if size == n {
            break;
        }
        if correlation(a, b, &range, warp, 1).0 < hopeless {
            return None;
        }
        size = (2 * size).min(n);
        range = around(size);
        let center = (range.start + range.end) as f64 / 2.0;
        warp = Warp { center, at: warp.at + (center - warp.center) * warp.step, step: warp.step };
        step = (0.5, step.1);
    }
    let (score, shared) = correlation(a, b, &(0..n), warp, 1);
    let from = warp.place(shared.start).round().max(0.0) as usize;
    let to = (warp.place(shared.end.max(1) - 1).round().max(0.0) as usize + 1).min(b.len());
    let covered = share(&a.loud, shared.clone()).min(share(&b.loud, from.min(to)..to));
    if covered < demand.overlap {
        return None;
    }
    let (score, pitch) = pitch(a, b, shared, warp, score);
    let found = Match { score: score.min(1.0), speed: 1.0 / warp.step, pitch };
    (score >= demand.threshold).then_some(found)
}

/// The best of a grid of lags and speeds.
fn coarse(a: &Clip, b: &Clip, range: &Range<usize>, one: i64, other: i64) -> (f64, Warp) {
    let center = (range.start + range.end) as f64 / 2.0;
    let mut best = (f64::NEG_INFINITY, Warp { center, at: other as f64, step: 1.0 });
    for step in SPEEDS {
        for lag in LAGS {
            let at = (other + lag) as f64 + (center - one as f64) * step;
            let warp = Warp { center, at, step };
            let score = correlation(a, b, range, warp, SKIP).0;
            if score > best.0 {
                best = (score, warp);
            }
        }
    }
    best
}

/// Lag and speed a step up or down, while that fits better.
fn refine(a: &Clip, b: &Clip, range: &Range<usize>, start: Warp, step: (f64, f64)) -> Warp {
    let skip = if step.0 > 0.5 { SKIP } else { 1 };
    let mut best = (correlation(a, b, range, start, skip).0, start);
    for (lag, speed) in [(step.0, 0.0), (0.0, step.1)] {
        let warp = best.1;
        for sign in [-1.0, 1.0] {
            let tried = Warp {
                at: warp.at + sign * lag,
                step: (warp.step + sign * speed).clamp(1.0 - MOST, 1.0 + MOST),
                ..warp
            };
            let score = correlation(a, b, range, tried, skip).0;
            if score > best.0 {
                best = (score, tried);
            }
        }
    }
    best.1
}

/// The correlation over the frames of a range that lie on the second clip, and these frames.
///
/// Only every `skip`th frame is looked at. A range of which less than half does so is given its share of the correlation.
fn correlation(
    a: &Clip,
    b: &Clip,
    range: &Range<usize>,
    warp: Warp,
    skip: usize,
) -> (f64, Range<usize>) {
    let shared = warp.shared(range.clone(), b.len());
    let (mut cross, mut one, mut two) = (0.0f64, 0.0f64, 0.0f64);
    for start in shared.clone().step_by(BLOCK * skip) {
        let (mut x, mut y, mut z) = ([0.0f32; 8], [0.0f32; 8], [0.0f32; 8]);
        for t in (start..(start + BLOCK * skip).min(shared.end)).step_by(skip) {
            let Some(other) = between(b, warp.place(t)) else { continue };
            let own = &a.bands[t * BANDS..][..BANDS];
            for (p, q) in own.as_chunks::<8>().0.iter().zip(other.as_chunks::<8>().0) {
                for k in 0..8 {
                    x[k] += p[k] * q[k];
                    y[k] += p[k] * p[k];
                    z[k] += q[k] * q[k];
                }
            }
        }
        cross += x.iter().map(|&v| f64::from(v)).sum::<f64>();
        one += y.iter().map(|&v| f64::from(v)).sum::<f64>();
        two += z.iter().map(|&v| f64::from(v)).sum::<f64>();
    }
    let norm = (one * two).sqrt();
    let part = (2.0 * shared.len() as f64 / range.len().max(1) as f64).min(1.0);
    (if norm > 0.0 { cross / norm * part } else { 0.0 }, shared)
}

/// The spectrum between two frames.
fn between(clip: &Clip, place: f64) -> Option<[f32; BANDS]> {
    let first = place as usize;
    let part = (place - first as f64) as f32;
    let low = clip.bands.get(first * BANDS..)?.first_chunk::<BANDS>()?;
    let mut out = *low;
    if part > 0.0 {
        let high = clip.bands.get((first + 1) * BANDS..)?.first_chunk::<BANDS>()?;
        for (v, h) in out.iter_mut().zip(high) {
            *v += part * (h - *v);
        }
    }
    Some(out)
}

/// The share of the sound that lies in a range.
fn share(loud: &[f32], range: Range<usize>) -> f64 {
    let sum = |part: &[f32]| part.iter().map(|&v| f64::from(v)).sum::<f64>();
    let all = sum(loud);
    if all > 0.0 { sum(&loud[range]) / all } else { 0.0 }
}

/// The correlation with the second clip brought to the pitch of the first, and how much higher it
/// was; `plain` is the correlation as they are.
///
/// The small shift along the bands that explains most of the difference (Lucas and Kanade 1981)
/// says where to look: bands are narrow to begin with and wide at the end, so that it errs upward.
fn pitch(a: &Clip, b: &Clip, shared: Range<usize>, warp: Warp, plain: f64) -> (f64, f64) {
    let (from, to) = (mel(BAND_RANGE.0), mel(BAND_RANGE.1));
    let width = (to - from) / (BANDS + 1) as f64;
    let centre = |k: usize| hertz(from + width * (k + 1) as f64);
    // Bands by which a sound of the k-th moves when it becomes a hundredth higher.
    let moved: [f32; BANDS] =
        std::array::from_fn(|k| ((mel(1.01 * centre(k)) - mel(centre(k))) / width) as f32);
    let (mut slope, mut square) = (0.0f64, 0.0f64);
    for t in shared.clone() {
        let Some(other) = between(b, warp.place(t)) else { continue };
        let own = &a.bands[t * BANDS..][..BANDS];
        for k in 1..BANDS - 1 {
            let change = own[k + 1] - own[k - 1] + other[k + 1] - other[k - 1];
            let gradient = -0.25 * moved[k] * change;
            slope += f64::from(gradient * (other[k] - own[k]));
            square += f64::from(gradient * gradient);
        }
    }
    let hundredths = if square > 0.0 { (slope / square).clamp(-5.0, 5.0) } else { 0.0 };
    let mut best = (plain, 1.0);
    if hundredths.abs() < AUDIBLE {
        return best;
    }
    for part in [0.55, 0.7, 0.85] {
        let by = part * hundredths;
        let score = shifted(a, b, shared.clone(), warp, moved.map(|m| m * by as f32));
        if score > best.0 {
            best = (score, 1.0 + 0.01 * by);
        }
    }
    best
}

/// The correlation with each band of the second clip taken from so many bands further up.
fn shifted(a: &Clip, b: &Clip, shared: Range<usize>, warp: Warp, by: [f32; BANDS]) -> f64 {
    let places: [(usize, f32); BANDS] = std::array::from_fn(|k| {
        let place = (k as f32 + by[k]).clamp(0.0, (BANDS - 1) as f32);
        let low = (place as usize).min(BANDS - 2);
        (low, place - low as f32)
    });
    let (mut cross, mut one, mut two) = (0.0f64, 0.0f64, 0.0f64);
    for t in shared {
        let Some(other) = between(b, warp.place(t)) else { continue };
        let (mut x, mut y, mut z) = (0.0f32, 0.0f32, 0.0f32);
        for (p, (low, part)) in a.bands[t * BANDS..][..BANDS].iter().zip(places) {
            let q = other[low] + part * (other[low + 1] - other[low]);
            x += p * q;
            y += p * p;
            z += q * q;
        }
        cross += f64::from(x);
        one += f64::from(y);
        two += f64::from(z);
    }
    let norm = (one * two).sqrt();
    if norm > 0.0 { cross / norm } else { 0.0 }
}
