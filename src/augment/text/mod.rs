//! Augmentation of text: words and characters changed, with spans that follow.
//!
//! A text is cut into pieces (words by Unicode's rules, and what lies between), the steps change
//! the pieces, and each piece remembers which code points it came from.

mod chars;
mod pieces;
mod table;
mod words;

pub use pieces::{Piece, pieces};
pub use table::Table;

use std::sync::Arc;

use super::plan::{Drawn, Key, Node, Step};
use crate::base::rng::Stream;
use crate::base::{Ctx, Result, par};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // each is described where it is done
pub enum Kind {
    SynonymReplacement,
    RandomInsertion,
    RandomSwap,
    RandomDeletion,
    KeyboardNoise,
    OcrNoise,
    CaseNoise,
    Contractions,
    WordDropout,
    SpanMask,
}

impl Kind {
    /// The operation of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "SynonymReplacement" => Kind::SynonymReplacement,
            "RandomInsertion" => Kind::RandomInsertion,
            "RandomSwap" => Kind::RandomSwap,
            "RandomDeletion" => Kind::RandomDeletion,
            "KeyboardNoise" => Kind::KeyboardNoise,
            "OcrNoise" => Kind::OcrNoise,
            "CaseNoise" => Kind::CaseNoise,
            "Contractions" => Kind::Contractions,
            "WordDropout" => Kind::WordDropout,
            "SpanMask" => Kind::SpanMask,
            _ => return None,
        })
    }
}

/// An operation and what of it is not drawn.
#[derive(Debug, Clone)]
pub struct Op {
    /// What it does.
    pub kind: Kind,
    /// Its numbers, in the order that its kernel reads them.
    pub set: Vec<f64>,
    /// What is put in place of a word.
    pub mask: String,
    /// What it looks up.
    pub table: Arc<Table>,
}

impl Op {
    fn at(&self, i: usize) -> f64 {
        self.set.get(i).copied().unwrap_or(0.0)
    }
}

/// What comes of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// It.
    pub text: String,
    /// Where each span is now, in code points; none where its words are gone.
    pub spans: Vec<Option<(usize, usize)>>,
}

/// Runs the plan on texts with spans (start and end in code points) of each; `key.item` is the
/// number of the first.
pub fn run<S: AsRef<str> + Sync>(
    ctx: &Ctx,
    plan: &Node<Op>,
    key: Key,
    texts: &[S],
    spans: &[Vec<(usize, usize)>],
) -> Result<Vec<Made>> {
    par::map(ctx, texts.len(), |i| {
        let spans = spans.get(i).map_or(&[][..], Vec::as_slice);
        let key = Key { item: key.item.wrapping_add(i as u64), ..key };
        let text = texts[i].as_ref();
        let drawn = plan.draw(key);
        if drawn.is_empty() {
            let spans = spans.iter().copied().map(Some).collect();
            return Made { text: text.to_string(), spans };
        }
        let mut now = pieces(text, spans);
        let before = if spans.is_empty() { Vec::new() } else { now.clone() };
        steps(drawn, &mut now, " ");
        join(&before, &now, spans)
    })
}

/// A token, and the number of the one it came from.
pub type Token = (String, Option<usize>);

/// Runs the plan on lists of tokens; each token comes out with the number of the one it came from.
pub fn run_tokens(
    ctx: &Ctx,
    plan: &Node<Op>,
    key: Key,
    lists: &[Vec<String>],
) -> Result<Vec<Vec<Token>>> {
    par::map(ctx, lists.len(), |i| {
        let key = Key { item: key.item.wrapping_add(i as u64), ..key };
        let tokens = lists[i].iter().enumerate();
        let mut now: Vec<Piece> = tokens.map(|(t, token)| Piece::token(token, t)).collect();
        steps(plan.draw(key), &mut now, "");
        let one = |p: Piece| (p.text.into_owned(), p.from.map(|f| f.0));
        now.into_iter().filter(|p| !p.text.is_empty()).map(one).collect()
    })
}

fn steps<'a>(drawn: Vec<Drawn<'a, Op>>, now: &mut Vec<Piece<'a>>, gap: &'a str) {
    for one in drawn {
        if let Drawn::Step(mut step) = one
            && now.iter().any(|p| p.word)
        {
            apply(&mut step, now, gap);
        }
    }
}

