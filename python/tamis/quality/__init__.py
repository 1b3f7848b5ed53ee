"""Quality: what is wrong with data."""

from tamis.quality._audit import audit
from tamis.quality._report import AuditReport, Finding

__all__ = ["AuditReport", "Finding", "audit"]
