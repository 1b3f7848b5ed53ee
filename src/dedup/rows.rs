//! Equal rows of a table of typed columns: hashed, then confirmed by their values.

use crate::base::{Ctx, Error, Result, par};
pub use crate::dedup::cells::Text;
use crate::dedup::cells::{Column, check_lengths};

/// Rows that are hashed and put into parts at a time, as a power of two.
const CHUNK_BITS: u32 = 13;
const CHUNK: usize = 1 << CHUNK_BITS;
/// Rows of one part of the hash table, about: its entries stay in the cache.
const PART: usize = 1024;
const EMPTY: u32 = u32::MAX;

/// A row and the first row that equals it.
type Match = (u32, u32);

/// A chunk of rows ordered by the part they belong to, and where parts start.
struct Parted {
    /// The hash of each row without its high bits, which the part has, then its place in the chunk.
    entries: Vec<u64>,
    starts: Vec<u32>,
}

impl Parted {
    fn of(&self, part: usize) -> &[u64] {
        &self.entries[self.starts[part] as usize..self.starts[part + 1] as usize]
    }
}

/// The group of each row: rows equal in every column share one, numbered from 0 in order of first
/// appearance.
///
/// Hashes alone make the groups; then each row is compared with the first of its group, a column
/// at a time. Should any two differ, grouping starts anew and compares wherever hashes are equal.
pub fn equal_rows(ctx: &Ctx, n_rows: usize, columns: &[Column]) -> Result<Vec<i64>> {
    check_lengths(n_rows, columns)?;
    let hashed = |start: usize, out: &mut [u64]| hash_rows(ctx, columns, start, out);
    let mut group = first_of(ctx, n_rows, hashed, |_, _| true)?;
    let matches = number(ctx, &mut group)?;
    if confirmed(ctx, &matches, columns)? {
        return Ok(group);
    }
    let by_value = |i, j| columns.iter().all(|c| c.all_equal(&[(i, j)]));
    group = first_of(ctx, n_rows, hashed, by_value)?;
    number(ctx, &mut group)?;
    Ok(group)
}

/// The first row of each group.
pub fn first_rows(group: &[i64]) -> Vec<u32> {
    let mut first = Vec::new();
    for (row, &g) in (0u32..).zip(group) {
        if g == first.len() as i64 {
            first.push(row);
        }
    }
    first
}

/// The hash of each row from `start`, by content: equal rows have equal hashes.
pub fn hash_rows(ctx: &Ctx, columns: &[Column], start: usize, out: &mut [u64]) -> Result<()> {
    out.fill(0);
    for column in columns {
        ctx.check()?;
        column.mix(start, out);
    }
    Ok(())
}

/// For each item the first that has its hash and equals it.
pub fn group(
    ctx: &Ctx,
    hashes: &[u64],
    equal: impl Fn(usize, usize) -> bool + Sync + Send,
) -> Result<Vec<usize>> {
    let given = |start: usize, out: &mut [u64]| {
        out.copy_from_slice(&hashes[start..start + out.len()]);
        Ok(())
    };
    let first = first_of(ctx, hashes.len(), given, |i, j| equal(i as usize, j as usize))?;
    Ok(first.into_iter().map(|i| i as usize).collect())
}

/// For each row the first row of its hash that is `equal` to it.
fn first_of(
    ctx: &Ctx,
    n_rows: usize,
    hashed: impl Fn(usize, &mut [u64]) -> Result<()> + Sync + Send,
    equal: impl Fn(u32, u32) -> bool + Sync + Send,
) -> Result<Vec<i64>> {
    if n_rows >= EMPTY as usize {
        return Err(Error::Shape(format!("{n_rows} rows are too many: there may be 4294967294")));
    }
    let parts = (n_rows / PART).next_power_of_two().clamp(1, 1024);
    let chunks: Vec<Parted> = par::map_chunks(ctx, n_rows, CHUNK, |start, end| {
        let mut hashes = vec![0; end - start];
        hashed(start, &mut hashes)?;
        Ok(parted(&hashes, parts))
    })?
    .into_iter()
    .collect::<Result<_>>()?;
    let found = par::map(ctx, parts, |p| first_in_part(ctx, &chunks, p, &equal))?;
    let mut first: Vec<i64> = (0..n_rows as i64).collect();
    for matches in found {
        for (row, other) in matches? {
            first[row as usize] = i64::from(other);
        }
    }
    Ok(first)
}

/// The rows of a chunk, ordered by the high bits of their hash.
fn parted(hashes: &[u64], parts: usize) -> Parted {
    let part = |h: u64| ((u128::from(h) * parts as u128) >> 64) as usize;
    let mut starts = vec![0u32; parts + 1];
    for &h in hashes {
        starts[part(h) + 1] += 1;
    }
    for p in 0..parts {
        starts[p + 1] += starts[p];
    }
    let mut next = starts.clone();
    let mut entries = vec![0; hashes.len()];
    for (place, &h) in (0u64..).zip(hashes) {
        let at = &mut next[part(h)];
        entries[*at as usize] = h << CHUNK_BITS | place;
        *at += 1;
    }
    Parted { entries, starts }
}

