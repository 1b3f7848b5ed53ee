//! Operations on characters, as people see them: graphemes are never cut.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

use super::pieces::Piece;
use super::{Hits, Op};
use crate::base::rng::Stream;

/// The graphemes of a word and which of them are hit.
#[derive(Default)]
struct Drawn {
    /// Where each ends, and whether it is hit.
    ends: Vec<(usize, bool)>,
}

impl Drawn {
    /// Draws for the word; false where nothing is hit: most words do not change.
    fn draw(&mut self, word: &str, hits: &mut Hits, stream: &mut Stream) -> bool {
        self.ends.clear();
        if word.is_ascii() {
            if hits.skip(word.len()) {
                return false;
            }
            self.ends.extend((1..=word.len()).map(|end| (end, hits.next(stream))));
            return true;
        }
        let mut end = 0;
        self.ends.extend(word.graphemes(true).map(|part| {
            end += part.len();
            (end, hits.next(stream))
        }));
        self.ends.iter().any(|e| e.1)
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    /// The `count` graphemes from `i` on, if there are as many; and whether the first is hit.
    fn get<'t>(&self, word: &'t str, i: usize, count: usize) -> Option<(&'t str, bool)> {
        let start = if i == 0 { 0 } else { self.ends[i - 1].0 };
        let end = self.ends.get(i + count - 1)?.0;
        Some((&word[start..end], self.ends[i].1))
    }
}

/// What stands for a grapheme in the table, in its case.
fn near<'a>(op: &'a Op, grapheme: &str, stream: &mut Stream) -> Option<Cow<'a, str>> {
    let choices = op.table.lookup(grapheme)?;
    let found = &choices[stream.below(choices.len() as u64) as usize];
    let upper = grapheme.chars().all(char::is_uppercase);
    Some(if upper { found.to_uppercase().into() } else { found.into() })
}

/// Typing errors at this share of the characters of words: a key beside it instead, a key beside
/// it as well, none, or the next one first, by the weights `set`.
pub fn keyboard(op: &Op, rate: f64, now: &mut [Piece], stream: &mut Stream) {
    let weights = [op.at(0), op.at(1), op.at(2), op.at(3)];
    let sum: f64 = weights.iter().sum();
    let (mut hits, mut all) = (Hits::new(rate, stream), Drawn::default());
    for piece in now.iter_mut().filter(|p| p.word) {
        if !all.draw(&piece.text, &mut hits, stream) {
            continue;
        }
        let mut out = String::with_capacity(piece.text.len() + 4);
        let mut i = 0;
        while let Some((here, hit)) = all.get(&piece.text, i, 1) {
            i += 1;
            if !hit {
                out.push_str(here);
                continue;
            }
            let mut left = stream.unit() * sum;
            let kind = weights.iter().position(|w| {
                left -= w;
                left < 0.0
            });
            match (kind, all.get(&piece.text, i, 1)) {
                (Some(0), _) => out.push_str(&near(op, here, stream).unwrap_or(here.into())),
                (Some(1), _) => {
                    out.push_str(here);
                    out.extend(near(op, here, stream));
                }
                (Some(2), _) if all.len() > 1 => {}
                (Some(3), Some((next, _))) => {
                    out.push_str(next);
                    out.push_str(here);
                    i += 1;
                }
                _ => out.push_str(here),
            }
        }
        // Where every character was dropped, the word stays.
        if !out.is_empty() {
            piece.text = Cow::Owned(out);
        }
    }
}

/// Look-alikes at this share of the places where the table has one (one or two characters).
pub fn look_alike(op: &Op, rate: f64, now: &mut [Piece], stream: &mut Stream) {
    let (mut hits, mut all) = (Hits::new(rate, stream), Drawn::default());
    for piece in now.iter_mut().filter(|p| p.word) {
        if !all.draw(&piece.text, &mut hits, stream) {
            continue;
        }
        let mut out = String::with_capacity(piece.text.len() + 4);
        let mut i = 0;
        while let Some((here, hit)) = all.get(&piece.text, i, 1) {
            let two = all.get(&piece.text, i, 2).filter(|_| hit);
            let of_two = two.and_then(|(two, _)| op.table.get(two));
            i += if of_two.is_some() { 2 } else { 1 };
            match of_two.or_else(|| op.table.get(here).filter(|_| hit)) {
                Some(f) => out.push_str(&f[stream.below(f.len() as u64) as usize]),
                None => out.push_str(here),
            }
        }
        piece.text = Cow::Owned(out);
    }
}

/// The other case at this share of the letters (`set[0]` zero), or a case of its own for this
/// share of the words: small, capitals, or a capital first.
pub fn case(op: &Op, rate: f64, now: &mut [Piece], stream: &mut Stream) {
    let (mut hits, mut all) = (Hits::new(rate, stream), Drawn::default());
    for piece in now.iter_mut().filter(|p| p.word) {
        if op.at(0) != 0.0 {
            if hits.next(stream) {
                let small = piece.text.to_lowercase();
                piece.text = Cow::Owned(match stream.below(3) {
                    0 => small,
                    1 => piece.text.to_uppercase(),
                    _ => super::words::cased(&small, "Aa").into_owned(),
                });
            }
            continue;
        }
        if !all.draw(&piece.text, &mut hits, stream) {
            continue;
        }
        let mut out = String::with_capacity(piece.text.len());
        let mut i = 0;
        while let Some((here, hit)) = all.get(&piece.text, i, 1) {
            i += 1;
            match (hit, here.chars().any(char::is_uppercase)) {
                (false, _) => out.push_str(here),
                (true, true) => out.push_str(&here.to_lowercase()),
                (true, false) => out.push_str(&here.to_uppercase()),
            }
        }
        piece.text = Cow::Owned(out);
    }
}
