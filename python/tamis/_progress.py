"""Progress bars: shown when a person is watching, silent otherwise."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any


def watched() -> bool:
    """Return whether a person is likely to be watching: a terminal or a notebook."""
    shell = sys.modules.get("IPython")
    if shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell":
        return True
    return bool(getattr(sys.stderr, "isatty", lambda: False)())


def bar(total: float | None, desc: str, show: bool | None = None, **options: Any) -> Any:
    """Return a tqdm bar on standard error; `show=None` shows it only to a person."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in a notebook without ipywidgets: text will do
        from tqdm.auto import tqdm

    hide = not (watched() if show is None else show)
    return tqdm(total=total, desc=desc, disable=hide, leave=False, dynamic_ncols=True, **options)


def kernel_callback(progress: Any) -> Callable[[int, int], None]:
    """Return `f(done, total)` for a kernel, moving the tqdm bar `progress`."""

    def tell(done: int, total: int) -> None:
        progress.total = total
        progress.n = done
        progress.refresh()

    return tell
