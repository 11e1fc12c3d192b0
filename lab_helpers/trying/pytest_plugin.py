"""The fixture `firelens`: a team's FireLens set-up tried in a test. Registered by the package's entry point pytest11.

Nothing but pytest is imported before a test asks for it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lab_helpers.trying.seen import Trial


UPDATE = "--firelens-update"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes snapshots anew."""
    text = "write the snapshots of generated FireLens configurations anew"
    parser.getgroup("firelens").addoption(UPDATE, action="store_true", default=False, help=text)


class Firelens:
    """Runs task definitions, each on a local AWS of its own that is gone afterwards."""

    def __init__(self, updates: bool = False) -> None:
        self._updates = updates

    def run(
        self,
        task_definition: Path | str | Mapping[str, Any],
        files: Path | Sequence[Path] = (),
        lines: Mapping[str, Sequence[str]] | Sequence[str] = (),
        *,
        task_policy: str | None = None,
        execution_policy: str | None = None,
    ) -> Trial:
        """Return what became of the lines: `.cloudwatch`, `.firehose`, `.s3`, `.dropped`, `.generated_config`, ….

        `task_definition` is a file, JSON or a mapping; `files` the router's configuration files or its image's folder;
        `lines` what each container prints (a list: the only app container). Policies are JSON.
        """
        from lab_helpers.trying import trial
        from lab_helpers.trying.definition import only_app, parse_any

        definition = parse_any(task_definition)
        printed = lines if isinstance(lines, Mapping) else {only_app(definition): lines}
        given = [files] if isinstance(files, Path) else files
        return trial.attempt(definition, given, printed, task_policy=task_policy, execution_policy=execution_policy)

    def check_config(self, trial: Trial, snapshot: Path) -> None:
        """Compare the generated configuration with a file; raises AssertionError with the lines that differ.

        With `--firelens-update` the file is written in its place.
        """
        if self._updates:
            snapshot.parent.mkdir(parents=True, exist_ok=True)
            snapshot.write_text(trial.generated_config, encoding="utf-8")
            return
        if not snapshot.is_file():
            raise AssertionError(f"There is no {snapshot}: write it with pytest {UPDATE}, and look at it.")
        kept = snapshot.read_text(encoding="utf-8")
        if kept != trial.generated_config:
            before, now = kept.splitlines(), trial.generated_config.splitlines()
            told = "\n".join(difflib.unified_diff(before, now, str(snapshot), "generated now", lineterm=""))
            raise AssertionError(f"The generated configuration is another one (pytest {UPDATE} takes it):\n{told}")


@pytest.fixture(scope="session")
def firelens(request: pytest.FixtureRequest) -> Firelens:
    """Return what tries FireLens set-ups; `firelens.run(task_definition, files, lines)`."""
    return Firelens(bool(request.config.getoption(UPDATE, default=False)))
