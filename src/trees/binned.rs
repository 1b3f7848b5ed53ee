//! Trees over bins as parallel arrays, checked when they come from outside, and rows sent down.

use crate::base::{Error, Result};

/// The bit of [`Step::feature`] of a split by categories.
const CATEGORIES: u32 = 1 << 31;
/// Rows that go down side by side.
const LANES: usize = 8;

/// 256 bins as a set.
pub type BinSet = [u64; 4];

/// Whether a set has a bin.
#[inline]
pub fn has(set: &BinSet, bin: u8) -> bool {
    set[usize::from(bin >> 6)] >> (bin & 63) & 1 == 1
}

/// Puts a bin in a set.
#[inline]
pub fn put(set: &mut BinSet, bin: u8) {
    set[usize::from(bin >> 6)] |= 1 << (bin & 63);
}

/// The bins met so far, a byte each: to set one does not wait for the one before, as a bit would.
#[derive(Debug)]
pub struct Seen([u8; 256]);

impl Default for Seen {
    fn default() -> Self {
        Seen([0; 256])
    }
}

impl Seen {
    /// Notes a bin.
    #[inline]
    pub fn put(&mut self, bin: u8) {
        self.0[usize::from(bin)] = 1;
    }

    /// The bins noted, which are forgotten.
    pub fn take(&mut self) -> BinSet {
        let (words, _) = self.0.as_chunks::<8>();
        let mut set = [0; 4];
        for (k, word) in words.iter().enumerate() {
            // The product brings the lowest bits of the eight bytes together at the top.
            let bits = u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            set[k / 8] |= bits << (8 * (k % 8));
        }
        self.0 = [0; 256];
        set
    }
}

/// How a node sends rows to its children.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Bins up to `cut` go left, and what is missing if `missing_left`.
    Cut {
        /// The last bin on the left, below [`super::bins::MISSING`].
        cut: u8,
        /// Where missing values go.
        missing_left: bool,
    },
    /// Bins of the set go left.
    Set(BinSet),
}

impl Rule {
    /// Whether a bin goes left.
    #[inline]
    pub fn left(&self, bin: u8) -> bool {
        match self {
            Rule::Cut { cut, missing_left } => wrapped(bin, cut_word(*cut, *missing_left)),
            Rule::Set(set) => has(set, bin),
        }
    }
}

/// A cut as one word: the bin of what is missing, 255, becomes 0 by adding 1 where it goes left.
fn cut_word(cut: u8, missing_left: bool) -> u32 {
    let add = u8::from(missing_left);
    u32::from(cut.min(254) + add) | u32::from(add) << 8
}

#[inline]
fn wrapped(bin: u8, word: u32) -> bool {
    bin.wrapping_add((word >> 8) as u8) <= word as u8
}

/// What a row needs on its way, 16 bytes a node. A leaf is its own child.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    feature: u32,
    /// A cut as [`cut_word`] has it, or the place of a set.
    rule: u32,
    children: [u32; 2],
}

/// Trees one after the other. Children come after their parent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trees {
    /// The root of each tree.
    pub roots: Vec<u32>,
    steps: Vec<Step>,
    sets: Vec<BinSet>,
    /// A number for each node that is a leaf: its mean, or its most frequent class.
    pub value: Vec<f64>,
    /// Where each node's list begins, and where the last ends; empty where no lists are kept.
    pub start: Vec<u32>,
    /// The lists: the classes of a leaf, or the values of the rows in it.
    pub item: Vec<f64>,
    /// The share of each class in the list; empty for values.
    pub share: Vec<f64>,
}

impl Trees {
    /// How many nodes all trees have.
    pub fn n_nodes(&self) -> usize {
        self.steps.len()
    }

    /// Adds a node without children, and returns its place.
    pub fn add_leaf(&mut self) -> Result<u32> {
        let id = u32::try_from(self.steps.len())
            .map_err(|_| Error::Data("the trees have more nodes than can be counted".into()))?;
        self.steps.push(Step { feature: 0, rule: 0, children: [id, id] });
        Ok(id)
    }

    /// Gives a leaf two new children.
    pub fn split(&mut self, node: u32, feature: u32, rule: &Rule) -> Result<[u32; 2]> {
        let children = [self.add_leaf()?, self.add_leaf()?];
        let (bit, rule) = match rule {
            Rule::Cut { cut, missing_left } => (0, cut_word(*cut, *missing_left)),
            Rule::Set(set) => {
                self.sets.push(*set);
                (CATEGORIES, self.sets.len() as u32 - 1)
            }
        };
        self.steps[node as usize] = Step { feature: feature | bit, rule, children };
        Ok(children)
    }

