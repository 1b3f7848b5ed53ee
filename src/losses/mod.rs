//! Losses of many rows. What a loss is stands in `base::loss`, where models find it too.

use ndarray::{ArrayView1, ArrayView2};

use crate::base::loss::Loss;
use crate::base::{Ctx, Error, Result, par};

/// Rows handled at once.
const BLOCK: usize = 4096;

/// What is asked of a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The loss, one number a row.
    Value,
    /// The first derivatives, one a score.
    Gradient,
    /// The second derivatives along each score.
    Hessian,
}

/// The loss, gradient or diagonal of the Hessian of each row, rows after each other.
pub fn evaluate(
    ctx: &Ctx,
    loss: &Loss,
    y: ArrayView1<f64>,
    score: ArrayView2<f64>,
    what: What,
) -> Result<Vec<f64>> {
    let (n, outputs) = score.dim();
    if y.len() != n {
        return Err(Error::Shape(format!("y has {} rows, score has {n}", y.len())));
    }
    let (y, score) = (y.as_standard_layout(), score.as_standard_layout());
    let (Some(y), Some(score)) = (y.as_slice(), score.as_slice()) else {
        return Err(Error::Shape("the scores are not contiguous".into()));
    };
    loss.check(y, outputs)?;
    let width = if what == What::Value { 1 } else { outputs };
    let mut out = vec![0.0; n * width];
    par::fill_chunks(ctx, &mut out, BLOCK * width, |first, part| {
        let first = first / width;
        let rows = part.len() / width;
        let (y, score) = (&y[first..], &score[first * outputs..]);
        if outputs == 1 {
            for ((o, y), s) in part.iter_mut().zip(y).zip(score) {
                let at = loss.one(*y, *s);
                *o = match what {
                    What::Value => at.value,
                    What::Gradient => at.gradient,
                    What::Hessian => at.hessian,
                };
            }
            return;
        }
        let mut spare = vec![0.0; outputs];
        for i in 0..rows {
            let (class, s) = (y[i] as usize, &score[i * outputs..(i + 1) * outputs]);
            let o = &mut part[i * width..(i + 1) * width];
            match what {
                What::Value => o[0] = loss.many(class, s, &mut spare, None),
                What::Gradient => {
                    loss.many(class, s, o, None);
                }
                What::Hessian => {
                    loss.many(class, s, &mut spare, Some(o));
                }
            }
        }
    })?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array2};

    #[test]
    fn rows_are_rows_of_the_definition() {
        let loss = Loss::new("gce", &[0.7], vec![1.0, 2.0, 3.0]).unwrap();
        let n = 2 * BLOCK + 7;
        let y = Array1::from_shape_fn(n, |i| (i % 3) as f64);
        let score = Array2::from_shape_fn((n, 3), |(i, k)| ((i * 3 + k) as f64).sin());
        let ctx = Ctx::new(1);
        let ask = |what| evaluate(&ctx, &loss, y.view(), score.view(), what).unwrap();
        let (value, gradient) = (ask(What::Value), ask(What::Gradient));
        let mut g = [0.0; 3];
        for i in [0, BLOCK, n - 1] {
            let row = score.row(i).to_vec();
            assert_eq!(value[i], loss.many(i % 3, &row, &mut g, None));
            assert_eq!(gradient[3 * i..3 * i + 3], g);
        }
        assert!(
            evaluate(&ctx, &loss, y.view(), score.slice(ndarray::s![1.., ..]), What::Value)
                .is_err()
        );
    }
}
