//! Many series in one table: the values before and after each row, and lines between them.
//!
//! One pass over the rows in the order of time, with the last value of every series at hand: the
//! rows of a series need not stand together.

use ndarray::ArrayView1;

use crate::base::{Ctx, Error, Result};

/// Rows between two looks at the stop flag.
const LOOK: usize = 1 << 16;
/// No row.
const NONE: usize = usize::MAX;

/// The rows of a table by series and by time.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    n_rows: usize,
    codes: Option<ArrayView1<'a, i64>>,
    n_series: usize,
    order: Option<ArrayView1<'a, i64>>,
}

/// The nearest row on one side that has a value, and how many rows of the series it is away.
type Side = Vec<(usize, usize)>;

impl<'a> Series<'a> {
    /// Rows whose series is `codes[row] < n_series` (one series where there are none), in the
    /// order of time where they do not stand so.
    pub fn new(
        n_rows: usize,
        codes: Option<ArrayView1<'a, i64>>,
        n_series: usize,
        order: Option<ArrayView1<'a, i64>>,
    ) -> Result<Self> {
        for (what, told, end) in [("series", codes, n_series), ("order", order, n_rows)] {
            let Some(told) = told else { continue };
            let inside = |v: &i64| usize::try_from(*v).is_ok_and(|v| v < end);
            if told.len() != n_rows || !told.iter().all(inside) {
                return Err(Error::Shape(format!(
                    "the {what} of the rows does not fit {n_rows} rows"
                )));
            }
        }
        let n_series = if codes.is_some() { n_series } else { 1 };
        Ok(Series { n_rows, codes, n_series, order })
    }

    /// What stands before every row (or after it): the row itself where its cell is `there`.
    fn side(&self, ctx: &Ctx, there: impl Fn(usize) -> bool, after: bool) -> Result<Side> {
        let mut last = vec![(NONE, 0); self.n_series];
        let mut out = vec![(NONE, 0); self.n_rows];
        for step in 0..self.n_rows {
            if step % LOOK == 0 {
                ctx.check()?;
            }
            let place = if after { self.n_rows - 1 - step } else { step };
            let row = self.order.map_or(place, |order| order[place] as usize);
            let own = &mut last[self.codes.map_or(0, |codes| codes[row] as usize)];
            *own = if there(row) { (row, 0) } else { (own.0, own.1 + 1) };
            out[row] = *own;
        }
        Ok(out)
    }
}

fn within(side: (usize, usize), limit: usize) -> Option<usize> {
    (side.0 != NONE && side.1 <= limit).then_some(side.0)
}

/// The row that every missing cell takes its value from: the last one before it that has one (or
/// the next one after it), at most `limit` rows away; -1 where there is none, and the row itself
/// where nothing is missing. With `nearest`, where no value stands on that side at all, the other.
pub fn sources(
    ctx: &Ctx,
    series: Series,
    missing: ArrayView1<bool>,
    after: bool,
    limit: Option<usize>,
    nearest: bool,
) -> Result<Vec<i64>> {
    check_length(&series, missing.len())?;
    let limit = limit.unwrap_or(usize::MAX);
    let there = |row: usize| !missing[row];
    let one = series.side(ctx, there, after)?;
    let other = if nearest { Some(series.side(ctx, there, !after)?) } else { None };
    let source = |row: usize| match (&other, one[row].0) {
        (Some(other), NONE) => within(other[row], limit),
        _ => within(one[row], limit),
    };
    Ok((0..series.n_rows).map(|row| source(row).map_or(-1, |r| r as i64)).collect())
}

/// Values with straight lines over the gaps, by `days` or by row, for at most `limit` cells after
/// a value. With `nearest`, what is before the first value or after the last takes it.
pub fn lines(
    ctx: &Ctx,
    series: Series,
    values: ArrayView1<f64>,
    days: Option<ArrayView1<f64>>,
    limit: Option<usize>,
    nearest: bool,
) -> Result<Vec<f64>> {
    check_length(&series, values.len())?;
    if let Some(days) = days {
        check_length(&series, days.len())?;
    }
    let limit = limit.unwrap_or(usize::MAX);
    let there = |row: usize| !values[row].is_nan();
    let before = series.side(ctx, there, false)?;
    let after = series.side(ctx, there, true)?;
    let fill = |row: usize| {
        let (left, right) = (before[row], after[row]);
        match (left.0, right.0) {
            _ if there(row) => Some(values[row]),
            (NONE, NONE) => None,
            (NONE, _) => within(right, limit).filter(|_| nearest).map(|r| values[r]),
            (_, NONE) => within(left, limit).filter(|_| nearest).map(|r| values[r]),
            (a, b) => within(left, limit).map(|_| {
                let (past, span) = match days {
                    Some(days) => (days[row] - days[a], days[b] - days[a]),
                    None => (left.1 as f64, (left.1 + right.1) as f64),
                };
                values[a] + past / if span > 0.0 { span } else { 1.0 } * (values[b] - values[a])
            }),
        }
    };
    Ok((0..series.n_rows).map(|row| fill(row).unwrap_or(f64::NAN)).collect())
}

