"""The fixture `firelens`: a team's FireLens set-up tried in a test. Registered by the package's entry point pytest11.

Nothing but pytest is imported before a test asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lab_helpers.trying.trial import Trial


class Firelens:
    """Runs task definitions, each on a local AWS of its own that is gone afterwards."""

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


@pytest.fixture
def firelens() -> Firelens:
    """Return what tries FireLens set-ups; `firelens.run(task_definition, files, lines)`."""
    return Firelens()
