"""Predictive mean matching: a missing cell takes what a row with a like prediction has."""

from __future__ import annotations

import numbers
from typing import Any, NamedTuple

import numpy as np

from tamis import _core, _threads
from tamis._state import register
from tamis.exceptions import ParameterError, StateError
from tamis.impute._rounds import Step

__all__ = ["Donors", "Matching", "check_donors"]


class Donors(NamedTuple):
    """What rows have in a column, beside what its regression says of them."""

    said: np.ndarray
    values: np.ndarray

    def take(self, wanted: np.ndarray, k: int, seed: int, epoch: int, threads: int) -> np.ndarray:
        """Return for each prediction the value of one of the `k` rows with the nearest ones."""
        wanted = np.ascontiguousarray(wanted, dtype=np.float64)
        said = np.ascontiguousarray(self.said, dtype=np.float64)
        return self.values[_core.match_donors(said, wanted, k, seed, epoch, threads)]


def check_donors(n_donors: Any, sample_posterior: bool) -> None:
    """Refuse numbers of donors that cannot be."""
    if n_donors is None:
        return
    if not isinstance(n_donors, numbers.Integral) or n_donors < 1:
        raise ParameterError(f"n_donors must be a whole number from 1; got {n_donors!r}")
    if sample_posterior:
        raise ParameterError("n_donors draws by itself: leave sample_posterior False")


class Matching:
    """What an imputer by chained equations needs to draw from donors."""

    sample_posterior: bool
    n_donors: int | None
    n_jobs: int | None
    random_state_: np.random.RandomState
    imputation_sequence_: list[Step]
    _donors: list[Donors | None]
    _seed: int
    _limits: tuple[np.ndarray, np.ndarray]

    @property
    def _pair(self) -> tuple[Any, Any]:
        raise NotImplementedError

    def _drawn(self, estimator: Any, cells: np.ndarray, column: int, dtype: Any) -> np.ndarray:
        raise NotImplementedError

    @property
    def _draws(self) -> bool:
        """Whether something is drawn, so that rounds never settle."""
        return bool(self.sample_posterior) or self.n_donors is not None

    def _drawn_seed(self) -> int:
        """Return a seed of draws of our own; scikit-learn's use the state itself."""
        if not isinstance(self._pair[0], str) and self.n_donors is None:
            return 0
        return int(self.random_state_.randint(2**31 - 1))

    def _found(self, place: int, cells: np.ndarray, column: int, seed: int) -> np.ndarray:
        """Return what a step of the sequence fills into rows of a column."""
        estimator, donors = self.imputation_sequence_[place].estimator, self._donors[place]
        if donors is None:
            return self._drawn(estimator, cells, column, cells.dtype)
        return self._taken(donors, estimator.predict(cells), column, seed, place)

    def _match(
        self, said: np.ndarray, values: np.ndarray, wanted: np.ndarray, column: int
    ) -> np.ndarray:
        """Keep the donors of the step to come, and return what they give."""
        place = len(self.imputation_sequence_)
        self._donors.append(Donors(said, values))
        return self._taken(Donors(said, values), wanted, column, self._seed, place)

    def _taken(
        self, donors: Donors, wanted: np.ndarray, column: int, seed: int, place: int
    ) -> np.ndarray:
        n, threads = int(self.n_donors or 1), _threads.resolve(self.n_jobs)
        low, high = self._limits[0][column], self._limits[1][column]
        return np.clip(donors.take(wanted, n, seed, place, threads), low, high)


def _give(state: dict[str, Any]) -> Donors:
    said, values = state.get("said"), state.get("values")
    arrays = isinstance(said, np.ndarray) and isinstance(values, np.ndarray)
    if not arrays or said.shape != values.shape or said.ndim != 1:  # type: ignore[union-attr]
        raise StateError("saved donors are not whole: save the imputer again")
    return Donors(said, values)  # type: ignore[arg-type]


register(Donors, take=lambda donors: donors._asdict(), give=_give)
