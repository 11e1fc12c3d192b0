"""A notebook's session: a lab, with the notebook's checks, its exercises, and its way to show progress.

Every notebook begins with `lab = open_lab(...)`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lab_helpers import config
from lab_helpers.checks import CHECKS, Checks
from lab_helpers.display import TerraformBar
from lab_helpers.exercises import Exercise, exercise_of
from lab_helpers.lab import Lab, attach


@dataclass
class Session(Lab):
    """What a notebook works with; make it with `open_lab`."""

    check: Checks = field(default_factory=Checks, repr=False)

    def exercise(self, name: str) -> Exercise:
        """Return an exercise of the workbook ("04_1": the first of notebook 04); raises SettingsError."""
        return exercise_of(name, self, self.settings.home, self.settings.owner)

    __repr__ = Lab.__repr__


def open_lab(notebook: str, **settings: Any) -> Session:
    """Start the backend if it is not there and return the session; settings are those of config.Settings.

    `notebook` is the notebook's name without `.ipynb`; its checks are collected under it. Raises SettingsError,
    LocalAwsStartError.
    """
    lab = attach(config.load(**settings))
    check = Checks(notebook, lab.settings.home / CHECKS)
    return Session(lab.settings, lab.backend, lab.notes, TerraformBar, check=check)
