//! The joins against the slow search.

use std::collections::BTreeSet;

use super::shingles::Unit;
use super::*;
use crate::media::text::Form;
use proptest::prelude::*;

fn buffers(texts: &[&str]) -> (Vec<i64>, Vec<u8>) {
    let bytes = texts.concat().into_bytes();
    let mut offsets = vec![0];
    for text in texts {
        offsets.push(offsets[offsets.len() - 1] + text.len() as i64);
    }
    (offsets, bytes)
}

fn shingler(size: usize) -> Shingler {
    Shingler { unit: Unit::Words(size), form: Form { nfc: true, ..Form::default() } }
}

fn run(threads: usize, texts: &[&str], t: f64, method: Method, n_left: Option<usize>) -> Found {
    let (offsets, bytes) = buffers(texts);
    let text = Text::new(&offsets, &bytes).unwrap();
    let t = Threshold::new(t).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| search(&Ctx::new(threads), &text, None, &shingler(1), t, method, n_left))
        .unwrap()
}

/// Pairs by comparing all, from sets of words.
fn slow(texts: &[&str], t: f64, n_left: Option<usize>) -> Vec<(usize, usize, f64)> {
    let sets: Vec<BTreeSet<&str>> = texts.iter().map(|x| x.split_whitespace().collect()).collect();
    let mut out = Vec::new();
    for j in 0..texts.len() {
        for i in 0..j {
            let shared = sets[i].intersection(&sets[j]).count();
            let all = sets[i].union(&sets[j]).count();
            let score = if all == 0 { 0.0 } else { shared as f64 / all as f64 };
            let across = n_left.is_none_or(|n| (i < n) != (j < n));
            if across && score >= t {
                out.push((i, j, score));
            }
        }
    }
    out.sort_by_key(|&(i, j, _)| (i, j));
    out
}

/// The pairs of texts that a result holds.
fn expand(found: &Found, n_left: Option<usize>) -> Vec<(usize, usize, f64)> {
    let n = found.content.len();
    let mut out = Vec::new();
    for j in 0..n {
        for i in 0..j {
            let (a, b) = (found.content[i], found.content[j]);
            let pair = found.pairs.iter().find(|p| (p.left, p.right) == (a.min(b), a.max(b)));
            let score = if a == b { Some(1.0) } else { pair.map(|p| p.score) };
            let across = n_left.is_none_or(|n| (i < n) != (j < n));
            out.extend(score.filter(|_| across).map(|s| (i, j, s)));
        }
    }
    out.sort_by_key(|&(i, j, _)| (i, j));
    out
}

fn sentence() -> impl Strategy<Value = String> {
    // Few words, some of them common: many pairs at every threshold.
    let word = prop_oneof![3 => 0usize..4, 2 => 4usize..12, 1 => 12usize..30];
    prop::collection::vec(word, 0..14)
        .prop_map(|w| w.iter().map(|k| format!("w{k}")).collect::<Vec<_>>().join(" "))
}

proptest! {
    #[test]
    fn the_exact_join_finds_every_pair(
        texts in prop::collection::vec(sentence(), 0..40),
        t in prop_oneof![Just(0.5), Just(0.8), Just(1.0), Just(1.0 / 3.0), 0.01f64..1.0],
        cut in prop::option::of(0usize..40),
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let n_left = cut.map(|c| c.min(texts.len()));
        let found = run(1, &texts, t, Method::Exact, n_left);
        prop_assert_eq!(expand(&found, n_left), slow(&texts, t, n_left));
        let auto = run(2, &texts, t, Method::Auto(1), n_left);
        prop_assert_eq!(auto, found);
    }

    #[test]
    fn what_minhash_finds_are_pairs(
        texts in prop::collection::vec(sentence(), 0..40),
        t in prop_oneof![Just(0.8), 0.01f64..1.0],
        seed in any::<u64>(),
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let all = slow(&texts, t, None);
        let found = run(1, &texts, t, Method::MinHash(seed), None);
        for pair in expand(&found, None) {
            prop_assert!(all.contains(&pair));
        }
        prop_assert_eq!(run(3, &texts, t, Method::MinHash(seed), None), found);
    }
}

#[test]
fn bands_find_what_they_state() {
    for t in [0.2, 0.5, 0.8, 0.9, 0.99, 1.0] {
        let bands = Bands::new(Threshold::new(t).unwrap());
        assert!(bands.recall(t) >= 0.97 && bands.recall(t) <= 1.0, "{t}: {bands:?}");
    }
    let faint = Bands::new(Threshold::new(0.001).unwrap());
    assert!(faint.recall(0.001) < 0.97);
}

#[test]
fn blank_and_short_texts() {
    let texts = ["", "  ", "", "!!", "!!", "?", "a", "a"];
    let found = run(1, &texts, 0.5, Method::Exact, None);
    assert_eq!(found.content, [0, 1, 2, 3, 3, 4, 5, 5]);
    assert_eq!(found.short, 3);
    assert!(found.pairs.is_empty());
}

#[test]
fn what_is_missing_is_blank_whatever_lies_beneath() {
    let (offsets, bytes) = buffers(&["a b", "a b", "a b"]);
    let text = Text::new(&offsets, &bytes).unwrap();
    let gone = [false, true, false];
    let t = Threshold::new(0.1).unwrap();
    let search = |gone: &[bool], n_left| {
        let gone = Some(ArrayView1::from(gone));
        search(&Ctx::new(1), &text, gone, &shingler(1), t, Method::Exact, n_left)
    };
    let found = search(&gone, None).unwrap();
    assert_eq!((found.content, found.pairs), (vec![0, 1, 0], vec![]));
    assert!(matches!(search(&gone[..2], None), Err(Error::Shape(_))));
    assert!(matches!(search(&gone, Some(4)), Err(Error::Shape(_))));
}

#[test]
fn it_stops() {
    let (offsets, bytes) = buffers(&["a b", "a b", "a b"]);
    let text = Text::new(&offsets, &bytes).unwrap();
    let ctx = Ctx::new(1);
    ctx.stop();
    let t = Threshold::new(0.5).unwrap();
    let got = search(&ctx, &text, None, &shingler(1), t, Method::Exact, None);
    assert_eq!(got, Err(Error::Stopped));
}
