//! Steps along gradients: Adam, and descent with momentum.

use super::layers::Num;
use crate::base::lanes;

/// How parameters move.
#[derive(Debug, Clone, Copy)]
pub enum Optim {
    /// Kingma and Ba (2014).
    Adam {
        /// How much of the mean of gradients is kept.
        beta_1: f64,
        /// How much of the mean of their squares is kept.
        beta_2: f64,
        /// What keeps steps small where gradients vanish.
        epsilon: f64,
    },
    /// Stochastic gradient descent.
    Sgd {
        /// How much of the step before is kept.
        momentum: f64,
        /// Whether to look ahead (Nesterov).
        nesterov: bool,
    },
}

/// One step: what it is made of, but for the gradient.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    optim: Optim,
    /// The length of steps; Adam's is corrected for its start.
    rate: f64,
    /// The weight of the batch.
    total: f64,
    /// The penalty of squares.
    alpha: f64,
    /// The share of a weight that a step takes away.
    decay: f64,
}

impl Step {
    /// Step number `count` (from 1) at a learning rate.
    pub fn new(
        optim: Optim,
        count: u64,
        rate: f64,
        total: f64,
        (alpha, weight_decay): (f64, f64),
    ) -> Self {
        let decay = rate * weight_decay;
        let rate = match optim {
            Optim::Adam { beta_1, beta_2, .. } => {
                let t = count as f64;
                rate * (1.0 - beta_2.powf(t)).sqrt() / (1.0 - beta_1.powf(t))
            }
            Optim::Sgd { .. } => rate,
        };
        Step { optim, rate, total, alpha, decay }
    }

    /// The same for biases, which are neither penalised nor decay.
    pub fn of_biases(self) -> Self {
        Step { alpha: 0.0, decay: 0.0, ..self }
    }

    /// Moves `w` along the sums of slopes `g`, with the memory `m` and `v` (Adam's alone).
    pub fn take<T: Num>(&self, w: &mut [T], g: &[T], m: &mut [T], v: &mut [T]) {
        let of = |x: f64| T::narrow(x);
        let (rate, inverse, alpha, kept) =
            (of(self.rate), of(1.0 / self.total), of(self.alpha), of(1.0 - self.decay));
        match self.optim {
            Optim::Adam { beta_1, beta_2, epsilon } => {
                let (b1, b2, e) = (of(beta_1), of(beta_2), of(epsilon));
                let (a1, a2) = (of(1.0 - beta_1), of(1.0 - beta_2));
                lanes::run(
                    #[inline(always)]
                    || {
                        for (((w, g), m), v) in
                            w.iter_mut().zip(g).zip(m.iter_mut()).zip(v.iter_mut())
                        {
                            let g = (*g + alpha * *w) * inverse;
                            *m = b1 * *m + a1 * g;
                            *v = b2 * *v + a2 * (g * g);
                            *w = *w * kept - rate * *m / (v.root() + e);
                        }
                    },
                );
            }
            Optim::Sgd { momentum, nesterov } => {
                let keep = of(momentum);
                lanes::run(
                    #[inline(always)]
                    || {
                        for ((w, g), m) in w.iter_mut().zip(g).zip(m.iter_mut()) {
                            let g = (*g + alpha * *w) * inverse;
                            *m = keep * *m - rate * g;
                            let step = if nesterov { keep * *m - rate * g } else { *m };
                            *w = *w * kept + step;
                        }
                    },
                );
            }
        }
    }
}
