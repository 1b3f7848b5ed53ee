//! Pixels: what the kernels need to know of a channel's type.

/// Adding this rounds a float below 2^22 to the nearest whole number, halves to the even one.
const ROUND: f32 = 12_582_912.0;

/// A channel's value.
pub trait Pixel: Copy + Default + PartialEq + Send + Sync + 'static {
    /// Full scale.
    const FULL: f32;
    /// As a float, in the type's own units.
    fn get(self) -> f32;
    /// Rounded and saturated where the type is of whole numbers; as it is otherwise.
    fn put(x: f32) -> Self;
    /// As [`Pixel::put`] for what lies within the type's range.
    fn put_inside(x: f32) -> Self;
    /// As [`Pixel::put`], and saturated to full scale in floats too.
    fn put_tone(x: f64) -> Self;
    /// As [`Pixel::put_tone`], of single precision.
    fn put_tone32(x: f32) -> Self;
    /// The values as bytes, where they are that.
    fn bytes(values: &[Self]) -> Option<&[u8]>;
    /// The values as bytes to be written, where they are that.
    fn bytes_mut(values: &mut [Self]) -> Option<&mut [u8]>;
}

impl Pixel for u8 {
    const FULL: f32 = 255.0;

    #[inline(always)]
    fn get(self) -> f32 {
        f32::from(self)
    }

    #[inline(always)]
    fn put(x: f32) -> Self {
        Self::put_inside(x.clamp(0.0, 255.0))
    }

    #[inline(always)]
    fn put_inside(x: f32) -> Self {
        (x + ROUND).to_bits() as u8
    }

    #[inline(always)]
    fn put_tone(x: f64) -> Self {
        x.clamp(0.0, 255.0).round_ties_even() as u8
    }

    #[inline(always)]
    fn put_tone32(x: f32) -> Self {
        Self::put(x)
    }

    fn bytes(values: &[u8]) -> Option<&[u8]> {
        Some(values)
    }

    fn bytes_mut(values: &mut [u8]) -> Option<&mut [u8]> {
        Some(values)
    }
}

impl Pixel for f32 {
    const FULL: f32 = 1.0;

    #[inline(always)]
    fn get(self) -> f32 {
        self
    }

    #[inline(always)]
    fn put(x: f32) -> Self {
        x
    }

    #[inline(always)]
    fn put_inside(x: f32) -> Self {
        x
    }

    #[inline(always)]
    fn put_tone(x: f64) -> Self {
        x.clamp(0.0, 1.0) as f32
    }

    #[inline(always)]
    fn put_tone32(x: f32) -> Self {
        x.clamp(0.0, 1.0)
    }

    fn bytes(_: &[f32]) -> Option<&[u8]> {
        None
    }

    fn bytes_mut(_: &mut [f32]) -> Option<&mut [u8]> {
        None
    }
}

/// Pixels that are worked on at a time, channel by channel.
pub const PART: usize = 256;

/// The channels of up to `PART` pixels apart from each other.
#[inline(always)]
pub fn split<T: Pixel, const C: usize>(src: &[T], channels: &mut [[T; PART]; C]) {
    for (p, s) in src.as_chunks::<C>().0.iter().take(PART).enumerate() {
        for k in 0..C {
            channels[k][p] = s[k];
        }
    }
}

/// What [`split`] took apart.
#[inline(always)]
pub fn join<T: Pixel, const C: usize>(channels: &[[T; PART]; C], dst: &mut [T]) {
    for (p, d) in dst.as_chunks_mut::<C>().0.iter_mut().take(PART).enumerate() {
        for k in 0..C {
            d[k] = channels[k][p];
        }
    }
}

/// Rows, columns and channels of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
    /// Channels.
    pub c: usize,
}

impl Shape {
    /// Values in all.
    pub fn len(self) -> usize {
        self.h * self.w * self.c
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Channels that are colour: all but alpha.
    pub fn colours(self) -> usize {
        if self.c == 2 || self.c == 4 { self.c - 1 } else { self.c }
    }
}

/// What lies beyond the border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    /// The fill value: k k | a b c d | k k.
    Constant,
    /// The edge: a a | a b c d | d d.
    Nearest,
    /// Mirrored at the edge of the last pixel: b a | a b c d | d c.
    Reflect,
    /// Mirrored at the centre of the last pixel: c b | a b c d | c b.
    Mirror,
    /// The other side: c d | a b c d | a b.
    Wrap,
}

impl Border {
    /// By its number, in the order above.
    pub fn from_number(n: f64) -> Self {
        match n as i64 {
            1 => Border::Nearest,
            2 => Border::Reflect,
            3 => Border::Mirror,
            4 => Border::Wrap,
            _ => Border::Constant,
        }
    }

    /// The place within a line of `n` that place `i` stands for; None where it is filled.
    pub fn index(self, i: i64, n: usize) -> Option<usize> {
        let m = n as i64;
        if (0..m).contains(&i) {
            return Some(i as usize);
        }
        let at = match self {
            Border::Constant => return None,
            Border::Nearest => i.clamp(0, m - 1),
            Border::Wrap => i.rem_euclid(m),
            Border::Reflect => {
                let k = i.rem_euclid(2 * m);
                if k < m { k } else { 2 * m - 1 - k }
            }
            Border::Mirror => {
                let period = (2 * m - 2).max(1);
                let k = i.rem_euclid(period);
                if k < m { k } else { period - k }
            }
        };
        Some(at as usize)
    }

    /// A place between pixels brought to where its two neighbours are at most one beyond the line.
    #[inline(always)]
    pub fn fold(self, x: f64, n: usize) -> f64 {
        let m = n as f64;
        if x >= 0.0 && x <= m - 1.0 {
            return x;
        }
        match self {
            Border::Constant => {
                // Also takes what is no number.
                if x >= -1.0 { x.min(m) } else { -1.0 }
            }
            _ => self.fold_far(x, m),
        }
    }

    #[inline(never)]
    fn fold_far(self, x: f64, m: f64) -> f64 {
        let x = if x.is_finite() { x } else { 0.0 };
        match self {
            Border::Constant | Border::Nearest => x.clamp(0.0, m - 1.0),
            Border::Wrap => {
                let r = x.rem_euclid(m);
                if r < m { r } else { 0.0 }
            }
            Border::Reflect => {
                let r = (x + 0.5).rem_euclid(2.0 * m);
                (if r <= m { r } else { 2.0 * m - r }) - 0.5
            }
            Border::Mirror => {
                let period = (2.0 * m - 2.0).max(1.0);
                let r = x.rem_euclid(period);
                (if r <= m - 1.0 { r } else { period - r }).clamp(0.0, m - 1.0)
            }
        }
    }
}
