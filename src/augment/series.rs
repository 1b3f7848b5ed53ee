//! Augmentation of series: rows are steps of time, columns are channels.
//!
//! An operation either changes values, or says from which place in time each step is taken; the
//! places depend on the draws alone, so that labels of steps can follow.

use super::plan::{Drawn, Key, Node, Step};
use crate::base::rng::Stream;
use crate::base::{Ctx, Error, Result, par};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Normal noise on every value.
    Jitter,
    /// Times a factor.
    Scale,
    /// Times a smooth curve about one.
    MagnitudeWarp,
    /// Faster here, slower there.
    TimeWarp,
    /// A window, stretched to the length of the whole.
    WindowSlice,
    /// Segments in another order.
    Permute,
    /// Spans without values.
    Dropout,
}

impl Kind {
    /// The operation of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "Jitter" => Kind::Jitter,
            "Scale" => Kind::Scale,
            "MagnitudeWarp" => Kind::MagnitudeWarp,
            "TimeWarp" => Kind::TimeWarp,
            "WindowSlice" => Kind::WindowSlice,
            "Permute" => Kind::Permute,
            "Dropout" => Kind::Dropout,
            _ => return None,
        })
    }
}

/// An operation and what of it is not drawn.
#[derive(Debug, Clone)]
pub struct Op {
    /// What it does.
    pub kind: Kind,
    /// Its settings, in the order that its kernel reads them.
    pub set: Vec<f64>,
}

impl Op {
    fn at(&self, i: usize) -> f64 {
        self.set.get(i).copied().unwrap_or(0.0)
    }
}

/// The slowest that a warp lets time run, in shares of its usual pace.
const SLOWEST: f64 = 0.05;

/// Runs the plan on series of these many channels, by row, in place; `key.item` is the number of
/// the first.
pub fn run(ctx: &Ctx, plan: &Node<Op>, key: Key, series: &mut [(usize, &mut [f64])]) -> Result<()> {
    par::fill_chunks(ctx, series, 1, |i, one| {
        let key = Key { item: key.item.wrapping_add(i as u64), ..key };
        for (channels, values) in one {
            let (channels, steps) = (*channels, values.len() / (*channels).max(1));
            if steps == 0 {
                continue;
            }
            for drawn in plan.draw(key) {
                let Drawn::Step(mut step) = drawn else { continue };
                if let Some(places) = places(&mut step, steps) {
                    resample(values, channels, &places);
                } else {
                    change(&mut step, values, channels);
                }
            }
        }
    })
}

/// For each series of so many steps, the step that each step comes from (the nearest).
pub fn sources(ctx: &Ctx, plan: &Node<Op>, key: Key, steps: &[usize]) -> Result<Vec<Vec<usize>>> {
    par::map(ctx, steps.len(), |i| {
        let mut at: Vec<usize> = (0..steps[i]).collect();
        for drawn in plan.draw(Key { item: key.item.wrapping_add(i as u64), ..key }) {
            let Drawn::Step(mut step) = drawn else { continue };
            if let Some(places) = places(&mut step, steps[i]) {
                at = places.iter().map(|p| at[(p.round() as usize).min(steps[i] - 1)]).collect();
            }
        }
        at
    })
}

/// Where each step is taken from, for the operations that move time; of a series that has steps.
fn places(step: &mut Step<Op>, n: usize) -> Option<Vec<f64>> {
    let last = (n - 1) as f64;
    match step.op.kind {
        Kind::TimeWarp => {
            let pace = curve(step.values[0], step.op.at(0) as usize, n, &mut step.stream);
            let pace: Vec<f64> = pace.iter().map(|p| p.max(SLOWEST)).collect();
            let mut at = vec![0.0; n];
            for t in 1..n {
                at[t] = at[t - 1] + 0.5 * (pace[t - 1] + pace[t]);
            }
            let scale = if n > 1 { last / at[n - 1] } else { 0.0 };
            Some(at.iter().map(|p| (p * scale).min(last)).collect())
        }
        Kind::WindowSlice => {
            let long = step.values[0] * last;
            let start = step.stream.unit() * (last - long);
            let share = if n > 1 { long / last } else { 0.0 };
            Some((0..n).map(|t| (start + share * t as f64).min(last)).collect())
        }
        Kind::Permute => {
            let parts = (step.values[0] as usize).clamp(1, n);
            let mut cuts: Vec<usize> = (1..n).collect();
            if step.op.at(0) == 0.0 {
                cuts = (1..parts).map(|k| k * n / parts).collect();
            } else {
                step.stream.shuffle(&mut cuts);
                cuts.truncate(parts - 1);
                cuts.sort_unstable();
            }
            cuts.insert(0, 0);
            cuts.push(n);
            let mut spans: Vec<(usize, usize)> = cuts.windows(2).map(|w| (w[0], w[1])).collect();
            step.stream.shuffle(&mut spans);
            Some(spans.into_iter().flat_map(|(a, b)| a..b).map(|t| t as f64).collect())
        }
        _ => None,
    }
}