/// The rows of a part that equal an earlier one, with the first of these: linear probing.
fn first_in_part(
    ctx: &Ctx,
    chunks: &[Parted],
    part: usize,
    equal: impl Fn(u32, u32) -> bool,
) -> Result<Vec<Match>> {
    let n: usize = chunks.iter().map(|c| c.of(part).len()).sum();
    let slots = (n * 2).next_power_of_two();
    let mut table: Vec<(u64, u32)> = vec![(0, EMPTY); slots];
    let mut out = Vec::new();
    let mut looked = 0usize;
    let numbered = (0u32..).step_by(CHUNK).zip(chunks);
    let entries = numbered.flat_map(|(start, c)| c.of(part).iter().map(move |&e| (start, e)));
    for (start, entry) in entries {
        let (h, row) = (entry >> CHUNK_BITS, start + (entry % CHUNK as u64) as u32);
        let mut slot = h as usize & (slots - 1);
        loop {
            looked += 1;
            if looked.is_multiple_of(CHUNK) {
                ctx.check()?;
            }
            let (seen, first) = table[slot];
            if first == EMPTY {
                table[slot] = (h, row);
                break;
            }
            if seen == h && equal(first, row) {
                out.push((row, first));
                break;
            }
            slot = (slot + 1) & (slots - 1);
        }
    }
    Ok(out)
}

