//! Operations on words.

use std::borrow::Cow;

use super::pieces::Piece;
use super::{Hits, Op, about};
use crate::base::rng::Stream;

fn places(now: &[Piece]) -> Vec<usize> {
    (0..now.len()).filter(|&i| now[i].word).collect()
}

/// `count` of the items, drawn without another.
fn some<T>(mut items: Vec<T>, count: usize, stream: &mut Stream) -> Vec<T> {
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
pub fn cased<'a>(word: &'a str, like: &str) -> Cow<'a, str> {
    // Most words begin small.
    if like.bytes().next().is_some_and(|b| b.is_ascii_lowercase()) {
        return word.into();
    }
    let mut letters = like.chars().filter(|c| c.is_alphabetic());
    let (first, second) = (letters.next(), letters.next());
    let up = |c: Option<char>| c.is_some_and(char::is_uppercase);
    if !up(first) {
        return word.into();
    }
    if up(second) && !letters.any(char::is_lowercase) {
        return word.to_uppercase().into();
    }
    let mut rest = word.chars();
    rest.next().map_or_else(String::new, |c| c.to_uppercase().chain(rest).collect()).into()
}

/// A share of the words, of those that the table has, each by one of its synonyms (Wei and Zou
/// 2019).
pub fn replace<'a>(op: &'a Op, rate: f64, now: &mut [Piece<'a>], stream: &mut Stream) {
    let (words, known) = known(op, now);
    let count = about(rate * words as f64, stream);
    for (i, choices) in some(known, count, stream) {
        now[i].text = cased(one_of(choices, stream), &now[i].text);
    }
}

/// The number of words, and those that the table has, with what it has for them.
fn known<'a>(op: &'a Op, now: &[Piece]) -> (usize, Vec<(usize, &'a [String])>) {
    let mut words = 0;
    let mut found = Vec::with_capacity(now.len() / 2);
    for (i, piece) in now.iter().enumerate().filter(|(_, p)| p.word) {
        words += 1;
        found.extend(op.table.lookup(&piece.text).map(|choices| (i, choices)));
    }
    (words, found)
}

/// Synonyms of words of the text at places of its words; their number is a share of the words'.
pub fn insert<'a>(
    op: &'a Op,
    rate: f64,
    now: &mut Vec<Piece<'a>>,
    gap: &'a str,
    stream: &mut Stream,
) {
    let (words, known) = known(op, now);
    let count = about(rate * words as f64, stream);
    if known.is_empty() || count == 0 {
        return;
    }
    let mut new: Vec<(usize, &str)> = Vec::with_capacity(count);
    for _ in 0..count {
        let (_, choices) = known[stream.below(known.len() as u64) as usize];
        let before = stream.below(words as u64) as usize;
        new.push((before, one_of(choices, stream)));
    }
    new.sort_by_key(|n| n.0);
    // From the last piece to the first, so that each piece moves once and in place.
    let (mut from, mut word) = (now.len(), words);
    now.resize(from + 2 * count, Piece::gap(gap));
    let mut to = now.len();
    while from < to {
        from -= 1;
        to -= 1;
        now.swap(from, to);
        if !now[to].word {
            continue;
        }
        word -= 1;
        let group = now[to].group;
        while let Some((_, text)) = new.pop_if(|n| n.0 == word) {
            now[to - 1] = Piece::gap(gap);
            now[to - 2] = Piece::new(Cow::Borrowed(text), group);
            to -= 2;
        }
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
    let mut hits = Hits::new(rate, stream);
    let words = places(now);
    let mut gone: Vec<usize> = words.iter().copied().filter(|_| hits.next(stream)).collect();
    if gone.is_empty() {
        return;
    }
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
pub fn drop_out<'a>(op: &'a Op, rate: f64, now: &mut [Piece<'a>], stream: &mut Stream) {
    let mut hits = Hits::new(rate, stream);
    for piece in now.iter_mut().filter(|p| p.word) {
        if hits.next(stream) {
            piece.text = Cow::Borrowed(&op.mask);
        }
    }
}

/// A share of the words, in runs of a mean length, becomes masks: one a run, or one a word
/// (Joshi and others 2020). The masks belong to no span.
pub fn mask_spans<'a>(op: &'a Op, rate: f64, now: &mut Vec<Piece<'a>>, stream: &mut Stream) {
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
            now.push(Piece::new(Cow::Borrowed(&op.mask), 0));
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
    let pair = both.and_then(|b| op.table.lookup(&b)).map(|c| (c, true));
    pair.or_else(|| op.table.lookup(&word).map(|c| (c, false)))
}

/// A word with plain apostrophes.
fn plain(word: &str) -> Cow<'_, str> {
    if word.contains('\u{2019}') { word.replace('\u{2019}', "'").into() } else { word.into() }
}
