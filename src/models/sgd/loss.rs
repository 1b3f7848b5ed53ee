//! The losses of stochastic gradient descent: scikit-learn's, those all models share, one's own.

use crate::base::Result;
use crate::base::loss::Loss;

/// A loss that only its owner can call, for rows at once: `f(targets, scores, values, slopes)`.
pub type Slopes<'a> = dyn Fn(&[f64], &[f64], &mut [f64], &mut [f64]) -> Result<()> + Sync + 'a;

/// A loss of one score. Classes are -1 and 1, or 0 and 1 where `low` says so.
pub enum Rule<'a> {
    /// Hinge with this margin: 1, or 0 for the perceptron. At the kink it has the slope of a miss,
    /// or a perceptron would never leave nought.
    Hinge(f64),
    /// The square of hinge.
    SquaredHinge,
    /// The square of hinge, a line from -1 on.
    ModifiedHuber,
    /// Errors beyond this one, absolute.
    Insensitive(f64),
    /// Errors beyond this one, squared.
    SquaredInsensitive(f64),
    /// One of the losses that all models share.
    Shared(Loss),
    /// A loss that is asked for many rows at once.
    Own(&'a Slopes<'a>),
}

impl Rule<'_> {
    /// The loss called `name` with its parameters in order.
    pub fn new(name: &str, params: &[f64]) -> Result<Self> {
        Ok(match (name, params) {
            ("hinge", &[margin]) => Rule::Hinge(margin),
            ("squared_hinge", &[1.0]) => Rule::SquaredHinge,
            ("modified_huber", &[]) => Rule::ModifiedHuber,
            ("epsilon_insensitive", &[e]) => Rule::Insensitive(e),
            ("squared_epsilon_insensitive", &[e]) => Rule::SquaredInsensitive(e),
            _ => Rule::Shared(Loss::new(name, params, Vec::new())?),
        })
    }

    /// What the class stands for that is not the one in question.
    pub fn low(&self) -> f64 {
        match self {
            Rule::Shared(loss) if loss.classifies() => 0.0,
            Rule::Own(_) => 0.0,
            _ => -1.0,
        }
    }

    /// Whether a step that is as large as the loss goes towards the class, not the number.
    pub fn towards_class(&self) -> bool {
        matches!(self, Rule::Hinge(_))
    }

    /// The loss of target `y` at a score, and its slope.
    #[inline(always)]
    pub fn look(&self, y: f64, score: f64) -> (f64, f64) {
        let z = y * score;
        match self {
            Rule::Hinge(margin) if z <= *margin => (margin - z, -y),
            Rule::SquaredHinge if z < 1.0 => ((1.0 - z) * (1.0 - z), -2.0 * y * (1.0 - z)),
            Rule::ModifiedHuber if z < -1.0 => (-4.0 * z, -4.0 * y),
            Rule::ModifiedHuber if z < 1.0 => ((1.0 - z) * (1.0 - z), -2.0 * y * (1.0 - z)),
            Rule::Insensitive(e) | Rule::SquaredInsensitive(e) => {
                let (error, beyond) = (score - y, (score - y).abs() - e);
                if beyond.is_nan() {
                    (beyond, beyond)
                } else if beyond <= 0.0 {
                    (0.0, 0.0)
                } else if matches!(self, Rule::Insensitive(_)) {
                    (beyond, error.signum())
                } else {
                    (beyond * beyond, 2.0 * beyond * error.signum())
                }
            }
            Rule::Shared(loss) => {
                let at = loss.one(y, score);
                (at.value, at.gradient)
            }
            // A margin that is kept costs nothing; a score that is no number spoils the weights,
            // which are looked at after each epoch.
            _ if z.is_nan() => (z, z),
            _ => (0.0, 0.0),
        }
    }
}
