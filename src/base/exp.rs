//! Exponentials and logarithms without branches, so that loops over them run in wide lanes.

use std::f64::consts::LOG2_E;

/// 1.5 * 2^52: a number added to it is rounded to a whole one, which its low bits then hold.
const WHOLE: f64 = 6_755_399_441_055_744.0;
/// log 2 in two parts, the first short enough that its products with whole numbers are exact.
const LN_2: (f64, f64) = (6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10);
/// The bits of the root of 1/2.
const ROOT: u64 = 0x3fe6_a09e_667f_3bcd;

/// e^x within two units of the last place; beyond the range of normal numbers the value at its end.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    let x = x.clamp(-708.0, 709.0);
    let whole = x * LOG2_E + WHOLE;
    let k = whole - WHOLE;
    let r = x - k * LN_2.0 - k * LN_2.1;
    // The series, in pairs so that fewer steps wait for each other.
    let r2 = r * r;
    let r4 = r2 * r2;
    let low = (1.0 + r) + r2 * (0.5 + r * (1.0 / 6.0));
    let middle = (1.0 / 24.0 + r * (1.0 / 120.0)) + r2 * (1.0 / 720.0 + r * (1.0 / 5040.0));
    let high = (1.0 / 40_320.0 + r * (1.0 / 362_880.0))
        + r2 * (1.0 / 3_628_800.0 + r * (1.0 / 39_916_800.0));
    let top = 1.0 / 479_001_600.0 + r * (1.0 / 6_227_020_800.0);
    let series = low + r4 * (middle + r4 * (high + r4 * top));
    f64::from_bits(series.to_bits().wrapping_add(whole.to_bits() << 52))
}

/// log(1 + x) of numbers that are not negative, within a few units of the last place.
#[inline(always)]
pub fn ln_1p(x: f64) -> f64 {
    let u = 1.0 + x;
    let lost = (x - (u - 1.0)) / u;
    // u = m * 2^k, with m between the root of 1/2 and that of 2.
    let shifted = u.to_bits().wrapping_add(0x3ff0_0000_0000_0000 - ROOT);
    let k = f64::from_bits((shifted >> 52) | 0x4330_0000_0000_0000)
        - (4_503_599_627_370_496.0 + 1023.0);
    let m = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff).wrapping_add(ROOT));
    // 2 artanh(s), with s = (m - 1) / (m + 1).
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let z2 = z * z;
    let z4 = z2 * z2;
    let low = (1.0 + z * (1.0 / 3.0)) + z2 * (1.0 / 5.0 + z * (1.0 / 7.0));
    let high = (1.0 / 9.0 + z * (1.0 / 11.0)) + z2 * (1.0 / 13.0 + z * (1.0 / 15.0));
    let top = 1.0 / 17.0 + z * (1.0 / 19.0) + z2 * (1.0 / 21.0);
    let series = low + z4 * (high + z4 * top);
    k * LN_2.0 + (2.0 * s * series + (k * LN_2.1 + lost))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_those_of_the_standard_library(x in -700.0f64..700.0, e in -320.0f64..300.0) {
            prop_assert!((exp(x) / x.exp() - 1.0).abs() < 6e-16);
            let y = 10f64.powf(e);
            prop_assert!((ln_1p(y) - y.ln_1p()).abs() <= 6e-16 * y.ln_1p());
        }
    }

    #[test]
    fn ends_and_what_is_not_a_number() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(ln_1p(0.0), 0.0);
        assert!(exp(-1e300) > 0.0 && exp(-1e300) < 1e-300);
        assert!(exp(1e300).is_finite());
        assert!(exp(f64::NAN).is_nan() && ln_1p(f64::NAN).is_nan());
        assert!((ln_1p(1.0) - std::f64::consts::LN_2).abs() < 2e-16);
    }
}
