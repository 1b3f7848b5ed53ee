use proptest::prelude::*;

use super::*;
use crate::dedup::text::shingles::Unit;
use crate::media::text::Form;

fn prepared(texts: &[String], size: usize) -> Prepared {
    let mut offsets = vec![0];
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        offsets.push(bytes.len() as i64);
    }
    let shingler = Shingler { unit: Unit::Words(size), form: Form::default() };
    prepare(&Ctx::new(1), &Text::new(&offsets, &bytes).unwrap(), None, &shingler).unwrap()
}

fn sets(of: &Prepared) -> Sets<'_> {
    Sets::new(&of.identity, &of.offsets, &of.hashes).unwrap()
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    // A header that all have makes shingles common.
    let text = prop::collection::vec("[a-f]", 0..9).prop_map(|w| w.join(" "));
    let headed = text
        .prop_flat_map(|t| prop_oneof![Just(t.clone()), Just(format!("a long header of all {t}"))]);
    prop::collection::vec(headed, 0..30)
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    for (identity, offsets, hashes) in [
        (&[0u64; 2][..], &[0i64, 2][..], &[1u64][..]),
        (&[0; 1], &[0, 1], &[1]),
        (&[0; 4], &[0, 1, 0], &[]),
        (&[], &[], &[]),
        (&[0; 2], &[-1, 1], &[1]),
    ] {
        assert!(Sets::new(identity, offsets, hashes).is_err());
    }
    let of = prepared(&["a b c".to_string()], 1);
    let dead = [false];
    let segment = Segment {
        sets: sets(&of),
        common: (&[], &[]),
        postings: (&of.hashes, &[0, 9, 9]),
        dead: ArrayView1::from(&dead),
    };
    let t = Threshold::new(0.5).unwrap();
    assert_eq!(query(&Ctx::new(1), sets(&of), &segment, t).unwrap().len(), 1);
    let wrong = Segment { postings: (&of.hashes, &[0]), ..segment };
    assert!(query(&Ctx::new(1), sets(&of), &wrong, t).is_err());
}

proptest! {
    #[test]
    fn hits_are_those_of_the_slow_search(
        held in texts(), asked in texts(), size in 1usize..3, t in 0.05f64..=1.0, gone in 0usize..40,
    ) {
        let (of, asked_sets) = (prepared(&held, size), prepared(&asked, size));
        let threshold = Threshold::new(t).unwrap();
        let made = postings(&Ctx::new(1), sets(&of), threshold).unwrap();
        let dead: Vec<bool> = (0..held.len()).map(|i| i == gone).collect();
        let segment = Segment {
            sets: sets(&of),
            common: (&made.common, &made.counts),
            postings: (&made.tokens, &made.rows),
            dead: ArrayView1::from(&dead),
        };
        let got = query(&Ctx::new(1), sets(&asked_sets), &segment, threshold).unwrap();
        let mut want = Vec::new();
        for (i, one) in asked.iter().enumerate() {
            for (j, other) in held.iter().enumerate() {
                let (a, b) = (sets(&asked_sets).get(i), sets(&of).get(j));
                let shared = a.iter().filter(|h| b.contains(h)).count();
                let all = a.len() + b.len() - shared;
                let score = if all > 0 { shared as f64 / all as f64 } else { 1.0 };
                let pair = if all > 0 { score >= t } else { one == other && !one.trim().is_empty() };
                if pair && j != gone {
                    want.push(Hit { query: i, row: j, score });
                }
            }
        }
        prop_assert_eq!(got, want);
    }
}
