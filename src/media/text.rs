//! Text as it is compared: decoded, normalised, split into words.

use std::borrow::Cow;

use caseless::Caseless;
use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_segmentation::{UnicodeSegmentation, UnicodeWords};

/// Where lone surrogates go: private characters, one for each, so that they stay apart.
const SURROGATES: u32 = 0x10_F800;

/// What is evened out before texts are compared. The default changes nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Form {
    /// Characters composed (Unicode NFC): an accent of its own equals the accented letter.
    pub nfc: bool,
    /// Case folded, as Unicode does it for any script.
    pub case: bool,
    /// Runs of white space are one space, none at the ends.
    pub whitespace: bool,
    /// Punctuation left out.
    pub punctuation: bool,
}

impl Form {
    /// The text in this form.
    pub fn apply<'a>(&self, bytes: &'a [u8]) -> Cow<'a, str> {
        let mut text = decode(bytes);
        let plain = text.is_ascii();
        if self.nfc && !plain {
            compose(&mut text);
        }
        if self.case && plain {
            if text.bytes().any(|b| b.is_ascii_uppercase()) {
                text.to_mut().make_ascii_lowercase();
            }
        } else if self.case {
            text = Cow::Owned(text.chars().default_case_fold().collect());
        }
        if self.punctuation && text.chars().any(is_punctuation) {
            text = Cow::Owned(text.chars().filter(|&c| !is_punctuation(c)).collect());
        }
        if self.nfc && !plain {
            compose(&mut text); // what was folded or has come together may compose anew
        }
        if self.whitespace && !is_spaced_once(&text) {
            text = Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        text
    }
}

fn compose(text: &mut Cow<str>) {
    if !is_nfc(text) {
        *text = Cow::Owned(text.nfc().collect());
    }
}

fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        // ASCII symbols such as + and $ are none.
        return c.is_ascii_punctuation() && !"$+<=>^`|~".contains(c);
    }
    c.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// True if white space is single spaces between other characters already.
fn is_spaced_once(text: &str) -> bool {
    let mut gap = true;
    for c in text.chars() {
        let space = c.is_whitespace();
        if space && (gap || c != ' ') {
            return false;
        }
        gap = space;
    }
    !gap || text.is_empty()
}

/// UTF-8 as text. Python's encoding of a lone surrogate becomes a character of its own.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = bytes;
    loop {
        let bad = match std::str::from_utf8(rest) {
            Ok(text) if out.is_empty() => return Cow::Borrowed(text),
            Ok(text) => {
                out.push_str(text);
                return Cow::Owned(out);
            }
            Err(e) => e,
        };
        let (good, after) = rest.split_at(bad.valid_up_to());
        out.push_str(&String::from_utf8_lossy(good));
        if let &[0xED, high @ 0xA0..=0xBF, low @ 0x80..=0xBF, ..] = after {
            let place = (u32::from(high & 0x1F) << 6) | u32::from(low & 0x3F);
            out.push(char::from_u32(SURROGATES + place).unwrap_or(char::REPLACEMENT_CHARACTER));
            rest = &after[3..];
        } else {
            out.push(char::REPLACEMENT_CHARACTER);
            rest = &after[bad.error_len().unwrap_or(after.len())..];
        }
    }
}

/// The words of a text by Unicode's rules (UAX #29), without what lies between them.
///
/// Scripts that are written without spaces have no words by these rules: of Chinese, Japanese
/// kana other than katakana, Thai, Lao, Khmer and Burmese each character (with its marks) is one.
pub fn words(text: &str) -> Words<'_> {
    let plain = if text.is_ascii() { text.len() } else { 0 };
    Words { text, at: 0, plain, runs: Runs::default(), other: None }
}

/// The words of a text; see [`words`].
#[derive(Debug)]
pub struct Words<'a> {
    text: &'a str,
    at: usize,
    /// Up to where all is known to be ASCII, whose rules are few.
    plain: usize,
    runs: Runs,
    /// The words of a stretch between spaces that is not ASCII.
    other: Option<UnicodeWords<'a>>,
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        loop {
            if let Some(word) = self.other.as_mut().and_then(Iterator::next) {
                return Some(word);
            }
            while self.at < self.plain {
                let ascii = &bytes[..self.plain];
                let start = self.runs.seek(ascii, self.at, true);
                let mut end = self.runs.seek(ascii, start, false);
                while end < self.plain && end > start && joins(ascii, end) {
                    end = self.runs.seek(ascii, end + 1, false);
                }
                self.at = end;
                let run = &bytes[start..end];
                // Underscores alone are no word.
                if run.first().is_some_and(|&b| b != b'_')
                    || run.iter().any(u8::is_ascii_alphanumeric)
                {
                    return Some(&self.text[start..end]);
                }
            }
            if self.at == bytes.len() {
                return None;
            }
            // No word goes on beyond a space, but marks may stand on one.
            let spaces = bytes[self.at..].iter().take_while(|&&b| b == b' ').count();
            let start = self.at + spaces;
            self.plain = start + bytes[start..].iter().take_while(|&&b| b != b' ').count();
            let stretch = &self.text[self.at..self.plain];
            (self.other, self.runs) = (None, Runs::default());
            if !stretch.is_ascii() {
                self.other = Some(stretch.unicode_words());
                self.at = self.plain;
            }
        }
    }
}

/// Bytes of a text looked at at once.
const BLOCK: usize = 64;

/// Which bytes of a block of ASCII text are letters, digits or underscores, a bit each.
#[derive(Debug, Default)]
struct Runs {
    /// Where the block ends; 0 before there is one.
    end: usize,
    bits: u64,
}

