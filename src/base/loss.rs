//! Losses of one row, with slope and bend: the one definition that all models share.
//!
//! Scores are raw (logits). A loss of classes takes one score a row for two classes, else one a
//! class, and the class as its code. A loss of numbers takes one score. Everything keeps its digits
//! where a score is far out.

use super::error::{Error, Result};

/// Which loss, with its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// -log p, of a target mixed with the uniform distribution in this share.
    CrossEntropy(f64),
    /// (1 - p)^gamma times cross entropy.
    Focal(f64),
    /// (1 - p^q) / q.
    Generalised(f64),
    /// alpha times cross entropy plus beta times reverse cross entropy, with log 0 taken as this.
    Symmetric { alpha: f64, beta: f64, log_zero: f64 },
    /// max(0, 1 - margin).
    Hinge,
    /// max(0, 1 - margin)^2.
    SquaredHinge,
    /// Half the squared error.
    Squared,
    /// The absolute error.
    Absolute,
    /// Half the squared error up to this error, a line beyond.
    Huber(f64),
    /// log cosh of the error.
    LogCosh,
    /// The pinball loss of this quantile.
    Quantile(f64),
}

/// A loss, with a weight for each class or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    kind: Kind,
    class_weight: Vec<f64>,
}

/// The loss of a row, its slope and its bend along the score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// The loss.
    pub value: f64,
    /// The first derivative (0 at a kink).
    pub gradient: f64,
    /// The second derivative; 1 for hinge, absolute and quantile, whose own is 0 but at the kink.
    pub hessian: f64,
}

impl Look {
    fn new(value: f64, gradient: f64, hessian: f64) -> Self {
        Look { value, gradient, hessian }
    }
}

/// What softmax losses are made of, as a function of l = -log p of the row's own class.
struct Slope {
    value: f64,
    /// d value / d l.
    first: f64,
    /// d^2 value / d l^2, times 1 - p: by itself it has no limit where a focal row is sure.
    second: f64,
}

impl Loss {
    /// The loss called `name` with its parameters in order.
    pub fn new(name: &str, params: &[f64], class_weight: Vec<f64>) -> Result<Self> {
        let kind = match (name, params) {
            ("cross_entropy", &[share]) if (0.0..1.0).contains(&share) => Kind::CrossEntropy(share),
            ("focal", &[gamma]) if gamma >= 0.0 && gamma.is_finite() => Kind::Focal(gamma),
            ("gce", &[q]) if q > 0.0 && q <= 1.0 => Kind::Generalised(q),
            ("sce", &[alpha, beta, log_zero])
                if alpha >= 0.0
                    && beta >= 0.0
                    && log_zero < 0.0
                    && params.iter().all(|v| v.is_finite()) =>
            {
                Kind::Symmetric { alpha, beta, log_zero }
            }
            ("hinge", &[]) => Kind::Hinge,
            ("squared_hinge", &[]) => Kind::SquaredHinge,
            ("squared_error", &[]) => Kind::Squared,
            ("absolute_error", &[]) => Kind::Absolute,
            ("huber", &[delta]) if delta > 0.0 && delta.is_finite() => Kind::Huber(delta),
            ("log_cosh", &[]) => Kind::LogCosh,
            ("quantile", &[q]) if q > 0.0 && q < 1.0 => Kind::Quantile(q),
            _ => {
                return Err(Error::Parameter(format!(
                    "there is no loss {name:?} with the parameters {params:?}"
                )));
            }
        };
        if class_weight.iter().any(|w| !w.is_finite() || *w < 0.0) {
            return Err(Error::Parameter("class_weight must be finite and not negative".into()));
        }
        let loss = Loss { kind, class_weight };
        if !loss.classifies() && !loss.class_weight.is_empty() {
            return Err(Error::Parameter(format!("the loss {name:?} has no classes to weigh")));
        }
        Ok(loss)
    }

    /// Plain cross entropy.
    pub fn cross_entropy() -> Self {
        Loss { kind: Kind::CrossEntropy(0.0), class_weight: Vec::new() }
    }

