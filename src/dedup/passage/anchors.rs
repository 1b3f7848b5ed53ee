//! Windows by the least hash of the runs of characters in them.

use super::{Corpus, Roller, code};
use crate::base::{Ctx, Result, par};

/// Bytes of the documents that one task reads, about.
const BATCH: usize = 1 << 19;
/// Characters between two looks at the stop flag.
const CHECK: usize = 1 << 18;

/// Windows in a row that have one least hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Where the first window ends, times two; and one if the least hash was met twice in the run.
    end_and_tied: u64,
    /// How many windows there are.
    pub width: u32,
    /// The least hash.
    pub value: u32,
}

impl Run {
    /// The byte at which the first window ends.
    pub fn end(self) -> usize {
        (self.end_and_tied >> 1) as usize
    }

    /// Whether a window may equal another of the same run.
    pub fn tied(self) -> bool {
        self.end_and_tied & 1 == 1
    }
}

/// The runs whose windows may occur elsewhere, by least hash and place.
pub fn runs(ctx: &Ctx, corpus: Corpus) -> Result<Vec<Run>> {
    let batches = batches(corpus);
    ctx.set_total(corpus.bytes.len() as u64);
    let found = par::map(ctx, batches.len() - 1, |b| {
        let mut out = Vec::new();
        let mut scan = Scan::new(corpus);
        for document in batches[b]..batches[b + 1] {
            let (start, end) = corpus.edges(document);
            let plain = corpus.bytes[start..end].is_ascii();
            if plain {
                scan.document::<true>(ctx, corpus, start, end, &mut out)?;
            } else {
                scan.document::<false>(ctx, corpus, start, end, &mut out)?;
            }
            ctx.advance((end - start) as u64)?;
        }
        Ok(out)
    })?;
    let mut found = found.into_iter().collect::<Result<Vec<Vec<Run>>>>()?;
    let again = Again::new(&found);
    for part in &mut found {
        part.retain(|run| run.tied() || again.has(run.value));
        part.shrink_to_fit();
    }
    ctx.check()?;
    let mut all: Vec<Run> = found.into_iter().flatten().collect();
    all.sort_unstable_by_key(|run| (run.value, run.end_and_tied));
    Ok(all)
}

/// Where batches of documents begin, and the number of documents.
fn batches(corpus: Corpus) -> Vec<usize> {
    let mut starts = vec![0];
    let mut size = 0;
    for document in 0..corpus.len() {
        let (start, end) = corpus.edges(document);
        size += end - start;
        if size >= BATCH {
            starts.push(document + 1);
            size = 0;
        }
    }
    if starts[starts.len() - 1] != corpus.len() {
        starts.push(corpus.len());
    }
    starts
}

/// A reading of documents from end to end.
struct Scan {
    /// Characters whose hash is taken together.
    gram: usize,
    roller: Roller,
    /// The hashes of this block so far, followed by the least from there on of the block before.
    block: Vec<u32>,
}

impl Scan {
    fn new(corpus: Corpus) -> Self {
        let gram = corpus.window.div_ceil(2);
        let grams = corpus.window - gram + 1;
        Scan { gram, roller: Roller::new(gram), block: vec![u32::MAX; grams + 1] }
    }

    /// Appends the runs of one document. `ASCII` says that each code point is a byte.
    fn document<const ASCII: bool>(
        &mut self,
        ctx: &Ctx,
        corpus: Corpus,
        start: usize,
        end: usize,
        out: &mut Vec<Run>,
    ) -> Result<()> {
        if end - start < corpus.window {
            return Ok(());
        }
        let bytes = corpus.bytes;
        let next = |at: usize| if ASCII { at + 1 } else { corpus.next(at, end) };
        let step = |at: usize| {
            let after = next(at);
            let c = if ASCII { u64::from(bytes[at]) } else { code(&bytes[at..after]) };
            (c, after)
        };
        let (mut head, mut tail, mut hash) = (start, start, 0u64);
        for _ in 0..self.gram - 1 {
            if head >= end {
                return Ok(());
            }
            let (c, after) = step(head);
            (hash, head) = (Roller::enter(hash, c), after);
        }
        let grams = self.block.len() - 1;
        self.block.fill(u32::MAX);
        let mut gone = u64::MAX; // nothing leaves before the first hash is full
        let (mut place, mut before, mut least_here) = (0, grams - 1, u32::MAX);
        let (mut until_check, mut current) = (CHECK, None::<Run>);
        while head < end {
            let (c, after) = step(head);
            hash = self.roller.roll(hash, c, gone);
            (gone, tail) = step(tail);
            head = after;
            let value = (hash.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32) as u32;
            // The least of the last `grams` values: of this block so far, and of the rest of the
            // block before (van Herk's way: the same work whatever the values).
            least_here = least_here.min(value);
            let least = least_here.min(self.block[place + 1]);
            self.block[place] = value;
            place += 1;
            if place == grams {
                for k in (0..grams - 1).rev() {
                    self.block[k] = self.block[k].min(self.block[k + 1]);
                }
                (place, least_here) = (0, u32::MAX);
            }
            if before > 0 {
                before -= 1;
                continue;
            }
            match &mut current {
                Some(run) if run.value == least && run.width < u32::MAX => {
                    run.width += 1;
                    run.end_and_tied |= u64::from(value == least);
                }
                _ => {
                    out.extend(current.take());
                    current =
                        Some(Run { end_and_tied: (head as u64) << 1, width: 1, value: least });
                }
            }
            until_check -= 1;
            if until_check == 0 {
                ctx.check()?;
                until_check = CHECK;
            }
        }
        out.extend(current);
        Ok(())
    }
}

/// The values that were met more than once, and a few that were not.
struct Again {
    bits: Vec<u64>,
    mask: u32,
}

impl Again {
    fn new(found: &[Vec<Run>]) -> Self {
        let n: usize = found.iter().map(Vec::len).sum();
        let size = (8 * n).next_power_of_two().clamp(1 << 10, 1 << 32);
        let mask = (size - 1) as u32;
        let mut once = vec![0u64; size / 64];
        let mut bits = vec![0u64; size / 64];
        for run in found.iter().flatten() {
            let (word, bit) = Again::place(mask, run.value);
            bits[word] |= once[word] & bit;
            once[word] |= bit;
        }
        Again { bits, mask }
    }

    /// Least hashes are small numbers: their low bits tell them apart.
    fn place(mask: u32, value: u32) -> (usize, u64) {
        let at = value & mask;
        ((at / 64) as usize, 1 << (at % 64))
    }

    fn has(&self, value: u32) -> bool {
        let (word, bit) = Again::place(self.mask, value);
        self.bits[word] & bit != 0
    }
}
