"""Which notebooks a headless run takes, how they are called, and where their pages are."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from lab_helpers import drills
from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.errors import SettingsError
from lab_helpers.lab import attach
from lab_helpers.workbook import runner
from lab_helpers.workbook.checks import Checks
from lab_helpers.workbook.report import NotebookResult, write_report
from tests.drills import lab_kit

MAIN = sorted(path.name[:2] for path in runner.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
FAQ, DRILLS, INCIDENT = (
    sorted(f"{part}/{path.name.partition('_')[0]}" for path in (runner.NOTEBOOKS / part).glob("*.ipynb"))
    for part in ("faq", "drills", "incident")
)


def _short(paths: list[Path]) -> list[str]:
    return [runner.name_of(path).partition("_")[0] for path in paths]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (None, MAIN),
        ("04", ["04"]),
        ("04_traffic", ["04"]),
        ("04-06", ["04", "05", "06"]),
        ("faq", FAQ),
        ("drills", DRILLS),
        ("faq/1_plugins", ["faq/1"]),
        ("drills/3", ["drills/3"]),
        ("drills/2-4", ["drills/2", "drills/3", "drills/4"]),
        ("all", [*MAIN[:-1], *FAQ, *DRILLS, *INCIDENT, MAIN[-1]]),
    ],
)
def test_what_is_chosen(wanted: str | None, chosen: list[str]) -> None:
    """The main notebooks are the default; FAQ and drills are named, or come with all before the teardown."""
    assert _short(runner.select(wanted)) == chosen


@pytest.mark.parametrize("wanted", ["11", "drills/9", "drills/1_plugins", "ja/04", "../notebooks/04", "drill"])
def test_what_is_not_there_is_refused(wanted: str) -> None:
    """With what could be meant."""
    with pytest.raises(SettingsError, match="all, faq, drills, incident, or a number or range of"):
        runner.select(wanted)


def test_other_languages_have_the_same(tmp_path: Path) -> None:
    """A language's folder is chosen from as the English one is; what lies elsewhere has its plain name."""
    assert runner.name_of(runner.select("05", runner.folder_of("ja"))[0]) == "ja/05_cloudwatch"
    assert runner.name_of(tmp_path / "own.ipynb") == "own"


def test_pages_and_checks_of_a_notebook_in_a_folder(tmp_path: Path) -> None:
    """The index leads to its page and shows its checks: both go by the notebook's name with its folder."""
    Checks("drills/9_own", tmp_path / "checks")("it holds", True)
    Checks("9_own", tmp_path / "checks")("another notebook's", True)
    report = tmp_path / "report"
    (report / "drills").mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(), report / "drills" / "9_own.ipynb")
    index = write_report(report, [NotebookResult("drills/9_own", "passed", 1.0)], [], tmp_path / "checks")
    assert '<a href="drills/9_own.html">drills/9_own</a>' in index.read_text()
    assert "✔ it holds" in index.read_text()
    assert (report / "drills" / "9_own.html").exists()
    names = [check["name"] for check in json.loads((report / "report.json").read_text())["checks"]]
    assert names == ["it holds"]


def test_a_drill_that_fails_is_undone(tmp_path: Path) -> None:
    """What it had made is deleted though its kernel is gone, and the report says so; the lab itself stays."""
    settings = lab_kit.settings(tmp_path / "home")
    code = "import os; from pathlib import Path; from lab_helpers.lab import attach; from tests.drills import lab_kit\n"
    code += "from lab_helpers.opened import Opened\n"
    code += "lab = attach(lab_kit.settings(Path(os.environ['LAB_HOME'])))\n"
    code += "Opened(lab, 'failing').add('log group', '/failing')\n"
    code += "lab.client('logs').create_log_group(logGroupName='/failing'); 1 / 0"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    path = tmp_path / "drills" / "9_failing.ipynb"
    path.parent.mkdir()
    nbformat.write(notebook, path)
    backend = LocalBackend(settings)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", str(runner.PROJECT))
            run = runner.run_workbook(settings, [path], False, lambda *_: None)
        lab = attach(settings)
        groups = lab.client("logs").describe_log_groups()["logGroups"]
        assert [(result.status, result.error) for result in run.results] == [
            ("failed", "ZeroDivisionError: division by zero")
        ]
        assert [(step.what, step.error) for step in run.teardown] == [("undo failing", "")]
        assert (groups, drills.open_drills(lab)) == ([], [])
    finally:
        backend.stop()


_AT_ONCE = """
from pathlib import Path
from lab_helpers.base.wait import wait_until
Path("{own}").touch()
wait_until(Path("{other}").exists, 60, 0.1, "the other notebook")
"""


def test_one_that_needs_nothing_built_runs_beside_the_next(tmp_path: Path) -> None:
    """Each waits for a file that the other writes in their folder; the results come in the notebooks' order."""
    paths = [tmp_path / "01_firelens.ipynb", tmp_path / "02_apply.ipynb", tmp_path / "03_image.ipynb"]
    codes = [_AT_ONCE.format(own="a", other="b"), _AT_ONCE.format(own="b", other="a"), "1 / 0"]
    for path, code in zip(paths, codes, strict=True):
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)]), path)
    here, begun = Path.cwd(), list[str]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(runner.PROJECT))
        settings = lab_kit.settings(tmp_path / "home")
        found = list(
            runner._execute_all(
                settings, paths, tmp_path / "report", lambda name, *_: begun.append(name), runner.BESIDE_THE_NEXT
            )
        )
    assert [(each.name, each.status) for each in found] == [
        ("01_firelens", "passed"), ("02_apply", "passed"), ("03_image", "failed")
    ]  # fmt: skip
    assert set(begun) == {"01_firelens", "02_apply", "03_image"}
    assert Path.cwd() == here
