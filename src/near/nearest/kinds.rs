//! Categories of rows, counted where they differ.

use ndarray::ArrayView2;

/// The most corners that a column has at the first look, and coordinates of all columns.
const CORNERS: usize = 8;
const COORDINATES: usize = 256;

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
        let most = (COORDINATES / columns.max(1)).clamp(2, CORNERS);
        let mut width = 0;
        let mut places = Vec::with_capacity(columns);
        for column in codes.columns() {
            let levels = column.iter().max().map_or(0, |&c| c as usize + 1);
            let corners = levels.min(most);
            places.push((width, corners));
            width += match corners {
                0 | 1 => 0,
                2 => 1,
                more => more,
            };
        }
        Kinds { codes: codes.iter().copied().collect(), columns, gap, places, width }
    }

    fn row(&self, i: u32) -> &[u32] {
        &self.codes[i as usize * self.columns..(i as usize + 1) * self.columns]
    }

    /// What differing categories add to a squared distance.
    pub(super) fn square(&self, i: u32, j: u32) -> f64 {
        let differ = self.row(i).iter().zip(self.row(j)).filter(|(a, b)| a != b).count();
        differ as f64 * self.gap * self.gap
    }

    /// Writes the coordinates of a row: corners lie `gap` apart.
    pub(super) fn fill(&self, i: u32, out: &mut [f64]) {
        out.fill(0.0);
        for (&code, &(first, corners)) in self.row(i).iter().zip(&self.places) {
            match corners {
                0 | 1 => {}
                2 => out[first] = f64::from(code % 2) * self.gap,
                more => out[first + code as usize % more] = self.gap * 0.5f64.sqrt(),
            }
        }
    }
}
