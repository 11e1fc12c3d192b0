"""The workbook, headless: papermill over the notebooks, timings, executed copies, a report."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_core.utils import ensure_event_loop
from papermill.engines import NBClientEngine, papermill_engines

from lab_helpers import teardown
from lab_helpers.backends.local import backend_of
from lab_helpers.base.config import PROJECT, Settings, known_secrets, overriding, private_folder
from lab_helpers.base.errors import LabError, SettingsError
from lab_helpers.base.messages import ENGLISH
from lab_helpers.base.redact import Redactor
from lab_helpers.lab import attach
from lab_helpers.workbook.checks import CHECKS
from lab_helpers.workbook.report import NotebookResult, write_report
from lab_helpers.workbook.silence import Listener

NOTEBOOKS = PROJECT / "notebooks"
CELL_TIMEOUT_S = 2700
"""Bound on one cell, above every bound inside one: Firehose's buffer (at most 900 s), delivery and its retries."""
ENGINE = "lab"
ALL, BESIDE = "all", ("faq", "drills", "incident")
"""Every notebook; and the folders of those that need an applied lab."""

BESIDE_THE_NEXT = ("01_firelens",)
"""They only try the router, so a whole run does them beside the next one, whose apply waits for a load balancer."""

OnCell = Callable[[str, int, int], None]
"""Called at the start of each cell with notebook name, cell number from 1, and number of cells; in several threads."""


@dataclass(frozen=True)
class Run:
    """A finished run: its notebooks' results, the steps of its teardown (empty when kept), and the report's page."""

    results: list[NotebookResult]
    teardown: list[teardown.Step]
    report: Path
    seconds: float = 0.0
    """From the first notebook's begin to the last one's end; two may run side by side."""

    @property
    def passed(self) -> bool:
        """Whether every notebook ran to its end and the teardown left nothing."""
        return all(r.status == "passed" for r in self.results) and not any(step.error for step in self.teardown)


def select(wanted: str | None, folder: Path = NOTEBOOKS) -> list[Path]:
    """Return the notebooks to run, in order; raises SettingsError.

    None are the main ones, "all" the others too, "faq", "drills" and "incident" a folder; of the main ones or of a
    folder one ("04", "04_traffic", "drills/3", "faq/1_plugins") or a range ("04-06", "drills/1-3").
    """
    if wanted == ALL:
        return everything(folder)
    part, _, which = (f"{wanted}/" if wanted in BESIDE else wanted or "").rpartition("/")
    found = sorted((folder / part).glob("[0-9]*_*.ipynb")) if part in ("", *BESIDE) else []
    first, _, last = which.partition("-")
    chosen = [path for path in found if not which or path.stem == which or first <= _number(path) <= (last or first)]
    if not chosen:
        numbers = f"{_number(found[0])} to {_number(found[-1])}" if found else "00 to 10, or faq/1, drills/1-3"
        raise SettingsError("notebooks", str(wanted), f"{ALL}, {', '.join(BESIDE)}, or a number or range of {numbers}")
    return chosen


def name_of(path: Path) -> str:
    """Return a notebook's name as its checks have it: with its folder below `notebooks` ("drills/3_lost_or_double")."""
    inside = path.is_relative_to(NOTEBOOKS)
    return path.relative_to(NOTEBOOKS).with_suffix("").as_posix() if inside else path.stem


def _number(path: Path) -> str:
    return path.stem.partition("_")[0]


def folder_of(language: str) -> Path:
    """Return the folder of a language's notebooks."""
    return NOTEBOOKS if language == ENGLISH else NOTEBOOKS / language


def everything(folder: Path = NOTEBOOKS) -> list[Path]:
    """Return all notebooks in an order in which they run: FAQ and drills on an applied lab, before the teardown."""
    *main, last = select(None, folder)
    return [*main, *(path for part in BESIDE if (folder / part).is_dir() for path in select(part, folder)), last]


def agree(settings: Settings, whole: bool) -> Settings:
    """Ask on an account, in this terminal, before any notebook runs: in a kernel without a person nobody could answer.

    Returns the settings that carry the consent. Raises GuardError; then nothing was made and nothing is torn down.
    """
    if not settings.can.needs_consent:
        return settings
    attach(_headless(settings) if whole else settings).allow_creating()
    return replace(settings, accept_cost=True)


def _headless(settings: Settings) -> Settings:
    return replace(settings, home=settings.home / "headless")


def run_workbook(settings: Settings, notebooks: list[Path], whole: bool, on_cell: OnCell) -> Run:
    """Execute notebooks one after the other (`BESIDE_THE_NEXT` excepted) and stop at the first that fails.

    A `whole` run has a state folder of its own, which begins empty, so it never touches what a trainee has built; it is
    torn down whatever happens, unless `settings.keep`. A part of the workbook works on the trainee's own state; what a
    drill has left that failed is undone.
    """
    report_dir = private_folder(settings.home) / "report"
    if whole:
        settings = _headless(settings)
        _begin_empty(settings)
    shutil.rmtree(report_dir, ignore_errors=True)
    private_folder(report_dir)
    results: list[NotebookResult] = []
    steps: list[teardown.Step] = []
    started = time.monotonic()
    try:
        results.extend(_execute_all(settings, notebooks, report_dir, on_cell, BESIDE_THE_NEXT if whole else ()))
    finally:
        seconds = time.monotonic() - started
        if whole and not settings.keep:
            steps = _clean_up(settings)
        elif any(path.parent.name in BESIDE for path in notebooks) and not all(r.status == "passed" for r in results):
            steps = teardown.undo_drills(attach(settings))
        results += [NotebookResult(name_of(path), "not run") for path in notebooks[len(results) :]]
        page = write_report(report_dir, results, steps, settings.home / CHECKS, Redactor(known_secrets()), seconds)
    return Run(results, steps, page, seconds)