/// Takes the values at these places, between two steps in a straight line.
fn resample(values: &mut [f64], channels: usize, places: &[f64]) {
    let from = values.to_vec();
    for (row, place) in values.chunks_exact_mut(channels).zip(places) {
        let (a, w) = (place.floor() as usize * channels, place.fract());
        row.copy_from_slice(&from[a..a + channels]);
        // A step is taken as it is, so that a gap beside it does not spread.
        if w > 0.0 {
            let next = &from[a + channels..a + 2 * channels];
            row.iter_mut().zip(next).for_each(|(x, y)| *x += w * (y - *x));
        }
    }
}

fn change(step: &mut Step<Op>, values: &mut [f64], channels: usize) {
    let (op, value) = (step.op, step.values[0]);
    let stream = &mut step.stream;
    match op.kind {
        Kind::Jitter => {
            for c in 0..channels {
                let unit = if op.at(0) == 0.0 { 1.0 } else { spread(values, channels, c) };
                for x in values[c..].iter_mut().step_by(channels) {
                    *x += value * unit * stream.normal();
                }
            }
        }
        Kind::Scale if op.at(0) == 0.0 => values.iter_mut().for_each(|x| *x *= value),
        Kind::Scale => {
            for c in 0..channels {
                let factor = op.at(1) + (op.at(2) - op.at(1)) * stream.unit();
                values[c..].iter_mut().step_by(channels).for_each(|x| *x *= factor);
            }
        }
        Kind::MagnitudeWarp => {
            for c in 0..channels {
                let curve = curve(value, op.at(0) as usize, values.len() / channels, stream);
                for (x, by) in values[c..].iter_mut().step_by(channels).zip(curve) {
                    *x *= by;
                }
            }
        }
        Kind::Dropout => drop_spans(op, value, values, channels, stream),
        Kind::TimeWarp | Kind::WindowSlice | Kind::Permute => {}
    }
}

/// Spans of `set[0]` steps, together at most the share `share`, get the value `set[2]`, or (where
/// `set[1]`) the one before them.
fn drop_spans(op: &Op, share: f64, values: &mut [f64], channels: usize, stream: &mut Stream) {
    let n = values.len() / channels;
    let long = (op.at(0) as usize).clamp(1, n);
    for _ in 0..(share * n as f64 / long as f64).round() as usize {
        let start = stream.below((n - long + 1) as u64) as usize;
        for t in start..start + long {
            for c in 0..channels {
                values[t * channels + c] = match (op.at(1) != 0.0, start) {
                    (false, _) => op.at(2),
                    (true, 0) => values[long.min(n - 1) * channels + c],
                    (true, _) => values[(start - 1) * channels + c],
                };
            }
        }
    }
}

