//! Images from the bytes of a file or from pixels, and small versions of them.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Cursor;

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::image_jpeg::{self, Means};
use super::image_shrink::{Turn, sums};
use crate::base::{Error, Result};

/// A JPEG file is read at a quarter of its size if its shorter side has so many pixels at least.
const LARGE: usize = 256;

/// Values of pixels, by row, column and channel.
#[derive(Debug, Clone)]
pub enum Values<'a> {
    /// 0 to 255.
    U8(Cow<'a, [u8]>),
    /// 0 to 65535.
    U16(Cow<'a, [u16]>),
}

/// All pixels of an image as they are stored, of 1 (grey), 2 (grey, alpha), 3 or 4 channels.
#[derive(Debug, Clone)]
pub struct Pixels<'a> {
    /// Columns and rows.
    pub size: (usize, usize),
    /// Values of a pixel.
    pub channels: usize,
    /// The values.
    pub values: Values<'a>,
}

/// An image, and how it is to be turned to stand upright.
#[derive(Debug, Clone)]
pub struct Image<'a> {
    content: Content<'a>,
    turn: Turn,
}

#[derive(Debug, Clone)]
enum Content<'a> {
    Means(Means),
    Pixels(Pixels<'a>),
}

/// An upright image on a square grid: brightness (n x n cells) and colour (n/2 x n/2 cells, Cb then
/// Cr), as JPEG has them. What can be seen through lies on white.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Small {
    /// Brightness.
    pub luma: Vec<u8>,
    /// Colour; 128 is grey.
    pub chroma: Vec<u8>,
}

impl<'a> Pixels<'a> {
    /// Checks that there are values for all pixels.
    pub fn new(size: (usize, usize), channels: usize, values: Values<'a>) -> Result<Self> {
        let n = match &values {
            Values::U8(v) => v.len(),
            Values::U16(v) => v.len(),
        };
        if n == 0 || !(1..=4).contains(&channels) || size.0 * size.1 * channels != n {
            let (w, h) = size;
            return Err(Error::Shape(format!(
                "{n} values are no image of {h} x {w} pixels and {channels} channels"
            )));
        }
        Ok(Pixels { size, channels, values })
    }

    /// Red, green, blue and alpha of all pixels at 16 bits each, in one word a pixel.
    pub fn words(&self) -> Vec<u64> {
        let pack = |p: &[u16]| {
            let [r, g, b, a] = match *p {
                [v] => [v, v, v, u16::MAX],
                [v, a] => [v, v, v, a],
                [r, g, b] => [r, g, b, u16::MAX],
                [r, g, b, a, ..] => [r, g, b, a],
                [] => [0; 4],
            };
            u64::from(r) << 48 | u64::from(g) << 32 | u64::from(b) << 16 | u64::from(a)
        };
        match &self.values {
            Values::U8(v) => {
                let wide = |p: &[u8]| p.iter().map(|&v| u16::from(v) * 257).collect::<Vec<_>>();
                v.chunks_exact(self.channels).map(|p| pack(&wide(p))).collect()
            }
            Values::U16(v) => v.chunks_exact(self.channels).map(pack).collect(),
        }
    }

    /// Red, green and blue of the cells of a grid, from 0 to 255 times `size.0 * size.1`.
    fn colours(&self, cells: (usize, usize)) -> Vec<u64> {
        let (values, scale): (_, u64) = match &self.values {
            Values::U8(v) => (self.sums(&on_white(v, self.channels, 255), cells), 1),
            Values::U16(v) => (self.sums(&on_white(v, self.channels, 65535), cells), 257),
        };
        match values.len() / (cells.0 * cells.1) {
            1 => values.iter().flat_map(|&v| [v / scale; 3]).collect(),
            _ => values.iter().map(|&v| v / scale).collect(),
        }
    }

    fn sums<T: Copy + Into<u64>>(&self, opaque: &[T], cells: (usize, usize)) -> Vec<u64> {
        let channels = opaque.len() / (self.size.0 * self.size.1);
        sums(opaque, self.size.0, channels, (1, 1), self.size, cells)
    }
}