fn apply<'a>(step: &mut Step<'a, Op>, now: &mut Vec<Piece<'a>>, gap: &'a str) {
    let (op, rate, stream) = (step.op, step.values[0], &mut step.stream);
    match op.kind {
        Kind::SynonymReplacement => words::replace(op, rate, now, stream),
        Kind::RandomInsertion => words::insert(op, rate, now, gap, stream),
        Kind::RandomSwap => words::swap(rate, now, stream),
        Kind::RandomDeletion => words::delete(rate, now, stream),
        Kind::WordDropout => words::drop_out(op, rate, now, stream),
        Kind::SpanMask => words::mask_spans(op, rate, now, stream),
        Kind::Contractions => words::contract(op, rate, now, gap, stream),
        Kind::KeyboardNoise => chars::keyboard(op, rate, now, stream),
        Kind::OcrNoise => chars::look_alike(op, rate, now, stream),
        Kind::CaseNoise => chars::case(op, rate, now, stream),
    }
}

/// Which of many are hit when each is with the same chance: the gaps between hits are drawn, which
/// takes one draw a hit instead of one for each.
struct Hits {
    left: usize,
    scale: f64,
}

impl Hits {
    fn new(rate: f64, stream: &mut Stream) -> Self {
        let mut hits = Hits { left: 0, scale: 1.0 / (-rate).ln_1p() };
        hits.left = hits.gap(stream);
        hits
    }

    /// How many are not hit before the next hit (geometric, by inversion).
    fn gap(&self, stream: &mut Stream) -> usize {
        let gap = (1.0 - stream.unit()).ln() * self.scale;
        // At a rate of nought the scale is -infinity, and 0 * infinity must not be a hit.
        if gap.is_nan() { usize::MAX } else { gap as usize }
    }

    /// Passes over the next `n` if none of them is hit.
    fn skip(&mut self, n: usize) -> bool {
        let none = self.left >= n;
        self.left -= if none { n } else { 0 };
        none
    }

    /// Whether the next one is hit.
    fn next(&mut self, stream: &mut Stream) -> bool {
        let hit = self.left == 0;
        self.left = if hit { self.gap(stream) } else { self.left - 1 };
        hit
    }
}

/// A whole number whose mean is `x`.
fn about(x: f64, stream: &mut Stream) -> usize {
    x.floor() as usize + usize::from(stream.unit() < x.fract())
}

