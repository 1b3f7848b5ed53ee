//! Averages over the cells of a coarse grid, exact in integers, and the eight ways to turn a grid.

/// Sums over `cells.0` x `cells.1` cells of one size that cover an image of `size` pixels.
///
/// `data` holds rows of `columns` samples of `channels` values; a sample spans `step` pixels, the
/// last ones of a row or column what is left. A pixel on an edge counts for its share in each cell.
/// A sum is the cell's mean times `size.0 * size.1`: integers, so that an image and the same image
/// turned give the same sums.
pub fn sums<T: Copy + Into<u64>>(
    data: &[T],
    columns: usize,
    channels: usize,
    step: (usize, usize),
    size: (usize, usize),
    cells: (usize, usize),
) -> Vec<u64> {
    let across = spans(size.0, step.0, cells.0);
    let mut out = vec![0u64; cells.0 * cells.1 * channels];
    let mut line = vec![0u64; cells.0 * channels];
    let edges = |row: usize| (row * step.1 * cells.1, ((row + 1) * step.1).min(size.1) * cells.1);
    for (row, samples) in data.chunks_exact((columns * channels).max(1)).enumerate() {
        let (top, bottom) = edges(row);
        if top >= bottom {
            break;
        }
        add_line(samples, channels, &across, &mut line);
        for cell in top / size.1..=(bottom - 1) / size.1 {
            let weight = bottom.min((cell + 1) * size.1) - top.max(cell * size.1);
            let into = &mut out[cell * line.len()..(cell + 1) * line.len()];
            for (sum, &value) in into.iter_mut().zip(&line) {
                *sum += weight as u64 * value;
            }
        }
    }
    out
}

/// What one cell takes of a row: the samples `from..to`, the first and last of them in part.
struct Span {
    from: usize,
    to: usize,
    first: u64,
    last: u64,
    whole: u64,
}

/// The spans of the cells, in units of a cell's share of a pixel.
fn spans(size: usize, step: usize, cells: usize) -> Vec<Span> {
    let whole = step * cells;
    let span = |cell: usize| {
        let (left, right) = (cell * size, (cell + 1) * size);
        let (from, to) = (left / whole, right.div_ceil(whole));
        let share = |sample: usize| {
            let end = ((sample + 1) * step).min(size) * cells;
            (right.min(end) - left.max(sample * whole)) as u64
        };
        Span { from, to, first: share(from), last: share(to - 1), whole: whole as u64 }
    };
    (0..cells).map(span).collect()
}

fn add_line<T: Copy + Into<u64>>(
    samples: &[T],
    channels: usize,
    across: &[Span],
    line: &mut [u64],
) {
    for (span, out) in across.iter().zip(line.chunks_exact_mut(channels)) {
        let run = &samples[span.from * channels..span.to * channels];
        let (n, at) = (span.to - span.from, |k: usize, c: usize| run[k * channels + c].into());
        for (c, sum) in out.iter_mut().enumerate() {
            *sum = span.first * at(0, c);
            if n > 1 {
                let inner: u64 = (1..n - 1).map(|k| at(k, c)).sum();
                *sum += span.whole * inner + span.last * at(n - 1, c);
            }
        }
    }
}

/// One of the eight ways to turn or mirror an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn(u8);

impl Turn {
    /// All of them; the first leaves the image as it is.
    pub const ALL: [Turn; 8] =
        [Turn(0), Turn(1), Turn(2), Turn(3), Turn(4), Turn(5), Turn(6), Turn(7)];
    /// As it is.
    pub const NONE: Turn = Turn(0);

    /// The turn by its number in `ALL`.
    pub fn number(self) -> usize {
        usize::from(self.0)
    }

