"""From `random_state` to seeds. One state gives one base seed; what needs its own derives it."""

from __future__ import annotations

import hashlib

import numpy as np
from sklearn.utils import check_random_state


def base_seed(random_state: int | np.random.RandomState | None) -> int:
    """Return a 64-bit seed: the number itself, or a draw from the state given."""
    if isinstance(random_state, int | np.integer):
        if random_state < 0:
            check_random_state(random_state)  # scikit-learn's own message
        return int(random_state)
    return int(check_random_state(random_state).randint(0, 2**31 - 1))


def derive(seed: int, *key: object) -> int:
    """Return a seed below 2**31 that depends on `seed` and the key alone (names, numbers)."""
    text = "\x1f".join([str(seed), *(str(part) for part in key)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little") >> 1
