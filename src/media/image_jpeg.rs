//! JPEG files at a quarter of their size: the mean of each quarter of a block is all that is decoded.
//!
//! The first coefficients of a block say what its four means are, so the others are stepped over and
//! nothing is transformed. What is read is baseline and progressive Huffman files of one or three
//! components, which nearly all are; for others the answer is `None`, and a full decoder has to do.
//! Of a progressive file only the first coefficient is read, so that its four means are one.

use super::image_huffman::{Bits, Codes, cut_off, damaged, next_marker, word};
use crate::base::Result;

/// Where the coefficients that are read go: mean, slope across, slope down, and their product.
const PLACE: [Option<usize>; 5] = [Some(0), Some(1), Some(2), None, Some(3)];
/// What a slope, and a product of slopes, adds to the mean of a quarter, in 1/65536: the mean of the
/// cosine over half a block is .6407; the scale of a slope is 1/(4 sqrt 2), of a product 1/4.
const SLOPE: i64 = 7423;
const PRODUCT: i64 = 6726;

/// One component at reduced size.
#[derive(Debug, Clone)]
pub struct Plane {
    /// Samples in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    /// How many pixels of the image one sample spans, across and down.
    pub step: (usize, usize),
    /// The samples, row by row.
    pub data: Vec<u8>,
}

/// The means of the quarters of blocks: brightness, and for colour images Cb and Cr.
#[derive(Debug, Clone)]
pub struct Means {
    /// Pixels across and down in the file.
    pub size: (usize, usize),
    /// One plane (grey) or three.
    pub planes: Vec<Plane>,
}

/// The means of the quarters of blocks of a JPEG file; `None` for a kind that is not read here.
///
/// `allow(width, height)` is asked before anything is decoded.
pub fn means(data: &[u8], allow: impl Fn(usize, usize) -> Result<()>) -> Result<Option<Means>> {
    let mut file = File { data, ..File::default() };
    let mut at = 2;
    loop {
        let Some(marker) = next_marker(data, &mut at) else { return Err(cut_off()) };
        match marker {
            0xd9 => break,
            0x01 | 0xd0..=0xd7 => continue,
            _ => {}
        }
        let length = usize::from(word(data, at).ok_or_else(cut_off)?);
        let segment = data.get(at + 2..at + length).ok_or_else(cut_off)?;
        at += length;
        match marker {
            0xc0..=0xc2 => {
                if !file.frame(segment, marker == 0xc2)? {
                    return Ok(None);
                }
                allow(file.size.0, file.size.1)?;
                file.allocate();
            }
            0xc4 => file.huffman(segment)?,
            0xdb => file.quantization(segment)?,
            0xdd => file.restart = usize::from(word(segment, 0).ok_or_else(damaged)?),
            // Adobe's note says whether three components are RGB.
            0xee if segment.starts_with(b"Adobe") && segment.get(11) == Some(&0) => {
                return Ok(None);
            }
            0xda => {
                at = file.scan(segment, at)?;
                if !file.progressive && file.components.iter().all(|c| c.seen) {
                    break;
                }
            }
            0xc3 | 0xc5..=0xcf | 0xdc => return Ok(None),
            _ => {}
        }
    }
    file.finish()
}

#[derive(Default)]
struct Component {
    id: u8,
    /// Blocks across and down in one unit of an interleaved scan.
    sampling: (usize, usize),
    quantizer: usize,
    /// Blocks that hold pixels, and blocks in a row of `first`.
    blocks: (usize, usize),
    stride: usize,
    /// The coefficients that are read of each block.
    first: Vec<[i32; 4]>,
    last: i32,
    seen: bool,
}

/// What has been read of a file.
#[derive(Default)]
struct File<'a> {
    data: &'a [u8],
    size: (usize, usize),
    progressive: bool,
    components: Vec<Component>,
    restart: usize,
    quantizers: [Option<[i64; 4]>; 4],
    first_codes: [Option<Codes>; 4],
    other_codes: [Option<Codes>; 4],
}

