//! Whether two small versions show the same: the second, stronger comparison.

use super::sketch::SIDE;

/// Cells across and down of a tile, for brightness; half of that for colour.
const TILE: usize = 8;
/// Cells across and down of the blocks whose mean is taken off to leave what is fine.
const BLOCK: usize = 4;
/// The root mean square difference of brightness that a tile may have, in grey levels.
///
/// Copies that were turned, resized (0.4 to 1.3) and compressed (quality 40 to 95) reach 6; images
/// that share all but a caption start at 10.
const TILE_LIMIT: u64 = 8;
/// What fine differences may be, as a share of what is fine in both. Copies reach .04; pages of one
/// layout with other text start at .065, other images at .3.
const FINE_SHARE: f64 = 0.05;
/// Or, where nothing much is fine, in squared grey levels: the noise of compression (.5).
const FINE_NOISE: f64 = 0.75;
/// The difference of mean colour that a tile may have. Copies reach 3.
const COLOUR_LIMIT: u64 = 5;

/// How alike two small versions are, 1 being the same; `None` where they do not show the same.
pub fn alike(a: &[u8], b: &[u8]) -> Option<f64> {
    let (luma_a, chroma_a) = a.split_at(SIDE * SIDE);
    let (luma_b, chroma_b) = b.split_at(SIDE * SIDE);
    let half = SIDE / 2;
    let colours = chroma_a.chunks_exact(half * half).zip(chroma_b.chunks_exact(half * half));
    let same = tiles_agree(luma_a, luma_b)
        && colours.clone().all(|(a, b)| colours_agree(a, b))
        && fine_agrees(luma_a, luma_b);
    if !same {
        return None;
    }
    // A cell of colour covers four of brightness.
    let (mut apart, mut spread) = differences(luma_a, luma_b);
    for (a, b) in colours {
        let (d, s) = differences(a, b);
        (apart, spread) = (apart + 4.0 * d, spread + 4.0 * s);
    }
    Some(if apart == 0.0 { 1.0 } else { (1.0 - apart / spread).max(0.0) })
}

fn square(a: u8, b: u8) -> u64 {
    u64::from(a.abs_diff(b)).pow(2)
}

fn tiles_agree(a: &[u8], b: &[u8]) -> bool {
    let rows = a.chunks_exact(SIDE * TILE).zip(b.chunks_exact(SIDE * TILE));
    rows.into_iter().all(|(a, b)| {
        let mut sums = [0u64; SIDE / TILE];
        for (a, b) in a.chunks_exact(SIDE).zip(b.chunks_exact(SIDE)) {
            for ((sum, a), b) in sums.iter_mut().zip(a.chunks_exact(TILE)).zip(b.chunks_exact(TILE))
            {
                *sum += a.iter().zip(b).map(|(&a, &b)| square(a, b)).sum::<u64>();
            }
        }
        sums.iter().all(|&sum| sum <= TILE_LIMIT.pow(2) * (TILE * TILE) as u64)
    })
}

fn colours_agree(a: &[u8], b: &[u8]) -> bool {
    let (half, tile) = (SIDE / 2, TILE / 2);
    let rows = a.chunks_exact(half * tile).zip(b.chunks_exact(half * tile));
    rows.into_iter().all(|(a, b)| {
        (0..half / tile).all(|k| {
            let sum = |grid: &[u8]| -> u64 {
                let part = |row: &[u8]| {
                    row[k * tile..(k + 1) * tile].iter().map(|&v| u64::from(v)).sum::<u64>()
                };
                grid.chunks_exact(half).map(part).sum()
            };
            sum(a).abs_diff(sum(b)) <= COLOUR_LIMIT * (tile * tile) as u64
        })
    })
}

/// Compares what is left when the mean of each block is taken off: an edge is where it was, or not.
fn fine_agrees(a: &[u8], b: &[u8]) -> bool {
    let (mut apart, mut energy) = (0i64, 0i64);
    let n = (BLOCK * BLOCK) as i64;
    let cells = |grid: &[u8], k: usize| -> [i64; BLOCK * BLOCK] {
        let at = k / (SIDE / BLOCK) * BLOCK * SIDE + k % (SIDE / BLOCK) * BLOCK;
        std::array::from_fn(|c| i64::from(grid[at + c / BLOCK * SIDE + c % BLOCK]))
    };
    for k in 0..(SIDE / BLOCK).pow(2) {
        let (a, b) = (cells(a, k), cells(b, k));
        // n times the sum of squares about the mean.
        let about = |v: [i64; BLOCK * BLOCK]| {
            n * v.iter().map(|v| v * v).sum::<i64>() - v.iter().sum::<i64>().pow(2)
        };
        energy += about(a) + about(b);
        apart += about(std::array::from_fn(|c| a[c] - b[c]));
    }
    let cells = (SIDE * SIDE) as f64 * n as f64;
    apart as f64 / cells <= (FINE_SHARE * energy as f64 / cells).max(FINE_NOISE)
}

/// The sum of squared differences, and of squares about the two means.
fn differences(a: &[u8], b: &[u8]) -> (f64, f64) {
    let apart: u64 = a.iter().zip(b).map(|(&a, &b)| square(a, b)).sum();
    let about = |grid: &[u8]| {
        let sum: u64 = grid.iter().map(|&v| u64::from(v)).sum();
        let squares: u64 = grid.iter().map(|&v| u64::from(v).pow(2)).sum();
        (squares * grid.len() as u64 - sum * sum) as f64 / grid.len() as f64
    };
    (apart as f64, about(a) + about(b))
}
