"""NumPy's random states as plain values."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis.exceptions import StateError

__all__ = ["make_random_state", "random_state"]


def random_state(
    obj: np.random.RandomState | np.random.Generator, where: str
) -> tuple[str, dict[str, Any]]:
    """Return the name and the state of a random state."""
    if isinstance(obj, np.random.RandomState):
        name, state = "RandomState", obj.get_state(legacy=False)
    else:
        name, state = "Generator", dict(obj.bit_generator.state)
    if state["bit_generator"] != _BITS[name]:
        raise StateError(f"{where}: a {name} on {state['bit_generator']} cannot be saved")
    return name, state


def make_random_state(name: Any, state: Any) -> Any:
    """Return the random state; what NumPy itself does not check is checked here."""
    if (
        name not in _BITS
        or not isinstance(state, dict)
        or state.get("bit_generator") != _BITS[name]
    ):
        raise StateError("a random state is of an unknown kind")
    if name == "Generator":
        made = np.random.Generator(np.random.PCG64(0))
        made.bit_generator.state = state
        return made
    inner = state.get("state")
    key, pos = (inner.get("key"), inner.get("pos")) if isinstance(inner, dict) else (None, None)
    good = isinstance(key, np.ndarray) and key.shape == (624,) and key.dtype == np.uint32
    if not good or type(pos) is not int or not 0 <= pos <= 624:
        raise StateError("a random state is malformed")
    legacy = np.random.RandomState(0)
    legacy.set_state(state)
    return legacy


#: What each kind runs on.
_BITS = {"RandomState": "MT19937", "Generator": "PCG64"}