/// True if the rows of each match are equal.
///
/// A column is done before the next: what has been read of it is still near.
fn confirmed(ctx: &Ctx, matches: &[Match], columns: &[Column]) -> Result<bool> {
    for column in columns {
        let equal = par::map_chunks(ctx, matches.len(), CHUNK, |start, end| {
            column.all_equal(&matches[start..end])
        })?;
        if !equal.into_iter().all(|ok| ok) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Turns the first row of each row's group into the number of the group, in place; returns each row
/// that is not the first with the one that is.
fn number(ctx: &Ctx, group: &mut [i64]) -> Result<Vec<Match>> {
    let mut matches = Vec::new();
    let mut n_groups = 0;
    for row in 0..group.len() {
        if row.is_multiple_of(CHUNK) {
            ctx.check()?;
        }
        let first = group[row] as usize;
        if first == row {
            group[row] = n_groups;
            n_groups += 1;
        } else {
            group[row] = group[first];
            matches.push((row as u32, first as u32));
        }
    }
    Ok(matches)
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayView1;
    use proptest::prelude::*;

    use super::*;
    use crate::dedup::cells::{Cells, Text, Views};

    fn first_equal(ctx: &Ctx, n_rows: usize, columns: &[Column]) -> Result<Vec<usize>> {
        let group = equal_rows(ctx, n_rows, columns)?;
        let first = first_rows(&group);
        Ok(group.iter().map(|&g| first[g as usize] as usize).collect())
    }

    fn column<'a>(cells: Cells<'a>) -> Column<'a> {
        Column { cells, missing: None }
    }

    fn slow(n: usize, equal: impl Fn(usize, usize) -> bool) -> Vec<usize> {
        (0..n).map(|i| (0..i).find(|&j| equal(j, i)).unwrap_or(i)).collect()
    }

    #[test]
    fn numbers_are_equal_by_value_in_their_own_type() {
        let x = [f64::NAN, 0.0, -0.0, -f64::NAN, 1.0];
        let cells = Cells::F64(ArrayView1::from(&x));
        assert_eq!(first_equal(&Ctx::new(1), 5, &[column(cells)]).unwrap(), [0, 1, 1, 0, 4]);
        let big = [1i64 << 53, (1 << 53) + 1, 1 << 53];
        let cells = Cells::I64(ArrayView1::from(&big));
        assert_eq!(first_equal(&Ctx::new(1), 3, &[column(cells)]).unwrap(), [0, 1, 0]);
    }

    #[test]
    fn missing_equals_missing_whatever_lies_beneath() {
        let x = [1i64, 2, 0];
        let gone = [true, true, false];
        let c = Column {
            cells: Cells::I64(ArrayView1::from(&x)),
            missing: Some(ArrayView1::from(&gone)),
        };
        assert_eq!(first_equal(&Ctx::new(1), 3, &[c]).unwrap(), [0, 0, 2]);
    }

    #[test]
    fn a_hash_alone_is_never_trusted() {
        let ctx = Ctx::new(1);
        let values = [5i64, 6, 5, 7, 6, 5];
        let all_the_same = |_: usize, out: &mut [u64]| {
            out.fill(42);
            Ok(())
        };
        let by_hash = first_of(&ctx, 6, all_the_same, |_, _| true).unwrap();
        assert_eq!(by_hash, [0; 6]);
        let x = [column(Cells::I64(ArrayView1::from(&values)))];
        let matches = |first: &[i64]| number(&ctx, &mut first.to_vec()).unwrap();
        assert!(!confirmed(&ctx, &matches(&by_hash), &x).unwrap());
        let by_value = |i, j| x[0].all_equal(&[(i, j)]);
        let got = first_of(&ctx, 6, all_the_same, by_value).unwrap();
        assert_eq!(got, [0, 1, 0, 3, 1, 0]);
        assert!(confirmed(&ctx, &matches(&got), &x).unwrap());
    }

    #[test]
    fn no_rows_no_columns_and_wrong_shapes() {
        let ctx = Ctx::new(1);
        assert!(first_equal(&ctx, 0, &[]).unwrap().is_empty());
        assert_eq!(first_equal(&ctx, 3, &[]).unwrap(), [0, 0, 0]);
        let x = [1i64];
        let short = column(Cells::I64(ArrayView1::from(&x)));
        assert!(matches!(first_equal(&ctx, 2, &[short]), Err(Error::Shape(_))));
        assert!(Text::new(&[], b"").is_err());
        assert!(Text::new(&[0, 3], b"ab").is_err());
        assert!(Text::new(&[0, 2, 1], b"ab").is_err());
        assert!(Text::new(&[-1, 2], b"ab").is_err());
        assert!(Views::new(&[0; 15], &[]).is_err());
    }

    #[test]
    fn views_are_read_where_they_are() {
        let long = b"..twelve and more".as_slice();
        let view = |len: u32, rest: [u32; 3]| -> Vec<u8> {
            [[len].as_slice(), &rest].concat().iter().flat_map(|w| w.to_le_bytes()).collect()
        };
        let prefix = u32::from_le_bytes(*b"twel");
        let views = [
            view(2, [u32::from_le_bytes(*b"ab\0\0"), 0, 0]),
            view(15, [prefix, 0, 2]),
            view(15, [prefix, 1, 0]),
            view(3, [u32::from_le_bytes(*b"ab\0\0"), 0, 0]),
            view(15, [prefix, 9, 0]), // no such buffer: empty, no panic
            view(0, [0, 0, 0]),
        ];
        let (views, buffers) = (views.concat(), [long, &long[2..]]);
        let text = Cells::Views(Views::new(&views, &buffers).unwrap());
        let got = first_equal(&Ctx::new(1), 6, &[column(text)]).unwrap();
        assert_eq!(got, [0, 1, 1, 3, 4, 4]);
    }

    #[test]
    fn it_stops() {
        let ctx = Ctx::new(1);
        ctx.stop();
        let x = vec![0i64; 100];
        let cells = Cells::I64(ArrayView1::from(&x));
        assert_eq!(first_equal(&ctx, 100, &[column(cells)]), Err(Error::Stopped));
    }

    #[test]
    fn many_rows_on_any_number_of_threads() {
        let n = 50_000usize;
        let x: Vec<u64> = (0..n as u64).map(|i| i * i % 7919).collect();
        let cells = Cells::U64(ArrayView1::from(&x));
        let one = first_equal(&Ctx::new(1), n, &[column(cells)]).unwrap();
        for threads in [2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let got = pool.install(|| first_equal(&Ctx::new(threads), n, &[column(cells)]));
            assert_eq!(got.unwrap(), one);
        }
        let mut seen = std::collections::HashMap::new();
        for (i, &f) in one.iter().enumerate() {
            assert_eq!(f, *seen.entry(x[i]).or_insert(i));
        }
    }

    proptest! {
        #[test]
        fn rows_are_those_of_the_slow_search(
            rows in prop::collection::vec(
                (0u8..3, prop::option::of(0i64..3), "[ab]{0,2}", any::<bool>()), 0..60)
        ) {
            let floats: Vec<f32> =
                rows.iter().map(|r| [0.0, -0.0, f32::NAN][r.0 as usize]).collect();
            let ints: Vec<i64> = rows.iter().map(|r| r.1.unwrap_or(7)).collect();
            let gone: Vec<bool> = rows.iter().map(|r| r.1.is_none()).collect();
            let bools: Vec<bool> = rows.iter().map(|r| r.3).collect();
            let bytes: Vec<u8> = rows.iter().flat_map(|r| r.2.bytes()).collect();
            let mut offsets = vec![0i64];
            for r in &rows {
                offsets.push(offsets[offsets.len() - 1] + r.2.len() as i64);
            }
            let columns = [
                column(Cells::F32(ArrayView1::from(&floats))),
                Column {
                    cells: Cells::I64(ArrayView1::from(&ints)),
                    missing: Some(ArrayView1::from(&gone)),
                },
                column(Cells::Text(Text::new(&offsets, &bytes).unwrap())),
                column(Cells::Bool(ArrayView1::from(&bools))),
            ];
            let key = |i: usize| {
                let r: &(u8, Option<i64>, String, bool) = &rows[i];
                (r.0 == 2, r.1, r.2.clone(), r.3)
            };
            let got = first_equal(&Ctx::new(1), rows.len(), &columns).unwrap();
            prop_assert_eq!(got, slow(rows.len(), |i, j| key(i) == key(j)));
        }
    }
}