    /// True when a node has no children.
    pub fn is_leaf(&self, node: u32) -> bool {
        self.steps[node as usize].children[0] == node
    }

    /// Appends the trees of another.
    pub fn append(&mut self, mut other: Trees) -> Result<()> {
        let (nodes, sets, items) = (self.steps.len(), self.sets.len(), self.item.len());
        let most = u32::MAX as usize;
        if nodes + other.steps.len() > most || items + other.item.len() > most {
            return Err(Error::Data("the trees have more nodes than can be counted".into()));
        }
        for step in &mut other.steps {
            step.children.iter_mut().for_each(|c| *c += nodes as u32);
            if step.feature & CATEGORIES != 0 {
                step.rule += sets as u32;
            }
        }
        self.roots.extend(other.roots.iter().map(|r| r + nodes as u32));
        self.steps.append(&mut other.steps);
        self.sets.append(&mut other.sets);
        self.value.append(&mut other.value);
        self.start.pop();
        self.start.extend(other.start.iter().map(|s| s + items as u32));
        self.item.append(&mut other.item);
        self.share.append(&mut other.share);
        Ok(())
    }

    /// The list of a node.
    pub fn list(&self, node: u32) -> std::ops::Range<usize> {
        let at = node as usize;
        match self.start.get(at..at + 2) {
            Some(ends) => ends[0] as usize..ends[1] as usize,
            None => 0..0,
        }
    }

    /// Sends rows down one tree and tells `seen` the place of each among `rows` and its leaf.
    ///
    /// `columns` are the bins of the features; a row must be in all of them.
    pub fn walk(
        &self,
        tree: usize,
        columns: &[&[u8]],
        rows: &[u32],
        mut seen: impl FnMut(usize, u32),
    ) {
        let root = self.roots[tree];
        if self.is_leaf(root) {
            (0..rows.len()).for_each(|k| seen(k, root));
            return;
        }
        for (block, rows) in rows.chunks(LANES).enumerate() {
            // While one row waits for its node to come from memory, the others move on.
            let mut at = [root; LANES];
            let mut moved = true;
            while moved {
                moved = false;
                for (at, &row) in at.iter_mut().zip(rows) {
                    let next = self.next(*at, columns, row as usize);
                    moved |= next != *at;
                    *at = next;
                }
            }
            for (k, &leaf) in at.iter().enumerate().take(rows.len()) {
                seen(block * LANES + k, leaf);
            }
        }
    }

    #[inline]
    fn next(&self, at: u32, columns: &[&[u8]], row: usize) -> u32 {
        let step = self.steps[at as usize];
        let bin = columns[(step.feature & !CATEGORIES) as usize][row];
        let left = if step.feature & CATEGORIES == 0 {
            wrapped(bin, step.rule)
        } else {
            has(&self.sets[step.rule as usize], bin)
        };
        step.children[usize::from(!left)]
    }

    /// The nodes and sets as plain words, four each, to be saved.
    pub fn words(&self) -> (Vec<u32>, Vec<u64>) {
        let step = |s: &Step| [s.feature, s.rule, s.children[0], s.children[1]];
        (self.steps.iter().flat_map(step).collect(), self.sets.concat())
    }

    /// Puts back what [`Trees::words`] gave; `self` has all the rest.
    ///
    /// # Errors
    /// [`Error::State`] when the arrays do not fit each other, a path does not end, or a feature
    /// is not below `features`.
    pub fn with_words(mut self, steps: &[u32], sets: &[u64], features: usize) -> Result<Self> {
        let (steps, rest) = steps.as_chunks::<4>();
        let (sets, more) = sets.as_chunks::<4>();
        self.sets = sets.to_vec();
        let [feature, rule, left, right] = [0, 1, 2, 3];
        self.steps = steps
            .iter()
            .map(|w| Step { feature: w[feature], rule: w[rule], children: [w[left], w[right]] })
            .collect();
        let whole = rest.is_empty() && more.is_empty();
        if whole && self.sound(features) {
            return Ok(self);
        }
        Err(Error::State("the trees are damaged: fit them again".into()))
    }

