//! What a network is trained by: the loss of its scores.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1};

use super::layers::Num;
use crate::base::loss::Loss;
use crate::base::{Error, Result};

/// A loss that scores are read by.
#[derive(Debug, Clone)]
enum Kind {
    Given(Loss),
    /// The deviance of counts, halved, whose mean is the exponential of the score.
    Poisson,
}

/// The loss of a row of scores.
#[derive(Debug, Clone)]
pub struct Output {
    kind: Kind,
    /// Whether each score has a target of its own.
    each: bool,
    /// What the value, not the slope, is multiplied by.
    share: f64,
    /// Where the value of a score ends, as scikit-learn cuts probabilities off.
    limits: Option<(f64, f64)>,
}

impl Output {
    /// The loss called `name`, with parameters and class weights; `each` for one target a score.
    pub fn new(
        (name, params, class_weight): (&str, &[f64], Vec<f64>),
        each: bool,
        share: f64,
        least: Option<f64>,
    ) -> Result<Self> {
        let kind = match name {
            "poisson" => Kind::Poisson,
            _ => Kind::Given(Loss::new(name, params, class_weight)?),
        };
        let limits = least.map(|p| (-(-p).ln_1p(), -p.ln()));
        if limits.is_some_and(|(low, high)| low.is_nan() || high.is_nan() || low > high) {
            return Err(Error::Parameter("the least probability must lie below one half".into()));
        }
        Ok(Output { kind, each, share, limits })
    }

    /// Checks that targets fit so many scores a row.
    pub fn check(&self, y: ArrayView2<f64>, outputs: usize) -> Result<()> {
        let columns = if self.each { outputs } else { 1 };
        if y.ncols() != columns {
            return Err(Error::Shape(format!("y has {} columns, not {columns}", y.ncols())));
        }
        if let Kind::Given(loss) = &self.kind {
            let scores = if self.each { 1 } else { outputs };
            for column in y.columns() {
                loss.check(&column.to_vec(), scores)?;
            }
        }
        Ok(())
    }

    /// The loss of a row of targets `y`. Puts the slopes, times `weight`, in the place of scores.
    pub fn row<T: Num>(
        &self,
        y: ArrayView1<f64>,
        mut scores: ArrayViewMut1<T>,
        weight: f64,
        spare: &mut [f64],
    ) -> f64 {
        let k = scores.len();
        if self.each || k == 1 {
            let mut value = 0.0;
            for (s, y) in scores.iter_mut().zip(&y) {
                let (v, slope) = self.one(*y, s.wide());
                *s = T::narrow(weight * slope);
                value += v;
            }
            return value * self.share;
        }
        let Kind::Given(loss) = &self.kind else { return 0.0 };
        let (wide, slopes) = spare.split_at_mut(k);
        wide.iter_mut().zip(&scores).for_each(|(w, s)| *w = s.wide());
        let value = loss.many(y[0] as usize, wide, slopes, None);
        scores.iter_mut().zip(slopes).for_each(|(s, d)| *s = T::narrow(weight * *d));
        self.cut(value) * self.share
    }

    fn one(&self, y: f64, score: f64) -> (f64, f64) {
        match &self.kind {
            Kind::Given(loss) => {
                let look = loss.one(y, score);
                (self.cut(look.value), look.gradient)
            }
            Kind::Poisson => {
                let mean = score.exp();
                let value = if y > 0.0 { y * (y.ln() - score) } else { 0.0 };
                (value - y + mean, mean - y)
            }
        }
    }

    fn cut(&self, value: f64) -> f64 {
        self.limits.map_or(value, |(low, high)| value.clamp(low, high))
    }
}