/// The values without alpha: laid on white.
fn on_white<T>(values: &[T], channels: usize, white: u32) -> Cow<'_, [T]>
where
    T: Copy + Into<u32> + TryFrom<u32> + Default,
{
    if channels % 2 == 1 {
        return Cow::Borrowed(values);
    }
    let mut out = Vec::with_capacity(values.len() / channels * (channels - 1));
    for pixel in values.chunks_exact(channels) {
        let alpha: u64 = pixel[channels - 1].into().into();
        for &value in &pixel[..channels - 1] {
            let (value, white): (u64, u64) = (value.into().into(), white.into());
            let laid = (value * alpha + white * (white - alpha) + white / 2) / white;
            out.push(T::try_from(laid as u32).unwrap_or_default());
        }
    }
    Cow::Owned(out)
}

impl<'a> Image<'a> {
    /// An image of pixels; `tag` is its orientation as cameras write it, 1 for upright.
    pub fn from_pixels(pixels: Pixels<'a>, tag: u8) -> Self {
        Image { content: Content::Pixels(pixels), turn: Turn::from_exif(tag) }
    }

    /// An image of the bytes of a file. With `whole`, all pixels are decoded; else a JPEG file may be
    /// read at a quarter of its size.
    ///
    /// More than `max_pixels` are refused before they are decoded.
    pub fn decode(bytes: &[u8], max_pixels: u64, whole: bool) -> Result<Image<'static>> {
        let format = image::guess_format(bytes).map_err(|_| {
            Error::Data("this is no JPEG, PNG, GIF, WebP, BMP or TIFF image".into())
        })?;
        let allow = |w: usize, h: usize| {
            if w as u64 * h as u64 <= max_pixels {
                return Ok(());
            }
            Err(Error::Data(format!(
                "the image has {w} x {h} pixels, and more than max_pixels={max_pixels} are not \
                 decoded: raise max_pixels if the file can be trusted"
            )))
        };
        if format == ImageFormat::Jpeg {
            let means = image_jpeg::means(bytes, allow)?;
            if let Some(means) = means
                && !whole
                && means.size.0.min(means.size.1) >= LARGE
            {
                return Ok(Image { content: Content::Means(means), turn: turn_of(bytes) });
            }
        }
        let broken = |e: &dyn Display| Error::Data(format!("the image cannot be decoded: {e}"));
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::default();
        limits.max_alloc = Some(max_pixels.saturating_mul(8).saturating_add(1 << 24));
        reader.limits(limits);
        let decoder = reader.into_decoder().map_err(|e| broken(&e))?;
        let (w, h) = decoder.dimensions();
        allow(w as usize, h as usize)?;
        let decoded = DynamicImage::from_decoder(decoder).map_err(|e| broken(&e))?;
        Ok(Image { content: Content::Pixels(pixels_of(decoded)?), turn: turn_of(bytes) })
    }

    /// Pixels across and down when it stands upright.
    pub fn size(&self) -> (usize, usize) {
        let (w, h) = match &self.content {
            Content::Means(m) => m.size,
            Content::Pixels(p) => p.size,
        };
        if self.turn.swaps() { (h, w) } else { (w, h) }
    }

    /// All its pixels, where they were decoded, and how they are to be turned.
    pub fn pixels(&self) -> Option<(&Pixels<'a>, Turn)> {
        match &self.content {
            Content::Pixels(p) => Some((p, self.turn)),
            Content::Means(_) => None,
        }
    }

    /// The image on a grid of n x n cells; `n` is even.
    pub fn small(&self, n: usize) -> Small {
        let (luma, cb, cr) = match &self.content {
            Content::Means(m) => small_of_means(m, n),
            Content::Pixels(p) => small_of_pixels(p, n),
        };
        let turned = |grid: &[u8], n| self.turn.apply(grid, (n, n), 1);
        let chroma = [turned(&cb, n / 2), turned(&cr, n / 2)].concat();
        Small { luma: turned(&luma, n), chroma }
    }

    /// The image in red, green and blue, its longer side at most `side`; and its columns and rows.
    pub fn preview(&self, side: usize) -> (Vec<u8>, (usize, usize)) {
        let Content::Pixels(pixels) = &self.content else { return (Vec::new(), (0, 0)) };
        let (w, h) = pixels.size;
        let long = w.max(h).max(1);
        let fit = |s: usize| if long <= side { s } else { (s * side).div_ceil(long).max(1) };
        let cells = (fit(w), fit(h));
        let area = (w * h) as u64;
        let rgb: Vec<u8> =
            pixels.colours(cells).iter().map(|&sum| ((sum + area / 2) / area) as u8).collect();
        let turned = self.turn.apply(&rgb, cells, 3);
        (turned, if self.turn.swaps() { (cells.1, cells.0) } else { cells })
    }
}