/// The text of the pieces, and where each span's pieces lie in it.
fn join(before: &[Piece], now: &[Piece], spans: &[(usize, usize)]) -> Made {
    let mut text = String::with_capacity(now.iter().map(|p| p.text.len()).sum());
    now.iter().for_each(|p| text.push_str(&p.text));
    let inside = |p: &Piece, (a, b): (usize, usize)| p.from.is_some_and(|(s, e)| s < b && a < e);
    let mut ends = vec![0; now.len() + 1];
    for (i, p) in now.iter().enumerate().filter(|_| !spans.is_empty()) {
        ends[i + 1] = ends[i] + p.text.chars().count();
    }
    let one = |&span: &(usize, usize)| {
        let word = |p: &&Piece| p.word && inside(p, span);
        if before.iter().any(|p| word(&p)) && !now.iter().any(|p| word(&p)) {
            return None;
        }
        let first = now.iter().position(|p| inside(p, span))?;
        let last = now.iter().rposition(|p| inside(p, span))?;
        Some((ends[first], ends[last + 1]))
    };
    Made { spans: spans.iter().map(one).collect(), text }
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Law, Range};
    use super::*;
    use proptest::prelude::*;

    fn table(rows: &[(&str, &[&str])]) -> Arc<Table> {
        let own = |v: &[&str]| v.iter().map(|s| (*s).to_string()).collect();
        Arc::new(Table::new(rows.iter().map(|(k, v)| ((*k).to_string(), own(v)))))
    }

    fn leaf(kind: Kind, rate: f64, set: &[f64], rows: &[(&str, &[&str])]) -> Node<Op> {
        let op = Op { kind, set: set.to_vec(), mask: "[M]".into(), table: table(rows) };
        let ranges = vec![Range::new(rate, rate, Law::Uniform).unwrap()];
        Node::Leaf { p: 1.0, id: 0, op, ranges }
    }

    fn made(plan: &Node<Op>, item: u64, text: &str, spans: &[(usize, usize)]) -> Made {
        let key = Key { seed: 1, epoch: 0, item };
        run(&Ctx::new(1), plan, key, &[text], &[spans.to_vec()]).unwrap().remove(0)
    }

    const ALL: [Kind; 10] = [
        Kind::SynonymReplacement,
        Kind::RandomInsertion,
        Kind::RandomSwap,
        Kind::RandomDeletion,
        Kind::KeyboardNoise,
        Kind::OcrNoise,
        Kind::CaseNoise,
        Kind::Contractions,
        Kind::WordDropout,
        Kind::SpanMask,
    ];
    const ROWS: &[(&str, &[&str])] =
        &[("a", &["s", "q"]), ("b", &["v"]), ("rn", &["m"]), ("a b", &["ab"]), ("ab", &["a b"])];

    proptest! {
        #[test]
        fn never_empty_and_spans_are_in_the_text(
            text in "[aAbrn .'é,]{0,25}", rate in 0.0f64..=1.0, item: u64,
            a in 0usize..25, long in 0usize..9, kind in 0usize..10,
        ) {
            let n = text.chars().count();
            let span = (a.min(n), (a + long).min(n));
            let plan = leaf(ALL[kind], rate, &[1.0, 1.0, 1.0, 1.0], ROWS);
            let out = made(&plan, item, &text, &[span]);
            prop_assert_eq!(out.text.is_empty(), text.is_empty());
            if let Some((s, e)) = out.spans[0] {
                prop_assert!(s <= e && e <= out.text.chars().count());
            }
            // Nothing happens at a rate of nought.
            let still = made(&leaf(ALL[kind], 0.0, &[1.0; 4], ROWS), item, &text, &[span]);
            prop_assert_eq!(&still.text, &text);
            prop_assert!(span.0 == span.1 || still.spans[0] == Some(span));
        }

        #[test]
        fn a_span_keeps_its_words(item: u64, rate in 0.0f64..=1.0) {
            let text = "one two THREE FOUR five six seven";
            for kind in [Kind::RandomSwap, Kind::RandomDeletion, Kind::SpanMask] {
                let out = made(&leaf(kind, rate, &[2.0, 0.0], &[]), item, text, &[(8, 18)]);
                let caps = |t: &str| t.chars().filter(|c| *c != 'M' && c.is_uppercase()).count();
                let inside = out.spans[0].map(|(s, e)| out.text[s..e].to_string());
                prop_assert_eq!(caps(&out.text), inside.as_deref().map_or(0, caps));
                let small = inside.is_some_and(|t| t.chars().any(char::is_lowercase));
                prop_assert!(!small);
            }
        }
    }

    #[test]
    fn rates_are_kept() {
        let text = "word ".repeat(4000);
        let rows: &[(&str, &[&str])] = &[("word", &["other"]), ("w", &["x"]), ("o", &["0"])];
        let count = |kind, set: &[f64], find: &str| {
            made(&leaf(kind, 0.1, set, rows), 3, &text, &[]).text.matches(find).count()
        };
        assert_eq!(count(Kind::SynonymReplacement, &[], "other"), 400);
        assert_eq!(count(Kind::RandomInsertion, &[], "other"), 400);
        assert!((320..480).contains(&(4000 - count(Kind::RandomDeletion, &[], "word"))));
        assert!((320..480).contains(&count(Kind::WordDropout, &[], "[M]")));
        assert_eq!(count(Kind::SpanMask, &[3.0, 0.0], "[M]"), 400);
        assert!((100..200).contains(&count(Kind::SpanMask, &[3.0, 1.0], "[M]")));
        assert!((320..480).contains(&count(Kind::KeyboardNoise, &[1.0, 0.0, 0.0, 0.0], "x")));
        assert!((320..480).contains(&count(Kind::OcrNoise, &[], "0")));
    }

    #[test]
    fn contractions_go_both_ways() {
        let rows: &[(&str, &[&str])] = &[("do not", &["don't"]), ("can't", &["cannot"])];
        let plan = leaf(Kind::Contractions, 1.0, &[], rows);
        assert_eq!(
            made(&plan, 0, "Do not, do  not; CAN\u{2019}T", &[]).text,
            "Don't, don't; CANNOT"
        );
        let rows: &[(&str, &[&str])] = &[("don't", &["do not"])];
        let plan = leaf(Kind::Contractions, 1.0, &[], rows);
        let out = made(&plan, 0, "I don't know", &[(2, 7)]);
        assert_eq!((out.text.as_str(), out.spans[0]), ("I do not know", Some((2, 8))));
        let tokens = vec![["I", "don't", "know"].map(String::from).to_vec()];
        let key = Key { seed: 1, epoch: 0, item: 0 };
        let out = run_tokens(&Ctx::new(1), &plan, key, &tokens).unwrap();
        let want = [("I", 0), ("do", 1), ("not", 1), ("know", 2)];
        assert_eq!(out[0], want.map(|(t, i)| (t.to_string(), Some(i))));
    }
}
