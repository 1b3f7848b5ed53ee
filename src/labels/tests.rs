use ndarray::{Array2, array};
use proptest::prelude::*;

use super::joint::{NONE, calibrate, confident};
use super::margin::margins;
use super::posterior::{POWERS, sharpness, verdicts};
use crate::base::Ctx;

fn one() -> Ctx {
    Ctx::new(1)
}

#[test]
fn the_joint_by_hand() {
    let p = array![[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.2, 0.8], [0.4, 0.6]];
    let y = [0, 0, 0, 1, 1];
    let found = confident(&one(), p.view(), &y, None).unwrap();
    assert!((found.thresholds[0] - 0.6).abs() < 1e-12);
    assert!((found.thresholds[1] - 0.7).abs() < 1e-12);
    assert_eq!(found.counts, [3.0, 2.0]);
    assert_eq!(found.confident, [0, 0, 1, 1, NONE]);
    assert_eq!(found.joint, [2.0, 1.0, 0.0, 1.0]);
    assert_eq!(calibrate(&found.joint, &found.counts), [2.0, 1.0, 0.0, 2.0]);
    assert_eq!(calibrate(&[0.0, 0.0, 1.0, 1.0], &[5.0, 4.0]), [5.0, 0.0, 2.0, 2.0]);
    let weighted = confident(&one(), p.view(), &y, Some(&[1.0, 1.0, 0.0, 2.0, 2.0])).unwrap();
    let without = array![[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.2, 0.8], [0.4, 0.6], [0.4, 0.6]];
    let repeated = confident(&one(), without.view(), &[0, 0, 1, 1, 1, 1], None).unwrap();
    assert_eq!(weighted.joint, repeated.joint);
    assert_eq!(weighted.counts, repeated.counts);
}

#[test]
fn what_is_no_probability_is_named() {
    for (bad, says) in [
        (f64::NAN, "NaN in row 1, column 0"),
        (f64::INFINITY, "infinity in row 1, column 0"),
        (-0.1, "negative (-0.1) in row 1, column 0"),
        (0.7, "the probabilities of row 1 of pred_probs add up to 1.2000"),
    ] {
        let p = array![[0.5, 0.5], [bad, 0.5], [f64::NAN, 0.0]];
        let error = confident(&one(), p.view(), &[0, 1, 1], None).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let p = array![[0.5, 0.5]];
    assert!(confident(&one(), p.view(), &[2], None).is_err());
    assert!(confident(&one(), p.view(), &[0, 1], None).is_err());
    assert!(confident(&one(), array![[1.0]].view(), &[0], None).is_err());
    assert!(verdicts(&one(), p.view(), &[0], &[1.0], 2).is_err());
}

fn table(cells: &[f64], k: usize) -> Array2<f64> {
    let n = cells.len() / k;
    let mut p = Array2::from_shape_vec((n, k), cells[..n * k].to_vec()).unwrap();
    for mut row in p.rows_mut() {
        let sum = row.sum();
        row.mapv_inplace(|v| v / sum);
    }
    p
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn as_the_slow_reference(
        cells in prop::collection::vec(1e-4f64..1.0, 8..160),
        labels in prop::collection::vec(0u32..4, 40),
        noise in prop::collection::vec(0.01f64..1.0, 16),
        power in 0usize..8,
    ) {
        let k = 4;
        let p = table(&cells, k);
        let y = &labels[..p.nrows()];
        let found = confident(&one(), p.view(), y, None).unwrap();
        let got = verdicts(&one(), p.view(), y, &noise, power).unwrap();
        let margin = margins(&one(), p.view(), y).unwrap();
        let mut joint = vec![0.0; k * k];
        for (i, &label) in y.iter().enumerate() {
            let own = label as usize;
            let mean = |j: usize| {
                let rows: Vec<usize> = (0..y.len()).filter(|&r| y[r] as usize == j).collect();
                rows.iter().map(|&r| p[[r, j]]).sum::<f64>() / rows.len() as f64
            };
            let sure = (0..k).filter(|&j| p[[i, j]] >= mean(j) - 1e-15);
            let class = sure.max_by(|&a, &b| p[[i, a]].total_cmp(&p[[i, b]]));
            prop_assert_eq!(found.confident[i], class.map_or(NONE, |c| c as u32));
            if let Some(class) = class {
                joint[own * k + class] += 1.0;
            }
            let part: Vec<f64> =
                (0..k).map(|j| p[[i, j]].powf(POWERS[power]) * noise[own * k + j]).collect();
            let right = part[own] / part.iter().sum::<f64>();
            prop_assert!((got.quality[i] - right).abs() < 1e-9);
            let others = (0..k).filter(|&j| j != own);
            let top = others.clone().map(|j| part[j]).fold(0.0, f64::max);
            let best = others.map(|j| p[[i, j]]).fold(0.0, f64::max);
            let place = got.doubted.iter().position(|&row| row == i as i64);
            prop_assert_eq!(place.is_some(), best > p[[i, own]]);
            if let Some(place) = place {
                prop_assert!(part[got.other[place] as usize] >= top * (1.0 - 1e-9));
            }
            prop_assert_eq!((margin[i].own, margin[i].best), (p[[i, own]], best));
        }
        prop_assert_eq!(found.joint, joint);
    }
}

#[test]
fn the_sharpness_that_made_the_labels_is_found() {
    // Rows whose true probabilities are the square of those given, and a noise of 10 %.
    let n = 6000;
    let draw = |i: usize, salt: f64| ((i as f64 * 12.9898 + salt).sin() * 43758.5453).fract().abs();
    let p = Array2::from_shape_fn((n, 2), |(i, j)| {
        let first = 0.02 + 0.96 * draw(i, 0.0);
        if j == 0 { first } else { 1.0 - first }
    });
    let noise = [0.9, 0.1, 0.1, 0.9];
    let y: Vec<u32> = (0..n)
        .map(|i| {
            let (a, b) = (p[[i, 0]].powi(2), p[[i, 1]].powi(2));
            let truth = u32::from(draw(i, 1.0) > a / (a + b));
            if draw(i, 2.0) < 0.1 { 1 - truth } else { truth }
        })
        .collect();
    let found = sharpness(&one(), p.view(), &y, &noise, None).unwrap();
    assert_eq!(POWERS[found], 2.0);
}
