//! A tree as the steps of a walk around it.

use super::{LANES, Lanes, Room, Trees};

/// The way from a node to a child.
#[derive(Debug)]
struct Edge {
    feature: u32,
    /// The child.
    node: u32,
    /// Edges from the root to the child.
    depth: u32,
    /// The depth of the last edge above of the same feature, 0 where there is none.
    above: u32,
    right: bool,
    leaf: bool,
    /// The child's share of the training rows.
    share: f64,
    /// The share of its feature's edges from the root to the edge `above`.
    share_above: f64,
}

/// What one point of the integral takes at an edge. A factor of the product: `off` for a row that
/// leaves the path here, `off + on` for one that stays; and the same of the slope.
#[derive(Debug, Clone, Copy)]
struct Point {
    off: f64,
    on: f64,
    slope_off: f64,
    slope_on: f64,
}

/// A tree made ready.
#[derive(Debug)]
pub struct Program {
    edges: Vec<Edge>,
    /// Edges in the order in which they are entered; `!edge` is where one is left.
    steps: Vec<i32>,
    points_of: Vec<Point>,
    root: usize,
    output: usize,
    /// Points of the integral.
    pub points: usize,
    /// The longest way from the root to a leaf.
    pub depth: usize,
    /// Values a leaf.
    pub width: usize,
}

impl Program {
    /// Makes a checked tree ready, and adds its mean to `base`.
    pub fn new(trees: &Trees<'_>, tree: usize, base: &mut [f64]) -> Self {
        let (root, output) = (trees.nodes(tree).start, trees.outputs[tree] as usize);
        let (edges, steps, most) = walk(trees, root);
        let points = most.div_ceil(2).max(1);
        let (at, weight) = gauss_legendre(points);
        let points_of = edges
            .iter()
            .flat_map(|e| at.iter().zip(&weight).map(move |(p, w)| e.point(*p, *w)))
            .collect();
        let depth = edges.iter().map(|e| e.depth).max().unwrap_or(0) as usize;
        let width = trees.width;
        let mut out = Program { edges, steps, points_of, root, output, points, depth, width };
        out.mean(trees, &mut base[output..output + width]);
        out
    }

    /// How many coefficients it holds.
    pub fn size(&self) -> usize {
        4 * self.points_of.len()
    }

    /// Adds the mean over the training rows.
    fn mean(&mut self, trees: &Trees<'_>, base: &mut [f64]) {
        let mut shares = vec![1.0; self.depth + 1];
        let mut add = |node: usize, share: f64| {
            let value = &trees.value[node * self.width..][..self.width];
            base.iter_mut().zip(value).for_each(|(b, v)| *b += share * v);
        };
        if self.edges.is_empty() {
            add(self.root, 1.0);
        }
        for &step in self.steps.iter().filter(|&&step| step >= 0) {
            let edge = &self.edges[step as usize];
            let depth = edge.depth as usize;
            shares[depth] = shares[depth - 1] * edge.share;
            if edge.leaf {
                add(edge.node as usize, shares[depth]);
            }
        }
    }

    /// Sends rows around the tree.
    #[inline(always)]
    pub fn run(&self, trees: &Trees<'_>, room: &mut Room) {
        if self.edges.is_empty() {
            return;
        }
        for q in 0..self.points {
            room.product[q] = [1.0; LANES];
        }
        self.enter_node(trees, self.root, 0, room);
        for &step in &self.steps {
            if step >= 0 {
                let edge = &self.edges[step as usize];
                let points = &self.points_of[step as usize * self.points..][..self.points];
                self.enter(edge, points, room);
                if edge.leaf {
                    self.at_leaf(trees, edge, room);
                    self.leave(trees, edge, points, room);
                } else {
                    self.enter_node(trees, edge.node as usize, edge.depth as usize, room);
                }
            } else {
                let points = &self.points_of[!step as usize * self.points..][..self.points];
                self.leave(trees, &self.edges[!step as usize], points, room);
            }
        }
    }

