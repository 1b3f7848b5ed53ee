"""From `sampling_strategy` to the number of rows of each class, as imbalanced-learn has it."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.multiclass import type_of_target

from tamis.exceptions import DataError, ParameterError

__all__ = ["CLEAN", "OVER", "UNDER", "classes_and_counts", "rows_by_class"]

#: What samplers do: rows are made, classes are cut to a size, or single rows are removed.
OVER, UNDER, CLEAN = "over", "under", "clean"

_WORDS = ("auto", "all", "majority", "minority", "not majority", "not minority")


def classes_and_counts(y: np.ndarray) -> dict[Any, int]:
    """Return the rows of each class, classes in order."""
    classes, counts = np.unique(y, return_counts=True)
    return dict(zip(classes.tolist(), counts.tolist(), strict=True))


def rows_by_class(strategy: Any, y: np.ndarray, kind: str) -> dict[Any, int]:
    """Return what is asked for, class by class in order.

    For over-sampling the rows to make, for under-sampling the rows to keep; for cleaning the
    classes alone count.
    """
    counts = classes_and_counts(y)
    if len(counts) < 2:
        raise DataError(
            f"the target 'y' needs to have more than 1 class: it has {len(counts)} class; "
            "there is nothing to balance"
        )
    if isinstance(strategy, str):
        found = _by_word(strategy, counts, kind)
    elif isinstance(strategy, Mapping):
        found = _by_dict(strategy, counts, kind)
    elif isinstance(strategy, list | tuple | np.ndarray):
        found = _by_list(strategy, counts, kind)
    elif isinstance(strategy, Real) and not isinstance(strategy, bool):
        found = _by_ratio(float(strategy), y, counts, kind)
    elif callable(strategy):
        found = _by_dict(strategy(y), counts, kind, called=True)
    else:
        raise ParameterError(
            "sampling_strategy must be a word, a number in (0, 1], a dict or a function "
            f"(for cleaning also a list); got {strategy!r}"
        )
    return dict(sorted(found.items()))


def _by_word(word: str, counts: dict[Any, int], kind: str) -> dict[Any, int]:
    if word not in _WORDS:
        raise ParameterError(f"sampling_strategy must be one of {_WORDS}; got {word!r}")
    refused = "majority" if kind == OVER else "minority"
    if word == refused:
        raise ParameterError(f"sampling_strategy={word!r} cannot be used with {kind}-sampling")
    most, least = max(counts, key=lambda c: counts[c]), min(counts, key=lambda c: counts[c])
    if word == "auto":
        word = "not majority" if kind == OVER else "not minority"
    taken = {
        "all": list(counts),
        "majority": [most],
        "minority": [least],
        "not majority": [c for c in counts if c != most],
        "not minority": [c for c in counts if c != least],
    }[word]
    if kind == OVER:
        return {c: counts[most] - counts[c] for c in taken}
    return dict.fromkeys(taken, counts[least])


def _check_known(classes: Any, counts: dict[Any, int]) -> None:
    strange = [c for c in classes if c not in counts]
    if strange:
        raise ParameterError(
            f"sampling_strategy names the class {strange[0]!r}, which is not present in y "
            f"(it has {', '.join(map(repr, list(counts)[:8]))})"
        )


def _by_dict(
    wanted: Mapping[Any, int], counts: dict[Any, int], kind: str, called: bool = False
) -> dict[Any, int]:
    if not isinstance(wanted, Mapping):
        raise ParameterError(f"sampling_strategy must return a dict; got {type(wanted).__name__}")
    if kind == CLEAN:
        raise ParameterError(
            "sampling_strategy as a dict says nothing to a method that removes single rows: give "
            "a list of the classes to clean"
            + (" (or a word), not a function that returns a dict" if called else "")
        )
    _check_known(wanted, counts)
    for label, n in wanted.items():
        if n < 0:
            raise ParameterError(f"sampling_strategy asks for {n} rows of class {label!r}")
        if kind == OVER and n < counts[label]:
            raise ParameterError(
                f"class {label!r} has {counts[label]} rows, and over-sampling cannot leave {n}: "
                "ask for at least as many"
            )
        if kind == UNDER and n > counts[label]:
            raise ParameterError(
                f"class {label!r} has {counts[label]} rows, and under-sampling cannot leave {n}: "
                "ask for at most as many"
            )
    if kind == OVER:
        return {c: int(n) - counts[c] for c, n in wanted.items()}
    return {c: int(n) for c, n in wanted.items()}


def _by_list(wanted: Any, counts: dict[Any, int], kind: str) -> dict[Any, int]:
    if kind != CLEAN:
        raise ParameterError("sampling_strategy may be a list for cleaning methods alone")
    classes = np.asarray(wanted).tolist() if isinstance(wanted, np.ndarray) else list(wanted)
    _check_known(classes, counts)
    return {c: min(counts.values()) for c in classes}


def _by_ratio(ratio: float, y: np.ndarray, counts: dict[Any, int], kind: str) -> dict[Any, int]:
    if not 0 < ratio <= 1:
        raise ParameterError(f"sampling_strategy as a number must lie in (0, 1]; got {ratio}")
    if kind == CLEAN:
        raise ParameterError("a method that removes single rows cannot reach a given ratio")
    if type_of_target(y) != "binary":
        raise ParameterError(
            "sampling_strategy can be a number only where the type of target is binary: give a "
            "dict for more classes"
        )
    most, least = max(counts, key=lambda c: counts[c]), min(counts, key=lambda c: counts[c])
    if kind == OVER:
        made = {c: int(counts[most] * ratio - n) for c, n in counts.items() if c != most}
        if any(n <= 0 for n in made.values()):
            raise ParameterError(
                f"the classes are at a ratio above {ratio} already: rows would have to be "
                "removed; give a greater number"
            )
        return made
    kept = {c: int(counts[least] / ratio) for c in counts if c != least}
    if any(n > counts[c] for c, n in kept.items()):
        raise ParameterError(
            f"the classes are at a ratio above {ratio} already: rows would have to be made; "
            "give a greater number"
        )
    return kept