    /// The weights of the classes (empty for ones) of plain cross entropy; `None` for other losses.
    pub fn plain_weights(&self) -> Option<&[f64]> {
        (self.kind == Kind::CrossEntropy(0.0)).then_some(self.class_weight.as_slice())
    }

    /// Whether targets are class codes, not numbers.
    pub fn classifies(&self) -> bool {
        !matches!(
            self.kind,
            Kind::Squared | Kind::Absolute | Kind::Huber(_) | Kind::LogCosh | Kind::Quantile(_)
        )
    }

    /// Checks that targets fit a number of scores a row; `y` holds class codes or numbers.
    pub fn check(&self, y: &[f64], outputs: usize) -> Result<()> {
        if outputs == 0 || (!self.classifies() && outputs > 1) {
            return Err(Error::Shape(format!("this loss takes one score a row; got {outputs}")));
        }
        if !self.classifies() {
            return Ok(());
        }
        let classes = outputs.max(2);
        if !self.class_weight.is_empty() && self.class_weight.len() != classes {
            return Err(Error::Shape(format!(
                "class_weight has {} values for {classes} classes",
                self.class_weight.len()
            )));
        }
        match y.iter().position(|&c| !(c >= 0.0 && c < classes as f64 && c.fract() == 0.0)) {
            Some(row) => Err(Error::Data(format!(
                "y must hold class codes from 0 to {}; row {row} has {}",
                classes - 1,
                y[row]
            ))),
            None => Ok(()),
        }
    }

    fn weight(&self, class: usize) -> f64 {
        self.class_weight.get(class).copied().unwrap_or(1.0)
    }

    /// The loss of target `y` (a number, or class 0 or 1) at one score.
    #[inline]
    pub fn one(&self, y: f64, score: f64) -> Look {
        let error = score - y;
        let size = error.abs();
        match self.kind {
            Kind::Squared => Look::new(0.5 * error * error, error, 1.0),
            Kind::Absolute => Look::new(size, sign(error), 1.0),
            Kind::Huber(d) if size > d => Look::new(d * (size - 0.5 * d), d * sign(error), 0.0),
            Kind::Huber(_) => Look::new(0.5 * error * error, error, 1.0),
            Kind::LogCosh => {
                let e = (-2.0 * size).exp();
                let value = size + e.ln_1p() - std::f64::consts::LN_2;
                Look::new(value, error.tanh(), 4.0 * e / ((1.0 + e) * (1.0 + e)))
            }
            Kind::Quantile(q) => {
                let slope = if error > 0.0 { 1.0 - q } else { -q };
                Look::new(slope * error, if error == 0.0 { 0.0 } else { slope }, 1.0)
            }
            _ => {
                let (class, side) = if y > 0.5 { (1, 1.0) } else { (0, -1.0) };
                let (w, at) = (self.weight(class), self.margin(side * score));
                Look::new(w * at.value, w * side * at.gradient, w * at.hessian)
            }
        }
    }

    /// A loss of two classes by the margin: the score, towards the row's own class.
    #[inline]
    fn margin(&self, z: f64) -> Look {
        let gap = 1.0 - z;
        match self.kind {
            Kind::Hinge if gap <= 0.0 => Look::new(0.0, 0.0, 1.0),
            Kind::Hinge => Look::new(gap, -1.0, 1.0),
            Kind::SquaredHinge if gap <= 0.0 => Look::new(0.0, 0.0, 0.0),
            Kind::SquaredHinge => Look::new(gap * gap, -2.0 * gap, 2.0),
            _ => {
                let e = (-z.abs()).exp();
                let (large, small) = (1.0 / (1.0 + e), e / (1.0 + e));
                let (p, rest) = if z >= 0.0 { (large, small) } else { (small, large) };
                let at = self.slope((-z).max(0.0) + e.ln_1p(), p, rest);
                let (value, turn) = match self.kind {
                    Kind::CrossEntropy(share) => (0.5 * share * z, 0.5 * share),
                    _ => (0.0, 0.0),
                };
                let bend = at.second * rest + at.first * p * rest;
                Look::new(at.value + value, turn - at.first * rest, bend)
            }
        }
    }