    /// Notes which rows go left at a node.
    #[inline(always)]
    fn enter_node(&self, trees: &Trees<'_>, at: usize, depth: usize, room: &mut Room) {
        let cells = &room.x[trees.feature[at] as usize];
        let went = &mut room.went[depth];
        if trees.set[at] < 0 {
            let (threshold, missing) = (trees.threshold[at], trees.missing_left[at]);
            for l in 0..LANES {
                let left = (cells[l] <= threshold) | (missing & cells[l].is_nan());
                went[l] = if left { 1.0 } else { 0.0 };
            }
        } else {
            for l in 0..LANES {
                went[l] = f64::from(u8::from(trees.goes_left(at, cells[l])));
            }
        }
        let size = self.points * self.width;
        for below in &mut room.below[depth * size..(depth + 1) * size] {
            *below = [0.0; LANES];
        }
    }

    /// Takes the factor of an edge into the product.
    #[inline(always)]
    fn enter(&self, edge: &Edge, points: &[Point], room: &mut Room) {
        let (n, depth) = (points.len(), edge.depth as usize);
        let mut passes = room.went[depth - 1];
        if edge.right {
            for pass in &mut passes {
                *pass = 1.0 - *pass;
            }
        }
        let (before, after) = room.product.split_at_mut(depth * n);
        let (before, after) = (&before[(depth - 1) * n..][..n], &mut after[..n]);
        if edge.above == 0 {
            for q in 0..n {
                let (point, before, after) = (points[q], &before[q], &mut after[q]);
                for l in 0..LANES {
                    after[l] = before[l] * (point.off + passes[l] * point.on);
                }
            }
        } else {
            let above = room.passes[edge.above as usize];
            let mut rest = [0.0; LANES];
            for l in 0..LANES {
                passes[l] *= above[l];
                rest[l] = (1.0 - above[l]) * edge.share;
            }
            for q in 0..n {
                let (point, before, after) = (points[q], &before[q], &mut after[q]);
                for l in 0..LANES {
                    let factor = rest[l] + above[l] * point.off + passes[l] * point.on;
                    after[l] = before[l] * factor;
                }
            }
        }
        room.passes[depth] = passes;
    }

    #[inline(always)]
    fn at_leaf(&self, trees: &Trees<'_>, edge: &Edge, room: &mut Room) {
        let (n, depth) = (self.points, edge.depth as usize);
        let product = &room.product[depth * n..][..n];
        for k in 0..self.width {
            let value = trees.value[edge.node as usize * self.width + k];
            let below = &mut room.below[(depth * self.width + k) * n..][..n];
            for q in 0..n {
                for l in 0..LANES {
                    below[q][l] = product[q][l] * value;
                }
            }
        }
    }

    /// Gives the feature its part of what lies below an edge.
    #[inline(always)]
    fn leave(&self, trees: &Trees<'_>, edge: &Edge, points: &[Point], room: &mut Room) {
        let (n, depth) = (points.len(), edge.depth as usize);
        let size = n * self.width;
        let passes = room.passes[depth];
        let above = if edge.above == 0 { [1.0; LANES] } else { room.passes[edge.above as usize] };
        let (up, here) = room.below.split_at_mut(depth * size);
        let (up, here) = (&mut up[(depth - 1) * size..][..size], &here[..size]);
        let place = edge.feature as usize * trees.n_outputs + self.output;
        let sums = &mut room.sums[place..][..self.width];
        for k in 0..self.width {
            let (up, here) = (&mut up[k * n..][..n], &here[k * n..][..n]);
            let (mut off, mut on): (Lanes, Lanes) = ([0.0; LANES], [0.0; LANES]);
            for q in 0..n {
                let (point, here, up) = (points[q], &here[q], &mut up[q]);
                for l in 0..LANES {
                    up[l] += here[l];
                    off[l] += here[l] * point.slope_off;
                    on[l] += here[l] * point.slope_on;
                }
            }
            for l in 0..LANES {
                sums[k][l] += above[l] * off[l] + passes[l] * on[l];
            }
        }
    }
}

