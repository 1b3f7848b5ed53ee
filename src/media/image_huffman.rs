//! The bits of a JPEG scan and the Huffman codes in them.

use crate::base::{Error, Result};

/// Bits that the first look into a Huffman table takes.
const LOOK: u32 = 9;

/// What is said of data that make no sense.
pub fn damaged() -> Error {
    Error::Data("the JPEG data are damaged".into())
}

/// What is said of data that end too soon.
pub fn cut_off() -> Error {
    Error::Data("the JPEG data are cut off".into())
}

/// Two bytes as a number.
pub fn word(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*data.get(at)?, *data.get(at + 1)?]))
}

/// The next marker, and `at` behind it.
pub fn next_marker(data: &[u8], at: &mut usize) -> Option<u8> {
    loop {
        let found = *at + data.get(*at..)?.iter().position(|&b| b == 0xff)?;
        *at = found + 2;
        match *data.get(found + 1)? {
            0xff => *at = found + 1,
            0 => {}
            marker => return Some(marker),
        }
    }
}

/// A Huffman table.
pub struct Codes {
    /// For the next `LOOK` bits: length of the code (0 where it is longer) and symbol.
    short: Vec<(u8, u8)>,
    /// The same for coefficients that are stepped over: bits in all, and coefficients.
    steps: Vec<(u8, u8)>,
    /// For each length: the first code beyond, at 16 bits, and what to add to a code for its symbol.
    ends: [u32; 17],
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Codes {
    /// The table of `counts[k]` codes of k + 1 bits each, in order.
    pub fn new(counts: &[u8], symbols: &[u8]) -> Result<Self> {
        let mut codes = Codes {
            short: vec![(0, 0); 1 << LOOK],
            steps: vec![(0, 0); 1 << LOOK],
            ends: [0; 17],
            offsets: [0; 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut k) = (0u32, 0usize);
        for length in 1..=16u32 {
            let n = u32::from(counts[length as usize - 1]);
            if code + n > 1 << length {
                return Err(damaged());
            }
            codes.offsets[length as usize] = k as i32 - code as i32;
            for c in code..code + n {
                if length <= LOOK {
                    let wide = LOOK - length;
                    let range = (c << wide) as usize..((c + 1) << wide) as usize;
                    codes.short[range.clone()].fill((length as u8, symbols[k]));
                    codes.steps[range].fill(step(length as u8, symbols[k]));
                }
                k += 1;
            }
            code += n;
            codes.ends[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Ok(codes)
    }

    /// The next symbol.
    #[inline]
    pub fn symbol(&self, bits: &mut Bits) -> Result<u8> {
        let (length, symbol) = match self.short[bits.peek(LOOK) as usize] {
            (0, _) => self.long(bits.peek(16)).ok_or_else(damaged)?,
            found => found,
        };
        bits.skip(u32::from(length));
        Ok(symbol)
    }

    /// Steps over the next coefficient; returns how many coefficients further the next one stands.
    #[inline]
    pub fn step(&self, bits: &mut Bits) -> Result<usize> {
        if bits.count < 32 {
            bits.fill();
        }
        let (length, all) = match self.steps[bits.peek(LOOK) as usize] {
            (0, _) => self.long(bits.peek(16)).map(|(l, s)| step(l, s)).ok_or_else(damaged)?,
            found => found,
        };
        bits.skip(u32::from(length));
        Ok(usize::from(all))
    }

    /// The length and symbol of a code that is longer than `LOOK` bits.
    #[cold]
    fn long(&self, next: u32) -> Option<(u8, u8)> {
        let length = (LOOK as usize + 1..=16).find(|&l| next < self.ends[l])?;
        let place = (next >> (16 - length)) as i32 + self.offsets[length];
        Some((length as u8, *self.symbols.get(usize::try_from(place).ok()?)?))
    }
}

/// Bits that a coefficient takes, and how many coefficients further the next one stands.
fn step(length: u8, symbol: u8) -> (u8, u8) {
    let (run, size) = (symbol >> 4, symbol & 15);
    let all = if size == 0 && run != 15 { 64 } else { run + 1 };
    (length + size, all)
}

/// The bits of a scan. It ends at a marker; zeros follow, and `check` tells if they were used.
pub struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, from the highest on, and how many there are.
    held: u64,
    count: u32,
    made_up: u32,
}

impl<'a> Bits<'a> {
    /// The bits from a place in a file on.
    pub fn new(data: &'a [u8], at: usize) -> Self {
        Bits { data, at, held: 0, count: 0, made_up: 0 }
    }

    /// A place in the file that is not behind the scan's end.
    pub fn place(&self) -> usize {
        self.at
    }

    /// Holds at least 56 bits.
    #[inline]
    pub fn fill(&mut self) {
        if let Some(next) = self.data.get(self.at..self.at + 8).and_then(|b| b.first_chunk::<8>()) {
            let word = u64::from_be_bytes(*next);
            // No byte of all ones, which would be a marker or an escape.
            let ones = !word;
            if ones.wrapping_sub(0x0101_0101_0101_0101) & !ones & 0x8080_8080_8080_8080 == 0 {
                let bytes = (63 - self.count) / 8;
                self.held |= word >> self.count;
                self.count += 8 * bytes;
                self.held &= !(u64::MAX >> self.count);
                self.at += bytes as usize;
                return;
            }
        }
        self.fill_slowly();
    }

    fn fill_slowly(&mut self) {
        while self.count < 56 {
            let byte = match (self.data.get(self.at), self.data.get(self.at + 1)) {
                (Some(0xff), Some(0)) => {
                    self.at += 2;
                    0xff
                }
                (Some(0xff), _) | (None, _) => {
                    self.made_up = (self.made_up + 8).min(1 << 20);
                    0
                }
                (Some(&byte), _) => {
                    self.at += 1;
                    byte
                }
            };
            self.held |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    #[inline]
    fn peek(&self, n: u32) -> u32 {
        (self.held >> (64 - n)) as u32
    }

    /// Goes over n bits (31 at most).
    #[inline]
    pub fn skip(&mut self, n: u32) {
        self.held <<= n;
        self.count = self.count.saturating_sub(n);
    }

    /// The next n bits (1 to 31).
    #[inline]
    pub fn take(&mut self, n: u32) -> u32 {
        let value = self.peek(n);
        self.skip(n);
        value
    }

    /// A coefficient of so many bits (16 at most): the lower half of its values stands for negatives.
    #[inline]
    pub fn value(&mut self, size: u8) -> i32 {
        if size == 0 {
            return 0;
        }
        let value = self.take(u32::from(size)) as i32;
        if value < 1 << (size - 1) { value + 1 - (1 << size) } else { value }
    }

    /// An error if bits were used that the file does not have.
    pub fn check(&self) -> Result<()> {
        if self.made_up > self.count { Err(cut_off()) } else { Ok(()) }
    }

    /// Goes behind the next restart marker.
    pub fn restart(&mut self) -> Result<()> {
        self.check()?;
        match next_marker(self.data, &mut self.at) {
            Some(0xd0..=0xd7) => {}
            _ => return Err(cut_off()),
        }
        (self.held, self.count, self.made_up) = (0, 0, 0);
        Ok(())
    }
}
