"""Types of the kernels. One section an area; checked against the module by stubtest."""

from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__version__: str
DEBUG_BUILD: bool

_Progress = Callable[[int, int], object] | None
_Matrix = NDArray[np.float32] | NDArray[np.float64]

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

# --- arrays ------------------------------------------------------------------------------------

def find_infinite(
    x: _Matrix, refuse_missing: bool = False, n_jobs: int = 1
) -> tuple[int, int] | None: ...

# --- dedup -------------------------------------------------------------------------------------

_Cells = np.ndarray | tuple[np.ndarray, np.ndarray]

def first_equal_rows(
    n_rows: int,
    columns: Sequence[tuple[_Cells, np.ndarray | None]],
    n_jobs: int = 1,
    progress: _Progress = None,
) -> np.ndarray: ...
def text_buffers(cells: Sequence[object]) -> tuple[np.ndarray, np.ndarray]: ...

# --- impute ------------------------------------------------------------------------------------

def column_statistics(
    x: _Matrix, strategy: str, missing: float, n_jobs: int = 1, progress: _Progress = None
) -> NDArray[np.float64]: ...
def integer_modes(
    x: NDArray[np.int64] | NDArray[np.uint64],
    missing: int | None,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> list[int | None]: ...
def fill_missing(
    x: _Matrix,
    values: NDArray[np.float64],
    missing: float,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> None: ...
def knn_impute(
    fit: _Matrix, x: _Matrix, k: int, weights: str, n_jobs: int = 1, progress: _Progress = None
) -> NDArray[np.float64]: ...
def knn_donors(
    fit: _Matrix, x: _Matrix, k: int, n_jobs: int = 1, progress: _Progress = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]: ...

# --- models ------------------------------------------------------------------------------------

# --- outlier -----------------------------------------------------------------------------------

def univariate_bounds(
    x: _Matrix, rule: str, limit: float, n_jobs: int = 1, progress: _Progress = None
) -> NDArray[np.float64]: ...
def univariate_decide(
    x: _Matrix,
    bounds: NDArray[np.float64],
    limit: float,
    n_jobs: int = 1,
    progress: _Progress = None,
) -> NDArray[np.float64]: ...
def univariate_shares(
    x: _Matrix, bounds: NDArray[np.float64], n_jobs: int = 1, progress: _Progress = None
) -> NDArray[np.float64]: ...

# --- trees -------------------------------------------------------------------------------------