    /// Whether every index exists and every path ends.
    fn sound(&self, features: usize) -> bool {
        let n = self.steps.len();
        let step = |(at, s): (usize, &Step)| {
            let [l, r] = s.children.map(|c| c as usize);
            let set = s.feature & CATEGORIES == 0 || (s.rule as usize) < self.sets.len();
            let inner = l > at && r > at && l < n && r < n;
            let leaf = l == at && r == at && s.feature == 0;
            set && (leaf || inner && ((s.feature & !CATEGORIES) as usize) < features)
        };
        let items = self.item.len();
        let lists = if self.start.is_empty() {
            items == 0
        } else {
            self.start.len() == n + 1
                && self.start.windows(2).all(|w| w[0] <= w[1])
                && self.start.last().is_some_and(|&end| end as usize == items)
        };
        self.roots.iter().all(|&r| (r as usize) < n)
            && self.value.len() == n
            && lists
            && (self.share.is_empty() || self.share.len() == items)
            && self.steps.iter().enumerate().all(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trees::bins::MISSING;
    use proptest::prelude::*;

    /// Column 0 up to bin 3 (missing left), then column 1 in {0, 7}.
    fn trees() -> Trees {
        let mut t = Trees { roots: vec![0], ..Trees::default() };
        t.add_leaf().unwrap();
        let [l, _] = t.split(0, 0, &Rule::Cut { cut: 3, missing_left: true }).unwrap();
        let mut set = [0; 4];
        put(&mut set, 0);
        put(&mut set, 7);
        t.split(l, 1, &Rule::Set(set)).unwrap();
        t.value = vec![0.0, 0.0, 2.0, 3.0, 4.0];
        t
    }

    fn values(t: &Trees, tree: usize, columns: &[&[u8]], rows: &[u32]) -> Vec<f64> {
        let mut out = vec![f64::NAN; rows.len()];
        t.walk(tree, columns, rows, |k, leaf| out[k] = t.value[leaf as usize]);
        out
    }

    #[test]
    fn rows_find_their_leaf() {
        let mut t = trees();
        let first: Vec<u8> = vec![3, 4, MISSING, 0, 0, 9, 9, 9, 9, 1];
        let second: Vec<u8> = vec![7, 7, 1, 0, MISSING, 0, 0, 0, 0, 7];
        let columns = [first.as_slice(), &second];
        let want = [3.0, 2.0, 4.0, 3.0, 4.0, 2.0, 2.0, 2.0, 2.0, 3.0];
        let rows: Vec<u32> = (0..10).collect();
        assert_eq!(values(&t, 0, &columns, &rows), want);
        t.append(trees()).unwrap();
        assert_eq!(values(&t, 1, &columns, &rows), want);
        assert_eq!(values(&t, 1, &columns, &[5, 0]), [2.0, 3.0]);
    }

    #[test]
    fn words_make_the_same_trees() {
        let mut t = trees();
        t.append(trees()).unwrap();
        let (steps, sets) = t.words();
        let empty = Trees { steps: Vec::new(), sets: Vec::new(), ..t.clone() };
        assert_eq!(empty.with_words(&steps, &sets, 2).unwrap(), t);
    }

    proptest! {
        #[test]
        fn what_was_seen_is_a_set(bins in prop::collection::vec(any::<u8>(), 0..60)) {
            let (mut seen, mut want) = (Seen::default(), [0; 4]);
            for &bin in &bins {
                seen.put(bin);
                put(&mut want, bin);
            }
            prop_assert_eq!(seen.take(), want);
            prop_assert_eq!(seen.take(), [0; 4]);
        }

        #[test]
        fn a_rule_is_what_it_says(cut in 0u8..255, missing_left: bool, bin: u8) {
            let rule = Rule::Cut { cut, missing_left };
            let want = if bin == MISSING { missing_left } else { bin <= cut };
            prop_assert_eq!(rule.left(bin), want);
        }

        #[test]
        fn any_words_are_refused_or_safe(
            words in prop::collection::vec(0u32..6, 8..24), value in 1usize..6, root in 0u32..6
        ) {
            let made = Trees { roots: vec![root], value: vec![0.0; value], ..Trees::default() };
            if let Ok(t) = made.with_words(&words, &[0; 4], 2) {
                let column = [0u8, 3, MISSING];
                t.walk(0, &[&column, &column], &[0, 1, 2], |_, leaf| assert!(t.is_leaf(leaf)));
            }
        }
    }
}
