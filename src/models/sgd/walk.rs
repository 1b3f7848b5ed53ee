//! The weights on their way, and the step of one row.

use super::super::cells::Row;
use super::loss::Rule;
use super::{Rate, Settings};

/// Weights whose scale is this small are multiplied out.
const LEAST_SCALE: f64 = 1e-9;
/// Slopes are cut off here.
const STEEPEST: f64 = 1e12;

/// The weights of one problem, `scale * w`, and what goes with them.
pub(super) struct Walk<'a> {
    set: &'a Settings,
    w: Vec<f64>,
    scale: f64,
    pub intercept: f64,
    /// The mean of the weights over the steps is `(mean + a * w) / b`.
    mean: Vec<f64>,
    a: f64,
    b: f64,
    pub mean_intercept: f64,
    /// What each weight was pulled to zero by so far, and could have been.
    pulled: Vec<f64>,
    pull: f64,
    /// Sums of squares and of absolute values of the weights.
    square: f64,
    size: f64,
    pub t: f64,
    pub eta: f64,
    /// The objective, summed up over the rows of an epoch.
    pub objective: f64,
}

impl<'a> Walk<'a> {
    /// Starts at weights and their mean (empty unless it is asked for).
    pub fn new(set: &'a Settings, w: Vec<f64>, intercept: f64, mean: Vec<f64>, t: f64) -> Self {
        let pulled = if set.l1() > 0.0 { vec![0.0; w.len()] } else { Vec::new() };
        Walk {
            set,
            w,
            scale: 1.0,
            intercept,
            mean,
            a: 0.0,
            b: 1.0,
            mean_intercept: 0.0,
            pulled,
            pull: 0.0,
            square: 0.0,
            size: 0.0,
            t,
            eta: set.eta0,
            objective: 0.0,
        }
    }

    /// The score of a row.
    #[inline(always)]
    pub fn score(&self, row: &Row<f64>) -> f64 {
        self.scale * row.dot(&self.w) + self.intercept
    }

    /// Sets out for an epoch.
    pub fn begin(&mut self) {
        self.objective = 0.0;
        self.square = self.scale * self.scale * self.w.iter().map(|w| w * w).sum::<f64>();
        self.size = self.scale * self.w.iter().map(|w| w.abs()).sum::<f64>();
    }

    /// Makes the step of a row of target `y`; `known` are its loss and slope if they are not to
    /// be taken here.
    #[inline(always)]
    pub fn step(
        &mut self,
        rule: &Rule,
        row: &Row<f64>,
        y: f64,
        weight: f64,
        known: Option<(f64, f64)>,
    ) {
        let set = self.set;
        let mut inner = self.scale * row.dot(&self.w);
        let score = inner + self.intercept;
        match set.rate {
            Rate::Optimal => self.eta = 1.0 / (set.alpha * (set.first + self.t - 1.0)),
            Rate::Scaling => self.eta = set.eta0 / power(self.t, set.power),
            _ => {}
        }
        let (value, slope) = match known {
            Some(known) => known,
            None => rule.look(y, score),
        };
        if set.watch {
            self.objective += value;
            if !matches!(set.rate, Rate::Passive | Rate::Passive2) {
                let bend = 0.5 * set.l2() * self.square.max(0.0);
                self.objective += bend + set.l1() * self.size.max(0.0);
            }
        }
        let length = if set.lengths() { row.square() } else { 0.0 };
        let towards = if rule.towards_class() {
            y
        } else if y < score {
            -1.0
        } else {
            1.0
        };
        let step = match set.rate {
            Rate::Passive if length == 0.0 => return,
            Rate::Passive => towards * (value / length).min(set.eta0),
            Rate::Passive2 => towards * value / (length + 0.5 / set.eta0),
            _ => -self.eta * slope.clamp(-STEEPEST, STEEPEST),
        } * weight;
        if set.l2() > 0.0 {
            let by = (1.0 - self.eta * set.l2()).max(0.0);
            self.shrink(by);
            inner *= by;
        }
        if set.intercept {
            self.intercept += step * set.decay;
        }
        let before = self.a;
        let averaged = set.average > 0.0 && set.average <= self.t;
        if averaged {
            let count = self.t - set.average + 1.0;
            if count > 1.0 {
                self.b /= 1.0 - 1.0 / count;
            }
            self.a += self.b * self.scale / count;
            self.mean_intercept += (self.intercept - self.mean_intercept) / count;
        }
        if self.pulled.is_empty() {
            self.move_by(row, step, averaged.then_some(before));
            self.square += step * (2.0 * inner + step * length);
        } else {
            self.move_and_pull(row, step, averaged.then_some(before));
        }
        self.t += 1.0;
    }

