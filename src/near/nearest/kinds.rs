//! Categories of rows, counted where they differ.

use ndarray::ArrayView2;

/// What a simplex of 0 to 4 corners takes: its coordinates, and its corners at a distance of 1.
const SIMPLEX: [(usize, [[f64; 3]; 4]); 5] = [
    (0, [[0.0; 3]; 4]),
    (0, [[0.0; 3]; 4]),
    (1, [[0.0; 3], [1.0, 0.0, 0.0], [0.0; 3], [0.0; 3]]),
    (2, [[0.0; 3], [1.0, 0.0, 0.0], [0.5, HEIGHT, 0.0], [0.0; 3]]),
    (3, [[EDGE, EDGE, EDGE], [EDGE, -EDGE, -EDGE], [-EDGE, EDGE, -EDGE], [-EDGE, -EDGE, EDGE]]),
];
/// The height of a triangle, and half an edge of a cube whose faces have a diagonal of 1.
const HEIGHT: f64 = 0.866_025_403_784_438_6;
const EDGE: f64 = std::f64::consts::SQRT_2 / 4.0;
/// Columns beyond so many have two corners, so that the first look stays short.
const MANY: usize = 64;

/// The categories of rows, and what a differing one adds to a squared distance.
pub(super) struct Kinds {
    /// Row after row.
    codes: Vec<u32>,
    columns: usize,
    gap: f64,
    /// Of each column the first coordinate and the corners of a simplex that its categories are
    /// put on. Those that share a corner look alike at the first look, and so are too near.
    places: Vec<(usize, usize)>,
    pub(super) width: usize,
}

impl Kinds {
    pub(super) fn new(codes: ArrayView2<u32>, gap: f64) -> Kinds {
        let columns = codes.ncols();
        let most = if columns > MANY { 2 } else { 4 };
        let mut width = 0;
        let mut places = Vec::with_capacity(columns);
        for column in codes.columns() {
            let levels = column.iter().max().map_or(0, |&c| c as usize + 1);
            let corners = levels.min(most);
            places.push((width, corners));
            width += SIMPLEX[corners].0;
        }
        Kinds { codes: codes.iter().copied().collect(), columns, gap, places, width }
    }

    fn row(&self, i: u32) -> &[u32] {
        &self.codes[i as usize * self.columns..(i as usize + 1) * self.columns]
    }

    /// What differing categories add to a squared distance.
    pub(super) fn square(&self, i: u32, j: u32) -> f64 {
        let differ: u32 = self.row(i).iter().zip(self.row(j)).map(|(a, b)| u32::from(a != b)).sum();
        f64::from(differ) * self.gap * self.gap
    }

    /// Writes the coordinates of a row: corners lie `gap` apart.
    pub(super) fn fill(&self, i: u32, out: &mut [f64]) {
        for (&code, &(first, corners)) in self.row(i).iter().zip(&self.places) {
            let (size, points) = &SIMPLEX[corners];
            let point = &points[code as usize % corners.max(1)];
            for (out, x) in out[first..first + size].iter_mut().zip(point) {
                *out = x * self.gap;
            }
        }
    }
}