fn small_of_means(means: &Means, n: usize) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let area = (means.size.0 * means.size.1) as u64;
    let grid = |k: usize, n: usize| -> Vec<u8> {
        let Some(plane) = means.planes.get(k) else { return vec![128; n * n] };
        let sums = sums(&plane.data, plane.columns, 1, plane.step, means.size, (n, n));
        sums.iter().map(|&sum| ((sum + area / 2) / area) as u8).collect()
    };
    (grid(0, n), grid(1, n / 2), grid(2, n / 2))
}

fn small_of_pixels(pixels: &Pixels, n: usize) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let rgb = pixels.colours((n, n));
    let area = (pixels.size.0 * pixels.size.1) as i128;
    // The weights of JPEG, in 1/65536.
    let mix = |rgb: [i128; 3], by: [i128; 3], cells: i128, grey: i128| -> u8 {
        let sum = rgb[0] * by[0] + rgb[1] * by[1] + rgb[2] * by[2];
        let all = 65536 * area * cells;
        (grey + (2 * sum + all).div_euclid(2 * all)).clamp(0, 255) as u8
    };
    let cell = |x: usize, y: usize| {
        let at = (y * n + x) * 3;
        [rgb[at].into(), rgb[at + 1].into(), rgb[at + 2].into()]
    };
    let luma = (0..n * n).map(|i| mix(cell(i % n, i / n), [19595, 38470, 7471], 1, 0)).collect();
    let half = n / 2;
    let colour = |by: [i128; 3]| {
        let one = |i: usize| {
            let (x, y) = (i % half * 2, i / half * 2);
            let four = [cell(x, y), cell(x + 1, y), cell(x, y + 1), cell(x + 1, y + 1)];
            mix([0, 1, 2].map(|c| four.iter().map(|f| f[c]).sum()), by, 4, 128)
        };
        (0..half * half).map(one).collect()
    };
    (luma, colour([-11059, -21709, 32768]), colour([32768, -27439, -5329]))
}

fn pixels_of(image: DynamicImage) -> Result<Pixels<'static>> {
    let size = (image.width() as usize, image.height() as usize);
    let eight = |v: Vec<u8>| Values::U8(Cow::Owned(v));
    let sixteen = |v: Vec<u16>| Values::U16(Cow::Owned(v));
    let (channels, values) = match image {
        DynamicImage::ImageLuma8(b) => (1, eight(b.into_raw())),
        DynamicImage::ImageLumaA8(b) => (2, eight(b.into_raw())),
        DynamicImage::ImageRgb8(b) => (3, eight(b.into_raw())),
        DynamicImage::ImageRgba8(b) => (4, eight(b.into_raw())),
        DynamicImage::ImageLuma16(b) => (1, sixteen(b.into_raw())),
        DynamicImage::ImageLumaA16(b) => (2, sixteen(b.into_raw())),
        DynamicImage::ImageRgb16(b) => (3, sixteen(b.into_raw())),
        other if other.color() == ColorType::Rgb32F => (3, sixteen(other.into_rgb16().into_raw())),
        other => (4, sixteen(other.into_rgba16().into_raw())),
    };
    Pixels::new(size, channels, values)
}

/// The orientation that the Exif data of a file ask for.
fn turn_of(bytes: &[u8]) -> Turn {
    let mut reader = exif::Reader::new();
    reader.continue_on_error(true);
    let read = reader.read_from_container(&mut Cursor::new(bytes));
    let Ok(fields) = read.or_else(|e| e.distill_partial_result(|_| {})) else { return Turn::NONE };
    let tag = fields.get_field(exif::Tag::Orientation, exif::In::PRIMARY);
    let value = tag.and_then(|t| t.value.get_uint(0)).and_then(|v| u8::try_from(v).ok());
    Turn::from_exif(value.unwrap_or(1))
}
