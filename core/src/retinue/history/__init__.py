"""History: who did what and when, and undoing it."""

from retinue.history.service import get_change_set, list_change_sets, read_audit, report_reads
from retinue.storage import ChangeSet, Reverted, revert_change_set

__all__ = [
    "ChangeSet",
    "Reverted",
    "get_change_set",
    "list_change_sets",
    "read_audit",
    "report_reads",
    "revert_change_set",
]
