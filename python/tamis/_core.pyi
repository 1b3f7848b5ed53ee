"""Types of the kernels. One section an area; checked against the module by stubtest."""

from collections.abc import Callable
from typing import Any, final

__version__: str
DEBUG_BUILD: bool

_Progress = Callable[[int, int], object] | None

# --- run ---------------------------------------------------------------------------------------

@final
class Scope:
    def __new__(cls) -> Scope: ...
    def stop(self) -> None: ...
    @property
    def stopped(self) -> bool: ...
    def __enter__(self) -> Scope: ...
    def __exit__(self, *_exc: Any) -> None: ...

def _spin(
    seconds: float, n_jobs: int = 1, fail: bool = False, progress: _Progress = None
) -> int: ...

# --- dedup -------------------------------------------------------------------------------------

# --- impute ------------------------------------------------------------------------------------

# --- models ------------------------------------------------------------------------------------

# --- outlier -----------------------------------------------------------------------------------

# --- trees -------------------------------------------------------------------------------------
