//! Typed columns of a table: how their cells are hashed and when they are equal.

use ndarray::{ArrayView1, s};

use crate::base::float::equality_bits;
use crate::base::{Error, Result, hash};

/// The word that stands for a missing cell in a hash.
const MISSING: u64 = 0x6d69_7373_696e_6721;
/// Bytes of one string view, and of the strings that are kept in it whole.
const VIEW: usize = 16;
const INLINE: usize = 12;

/// The values of one column. Each type is compared as itself, never through another.
#[derive(Debug, Clone, Copy)]
pub enum Cells<'a> {
    /// Single precision; NaN is missing, -0.0 equals 0.0.
    F32(ArrayView1<'a, f32>),
    /// Double precision; NaN is missing, -0.0 equals 0.0.
    F64(ArrayView1<'a, f64>),
    /// Signed integers, and times.
    I64(ArrayView1<'a, i64>),
    /// Unsigned integers.
    U64(ArrayView1<'a, u64>),
    /// Booleans.
    Bool(ArrayView1<'a, bool>),
    /// Byte strings one after the other.
    Text(Text<'a>),
    /// Byte strings by views.
    Views(Views<'a>),
}

/// Byte strings one after the other, as Arrow keeps them.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    offsets: &'a [i64],
    bytes: &'a [u8],
}

impl<'a> Text<'a> {
    /// String `i` is `bytes[offsets[i]..offsets[i + 1]]`.
    pub fn new(offsets: &'a [i64], bytes: &'a [u8]) -> Result<Self> {
        let bad =
            || Err(Error::Shape("text offsets must rise from 0 to the end of the bytes".into()));
        let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else {
            return bad();
        };
        let rising = offsets.windows(2).all(|w| w[0] <= w[1]);
        if first < 0 || !rising || usize::try_from(last).map_or(true, |l| l > bytes.len()) {
            return bad();
        }
        Ok(Text { offsets, bytes })
    }

    /// The offsets and the bytes.
    pub fn buffers(&self) -> (&'a [i64], &'a [u8]) {
        (self.offsets, self.bytes)
    }

    /// How many strings there are.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// String `i`.
    pub fn get(&self, i: usize) -> &'a [u8] {
        self.bytes.get(self.offsets[i] as usize..self.offsets[i + 1] as usize).unwrap_or(&[])
    }
}

/// Byte strings by views of 16 bytes, as Arrow's string view and polars keep them.
///
/// A view is the length and then the string itself where it has at most 12 bytes, or its first
/// four bytes, the number of its buffer and its place there.
#[derive(Debug, Clone, Copy)]
pub struct Views<'a> {
    views: &'a [[u8; VIEW]],
    buffers: &'a [&'a [u8]],
}

impl<'a> Views<'a> {
    /// Strings whose views are `views`, the long ones in `buffers`.
    pub fn new(views: &'a [u8], buffers: &'a [&'a [u8]]) -> Result<Self> {
        let (views, rest) = views.as_chunks::<VIEW>();
        if !rest.is_empty() {
            return Err(Error::Shape("string views must have 16 bytes each".into()));
        }
        Ok(Views { views, buffers })
    }

    fn get(&self, i: usize) -> &'a [u8] {
        let view = &self.views[i];
        let word = |k: usize| u32::from_le_bytes([view[k], view[k + 1], view[k + 2], view[k + 3]]);
        let len = word(0) as usize;
        if len <= INLINE {
            return &view[4..4 + len];
        }
        let (buffer, start) = (word(8) as usize, word(12) as usize);
        self.buffers.get(buffer).and_then(|b| b.get(start..start + len)).unwrap_or(&[])
    }
}

/// A column: its cells, and which of them are missing (their values are then of no account).
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    /// The values.
    pub cells: Cells<'a>,
    /// Where they are missing; `None` where none is.
    pub missing: Option<ArrayView1<'a, bool>>,
}

impl Column<'_> {
    /// How many rows the column has.
    pub fn len(&self) -> usize {
        match self.cells {
            Cells::F32(x) => x.len(),
            Cells::F64(x) => x.len(),
            Cells::I64(x) => x.len(),
            Cells::U64(x) => x.len(),
            Cells::Bool(x) => x.len(),
            Cells::Text(x) => x.len(),
            Cells::Views(x) => x.views.len(),
        }
    }

    /// True for a column of no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Mixes the cells of the rows from `start` into their hashes.
    pub fn mix(&self, start: usize, out: &mut [u64]) {
        match self.cells {
            Cells::F32(x) => self.mix_array(x, start, out, |v| float_word(f64::from(v))),
            Cells::F64(x) => self.mix_array(x, start, out, float_word),
            Cells::I64(x) => self.mix_array(x, start, out, |v| v as u64),
            Cells::U64(x) => self.mix_array(x, start, out, |v| v),
            Cells::Bool(x) => self.mix_array(x, start, out, u64::from),
            Cells::Text(x) => self.mix_words(start, out, |i| text_word(x.get(i))),
            Cells::Views(x) => self.mix_words(start, out, |i| text_word(x.get(i))),
        }
    }

    fn mix_array<T: Copy>(
        &self,
        x: ArrayView1<T>,
        start: usize,
        out: &mut [u64],
        word: impl Fn(T) -> u64,
    ) {
        let rows = s![start..start + out.len()];
        let part = x.slice(rows);
        match (self.missing, part.as_slice()) {
            (None, Some(part)) => {
                out.iter_mut().zip(part).for_each(|(h, &v)| *h = hash::mix(*h, word(v)));
            }
            (None, None) => {
                out.iter_mut().zip(part).for_each(|(h, &v)| *h = hash::mix(*h, word(v)));
            }
            (Some(m), _) => {
                let cells = out.iter_mut().zip(part).zip(m.slice(rows));
                cells.for_each(|((h, &v), &gone)| {
                    *h = hash::mix(*h, if gone { MISSING } else { word(v) });
                });
            }
        }
    }

    fn mix_words(&self, start: usize, out: &mut [u64], word: impl Fn(usize) -> u64) {
        for (k, h) in out.iter_mut().enumerate() {
            let i = start + k;
            let gone = self.missing.is_some_and(|m| m[i]);
            *h = hash::mix(*h, if gone { MISSING } else { word(i) });
        }
    }

    /// True if the cells of two rows are equal, for each of the pairs.
    pub fn all_equal(&self, pairs: &[(u32, u32)]) -> bool {
        match self.cells {
            Cells::F32(x) => self.all_floats(pairs, |i| f64::from(x[i])),
            Cells::F64(x) => self.all_floats(pairs, |i| x[i]),
            Cells::I64(x) => self.all(pairs, |i| x[i]),
            Cells::U64(x) => self.all(pairs, |i| x[i]),
            Cells::Bool(x) => self.all(pairs, |i| x[i]),
            Cells::Text(x) => self.all(pairs, |i| x.get(i)),
            Cells::Views(x) => self.all(pairs, |i| x.get(i)),
        }
    }

    fn all<T: PartialEq>(&self, pairs: &[(u32, u32)], value: impl Fn(usize) -> T) -> bool {
        let mut pairs = pairs.iter().map(|&(i, j)| (i as usize, j as usize));
        match self.missing {
            None => pairs.all(|(i, j)| value(i) == value(j)),
            Some(m) => pairs.all(|(i, j)| m[i] == m[j] && (m[i] || value(i) == value(j))),
        }
    }

    /// The same for floats, where NaN and a masked cell are both missing.
    fn all_floats(&self, pairs: &[(u32, u32)], value: impl Fn(usize) -> f64) -> bool {
        let bits = |i: u32| {
            let i = i as usize;
            let gone = self.missing.is_some_and(|m| m[i]);
            equality_bits(if gone { f64::NAN } else { value(i) })
        };
        pairs.iter().all(|&(i, j)| bits(i) == bits(j))
    }
}

