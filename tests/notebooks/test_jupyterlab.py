"""JupyterLab as the trainee meets it: a real browser opens a notebook, runs all of it, and looks at the result.

With README_PICTURE=FILE in the environment the picture of the README is written there.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from tests.support.jupyterlab import CHROMIUM, QUIET, served
from tests.support.stored_notebooks import PROJECT

NOTEBOOK = "01_firelens"
CELL_COUNT = len(
    [c for c in nbformat.read(PROJECT / "notebooks" / f"{NOTEBOOK}.ipynb", as_version=4).cells if c.cell_type == "code"]
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def jupyterlab(tmp_path: Path) -> Iterator[str]:
    """The address of a JupyterLab on a copy of the notebooks, so that running them changes nothing here."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: chromium)")
    (tmp_path / "notebooks").mkdir()
    _copy_without_outputs(PROJECT / "notebooks" / f"{NOTEBOOK}.ipynb", tmp_path / "notebooks")
    shutil.copy(PROJECT / "README.md", tmp_path)
    own = {"LAB_HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with served(tmp_path, own, f"--ServerApp.root_dir={tmp_path}") as address:
        yield address


def _copy_without_outputs(path: Path, folder: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, folder / path.name)


def test_trainee_runs_a_whole_notebook(jupyterlab: str, tmp_path: Path) -> None:
    """All cells run from the menu, no cell fails, the checks and tables are there to be seen."""
    from playwright.sync_api import expect, sync_playwright

    picture = Path(os.environ.get("README_PICTURE", tmp_path / "jupyterlab.png"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1440, "height": 900}, device_scale_factor=1.5)
        page.goto(f"{jupyterlab}/lab/tree/notebooks/{NOTEBOOK}.ipynb")
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        panel = page.locator(".jp-NotebookPanel")
        deadline = time.monotonic() + 150
        executed = nbformat.read(tmp_path / "notebooks" / f"{NOTEBOOK}.ipynb", as_version=4)
        while time.monotonic() < deadline:
            page.keyboard.press("Control+s")
            page.wait_for_timeout(1000)
            executed = nbformat.read(tmp_path / "notebooks" / f"{NOTEBOOK}.ipynb", as_version=4)
            if len([c for c in executed.cells if c.cell_type == "code" and c.execution_count]) == CELL_COUNT:
                break
        expect(panel).to_be_visible()
        page.locator(".jp-RenderedHTMLCommon table").first.scroll_into_view_if_needed()
        page.screenshot(path=picture)
        browser.close()
    outputs = [output for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    checks = [cell for cell in executed.cells if cell.cell_type == "code" and "lab.check(" in cell.source]
    assert checks
    assert all("✔" in output.get("text", "") for cell in checks for output in cell.outputs[:1])
    assert picture.stat().st_size > 50_000


def test_start_page_leads_to_japanese_and_it_speaks(jupyterlab: str, tmp_path: Path) -> None:
    """From the first page one click opens the Japanese one; run there, the same cells say it in Japanese."""
    from playwright.sync_api import expect, sync_playwright

    (tmp_path / "notebooks" / "ja").mkdir()
    for name in ("00_setup.ipynb", "ja/00_setup.ipynb"):
        _copy_without_outputs(PROJECT / "notebooks" / name, (tmp_path / "notebooks" / name).parent)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page()
        page.goto(f"{jupyterlab}/lab/tree/notebooks/00_setup.ipynb")
        page.get_by_role("link", name="日本語", exact=True).click(timeout=60_000)
        page.get_by_role("heading", name="何ができるようになるのか").wait_for(timeout=60_000)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.get_by_text("✔ このバックエンドに必要なものはすべてある").wait_for(timeout=120_000)
        expect(page.get_by_role("link", name="English", exact=True)).to_have_count(1)
        browser.close()


BOARD_CELL = """
import itertools
from datetime import UTC, datetime
from lab_helpers.board.look import Hop, Look
from lab_helpers.display import Board, board_widget
totals = itertools.count(1)

def look():
    well = Hop("firehose", "Firehose", 100 + next(totals), 7)
    return Look(datetime.now(UTC), (well, Hop("s3", "S3", 93, refused="AccessDenied: not authorized")), (), "a note")

board_widget.show(Board(look, lambda hop: (f"the last record of {hop}",), every_s=0.2))
"""


def test_board_goes_on_and_leaves_its_picture(jupyterlab: str, tmp_path: Path) -> None:
    """Figures change while no cell runs, a click opens a hop's records; stopped, the picture outlives the kernel."""
    from playwright.sync_api import expect, sync_playwright

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(BOARD_CELL)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    file = tmp_path / "notebooks" / "board.ipynb"
    nbformat.write(notebook, file)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 853, "height": 480})  # a projector at 150 %
        page.goto(f"{jupyterlab}/lab/tree/notebooks/board.ipynb")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        figure = page.locator("b", has_text=re.compile(r"^1\d\d$")).first
        figure.wait_for(timeout=60_000)
        expect(figure).not_to_have_text(figure.inner_text(), timeout=30_000)
        expect(page.locator("button.mod-danger", has_text="S3")).to_be_visible()
        page.locator("button.jupyter-button", has_text="Firehose").click()
        page.get_by_text("the last record of firehose").wait_for(timeout=30_000)
        page.locator("button.jupyter-button", has_text="Stop").click()
        page.get_by_text("The board was stopped.").wait_for(timeout=30_000)
        expect(page.locator("button.jupyter-button", has_text="Firehose")).to_have_count(0)
        page.keyboard.press("Control+s")
        expect(page.locator(".jp-mod-dirty")).to_have_count(0, timeout=30_000)
        browser.close()
    (cell,) = nbformat.read(file, as_version=4).cells
    kept = cell.outputs[0]["data"]
    assert "application/vnd.jupyter.widget-view+json" not in kept
    assert "AccessDenied: not authorized" in kept["text/html"]
    assert "AccessDenied: not authorized" in kept["text/plain"]
