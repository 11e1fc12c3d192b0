"""The trainee's own files: the working copy, who checks a text before it is kept, and what a change looks like."""

from lab_helpers.files.changes import Change
from lab_helpers.files.readers import Readers
from lab_helpers.files.working_copy import WorkingCopy

__all__ = ["Change", "Readers", "WorkingCopy"]
