"""What tune gives back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tamis import _frame
from tamis.pipeline import Pipeline
from tamis.search._ablation import Worth
from tamis.search._holdout import Holdout
from tamis.search._plan import STEPS, Plan
from tamis.search._race import Candidate
from tamis.search._task import Task

__all__ = ["TuneResult"]


class TuneResult:
    """The outcome of `tamis.tune`.

    Attributes
    ----------
    model : tamis.pipeline.Pipeline
        Fitted on the training rows, from the raw frame to the prediction: a missing column is an
        error, unseen categories and new gaps are handled, other columns are ignored.
    plan : Plan
        What the model does to the data, readable.
    task : Task
        The task and why it was taken to be that.
    holdout : Holdout
        metric, score, low, high, baseline, dummy and more: the one honest score.
    leaderboard : frame
        Every plan tried, the best first: `score` (mean over `folds`, higher is better), `rows`
        ("all", or "few" for plans sorted out on a part of the rows), the choices, `seconds`.
    ablation : frame
        For each refinement of the winner: step, choice, instead_of, gain, low, high, verdict
        ("helps", "no evidence", "hurts"), kept, note.
    data : frame
        The refined training rows, in the caller's container.
    changes : frame
        Every change made to them: row (label or position), column, old, new, step, reason.
    ignored : dict of str to str
        Columns the model does not use, and why.
    interrupted : bool
        Whether Ctrl-C ended the search early.
    seconds : float
        How long the call took.
    """

    def __init__(
        self,
        *,
        model: Pipeline,
        plan: Plan,
        task: Task,
        holdout: Holdout,
        candidates: list[Candidate],
        worth: list[Worth],
        data: Any,
        changes: Any,
        ignored: dict[str, str],
        interrupted: bool,
        seconds: float,
        n_rows: int,
        n_train: int,
    ) -> None:
        self.model = model
        self.plan = plan
        self.task = task
        self.holdout = holdout
        self.data = data
        self.changes = changes
        self.ignored = ignored
        self.interrupted = interrupted
        self.seconds = seconds
        self.n_rows = n_rows
        self.n_train = n_train
        self.leaderboard = _frame.build(data, _leaderboard(candidates))
        self.ablation = _frame.build(data, _ablation(worth))

    def summary(self) -> str:
        """Return the outcome as text; the last line is the holdout."""
        rows = _frame.wrap(self.ablation).rows(named=True)
        tried = len(_frame.wrap(self.leaderboard))
        lines = [
            f"{self.task.kind} task on {self.task.target!r}: {self.task.reason}",
            f"{tried} plans tried in {self.seconds:.1f} s"
            + (" (interrupted)" if self.interrupted else ""),
            "",
            self.plan.describe(),
        ]
        if rows:
            lines += ["", "What each step of the winner was worth:"]
        for w in rows:
            kept = "kept" if w["kept"] else "left out"
            lines.append(
                f"  {w['step']:<11} {w['choice']:<10} {w['gain']:+.4f} "
                f"[{w['low']:+.4f}, {w['high']:+.4f}]  {w['verdict']}, {kept}"
            )
        return "\n".join([*lines, "", str(self.holdout)])

    def __repr__(self) -> str:
        return f"<TuneResult: {self.holdout}>"

    __str__ = summary

    def _repr_html_(self) -> str:
        from tamis.search._report import fragment

        return fragment(self)

    def report(self, path: str | Path) -> Path:
        """Write one self-contained HTML page that a person can read without explanation.

        Parameters
        ----------
        path : str or Path
            Where to write it; a page that is there is replaced.

        Returns
        -------
        Path
        """
        from tamis import _html
        from tamis.search._report import page

        return _html.write(path, page(self))

    def save(self, folder: str | Path) -> Path:
        """Write the model and all tables to a folder, made if it is not there.

        The files are ``model.tamis`` (see `tamis.load`), ``leaderboard.csv``, ``ablation.csv``,
        ``changes.csv``, ``data.csv``, ``report.html`` and ``result.json``; each is written whole
        or not at all.

        Parameters
        ----------
        folder : str or Path

        Returns
        -------
        Path
            The folder.
        """
        from tamis import _html, _state

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        _state.save(self.model, folder / "model.tamis")
        for name in ("leaderboard", "ablation", "changes", "data"):
            text = _frame.wrap(getattr(self, name)).write_csv()
            _html.write(folder / f"{name}.csv", text)
        _html.write(folder / "result.json", json.dumps(self._as_dict(), indent=2, default=str))
        self.report(folder / "report.html")
        return folder

    def _as_dict(self) -> dict[str, Any]:
        return {
            "task": {"kind": self.task.kind, "target": self.task.target, "why": self.task.reason},
            "plan": self.plan.as_dict(),
            "holdout": vars(self.holdout),
            "ablation": _frame.wrap(self.ablation).rows(named=True),
            "ignored": self.ignored,
            "interrupted": self.interrupted,
            "seconds": round(self.seconds, 3),
            "n_rows": self.n_rows,
            "n_train": self.n_train,
        }


def _leaderboard(candidates: list[Candidate]) -> dict[str, list[Any]]:
    """Return the columns of the leaderboard."""
    columns: dict[str, list[Any]] = {"rank": list(range(1, len(candidates) + 1))}
    columns["score"] = [c.score if np.isfinite(c.score) else None for c in candidates]
    columns["std"] = [
        float(np.std(c.scores(), ddof=1)) if len(c.scores()) > 1 else None for c in candidates
    ]
    columns["folds"] = [c.evidence[1] for c in candidates]
    columns["rows"] = ["all" if c.evidence[0] else "few" for c in candidates]
    columns["model"] = [c.plan.model for c in candidates]
    for step in STEPS:
        columns[step] = [getattr(c.plan, step) for c in candidates]
    columns["number"] = [c.number for c in candidates]
    columns["error"] = [c.error for c in candidates]
    columns["seconds"] = [c.seconds for c in candidates]
    return columns


def _ablation(worth: list[Worth]) -> dict[str, list[Any]]:
    names = (
        "step", "choice", "instead_of", "gain", "low", "high", "verdict", "kept", "note",
    )  # fmt: skip
    return {name: [getattr(w, name) for w in worth] for name in names}
