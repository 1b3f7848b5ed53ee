"""What a search for wrong labels gives back."""

from __future__ import annotations

from typing import Any

import numpy as np

from tamis import _frame, _html
from tamis.labels._conflicts import LabelConflicts
from tamis.labels._targets import Target

__all__ = ["LabelIssues"]

_SHOWN = 10


class LabelIssues:
    """Which labels are likely wrong, how sure each label is, and what it should be.

    Attributes
    ----------
    mask : ndarray of shape (n_rows,), bool
        The labels that are likely wrong.
    quality : ndarray of shape (n_rows,), float64
        From 0 to 1: for classes the probability that the label is right; for a quantity
        ``1 / (1 + (residual / threshold)**2)``, one half at the threshold.
    labels, suggested : ndarray of shape (n_rows,)
        The labels as given, and what they should be: the label itself where `mask` is False, else
        the most probable other class, or the prediction.
    task : {"classification", "regression"}
        What the labels are.
    classes : ndarray of shape (n_classes,) or None
        The classes, in the order of the columns of the probabilities.
    confident_joint : ndarray of shape (n_classes, n_classes) or None
        Rows by given label and by true class, as far as confident rows show; each row of the
        matrix adds up to the number (the weight) of the rows of its label.
    noise_matrix : ndarray of shape (n_classes, n_classes) or None
        The probability of each given label (rows) by true class (columns); columns add up to 1.
    thresholds : ndarray of shape (n_classes,), float or None
        How probable a class must be to be believed; for a quantity the studentised residual
        beyond which a value is called wrong.
    residuals : ndarray of shape (n_rows,) or None
        The studentised residuals of a quantity: its distance from the prediction over the scale
        that such distances have where predictions are alike.
    conflicts : LabelConflicts or None
        The rows that are the same and are labelled differently, where rows were given.
    judged : ndarray of shape (n_rows,), bool
        False where nothing could be said, because no other row (or no row outside the folds of its
        copies and group) has the label: such a label counts as right.

    Examples
    --------
    >>> from tamis.labels import find_label_errors
    >>> probabilities = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9]]
    >>> issues = find_label_errors(["no", "no", "no", "yes", "yes"], pred_probs=probabilities)
    >>> issues
    <LabelIssues: 1 of 5 labels is likely wrong (20.0 %), 2 classes>
    >>> issues.to_frame()[["row", "label", "suggested"]]
       row label suggested
    0    2    no       yes
    """

    def __init__(
        self,
        target: Target,
        mask: np.ndarray,
        quality: np.ndarray,
        other: np.ndarray,
        *,
        judged: np.ndarray | None = None,
        thresholds: Any = None,
        confident_joint: np.ndarray | None = None,
        noise_matrix: np.ndarray | None = None,
        residuals: np.ndarray | None = None,
        conflicts: LabelConflicts | None = None,
    ) -> None:
        every = judged is None or judged.all()
        self.judged = np.ones(len(mask), dtype=bool) if judged is None else judged
        self.mask = mask if every else mask & self.judged
        self.quality = quality if every else np.where(self.judged, quality, 1.0)
        self.task = "classification" if target.classifies else "regression"
        self.classes = target.classes
        self.thresholds = thresholds
        self.confident_joint = confident_joint
        self.noise_matrix = noise_matrix
        self.residuals = residuals
        self.conflicts = conflicts
        self._given = target.y.copy()
        self._other = self._given.copy()
        self._other[self.mask] = other[self.mask]
        self._like = target.like

    # --- what was found ------------------------------------------------------------------------

    @property
    def labels(self) -> np.ndarray:
        """The labels as given."""
        return self._given if self.classes is None else self.classes[self._given]

    @property
    def suggested(self) -> np.ndarray:
        """What the labels should be; the label itself where `mask` is False."""
        return self._other if self.classes is None else self.classes[self._other]

    @property
    def n_issues(self) -> int:
        """How many labels are likely wrong."""
        return int(np.count_nonzero(self.mask))

    @property
    def indices(self) -> np.ndarray:
        """The positions of the labels that are likely wrong, the surest first."""
        rows = np.flatnonzero(self.mask)
        return rows[np.argsort(self.quality[rows], kind="stable")]

    def __len__(self) -> int:
        return len(self.mask)

    def to_frame(self, *, every_row: bool = False) -> Any:
        """Return a frame: row (position), label, suggested, quality.

        Parameters
        ----------
        every_row : bool, default=False
            All rows in their order, with a column ``issue``; by default the rows whose labels are
            likely wrong, the surest first.

        Returns
        -------
        frame
            Of the library of the labels (pandas where they are in none).
        """
        rows = np.arange(len(self)) if every_row else self.indices
        columns: dict[str, Any] = {
            "row": rows,
            "label": self.labels[rows],
            "suggested": self.suggested[rows],
            "quality": self.quality[rows],
        }
        if self.residuals is not None:
            columns["residual"] = self.residuals[rows]
        if every_row:
            columns["issue"] = self.mask
        return self._build(columns)

    @property
    def summary(self) -> Any:
        """A frame by class (one line for a quantity): rows, issues, their share, mistaken for.

        `mistaken_for` is the class that is suggested most often.
        """
        if self.classes is None:
            share = self.n_issues / len(self)
            return self._build({"rows": [len(self)], "issues": [self.n_issues], "share": [share]})
        k = len(self.classes)
        rows = np.bincount(self._given, minlength=k)
        pairs = self._given[self.mask] * k + self._other[self.mask]
        moved = np.bincount(pairs, minlength=k * k).reshape(k, k)
        issues = moved.sum(axis=1)
        names = [str(c) for c in self.classes.tolist()]
        most = [names[j] if n else None for j, n in zip(moved.argmax(axis=1), issues, strict=True)]
        return self._build(
            {
                "label": self.classes,
                "rows": rows,
                "issues": issues,
                "share": issues / np.maximum(rows, 1),
                "mistaken_for": most,
            }
        )

    def plot(self, *, axes: Any = None) -> Any:
        """Draw the noise matrix beside the histogram of quality (for a quantity: residuals).

        Parameters
        ----------
        axes : sequence of two matplotlib Axes, optional
            Where to draw; by default on a new figure.

        Returns
        -------
        tuple of two matplotlib Axes

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed (the extra ``plot``).
        """
        from tamis.labels._plot import plot

        return plot(self, axes)

    # --- how it is shown -----------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._says()}>"

    def _says(self) -> str:
        n, every = self.n_issues, len(self)
        what = "labels" if self.classes is not None else "values"
        verb = "is" if n == 1 else "are"
        text = f"{n:,} of {every:,} {what} {verb} likely wrong ({100 * n / every:.1f} %)"
        if self.classes is not None:
            text += f", {len(self.classes)} classes"
        unjudged = int(np.count_nonzero(~self.judged))
        if unjudged:
            text += f"; {unjudged:,} could not be judged"
        return text

    def _repr_html_(self) -> str:
        rows = self.indices[:_SHOWN]
        lines = zip(
            rows.tolist(),
            self.labels[rows].tolist(),
            self.suggested[rows].tolist(),
            self.quality[rows].tolist(),
            strict=True,
        )
        return _html.render(
            "labels.html", says=self._says(), lines=[list(line) for line in lines],
            more=self.n_issues - len(rows),
        )  # fmt: skip

    def _build(self, columns: dict[str, Any]) -> Any:
        plain = {
            name: cells.tolist() if isinstance(cells, np.ndarray) and cells.dtype == object
            else cells
            for name, cells in columns.items()
        }  # fmt: skip
        return _frame.build(self._like, plain)
