//! Pixels that are moved and stay as they are.

use super::lanes;
use super::pixel::{Border, Pixel, Shape};

/// Pixels moved whole: flips, quarter turns, crops and pads. `place(row, column)` in the result is
/// `first + row * down + column * right` in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moves {
    /// Row and column of the source of the first pixel.
    pub first: (i64, i64),
    /// What a row down in the result is in the source.
    pub down: (i64, i64),
    /// What a column to the right in the result is in the source.
    pub right: (i64, i64),
}

/// Moves pixels.
pub fn moved<T: Pixel>(
    (src, shape): (&[T], Shape),
    moves: Moves,
    (border, fill): (Border, &[T]),
    (dst, width): (&mut [T], usize),
) {
    let Shape { h, w, c } = shape;
    let flip = Moves { first: (0, w as i64 - 1), down: (1, 0), right: (0, -1) };
    if moves == flip
        && (c, width) == (3, w)
        && w > 0
        && dst.len() == src.len()
        && let (Some(src), Some(dst)) = (T::bytes(src), T::bytes_mut(dst))
    {
        return lanes::reverse(src, dst, w * c);
    }
    let inside = |n: i64, size: usize| n >= 0 && n < size as i64;
    for (y, row) in dst.chunks_exact_mut((width * c).max(1)).enumerate() {
        let y = y as i64;
        let start = (moves.first.0 + y * moves.down.0, moves.first.1 + y * moves.down.1);
        let end = (
            start.0 + (width as i64 - 1) * moves.right.0,
            start.1 + (width as i64 - 1) * moves.right.1,
        );
        let whole = [start, end].iter().all(|p| inside(p.0, h) && inside(p.1, w));
        let at = |(r, k): (i64, i64)| (r as usize * w + k as usize) * c;
        if whole && moves.right == (0, 1) {
            row.copy_from_slice(&src[at(start)..at(end) + c]);
        } else if whole && moves.right == (0, -1) {
            reverse(&src[at(end)..at(start) + c], row, c);
        } else {
            for (i, o) in row.chunks_exact_mut(c).enumerate() {
                let i = i as i64;
                let (r, k) = (start.0 + i * moves.right.0, start.1 + i * moves.right.1);
                match (border.index(r, h), border.index(k, w)) {
                    (Some(r), Some(k)) => o.copy_from_slice(&src[(r * w + k) * c..][..c]),
                    _ => o.iter_mut().enumerate().for_each(|(k, o)| {
                        *o = fill.get(k).or(fill.last()).copied().unwrap_or_default();
                    }),
                }
            }
        }
    }
}

fn reverse<T: Pixel>(src: &[T], dst: &mut [T], c: usize) {
    match c {
        1 => dst.iter_mut().zip(src.iter().rev()).for_each(|(d, &s)| *d = s),
        3 => match (T::bytes(src), T::bytes_mut(dst)) {
            (Some(src), Some(dst)) => lanes::reverse(src, dst, src.len()),
            _ => {
                let pixels = src.as_chunks::<3>().0;
                let out = dst.as_chunks_mut::<3>().0;
                out.iter_mut().zip(pixels.iter().rev()).for_each(|(d, s)| *d = *s);
            }
        },
        _ => {
            let pixels = src.chunks_exact(c).rev();
            dst.chunks_exact_mut(c).zip(pixels).for_each(|(d, s)| d.copy_from_slice(s));
        }
    }
}