    /// What the orientation tag of a camera asks for; anything but 2 to 8 asks for nothing.
    pub fn from_exif(tag: u8) -> Turn {
        let [left_right, top_bottom, both, swap] = [1, 2, 3, 4];
        Turn(match tag {
            2 => left_right,
            3 => both,
            4 => top_bottom,
            5 => swap,
            6 => swap | left_right,
            7 => swap | both,
            8 => swap | top_bottom,
            _ => 0,
        })
    }

    /// Whether the sides of the image change places.
    pub fn swaps(self) -> bool {
        self.0 & 4 != 0
    }

    /// Whether the columns of the result run backwards, and the rows.
    pub fn reverses(self) -> (bool, bool) {
        (self.0 & 1 != 0, self.0 & 2 != 0)
    }

    /// The image turned: first its sides change places, then it is mirrored.
    pub fn apply<T: Copy>(self, data: &[T], size: (usize, usize), channels: usize) -> Vec<T> {
        let (columns, rows) = if self.swaps() { (size.1, size.0) } else { size };
        let (back, up) = self.reverses();
        let mut out = Vec::with_capacity(data.len());
        for y in 0..rows {
            for x in 0..columns {
                let x = if back { columns - 1 - x } else { x };
                let y = if up { rows - 1 - y } else { y };
                let (x, y) = if self.swaps() { (y, x) } else { (x, y) };
                let at = (y * size.0 + x) * channels;
                out.extend_from_slice(&data[at..at + channels]);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn turns_are_those_of_the_orientation_tag() {
        let turned = |tag| Turn::from_exif(tag).apply(b"abcdef", (3, 2), 1);
        let want: [&[u8]; 8] = [
            b"abcdef", b"cbafed", b"fedcba", b"defabc", b"adbecf", b"daebfc", b"fcebda", b"cfbead",
        ];
        for (tag, want) in (1..=8).zip(want) {
            assert_eq!(turned(tag), want, "tag {tag}");
        }
    }

    /// Each pixel cut into cells x cells parts.
    fn slow(data: &[u8], size: (usize, usize), channels: usize, cells: usize) -> Vec<u64> {
        let mut out = vec![0; cells * cells * channels];
        for y in 0..size.1 * cells {
            for x in 0..size.0 * cells {
                for c in 0..channels {
                    let cell = y / size.1 * cells + x / size.0;
                    let pixel = y / cells * size.0 + x / cells;
                    out[cell * channels + c] += u64::from(data[pixel * channels + c]);
                }
            }
        }
        out
    }

    proptest! {
        #[test]
        fn sums_are_those_of_the_slow_count(
            w in 1usize..12, h in 1usize..12, channels in 1usize..4, cells in 1usize..6,
            seed in any::<u8>(),
        ) {
            let data: Vec<u8> = (0..w * h * channels).map(|i| (i * 37 + i * i) as u8 ^ seed).collect();
            let got = sums(&data, w, channels, (1, 1), (w, h), (cells, cells));
            prop_assert_eq!(&got, &slow(&data, (w, h), channels, cells));
            for turn in Turn::ALL {
                let size = if turn.swaps() { (h, w) } else { (w, h) };
                let turned = turn.apply(&data, (w, h), channels);
                let again = sums(&turned, size.0, channels, (1, 1), size, (cells, cells));
                prop_assert_eq!(again, turn.apply(&got, (cells, cells), channels));
            }
        }

        #[test]
        fn coarse_samples_count_as_their_pixels(
            w in 1usize..30, h in 1usize..30, step in 1usize..9, cells in 1usize..6,
        ) {
            let columns = w.div_ceil(step);
            let coarse: Vec<u8> =
                (0..columns * h.div_ceil(step)).map(|i| (i * 53 % 251) as u8).collect();
            let fine: Vec<u8> = (0..w * h)
                .map(|i| coarse[i / w / step * columns + i % w / step])
                .collect();
            let got = sums(&coarse, columns, 1, (step, step), (w, h), (cells, cells));
            prop_assert_eq!(got, sums(&fine, w, 1, (1, 1), (w, h), (cells, cells)));
        }
    }
}
