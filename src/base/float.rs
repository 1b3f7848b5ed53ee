//! f32 and f64 under one name. Missing is NaN; sums are made in f64.

/// A float type that kernels take.
pub trait Float: Copy + PartialOrd + Send + Sync + 'static {
    /// The missing value.
    const MISSING: Self;
    /// Widened to f64, exactly.
    fn wide(self) -> f64;
    /// Rounded from f64.
    fn narrow(x: f64) -> Self;
    /// True for NaN.
    fn is_missing(self) -> bool;
}

impl Float for f32 {
    const MISSING: f32 = f32::NAN;
    #[inline]
    fn wide(self) -> f64 {
        f64::from(self)
    }
    fn narrow(x: f64) -> f32 {
        x as f32
    }
    #[inline]
    fn is_missing(self) -> bool {
        self.is_nan()
    }
}

impl Float for f64 {
    const MISSING: f64 = f64::NAN;
    #[inline]
    fn wide(self) -> f64 {
        self
    }
    fn narrow(x: f64) -> f64 {
        x
    }
    #[inline]
    fn is_missing(self) -> bool {
        self.is_nan()
    }
}

/// Bits by which values are equal: every NaN is one value, and so are 0.0 and -0.0.
pub fn equality_bits(x: f64) -> u64 {
    if x.is_nan() { f64::NAN.to_bits() } else { (x + 0.0).to_bits() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_and_nans_are_equal() {
        assert_eq!(equality_bits(0.0), equality_bits(-0.0));
        assert_eq!(equality_bits(f64::NAN), equality_bits(-f64::NAN));
        assert_ne!(equality_bits(1.0), equality_bits(-1.0));
        assert_eq!(f32::narrow(0.1f32.wide()), 0.1f32);
    }
}
