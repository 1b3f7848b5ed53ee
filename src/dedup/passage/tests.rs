//! Against a search that looks at every window of every text.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// (document, start, end, text) of every span, by the words of the definition.
fn slow(texts: &[String], window: usize) -> BTreeSet<(usize, usize, usize, String)> {
    let texts: Vec<Vec<char>> = texts.iter().map(|t| t.chars().collect()).collect();
    let mut all: BTreeMap<&[char], Vec<(usize, usize)>> = BTreeMap::new();
    for (d, text) in texts.iter().enumerate() {
        for (i, w) in text.windows(window).enumerate() {
            all.entry(w).or_default().push((d, i));
        }
    }
    all.retain(|_, places| places.len() > 1);
    let at = |d: usize, i: usize| texts[d].get(i..i + window).filter(|w| all.contains_key(w));
    // The window that follows all occurrences of a window, if it follows nothing else.
    let follower = |w: &[char]| {
        let after: BTreeSet<_> = all[w].iter().map(|&(d, i)| at(d, i + 1)).collect();
        let one = after.first().copied().flatten().filter(|_| after.len() == 1)?;
        (all[one].len() == all[w].len()).then_some(one)
    };
    let led: BTreeSet<&[char]> = all.keys().filter_map(|w| follower(w)).collect();
    let mut spans = BTreeSet::new();
    for first in all.keys().filter(|w| !led.contains(*w)) {
        let mut length = window;
        let mut last = *first;
        while let Some(next) = follower(last) {
            (last, length) = (next, length + 1);
        }
        // Of occurrences that overlap only as many as cover the same.
        let places = &all[first];
        let mut kept = vec![places[0]];
        let mut k = 1;
        while k < places.len() {
            let (d, start) = kept[kept.len() - 1];
            let over = |p: &(usize, usize)| p.0 == d && p.1 < start + length;
            k = (k..places.len()).take_while(|&m| over(&places[m])).last().unwrap_or(k);
            kept.push(places[k]);
            k += 1;
        }
        for (d, i) in kept {
            spans.insert((d, i, i + length, texts[d][i..i + length].iter().collect()));
        }
    }
    spans
}

fn buffers(texts: &[String]) -> (Vec<i64>, Vec<u8>) {
    let mut offsets = vec![0];
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        offsets.push(bytes.len() as i64);
    }
    (offsets, bytes)
}

fn run(texts: &[String], window: usize, n_left: Option<usize>) -> Passages {
    let (offsets, bytes) = buffers(texts);
    find(&Ctx::new(1), &Text::new(&offsets, &bytes).unwrap(), window, n_left).unwrap()
}

/// The spans with their text, and that spans of one number hold one text.
fn named(texts: &[String], found: &Passages) -> BTreeSet<(usize, usize, usize, String)> {
    let mut by_number = BTreeMap::new();
    let mut out = BTreeSet::new();
    for k in 0..found.start.len() {
        let (d, start, end) = (found.document[k], found.start[k] as usize, found.end[k] as usize);
        let text: String = texts[d as usize].chars().skip(start).take(end - start).collect();
        assert_eq!(by_number.entry(found.passage[k]).or_insert_with(|| text.clone()), &text);
        out.insert((d as usize, start, end, text));
    }
    let numbers: Vec<i64> = by_number.keys().copied().collect();
    assert_eq!(numbers, (0..numbers.len() as i64).collect::<Vec<_>>());
    let different: BTreeSet<&String> = by_number.values().collect();
    assert_eq!(different.len(), numbers.len());
    out
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|t| (*t).to_string()).collect()
}

#[test]
fn passages_end_where_their_occurrences_part() {
    let texts = strings(&["one same text here", "x same text", "éé same text h", "same tex"]);
    let found = run(&texts, 5, None);
    let rows: Vec<_> = (0..found.start.len())
        .map(|k| (found.document[k], found.start[k], found.end[k], found.passage[k]))
        .collect();
    assert_eq!(found.lengths, [18, 11, 14, 8]);
    assert!(rows.contains(&(2, 3, 11, rows[1].3)), "{rows:?}");
    assert_eq!(named(&texts, &found), slow(&texts, 5));
}

#[test]
fn a_line_of_one_character_is_covered_by_few_spans() {
    let texts = vec!["-".repeat(10_000)];
    let found = run(&texts, 50, None);
    assert!(found.start.len() < 300);
    assert_eq!((found.start[0], *found.end.last().unwrap()), (0, 10_000));
}

#[test]
fn bytes_of_any_kind_are_read() {
    let bytes =
        b"\xA9\xA9\xC3\xFF\xF0\x80\x80\x80\x80\x80\xED\xA0\x80ab\xC3\xA9\xA9\xC3\xFF\xF0".repeat(3);
    let n = bytes.len() as i64;
    for offsets in [vec![0, n], vec![0, 1, 1, 5, 30, 31, n], vec![7, 8, 40]] {
        let text = Text::new(&offsets, &bytes).unwrap();
        let found = find(&Ctx::new(1), &text, 2, None).unwrap();
        cover(&Ctx::new(1), &text, &found, 2, 0.5, None).unwrap();
    }
}

#[test]
fn what_cannot_be_used_is_refused_and_it_stops() {
    let texts = strings(&["abc", "abc"]);
    let (offsets, bytes) = buffers(&texts);
    let text = Text::new(&offsets, &bytes).unwrap();
    assert!(matches!(find(&Ctx::new(1), &text, 1, None), Err(Error::Parameter(_))));
    let ctx = Ctx::new(1);
    ctx.stop();
    assert_eq!(find(&ctx, &text, 2, None), Err(Error::Stopped));
}

