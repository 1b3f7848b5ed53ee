//! Texts cut into words and what lies between them.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

/// A word, or what lies between two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Its text.
    pub text: Cow<'a, str>,
    /// Which code points (or which token) of the original it stands for; none if it is new.
    pub from: Option<(usize, usize)>,
    /// Whether it is a word.
    pub word: bool,
    /// Which spans it lies in, as one number: words of one number can change places.
    pub group: u64,
}

impl<'a> Piece<'a> {
    /// A word that was not there.
    pub fn new(text: Cow<'a, str>, group: u64) -> Self {
        Piece { text, from: None, word: true, group }
    }

    /// Something between words that was not there.
    pub fn gap(text: &'a str) -> Self {
        Piece { text: Cow::Borrowed(text), from: None, word: false, group: 0 }
    }

    /// A token with its number.
    pub fn token(text: &'a str, number: usize) -> Self {
        let word = wordy(text);
        Piece { text: Cow::Borrowed(text), from: Some((number, number + 1)), word, group: 0 }
    }

    /// Whether it is white space.
    pub fn blank(&self) -> bool {
        !self.word && self.text.chars().all(char::is_whitespace)
    }
}

/// Whether there is a letter or a digit.
fn wordy(part: &str) -> bool {
    part.chars().any(char::is_alphanumeric)
}

/// The pieces of a text, each with the spans it lies in. Pieces are cut at the edges of spans.
pub fn pieces<'a>(text: &'a str, spans: &[(usize, usize)]) -> Vec<Piece<'a>> {
    // About what English takes, spaces included.
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut place = 0;
    if text.is_ascii() && spans.is_empty() {
        each_ascii(text, |part, word| {
            let from = Some((place, place + part.len()));
            place += part.len();
            out.push(Piece { text: Cow::Borrowed(part), from, word, group: 0 });
        });
        return out;
    }
    let mut edges: Vec<usize> = spans.iter().flat_map(|&(a, b)| [a, b]).collect();
    edges.sort_unstable();
    let mut add = |part: &'a str| {
        if part.is_empty() {
            return;
        }
        let end = place + part.chars().count();
        let inside = spans.iter().enumerate().filter(|(_, s)| s.0 < end && place < s.1);
        // Mixed, so that any number of spans fits; an equal number by chance lets two words swap.
        let group = inside.fold(0u64, |g, (i, _)| {
            (g ^ (i as u64 + 1)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        });
        let word = wordy(part);
        out.push(Piece { text: Cow::Borrowed(part), from: Some((place, end)), word, group });
        place = end;
    };
    let mut seen = 0;
    each_word(text, |part| {
        let end = seen + if edges.is_empty() { 0 } else { part.chars().count() };
        let (mut rest, mut at) = (part, seen);
        for &edge in &edges {
            if at < edge && edge < end {
                let cut = rest.char_indices().nth(edge - at).map_or(rest.len(), |(b, _)| b);
                add(&rest[..cut]);
                rest = &rest[cut..];
                at = edge;
            }
        }
        add(rest);
        seen = end;
    });
    out
}

/// Calls `f` with each part of the text, cut by the word boundaries of Unicode (UAX 29).
fn each_word<'a>(text: &'a str, mut f: impl FnMut(&'a str)) {
    if text.is_ascii() {
        each_ascii(text, |part, _| f(part));
    } else {
        text.split_word_bounds().for_each(f);
    }
}

/// Calls `f` with each part of an ASCII text and whether it is a word: UAX 29 for these
/// characters, and three times as quick as the tables for all.
fn each_ascii<'a>(text: &'a str, mut f: impl FnMut(&'a str, bool)) {
    let b = text.as_bytes();
    let get = |i: usize| b.get(i).copied().unwrap_or(0);
    let wordy = |c: &u8| c.is_ascii_alphanumeric() || *c == b'_';
    let run = |i: usize, fits: &dyn Fn(&u8) -> bool| {
        b[i..].iter().position(|c| !fits(c)).map_or(b.len(), |n| i + n)
    };
    let mut start = 0;
    while start < b.len() {
        let first = b[start];
        let end = match first {
            c if wordy(&c) => {
                let mut end = run(start + 1, &wordy);
                while joins(b[end - 1], get(end), get(end + 1)) {
                    end = run(end + 2, &wordy);
                }
                end
            }
            b' ' => run(start + 1, &|c| *c == b' '),
            b'\r' if get(start + 1) == b'\n' => start + 2,
            _ => start + 1,
        };
        let part = &text[start..end];
        f(part, first.is_ascii_alphanumeric() || first == b'_' && self::wordy(part));
        start = end;
    }
}

/// Whether a mark between two characters is part of their word.
fn joins(before: u8, mark: u8, next: u8) -> bool {
    let letters = before.is_ascii_alphabetic() && next.is_ascii_alphabetic();
    let digits = before.is_ascii_digit() && next.is_ascii_digit();
    letters && matches!(mark, b'.' | b'\'' | b':')
        || digits && matches!(mark, b'.' | b'\'' | b',' | b';')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ascii_is_cut_as_unicode_says(text in "[ -~\r\n\t]{0,30}|[ab1.,:;'_ ]{0,20}") {
            let mut got = Vec::new();
            each_word(&text, |p| got.push(p));
            let want: Vec<&str> = text.split_word_bounds().collect();
            prop_assert_eq!(got, want);
        }

        #[test]
        fn pieces_are_the_text(text in "\\PC{0,20}", a in 0usize..20, b in 0usize..20) {
            let n = text.chars().count();
            let span = (a.min(b).min(n), a.max(b).min(n));
            let all = pieces(&text, &[span]);
            let joined: String = all.iter().map(|p| p.text.as_ref()).collect();
            prop_assert_eq!(&joined, &text);
            for p in &all {
                let (s, e) = p.from.unwrap();
                let slow: String = text.chars().skip(s).take(e - s).collect();
                prop_assert_eq!(slow.as_str(), p.text.as_ref());
                prop_assert_eq!(p.group != 0, s < span.1 && span.0 < e);
            }
        }
    }
}