impl File<'_> {
    /// Reads the header of the frame; false for what is not read here.
    fn frame(&mut self, segment: &[u8], progressive: bool) -> Result<bool> {
        let (Some(height), Some(width)) = (word(segment, 1), word(segment, 3)) else {
            return Err(damaged());
        };
        let n = usize::from(*segment.get(5).ok_or_else(damaged)?);
        if !self.components.is_empty() || segment.len() < 6 + 3 * n || width == 0 {
            return Err(damaged());
        }
        self.size = (usize::from(width), usize::from(height));
        self.progressive = progressive;
        for c in segment[6..6 + 3 * n].chunks_exact(3) {
            let sampling = (usize::from(c[1] >> 4), usize::from(c[1] & 15));
            if !(1..=4).contains(&sampling.0) || !(1..=4).contains(&sampling.1) || c[2] > 3 {
                return Err(damaged());
            }
            let (id, quantizer) = (c[0], usize::from(c[2]));
            self.components.push(Component { id, sampling, quantizer, ..Component::default() });
        }
        let ids: Vec<u8> = self.components.iter().map(|c| c.id).collect();
        let most = self.most_sampled();
        let whole = |c: &Component| {
            most.0.is_multiple_of(c.sampling.0) && most.1.is_multiple_of(c.sampling.1)
        };
        let known = (n == 1 || n == 3) && ids != *b"RGB" && ids != *b"rgb";
        Ok(segment[0] == 8 && height > 0 && known && self.components.iter().all(whole))
    }

    fn most_sampled(&self) -> (usize, usize) {
        let most = |f: fn(&Component) -> usize| self.components.iter().map(f).max().unwrap_or(1);
        (most(|c| c.sampling.0), most(|c| c.sampling.1))
    }

    fn units(&self) -> (usize, usize) {
        let most = self.most_sampled();
        (self.size.0.div_ceil(8 * most.0), self.size.1.div_ceil(8 * most.1))
    }

    fn allocate(&mut self) {
        let (size, most, units) = (self.size, self.most_sampled(), self.units());
        for c in &mut self.components {
            let blocks =
                |pixels: usize, own: usize, most: usize| (pixels * own).div_ceil(most).div_ceil(8);
            c.blocks = (blocks(size.0, c.sampling.0, most.0), blocks(size.1, c.sampling.1, most.1));
            c.stride = units.0 * c.sampling.0;
            c.first = vec![[0; 4]; c.stride * units.1 * c.sampling.1];
        }
    }

    fn huffman(&mut self, mut segment: &[u8]) -> Result<()> {
        while let Some((&kind, rest)) = segment.split_first() {
            let counts = rest.get(..16).ok_or_else(damaged)?;
            let n: usize = counts.iter().map(|&c| usize::from(c)).sum();
            let symbols = rest.get(16..16 + n).ok_or_else(damaged)?;
            let tables = if kind >> 4 == 0 { &mut self.first_codes } else { &mut self.other_codes };
            let slot = tables.get_mut(usize::from(kind & 15)).ok_or_else(damaged)?;
            *slot = Some(Codes::new(counts, symbols)?);
            segment = &rest[16 + n..];
        }
        Ok(())
    }

    fn quantization(&mut self, mut segment: &[u8]) -> Result<()> {
        while let Some((&kind, rest)) = segment.split_first() {
            let wide = kind >> 4 != 0;
            let slot = self.quantizers.get_mut(usize::from(kind & 15)).ok_or_else(damaged)?;
            let (table, more) =
                rest.split_at_checked(if wide { 128 } else { 64 }).ok_or_else(damaged)?;
            let step = |k: usize| match wide {
                true => i64::from(table[2 * k]) << 8 | i64::from(table[2 * k + 1]),
                false => i64::from(table[k]),
            };
            *slot = Some([0, 1, 2, 4].map(step));
            segment = more;
        }
        Ok(())
    }

    /// Reads a scan that starts at `at`; returns where it ends.
    fn scan(&mut self, header: &[u8], at: usize) -> Result<usize> {
        let n = usize::from(*header.first().ok_or_else(damaged)?);
        if n == 0 || n > 4 || header.len() < 4 + 2 * n || self.components.is_empty() {
            return Err(damaged());
        }
        let (from, depth) = (header[1 + 2 * n], header[3 + 2 * n]);
        if from > 0 {
            return Ok(at); // later coefficients of a progressive file
        }
        let mut members = Vec::new();
        for pair in header[1..1 + 2 * n].chunks_exact(2) {
            let index = self.components.iter().position(|c| c.id == pair[0]).ok_or_else(damaged)?;
            members.push((index, usize::from(pair[1] >> 4), usize::from(pair[1] & 15)));
        }
        let mut scan = Scan {
            bits: Bits::new(self.data, at),
            progressive: self.progressive,
            refine: depth >> 4 > 0,
            shift: u32::from(depth & 15).min(13),
        };
        self.blocks(&mut scan, &members)?;
        for (index, ..) in members {
            self.components[index].seen = true;
        }
        Ok(scan.bits.place())
    }

    fn blocks(&mut self, scan: &mut Scan, members: &[(usize, usize, usize)]) -> Result<()> {
        let alone = members.len() == 1;
        let units = if alone { self.components[members[0].0].blocks } else { self.units() };
        let mut left = self.restart;
        for row in 0..units.1 {
            for column in 0..units.0 {
                if self.restart > 0 && left == 0 {
                    scan.bits.restart()?;
                    self.components.iter_mut().for_each(|c| c.last = 0);
                    left = self.restart;
                }
                left = left.saturating_sub(1);
                for &(index, first, other) in members {
                    let c = &mut self.components[index];
                    let (across, down) = if alone { (1, 1) } else { c.sampling };
                    for y in 0..down {
                        for x in 0..across {
                            let place = (row * down + y) * c.stride + column * across + x;
                            let codes = (
                                self.first_codes.get(first).and_then(Option::as_ref),
                                self.other_codes.get(other).and_then(Option::as_ref),
                            );
                            scan.block(&mut c.first[place], &mut c.last, codes)?;
                        }
                    }
                }
            }
            scan.bits.check()?;
        }
        self.components.iter_mut().for_each(|c| c.last = 0);
        Ok(())
    }

    fn finish(self) -> Result<Option<Means>> {
        let most = self.most_sampled();
        let mut planes = Vec::new();
        for c in &self.components {
            let steps = self.quantizers[c.quantizer].filter(|_| c.seen).ok_or_else(cut_off)?;
            let mut data = Vec::with_capacity(4 * c.blocks.0 * c.blocks.1);
            for row in c.first.chunks_exact(c.stride).take(c.blocks.1) {
                for down in [1, -1] {
                    for block in &row[..c.blocks.0] {
                        data.extend([1, -1].map(|across| quarter(block, &steps, across, down)));
                    }
                }
            }
            planes.push(Plane {
                columns: 2 * c.blocks.0,
                rows: 2 * c.blocks.1,
                step: (4 * most.0 / c.sampling.0, 4 * most.1 / c.sampling.1),
                data,
            });
        }
        if planes.is_empty() {
            return Err(cut_off());
        }
        Ok(Some(Means { size: self.size, planes }))
    }
}

