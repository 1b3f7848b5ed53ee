//! The whole way: clips made here, copied, and found.

use super::*;
use crate::base::rng::Stream;

/// Something like speech: a voice whose pitch and two formants glide from syllable to syllable.
fn speech(seed: u64, seconds: f64, speed: f64) -> Vec<f32> {
    let n = (seconds / speed * 8000.0) as usize;
    let syllable = |k: usize| {
        let mut s = Stream::new(seed, 1, 0, k as u64);
        [100.0 + 100.0 * s.unit(), 300.0 + 500.0 * s.unit(), 900.0 + 1500.0 * s.unit(), s.unit()]
    };
    let (mut phase, mut out) = (0.0, Vec::with_capacity(n));
    for i in 0..n {
        let time = i as f64 * speed / 8000.0 / 0.17;
        let (k, part) = (time as usize, time.fract());
        let (now, next) = (syllable(k), syllable(k + 1));
        let [pitch, one, two, level] = std::array::from_fn(|j| now[j] + part * (next[j] - now[j]));
        phase += pitch * speed / 8000.0;
        let voice: f64 = (1..20)
            .map(|h| {
                let f = pitch * f64::from(h);
                let near = |formant: f64| 1.0 / (1.0 + ((f - formant) / 90.0).powi(2));
                (near(one) + 0.6 * near(two)) * (std::f64::consts::TAU * f64::from(h) * phase).sin()
            })
            .sum();
        out.push((0.2 * (0.1 + level) * (std::f64::consts::PI * part).sin() * voice) as f32);
    }
    out
}

fn noisy(x: &[f32], seed: u64, decibel: f64) -> Vec<f32> {
    let power = x.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / x.len() as f64;
    let scale = (power / 10f64.powf(decibel / 10.0)).sqrt();
    let mut s = Stream::new(seed, 2, 0, 0);
    x.iter().map(|&v| v + (scale * s.normal()) as f32).collect()
}

fn join(clips: &[Vec<f32>]) -> (Prints, Vec<u64>) {
    let (mut all, mut keys) = (Prints::default(), Vec::new());
    for clip in clips {
        let one = prints(&Ctx::new(1), clip, 8000).unwrap();
        all.bands.extend(one.bands);
        all.frames.extend(one.frames);
        all.codes.extend(one.codes);
        keys.push(content(clip, 8000)[0]);
    }
    (all, keys)
}

const DEMAND: Demand = Demand { threshold: 0.96, overlap: 0.8 };

fn found(clips: &[Vec<f32>]) -> Vec<Pair> {
    let (all, keys) = join(clips);
    let every: Vec<usize> = (0..clips.len()).collect();
    pairs(&Ctx::new(1), &all, &every, &keys, None, DEMAND).unwrap()
}

#[test]
fn copies_are_found_with_what_was_done_to_them() {
    let x = speech(1, 2.0, 1.0);
    let quiet: Vec<f32> = x.iter().map(|v| v * 0.01).collect();
    let late: Vec<f32> = std::iter::repeat_n(0.0, 777).chain(x.iter().copied()).collect();
    let fast = speech(1, 2.0, 1.02);
    let clips = [x.clone(), quiet, noisy(&x, 5, 10.0), late, fast, speech(2, 2.0, 1.0)];
    let got = found(&clips);
    let numbers: Vec<_> = got.iter().map(|p| (p.left, p.right)).collect();
    let want: Vec<_> = (0..5).flat_map(|i| (i + 1..5).map(move |j| (i, j))).collect();
    assert_eq!(numbers, want);
    let fast = got.iter().find(|p| (p.left, p.right) == (0, 4)).unwrap().fit;
    assert!((fast.speed - 1.02).abs() < 4e-3 && (fast.pitch - 1.02).abs() < 8e-3, "{fast:?}");
    let quiet = got[0].fit;
    assert!(quiet.score > 0.9999 && quiet.speed == 1.0 && quiet.pitch == 1.0, "{quiet:?}");
}

#[test]
fn the_order_and_the_sides_are_of_no_account() {
    let x: Vec<_> = (0..6).map(|k| speech(k / 2, 1.2, 1.0)).collect();
    let x: Vec<_> = x.iter().enumerate().map(|(k, c)| noisy(c, k as u64, 20.0)).collect();
    let forward = found(&x);
    assert_eq!(forward.len(), 3);
    let turned: Vec<_> = x.iter().rev().cloned().collect();
    let mut back = found(&turned);
    back.iter_mut().for_each(|p| (p.left, p.right) = (5 - p.right, 5 - p.left));
    back.reverse();
    for (a, b) in forward.iter().zip(&back) {
        assert_eq!((a.left, a.right, a.fit.score), (b.left, b.right, b.fit.score));
    }
    let (all, keys) = join(&x);
    let sides = [1, 2, 1, 1, 3, 1];
    let every = [0, 1, 2, 3, 4, 5];
    let across = pairs(&Ctx::new(1), &all, &every, &keys, Some(&sides), DEMAND).unwrap();
    let numbers: Vec<_> = across.iter().map(|p| (p.left, p.right)).collect();
    assert_eq!(numbers, [(0, 1), (4, 5)]);
}

#[test]
fn what_says_nothing_is_compared_with_nothing() {
    let tone: Vec<f32> = (0..16000).map(|i| (f64::from(i) * 0.3).sin() as f32).collect();
    let mut click = vec![0.0; 8000];
    click[4000] = 0.9;
    for clip in [vec![], vec![0.3], vec![0.0; 9000], vec![0.5; 9000], tone, click] {
        let one = prints(&Ctx::new(1), &clip, 8000).unwrap();
        assert_eq!(one, Prints { frames: vec![0], ..Prints::default() });
    }
    assert!(silent(&[]) && silent(&[5e-5; 9]) && !silent(&[0.0, -0.1]));
    let huge: Vec<f32> = speech(1, 1.0, 1.0).iter().map(|v| v * 1e37).collect();
    assert!(prints(&Ctx::new(1), &huge, 8000).unwrap().frames[0] > 0);
}

#[test]
fn a_part_is_a_copy_only_if_so_little_will_do() {
    let x = speech(3, 6.0, 1.0);
    let clips = [x.clone(), x[16000..32000].to_vec()];
    assert!(found(&clips).is_empty());
    let (all, keys) = join(&clips);
    let demand = Demand { threshold: 0.9, overlap: 0.2 };
    assert_eq!(pairs(&Ctx::new(1), &all, &[0, 1], &keys, None, demand).unwrap().len(), 1);
}

#[test]
fn a_long_clip_is_followed_to_its_end() {
    let got = found(&[speech(4, 40.0, 1.0), speech(4, 40.0, 0.975)]);
    assert_eq!(got.len(), 1);
    assert!((got[0].fit.speed - 0.975).abs() < 5e-4, "{:?}", got[0].fit);
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let (mut all, keys) = join(&[speech(1, 1.0, 1.0)]);
    let ctx = Ctx::new(1);
    assert!(pairs(&ctx, &all, &[1], &keys, None, DEMAND).is_err());
    assert!(pairs(&ctx, &all, &[0], &[], None, DEMAND).is_err());
    assert!(pairs(&ctx, &all, &[0], &keys, Some(&[]), DEMAND).is_err());
    all.frames[0] = usize::MAX;
    assert!(pairs(&ctx, &all, &[0], &keys, None, DEMAND).is_err());
    ctx.stop();
    assert_eq!(pairs(&ctx, &Prints::default(), &[], &[], None, DEMAND), Err(Error::Stopped));
}
