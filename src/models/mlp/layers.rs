//! The layers of a network: where the weights lie, and rows taken forwards and backwards.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, LinalgScalar, s};

use super::super::logistic::Sparse;
use crate::base::float::Float;
use crate::base::rng::Stream;
use crate::base::{Error, Result, lanes};

/// A float type that networks are made of.
pub trait Num: Float + LinalgScalar {
    /// The square root.
    fn root(self) -> Self;
}

impl Num for f32 {
    #[inline(always)]
    fn root(self) -> f32 {
        self.sqrt()
    }
}

impl Num for f64 {
    #[inline(always)]
    fn root(self) -> f64 {
        self.sqrt()
    }
}

/// What a hidden unit makes of its sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// The sum itself.
    Identity,
    /// 1 / (1 + exp(-sum)).
    Logistic,
    /// The hyperbolic tangent.
    Tanh,
    /// The sum where it is above zero.
    Relu,
}

impl Activation {
    /// The activation of this name.
    pub fn new(name: &str) -> Result<Self> {
        Ok(match name {
            "identity" => Activation::Identity,
            "logistic" => Activation::Logistic,
            "tanh" => Activation::Tanh,
            "relu" => Activation::Relu,
            _ => return Err(Error::Parameter(format!("there is no activation {name:?}"))),
        })
    }

    /// Turns sums into what the units say.
    fn apply<T: Num>(self, mut sums: ArrayViewMut2<T>) {
        let zero = T::zero();
        lanes::run(
            #[inline(always)]
            || {
                for mut row in sums.rows_mut() {
                    let Some(row) = row.as_slice_mut() else { return };
                    match self {
                        Activation::Identity => {}
                        Activation::Relu => {
                            // NaN stays, so that it is seen.
                            row.iter_mut().for_each(|v| *v = if *v < zero { zero } else { *v });
                        }
                        Activation::Tanh => {
                            row.iter_mut().for_each(|v| *v = T::narrow(tanh(v.wide())));
                        }
                        Activation::Logistic => {
                            row.iter_mut().for_each(|v| *v = T::narrow(logistic(v.wide())));
                        }
                    }
                }
            },
        );
    }

    /// Multiplies `slopes` by the slope of the activation where a unit says `said / scale`.
    fn turn<T: Num>(self, said: ArrayViewMut2<T>, mut slopes: ArrayViewMut2<T>, scale: T) {
        let (zero, one) = (T::zero(), T::one());
        lanes::run(
            #[inline(always)]
            || {
                for (a, mut d) in said.rows().into_iter().zip(slopes.rows_mut()) {
                    let (Some(a), Some(d)) = (a.as_slice(), d.as_slice_mut()) else { return };
                    let pairs = d.iter_mut().zip(a);
                    match self {
                        Activation::Identity => {}
                        Activation::Relu => {
                            pairs.for_each(|(d, a)| *d = if *a == zero { zero } else { *d });
                        }
                        Activation::Tanh => pairs.for_each(|(d, a)| {
                            let a = *a * scale;
                            *d = *d * (one - a * a);
                        }),
                        Activation::Logistic => pairs.for_each(|(d, a)| {
                            let a = *a * scale;
                            *d = *d * (a * (one - a));
                        }),
                    }
                }
            },
        );
    }
}

/// 2^k as a number and e^r - 1, where x = k ln 2 + r, for x between -708 and 709. Plain
/// arithmetic, so that loops over it run in wide lanes; good to the last digit or two.
#[inline(always)]
fn exp_parts(x: f64) -> (f64, f64) {
    const SHIFT: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52: its last bits hold a whole number
    let t = x * std::f64::consts::LOG2_E + SHIFT;
    let k = t - SHIFT;
    let r = x - k * 6.931_471_803_691_238e-1 - k * 1.908_214_929_270_587_7e-10;
    let mut p = 1.0 / 6_227_020_800.0;
    for c in [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
    ] {
        p = p * r + c;
    }
    (f64::from_bits((t.to_bits() << 52).wrapping_add(1023 << 52)), r + r * r * p)
}

