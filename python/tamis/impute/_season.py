"""The profile of a season: what each phase adds to the trend of a series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tamis._state import register
from tamis.exceptions import StateError
from tamis.impute._runs import Clock, Groups, Runs

__all__ = ["Season", "Steps", "learned", "steps_of"]

#: Rounds of filling the gaps by the profile and learning it anew.
_ROUNDS = 3
#: Series that are looked at for a period, the longest first.
_LOOK = 64
#: How far the correlation at the period must rise out of what is before it.
_RISE = 0.2


@dataclass(frozen=True)
class Steps:
    """How time is counted: in steps of so many days (or units), or of so many months."""

    start: float = 0.0
    size: float = 1.0
    months: int = 0

    def places(self, clock: Clock | None, runs: Runs) -> np.ndarray:
        """Return the step that each row stands at: its place in its series without a clock."""
        if clock is None:
            return runs.by_row(np.arange(len(runs)) - runs.ends[0])
        if self.months:
            month = np.floor(clock.days).astype("M8[D]").astype("M8[M]").astype(np.int64)
            return month // self.months
        return np.rint((clock.days - self.start) / self.size).astype(np.int64)


def steps_of(clock: Clock | None, runs: Runs) -> Steps:
    """Return the commonest step between the rows of a series."""
    if clock is None:
        return Steps()
    days = runs.sorted(clock.days)
    start = runs.ends[0]
    inside = start[1:] == start[:-1]
    gaps = np.diff(days)[inside]
    gaps = gaps[gaps > 0]
    if len(gaps) == 0:
        return Steps(float(clock.days.min()))
    middle = float(np.median(gaps))
    for months in (1, 3, 12) if clock.dates else ():
        if 28 * months <= middle <= 31 * months and months * 30 < middle + 6:
            return Steps(months=months)
    # What differs by rounding is one step.
    sizes, counts = np.unique(np.round(gaps, 9), return_counts=True)
    return Steps(float(clock.days.min()), float(sizes[np.argmax(counts)]))


@dataclass(frozen=True)
class Season:
    """The profile of all series, and those of the series that have enough rows for their own."""

    period: int
    common: np.ndarray
    keys: list[tuple[Any, ...]]
    own: np.ndarray

    def of(self, places: np.ndarray, groups: Groups | None) -> np.ndarray:
        """Return what the season adds in each row."""
        phase = places % self.period
        if groups is None or not self.keys:
            return self.common[phase]
        profiles = np.vstack([self.own, self.common])
        row = {key: i for i, key in enumerate(self.keys)}
        which = np.array([row.get(key, len(self.keys)) for key in groups.keys])
        return profiles[which[groups.codes], phase]


def learned(
    cells: np.ndarray, places: np.ndarray, groups: Groups | None, runs: Runs, period: int | None
) -> Season:
    """Return the season of a column: its period, unless it is given, and its profiles."""
    rough = runs.line(cells, None, None, nearest=True)
    if period is None:
        period = found_period(rough, runs)
    if period < 2:
        return Season(0, np.zeros(1), [], np.zeros((0, 1)))
    season = Season(period, np.zeros(period), [], np.zeros((0, period)))
    for _ in range(_ROUNDS):
        added = season.of(places, groups)
        full = runs.line(cells - added, None, None, nearest=True) + added
        apart = cells - _trend(full, runs, period)
        season = _profiles(apart, places % period, groups, period)
    return season


def _trend(full: np.ndarray, runs: Runs, period: int) -> np.ndarray:
    """Return the moving average over a period, NaN where the series does not reach so far."""
    values = runs.sorted(full)
    n, half = len(values), period // 2
    middle = np.nanmean(values) if np.isfinite(values).any() else 0.0
    sums = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values - middle))])
    at = np.arange(n)
    start, end = runs.ends
    inside = (at - half >= start) & (at + half <= end)
    low, high = np.clip(at - half, 0, n), np.clip(at + half + 1, 0, n)
    total = sums[high] - sums[low]
    if period % 2 == 0:  # both ends count by half
        ends = values[np.clip(at - half, 0, n - 1)] + values[np.clip(at + half, 0, n - 1)]
        total = total - (ends / 2 - middle)
    return runs.by_row(np.where(inside, total / period + middle, np.nan))


def _profiles(apart: np.ndarray, phase: np.ndarray, groups: Groups | None, period: int) -> Season:
    """Return the mean of each phase, about their mean."""
    there = ~np.isnan(apart)
    common, counts = _means(apart[there], phase[there], period)
    keys: list[tuple[Any, ...]] = []
    own = np.zeros((0, period))
    if groups is not None and groups.size > 1:
        cell = groups.codes[there] * period + phase[there]
        size = groups.size * period
        means, counts = _means(apart[there], cell, size)
        enough = (counts.reshape(-1, period) >= 2).all(axis=1)
        own = means.reshape(-1, period)[enough]
        own = own - own.mean(axis=1, keepdims=True)
        keys = [groups.keys[i] for i in np.flatnonzero(enough)]
    return Season(period, common - common.mean(), keys, own)


def _means(values: np.ndarray, cell: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    counts = np.bincount(cell, minlength=size)
    return np.bincount(cell, values, size) / np.maximum(counts, 1), counts


def found_period(full: np.ndarray, runs: Runs) -> int:
    """Return the lag at which a series is most like itself, or 0 where none stands out.

    It is looked for among the lags that fit three times into a series, in the correlations of
    what a straight line leaves, over the longest series.
    """
    values = runs.sorted(full)
    starts = np.unique(runs.ends[0])
    lengths = np.diff(np.append(starts, len(values)))
    longest = np.argsort(-lengths, kind="stable")[:_LOOK]
    reach = int(lengths[longest].max(initial=0)) // 3
    if reach < 2:
        return 0
    sums = np.zeros(reach + 2)
    for g in longest.tolist():
        part = values[starts[g] : starts[g] + lengths[g]]
        if len(part) < 6 or np.isnan(part).any():
            continue
        sums += _autocovariance(part, reach + 2)
    if sums[0] <= 0:
        return 0
    by_lag = sums / sums[0]
    lags = np.arange(2, reach + 1)
    peak = (by_lag[lags] >= by_lag[lags - 1]) & (by_lag[lags] > by_lag[lags + 1])
    rise = by_lag[lags] - np.minimum.accumulate(by_lag)[lags]
    good = peak & (rise > _RISE) & (by_lag[lags] > _RISE)
    if not good.any():
        return 0
    return int(lags[good][np.argmax(by_lag[lags][good])])


def _autocovariance(part: np.ndarray, lags: int) -> np.ndarray:
    n = len(part)
    line = np.polynomial.Polynomial.fit(np.arange(n), part, 1)
    apart = part - line(np.arange(n))
    power = np.abs(np.fft.rfft(apart, 2 * n)) ** 2
    found = np.fft.irfft(power)[:lags] if lags <= n else np.fft.irfft(power)[:n]
    out = np.zeros(lags)
    out[: len(found)] = found
    scale = float(np.abs(apart).max())
    # Constant series have nothing but rounding to say.
    return out if scale > 1e-9 * max(float(np.abs(part).max()), 1e-300) else np.zeros(lags)


def _check_season(season: Season) -> None:
    have = vars(season)
    period, common, own = have.get("period"), have.get("common"), have.get("own")
    good = isinstance(period, int) and period >= 0 and isinstance(have.get("keys"), list)
    good = good and isinstance(common, np.ndarray) and isinstance(own, np.ndarray)
    width = max(season.period, 1) if good else 0
    if not good or season.common.shape != (width,) or season.own.shape != (len(season.keys), width):
        raise StateError("a saved season is not whole: save the imputer again")


register(Season, check=_check_season)
register(Steps)
