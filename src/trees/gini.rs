//! Splits by the Gini impurity of three classes or more.
//!
//! The rows of a node are put in the order of their bins; what a row adds to the sums of squared
//! counts is known from its class alone, so that the number of classes costs nothing.

use super::binned::{BinSet, Seen};
use super::split::{Goal, each};

/// Steps of the power iteration that puts categories in order.
const STEPS: usize = 12;

/// A class, and how often its row counts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Vote {
    class: u32,
    weight: u32,
}

/// The goal for classes.
pub(super) struct Gini<'a> {
    /// The class of each row.
    codes: &'a [u32],
    min_leaf: f64,
    /// The counts of the node's classes, their sum and sum of squares.
    counts: Vec<f64>,
    weight: f64,
    square: f64,
    /// The counts left of a cut: zero but within `scan`.
    left: Vec<f64>,
    /// The rows in the order of their bins, and where each bin ends; `ends` is zero at rest.
    sorted: Vec<Vote>,
    ends: Vec<u32>,
    starts: Vec<u32>,
    seen: Seen,
}

impl<'a> Gini<'a> {
    pub fn new(codes: &'a [u32], n_classes: usize, min_leaf: f64) -> Self {
        Gini {
            codes,
            min_leaf,
            counts: vec![0.0; n_classes],
            weight: 0.0,
            square: 0.0,
            left: vec![0.0; n_classes],
            sorted: Vec::new(),
            ends: vec![0; 256],
            starts: vec![0; 256],
            seen: Seen::default(),
        }
    }

    fn votes(&self, bin: u8) -> &[Vote] {
        let at = usize::from(bin);
        &self.sorted[self.starts[at] as usize..self.ends[at] as usize]
    }

    /// Each bin's place on the first principal axis of the bins' class shares, by power iteration
    /// (Coppersmith, Hong and Hosking 1999).
    fn scores(&self, bins: &[u8]) -> Vec<f64> {
        let weights: Vec<f64> = bins
            .iter()
            .map(|&bin| self.votes(bin).iter().map(|v| f64::from(v.weight)).sum())
            .collect();
        let along = |axis: &[f64]| -> Vec<f64> {
            let mean: f64 = axis.iter().zip(&self.counts).map(|(a, c)| a * c).sum();
            let one = |(&bin, weight): (&u8, &f64)| {
                let sum: f64 = self
                    .votes(bin)
                    .iter()
                    .map(|v| f64::from(v.weight) * axis[v.class as usize])
                    .sum();
                sum / weight - mean / self.weight
            };
            bins.iter().zip(&weights).map(one).collect()
        };
        // From the most frequent class, which is seldom at a right angle to the axis.
        let mut axis = vec![0.0; self.counts.len()];
        let most = (0..axis.len()).max_by(|&a, &b| self.counts[a].total_cmp(&self.counts[b]));
        axis[most.unwrap_or(0)] = 1.0;
        let mut scores = along(&axis);
        for _ in 0..STEPS {
            let mut next = vec![0.0; axis.len()];
            let pull: f64 = scores.iter().zip(&weights).map(|(s, w)| s * w).sum();
            for (&bin, score) in bins.iter().zip(&scores) {
                for v in self.votes(bin) {
                    next[v.class as usize] += f64::from(v.weight) * score;
                }
            }
            next.iter_mut().zip(&self.counts).for_each(|(x, c)| *x -= pull * c / self.weight);
            let size = next.iter().map(|x| x * x).sum::<f64>().sqrt();
            if !size.is_normal() {
                break;
            }
            next.iter_mut().for_each(|x| *x /= size);
            axis = next;
            scores = along(&axis);
        }
        scores
    }
}

impl Goal for Gini<'_> {
    type Item = Vote;

    fn item(&self, row: u32, weight: u32) -> Vote {
        Vote { class: self.codes[row as usize], weight }
    }

    fn weight(item: &Vote) -> f64 {
        f64::from(item.weight)
    }

    fn begin(&mut self, items: &[Vote]) -> bool {
        self.counts.fill(0.0);
        for v in items {
            self.counts[v.class as usize] += f64::from(v.weight);
        }
        self.weight = self.counts.iter().sum();
        self.square = self.counts.iter().map(|c| c * c).sum();
        let classes = self.counts.iter().filter(|&&c| c > 0.0).count();
        classes > 1 && self.weight >= 2.0 * self.min_leaf
    }

    fn gather(&mut self, column: &[u8], rows: &[u32], items: &[Vote]) -> BinSet {
        for &row in rows {
            let bin = column[row as usize];
            self.ends[usize::from(bin)] += 1;
            self.seen.put(bin);
        }
        let seen = self.seen.take();
        let mut at = 0;
        each(&seen, |bin| {
            let bin = usize::from(bin);
            self.starts[bin] = at;
            at += self.ends[bin];
            self.ends[bin] = self.starts[bin];
        });
        self.sorted.clear();
        self.sorted.resize(items.len(), Vote::default());
        for (&row, &vote) in rows.iter().zip(items) {
            let end = &mut self.ends[usize::from(column[row as usize])];
            self.sorted[*end as usize] = vote;
            *end += 1;
        }
        seen
    }

    fn sort(&mut self, bins: &mut [u8]) {
        let scores = self.scores(bins);
        let mut order: Vec<(f64, u8)> = scores.into_iter().zip(bins.iter().copied()).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        bins.iter_mut().zip(order).for_each(|(bin, (_, sorted))| *bin = sorted);
    }

    fn scan(&mut self, order: &[u8]) -> Option<(f64, usize)> {
        let mut left = std::mem::take(&mut self.left);
        let (mut weight, mut first, mut rest) = (0.0, 0.0, self.square);
        let (mut top, mut place) = (f64::NEG_INFINITY, 0);
        for (k, &bin) in order[..order.len() - 1].iter().enumerate() {
            for v in self.votes(bin) {
                let (w, class) = (f64::from(v.weight), v.class as usize);
                let right = self.counts[class] - left[class];
                first += w * (2.0 * left[class] + w);
                rest -= w * (2.0 * right - w);
                left[class] += w;
                weight += w;
            }
            let other = self.weight - weight;
            if weight < self.min_leaf || other < self.min_leaf {
                continue;
            }
            let worth = first / weight + rest / other;
            if worth > top {
                (top, place) = (worth, k + 1);
            }
        }
        left.fill(0.0);
        self.left = left;
        (place > 0).then_some((top, place))
    }

    fn clear(&mut self, bins: &[u8]) {
        bins.iter().for_each(|&bin| self.ends[usize::from(bin)] = 0);
    }

    fn base(&self) -> f64 {
        self.square / self.weight
    }
}