#[inline(always)]
fn tanh(x: f64) -> f64 {
    let size = x.abs();
    let (power, rest) = exp_parts(if size < 20.0 { 2.0 * size } else { 40.0 });
    let grown = power * rest + (power - 1.0); // e^2x - 1
    if x.is_nan() { x } else { (grown / (grown + 2.0)).copysign(x) }
}

#[inline(always)]
fn logistic(x: f64) -> f64 {
    let size = x.abs();
    let (power, rest) = exp_parts(-if size < 700.0 { size } else { 700.0 });
    let e = power * rest + power;
    let share = if x < 0.0 { e } else { 1.0 };
    if x.is_nan() { x } else { share / (1.0 + e) }
}

/// Units by layer, from the input to the output, and how hidden ones answer.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Units of each layer.
    pub widths: Vec<usize>,
    /// What hidden units make of their sums.
    pub activation: Activation,
}

impl Shape {
    /// Checks widths: two layers at least, none empty.
    pub fn new(widths: Vec<usize>, activation: &str) -> Result<Self> {
        if widths.len() < 2 || widths.contains(&0) {
            return Err(Error::Shape(format!(
                "a network needs two layers at least and none without units; got {widths:?}"
            )));
        }
        Ok(Shape { widths, activation: Activation::new(activation)? })
    }

    /// Layers of weights.
    pub fn layers(&self) -> usize {
        self.widths.len() - 1
    }

    /// Where the weights of a layer lie among the parameters: all weights, then all biases.
    pub fn coef(&self, layer: usize) -> Range<usize> {
        let size = |l: usize| self.widths[l] * self.widths[l + 1];
        let start = (0..layer).map(size).sum();
        start..start + size(layer)
    }

    /// Where the biases of a layer lie.
    pub fn bias(&self, layer: usize) -> Range<usize> {
        let start = self.coef(self.layers() - 1).end + self.widths[1..=layer].iter().sum::<usize>();
        start..start + self.widths[layer + 1]
    }

    /// Parameters in all.
    pub fn size(&self) -> usize {
        self.bias(self.layers() - 1).end
    }
}

/// Rows that a network is shown.
#[derive(Debug, Clone, Copy)]
pub enum Table<'a, T> {
    /// Every cell.
    Dense(ArrayView2<'a, T>),
    /// Cells that are not zero, by row; columns in order.
    Sparse(Sparse<'a>),
}

impl<T: Num> Table<'_, T> {
    /// Rows and columns.
    pub fn dim(&self) -> (usize, usize) {
        match self {
            Table::Dense(x) => x.dim(),
            Table::Sparse(x) => (x.starts.len().saturating_sub(1), x.width),
        }
    }

    /// Checks that the table has `width` columns, and that the parts of a sparse one fit.
    pub fn check(&self, width: usize) -> Result<()> {
        if self.dim().1 != width {
            return Err(Error::Shape(format!(
                "X has {} columns, the network takes {width}",
                self.dim().1
            )));
        }
        let Table::Sparse(x) = self else { return Ok(()) };
        let bad = || Error::Shape("the parts of the sparse matrix do not fit".into());
        if x.columns.len() != x.values.len() || x.starts.is_empty() {
            return Err(bad());
        }
        for row in 0..self.dim().0 {
            let (a, b) = (x.starts[row], x.starts[row + 1]);
            if a < 0 || b < a || b as usize > x.columns.len() {
                return Err(bad());
            }
            let columns = x.columns.slice(s![a as usize..b as usize]);
            let mut last = -1;
            for &c in columns {
                if c <= last || c as usize >= width {
                    return Err(bad());
                }
                last = c;
            }
        }
        Ok(())
    }

    /// Calls `f(column, value)` for the cells of a sparse row whose column lies in `within`.
    pub fn cells(&self, row: usize, within: Range<usize>, mut f: impl FnMut(usize, T)) {
        let Table::Sparse(x) = self else { return };
        let (a, b) = (x.starts[row] as usize, x.starts[row + 1] as usize);
        let below = |limit: usize| {
            let (mut low, mut high) = (a, b);
            while low < high {
                let middle = low.midpoint(high);
                if (x.columns[middle] as usize) < limit { low = middle + 1 } else { high = middle }
            }
            low
        };
        for k in below(within.start)..below(within.end) {
            f(x.columns[k] as usize, T::narrow(x.values[k]));
        }
    }
}

