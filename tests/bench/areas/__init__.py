"""One file an area: its tasks, each with its peers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One task.

    `data(rng)` makes the input from a NumPy generator. A peer is `prepare(threads)`, which does
    its imports and returns `call(data)`; the peer "tamis" must be there, and the others are named
    by their package, with what sets them apart in brackets after it. `quality(data, result)` gives
    one number, whose meaning `measure` names.
    """

    task: str
    data: Callable[[Any], Any]
    peers: dict[str, Callable[[int], Callable[[Any], Any]]]
    quality: Callable[[Any, Any], float]
    measure: str
