//! Operations on words.

use std::borrow::Cow;

use super::pieces::Piece;
use super::{Op, about};
use crate::base::rng::Stream;

fn places(now: &[Piece]) -> Vec<usize> {
    (0..now.len()).filter(|&i| now[i].word).collect()
}

/// `count` of the items, drawn without another.
fn some(mut items: Vec<usize>, count: usize, stream: &mut Stream) -> Vec<usize> {
    let count = count.min(items.len());
    for i in 0..count {
        let j = i + stream.below((items.len() - i) as u64) as usize;
        items.swap(i, j);
    }
    items.truncate(count);
    items
}

fn one_of<'t>(choices: &'t [String], stream: &mut Stream) -> &'t str {
    &choices[stream.below(choices.len() as u64) as usize]
}

/// `word` in the case of `like`: all capitals, a capital first, or as it is.
pub fn cased(word: &str, like: &str) -> String {
    let mut letters = like.chars().filter(|c| c.is_alphabetic());
    let (first, second) = (letters.next(), letters.next());
    let up = |c: Option<char>| c.is_some_and(char::is_uppercase);
    if !up(first) {
        return word.to_string();
    }
    if up(second) && !letters.any(char::is_lowercase) {
        return word.to_uppercase();
    }
    let mut rest = word.chars();
    rest.next().map_or_else(String::new, |c| c.to_uppercase().chain(rest).collect())
}

/// A share of the words, of those that the table has, each by one of its synonyms (Wei and Zou
/// 2019).
pub fn replace(op: &Op, rate: f64, now: &mut [Piece], stream: &mut Stream) {
    let words = places(now);
    let count = about(rate * words.len() as f64, stream);
    let known = words.into_iter().filter(|&i| op.lookup(&now[i].text).is_some()).collect();
    for i in some(known, count, stream) {
        if let Some(choices) = op.lookup(&now[i].text) {
            now[i].text = Cow::Owned(cased(one_of(choices, stream), &now[i].text));
        }
    }
}

/// Synonyms of words of the text at places of its words; their number is a share of the words'.
pub fn insert<'a>(op: &Op, rate: f64, now: &mut Vec<Piece<'a>>, gap: &'a str, stream: &mut Stream) {
    let words = places(now);
    let known: Vec<usize> =
        words.iter().copied().filter(|&i| op.lookup(&now[i].text).is_some()).collect();
    if known.is_empty() {
        return;
    }
    let count = about(rate * words.len() as f64, stream);
    let mut new: Vec<(usize, String)> = Vec::with_capacity(count);
    for _ in 0..count {
        let of = known[stream.below(known.len() as u64) as usize];
        let before = words[stream.below(words.len() as u64) as usize];
        if let Some(choices) = op.lookup(&now[of].text) {
            new.push((before, one_of(choices, stream).to_string()));
        }
    }
    new.sort_by_key(|n| n.0);
    let mut new = new.into_iter().peekable();
    let old = std::mem::take(now);
    for (i, piece) in old.into_iter().enumerate() {
        while let Some((_, word)) = new.next_if(|n| n.0 == i) {
            now.push(Piece::new(Cow::Owned(word), piece.group));
            now.push(Piece::gap(gap));
        }
        now.push(piece);
    }
}

/// Words change places, two and two, until a share of them has moved; only with words that lie in
/// the same spans.
pub fn swap(rate: f64, now: &mut [Piece], stream: &mut Stream) {
    let words = places(now);
    for _ in 0..about(rate * words.len() as f64 / 2.0, stream) {
        let i = words[stream.below(words.len() as u64) as usize];
        // A few tries: where hardly any word lies in the same spans, nothing moves.
        for _ in 0..8 {
            let j = words[stream.below(words.len() as u64) as usize];
            if j != i && now[j].group == now[i].group {
                now.swap(i, j);
                break;
            }
        }
    }
}

/// Each word goes with this chance, and a space beside it; one stays.
pub fn delete(rate: f64, now: &mut Vec<Piece>, stream: &mut Stream) {
    let words = places(now);
    let mut gone: Vec<usize> = words.iter().copied().filter(|_| stream.unit() < rate).collect();
    if gone.len() == words.len() {
        gone.remove(stream.below(gone.len() as u64) as usize);
    }
    let mut keep = vec![true; now.len()];
    for i in gone {
        keep[i] = false;
        let free = |j: usize| now.get(j).is_some_and(Piece::blank) && keep[j];
        if free(i + 1) {
            keep[i + 1] = false;
        } else if i > 0 && free(i - 1) {
            keep[i - 1] = false;
        }
    }
    let mut keep = keep.into_iter();
    now.retain(|_| keep.next() == Some(true));
}

