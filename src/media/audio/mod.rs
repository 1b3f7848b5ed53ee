//! Sound: decoding, resampling, spectra. No kernel here reads a file: bytes come in.

pub mod decode;
pub mod resample;
pub mod spectrum;

pub use decode::{Sound, decode};
pub use resample::Resampler;
pub use spectrum::{MelBank, Norm, Scale, Stft};

use crate::base::{Error, Result};

/// Sample rates that are taken, in hertz.
pub const RATES: std::ops::RangeInclusive<u32> = 1_000..=1_000_000;

/// An error unless the sample rate can be used.
pub fn check_rate(rate: u32) -> Result<()> {
    if RATES.contains(&rate) {
        return Ok(());
    }
    let (low, high) = (RATES.start(), RATES.end());
    Err(Error::Parameter(format!("a sample rate is {low} to {high} hertz; got {rate}")))
}