    /// A softmax loss by l = -log p, p and 1 - p of the row's own class (without smoothing).
    #[inline]
    fn slope(&self, l: f64, p: f64, rest: f64) -> Slope {
        match self.kind {
            Kind::Focal(gamma) => {
                let ratio = if rest < 1e-8 { 1.0 + 0.5 * rest } else { l / rest };
                let power = rest.powf(gamma);
                let second = gamma * power * p * ((gamma - 1.0) * p * ratio + 2.0 - l);
                Slope {
                    value: power * l,
                    first: power * (gamma * p * ratio + 1.0),
                    // Far out l grows and p vanishes: the product is 0, not a NaN.
                    second: if p == 0.0 { 0.0 } else { second },
                }
            }
            Kind::Generalised(q) => {
                let power = (-q * l).exp();
                Slope { value: -(-q * l).exp_m1() / q, first: power, second: -q * power * rest }
            }
            Kind::Symmetric { alpha, beta, log_zero } => {
                let pull = beta * log_zero;
                Slope {
                    value: alpha * l - pull * rest,
                    first: alpha - pull * p,
                    second: pull * p * rest,
                }
            }
            _ => Slope { value: l, first: 1.0, second: 0.0 },
        }
    }

    /// The loss of a row of class `class` by one score a class. Writes the gradient, and the
    /// diagonal of the Hessian where there is room for it.
    pub fn many(
        &self,
        class: usize,
        score: &[f64],
        gradient: &mut [f64],
        hessian: Option<&mut [f64]>,
    ) -> f64 {
        let w = self.weight(class);
        let value = if matches!(self.kind, Kind::Hinge | Kind::SquaredHinge) {
            self.one_against_rest(class, score, gradient, hessian, w)
        } else {
            self.softmax(class, score, gradient, hessian, w)
        };
        w * value
    }

    fn one_against_rest(
        &self,
        class: usize,
        score: &[f64],
        gradient: &mut [f64],
        mut hessian: Option<&mut [f64]>,
        w: f64,
    ) -> f64 {
        let mut value = 0.0;
        for (k, (s, g)) in score.iter().zip(gradient).enumerate() {
            let side = if k == class { 1.0 } else { -1.0 };
            let at = self.margin(side * s);
            value += at.value;
            *g = w * side * at.gradient;
            if let Some(h) = hessian.as_mut() {
                h[k] = w * at.hessian;
            }
        }
        value
    }

    fn softmax(
        &self,
        class: usize,
        score: &[f64],
        gradient: &mut [f64],
        hessian: Option<&mut [f64]>,
        w: f64,
    ) -> f64 {
        let top = score.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut others = 0.0;
        for (k, (g, s)) in gradient.iter_mut().zip(score).enumerate() {
            *g = (s - top).exp();
            others += if k == class { 0.0 } else { *g };
        }
        let (own, behind) = (gradient[class], top - score[class]);
        let total = own + others;
        let (p, rest) = (own / total, others / total);
        // Where the row's own class leads, its share of the loss is too small for 1 + others.
        let l = if behind == 0.0 { others.ln_1p() } else { total.ln() + behind };
        let at = self.slope(l, p, rest);
        let inverse = 1.0 / total;
        if let Some(h) = hessian {
            for (k, (h, g)) in h.iter_mut().zip(gradient.iter()).enumerate() {
                let pk = g * inverse;
                let (d, left) = if k == class { (rest, rest) } else { (pk, 1.0 - pk) };
                let bend = if rest > 0.0 { at.second * d * (d / rest) } else { 0.0 };
                *h = w * (bend + at.first * pk * left);
            }
        }
        let slope = w * at.first;
        gradient.iter_mut().for_each(|g| *g *= slope * inverse);
        gradient[class] = -slope * rest;
        if let Kind::CrossEntropy(share) = self.kind
            && share > 0.0
        {
            let each = w * share / score.len() as f64;
            gradient.iter_mut().for_each(|g| *g -= each);
            gradient[class] += w * share;
            let mean = score.iter().map(|s| score[class] - s).sum::<f64>() / score.len() as f64;
            return at.value + share * mean;
        }
        at.value
    }
}

fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn classifying() -> Vec<Loss> {
        let plain = |name, params: &[f64]| Loss::new(name, params, Vec::new()).unwrap();
        vec![
            plain("cross_entropy", &[0.0]),
            plain("cross_entropy", &[0.1]),
            plain("focal", &[2.0]),
            plain("focal", &[0.5]),
            plain("gce", &[0.7]),
            plain("sce", &[0.1, 1.0, -4.0]),
            plain("squared_hinge", &[]),
            plain("hinge", &[]),
        ]
    }

    proptest! {
        #[test]
        fn slopes_are_differences(z in -6.0f64..6.0, other in -3.0f64..3.0, y in 0usize..2) {
            let (h, all) = (1e-5, classifying());
            for loss in &all {
                if (1.0 - z.abs()).abs() < 1e-3 {
                    continue; // the kinks
                }
                let at = |s| loss.one(y as f64, s);
                let (a, b) = (at(z - h), at(z + h));
                let now = at(z);
                prop_assert!((now.gradient - (b.value - a.value) / (2.0 * h)).abs() < 1e-7);
                if *loss != all[7] {
                    prop_assert!((now.hessian - (b.gradient - a.gradient) / (2.0 * h)).abs() < 1e-6);
                }
                let many = |s: f64| {
                    let (mut g, mut d) = ([0.0; 3], [0.0; 3]);
                    let v = loss.many(y, &[s, other, 0.5], &mut g, Some(&mut d));
                    (v, g[0], d[0])
                };
                let (a, b, now) = (many(z - h), many(z + h), many(z));
                prop_assert!((now.1 - (b.0 - a.0) / (2.0 * h)).abs() < 1e-7);
                if *loss != all[7] {
                    prop_assert!((now.2 - (b.1 - a.1) / (2.0 * h)).abs() < 1e-6);
                }
            }
        }

        #[test]
        fn two_scores_are_one_score(z in -50.0f64..50.0, y in 0usize..2) {
            for loss in classifying().iter().take(6) {
                let (mut g, mut d) = ([0.0; 2], [0.0; 2]);
                let value = loss.many(y, &[0.0, z], &mut g, Some(&mut d));
                let one = loss.one(y as f64, z);
                prop_assert!((value - one.value).abs() < 1e-9 * (1.0 + value.abs()));
                prop_assert!((g[1] - one.gradient).abs() < 1e-9);
                prop_assert!((d[1] - one.hessian).abs() < 1e-9);
            }
        }

        #[test]
        fn nothing_overflows(z in -1e300f64..1e300, y in 0usize..2) {
            for loss in classifying() {
                let mut g = [0.0; 2];
                let at = loss.one(y as f64, z);
                prop_assert!(at.gradient.is_finite() && at.hessian.is_finite());
                prop_assert!(!at.value.is_nan());
                prop_assert!(!loss.many(y, &[0.0, z / 4.0], &mut g, None).is_nan());
                prop_assert!(g.iter().all(|v| v.is_finite()));
            }
        }
    }

    #[test]
    fn bad_parameters_and_targets_are_errors() {
        for (name, params) in [("gce", vec![0.0]), ("focal", vec![-1.0]), ("magic", vec![])] {
            assert!(Loss::new(name, &params, Vec::new()).is_err());
        }
        assert!(Loss::new("hinge", &[], vec![-1.0]).is_err());
        assert!(Loss::new("squared_error", &[], vec![1.0]).is_err());
        let loss = Loss::cross_entropy();
        assert!(loss.check(&[0.0, 1.0], 1).is_ok());
        for y in [2.0, 0.5, -1.0, f64::NAN] {
            assert!(loss.check(&[0.0, y], 1).is_err());
        }
    }
}