fn check_length(series: &Series, n: usize) -> Result<()> {
    if n == series.n_rows {
        return Ok(());
    }
    Err(Error::Shape(format!("{n} cells do not fit {} rows", series.n_rows)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Stream;
    use ndarray::Array1;
    use proptest::prelude::*;

    struct Table {
        codes: Array1<i64>,
        order: Array1<i64>,
        values: Array1<f64>,
        days: Array1<f64>,
    }

    fn table(seed: u64, n: usize, n_series: u64) -> Table {
        let mut s = Stream::new(seed, 0, 0, 0);
        let codes = Array1::from_shape_fn(n, |_| s.below(n_series) as i64);
        let values =
            Array1::from_shape_fn(
                n,
                |_| {
                    if s.unit() < 0.5 { f64::NAN } else { s.below(100) as f64 }
                },
            );
        let days = Array1::from_shape_fn(n, |_| s.below(1 << 30) as f64);
        let mut order: Vec<i64> = (0..n as i64).collect();
        order.sort_by(|&a, &b| days[a as usize].total_cmp(&days[b as usize]));
        Table { codes, order: order.into(), values, days }
    }

    impl Table {
        fn series(&self, n_series: u64) -> Series<'_> {
            let (codes, order) = (self.codes.view(), self.order.view());
            Series::new(self.values.len(), Some(codes), n_series as usize, Some(order)).unwrap()
        }

        /// The rows of one series in the order of time, and the place of a row among them.
        fn rows_of(&self, row: usize) -> (Vec<usize>, usize) {
            let mine = |&&r: &&i64| self.codes[r as usize] == self.codes[row];
            let rows: Vec<usize> = self.order.iter().filter(mine).map(|&r| r as usize).collect();
            let place = rows.iter().position(|&r| r == row).unwrap();
            (rows, place)
        }

        fn there(&self, row: usize) -> bool {
            !self.values[row].is_nan()
        }
    }

    proptest! {
        #[test]
        fn one_pass_is_looking_left_and_right(
            seed in any::<u64>(), n in 0usize..40, n_series in 1u64..5,
            limit in prop::option::of(1usize..4), nearest in any::<bool>(), after in any::<bool>(),
        ) {
            let t = table(seed, n, n_series);
            let ctx = Ctx::new(1);
            let missing = t.values.mapv(f64::is_nan);
            let got =
                sources(&ctx, t.series(n_series), missing.view(), after, limit, nearest).unwrap();
            let days = Some(t.days.view());
            let drawn = lines(&ctx, t.series(n_series), t.values.view(), days, limit, nearest);
            let drawn = drawn.unwrap();
            let far = limit.unwrap_or(usize::MAX);
            for row in 0..n {
                let (rows, at) = t.rows_of(row);
                let left = (0..=at).rev().find(|&p| t.there(rows[p]));
                let right = (at..rows.len()).find(|&p| t.there(rows[p]));
                let near = |p: usize| (p.abs_diff(at) <= far).then_some(rows[p]);
                let (one, other) = if after { (right, left) } else { (left, right) };
                let want = match (one, other) {
                    (Some(p), _) => near(p),
                    (None, Some(p)) if nearest => near(p),
                    _ => None,
                };
                prop_assert_eq!(got[row], want.map_or(-1, |r| r as i64));
                let want = match (left, right) {
                    _ if t.there(row) => Some(t.values[row]),
                    (Some(a), Some(b)) => near(a).map(|_| {
                        let (a, b) = (rows[a], rows[b]);
                        let span = (t.days[b] - t.days[a]).max(f64::MIN_POSITIVE);
                        let share = (t.days[row] - t.days[a]) / span;
                        t.values[a] + share * (t.values[b] - t.values[a])
                    }),
                    (Some(p), None) | (None, Some(p)) if nearest => near(p).map(|r| t.values[r]),
                    _ => None,
                };
                let want = want.unwrap_or(f64::NAN);
                prop_assert!(drawn[row] == want || (drawn[row].is_nan() && want.is_nan()));
            }
        }
    }

    #[test]
    fn by_hand() {
        let values = ndarray::array![f64::NAN, 1.0, f64::NAN, f64::NAN, 4.0, f64::NAN];
        let one = Series::new(6, None, 0, None).unwrap();
        let ctx = Ctx::new(1);
        let bits = |v: Vec<f64>| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let got = lines(&ctx, one, values.view(), None, None, true).unwrap();
        assert_eq!(bits(got), bits(vec![1.0, 1.0, 2.0, 3.0, 4.0, 4.0]));
        let missing = values.mapv(f64::is_nan);
        let got = sources(&ctx, one, missing.view(), false, Some(1), false).unwrap();
        assert_eq!(got, [-1, 1, 1, -1, 4, 4]);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_it_stops() {
        let (codes, values) = (ndarray::array![0, 3], ndarray::array![1.0, f64::NAN]);
        let refused =
            |n, codes, order| matches!(Series::new(n, codes, 3, order), Err(Error::Shape(_)));
        assert!(refused(2, Some(codes.view()), None));
        assert!(refused(3, None, Some(codes.view())));
        assert!(refused(2, None, Some(ndarray::array![0, -1].view())));
        let two = Series::new(2, None, 0, None).unwrap();
        let ctx = Ctx::new(1);
        let short = lines(&ctx, two, values.slice(ndarray::s![..1]), None, None, true);
        assert!(matches!(short, Err(Error::Shape(_))));
        ctx.stop();
        assert_eq!(lines(&ctx, two, values.view(), None, None, true), Err(Error::Stopped));
    }
}