/// What a row of the workspace holds: what each layer says, the slopes of hidden layers, and which
/// units were dropped. The slope of the last layer takes the place of its scores.
#[derive(Debug, Clone)]
pub struct Places {
    /// What each layer says; the input is empty where it is sparse.
    pub said: Vec<Range<usize>>,
    /// The slope along the sums of each layer.
    pub slope: Vec<Range<usize>>,
    dropped: Vec<Range<usize>>,
    /// Numbers in a row.
    pub stride: usize,
}

impl Places {
    pub fn new(shape: &Shape, sparse: bool, dropout: bool) -> Self {
        let mut stride = 0;
        let mut next = |width: usize| {
            stride += width;
            stride - width..stride
        };
        let mut said = vec![next(if sparse { 0 } else { shape.widths[0] })];
        said.extend(shape.widths[1..].iter().map(|w| next(*w)));
        let hidden = &shape.widths[1..shape.layers()];
        let mut slope: Vec<_> = hidden.iter().map(|w| next(*w)).collect();
        slope.push(said[shape.layers()].clone());
        let dropped = if dropout { hidden.iter().map(|w| next(*w)).collect() } else { Vec::new() };
        Places { said, slope, dropped, stride }
    }

    /// Where the scores lie, and later their slopes.
    pub fn scores(&self) -> Range<usize> {
        self.said[self.said.len() - 1].clone()
    }

    /// Whether there is room for which units were dropped.
    pub fn drops(&self) -> bool {
        !self.dropped.is_empty()
    }
}

/// The draws of one batch: which hidden units are dropped.
#[derive(Debug, Clone, Copy)]
pub struct Dropout {
    /// The share of units dropped.
    pub share: f64,
    /// The seed of the draws.
    pub seed: u64,
    /// The batch, counted from the first.
    pub step: u64,
}

impl Dropout {
    /// Draws which units of rows `first` and on are dropped (0), and what the others count.
    fn draw<T: Num>(self, first: usize, places: &Places, area: &mut ArrayViewMut2<T>) {
        let (Some(from), Some(to)) = (places.dropped.first(), places.dropped.last()) else {
            return;
        };
        let limit = (self.share * (1u64 << 32) as f64) as u64;
        let kept = T::narrow(1.0 / (1.0 - self.share));
        for (i, mut row) in area.rows_mut().into_iter().enumerate() {
            let mut stream = Stream::new(self.seed, DROP, self.step, (first + i) as u64);
            let mut word = 0;
            for (k, mark) in row.slice_mut(s![from.start..to.end]).iter_mut().enumerate() {
                word = if k % 2 == 0 { stream.word() } else { word >> 32 };
                *mark = if word & 0xffff_ffff < limit { T::zero() } else { kept };
            }
        }
    }
}

/// The operation that draws of dropped units are keyed by.
const DROP: u64 = 0x6d6c_7064;

/// The weights of a network, borrowed from its parameters.
pub struct Net<'a, T> {
    shape: &'a Shape,
    coefs: Vec<ArrayView2<'a, T>>,
    biases: Vec<ArrayView1<'a, T>>,
}

impl<'a, T: Num> Net<'a, T> {
    pub fn new(shape: &'a Shape, params: &'a [T]) -> Result<Self> {
        if params.len() != shape.size() {
            return Err(Error::Shape(format!(
                "the network has {} parameters; got {}",
                shape.size(),
                params.len()
            )));
        }
        let coef = |l: usize| {
            ArrayView2::from_shape((shape.widths[l], shape.widths[l + 1]), &params[shape.coef(l)])
                .map_err(|e| Error::Shape(e.to_string()))
        };
        let coefs = (0..shape.layers()).map(coef).collect::<Result<_>>()?;
        let bias = |l: usize| ArrayView1::from(&params[shape.bias(l)]);
        Ok(Net { shape, coefs, biases: (0..shape.layers()).map(bias).collect() })
    }

