"""Imputers that keep the types of a frame's columns where frames come out."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
from sklearn import get_config

from tamis import _frame
from tamis.impute._base import Imputer, is_nan
from tamis.impute._tables import checked
from tamis.impute._typed import Codec

__all__ = ["TypeKeeper"]


class TypeKeeper(Imputer):
    """Base of imputers that work on the codes of a `Codec` where types are to be kept.

    A subclass has ``_fit_typed(X)``, which begins with `_start_typed`, and ``_fill_typed(matrix,
    missing)``, which returns codes for the missing cells.
    """

    #: What is known of the columns, where types are kept.
    _codec: Codec | None = None

    def _wants_types(self, X: Any) -> bool:
        """Return whether frames come out for a frame of more than floats of one kind."""
        if not _frame.is_frame(X) or not is_nan(self.missing_values) or self._library() is None:
            return False
        if hasattr(X, "iloc"):
            kinds = {str(dtype) for dtype in X.dtypes}
        else:
            kinds = {str(dtype).lower() for dtype in _frame.wrap(X).schema.values()}
        return len(kinds) != 1 or not kinds <= {"float64", "float32"}

    def _library(self) -> str | None:
        """Return the library that frames are to be of, if frames are to come out."""
        told = getattr(self, "_sklearn_output_config", {}).get("transform")
        told = get_config()["transform_output"] if told is None else told
        return told if told in ("pandas", "polars") else None

    def _as_told(self, data: Any) -> Any:
        """Return a completed frame as one of the library that was asked for, or as an array."""
        library = self._library()
        if not _frame.is_frame(data) or library is None:
            return np.asarray(data, dtype=object) if _frame.is_frame(data) else data
        frame = nw.from_native(data, eager_only=True)
        if str(frame.implementation) != f"Implementation.{library.upper()}":
            return frame.to_pandas() if library == "pandas" else frame.to_polars()
        return data

    # --- fitting -------------------------------------------------------------------------------

    def _start_typed(self, X: Any) -> tuple[Any, np.ndarray, np.ndarray]:
        """Learn the columns; return the table, its codes, and where it is missing."""
        table = checked(self, X, fitting=True)
        self._codec = Codec.fit(table)
        missing = self._codec.missing(table)
        self._fit_indicator(np.where(missing, np.nan, 0.0))
        return table, self._codec.encode(table), missing

    def _fit_typed(self, X: Any) -> None:
        """Fit on a table of any types."""
        raise NotImplementedError

    def _fit_frame(self, X: Any) -> Any:
        """Fit on a table of any types and return it completed, in its own container."""
        self._fit_typed(X)
        return self._transform_frame(X)

    # --- filling -------------------------------------------------------------------------------

    def _fill_typed(self, matrix: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Return codes for the missing cells; what is elsewhere is not looked at."""
        raise NotImplementedError

    def _transform_frame(self, X: Any) -> Any:
        """Return a table completed, in its own container."""
        table = checked(self, X, fitting=False)
        missing = self._known.missing(table)
        filled = self._fill_typed(self._known.encode(table), missing)
        return self._finish_typed(table, filled, missing)

    @property
    def _known(self) -> Codec:
        """The codec of a fitted imputer."""
        assert self._codec is not None
        return self._codec

    def _zeros_where_empty(self) -> np.ndarray:
        """Return what columns without values get: 0 for numbers, nothing for others."""
        numbers = np.isin(self._known.kinds, ("number", "integer"))
        keep = self._known.empty & numbers & bool(self.keep_empty_features)
        return np.where(keep, 0.0, np.nan)

    def _finish_typed(self, table: Any, filled: np.ndarray, missing: np.ndarray) -> Any:
        """Return the table with codes written into its missing cells, and the indicator."""
        out, kept = self._known.decode(table, filled), self._kept()
        names = None
        if not _frame.is_frame(out):
            out = out[:, kept]
        elif not kept.all():
            frame = _frame.wrap(out)
            out = frame.select([n for n, k in zip(frame.columns, kept, strict=True) if k])
            out = out.to_native()
        if not kept.all():
            self._warn_of_dropped(kept, type(self).__name__)
        indicated = self._indicated(np.where(missing, np.nan, 0.0))
        if indicated is None:
            return out
        if not _frame.is_frame(out):
            return np.hstack([out, indicated])
        names = self.get_feature_names_out()[kept.sum() :]
        return _frame.append_flags(out, names.tolist(), np.asarray(indicated, dtype=bool))
