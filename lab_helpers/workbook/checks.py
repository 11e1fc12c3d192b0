"""Checks of the workbook: each says at once whether a step is right, and why not.

A failing check raises, so that a headless run stops there; every outcome is written down for the report.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lab_helpers.base.errors import CheckFailedError
from lab_helpers.base.messages import say
from lab_helpers.base.redact import redact

CHECKS = "checks"
"""Folder of the checks' outcomes, in the lab's home."""


@dataclass(frozen=True)
class Outcome:
    """One check's result; `why` says what was seen."""

    notebook: str
    name: str
    passed: bool
    why: str


class Checks:
    """The checks of one notebook. `folder` collects the outcomes of all notebooks, one file each; None: nowhere."""

    def __init__(self, notebook: str = "", folder: Path | None = None) -> None:
        self._notebook, self._file = notebook, folder / f"{notebook}.jsonl" if folder else None
        if folder and self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)  # a notebook's name may have a folder in it
            self._file.write_text("")

    def __call__(self, name: str, holds: object, why: str = "", **facts: object) -> None:
        """Say whether `name` holds; raises CheckFailedError with `why`, told with its `{facts}`, when it does not.

        What is written down is in English, what is said in the reader's language.
        """
        told = say(why, **facts)
        outcome = Outcome(self._notebook, name, bool(holds), "" if holds else redact(told))
        if self._file:
            with self._file.open("a") as file:
                file.write(json.dumps(asdict(outcome)) + "\n")
        if not outcome.passed:
            raise CheckFailedError(f"✘ {say(name)}: {told or say('it does not hold')}")
        print(f"✔ {say(name)}")


def outcomes(folder: Path) -> list[Outcome]:
    """Return the outcomes that the notebooks wrote into `folder`, in the notebooks' order."""
    lines = [line for file in sorted(folder.rglob("*.jsonl")) for line in file.read_text().splitlines()]
    return [Outcome(**json.loads(line)) for line in lines]
