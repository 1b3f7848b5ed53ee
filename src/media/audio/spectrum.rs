//! Short-time spectra and mel bands.

use std::f64::consts::TAU;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// A short-time Fourier transform with a Hann window.
pub struct Stft {
    window: Vec<f32>,
    hop: usize,
    centred: bool,
    plan: Arc<dyn RealToComplex<f32>>,
}

impl Stft {
    /// Windows of `size` samples (at least 2), `hop` samples (at least 1) apart.
    pub fn new(size: usize, hop: usize) -> Self {
        Self::inner(size, size, hop, false)
    }

    /// Transforms of `size` samples with a window of `inner` of them in their middle. Where they
    /// are `centred`, the first stands about the first sample, and silence before and after.
    pub fn inner(size: usize, inner: usize, hop: usize, centred: bool) -> Self {
        let size = size.max(2);
        let plan = RealFftPlanner::new().plan_fft_forward(size);
        let inner = inner.clamp(1, size);
        let start = (size - inner) / 2;
        let mut window = vec![0.0; size];
        window[start..start + inner].copy_from_slice(&hann(inner));
        Stft { window, hop: hop.max(1), centred, plan }
    }

    /// How many windows there are of `n` samples.
    pub fn frames(&self, n: usize) -> usize {
        let n = n + 2 * self.before();
        if n < self.window.len() { 0 } else { (n - self.window.len()) / self.hop + 1 }
    }

    /// Samples of silence before the first.
    fn before(&self) -> usize {
        if self.centred { self.window.len() / 2 } else { 0 }
    }

    /// Frequencies of a spectrum: from 0 to half the sample rate.
    pub fn bins(&self) -> usize {
        self.window.len() / 2 + 1
    }

    /// Calls `f(frame, power of each frequency)` for every window in turn.
    pub fn power(&self, x: &[f32], mut f: impl FnMut(usize, &[f32])) {
        let mut input = self.plan.make_input_vec();
        let mut output = self.plan.make_output_vec();
        let mut scratch = self.plan.make_scratch_vec();
        let mut power = vec![0.0f32; self.bins()];
        for frame in 0..self.frames(x.len()) {
            let start = (frame * self.hop) as isize - self.before() as isize;
            windowed(x, start, &self.window, &mut input);
            // It fails only for buffers of a wrong length, and these are the plan's own.
            if self.plan.process_with_scratch(&mut input, &mut output, &mut scratch).is_err() {
                output.fill(Complex::default());
            }
            for (p, c) in power.iter_mut().zip(&output) {
                *p = c.norm_sqr();
            }
            f(frame, &power);
        }
    }
}

/// A periodic Hann window.
pub fn hann(size: usize) -> Vec<f32> {
    let at = |i: usize| (0.5 - 0.5 * (TAU * i as f64 / size as f64).cos()) as f32;
    if size == 1 { vec![1.0] } else { (0..size).map(at).collect() }
}

/// The samples from `start` on times the window; silence is assumed before and after.
pub fn windowed(x: &[f32], start: isize, window: &[f32], out: &mut [f32]) {
    let skip = start.min(0).unsigned_abs().min(window.len());
    let part = x.get(start.max(0) as usize..).unwrap_or_default();
    let n = part.len().min(window.len() - skip);
    out[..skip].fill(0.0);
    out[skip + n..].fill(0.0);
    for ((slot, v), w) in out[skip..skip + n].iter_mut().zip(part).zip(&window[skip..]) {
        *slot = v * w;
    }
}

/// A scale of pitch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Logarithmic above 700 Hz or so (O'Shaughnessy 1987).
    Htk,
    /// Straight up to 1 kHz and logarithmic from there (Slaney 1998).
    Slaney,
}

/// How bands are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// Weights sum to one.
    Sum,
    /// Triangles have the area one, in hertz.
    Area,
    /// Triangles have the height one.
    Peak,
}

/// Triangular bands, evenly spaced on a mel scale.
#[derive(Debug, Clone)]
pub struct MelBank {
    bands: Vec<(usize, Vec<f32>)>,
}

impl MelBank {
    /// `n` bands of weight 1 between two frequencies, for the spectra of windows of `size` samples.
    pub fn new(n: usize, size: usize, rate: f64, range: (f64, f64)) -> Self {
        Self::scaled((Scale::Htk, Norm::Sum), n, size, rate, range)
    }

    /// Bands on a scale and with weights of one's choice.
    pub fn scaled(
        (scale, norm): (Scale, Norm),
        n: usize,
        size: usize,
        rate: f64,
        (low, high): (f64, f64),
    ) -> Self {
        let (from, to) = match scale {
            Scale::Htk => (mel(low), mel(high)),
            Scale::Slaney => (slaney(low), slaney(high)),
        };
        let edge = |i: usize| {
            let place = from + (to - from) * i as f64 / (n + 1) as f64;
            match scale {
                Scale::Htk => hertz(place),
                Scale::Slaney => slaney_hertz(place),
            }
        };
        let step = rate / size as f64;
        let band = |b| triangle(norm, [edge(b), edge(b + 1), edge(b + 2)], step, size / 2 + 1);
        MelBank { bands: (0..n).map(band).collect() }
    }

