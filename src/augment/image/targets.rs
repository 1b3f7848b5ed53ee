//! What goes along with an image: masks, boxes and points, moved as it is.

use super::geometry::{How, geometry};
use super::pixel::{Border, Pixel};
use super::steps::moved;
use super::warp::{self, Map};
use super::{Item, Op, Shape};
use crate::augment::plan::Drawn;
use crate::base::{Ctx, Error, Result};

/// Points along each side of a box that is bent.
const ALONG: usize = 16;

/// Boxes as left, top, right, bottom.
pub type Boxes = Vec<[f64; 4]>;
/// Points as column and row.
pub type Points = Vec<[f64; 2]>;

/// The geometric steps of an item, each with the size it meets.
fn steps<'a>(item: &'a Item) -> Result<Vec<(super::Geometry, Shape)>> {
    let mut shape = item.shape;
    let mut found = Vec::new();
    for step in &item.steps {
        match step {
            Drawn::Step(s) => {
                if let Some(g) = geometry(s, shape)? {
                    let met = shape;
                    shape = Shape { h: g.size.0, w: g.size.1, ..shape };
                    found.push((g, met));
                }
            }
            Drawn::Mix { chains, .. } => {
                let moves = |d: &Drawn<'a, Op>| match d {
                    Drawn::Step(s) => geometry(s, shape).map(|g| g.is_some()),
                    Drawn::Mix { .. } => Ok(true),
                };
                for step in chains.iter().flatten() {
                    if moves(step)? {
                        return Err(Error::Parameter(
                            "masks, boxes and keypoints cannot follow a mix of moved images: \
                             leave the geometric operations out of the mix"
                                .into(),
                        ));
                    }
                }
            }
        }
    }
    Ok(found)
}

/// The steps that move no whole window but a map, as one.
fn nearest_map(g: &super::Geometry) -> Option<Map> {
    match &g.how {
        How::Moves(_) => None,
        How::Map(map) => Some(map.clone()),
        How::Resize(_) => g.backward().map(Map::Matrix),
    }
}

/// Moves a mask of `channels` values a pixel as its image was; `linear` for heat maps.
pub fn mask<T: Pixel>(
    ctx: &Ctx,
    item: &Item,
    (src, channels): (&[T], usize),
    linear: bool,
    dst: &mut [T],
) -> Result<()> {
    let mut now = src.to_vec();
    for (mut g, met) in steps(item)? {
        let met = Shape { c: channels, ..met };
        let next = Shape { h: g.size.0, w: g.size.1, c: channels };
        let mut out = vec![T::default(); next.len()];
        g.fill = vec![0.0];
        match nearest_map(&g) {
            Some(map) if !linear => {
                // A window is read within its edges: nothing lies beyond them.
                let border =
                    if matches!(g.how, How::Resize(_)) { Border::Nearest } else { g.border };
                warp::nearest(ctx, (&now, met), &map, border, (&mut out, next.w))?;
            }
            _ => moved(ctx, &g, (&now, met), (&mut out, next))?,
        }
        now = out;
    }
    dst.copy_from_slice(&now);
    Ok(())
}

/// Moves points (pixel centres are whole numbers); those that leave the image are kept.
pub fn points(item: &Item, mut points: Points) -> Result<Points> {
    for (g, _) in steps(item)? {
        for p in &mut points {
            *p = g.forward(p[0], p[1]).into();
        }
    }
    Ok(points)
}

/// Moves boxes in edge coordinates and clips them; returns each with the share of it that is seen.
pub fn boxes(item: &Item, boxes: Boxes) -> Result<Vec<([f64; 4], f64)>> {
    let steps = steps(item)?;
    let area = |b: &[f64; 4]| (b[2] - b[0]).max(0.0) * (b[3] - b[1]).max(0.0);
    let clip = |b: [f64; 4], s: Shape| {
        let (w, h) = (s.w as f64, s.h as f64);
        [b[0].clamp(0.0, w), b[1].clamp(0.0, h), b[2].clamp(0.0, w), b[3].clamp(0.0, h)]
    };
    let one = |b: [f64; 4]| {
        let whole = area(&b);
        let mut now = clip(b, item.shape);
        let mut seen = if whole > 0.0 { area(&now) / whole } else { 0.0 };
        for (g, _) in &steps {
            let next = Shape { h: g.size.0, w: g.size.1, c: 1 };
            let moved = hull(g, &now);
            now = clip(moved, next);
            let size = area(&moved);
            seen *= if size > 0.0 { area(&now) / size } else { 0.0 };
        }
        (now, if seen.is_finite() { seen } else { 0.0 })
    };
    Ok(boxes.into_iter().map(one).collect())
}

/// The box around a moved box.
fn hull(g: &super::Geometry, b: &[f64; 4]) -> [f64; 4] {
    let straight = g.backward().is_some();
    let parts = if straight { 1 } else { ALONG };
    let mut out = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    for k in 0..=parts {
        let t = k as f64 / parts as f64;
        let (x, y) = (b[0] + (b[2] - b[0]) * t, b[1] + (b[3] - b[1]) * t);
        for (x, y) in [(x, b[1]), (x, b[3]), (b[0], y), (b[2], y)] {
            // Edges lie half a pixel before centres.
            let (x, y) = g.forward(x - 0.5, y - 0.5);
            out = [
                out[0].min(x + 0.5),
                out[1].min(y + 0.5),
                out[2].max(x + 0.5),
                out[3].max(y + 0.5),
            ];
        }
    }
    out
}