impl Edge {
    /// A feature's factor is `z (1 - p)`, and `+ p` for a row that passes its edges; z is the share
    /// of these. Here is what it changes by at this edge, in a row that passed those above, and
    /// what the slope over the factor changes by. A row that did not pass them has a factor that
    /// changes by the share alone, and a slope that stays.
    fn point(&self, p: f64, weight: f64) -> Point {
        let (old, new) = (self.share_above, self.share_above * self.share);
        let was = old * (1.0 - p) + p;
        let now = new * (1.0 - p) + p;
        let off = -1.0 / (1.0 - p) - (1.0 - old) / was;
        let on = (1.0 - new) / now - (1.0 - old) / was;
        Point {
            off: new * (1.0 - p) / was,
            on: p / was,
            slope_off: weight * off,
            slope_on: weight * (on - off),
        }
    }
}

/// The edges of a tree, the steps around it, and the most features of a path.
fn walk(trees: &Trees<'_>, root: usize) -> (Vec<Edge>, Vec<i32>, usize) {
    let (mut edges, mut steps): (Vec<Edge>, Vec<i32>) = (Vec::new(), Vec::new());
    let (mut most, mut distinct) = (0, 0);
    // By feature: the depth of its last edge on the path, and the share of all its edges.
    let mut last = vec![(0u32, 1.0f64); trees.features()];
    // (node, parent, right), or an edge to leave.
    enum Todo {
        Enter(usize, usize, bool, u32),
        Leave(usize),
    }
    let mut todo = Vec::new();
    let push = |todo: &mut Vec<Todo>, node: usize, depth: u32| {
        if let Some([l, r]) = trees.children(root, node) {
            todo.push(Todo::Enter(r, node, true, depth + 1));
            todo.push(Todo::Enter(l, node, false, depth + 1));
        }
    };
    push(&mut todo, root, 0);
    while let Some(next) = todo.pop() {
        match next {
            Todo::Enter(node, parent, right, depth) => {
                let feature = trees.feature[parent] as usize;
                let (above, share_above) = last[feature];
                let share = share_of(trees, root, parent, node);
                let leaf = trees.left[node] < 0;
                steps.push(edges.len() as i32);
                distinct += usize::from(above == 0);
                most = most.max(distinct);
                if leaf {
                    distinct -= usize::from(above == 0);
                } else {
                    last[feature] = (depth, share_above * share);
                    todo.push(Todo::Leave(edges.len()));
                    push(&mut todo, node, depth);
                }
                let (feature, node) = (feature as u32, node as u32);
                edges.push(Edge { feature, node, depth, above, right, leaf, share, share_above });
            }
            Todo::Leave(edge) => {
                steps.push(!(edge as i32));
                let edge = &edges[edge];
                last[edge.feature as usize] = (edge.above, edge.share_above);
                distinct -= usize::from(edge.above == 0);
            }
        }
    }
    (edges, steps, most)
}

/// A child's share of the training rows of its parent; half where there were none.
fn share_of(trees: &Trees<'_>, root: usize, parent: usize, child: usize) -> f64 {
    let children = trees.children(root, parent).unwrap_or([child; 2]);
    let total: f64 = children.iter().map(|&c| trees.cover[c]).sum();
    if total > 0.0 { trees.cover[child] / total } else { 0.5 }
}

/// Gauss and Legendre's points and weights on 0..1: exact for polynomials below degree `2 n`.
pub fn gauss_legendre(n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut out = (vec![0.0; n], vec![0.0; n]);
    for i in 0..n {
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..100 {
            // The polynomial of degree n and the one before it.
            let (mut p, mut before) = (1.0, 0.0);
            for k in 0..n {
                let k = k as f64;
                (p, before) = (((2.0 * k + 1.0) * x * p - k * before) / (k + 1.0), p);
            }
            slope = n as f64 * (x * p - before) / (x * x - 1.0);
            let step = p / slope;
            x -= step;
            if step.abs() < 1e-16 {
                break;
            }
        }
        out.0[i] = 0.5 * (1.0 - x);
        out.1[i] = 1.0 / ((1.0 - x * x) * slope * slope);
    }
    out
}
