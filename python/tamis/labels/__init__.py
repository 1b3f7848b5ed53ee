"""Wrong labels: found, explained, and dropped, corrected or given less weight.

`find_label_errors` judges each label by out-of-fold predictions (its own, or the caller's);
`LabelCleaner` acts on what it finds, in a pipeline while fitting alone; `conflicting_labels` shows
rows that are the same and are labelled differently.
"""

from tamis.labels import _saved as _saved
from tamis.labels._cleaner import LabelCleaner
from tamis.labels._conflicts import LabelConflicts, conflicting_labels
from tamis.labels._find import find_label_errors
from tamis.labels._issues import LabelIssues

__all__ = [
    "LabelCleaner",
    "LabelConflicts",
    "LabelIssues",
    "conflicting_labels",
    "find_label_errors",
]