/// Texts in which much is repeated: letters, words and runs of one letter.
fn texts() -> impl Strategy<Value = Vec<String>> {
    let piece = prop_oneof![
        "[ab]{0,6}",
        "[aé日]{0,4}",
        Just("the same words ".to_string()),
        Just("ab".repeat(9)),
        "b{0,20}",
    ];
    let text = prop::collection::vec(piece, 0..6).prop_map(|p| p.concat());
    prop::collection::vec(text, 0..6)
}

/// The pairs of documents by the words of the definition: (shorter, longer), share.
fn slow_pairs(texts: &[String], window: usize, least: f64) -> BTreeMap<(String, String), f64> {
    let spans = slow(texts, window);
    let mut pairs = BTreeMap::new();
    for (i, shorter) in texts.iter().enumerate() {
        for longer in texts {
            let n = shorter.chars().count();
            if shorter == longer || n > longer.chars().count() || n == 0 {
                continue;
            }
            let there = |t: &str| spans.iter().any(|s| &texts[s.0] == longer && s.3 == t);
            let held = spans.iter().filter(|s| s.0 == i && there(&s.3));
            let covered: BTreeSet<usize> = held.flat_map(|s| s.1..s.2).collect();
            let share = covered.len() as f64 / n as f64;
            if share >= least {
                pairs.insert((shorter.clone(), longer.clone()), share);
            }
        }
    }
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn spans_are_those_of_the_slow_search(texts in texts(), window in 2usize..9) {
        let found = run(&texts, window, None);
        prop_assert_eq!(named(&texts, &found), slow(&texts, window));
    }

    #[test]
    fn across_an_edge_are_the_passages_of_both_sides(
        texts in texts(), window in 2usize..9, n_left in 0usize..7,
    ) {
        let all = slow(&texts, window);
        let sides = |t: &str| {
            let mut d = all.iter().filter(|s| s.3 == t).map(|s| s.0 < n_left);
            let one = d.next();
            d.any(|side| Some(side) != one)
        };
        let want: BTreeSet<_> = all.iter().filter(|s| sides(&s.3)).cloned().collect();
        prop_assert_eq!(named(&texts, &run(&texts, window, Some(n_left))), want);
    }

    #[test]
    fn a_cut_leaves_each_passage_once_and_nothing_else_changes(
        texts in texts(), window in 2usize..9,
    ) {
        let (offsets, bytes) = buffers(&texts);
        let text = Text::new(&offsets, &bytes).unwrap();
        let (ends, left) = cut(&Ctx::new(1), &text, window).unwrap();
        let chars: Vec<Vec<char>> = texts.iter().map(|t| t.chars().collect()).collect();
        let mut seen = BTreeMap::new();
        let mut count = BTreeMap::new();
        for w in chars.iter().flat_map(|text| text.windows(window)) {
            *count.entry(w).or_insert(0) += 1;
        }
        let mut drop: Vec<Vec<bool>> = chars.iter().map(|t| vec![false; t.len()]).collect();
        for first in [false, true] {
            for (d, text) in chars.iter().enumerate() {
                for (i, w) in text.windows(window).enumerate() {
                    let place = *seen.entry(w).or_insert((d, i));
                    if count[w] > 1 && first == (place == (d, i)) {
                        drop[d][i..i + window].fill(!first);
                    }
                }
            }
        }
        for (d, text) in chars.iter().enumerate() {
            let want: String =
                text.iter().zip(&drop[d]).filter(|(_, gone)| !**gone).map(|(c, _)| *c).collect();
            let got = &left[ends[d] as usize..ends[d + 1] as usize];
            prop_assert_eq!(std::str::from_utf8(got).unwrap(), want);
        }
    }

    #[test]
    fn documents_are_covered_as_the_slow_search_says(
        texts in texts(), window in 2usize..6, least in prop::sample::select(vec![0.3, 0.8, 1.0]),
    ) {
        let (offsets, bytes) = buffers(&texts);
        let text = Text::new(&offsets, &bytes).unwrap();
        let found = run(&texts, window, None);
        let got = cover(&Ctx::new(1), &text, &found, window, least, None).unwrap();
        let slow = slow_pairs(&texts, window, least);
        let share = |i: usize, j: usize| slow.get(&(texts[i].clone(), texts[j].clone()));
        for pair in &got.pairs {
            prop_assert_eq!(Some(&pair.share), share(pair.document, pair.by));
        }
        for (i, &home) in got.home.iter().enumerate() {
            prop_assert_eq!(got.home[home], home);
            prop_assert_eq!(texts[got.equal[i]].clone(), texts[i].clone());
            if texts[home] != texts[i] {
                prop_assert!(share(i, home).is_some());
            }
            // Nothing that stays covers another that stays, and each pair with one is listed.
            for (j, &other) in got.home.iter().enumerate() {
                if other == j && got.equal[i] == i && share(i, j).is_some() {
                    let listed = got.pairs.iter().any(|p| p.document == i && p.by == j);
                    let before = texts[i].chars().count() < texts[j].chars().count();
                    prop_assert!(listed || !before);
                    prop_assert!(home != i || !before);
                }
            }
        }
    }
}
