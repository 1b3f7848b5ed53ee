//! JPEG: there and back at a quality.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat};

use super::pixel::{Pixel, Shape};
use crate::base::{Error, Result};

/// Compresses the colours and reads them back; alpha stays.
pub fn round_trip<T: Pixel>(quality: u8, src: &[T], dst: &mut [T], shape: Shape) -> Result<()> {
    let (c, colours) = (shape.c, shape.colours());
    let unit = 255.0 / T::FULL;
    let bytes: Vec<u8> = src
        .chunks_exact(c)
        .flat_map(|s| s[..colours].iter().map(|x| u8::put(x.get() * unit)))
        .collect();
    let kind = if colours == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let bad = |e: image::ImageError| Error::Data(format!("JPEG cannot hold this image: {e}"));
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality)
        .encode(&bytes, shape.w as u32, shape.h as u32, kind)
        .map_err(bad)?;
    let back = image::load(Cursor::new(file), ImageFormat::Jpeg).map_err(bad)?;
    let back =
        if colours == 1 { back.into_luma8().into_raw() } else { back.into_rgb8().into_raw() };
    dst.copy_from_slice(src);
    for (d, b) in dst.chunks_exact_mut(c).zip(back.chunks_exact(colours)) {
        d.iter_mut().zip(b).for_each(|(d, &b)| *d = T::put(f32::from(b) / unit));
    }
    Ok(())
}
