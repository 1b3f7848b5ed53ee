//! Predictive mean matching: a missing cell takes the value of a row whose prediction is near.

use crate::base::rng::Stream;
use crate::base::{Ctx, Error, Result, par};

/// The operation that draws.
const MATCH: u64 = 0x6d61_7463;
/// Cells of one part of the work.
const CHUNK: usize = 512;

/// For each number wanted, one of the `k` places in `said` that are nearest to it, drawn evenly.
/// Of places as far away as the last of the k, each is as likely as the others; with `k` of 1
/// the first of them is taken, and nothing is drawn.
///
/// Draws depend on the seed, the epoch and the place of the number wanted.
///
/// # Errors
/// [`Error::Data`] where there is nothing to choose from, or a number is NaN.
pub fn matched(
    ctx: &Ctx,
    said: &[f64],
    wanted: &[f64],
    k: usize,
    seed: u64,
    epoch: u64,
) -> Result<Vec<i64>> {
    if k == 0 {
        return Err(Error::Parameter("n_donors must be at least 1".into()));
    }
    if said.is_empty() && !wanted.is_empty() {
        return Err(Error::Data("there is no donor: the column is nowhere observed".into()));
    }
    if said.iter().chain(wanted).any(|v| v.is_nan()) {
        return Err(Error::Data("a prediction is not a number, so that nothing is near it".into()));
    }
    // Runs of equal predictions: the value, and where its places begin in `order`.
    let mut order: Vec<u32> = (0..said.len() as u32).collect();
    let value = |i: u32| said[i as usize] + 0.0; // -0.0 is 0.0
    order.sort_by(|&a, &b| value(a).total_cmp(&value(b)));
    let mut runs: Vec<(f64, usize)> = Vec::new();
    for (at, &i) in order.iter().enumerate() {
        if runs.last().is_none_or(|r| r.0 != value(i)) {
            runs.push((value(i), at));
        }
    }
    let k = k.min(said.len());
    let mut out = vec![0i64; wanted.len()];
    par::fill_chunks(ctx, &mut out, CHUNK, |first, out| {
        for (at, out) in (first..).zip(out) {
            let window = window(&runs, order.len(), wanted[at], k);
            let place = if k == 1 {
                window.first(&order)
            } else {
                window.drawn(k, &mut Stream::new(seed, MATCH, epoch, at as u64))
            };
            *out = i64::from(order[place]);
        }
    })?;
    Ok(out)
}

/// The places that are strictly nearer than the last of the k, and the runs that are as far.
#[derive(Debug, Default)]
struct Window {
    near: (usize, usize),
    far: [(usize, usize); 2],
}

impl Window {
    /// The place whose row comes first among the nearest, for one donor.
    fn first(&self, order: &[u32]) -> usize {
        let places = self.far.iter().flat_map(|&(a, b)| a..b);
        places.min_by_key(|&place| order[place]).unwrap_or(0)
    }

    /// One of the k nearest. Those that tie for the last places share them evenly.
    fn drawn(&self, k: usize, stream: &mut Stream) -> usize {
        let near = self.near.1 - self.near.0;
        let slot = stream.below(k as u64) as usize;
        if slot < near {
            return self.near.0 + slot;
        }
        let [left, right] = self.far;
        let split = left.1 - left.0;
        let at = stream.below((split + right.1 - right.0) as u64) as usize;
        if at < split { left.0 + at } else { right.0 + at - split }
    }
}

/// Grows a window over the runs nearest to a value until it has k places.
fn window(runs: &[(f64, usize)], n: usize, value: f64, k: usize) -> Window {
    let end = |run: usize| runs.get(run).map_or(n, |r| r.1);
    let mut right = runs.partition_point(|r| r.0 < value);
    let mut left = right; // runs [left, right) are in the window
    loop {
        let near = (end(left), end(right));
        let before = left.checked_sub(1).map(|l| distance(runs[l].0, value));
        let after = runs.get(right).map(|r| distance(r.0, value));
        let step = match (before, after) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b).unwrap_or(0.0),
        };
        let mut far = [(near.0, near.0), (near.1, near.1)];
        if before == Some(step) {
            far[0] = (end(left - 1), near.0);
            left -= 1;
        }
        if after == Some(step) {
            far[1] = (near.1, end(right + 1));
            right += 1;
        }
        let size = end(right) - end(left);
        if size >= k || (before.is_none() && after.is_none()) {
            return Window { near, far };
        }
    }
}

/// How far two numbers are apart; equal infinities are not apart.
fn distance(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { (a - b).abs() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// All places that may be drawn for a value, by looking at each.
    fn allowed(said: &[f64], value: f64, k: usize) -> BTreeSet<i64> {
        let mut far: Vec<f64> = said.iter().map(|s| distance(*s, value)).collect();
        let all = far.clone();
        far.sort_by(f64::total_cmp);
        let last = far[k.min(far.len()) - 1];
        (0..said.len()).filter(|&i| all[i] <= last).map(|i| i as i64).collect()
    }

    fn draws(said: &[f64], value: f64, k: usize, n: usize) -> Vec<i64> {
        matched(&Ctx::new(1), said, &vec![value; n], k, 1, 2).unwrap()
    }

    proptest! {
        #[test]
        fn donors_are_those_of_a_search_through_all(
            said in prop::collection::vec((-8i32..8).prop_map(|v| f64::from(v) / 2.0), 1..30),
            value in (-10i32..10).prop_map(|v| f64::from(v) / 4.0),
            k in 1usize..9,
        ) {
            let want = allowed(&said, value, k);
            let got: BTreeSet<i64> = draws(&said, value, k, 3000).into_iter().collect();
            if k == 1 {
                prop_assert_eq!(got.into_iter().collect::<Vec<_>>(), vec![*want.first().unwrap()]);
            } else {
                prop_assert_eq!(got, want);
            }
        }
    }

    #[test]
    fn ties_share_the_last_places_evenly() {
        // Of three donors for 0, the place of 0 is one; four places at 1 share the other two.
        let said = [1.0, 0.0, 1.0, -1.0, 9.0, 1.0];
        let mut counts = [0; 6];
        draws(&said, 0.0, 3, 12_000).iter().for_each(|&i| counts[i as usize] += 1);
        assert!((counts[1] - 4000i32).abs() < 250 && counts[4] == 0);
        for place in [0, 2, 3, 5] {
            assert!((counts[place] - 2000i32).abs() < 200, "{counts:?}");
        }
    }

    #[test]
    fn infinities_and_what_cannot_be_matched() {
        let said = [f64::INFINITY, 0.0, f64::NEG_INFINITY];
        assert_eq!(draws(&said, f64::INFINITY, 1, 1), [0]);
        assert_eq!(draws(&said, -1.0, 1, 1), [1]);
        let ctx = Ctx::new(1);
        assert!(matched(&ctx, &[], &[1.0], 1, 0, 0).is_err());
        assert!(matched(&ctx, &[], &[], 1, 0, 0).unwrap().is_empty());
        assert!(matched(&ctx, &[f64::NAN], &[1.0], 1, 0, 0).is_err());
        assert!(matched(&ctx, &[1.0], &[1.0], 0, 0, 0).is_err());
    }

    #[test]
    fn the_same_on_any_number_of_threads() {
        let said: Vec<f64> = (0..3000).map(|i| f64::from(i * 7919 % 1000)).collect();
        let wanted: Vec<f64> = (0..2000).map(|i| f64::from(i) / 2.0).collect();
        let by = |threads| matched(&Ctx::new(threads), &said, &wanted, 5, 3, 4).unwrap();
        assert!(by(1) == by(2) && by(1) == by(3));
    }
}
