//! The best place to cut one feature, and a random one.

use super::criterion::{Criterion, Stats};
use super::order::{Entry, present};

/// Values closer than this are the same value.
pub(super) const SAME: f32 = 1e-7;

/// What both sides of a cut must have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub min_leaf: usize,
    pub min_weight: f64,
}

/// The bounds of a node's value under monotonic constraints, and the direction of one feature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub low: f64,
    pub high: f64,
    pub direction: i8,
}

/// A cut: rows at or below the threshold go left, missing ones as the flag says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    pub feature: usize,
    pub threshold: f64,
    pub missing_left: bool,
    pub proxy: f64,
}

/// One search of one feature of one node.
pub(super) struct Search<'a, C: Criterion> {
    pub criterion: &'a C,
    pub node: &'a Stats,
    pub limits: Limits,
    pub bounds: Option<Bounds>,
    pub feature: usize,
}

impl<C: Criterion> Search<'_, C> {
    /// The first best cut of sorted entries. With missing values, tries them on the right (all
    /// present ones on the left included), then on the left.
    pub fn best(&self, scan: &mut C::Scan, entries: &[Entry]) -> Option<Cut> {
        let (here, gone) = entries.split_at(present(entries));
        let mut best = None;
        let mut top = f64::NEG_INFINITY;
        for missing_left in [false, true] {
            if missing_left && gone.is_empty() {
                break;
            }
            let (first, then) = if missing_left { (gone, here) } else { (here, gone) };
            self.criterion.begin(scan, self.node, first, then);
            let before = if missing_left { gone.len() } else { 0 };
            for e in &entries[here.len()..here.len() + before] {
                self.criterion.push(scan, e.row());
            }
            for (p, e) in here.iter().enumerate() {
                self.criterion.push(scan, e.row());
                let next = here.get(p + 1);
                match next {
                    Some(next) if next.value() <= e.value() + SAME => continue,
                    None if missing_left || gone.is_empty() => break,
                    _ => {}
                }
                let left = before + p + 1;
                let right = entries.len() - left;
                let Some(proxy) = self.judge(scan, left, right, top) else { continue };
                if proxy > top {
                    top = proxy;
                    best = Some(Cut {
                        feature: self.feature,
                        threshold: next.map_or(f64::INFINITY, |n| middle(e.value(), n.value())),
                        missing_left: if gone.is_empty() { left > right } else { missing_left },
                        proxy,
                    });
                }
            }
        }
        best
    }

    /// A given cut, if it is allowed. The first `left` entries are those that go left.
    pub fn one(&self, scan: &mut C::Scan, entries: &[Entry], left: usize, cut: Cut) -> Option<Cut> {
        let (first, then) = entries.split_at(left);
        self.criterion.begin(scan, self.node, first, then);
        for e in first {
            self.criterion.push(scan, e.row());
        }
        let proxy = self.judge(scan, first.len(), then.len(), f64::NEG_INFINITY)?;
        (proxy > f64::NEG_INFINITY).then_some(Cut { proxy, ..cut })
    }

    /// The proxy of the scan's place, unless a limit or a bound forbids it or it is below `top`.
    #[inline(always)]
    fn judge(&self, scan: &mut C::Scan, left: usize, right: usize, top: f64) -> Option<f64> {
        if left < self.limits.min_leaf || right < self.limits.min_leaf {
            return None;
        }
        let wl = self.criterion.left_weight(scan);
        let wr = self.node.weight - wl;
        let least = self.limits.min_weight;
        if wl <= 0.0 || wr <= 0.0 || wl < least || wr < least {
            return None;
        }
        if self.criterion.hopeless(scan, self.node, top) {
            return None;
        }
        if let Some(bounds) = self.bounds {
            let (l, r) = self.criterion.sides(scan, self.node);
            let inside = |v: f64| v >= bounds.low && v <= bounds.high;
            if !inside(l) || !inside(r) || (l - r) * f64::from(bounds.direction) > 0.0 {
                return None;
            }
        }
        Some(self.criterion.proxy(scan, self.node))
    }
}

fn middle(a: f32, b: f32) -> f64 {
    f64::from(a) / 2.0 + f64::from(b) / 2.0
}

/// Whether a column has more than one value over the rows; present and missing count as two, and
/// nothing but missing as one.
pub(super) fn varies(column: &[f32], rows: &[u32]) -> bool {
    let (mut low, mut high, mut missing) = (f32::INFINITY, f32::NEG_INFINITY, false);
    for &row in rows {
        let v = column[row as usize];
        if v.is_nan() {
            missing = true;
        } else {
            low = low.min(v);
            high = high.max(v);
        }
        if low <= high && (missing || high > low + SAME) {
            return true;
        }
    }
    false
}

/// The same of sorted entries.
pub(super) fn varies_sorted(entries: &[Entry]) -> bool {
    match (entries.first(), entries.last()) {
        (Some(a), Some(b)) if b.is_missing() => !a.is_missing(),
        (Some(a), Some(b)) => b.value() > a.value() + SAME,
        _ => false,
    }
}

/// The least and the greatest value present, and whether any is missing.
pub(super) fn range(entries: &[Entry]) -> (f64, f64, bool) {
    let missing = entries.iter().max().is_some_and(|e| e.is_missing());
    let low = entries.iter().min();
    let high = if missing {
        entries.iter().filter(|e| !e.is_missing()).max()
    } else {
        entries.iter().max()
    };
    let value = |e: Option<&Entry>| e.map_or(f64::NAN, |e| f64::from(e.value()));
    (value(low), value(high), missing)
}

/// Moves what goes left to the front as scikit-learn does it, by swaps with the end, so that sums
/// over the rows of a child add up in its order. Returns how many go left.
pub(super) fn swap_left<T>(items: &mut [T], goes_left: impl Fn(&T) -> bool) -> usize {
    let (mut at, mut end) = (0, items.len());
    while at < end {
        if goes_left(&items[at]) {
            at += 1;
        } else {
            end -= 1;
            items.swap(at, end);
        }
    }
    end
}
