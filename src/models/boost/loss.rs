//! The losses of boosting on raw scores, without what does not depend on the score.

use crate::base::{Ctx, Result, par, stats};

/// Rows of one part of a pass.
const CHUNK: usize = 1 << 13;

/// A loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    /// Half the squared error.
    Squared,
    /// The absolute error.
    Absolute,
    /// The pinball loss of a quantile.
    Quantile(f64),
    /// Half the deviance of the gamma distribution, of a logarithm.
    Gamma,
    /// Half the deviance of the Poisson distribution, of a logarithm.
    Poisson,
    /// Cross entropy of two classes, 0 and 1.
    Binary,
    /// Cross entropy of more classes, a score each.
    Classes(usize),
    /// Gradients come from outside.
    Given(usize),
}

/// What is learned, how much each row weighs, and the raw scores, class after class.
#[derive(Debug, Clone, Copy)]
pub struct Scores<'a> {
    /// The target: numbers or class codes.
    pub y: &'a [f64],
    /// Weights.
    pub weights: Option<&'a [f64]>,
    /// `y.len()` scores a class.
    pub raw: &'a [f64],
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Loss {
    /// Scores a row, and trees a round.
    pub fn width(self) -> usize {
        match self {
            Loss::Classes(n) | Loss::Given(n) => n,
            _ => 1,
        }
    }

    /// Whether every hessian is 1 where rows do not weigh differently.
    pub fn constant(self) -> bool {
        matches!(self, Loss::Squared | Loss::Absolute | Loss::Quantile(_))
    }

    /// Whether a leaf's value is a quantile of what is left over, not a Newton step.
    pub fn renews(self) -> bool {
        matches!(self, Loss::Absolute | Loss::Quantile(_))
    }

    /// The gradient and the hessian of one score.
    #[inline]
    fn pair(self, y: f64, raw: f64) -> [f64; 2] {
        match self {
            Loss::Squared | Loss::Given(_) => [raw - y, 1.0],
            Loss::Absolute => [if raw > y { 1.0 } else { -1.0 }, 1.0],
            Loss::Quantile(q) => [if y >= raw { -q } else { 1.0 - q }, 1.0],
            Loss::Gamma => {
                let ratio = y * (-raw).exp();
                [1.0 - ratio, ratio]
            }
            Loss::Poisson => {
                let mean = raw.exp();
                [mean - y, mean]
            }
            Loss::Binary | Loss::Classes(_) => {
                let p = sigmoid(raw);
                [p - y, p * (1.0 - p)]
            }
        }
    }

    /// The gradients and hessians of one class's scores (`shift` makes its probability of a score).
    pub(super) fn pairs(
        self,
        ctx: &Ctx,
        s: Scores<'_>,
        class: usize,
        shift: &[f64],
        out: &mut [[f64; 2]],
    ) -> Result<()> {
        let raw = &s.raw[class * s.y.len()..][..s.y.len()];
        par::fill_chunks(ctx, out, CHUNK, |first, out| {
            let some = first..first + out.len();
            let (y, raw) = (&s.y[some.clone()], &raw[some.clone()]);
            match self {
                Loss::Classes(_) => {
                    for (((out, &y), &raw), &off) in
                        out.iter_mut().zip(y).zip(raw).zip(&shift[some])
                    {
                        let p = (raw - off).exp();
                        *out = [p - f64::from(u8::from(y == class as f64)), p * (1.0 - p)];
                    }
                }
                // Apart, so that the compiler makes a loop of each.
                Loss::Squared => each(out, y, raw, |y, raw| Loss::Squared.pair(y, raw)),
                Loss::Binary => each(out, y, raw, |y, raw| Loss::Binary.pair(y, raw)),
                loss => each(out, y, raw, |y, raw| loss.pair(y, raw)),
            }
            if let Some(weights) = s.weights {
                for (out, w) in out.iter_mut().zip(&weights[first..]) {
                    *out = out.map(|v| v * w);
                }
            }
        })
    }

    /// The logarithm of the sum over classes of the exponentials of the scores, row by row; empty
    /// where there are no classes.
    pub(super) fn shift(self, ctx: &Ctx, s: Scores<'_>, out: &mut Vec<f64>) -> Result<()> {
        let Loss::Classes(classes) = self else { return Ok(()) };
        let n = s.y.len();
        out.resize(n, 0.0);
        par::fill_chunks(ctx, out, CHUNK, |first, out| {
            for (row, out) in (first..).zip(out) {
                *out = log_sum(s.raw, n, classes, row);
            }
        })
    }

    /// The mean loss.
    pub fn mean(self, ctx: &Ctx, s: Scores<'_>) -> Result<f64> {
        let n = s.y.len();
        let parts = par::map_chunks(ctx, n, CHUNK, |a, b| {
            let (mut sum, mut weight) = (0.0, 0.0);
            for row in a..b {
                let w = s.weights.map_or(1.0, |w| w[row]);
                weight += w;
                sum += w * self.value(&s, row);
            }
            (sum, weight)
        })?;
        let (sum, weight) = parts.into_iter().fold((0.0, 0.0), |t, p| (t.0 + p.0, t.1 + p.1));
        Ok(sum / weight)
    }

    fn value(self, s: &Scores<'_>, row: usize) -> f64 {
        let (y, raw) = (s.y[row], s.raw[row]);
        match self {
            Loss::Squared | Loss::Given(_) => 0.5 * (y - raw) * (y - raw),
            Loss::Absolute => (y - raw).abs(),
            Loss::Quantile(q) if y >= raw => q * (y - raw),
            Loss::Quantile(q) => (1.0 - q) * (raw - y),
            Loss::Gamma => raw + y * (-raw).exp(),
            Loss::Poisson => raw.exp() - y * raw,
            Loss::Binary => raw.max(0.0) + (-raw.abs()).exp().ln_1p() - y * raw,
            Loss::Classes(classes) => {
                let n = s.y.len();
                log_sum(s.raw, n, classes, row) - s.raw[y as usize * n + row]
            }
        }
    }

    /// The best value for some rows by what their scores leave over.
    pub(super) fn renewed(self, s: Scores<'_>, rows: &[u32]) -> f64 {
        let q = if let Loss::Quantile(q) = self { q } else { 0.5 };
        let left = |&row: &u32| s.y[row as usize] - s.raw[row as usize];
        let Some(weights) = s.weights else {
            let mut left: Vec<f64> = rows.iter().map(left).collect();
            let found = match self {
                Loss::Quantile(_) => stats::quantile(&mut left, q),
                _ => stats::median(&mut left),
            };
            return found.unwrap_or(0.0);
        };
        let mut pairs: Vec<(f64, f64)> =
            rows.iter().map(|row| (left(row), weights[*row as usize])).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = pairs.iter().map(|p| p.1).sum();
        let mut sum = 0.0;
        for &(value, weight) in &pairs {
            sum += weight;
            if weight > 0.0 && sum >= q * total {
                return value;
            }
        }
        0.0
    }
}