/// The standard deviation of a channel's finite values.
fn spread(values: &[f64], channels: usize, c: usize) -> f64 {
    let finite = || values[c..].iter().step_by(channels).filter(|x| x.is_finite());
    let n = finite().count().max(1) as f64;
    let mean = finite().sum::<f64>() / n;
    (finite().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt()
}

/// A smooth curve of `n` values about one: the natural cubic spline through `knots` inner points
/// and two ends, each `1 + std * normal`.
fn curve(std: f64, knots: usize, n: usize, stream: &mut Stream) -> Vec<f64> {
    let y: Vec<f64> = (0..knots + 2).map(|_| 1.0 + std * stream.normal()).collect();
    spline(&y, n)
}

/// The natural cubic spline through evenly spaced points, at `n` even places from first to last.
fn spline(y: &[f64], n: usize) -> Vec<f64> {
    let k = y.len();
    // Second derivatives: a tridiagonal system with 4 on the diagonal and 1 beside it (Thomas).
    let (mut m, mut ratio) = (vec![0.0; k], vec![0.0; k]);
    for i in 1..k - 1 {
        let pivot = 4.0 - ratio[i - 1];
        ratio[i] = 1.0 / pivot;
        m[i] = (6.0 * (y[i + 1] - 2.0 * y[i] + y[i - 1]) - m[i - 1]) / pivot;
    }
    for i in (1..k - 1).rev() {
        m[i] -= ratio[i] * m[i + 1];
    }
    let at = |t: usize| {
        let place = if n > 1 { t as f64 * (k - 1) as f64 / (n - 1) as f64 } else { 0.0 };
        let i = (place as usize).min(k - 2);
        let (b, a) = (place - i as f64, 1.0 - (place - i as f64));
        a * y[i] + b * y[i + 1] + ((a * a * a - a) * m[i] + (b * b * b - b) * m[i + 1]) / 6.0
    };
    (0..n).map(at).collect()
}

/// Checks a plan's numbers before anything runs.
pub fn check(op: &Op) -> Result<()> {
    let knots = matches!(op.kind, Kind::MagnitudeWarp | Kind::TimeWarp);
    if knots && !(0.0..=1e6).contains(&op.at(0)) {
        return Err(Error::Parameter("knots must be from 0 to 1,000,000".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Law, Range};
    use super::*;
    use proptest::prelude::*;

    fn leaf(kind: Kind, value: f64, set: &[f64]) -> Node<Op> {
        let ranges = vec![Range::new(value, value, Law::Uniform).unwrap()];
        Node::Leaf { p: 1.0, id: 0, op: Op { kind, set: set.to_vec() }, ranges }
    }

    fn made(plan: &Node<Op>, item: u64, channels: usize, x: &[f64]) -> Vec<f64> {
        let mut out = x.to_vec();
        let key = Key { seed: 1, epoch: 2, item };
        run(&Ctx::new(1), plan, key, &mut [(channels, &mut out)]).unwrap();
        out
    }

    /// Gaussian elimination on the whole system.
    fn slow_spline(y: &[f64], n: usize) -> Vec<f64> {
        let k = y.len();
        let mut a = vec![vec![0.0; k + 1]; k];
        (a[0][0], a[k - 1][k - 1]) = (1.0, 1.0);
        for i in 1..k - 1 {
            (a[i][i - 1], a[i][i], a[i][i + 1]) = (1.0, 4.0, 1.0);
            a[i][k] = 6.0 * (y[i + 1] - 2.0 * y[i] + y[i - 1]);
        }
        for i in 0..k {
            for r in 0..k {
                let f = if r == i { 0.0 } else { a[r][i] / a[i][i] };
                (0..=k).for_each(|c| a[r][c] -= f * a[i][c]);
            }
        }
        let m: Vec<f64> = (0..k).map(|i| a[i][k] / a[i][i]).collect();
        let at = |t: usize| {
            let x = t as f64 * (k - 1) as f64 / (n - 1) as f64;
            let i = (x.floor() as usize).min(k - 2);
            let b = x - i as f64;
            let slope = y[i + 1] - y[i] - (2.0 * m[i] + m[i + 1]) / 6.0;
            y[i] + b * (slope + b * (m[i] / 2.0 + b * (m[i + 1] - m[i]) / 6.0))
        };
        (0..n).map(at).collect()
    }

    proptest! {
        #[test]
        fn splines_are_those_of_the_whole_system(
            y in prop::collection::vec(-3.0f64..3.0, 2..9), n in 2usize..40,
        ) {
            for (a, b) in spline(&y, n).iter().zip(slow_spline(&y, n)) {
                prop_assert!((a - b).abs() < 1e-9);
            }
        }

        #[test]
        fn time_stays_in_the_series(
            n in 1usize..50, item: u64, std in 0.0f64..2.0, share in 0.01f64..1.0, parts in 1u32..60,
        ) {
            let x: Vec<f64> = (0..n).flat_map(|t| [t as f64, -(t as f64)]).collect();
            let warp = made(&leaf(Kind::TimeWarp, std, &[3.0]), item, 2, &x);
            prop_assert!(warp.chunks(2).all(|r| r[0] == -r[1]));
            prop_assert!(warp.chunks(2).zip(warp.chunks(2).skip(1)).all(|(a, b)| a[0] < b[0]));
            prop_assert!(warp[0] == 0.0 && (warp[2 * n - 2] - (n - 1) as f64).abs() < 1e-9);
            let slice = made(&leaf(Kind::WindowSlice, share, &[]), item, 2, &x);
            let wide = slice[2 * n - 2] - slice[0];
            prop_assert!((wide - share * (n - 1) as f64).abs() < 1e-9);
            for even in [0.0, 1.0] {
                let plan = leaf(Kind::Permute, f64::from(parts), &[even]);
                let mut seen = made(&plan, item, 2, &x);
                let key = Key { seed: 1, epoch: 2, item };
                let from = sources(&Ctx::new(1), &plan, key, &[n]).unwrap();
                prop_assert!(from[0].iter().zip(seen.chunks(2)).all(|(&t, r)| t as f64 == r[0]));
                seen.retain(|v| v.is_sign_positive());
                seen.sort_by(f64::total_cmp);
                let nothing_lost = seen.iter().enumerate().all(|(t, v)| t as f64 == *v);
                prop_assert!(nothing_lost && seen.len() == n);
            }
        }
    }

    #[test]
    fn values_change_as_told() {
        let x: Vec<f64> = (0..8000).map(|t| f64::from(t % 7)).collect();
        let noisy = made(&leaf(Kind::Jitter, 0.1, &[1.0]), 0, 1, &x);
        let noise: Vec<f64> = noisy.iter().zip(&x).map(|(a, b)| a - b).collect();
        assert!((spread(&noise, 1, 0) - 0.2).abs() < 0.01); // the series' own is 2
        assert_eq!(made(&leaf(Kind::Jitter, 0.5, &[1.0]), 0, 1, &[4.0; 5]), [4.0; 5]);
        assert_eq!(made(&leaf(Kind::Scale, 3.0, &[]), 0, 1, &[1.0, -2.0]), [3.0, -6.0]);
        assert_eq!(made(&leaf(Kind::MagnitudeWarp, 0.0, &[4.0]), 0, 1, &x), x);
        let gone = made(&leaf(Kind::Dropout, 0.25, &[10.0, 0.0, f64::NAN]), 0, 1, &x);
        let gaps = gone.iter().filter(|v| v.is_nan()).count();
        assert!((1500..=2000).contains(&gaps));
        let held = made(&leaf(Kind::Dropout, 1.0, &[8.0, 1.0]), 0, 1, &[1.0; 8]);
        assert_eq!(held, [1.0; 8]);
    }

    #[test]
    fn gaps_do_not_spread_and_batches_do_not_matter() {
        let x = [1.0, f64::NAN, 3.0, 4.0];
        let same = made(&leaf(Kind::WindowSlice, 1.0, &[]), 0, 1, &x);
        assert!(same[0] == 1.0 && same[1].is_nan() && same[2..] == [3.0, 4.0]);
        let plan = leaf(Kind::TimeWarp, 0.5, &[2.0]);
        let mut parts: Vec<Vec<f64>> = (0..9).map(|i| vec![f64::from(i); 20]).collect();
        for (i, p) in parts.iter_mut().enumerate() {
            p[3] = i as f64 * 2.0;
        }
        let alone: Vec<_> = (0..9).map(|i| made(&plan, 5 + i as u64, 1, &parts[i])).collect();
        let mut all: Vec<(usize, &mut [f64])> = parts.iter_mut().map(|p| (1, &mut p[..])).collect();
        run(&Ctx::new(3), &plan, Key { seed: 1, epoch: 2, item: 5 }, &mut all).unwrap();
        assert_eq!(parts, alone);
    }
}
