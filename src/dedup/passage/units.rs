//! From repeated windows to passages and the places where they stand.

use super::Corpus;
use super::repeats::Piece;
use crate::base::{Ctx, Result};

/// Spans between two looks at the stop flag.
const CHECK: usize = 1 << 16;

/// Where passages stand, by document and place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passages {
    /// The document of each span.
    pub document: Vec<i64>,
    /// Where the span starts, in code points.
    pub start: Vec<i64>,
    /// Where it ends, in code points; half-open.
    pub end: Vec<i64>,
    /// The number of the passage: spans of one number hold the same text.
    pub passage: Vec<i64>,
    /// How many code points each document has.
    pub lengths: Vec<i64>,
}

/// Windows that always occur one after the other: from the first of them to the one after.
#[derive(Debug, Clone, Copy)]
struct Unit {
    start: usize,
    next: usize,
}

/// A unit, and where it occurs.
type Place = (usize, usize);

/// Passages and their spans, from the pieces in order.
pub fn passages(
    ctx: &Ctx,
    corpus: Corpus,
    pieces: Vec<Piece>,
    n_left: Option<usize>,
) -> Result<Passages> {
    let units = units(&pieces);
    ctx.check()?;
    let mut places = places(&units, &pieces);
    drop(pieces);
    let lengths = units.iter().map(|unit| length(corpus, *unit)).collect::<Vec<_>>();
    ctx.check()?;
    places.sort_unstable();
    thin(&mut places, |unit| lengths[unit].0);
    let number = numbers(corpus, units.len(), &places, n_left);
    places.retain(|place| number[place.0].is_some());
    places.sort_unstable_by_key(|place| place.1);
    let mut out = Passages::default();
    let mut place = places.iter().peekable();
    for document in 0..corpus.len() {
        if document % CHECK == 0 {
            ctx.check()?;
        }
        let (mut at, end) = corpus.edges(document);
        let mut count = 0;
        while let Some(&(unit, start)) = place.next_if(|place| place.1 < end) {
            count += corpus.code_points(at, start);
            at = start;
            out.document.push(document as i64);
            out.start.push(count as i64);
            out.end.push((count + lengths[unit].1) as i64);
            out.passage.extend(number[unit]);
        }
        out.lengths.push((count + corpus.code_points(at, end)) as i64);
    }
    Ok(out)
}

/// The first windows cut wherever a run of windows equal to them begins or ends: between two cuts,
/// all occurrences go on alike.
fn units(pieces: &[Piece]) -> Vec<Unit> {
    let mut cuts: Vec<usize> =
        pieces.iter().flat_map(|p| [p.start - p.shift, p.next - p.shift]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut cut = cuts.into_iter().peekable();
    let mut units = Vec::new();
    for piece in pieces.iter().filter(|piece| piece.shift == 0) {
        while cut.next_if(|&c| c <= piece.start).is_some() {}
        let mut start = piece.start;
        while start < piece.next {
            let next = cut.next().unwrap_or(piece.next);
            units.push(Unit { start, next });
            start = next;
        }
    }
    units
}

/// Every occurrence of every unit.
fn places(units: &[Unit], pieces: &[Piece]) -> Vec<Place> {
    let mut places = Vec::new();
    for piece in pieces {
        let first = units.partition_point(|unit| unit.start < piece.start - piece.shift);
        for (k, unit) in units.iter().enumerate().skip(first) {
            if unit.start >= piece.next - piece.shift {
                break;
            }
            places.push((k, unit.start + piece.shift));
        }
    }
    places
}

/// How many bytes and how many code points the passage of a unit has.
fn length(corpus: Corpus, unit: Unit) -> (usize, usize) {
    let more = corpus.window - 1;
    let stop = corpus.forward(unit.next, more, corpus.bytes.len());
    (stop - unit.start, corpus.code_points(unit.start, unit.next) + more)
}

/// Of occurrences of one passage that overlap each other (a line of dashes), only as many as cover
/// the same characters stay. The places are sorted.
fn thin(places: &mut Vec<Place>, length: impl Fn(usize) -> usize) {
    let mut kept = 0;
    let mut k = 0;
    while k < places.len() {
        let mut chosen = k;
        if kept > 0 && places[kept - 1].0 == places[k].0 {
            let (unit, before) = places[kept - 1];
            let end = before + length(unit);
            // The last that overlaps the one kept before, or else the next.
            while places.get(chosen + 1).is_some_and(|next| next.0 == unit && next.1 < end) {
                chosen += 1;
            }
        }
        places[kept] = places[chosen];
        kept += 1;
        k = chosen + 1;
    }
    places.truncate(kept);
}

/// The number of each passage that counts: with `n_left`, one that occurs on both sides.
fn numbers(
    corpus: Corpus,
    n_units: usize,
    places: &[Place],
    n_left: Option<usize>,
) -> Vec<Option<i64>> {
    let edge = n_left.map(|n| corpus.offsets[n.min(corpus.len())] as usize);
    let mut sides = vec![(edge.is_none(), edge.is_none()); n_units];
    if let Some(edge) = edge {
        for &(unit, start) in places {
            sides[unit].0 |= start < edge;
            sides[unit].1 |= start >= edge;
        }
    }
    let mut n = 0..;
    sides.into_iter().map(|(left, right)| if left && right { n.next() } else { None }).collect()
}
