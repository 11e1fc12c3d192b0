"""The lab as it was at a moment: taken while it runs, brought back whole, or begun anew."""

from lab_helpers.checkpoints.restoring import begin_anew, finish_restoring, restore
from lab_helpers.checkpoints.shelf import Checkpoint, Shelf, checked_name
from lab_helpers.checkpoints.taking import begin_notebook, take, take_named

__all__ = [
    "Checkpoint",
    "Shelf",
    "begin_anew",
    "begin_notebook",
    "checked_name",
    "finish_restoring",
    "restore",
    "take",
    "take_named",
]