    /// The power in each band.
    pub fn apply(&self, power: &[f32], out: &mut [f32]) {
        for (slot, (first, weights)) in out.iter_mut().zip(&self.bands) {
            let part = power.get(*first..).unwrap_or_default();
            *slot = part.iter().zip(weights).map(|(p, w)| p * w).sum();
        }
    }
}

/// A frequency on the mel scale.
pub fn mel(hertz: f64) -> f64 {
    2595.0 * (hertz / 700.0).ln_1p() / std::f64::consts::LN_10
}

/// The frequency of a place on the mel scale.
pub fn hertz(mel: f64) -> f64 {
    700.0 * (mel * std::f64::consts::LN_10 / 2595.0).exp_m1()
}

/// A frequency on Slaney's scale.
fn slaney(hertz: f64) -> f64 {
    let straight = hertz * 3.0 / 200.0;
    if hertz < 1000.0 { straight } else { 15.0 + 27.0 * (hertz / 1000.0).ln() / 6.4f64.ln() }
}

/// The frequency of a place on Slaney's scale.
fn slaney_hertz(mel: f64) -> f64 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * ((mel - 15.0) / 27.0 * 6.4f64.ln()).exp() }
}

/// The first bin of a triangle and the weights from there on.
fn triangle(norm: Norm, [low, mid, high]: [f64; 3], step: f64, bins: usize) -> (usize, Vec<f32>) {
    let weight = |k: usize| {
        let f = k as f64 * step;
        ((f - low) / (mid - low)).min((high - f) / (high - mid)).max(0.0)
    };
    let first = ((low / step).ceil().max(0.0) as usize).min(bins);
    let last = ((high / step).floor().max(0.0) as usize + 1).clamp(first, bins);
    let weights: Vec<f64> = (first..last).map(weight).collect();
    let whole = match norm {
        Norm::Sum => weights.iter().sum::<f64>().max(f64::MIN_POSITIVE),
        Norm::Area => (high - low) / 2.0,
        Norm::Peak => 1.0,
    };
    (first, weights.into_iter().map(|w| (w / whole) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_a_peak_in_its_bin_and_its_band() {
        let tone: Vec<f32> = (0..2000).map(|i| (TAU * 0.125 * i as f64).sin() as f32).collect();
        let stft = Stft::new(256, 64);
        assert_eq!((stft.frames(2000), stft.frames(255), stft.bins()), (28, 0, 129));
        let bank = MelBank::new(20, 256, 8000.0, (100.0, 3800.0));
        let mut seen = 0;
        stft.power(&tone, |frame, power| {
            assert_eq!(frame, seen);
            seen += 1;
            let top = (0..129).max_by(|&a, &b| power[a].total_cmp(&power[b])).unwrap();
            assert_eq!(top, 32);
            let mut bands = [0.0; 20];
            bank.apply(power, &mut bands);
            let top = (0..20).max_by(|&a, &b| bands[a].total_cmp(&bands[b])).unwrap();
            let centre = (mel(1000.0) - mel(100.0)) / (mel(3800.0) - mel(100.0)) * 21.0 - 1.0;
            assert_eq!(top, centre.round() as usize);
        });
        assert_eq!(seen, 28);
    }

    #[test]
    fn power_is_that_of_a_slow_transform() {
        let x: Vec<f32> = (0..16).map(|i| ((i * i) as f32 * 0.3).sin()).collect();
        let stft = Stft::new(16, 4);
        stft.power(&x, |_, power| {
            for (k, &p) in power.iter().enumerate() {
                let (mut re, mut im) = (0.0, 0.0);
                for (i, &v) in x.iter().enumerate() {
                    let w = 0.5 - 0.5 * (TAU * i as f64 / 16.0).cos();
                    let angle = TAU * (i * k) as f64 / 16.0;
                    re += f64::from(v) * w * angle.cos();
                    im -= f64::from(v) * w * angle.sin();
                }
                assert!((f64::from(p) - re * re - im * im).abs() < 1e-4);
            }
        });
    }

    #[test]
    fn the_scale_turns_back_and_every_band_has_weight_one() {
        for f in [0.0, 150.0, 1000.0, 3999.0] {
            assert!((hertz(mel(f)) - f).abs() < 1e-9);
            assert!((slaney_hertz(slaney(f)) - f).abs() < 1e-9);
        }
        let bank = MelBank::new(32, 512, 8000.0, (150.0, 3500.0));
        let mut out = [0.0; 32];
        bank.apply(&[1.0; 257], &mut out);
        assert!(out.iter().all(|v| (v - 1.0).abs() < 1e-5));
    }

    #[test]
    fn centred_windows_see_silence_around_and_inner_ones_stand_in_the_middle() {
        let x: Vec<f32> = (0..50).map(|i| (i as f32 * 0.7).sin()).collect();
        let padded = [vec![0.0; 8], x.clone(), vec![0.0; 8]].concat();
        let gather = |stft: &Stft, x: &[f32]| {
            let mut all = Vec::new();
            stft.power(x, |_, p| all.extend_from_slice(p));
            all
        };
        let want = gather(&Stft::new(16, 5), &padded);
        assert_eq!(gather(&Stft::inner(16, 16, 5, true), &x), want);
        assert_eq!(Stft::inner(16, 16, 5, true).frames(0), 1);
        let narrow = Stft::inner(16, 8, 5, false);
        assert_eq!(narrow.window[..5], [0.0; 5]);
        assert_eq!(narrow.window[4..12], hann(8));
    }
}
