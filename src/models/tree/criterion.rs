//! What makes a split good: the criteria share one trait, so that the search is written once.

use super::order::Entry;

/// Impurities up to this count as zero, as rounding leaves them.
pub(super) const EPSILON: f64 = f64::EPSILON;

/// By how much, relatively, an estimate of a proxy may be wrong.
pub(super) const SLACK: f64 = 1e-12;

/// The logarithm as scikit-learn takes it, so that equal splits round to the same bits.
#[inline]
pub(super) fn log2(x: f64) -> f64 {
    x.ln() / std::f64::consts::LN_2
}

/// What a node's rows sum to.
#[derive(Debug, Clone, Default)]
pub(super) struct Stats {
    /// The rows' weight.
    pub weight: f64,
    /// The criterion on them.
    pub impurity: f64,
    /// Weight by class, or weighted sum by output, or median by output.
    pub sums: Vec<f64>,
}

/// A criterion. A scan starts with every row on the right and pushes one after the other left.
pub(super) trait Criterion: Sync {
    /// The running state of a scan, reused from one to the next.
    type Scan: Default + Send + Sync;

    /// The sums and the impurity of some rows.
    fn stats(&self, rows: &[u32]) -> Stats;

    /// Appends the value of a node to `out`.
    fn value(&self, node: &Stats, out: &mut Vec<f64>);

    /// Starts a scan over the rows of `first`, then those of `then`.
    fn begin(&self, scan: &mut Self::Scan, node: &Stats, first: &[Entry], then: &[Entry]);

    /// Moves the next row to the left.
    fn push(&self, scan: &mut Self::Scan, row: usize);

    /// The weight on the left.
    fn left_weight(&self, scan: &Self::Scan) -> f64;

    /// Higher where the split here is better; the same order as the decrease of impurity.
    fn proxy(&self, scan: &mut Self::Scan, node: &Stats) -> f64;

    /// Whether the split here surely has a proxy below `top`, told without a division or a
    /// logarithm: most places of a scan are, and those would be most of its time.
    fn hopeless(&self, _scan: &Self::Scan, _node: &Stats, _top: f64) -> bool {
        false
    }

    /// The first value of the left and of the right side.
    fn sides(&self, scan: &Self::Scan, node: &Stats) -> (f64, f64);
}

/// The weight of a row: 1 where no weights were given.
#[inline]
pub(super) fn weight_of(weights: Option<&[f64]>, row: usize) -> f64 {
    weights.map_or(1.0, |w| w[row])
}
