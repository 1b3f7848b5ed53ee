//! How loud: factors.

/// The factor of an amplitude that so many decibels are.
pub fn factor(decibel: f64) -> f64 {
    10f64.powf(decibel / 20.0)
}

/// Times a factor.
pub fn scale(factor: f64, src: &[f32], dst: &mut [f32]) {
    let factor = factor as f32;
    dst.iter_mut().zip(src).for_each(|(d, s)| *d = s * factor);
}