/// The mean of a quarter of a block: the left ones are `across` 1, the upper ones `down` 1.
fn quarter(block: &[i32; 4], steps: &[i64; 4], across: i64, down: i64) -> u8 {
    let [mean, right, low, both] = [0, 1, 2, 3].map(|k| i64::from(block[k]) * steps[k]);
    let sum = (mean << 13) + SLOPE * (across * right + down * low) + PRODUCT * across * down * both;
    (((sum + (1 << 15)) >> 16) + 128).clamp(0, 255) as u8
}

struct Scan<'a> {
    bits: Bits<'a>,
    progressive: bool,
    refine: bool,
    shift: u32,
}

impl Scan<'_> {
    #[inline]
    fn block(
        &mut self,
        block: &mut [i32; 4],
        last: &mut i32,
        codes: (Option<&Codes>, Option<&Codes>),
    ) -> Result<()> {
        let bits = &mut self.bits;
        bits.fill();
        if self.refine {
            block[0] |= (bits.take(1) as i32) << self.shift;
            return Ok(());
        }
        let size = codes.0.ok_or_else(damaged)?.symbol(bits)?;
        *last = last.wrapping_add(bits.value(size.min(16)));
        block[0] = last.wrapping_shl(self.shift);
        if self.progressive {
            return Ok(());
        }
        let table = codes.1.ok_or_else(damaged)?;
        let mut k = 1;
        while k < PLACE.len() {
            bits.fill();
            let symbol = table.symbol(bits)?;
            k += usize::from(symbol >> 4);
            match (symbol, PLACE.get(k)) {
                (0xf0, _) => {}
                (_, _) if symbol & 15 == 0 => return Ok(()),
                (_, Some(&Some(place))) => block[place] = bits.value(symbol & 15),
                _ => bits.skip(u32::from(symbol & 15)),
            }
            k += 1;
        }
        while k < 64 {
            k += table.step(bits)?;
        }
        Ok(())
    }
}
