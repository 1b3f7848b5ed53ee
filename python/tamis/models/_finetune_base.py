"""What tuners have in common: a family of models, and how far they may go."""

from __future__ import annotations

from typing import Any

__all__ = ["Tuner"]


class Tuner:
    """A family of models that `tamis.models.finetune` can take to new rows.

    A candidate is a way of fitting. `path` fits all of them, `scores` are what they say of rows,
    `losses_of` how wrong that is, `combine` the one model that says their weighted mean.
    """

    model: Any
    #: The strength that leaves the model as it was.
    most = float("inf")

    def finish(self, model: Any) -> Any:
        """Return the model as its user wants it."""
        return model
