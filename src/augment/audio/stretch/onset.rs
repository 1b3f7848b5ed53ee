//! Where sounds set in, and which time of a clip is heard at which time of the stretched one.

/// Blocks before one that it is compared with: some 20 ms, a period of the lowest tones.
const BEFORE: usize = 20;
/// The energy of an onset over the greatest before it.
const RISE: f32 = 8.0;
/// The energy of an onset over the greatest of the clip.
const LEAST: f32 = 1e-4;
/// Beside an onset time runs at most so many times faster or slower than it should.
const HASTE: f64 = 4.0;

/// The samples at which a sound sets in, at least `apart` from each other. Energies are those of
/// the differences of samples, in which deep tones are soft, over blocks of `block` samples.
pub fn onsets(x: &[f32], channels: usize, block: usize, apart: usize) -> Vec<usize> {
    let len = x.len() / channels.max(1);
    if len == 0 {
        return Vec::new();
    }
    let mut steep = vec![0.0f32; len];
    for channel in x.chunks_exact(len) {
        steep[0] += channel[0] * channel[0];
        for (s, w) in steep[1..].iter_mut().zip(channel.windows(2)) {
            *s += (w[1] - w[0]) * (w[1] - w[0]);
        }
    }
    let energy: Vec<f32> = steep.chunks(block.max(1)).map(|b| b.iter().sum()).collect();
    let least = energy.iter().fold(0.0f32, |a, &b| a.max(b)) * LEAST;
    let mut found: Vec<usize> = Vec::new();
    for (b, &e) in energy.iter().enumerate() {
        if e <= least {
            continue;
        }
        let past = &energy[b.saturating_sub(BEFORE)..b];
        if past.iter().any(|&p| p * RISE >= e) {
            continue;
        }
        let part = &steep[b * block..((b + 2) * block).min(len)];
        let top = part.iter().fold(0.0f32, |a, &v| a.max(v));
        let at = b * block + part.iter().position(|&v| v >= 0.5 * top).unwrap_or(0);
        // The later of two is the louder by far.
        if found.last().is_some_and(|&f| at - f < apart) {
            found.pop();
        }
        found.push(at);
    }
    found
}

/// Which time of a clip is heard at which time of the stretched one. Around an onset time runs as
/// it did, so that it is heard once and at its place, and a little faster or slower between them.
#[derive(Debug)]
pub struct Times {
    /// Times of the stretched clip and of the clip, both rising.
    knots: Vec<(f64, f64)>,
    /// Onsets as they are heard in the stretched clip, and how far to each side of it time runs
    /// as it did.
    onsets: Vec<(isize, isize)>,
}

impl Times {
    /// For a clip of `len` samples; `half` is the reach of a window.
    pub fn new(onsets: &[usize], len: usize, rate: f64, half: usize) -> Self {
        let mut times = Times { knots: vec![(0.0, 0.0)], onsets: Vec::new() };
        for (i, &at) in onsets.iter().enumerate() {
            let heard = (at as f64 / rate).round();
            let last = i.checked_sub(1).map_or(0, |k| onsets[k]);
            let next = onsets.get(i + 1).copied().unwrap_or(len);
            let before = reach(at - last, rate, half);
            let after = reach(next - at, rate, half);
            let at = at as f64;
            times.knots.push((heard - before, at - before));
            times.knots.push((heard + after, at + after));
            times.onsets.push((heard as isize, before as isize));
        }
        times.knots.push((len as f64 / rate, len as f64));
        times
    }

    /// The time of the clip that is heard at a time.
    pub fn at(&self, heard: isize) -> isize {
        let s = heard as f64;
        let i = self.knots.partition_point(|k| k.0 <= s);
        let t = match (i.checked_sub(1).map(|k| self.knots[k]), self.knots.get(i)) {
            (Some((a, from)), Some(&(b, to))) => from + (s - a) * (to - from) / (b - a),
            (Some((a, from)), None) => from + (s - a),
            (None, _) => s,
        };
        t.round() as isize
    }

    /// Whether an onset lies in the second half of the window about a time, and time runs as it
    /// did from here on.
    pub fn awaits(&self, heard: isize) -> bool {
        let i = self.onsets.partition_point(|o| o.0 < heard);
        self.onsets.get(i).is_some_and(|&(at, before)| at - heard <= before)
    }
}

/// How far from an onset time can run as it did, when the next lies `gap` samples away.
fn reach(gap: usize, rate: f64, half: usize) -> f64 {
    let share = match rate >= 1.0 {
        true => (HASTE - 1.0) / (2.0 * (HASTE * rate - 1.0)),
        false => (1.0 - 1.0 / HASTE) / (2.0 * (1.0 - rate / HASTE)),
    };
    (gap as f64 * share).floor().min(half as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn clicks_and_attacks_are_onsets_and_tones_are_not() {
        let tone = |hertz: f32, i: usize| (i as f32 * hertz * 6.283_185_5 / 16_000.0).sin();
        for hertz in [40.0, 130.0, 440.0, 3000.0] {
            let mut x: Vec<f32> = (0..8000).map(|i| 0.3 * tone(hertz, i)).collect();
            assert!(onsets(&x, 1, 16, 256).iter().all(|&at| at < 400));
            x[5000] += 3.0;
            assert_eq!(onsets(&x, 1, 16, 256).last(), Some(&5000));
        }
        assert_eq!(onsets(&[0.0; 100], 1, 16, 8), Vec::<usize>::new());
        assert_eq!(onsets(&[], 0, 0, 0), Vec::<usize>::new());
    }

    proptest! {
        #[test]
        fn time_rises_and_keeps_its_onsets(
            rate in 0.1f64..10.0, gaps in prop::collection::vec(0usize..3000, 0..6),
        ) {
            let mut at = 0;
            let onsets: Vec<usize> = gaps.iter().map(|g| { at += g + 256; at }).collect();
            let len = at + 2000;
            let times = Times::new(&onsets, len, rate, 512);
            prop_assert!(times.knots.windows(2).all(|w| w[0].0 <= w[1].0 && w[0].1 <= w[1].1));
            for &o in &onsets {
                let heard = (o as f64 / rate).round() as isize;
                prop_assert!((times.at(heard) - o as isize).abs() <= 1);
            }
        }
    }
}
