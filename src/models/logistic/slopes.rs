//! Losses and slopes of the rows of a block by their scores, in lanes for cross entropy.

use crate::base::exp::{exp, ln_1p};
use crate::base::lanes;
use crate::base::loss::Loss;

/// Cross entropy of two classes: turns scores into slopes, and returns the loss. `y` holds codes,
/// `w` weights; there are as many scores as of each.
pub(super) fn two(y: &[u32], w: &[f64], score: &mut [f64], loss: &mut [f64]) -> f64 {
    lanes::run(
        #[inline(always)]
        || {
            let rows = y.iter().zip(w).zip(score.iter_mut().zip(loss.iter_mut()));
            for ((&y, &w), (s, l)) in rows {
                let side = if y == 1 { 1.0 } else { -1.0 };
                let z = side * *s;
                let e = exp(-z.abs());
                let share = w / (1.0 + e);
                *l = w * ((-z).max(0.0) + ln_1p(e));
                *s = -side * if z >= 0.0 { e * share } else { share };
            }
        },
    );
    loss[..y.len()].iter().sum()
}

/// The same of several classes: `score` holds a row of `stride` for each.
pub(super) fn many(
    y: &[u32],
    w: &[f64],
    score: &mut [f64],
    stride: usize,
    space: &mut [f64],
) -> f64 {
    let n = y.len();
    let (top, space) = space.split_at_mut(stride);
    let (behind, space) = space.split_at_mut(stride);
    let (own, others) = space.split_at_mut(stride);
    let (top, behind) = (&mut top[..n], &mut behind[..n]);
    let (own, others) = (&mut own[..n], &mut others[..n]);
    top.fill(f64::NEG_INFINITY);
    lanes::run(
        #[inline(always)]
        || {
            for row in score.chunks_exact(stride) {
                for (t, s) in top.iter_mut().zip(row) {
                    *t = if *s > *t { *s } else { *t };
                }
            }
        },
    );
    for (i, &c) in y.iter().enumerate() {
        behind[i] = top[i] - score[c as usize * stride + i];
    }
    lanes::run(
        #[inline(always)]
        || {
            for row in score.chunks_exact_mut(stride) {
                for (s, t) in row.iter_mut().zip(top.iter()) {
                    *s = exp(*s - t);
                }
            }
        },
    );
    // The sum of the other classes is made without a row's own, not to lose its digits.
    for (i, &c) in y.iter().enumerate() {
        own[i] = std::mem::take(&mut score[c as usize * stride + i]);
    }
    others.fill(0.0);
    lanes::run(
        #[inline(always)]
        || {
            for row in score.chunks_exact(stride) {
                for (o, s) in others.iter_mut().zip(row) {
                    *o += s;
                }
            }
            let rows = own.iter_mut().zip(others.iter_mut()).zip(top.iter_mut());
            for (((own, others), share), (behind, w)) in rows.zip(behind.iter_mut().zip(w)) {
                let total = *own + *others;
                let rest = if *behind == 0.0 { *others } else { total - 1.0 };
                *behind = w * (*behind + ln_1p(rest));
                *share = w / total;
                *own = -*others * *share;
            }
            for row in score.chunks_exact_mut(stride) {
                for (s, share) in row.iter_mut().zip(top.iter()) {
                    *s *= share;
                }
            }
        },
    );
    for (i, &c) in y.iter().enumerate() {
        score[c as usize * stride + i] = own[i];
    }
    behind.iter().sum()
}

/// The same of any loss, one row after another.
pub(super) fn each(of: &Loss, y: &[u32], w: &[f64], score: &mut [f64], stride: usize) -> f64 {
    let k = score.len() / stride;
    let (mut row, mut slope) = (vec![0.0; k], vec![0.0; k]);
    let mut value = 0.0;
    for (i, (&c, &w)) in y.iter().zip(w).enumerate() {
        if k == 1 {
            let at = of.one(f64::from(c), score[i]);
            value += w * at.value;
            score[i] = w * at.gradient;
            continue;
        }
        row.iter_mut().enumerate().for_each(|(k, s)| *s = score[k * stride + i]);
        value += w * of.many(c as usize, &row, &mut slope, None);
        slope.iter().enumerate().for_each(|(k, s)| score[k * stride + i] = w * s);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cross_entropy_in_lanes_is_the_one_definition(
            seed in 0u64..1000, n in 1usize..20, k in 1usize..6, size in -3f64..2.5,
        ) {
            let mut s = Stream::new(seed, 0, 0, 0);
            let stride = 24;
            let y: Vec<u32> = (0..n).map(|_| s.below(k.max(2) as u64) as u32).collect();
            let w: Vec<f64> = (0..n).map(|_| s.unit()).collect();
            let scores: Vec<f64> =
                (0..k * stride).map(|_| s.normal() * 10f64.powf(size)).collect();
            let (mut got, mut want) = (scores.clone(), scores);
            let mut space = vec![0.0; 4 * stride];
            let value = if k == 1 {
                two(&y, &w, &mut got, &mut space)
            } else {
                many(&y, &w, &mut got, stride, &mut space)
            };
            let plain = each(&Loss::cross_entropy(), &y, &w, &mut want, stride);
            prop_assert!((value - plain).abs() <= 1e-14 * plain.abs() + 1e-300);
            for c in 0..k {
                for i in 0..n {
                    let (a, b) = (got[c * stride + i], want[c * stride + i]);
                    prop_assert!((a - b).abs() <= 1e-13 * b.abs() + 1e-300, "{a} {b}");
                }
            }
        }
    }
}
