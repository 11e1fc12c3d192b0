"""The steps of the drills' notebook 6."""

from __future__ import annotations

from lab_helpers.exercises.steps.step import Step

STEPS: tuple[Step, ...] = ()