    /// Adds `step` times the row.
    #[inline(always)]
    fn move_by(&mut self, row: &Row<f64>, step: f64, averaged: Option<f64>) {
        if step == 0.0 {
            return;
        }
        let by = step / self.scale;
        row.add(&mut self.w, by);
        if let Some(a) = averaged {
            row.add(&mut self.mean, -a * by);
        }
    }

    /// Adds `step` times the row, then pulls the weights of its columns to zero by all that they
    /// have not been pulled by yet (Tsuruoka, Tsujii and Ananiadou 2009).
    #[inline(always)]
    fn move_and_pull(&mut self, row: &Row<f64>, step: f64, averaged: Option<f64>) {
        let set = self.set;
        self.pull += self.eta * set.l1();
        let (by, scale, pull, after) = (step / self.scale, self.scale, self.pull, self.a);
        let (w, pulled, mean) = (&mut self.w, &mut self.pulled, &mut self.mean);
        let (mut square, mut size) = (0.0, 0.0);
        row.each(|j, v| {
            let Some(old) = w.get(j).copied() else { return };
            let moved = old + v * by;
            let new = if moved > 0.0 {
                (moved - (pull + pulled[j]) / scale).max(0.0)
            } else if moved < 0.0 {
                (moved + (pull - pulled[j]) / scale).min(0.0)
            } else {
                moved
            };
            w[j] = new;
            pulled[j] += scale * (new - moved);
            square += new * new - old * old;
            size += new.abs() - old.abs();
            if let Some(mean) = mean.get_mut(j) {
                *mean -= averaged.map_or(0.0, |a| a * v * by) + after * (new - moved);
            }
        });
        self.square += scale * scale * square;
        self.size += scale * size;
    }

    #[inline(always)]
    fn shrink(&mut self, by: f64) {
        self.scale *= by;
        self.square *= by * by;
        self.size *= by;
        if self.scale < LEAST_SCALE {
            self.settle();
        }
    }

    /// Multiplies the scale out.
    pub fn settle(&mut self) {
        for (mean, w) in self.mean.iter_mut().zip(&self.w) {
            *mean = (*mean + self.a * w) / self.b;
        }
        (self.a, self.b) = (0.0, 1.0);
        self.w.iter_mut().for_each(|w| *w *= self.scale);
        self.scale = 1.0;
    }

    /// The weights of the first `width` columns, and their mean. Settle first.
    pub fn ends(self, width: usize) -> (Vec<f64>, Vec<f64>) {
        let (mut w, mut mean) = (self.w, self.mean);
        w.truncate(width);
        mean.truncate(width);
        (w, mean)
    }

    /// Whether the weights and the intercept are numbers after `narrow`.
    pub fn sound(&self, narrow: impl Fn(f64) -> f64) -> bool {
        let finite = |v: f64| narrow(v).is_finite();
        finite(self.intercept) && self.w.iter().all(|w| finite(w * self.scale))
    }
}

/// t^by, quickly where the power is one of the defaults.
#[inline(always)]
fn power(t: f64, by: f64) -> f64 {
    if by == 0.25 {
        t.sqrt().sqrt()
    } else if by == 0.5 {
        t.sqrt()
    } else {
        t.powf(by)
    }
}
