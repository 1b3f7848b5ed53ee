//! What stands for what.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::base::hash;

/// Synonyms of a word, neighbours of a key, look-alikes, contractions.
#[derive(Debug, Clone, Default)]
pub struct Table {
    rows: HashMap<String, Vec<String>, BuildHasherDefault<Words>>,
    longest: usize,
}

impl Table {
    /// A table of words with what can be put in their place.
    pub fn new(rows: impl Iterator<Item = (String, Vec<String>)>) -> Self {
        let rows: HashMap<_, _, _> = rows.filter(|r| !r.1.is_empty()).collect();
        let longest = rows.keys().map(String::len).max().unwrap_or(0);
        Table { rows, longest }
    }

    /// How many words it has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What it has for a word as it is written: at least one.
    pub fn get(&self, word: &str) -> Option<&[String]> {
        if word.len() > self.longest { None } else { self.rows.get(word).map(Vec::as_slice) }
    }

    /// What it has for a word: as it is written, or in lower case.
    pub fn lookup(&self, word: &str) -> Option<&[String]> {
        let found = self.get(word);
        let upper = if word.is_ascii() {
            word.bytes().any(|b| b.is_ascii_uppercase())
        } else {
            word.chars().any(char::is_uppercase)
        };
        if upper { found.or_else(|| self.get(&word.to_lowercase())) } else { found }
    }
}

/// The hash of a word. Quicker than the standard one, and the tables are the user's own.
#[derive(Default)]
struct Words(u64);

impl Hasher for Words {
    fn write(&mut self, bytes: &[u8]) {
        let word = |b: &[u8; 8]| u64::from_le_bytes(*b);
        self.0 = match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(a), Some(b)) if bytes.len() <= 16 => hash::mix(word(a), word(b)),
            (None, _) => hash::mix(bytes.len() as u64, hash::short(bytes, bytes)),
            _ => hash::bytes(0, bytes),
        };
    }

    /// The mark that ends a string: the length is hashed already.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