def _execute_all(
    settings: Settings, notebooks: list[Path], report_dir: Path, on_cell: OnCell, beside: tuple[str, ...]
) -> Iterator[NotebookResult]:
    """Yield results in the notebooks' order; one of `beside` is executed while the next one is."""
    papermill_engines.register(ENGINE, _ReportingEngine)
    waiting: list[Future[NotebookResult]] = []
    with kernels_environment(settings), ThreadPoolExecutor(len(beside) or 1, "notebook") as pool:
        for path in notebooks:
            if path.stem in beside and path != notebooks[-1]:
                waiting.append(pool.submit(_execute_in_thread, path, settings, report_dir, on_cell))
                continue
            own = _execute(path, settings, report_dir, on_cell)
            results, waiting = [*(each.result() for each in waiting), own], []
            yield from results
            if any(result.status != "passed" for result in results):
                return


def _execute_in_thread(path: Path, settings: Settings, report_dir: Path, on_cell: OnCell) -> NotebookResult:
    with contextlib.closing(ensure_event_loop()):  # nbclient makes one for the thread, and leaves it open
        return _execute(path, settings, report_dir, on_cell)


def _execute(path: Path, settings: Settings, report_dir: Path, on_cell: OnCell) -> NotebookResult:
    started = time.monotonic()
    error, name, listener = "", name_of(path), Listener()
    executed = report_dir / f"{name}.ipynb"
    executed.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(
            str(path),
            str(executed),
            parameters=_parameters(path, settings),
            resources={"metadata": {"path": str(path.parent)}},  # not `cwd`: papermill would change this process's
            engine_name=ENGINE,
            kernel_name="python3",
            execution_timeout=CELL_TIMEOUT_S,
            progress_bar=False,
            # The kernel warns, on our terminal, of other users who could listen on loopback; it is ours for minutes.
            extra_arguments=["--IPKernelApp.log_level=40"],
            on_cell=lambda number, count: on_cell(name, number, count),
            listener=listener,
        )
    except papermill.PapermillExecutionError as exc:
        error = f"{exc.ename}: {exc.evalue}"
    except (RuntimeError, TimeoutError) as exc:  # nbclient: a cell's time-out, a kernel that died
        error = f"{type(exc).__name__}: {exc}"
    seconds = time.monotonic() - started
    return NotebookResult(name, "failed" if error else "passed", seconds, error, tuple(listener.silent))


class _ReportingEngine(NBClientEngine):  # type: ignore[misc]  # papermill ships no types
    """papermill's own engine, telling the start of each cell, and how long each says nothing."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> None:
        on_cell, listener = options.pop("on_cell"), options.pop("listener")
        count, begin = len(nb_man.nb.cells), nb_man.cell_start
        heard, complete = nb_man.autosave_cell, nb_man.cell_complete

        def cell_start(cell: Any, cell_index: int | None = None, **more: Any) -> None:
            on_cell((cell_index or 0) + 1, count)
            begin(cell, cell_index, **more)
            listener.begin()

        def autosave_cell() -> None:  # papermill calls it after each message of the kernel
            listener.hear()
            heard()

        def cell_complete(cell: Any, cell_index: int | None = None, **more: Any) -> None:
            listener.end(cell.get("id", ""))
            complete(cell, cell_index, **more)

        nb_man.cell_start, nb_man.autosave_cell, nb_man.cell_complete = cell_start, autosave_cell, cell_complete
        super().execute_managed_notebook(nb_man, kernel_name, **options)


def _parameters(path: Path, settings: Settings) -> dict[str, Any]:
    """Return the settings that the notebook's `parameters` cell names."""
    cells = nbformat.read(path, as_version=4).cells
    source = "\n".join(cell.source for cell in cells if "parameters" in cell.metadata.get("tags", []))
    names = {line.split("=")[0].strip() for line in source.splitlines() if "=" in line}
    values: dict[str, Any] = {"backend": settings.backend, "prefix": settings.prefix, "region": settings.region}
    values |= {"requests": settings.requests, "buffer_s": settings.buffer_s}
    return {name: value for name, value in values.items() if name in names}


def kernels_environment(settings: Settings) -> AbstractContextManager[None]:
    """Let the kernels find the run's state folder, and draw into the notebook."""
    consent = {"LAB_ACCEPT_COST": "true"} if settings.accept_cost else {}
    changes = {"LAB_HOME": str(settings.home), "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    changes |= {"LAB_SOLVE": "true"} if settings.solve else {}
    return overriding({**changes, **consent})


def _begin_empty(settings: Settings) -> None:
    """Stop what an earlier, killed run left, and forget its state; what was downloaded is kept."""
    backend = backend_of(settings)
    if settings.can.is_embedded:
        backend.stop()
        for name in ("aws", "notes", "terraform/state", "work"):
            shutil.rmtree(settings.state / name, ignore_errors=True)
        (settings.state / "terraform" / "init-stamp.json").unlink(missing_ok=True)  # every run shows its init
    shutil.rmtree(settings.home / CHECKS, ignore_errors=True)


def _clean_up(settings: Settings) -> list[teardown.Step]:
    """Tear the run down and stop the local AWS; a local AWS that is gone took everything with it."""
    backend = backend_of(settings)
    steps = teardown.tear_down(attach(settings)) if backend.is_running() else []
    try:
        backend.stop()
    except LabError as exc:
        steps.append(teardown.Step("stop the local AWS", str(exc)))
    return steps
