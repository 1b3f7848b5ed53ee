//! Texts without the repetitions.

use super::repeats::Piece;
use super::{Corpus, check, repeats};
use crate::base::{Ctx, Result};
use crate::dedup::rows::Text;

/// The texts as buffers, without passages of at least `min_length` code points that stand before.
///
/// The first occurrence of each window that is repeated stays whole, also where another passage
/// runs into it; so up to a window less one character of that other passage stay with it.
pub fn cut(ctx: &Ctx, texts: &Text, min_length: usize) -> Result<(Vec<i64>, Vec<u8>)> {
    let corpus = check(texts, min_length)?;
    let pieces = repeats::find(ctx, corpus)?;
    let firsts = covered(corpus, pieces.iter().filter(|piece| piece.shift == 0));
    let copies = covered(corpus, pieces.iter().filter(|piece| piece.shift > 0));
    let mut gone = without(&copies, &firsts).into_iter().peekable();
    let mut bytes = Vec::new();
    let mut offsets = vec![0];
    for document in 0..corpus.len() {
        ctx.check()?;
        let (mut at, end) = corpus.edges(document);
        while let Some((start, stop)) = gone.next_if(|range| range.0 < end) {
            bytes.extend_from_slice(&corpus.bytes[at..start]);
            at = stop;
        }
        bytes.extend_from_slice(&corpus.bytes[at..end]);
        offsets.push(bytes.len() as i64);
    }
    Ok((offsets, bytes))
}

/// The bytes covered by windows, as ranges that rise. None goes on beyond its document.
fn covered<'a>(corpus: Corpus, pieces: impl Iterator<Item = &'a Piece>) -> Vec<(usize, usize)> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for piece in pieces {
        let stop = corpus.forward(piece.next, corpus.window - 1, corpus.bytes.len());
        match ranges.last_mut() {
            Some(last) if piece.start < last.1 => last.1 = stop,
            _ => ranges.push((piece.start, stop)),
        }
    }
    ranges
}

/// What is in the first ranges and not in the others.
fn without(ranges: &[(usize, usize)], others: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut from = 0;
    for &(mut start, stop) in ranges {
        while others.get(from).is_some_and(|other| other.1 <= start) {
            from += 1;
        }
        for other in others[from..].iter().take_while(|other| other.0 < stop) {
            if start < other.0 {
                out.push((start, other.0));
            }
            start = start.max(other.1);
        }
        if start < stop {
            out.push((start, stop));
        }
    }
    out
}
