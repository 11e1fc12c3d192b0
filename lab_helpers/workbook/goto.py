"""To the beginning of any notebook: from a checkpoint taken on the way, else by running what is missing.

On an account nothing can be set back: what is missing there is run, after the guards.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.config import Settings
from lab_helpers.base.errors import CheckpointError, LabError
from lab_helpers.base.messages import ENGLISH, say
from lab_helpers.checkpoints import Shelf, begin_anew, restore, take
from lab_helpers.checkpoints.shelf import automatic_name
from lab_helpers.lab import APPLIED
from lab_helpers.workbook import runner
from lab_helpers.workbook.checks import CHECKS, outcomes
from lab_helpers.workbook.report import NotebookResult

BEFORE = "before-goto"
"""The checkpoint that a goto takes of what it leaves."""
FIRST = "02"
"""The first notebook that changes anything."""
Run = Callable[[Settings, list[Path]], runner.Run]


@dataclass(frozen=True)
class Way:
    """How to get somewhere: the checkpoint to begin with (None: a new lab), and the notebooks to run from there."""

    start: str | None
    missing: tuple[Path, ...] = ()


def goto(settings: Settings, where: str, run: Run, language: str = ENGLISH) -> Way:
    """Bring the lab to a checkpoint, or to where a notebook ("05", "drills/3") begins; return how that was done.

    What was there before is in the checkpoint BEFORE. Raises CheckpointError, SettingsError for a place that there is
    not, LabError when a notebook on the way fails.
    """
    if not settings.can.is_embedded:
        return _on_account(settings, where, run, language)
    way = way_to(Shelf(settings), where, language)
    backend = LocalBackend(settings)
    if (settings.state / "aws" / "state.db").exists() and way.start != BEFORE:
        take(settings, BEFORE)
    backend.stop(at_once=True)
    if way.start is None:
        begin_anew(settings)
    else:
        restore(settings, way.start, with_progress=not where[:1].isdigit() and "/" not in where)
    backend.start()
    _run(settings, way, run)
    return way


def way_to(shelf: Shelf, where: str, language: str = ENGLISH) -> Way:
    """Return how to get to a checkpoint's name or a notebook's beginning; nothing is done yet."""
    if not where[:1].isdigit() and "/" not in where:
        return Way(shelf.get(where).name)
    target, before = _route(where, language)
    missing: list[Path] = []
    for path in [target, *reversed(before)]:
        if path != target:
            missing.insert(0, path)
        name = automatic_name(runner.name_of(path))
        if shelf.find(name) is not None and (not _needs_a_lab(path) or shelf.has_note(name, APPLIED)):
            return Way(name, tuple(missing))
    return Way(None, tuple(path for path in missing if path.stem >= FIRST))


def _needs_a_lab(path: Path) -> bool:
    """Whether a notebook begins with what 02 builds: opened before that, its checkpoint is no beginning."""
    return path.parent.name in runner.BESIDE or path.stem.partition("_")[0] > FIRST


def _route(where: str, language: str) -> tuple[Path, list[Path]]:
    """Return a notebook, and those that come before it: for the ones beside the main ones all but the teardown."""
    folder = runner.folder_of(language)
    target = runner.select(where, folder)[0]
    main = runner.select(None, folder)
    return target, main[: main.index(target)] if target in main else main[:-1]


def _on_account(settings: Settings, where: str, run: Run, language: str) -> Way:
    if not where[:1].isdigit() and "/" not in where:
        raise CheckpointError.only_local()
    _, before = _route(where, language)
    passed = {each.notebook for each in outcomes(settings.home / CHECKS) if each.passed}
    needed = [path for path in before if path.stem >= FIRST]
    done = [path for path in needed if runner.name_of(path) in passed]
    way = Way(None, tuple(needed[len(done) :]) if needed[: len(done)] == done else tuple(needed))
    _run(runner.agree(settings, whole=False) if way.missing else settings, way, run)
    return way


def _run(settings: Settings, way: Way, run: Run) -> None:
    if not way.missing:
        return
    made = run(replace(settings, solve=True), list(way.missing))
    if not made.passed:
        failed = next(each for each in made.results if each.status != "passed")
        raise LabError(say("Notebook {name} failed on the way: {why}", name=failed.name, why=failed.error))


def run_apart(
    settings: Settings, notebooks: list[Path], watched: Callable[[str, Callable[[], str]], str]
) -> runner.Run:
    """Run notebooks by `lab run`, in processes of their own; for a kernel, which cannot start kernels while it works.

    `watched` is given a notebook's name and what runs it; it returns what went wrong, empty where nothing did.
    """
    results: list[NotebookResult] = []
    for path in notebooks:
        name = runner.name_of(path)
        error = watched(name, partial(_run_one, settings, name))
        results.append(NotebookResult(name, "failed" if error else "passed", 0.0, error))
        if error:
            break
    return runner.Run(results, [], settings.home / "report")


def _run_one(settings: Settings, name: str) -> str:
    argv = [sys.executable, "-c", "import sys; from lab_helpers.cli.main import main; sys.exit(main())", "run", name]
    with runner.kernels_environment(settings):
        ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    return "" if ended.returncode == 0 else "\n".join((ended.stdout + ended.stderr).splitlines()[-5:])
