"""Somebody does 00 to 10 in JupyterLab: chooses, types files and answers, runs cell after cell, and saves.

`make walk`. With LAB_SCREENSHOTS=FOLDER in the environment, a picture of each notebook's end is put there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.base.wait import wait_until
from tests.support.jupyterlab import CHROMIUM, QUIET, served
from tests.support.stored_notebooks import PROJECT
from tests.walk.hands import Cell, cells

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]

NAMES = sorted(path.stem for path in (PROJECT / "notebooks").glob("[01]*.ipynb"))
ACTIVE = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell.jp-mod-active"
CELL_TIMEOUT_MS = 600_000
"""A cell may wait for an apply or a deployment."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trainee's state folder of the whole course: a new one, or WALK_HOME, to go on where a walk ended."""
    known = os.environ.get("WALK_HOME")
    return Path(known) if known else tmp_path_factory.mktemp("walk")


@pytest.fixture(scope="module")
def page(home: Path) -> Iterator[Any]:
    """One page of a browser on the JupyterLab that `lab jupyter` opens."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: chromium)")
    from playwright.sync_api import sync_playwright

    own = {"LAB_HOME": str(home), "SHELL": "/bin/sh", "LAB_BUFFER_S": os.environ.get("LAB_BUFFER_S", "10")}
    with served(home, own) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        opened = browser.new_page(viewport={"width": 853, "height": 480}, device_scale_factor=1.5)
        opened.set_default_timeout(60_000)
        opened.goto(f"{address}/lab")
        opened.address = address
        yield opened
        browser.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_done_by_hand(name: str, page: Any, home: Path) -> None:
    """No cell ends in an error, every step is passed by what was typed, every guess was given before its outcome."""
    own = home / "workbook" / "notebooks" / f"{name}.ipynb"
    page.goto(f"{page.address}/lab/tree/notebooks/{name}.ipynb?reset")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.locator(".jp-NotebookPanel .jp-Cell").first.click()
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    given = list(cells(own))
    for cell in given:
        _do(page, cell)
    page.keyboard.press("Control+s")
    wait_until(lambda: _all_ran(own), 60, 0.2, "the saved notebook")
    _keep(page, name)
    outputs = _outputs(own)
    errors = [each for each in outputs if each["output_type"] == "error"]
    assert not errors, errors
    told = json.dumps(outputs, ensure_ascii=False)
    assert [cell.step for cell in given if cell.step and f"✔ step {cell.step}" not in told] == []
    assert "no guess" not in told


def _do(page: Any, cell: Cell) -> None:
    active = page.locator(ACTIVE)
    if cell.is_code:
        if cell.typed:
            page.keyboard.press("Enter")
            page.keyboard.press("Control+a")
            page.keyboard.insert_text(cell.typed)
            page.keyboard.press("Escape")
        page.keyboard.press("Control+Enter")
        _wait_until_done(page)
        if cell.asks:
            active.locator("input[type=radio]").first.click()
            active.locator(".jp-InputPrompt").click()
    page.keyboard.press("ArrowDown")


def _wait_until_done(page: Any) -> None:
    """Wait until the active cell has run: its prompt holds a number again, and the kernel is idle."""
    prompt = f"document.querySelector('{ACTIVE} .jp-InputPrompt')?.textContent ?? ''"
    page.wait_for_function(f"() => /\\[\\d+\\]/.test({prompt})", timeout=CELL_TIMEOUT_MS)


def _all_ran(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")  # empty while JupyterLab writes it
    code = [each for each in json.loads(text)["cells"] if each["cell_type"] == "code"] if text else []
    return bool(code) and all(each["execution_count"] for each in code)


def _outputs(path: Path) -> list[dict[str, Any]]:
    return [each for cell in json.loads(path.read_text())["cells"] for each in cell.get("outputs", [])]


def _keep(page: Any, name: str) -> None:
    """Take a picture where somebody wants pictures."""
    folder = os.environ.get("LAB_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")
