//! Order statistics and moments of plain slices.

/// From this many values on, an order statistic is looked for between two values of a sample.
const LARGE: usize = 1 << 14;
/// Values in that sample.
const SAMPLE: usize = 1 << 12;
/// How many ranks of the sample to each side: four standard errors of the rank.
const MARGIN: usize = 128;

/// The q-quantile (0 to 1) by linear interpolation, as NumPy's default. Reorders `x`.
/// `None` when `x` is empty. `x` must hold no NaN.
pub fn quantile(x: &mut [f64], q: f64) -> Option<f64> {
    if x.is_empty() {
        return None;
    }
    let place = q.clamp(0.0, 1.0) * (x.len() - 1) as f64;
    let below = place.floor() as usize;
    let part = place - below as f64;
    let (low, high) = ranked(x, below)?;
    if part == 0.0 {
        return Some(low);
    }
    // The two forms keep the result between its neighbours, as NumPy's lerp does.
    let gap = high - low;
    Some(if part < 0.5 { low + gap * part } else { high - gap * (1.0 - part) })
}

/// The median: the middle value, or the mean of the two middle values. Reorders `x`.
pub fn median(x: &mut [f64]) -> Option<f64> {
    if x.is_empty() {
        return None;
    }
    let (low, high) = ranked(x, (x.len() - 1) / 2)?;
    Some(if x.len() % 2 == 1 { low } else { low * 0.5 + high * 0.5 })
}

/// The mean, summed in fixed chunks so that rounding errors do not pile up.
pub fn mean(x: &[f64]) -> Option<f64> {
    let sum: f64 = x.chunks(256).map(|part| part.iter().sum::<f64>()).sum();
    (!x.is_empty()).then(|| sum / x.len() as f64)
}

/// The values of rank `k` and `k + 1` (the last value where there is none), counted from 0.
fn ranked(x: &mut [f64], k: usize) -> Option<(f64, f64)> {
    match near(x, k) {
        Some((mut part, below)) => select(&mut part, k - below),
        None => select(x, k),
    }
}

fn select(x: &mut [f64], k: usize) -> Option<(f64, f64)> {
    if k >= x.len() {
        return None;
    }
    let (_, &mut low, rest) = x.select_nth_unstable_by(k, f64::total_cmp);
    Some((low, rest.iter().copied().min_by(f64::total_cmp).unwrap_or(low)))
}

/// The values between two of a sample that hold ranks `k` and `k + 1` between them, and how many
/// values are below: one pass instead of several. `None` where it does not pay or missed.
fn near(x: &[f64], k: usize) -> Option<(Vec<f64>, usize)> {
    let n = x.len();
    if n < LARGE {
        return None;
    }
    let mut sample: Vec<f64> = (0..SAMPLE).map(|i| x[i * n / SAMPLE]).collect();
    sample.sort_unstable_by(f64::total_cmp);
    let rank = k * SAMPLE / n;
    // A bound beyond the sample's end must not cut off what the sample did not see.
    let low = rank.checked_sub(MARGIN).map_or(f64::NEG_INFINITY, |r| sample[r]);
    let high = sample.get(rank + MARGIN).copied().unwrap_or(f64::INFINITY);
    let mut part = vec![0.0; n / 8];
    let (mut below, mut kept) = (0, 0);
    for &v in x {
        if kept == part.len() {
            return None; // many ties
        }
        part[kept] = v;
        kept += usize::from((v >= low) & (v <= high));
        below += usize::from(v < low);
    }
    part.truncate(kept);
    (below <= k && (k + 1).min(n - 1) < below + kept).then_some((part, below))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_cases() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0]), Some(3.0));
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(quantile(&mut [4.0, 1.0, 3.0, 2.0], 0.25), Some(1.75));
        assert_eq!(quantile(&mut [1.0, 2.0], 1.0), Some(2.0));
    }

    #[test]
    fn large_columns_go_by_a_sample_and_agree_with_sorting() {
        let ramp = |i: usize| i as f64;
        let wave = |i: usize| ((i * 7919) as f64).sin();
        let ties = |i: usize| if i.is_multiple_of(3) { ((i * 31) % 101) as f64 } else { 0.0 };
        let hidden = |i: usize| if i.is_multiple_of(16) { -1.0 } else { wave(i) }; // the sample sees -1 alone
        let shapes: [&dyn Fn(usize) -> f64; 4] = [&ramp, &wave, &ties, &hidden];
        for shape in shapes {
            for n in [LARGE - 1, LARGE, 65_536, 100_001] {
                let x: Vec<f64> = (0..n).map(shape).collect();
                let mut sorted = x.clone();
                sorted.sort_by(f64::total_cmp);
                for k in [0, 1, n / 4, (n - 1) / 2, n - 2, n - 1] {
                    let want = (sorted[k], sorted[(k + 1).min(n - 1)]);
                    assert_eq!(ranked(&mut x.clone(), k), Some(want));
                }
            }
        }
    }

    #[test]
    fn mean_of_many_small_parts() {
        assert_eq!(mean(&[]), None);
        assert!((mean(&[0.1; 100_000]).unwrap() - 0.1).abs() < 1e-15);
    }

    proptest! {
        #[test]
        fn median_is_that_of_the_sorted(mut x in prop::collection::vec(-1e6f64..1e6, 1..60)) {
            let mut sorted = x.clone();
            sorted.sort_by(f64::total_cmp);
            let n = sorted.len();
            let want = sorted[(n - 1) / 2] * 0.5 + sorted[n / 2] * 0.5;
            prop_assert!((median(&mut x).unwrap() - want).abs() < 1e-9);
            prop_assert!((quantile(&mut x, 0.5).unwrap() - want).abs() < 1e-9);
        }
    }
}