#[inline]
fn each(out: &mut [[f64; 2]], y: &[f64], raw: &[f64], pair: impl Fn(f64, f64) -> [f64; 2]) {
    for ((out, &y), &raw) in out.iter_mut().zip(y).zip(raw) {
        *out = pair(y, raw);
    }
}

fn log_sum(raw: &[f64], n: usize, classes: usize, row: usize) -> f64 {
    let scores = (0..classes).map(|k| raw[k * n + row]);
    let most = scores.clone().fold(f64::NEG_INFINITY, f64::max);
    most + scores.map(|v| (v - most).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOSSES: [Loss; 7] = [
        Loss::Squared,
        Loss::Absolute,
        Loss::Quantile(0.3),
        Loss::Gamma,
        Loss::Poisson,
        Loss::Binary,
        Loss::Classes(3),
    ];

    fn pair(loss: Loss, y: f64, raw: &[f64], class: usize) -> [f64; 2] {
        let (ctx, mut out) = (Ctx::new(1), [[0.0; 2]]);
        let (s, mut shift) = (Scores { y: &[y], weights: Some(&[2.0]), raw }, Vec::new());
        loss.shift(&ctx, s, &mut shift).unwrap();
        loss.pairs(&ctx, s, class, &shift, &mut out).unwrap();
        out[0].map(|v| v / 2.0)
    }

    proptest! {
        #[test]
        fn gradients_are_differences(
            raw in prop::collection::vec(-3.0f64..3.0, 3), y in 0usize..3, class in 0usize..3
        ) {
            for loss in LOSSES {
                let class = if loss.width() > 1 { class } else { 0 };
                let y: f64 = match loss {
                    Loss::Binary => (y % 2) as f64,
                    Loss::Classes(_) => y as f64,
                    _ => y as f64 + 0.31,
                };
                prop_assume!((y - raw[0]).abs() > 1e-3);
                let at = |step: f64| {
                    let mut raw = raw.clone();
                    raw[class] += step;
                    let value = loss.mean(&Ctx::new(1), Scores { y: &[y], weights: None, raw: &raw });
                    (value.unwrap(), pair(loss, y, &raw, class)[0])
                };
                let [g, h] = pair(loss, y, &raw, class);
                let (up, down) = (at(1e-5), at(-1e-5));
                prop_assert!(((up.0 - down.0) / 2e-5 - g).abs() < 1e-5, "{:?} {}", loss, g);
                if !loss.renews() {
                    prop_assert!(((up.1 - down.1) / 2e-5 - h).abs() < 1e-5, "{:?} {}", loss, h);
                }
            }
        }
    }

    #[test]
    fn renewed_values_are_quantiles() {
        let y = [1.0, 5.0, 2.0, 4.0];
        let s = Scores { y: &y, weights: None, raw: &[0.0; 4] };
        assert_eq!(Loss::Absolute.renewed(s, &[0, 1, 2, 3]), 3.0);
        assert_eq!(Loss::Quantile(0.25).renewed(s, &[0, 1, 2, 3]), 1.75);
        let s = Scores { weights: Some(&[0.0, 1.0, 5.0, 1.0]), ..s };
        assert_eq!(Loss::Absolute.renewed(s, &[0, 1, 2, 3]), 2.0);
    }
}
