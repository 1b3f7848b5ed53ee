//! The kernels against one pixel at a time in double precision.

use proptest::prelude::*;

use super::pixel::{Border, Shape};
use super::warp::{self, Map};
use super::{blur, lanes};
use crate::base::Ctx;

/// The pixel at a place, wherever it is.
fn at(src: &[u8], s: Shape, border: Border, (y, x, k): (i64, i64, usize)) -> f64 {
    match (border.index(y, s.h), border.index(x, s.w)) {
        (Some(y), Some(x)) => f64::from(src[(y * s.w + x) * s.c + k]),
        _ => 77.0,
    }
}

fn image() -> impl Strategy<Value = (Shape, Vec<u8>)> {
    (1usize..24, 1usize..40, 1usize..5).prop_flat_map(|(h, w, c)| {
        (Just(Shape { h, w, c }), prop::collection::vec(any::<u8>(), h * w * c))
    })
}

fn border() -> impl Strategy<Value = Border> {
    (0i32..5).prop_map(|n| Border::from_number(f64::from(n)))
}

proptest! {
    #[test]
    fn bytes_in_lanes_are_bytes_one_by_one(
        src in prop::collection::vec(any::<u8>(), 0..400),
        seed in any::<u8>(),
    ) {
        let table: [u8; 256] = std::array::from_fn(|i| (i as u8).wrapping_mul(37) ^ seed);
        let mut dst = vec![0; src.len()];
        lanes::look_up(&table, &src, &mut dst);
        prop_assert!(dst.iter().zip(&src).all(|(&d, &s)| d == table[usize::from(s)]));
        let n = src.len() / 3 * 3;
        lanes::reverse(&src[..n], &mut dst[..n], n);
        let expected: Vec<u8> = src[..n].chunks(3).rev().flatten().copied().collect();
        prop_assert_eq!(&dst[..n], &expected[..]);
    }

    #[test]
    fn what_lies_between_pixels_is_linear(
        (shape, src) in image(),
        m in prop::array::uniform4(-1.5f64..1.5),
        shift in prop::array::uniform2(-30f64..30.0),
        border in border(),
    ) {
        let map = [m[0], m[1], shift[0], m[2], m[3], shift[1], 0.0, 0.0, 1.0];
        let mut dst = vec![0u8; src.len()];
        let edge = (border, &[77.0][..]);
        let from = (&src[..], shape);
        warp::linear(&Ctx::new(1), from, &Map::Matrix(map), edge, (&mut dst, shape.w)).unwrap();
        for (i, &made) in dst.iter().enumerate() {
            let (y, x, k) = (i / shape.c / shape.w, i / shape.c % shape.w, i % shape.c);
            let (px, py) = warp::project(&map, x as f64, y as f64);
            let (fx, fy) = (px - px.floor(), py - py.floor());
            let read = |dy: i64, dx: i64| {
                at(&src, shape, border, (py.floor() as i64 + dy, px.floor() as i64 + dx, k))
            };
            let expected = (read(0, 0) * (1.0 - fx) + read(0, 1) * fx) * (1.0 - fy)
                + (read(1, 0) * (1.0 - fx) + read(1, 1) * fx) * fy;
            // Where it lies halfway between two bytes, either will do.
            prop_assert!((f64::from(made) - expected).abs() < 0.5001, "{made} {expected} at {i}");
        }
    }

    #[test]
    fn blur_is_a_sum_of_neighbours((shape, src) in image(), sigma in 0.3f64..3.0) {
        let weights = blur::gaussian(sigma);
        let mut dst = vec![0u8; src.len()];
        blur::blur(&Ctx::new(1), &weights, &src, &mut dst, shape).unwrap();
        let r = weights.len() as i64 - 1;
        let weight = |k: i64| f64::from(weights[k.unsigned_abs() as usize]);
        for (i, &made) in dst.iter().enumerate() {
            let (y, x, k) = (i / shape.c / shape.w, i / shape.c % shape.w, i % shape.c);
            let mut expected = 0.0;
            for (dy, dx) in (-r..=r).flat_map(|a| (-r..=r).map(move |b| (a, b))) {
                let place = (y as i64 + dy, x as i64 + dx, k);
                expected += weight(dy) * weight(dx) * at(&src, shape, Border::Mirror, place);
            }
            prop_assert!((f64::from(made) - expected).abs() < 0.501, "{made} {expected} at {i}");
        }
    }
}