/// Each word becomes the mask with this chance (Bowman and others 2016).
pub fn drop_out(op: &Op, rate: f64, now: &mut [Piece], stream: &mut Stream) {
    for piece in now.iter_mut().filter(|p| p.word) {
        if stream.unit() < rate {
            piece.text = Cow::Owned(op.mask.clone());
        }
    }
}

/// A share of the words, in runs of a mean length, becomes masks: one a run, or one a word
/// (Joshi and others 2020). The masks belong to no span.
pub fn mask_spans(op: &Op, rate: f64, now: &mut Vec<Piece>, stream: &mut Stream) {
    let (mean, one_a_run) = (op.at(0).max(1.0), op.at(1) != 0.0);
    let words = places(now);
    let budget = about(rate * words.len() as f64, stream).min(words.len());
    let mut hit = vec![false; words.len()];
    let mut left = budget;
    while left > 0 {
        let mut long = 1;
        while long < left && stream.unit() >= 1.0 / mean {
            long += 1;
        }
        // A run begins at a free word; what does not fit before the next run is left out.
        let start = stream.below(words.len() as u64) as usize;
        for hit in hit[start..].iter_mut().take(long).take_while(|h| !**h) {
            *hit = true;
            left -= 1;
        }
    }
    let mut masked = vec![false; now.len()];
    for (w, &i) in words.iter().enumerate().filter(|(w, _)| hit[*w]) {
        masked[i] = true;
        if one_a_run && hit.get(w + 1) == Some(&true) {
            masked[i..words[w + 1]].fill(true);
        }
    }
    let mut before = false;
    for (piece, masked) in std::mem::take(now).into_iter().zip(masked) {
        if !masked {
            now.push(piece);
        } else if !(before && one_a_run) {
            now.push(Piece { word: true, ..Piece::new(Cow::Owned(op.mask.clone()), 0) });
        }
        before = masked;
    }
}

/// Each word, or two words with a space between, that the table has is written as it says, with
/// this chance.
pub fn contract<'a>(
    op: &Op,
    rate: f64,
    now: &mut Vec<Piece<'a>>,
    gap: &'a str,
    stream: &mut Stream,
) {
    let old = std::mem::take(now);
    let far = if gap.is_empty() { 1 } else { 2 };
    let mut i = 0;
    while i < old.len() {
        let (here, next) = (&old[i], old.get(i + far));
        let next = next.filter(|n| n.group == here.group && (far == 1 || old[i + 1].blank()));
        let found = if here.word { contracted(op, here, next) } else { None };
        match found.filter(|_| stream.unit() < rate) {
            Some((choices, both)) => {
                let text = cased(one_of(choices, stream), &here.text);
                let end = next.filter(|_| both).and_then(|n| n.from).or(here.from);
                let from = here.from.zip(end).map(|(a, b)| (a.0, b.1));
                for (k, word) in text.split(' ').enumerate() {
                    if k > 0 {
                        now.push(Piece { from, ..Piece::gap(gap) });
                    }
                    let text = Cow::Owned(word.to_string());
                    now.push(Piece { text, from, word: true, group: here.group });
                }
                i += if both { far } else { 0 };
            }
            None => now.push(here.clone()),
        }
        i += 1;
    }
}

/// What the table has for a word and the next, or for the word; and whether for both.
fn contracted<'t>(op: &'t Op, here: &Piece, next: Option<&Piece>) -> Option<(&'t [String], bool)> {
    let word = plain(&here.text);
    let both = next.filter(|n| n.word).map(|n| format!("{word} {}", plain(&n.text)));
    let pair = both.and_then(|b| op.lookup(&b)).map(|c| (c, true));
    pair.or_else(|| op.lookup(&word).map(|c| (c, false)))
}

/// A word with plain apostrophes.
fn plain(word: &str) -> Cow<'_, str> {
    if word.contains('\u{2019}') { word.replace('\u{2019}', "'").into() } else { word.into() }
}