impl Runs {
    /// The first place from `at` on that is such a byte, or that is none; at most the end.
    #[inline]
    fn seek(&mut self, text: &[u8], mut at: usize, inside: bool) -> usize {
        while at < text.len() {
            let block = at / BLOCK * BLOCK;
            if self.end != block + BLOCK {
                self.bits = inside_bits(&text[block..text.len().min(block + BLOCK)]);
                self.end = block + BLOCK;
            }
            let bits = (if inside { self.bits } else { !self.bits }) >> (at - block);
            if bits != 0 {
                return text.len().min(at + bits.trailing_zeros() as usize);
            }
            at = self.end;
        }
        text.len()
    }
}

fn inside_bits(block: &[u8]) -> u64 {
    let mut bytes = [0u8; BLOCK];
    bytes[..block.len()].copy_from_slice(block);
    for b in &mut bytes {
        let letter = (*b | 0x20).wrapping_sub(b'a') < 26;
        *b = u8::from(letter | (b.wrapping_sub(b'0') < 10) | (*b == b'_'));
    }
    // The product brings the lowest bits of eight bytes together in its highest byte.
    let (words, _) = bytes.as_chunks::<8>();
    let gathered = words.iter().map(|w| u64::from_le_bytes(*w).wrapping_mul(0x0102_0408_1020_4080));
    gathered.rev().fold(0, |bits, eight| bits << 8 | eight >> 56)
}

/// True for a mark that joins two letters or two digits, as in "it's" and "3.5".
#[inline]
fn joins(text: &[u8], at: usize) -> bool {
    let mark = text[at];
    if !matches!(mark, b'.' | b',' | b';' | b'\'' | b':') {
        return false;
    }
    let (before, after) = (text[at - 1], text.get(at + 1).copied().unwrap_or(b' '));
    let digits = before.is_ascii_digit() && after.is_ascii_digit();
    let letters = before.is_ascii_alphabetic() && after.is_ascii_alphabetic();
    (digits && mark != b':') || (letters && !matches!(mark, b',' | b';'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all() -> Form {
        Form { nfc: true, case: true, whitespace: true, punctuation: true }
    }

    #[test]
    fn forms_even_out_what_they_say() {
        let nfc = Form { nfc: true, ..Form::default() };
        assert_eq!(nfc.apply("e\u{301}A  b.".as_bytes()), "\u{e9}A  b.");
        assert_eq!(Form::default().apply("e\u{301}".as_bytes()), "e\u{301}");
        let case = Form { case: true, ..Form::default() };
        assert_eq!(
            case.apply("STRASSE Stra\u{df}e \u{3a3}\u{3c2}".as_bytes()),
            "strasse strasse σσ"
        );
        assert_eq!(case.apply(b"Ab C"), "ab c");
        let space = Form { whitespace: true, ..Form::default() };
        assert_eq!(space.apply("\u{a0} a\t\n b\u{3000}".as_bytes()), "a b");
        let points = Form { punctuation: true, ..Form::default() };
        assert_eq!(points.apply("“C++” costs $5, don't!。".as_bytes()), "C++ costs $5 dont");
        assert_eq!(all().apply(" ...! ".as_bytes()), "");
    }

    #[test]
    fn what_is_in_form_is_borrowed() {
        for text in ["", "plain words", "d\u{e9}j\u{e0} vu"] {
            let form = Form { case: false, ..all() };
            assert!(matches!(form.apply(text.as_bytes()), Cow::Borrowed(t) if t == text));
        }
    }

    #[test]
    fn lone_surrogates_stay_apart() {
        let (one, two) = (decode(b"a\xED\xA0\x80b"), decode(b"a\xED\xA0\x81b"));
        assert_ne!(one, two);
        assert_eq!(one.chars().count(), 3);
        assert_eq!(decode(b"\xED\xBF\xBF"), "\u{10FFFF}");
        assert_eq!(decode(b"a\xFFb\xE2\x82"), "a\u{FFFD}b\u{FFFD}");
    }

    #[test]
    fn words_of_scripts_with_and_without_spaces() {
        let split = |t| words(t).collect::<Vec<&str>>();
        assert_eq!(split("It's 3.5 km, (really)!"), ["It's", "3.5", "km", "really"]);
        assert_eq!(split("我们去北京。"), ["我", "们", "去", "北", "京"]);
        assert_eq!(split("カタカナ ひらがな"), ["カタカナ", "ひ", "ら", "が", "な"]);
        assert_eq!(split("ไทย"), ["ไ", "ท", "ย"]);
        assert_eq!(split("ที่นี่"), ["ที่", "นี่"]);
        assert_eq!(split("한국어 단어"), ["한국어", "단어"]);
        assert!(split(" ... !? ").is_empty());
    }

    proptest! {
        #[test]
        fn words_are_those_of_unicode(
            text in "[ab_19.,;:' \"\\-\t\r\né\u{301}我ไั\u{200d}“’🇩🇪]{0,24}", any in "\\PC{0,20}",
        ) {
            for text in [text, any] {
                let want: Vec<&str> = text.unicode_words().collect();
                prop_assert_eq!(words(&text).collect::<Vec<_>>(), want);
            }
        }

        #[test]
        fn a_form_is_reached_at_once_and_any_bytes_can_be_read(
            bytes in prop::collection::vec(any::<u8>(), 0..40), text in "\\PC{0,20}",
        ) {
            for form in [all(), Form { nfc: true, ..Form::default() }, Form::default()] {
                let _ = form.apply(&bytes);
                let once = form.apply(text.as_bytes()).into_owned();
                let again = form.apply(once.as_bytes());
                prop_assert_eq!(&again, &once);
            }
            prop_assert_eq!(decode(text.as_bytes()), text.as_str());
        }
    }
}
