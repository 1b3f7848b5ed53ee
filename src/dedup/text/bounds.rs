//! What a threshold on the Jaccard similarity asks of sizes and overlaps, in whole numbers.

use crate::base::{Error, Result};

/// The least similarity of a pair. A pair of `shared` out of `all` shingles is one where the
/// quotient, rounded to double precision, is not below it: 4 of 5 is .8.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold(f64);

impl Threshold {
    /// A threshold in (0, 1].
    pub fn new(value: f64) -> Result<Self> {
        if value > 0.0 && value <= 1.0 {
            Ok(Threshold(value))
        } else {
            Err(Error::Parameter(format!("threshold must lie above 0 and up to 1; got {value}")))
        }
    }

    /// The threshold as a number.
    pub fn value(self) -> f64 {
        self.0
    }

    fn met(self, shared: usize, all: usize) -> bool {
        jaccard(shared, all) >= self.0
    }

    /// The least overlap of a pair whose sizes add up to `sizes` (at least 1).
    pub fn overlap(self, sizes: usize) -> usize {
        let mut least = (self.0 / (1.0 + self.0) * sizes as f64) as usize;
        while least > 0 && self.met(least, sizes - least) {
            least -= 1;
        }
        while !self.met(least, sizes - least) {
            least += 1;
        }
        least.max(1)
    }

    /// The least size of a set that can pair with one of `size` shingles.
    pub fn size(self, size: usize) -> usize {
        let mut least = (self.0 * size as f64) as usize;
        while least > 0 && self.met(least, size) {
            least -= 1;
        }
        while !self.met(least, size) {
            least += 1;
        }
        least.max(1)
    }

    /// How many of the rarest shingles of a set of `size` hold one of those it shares with any
    /// partner.
    pub fn prefix(self, size: usize) -> usize {
        size + 1 - self.size(size)
    }
}

/// The similarity of two sets from how many shingles both have and how many either has.
pub fn jaccard(shared: usize, all: usize) -> f64 {
    shared as f64 / all as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn thresholds_are_exact_at_the_edge() {
        let t = Threshold::new(0.8).unwrap();
        assert_eq!((t.overlap(9), t.overlap(10), t.size(5), t.size(6)), (4, 5, 4, 5));
        assert_eq!((t.prefix(10), Threshold::new(1.0).unwrap().prefix(7)), (3, 1));
        for bad in [0.0, -0.1, 1.1, f64::NAN] {
            assert!(Threshold::new(bad).is_err());
        }
    }

    proptest! {
        #[test]
        fn bounds_are_the_least_that_will_do(t in 0.001f64..=1.0, one in 1usize..60, other in 1usize..60) {
            let t = Threshold::new(t).unwrap();
            let all = one + other;
            let least = t.overlap(all);
            prop_assert!(t.met(least, all - least));
            prop_assert!(least == 1 || !t.met(least - 1, all - least + 1));
            let fits = (1..=one.min(other)).any(|shared| t.met(shared, all - shared));
            let (small, large) = (one.min(other), one.max(other));
            prop_assert_eq!(fits, small >= t.size(large));
        }
    }
}
