//! Operations on characters, as people see them: graphemes are never cut.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

use super::Op;
use super::pieces::Piece;
use crate::base::rng::Stream;

/// The graphemes of a word, and whether any will change: most words of a text do not.
fn drawn<'t>(text: &'t str, rate: f64, stream: &mut Stream) -> Option<Vec<(&'t str, bool)>> {
    let mut any = false;
    let mut hit = |part: &'t str| {
        let hit = stream.unit() < rate;
        any |= hit;
        (part, hit)
    };
    let all: Vec<(&str, bool)> = if text.is_ascii() {
        (0..text.len()).map(|i| hit(&text[i..=i])).collect()
    } else {
        text.graphemes(true).map(hit).collect()
    };
    any.then_some(all)
}

/// What stands for a grapheme in the table, in its case.
fn near(op: &Op, grapheme: &str, stream: &mut Stream) -> Option<String> {
    let choices = op.lookup(grapheme)?;
    let found = &choices[stream.below(choices.len() as u64) as usize];
    let upper = grapheme.chars().all(char::is_uppercase);
    Some(if upper { found.to_uppercase() } else { found.clone() })
}

/// Typing errors at this share of the characters of words: a key beside it instead, a key beside
/// it as well, none, or the next one first, by the weights `set`.
pub fn keyboard(op: &Op, rate: f64, now: &mut [Piece], stream: &mut Stream) {
    let weights = [op.at(0), op.at(1), op.at(2), op.at(3)];
    let sum: f64 = weights.iter().sum();
    for piece in now.iter_mut().filter(|p| p.word) {
        let Some(all) = drawn(&piece.text, rate, stream) else { continue };
        let mut out = String::with_capacity(piece.text.len() + 4);
        let mut i = 0;
        while i < all.len() {
            let (here, hit) = all[i];
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
            match (kind, all.get(i)) {
                (Some(0), _) => match near(op, here, stream) {
                    Some(other) => out.push_str(&other),
                    None => out.push_str(here),
                },
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
    for piece in now.iter_mut().filter(|p| p.word) {
        let Some(all) = drawn(&piece.text, rate, stream) else { continue };
        let mut out = String::with_capacity(piece.text.len() + 4);
        let mut i = 0;
        while i < all.len() {
            let (here, hit) = all[i];
            let two = all.get(i + 1).map(|n| format!("{here}{}", n.0));
            let of_two = two.as_deref().and_then(|t| op.table.get(t));
            i += 1;
            let found = if hit { of_two.or_else(|| op.table.get(here)) } else { None };
            match found.filter(|f| !f.is_empty()) {
                Some(f) => {
                    out.push_str(&f[stream.below(f.len() as u64) as usize]);
                    i += usize::from(of_two.is_some());
                }
                None => out.push_str(here),
            }
        }
        piece.text = Cow::Owned(out);
    }
}

/// The other case at this share of the letters (`set[0]` zero), or a case of its own for this
/// share of the words: small, capitals, or a capital first.
pub fn case(op: &Op, rate: f64, now: &mut [Piece], stream: &mut Stream) {
    for piece in now.iter_mut().filter(|p| p.word) {
        if op.at(0) != 0.0 {
            if stream.unit() < rate {
                let small = piece.text.to_lowercase();
                piece.text = Cow::Owned(match stream.below(3) {
                    0 => small,
                    1 => piece.text.to_uppercase(),
                    _ => super::words::cased(&small, "Aa"),
                });
            }
            continue;
        }
        let Some(all) = drawn(&piece.text, rate, stream) else { continue };
        let mut out = String::with_capacity(piece.text.len());
        for (here, hit) in all {
            match (hit, here.chars().any(char::is_uppercase)) {
                (false, _) => out.push_str(here),
                (true, true) => out.push_str(&here.to_lowercase()),
                (true, false) => out.push_str(&here.to_uppercase()),
            }
        }
        piece.text = Cow::Owned(out);
    }
}