    /// Takes rows of a table forwards: fills what each layer says. `first` is the place of the
    /// first of them in the batch, which dropping goes by.
    pub fn forward(
        &self,
        x: &Table<T>,
        (first, rows): (usize, &[usize]),
        places: &Places,
        area: &mut ArrayViewMut2<T>,
        dropout: Option<Dropout>,
    ) {
        let last = self.shape.layers() - 1;
        if let Table::Dense(x) = x {
            for (row, mut to) in rows.iter().zip(area.rows_mut()) {
                to.slice_mut(s![places.said[0].clone()]).assign(&x.row(*row));
            }
        }
        if let Some(dropout) = dropout {
            dropout.draw(first, places, area);
        }
        for l in 0..=last {
            let (from, to) = (places.said[l].clone(), places.said[l + 1].clone());
            let (said, mut sums) = area.multi_slice_mut((s![.., from], s![.., to.clone()]));
            let (coef, bias) = (&self.coefs[l], &self.biases[l]);
            sums.rows_mut().into_iter().for_each(|mut row| row.assign(bias));
            match x {
                Table::Sparse(_) if l == 0 => {
                    for (row, mut sums) in rows.iter().zip(sums.rows_mut()) {
                        let add = |column, value| sums.scaled_add(value, &coef.row(column));
                        x.cells(*row, 0..self.shape.widths[0], add);
                    }
                }
                _ => general_mat_mul(T::one(), &said, coef, T::one(), &mut sums),
            }
            if l == last {
                return;
            }
            self.shape.activation.apply(sums);
            if dropout.is_some() {
                let marks = places.dropped[l].clone();
                let (mut said, marks) = area.multi_slice_mut((s![.., to], s![.., marks]));
                said.zip_mut_with(&marks, |a, m| *a = *a * *m);
            }
        }
    }

    /// Takes the slopes along the scores back to the first hidden layer.
    pub fn backward(&self, places: &Places, area: &mut ArrayViewMut2<T>, dropout: Option<Dropout>) {
        let scale = dropout.map_or(T::one(), |d| T::narrow(1.0 - d.share));
        for l in (1..self.shape.layers()).rev() {
            let (from, to) = (places.slope[l].clone(), places.slope[l - 1].clone());
            let (above, mut here) = area.multi_slice_mut((s![.., from], s![.., to.clone()]));
            general_mat_mul(T::one(), &above, &self.coefs[l].t(), T::zero(), &mut here);
            if dropout.is_some() {
                let marks = places.dropped[l - 1].clone();
                let (mut here, marks) = area.multi_slice_mut((s![.., to.clone()], s![.., marks]));
                here.zip_mut_with(&marks, |d, m| *d = *d * *m);
            }
            let said = places.said[l].clone();
            let (said, here) = area.multi_slice_mut((s![.., said], s![.., to]));
            self.shape.activation.turn(said, here, scale);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn activations_are_those_of_the_library(x in -60.0f64..60.0, small in -1e-3f64..1e-3) {
            for x in [x, small, x * 20.0] {
                let (a, b) = (tanh(x), x.tanh());
                prop_assert!((a - b).abs() <= 4.0 * f64::EPSILON * b.abs(), "{x}: {a} {b}");
                let want = if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
                let got = logistic(x);
                if want > 1e-300 {
                    prop_assert!((got - want).abs() <= 4.0 * f64::EPSILON * want, "{x}: {got}");
                }
            }
        }
    }

    #[test]
    fn activations_keep_what_is_no_number() {
        assert!(tanh(f64::NAN).is_nan() && logistic(f64::NAN).is_nan());
        assert_eq!((tanh(0.0), tanh(f64::INFINITY), tanh(-1e300)), (0.0, 1.0, -1.0));
        assert_eq!((logistic(0.0), logistic(f64::INFINITY)), (0.5, 1.0));
        assert!(logistic(f64::NEG_INFINITY) < 1e-300);
        assert!(Activation::new("step").is_err() && Shape::new(vec![3, 0, 1], "relu").is_err());
    }
}
