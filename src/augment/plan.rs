//! What is done to an item: a tree of operations, and the draws that choose among them.
//!
//! Nothing here knows what the operations do. Every node has a stream of its own, keyed by (seed,
//! place in the tree, epoch, item), so that an item's draws depend on nothing else.

use crate::base::rng::Stream;
use crate::base::{Error, Result};

/// How a parameter is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// Uniform between low and high.
    Uniform,
    /// A whole number from low to high, both included.
    Whole,
    /// Uniform in the logarithm.
    Log,
    /// Beta(low, high).
    Beta,
}

/// A parameter. Where low and high are equal, nothing is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Between them.
    pub law: Law,
}

impl Range {
    /// A checked range.
    pub fn new(low: f64, high: f64, law: Law) -> Result<Self> {
        let fits = match law {
            Law::Uniform => low <= high,
            Law::Whole => low <= high && low.fract() == 0.0 && high.fract() == 0.0,
            Law::Log => 0.0 < low && low <= high,
            Law::Beta => 0.0 < low && 0.0 < high,
        };
        if fits && low.is_finite() && high.is_finite() {
            return Ok(Range { low, high, law });
        }
        Err(Error::Parameter(format!("no parameter can be drawn from {low} to {high} ({law:?})")))
    }

    /// One value.
    pub fn draw(&self, stream: &mut Stream) -> f64 {
        let (low, high) = (self.low, self.high);
        match self.law {
            Law::Beta => {
                let a = gamma(low, stream);
                let b = gamma(high, stream);
                if a + b > 0.0 { a / (a + b) } else { stream.below(2) as f64 }
            }
            _ if low == high => low,
            Law::Uniform => (low + (high - low) * stream.unit()).min(high),
            Law::Whole => low + stream.below((high - low) as u64 + 1) as f64,
            Law::Log => {
                let x = low.ln() + (high / low).ln() * stream.unit();
                x.exp().clamp(low, high)
            }
        }
    }
}

/// A gamma variate of scale one (Marsaglia and Tsang 2000).
fn gamma(shape: f64, stream: &mut Stream) -> f64 {
    if shape < 1.0 {
        let u = 1.0 - stream.unit();
        return gamma(shape + 1.0, stream) * u.powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = stream.normal();
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - stream.unit()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// Which children of a group are run.
#[derive(Debug, Clone)]
pub enum Pick {
    /// All, in order.
    All,
    /// One, by weight.
    One(Vec<f64>),
    /// Some: different ones in their order, or (`replace`) any in any order.
    Some {
        /// How many.
        count: Range,
        /// Whether one can be drawn again.
        replace: bool,
    },
    /// `width` chains of `depth` children each, mixed with the item itself (AugMix).
    Mix {
        /// Chains.
        width: usize,
        /// Children of a chain.
        depth: Range,
        /// Of the Dirichlet and Beta laws of the weights.
        alpha: f64,
    },
}

/// A node of the tree.
#[derive(Debug, Clone)]
pub enum Node<Op> {
    /// One operation.
    Leaf {
        /// How often it is run.
        p: f64,
        /// Its number among the leaves, in reading order.
        id: usize,
        /// The operation.
        op: Op,
        /// Its parameters.
        ranges: Vec<Range>,
    },
    /// Several.
    Group {
        /// How often it is run.
        p: f64,
        /// Which of them.
        pick: Pick,
        /// They.
        children: Vec<Node<Op>>,
    },
}

/// An operation with its parameters drawn, and the stream for what it draws itself.
#[derive(Debug, Clone)]
pub struct Step<'a, Op> {
    /// The leaf's number.
    pub id: usize,
    /// The operation.
    pub op: &'a Op,
    /// A value for each of its ranges.
    pub values: Vec<f64>,
    /// Where its further draws come from.
    pub stream: Stream,
}

/// What is to be done.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)] // nearly all are steps
pub enum Drawn<'a, Op> {
    /// One operation.
    Step(Step<'a, Op>),
    /// `keep` of the item as it is, and the rest of the chains by their weights.
    Mix {
        /// Share of the item itself.
        keep: f64,
        /// Shares of the chains; they sum to one.
        weights: Vec<f64>,
        /// What each chain does.
        chains: Vec<Vec<Drawn<'a, Op>>>,
    },
}

/// The item that is drawn for.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Of the whole plan.
    pub seed: u64,
    /// Pass over the data.
    pub epoch: u64,
    /// Number of the item.
    pub item: u64,
}

impl<Op> Node<Op> {
    /// What is to be done to the item.
    pub fn draw(&self, key: Key) -> Vec<Drawn<'_, Op>> {
        let mut out = Vec::new();
        self.visit(key, 0, &mut out);
        out
    }

    fn visit<'a>(&'a self, key: Key, place: u64, out: &mut Vec<Drawn<'a, Op>>) {
        let mut stream = Stream::new(key.seed, place, key.epoch, key.item);
        let (Node::Leaf { p, .. } | Node::Group { p, .. }) = self;
        if *p < 1.0 && stream.unit() >= *p {
            return;
        }
        match self {
            Node::Leaf { id, op, ranges, .. } => {
                let values = ranges.iter().map(|r| r.draw(&mut stream)).collect();
                out.push(Drawn::Step(Step { id: *id, op, values, stream }));
            }
            Node::Group { pick, children, .. } => {
                pick_children(pick, children, key, place, &mut stream, out);
            }
        }
    }
}

