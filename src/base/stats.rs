//! Order statistics and moments of plain slices.

/// The q-quantile (0 to 1) by linear interpolation, as NumPy's default. Reorders `x`.
/// `None` when `x` is empty. `x` must hold no NaN.
pub fn quantile(x: &mut [f64], q: f64) -> Option<f64> {
    if x.is_empty() {
        return None;
    }
    let place = q.clamp(0.0, 1.0) * (x.len() - 1) as f64;
    let below = place.floor() as usize;
    let (_, &mut low, rest) = x.select_nth_unstable_by(below, f64::total_cmp);
    let part = place - below as f64;
    if part == 0.0 {
        return Some(low);
    }
    let high = rest.iter().copied().min_by(f64::total_cmp)?;
    // The two forms keep the result between its neighbours, as NumPy's lerp does.
    let gap = high - low;
    Some(if part < 0.5 { low + gap * part } else { high - gap * (1.0 - part) })
}

/// The median: the middle value, or the mean of the two middle values. Reorders `x`.
pub fn median(x: &mut [f64]) -> Option<f64> {
    let (half, odd) = (x.len() / 2, x.len() % 2 == 1);
    if x.is_empty() {
        return None;
    }
    let (lower, &mut high, _) = x.select_nth_unstable_by(half, f64::total_cmp);
    if odd {
        return Some(high);
    }
    let low = lower.iter().copied().max_by(f64::total_cmp)?;
    Some(low * 0.5 + high * 0.5)
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