/// A word for a string: two words at a time by a folded product, as wyhash (Wang Yi) does it.
///
/// Most cells are short: one product, and no copy of the last bytes.
fn text_word(text: &[u8]) -> u64 {
    const ODD: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93];
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    };
    let mut word = text.len() as u64 ^ ODD[0];
    let (pairs, rest) = text.as_chunks::<16>();
    for pair in pairs {
        let both = u128::from_le_bytes(*pair);
        word = fold(both as u64 ^ ODD[1], (both >> 64) as u64 ^ word);
    }
    let (low, high) = match rest.first_chunk::<8>() {
        Some(low) => (u64::from_le_bytes(*low), hash::short(text, &rest[8..])),
        None => (hash::short(text, rest), 0),
    };
    fold(low ^ ODD[1], high ^ word)
}

fn float_word(x: f64) -> u64 {
    if x.is_nan() { MISSING } else { equality_bits(x) }
}

/// Raises unless every column has `n_rows` rows, and a mask of as many.
pub fn check_lengths(n_rows: usize, columns: &[Column]) -> Result<()> {
    for (k, column) in columns.iter().enumerate() {
        let masked = column.missing.map_or(n_rows, |m| m.len());
        if column.len() != n_rows || masked != n_rows {
            let n = column.len();
            return Err(Error::Shape(format!(
                "column {k} has {n} rows where {n_rows} are expected"
            )));
        }
    }
    Ok(())
}
