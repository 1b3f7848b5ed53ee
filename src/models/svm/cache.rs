//! Rows of kernel values, kept while there is room; the one not used for longest makes way.

use std::collections::VecDeque;

/// Values by row, in single precision.
pub(super) struct Cache {
    rows: Vec<Vec<f32>>,
    /// When each row was last asked for; zero where it is not here.
    used: Vec<u64>,
    clock: u64,
    /// Rows by when they were asked for; all but the last entry of a row are stale.
    queue: VecDeque<(u64, u32)>,
    /// Values held, and how many there is room for.
    held: usize,
    room: usize,
}

impl Cache {
    /// A cache for `n` rows in about `bytes`, but never too small for two rows of `n` values.
    pub(super) fn new(n: usize, bytes: usize) -> Cache {
        let room = (bytes / size_of::<f32>()).max(2 * n);
        Cache {
            rows: vec![Vec::new(); n],
            used: vec![0; n],
            clock: 0,
            queue: VecDeque::new(),
            held: 0,
            room,
        }
    }

    /// How many values of row `i` are here.
    pub(super) fn len(&self, i: usize) -> usize {
        self.rows[i].len()
    }

    pub(super) fn row(&self, i: usize) -> &[f32] {
        &self.rows[i]
    }

    /// Marks row `i` as in use.
    pub(super) fn touch(&mut self, i: usize) {
        self.clock += 1;
        self.used[i] = self.clock;
        self.queue.push_back((self.clock, i as u32));
        if self.queue.len() > 8 * self.used.len() {
            let used = &self.used;
            self.queue.retain(|&(when, k)| used[k as usize] == when);
        }
    }

    /// The row not asked for for longest, but `keep`; none if there is no other.
    fn oldest(&mut self, keep: usize) -> Option<usize> {
        let mut kept = None;
        let mut found = None;
        while let Some((when, k)) = self.queue.pop_front() {
            let row = k as usize;
            if self.used[row] != when || self.rows[row].is_empty() {
                continue;
            }
            if row != keep {
                found = Some(row);
                break;
            }
            kept = Some((when, k));
        }
        if let Some(entry) = kept {
            self.queue.push_front(entry);
        }
        found
    }

    /// Takes row `i` out, to be made `len` long and [`Cache::put`] back. Others make way for it, all
    /// but `keep`.
    pub(super) fn take(&mut self, i: usize, len: usize, keep: usize) -> Vec<f32> {
        let mut row = std::mem::take(&mut self.rows[i]);
        self.held -= row.len();
        let mut spare = Vec::new();
        while self.held + len > self.room {
            let Some(old) = self.oldest(keep) else { break };
            spare = std::mem::take(&mut self.rows[old]);
            self.held -= spare.len();
        }
        if row.is_empty() && spare.capacity() >= len {
            spare.clear();
            row = spare;
        }
        row.reserve_exact(len.saturating_sub(row.len()));
        row
    }

    pub(super) fn put(&mut self, i: usize, row: Vec<f32>) {
        self.held += row.len();
        self.rows[i] = row;
        self.touch(i);
    }

    /// Keeps of each row the values at `places` (rising), in their order.
    pub(super) fn narrow(&mut self, places: &[u32]) {
        self.held = 0;
        for row in &mut self.rows {
            let kept = places.partition_point(|&p| (p as usize) < row.len());
            for (to, &from) in places[..kept].iter().enumerate() {
                row[to] = row[from as usize];
            }
            row.truncate(kept);
            row.shrink_to_fit();
            self.held += kept;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_way() {
        let mut cache = Cache::new(4, 0);
        for i in 0..3 {
            let mut row = cache.take(i, 4, 9);
            row.resize(4, i as f32);
            cache.put(i, row);
        }
        assert_eq!((0..4).map(|i| cache.len(i)).collect::<Vec<_>>(), [0, 4, 4, 0]);
        cache.touch(1);
        let row = cache.take(3, 4, 2);
        cache.put(3, [row, vec![7.0; 4]].concat());
        assert_eq!((cache.len(1), cache.row(2), cache.row(3)), (0, &[2.0; 4][..], &[7.0; 4][..]));
        cache.narrow(&[1, 3]);
        assert_eq!((cache.row(3), cache.held), (&[7.0; 2][..], 4));
    }
}
