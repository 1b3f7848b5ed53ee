"""Search: data steps and models together, leakage-safe, with proof of what helped."""

from tamis.search._holdout import Holdout
from tamis.search._plan import Plan
from tamis.search._result import TuneResult
from tamis.search._table import FrameEncoder
from tamis.search._task import Task
from tamis.search._tune import tune

__all__ = ["FrameEncoder", "Holdout", "Plan", "Task", "TuneResult", "tune"]