fn pick_children<'a, Op>(
    pick: &Pick,
    children: &'a [Node<Op>],
    key: Key,
    place: u64,
    stream: &mut Stream,
    out: &mut Vec<Drawn<'a, Op>>,
) {
    if children.is_empty() {
        return;
    }
    let run = |i: usize, turn: u64, out: &mut Vec<Drawn<'a, Op>>| {
        children[i].visit(key, below(below(place, i as u64), turn), out);
    };
    match pick {
        Pick::All => {
            out.reserve_exact(children.len());
            (0..children.len()).for_each(|i| run(i, 0, out));
        }
        Pick::One(weights) => run(by_weight(weights, stream).min(children.len() - 1), 0, out),
        Pick::Some { count, replace } => {
            let count = count.draw(stream) as usize;
            for (turn, i) in choose(count, children.len(), *replace, stream).into_iter().enumerate()
            {
                run(i, if *replace { turn as u64 + 1 } else { 0 }, out);
            }
        }
        Pick::Mix { width, depth, alpha } => {
            let mut weights: Vec<f64> = (0..*width).map(|_| gamma(*alpha, stream)).collect();
            let sum: f64 = weights.iter().sum();
            let even = 1.0 / *width as f64;
            weights.iter_mut().for_each(|w| *w = if sum > 0.0 { *w / sum } else { even });
            let keep = Range { low: *alpha, high: *alpha, law: Law::Beta }.draw(stream);
            let mut turn = 0;
            let mut chains = Vec::with_capacity(*width);
            for _ in 0..*width {
                let mut chain = Vec::new();
                for i in choose(depth.draw(stream) as usize, children.len(), true, stream) {
                    turn += 1;
                    run(i, turn, &mut chain);
                }
                chains.push(chain);
            }
            out.push(Drawn::Mix { keep, weights, chains });
        }
    }
}

/// The key of a node's `i`th child (splitmix64).
fn below(place: u64, i: u64) -> u64 {
    let mut z = place.wrapping_add((i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn by_weight(weights: &[f64], stream: &mut Stream) -> usize {
    let mut left = stream.unit() * weights.iter().sum::<f64>();
    for (i, w) in weights.iter().enumerate() {
        if left < *w {
            return i;
        }
        left -= w;
    }
    weights.iter().rposition(|w| *w > 0.0).unwrap_or(0)
}

fn choose(count: usize, n: usize, replace: bool, stream: &mut Stream) -> Vec<usize> {
    if replace {
        return (0..count).map(|_| stream.below(n as u64) as usize).collect();
    }
    let mut all: Vec<usize> = (0..n).collect();
    stream.shuffle(&mut all);
    all.truncate(count);
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(id: usize, p: f64) -> Node<()> {
        let ranges = vec![Range::new(0.0, 1.0, Law::Uniform).unwrap()];
        Node::Leaf { p, id, op: (), ranges }
    }

    fn group(pick: Pick) -> Node<()> {
        Node::Group { p: 1.0, pick, children: (0..5).map(|i| leaf(i, 1.0)).collect() }
    }

    fn ids(node: &Node<()>, item: u64) -> Vec<(usize, f64)> {
        let key = Key { seed: 3, epoch: 1, item };
        let read = |d: Drawn<()>| match d {
            Drawn::Step(s) => (s.id, s.values[0]),
            Drawn::Mix { .. } => panic!("no mix here"),
        };
        node.draw(key).into_iter().map(read).collect()
    }

    #[test]
    fn draws_are_of_the_item_and_the_place() {
        let all = group(Pick::All);
        assert_eq!(ids(&all, 4), ids(&all, 4));
        assert_ne!(ids(&all, 4), ids(&all, 5));
        let values: Vec<f64> = ids(&all, 0).into_iter().map(|(_, v)| v).collect();
        assert!(values.windows(2).all(|w| w[0] != w[1]));
    }

    #[test]
    fn groups_pick_as_told() {
        let three = Range::new(3.0, 3.0, Law::Whole).unwrap();
        let some = group(Pick::Some { count: three, replace: false });
        let one = group(Pick::One(vec![0.0, 0.0, 3.0, 1.0, 0.0]));
        let mut twos = 0;
        for item in 0..400 {
            let picked = ids(&some, item);
            assert!(picked.len() == 3 && picked.windows(2).all(|w| w[0].0 < w[1].0));
            let picked = ids(&one, item)[0].0;
            assert!(picked == 2 || picked == 3);
            twos += usize::from(picked == 2);
        }
        assert!((260..340).contains(&twos));
        let fired = (0..1000).filter(|&i| !ids(&leaf(0, 0.3), i).is_empty()).count();
        assert!((240..360).contains(&fired));
    }

    #[test]
    fn laws_have_their_means() {
        let mut stream = Stream::new(1, 2, 3, 4);
        let mut mean = |low, high, law| {
            let range = Range::new(low, high, law).unwrap();
            (0..20_000).map(|_| range.draw(&mut stream)).sum::<f64>() / 20_000.0
        };
        assert!((mean(-1.0, 3.0, Law::Uniform) - 1.0).abs() < 0.03);
        assert!((mean(2.0, 4.0, Law::Whole) - 3.0).abs() < 0.03);
        assert!((mean(0.4, 1.6, Law::Beta) - 0.2).abs() < 0.01);
        assert!((mean(0.5, 2.0, Law::Log) - 1.5 / 4f64.ln()).abs() < 0.02);
        assert!(Range::new(2.0, 1.0, Law::Uniform).is_err());
        assert!(Range::new(0.0, f64::NAN, Law::Uniform).is_err());
    }
}
