"""A trainee at work: `lab jupyter`, their own copy of notebook 01, answers typed into cells, buttons, the strip.

With LAB_SCREENSHOTS=FOLDER in the environment, pictures of what they see are put there.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
from tornado.websocket import websocket_connect

from lab_helpers.base.wait import wait_until
from tests.support.jupyterlab import CHROMIUM, QUIET, served
from tests.support.stored_notebooks import LAB, PROJECT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]

NAME = "01_firelens"
WRONG = 'answer = "[FILTER]\\n    Name grep\\n    Match *\\n    Regex log 404"\nlab.step("01_1", answer)'
RIGHT = r'answer = "[FILTER]\n    Name grep\n    Match *\n    Regex log \"\\s404\\s"' + '\nlab.step("01_1", answer)'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trainee's state folder."""
    return tmp_path_factory.mktemp("trainee")


@pytest.fixture(scope="module")
def opened(home: Path) -> Iterator[str]:
    """The address of the JupyterLab that a trainee gets: `lab jupyter`, with a state folder of its own."""
    path = os.pathsep.join(each for each in os.environ["PATH"].split(os.pathsep) if each != str(LAB.parent))
    own = {"LAB_HOME": str(home), "SHELL": "/bin/sh", "PATH": path}
    with served(home, own, "--ServerApp.jpserver_extensions={'jupyter_server_terminals': True}") as address:
        yield address


class Trainee:
    """Somebody with the notebook before them, who finds a cell by what stands in it."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def run(self, marker: str, text: str = "") -> None:
        """Run the cell with `marker` in it; with `text` that is typed in first."""
        cell = self.page.locator(".jp-CodeCell", has_text=marker).first
        for _ in range(40):  # JupyterLab makes the cells that are in sight
            if cell.count():
                break
            self.page.mouse.wheel(0, 600)
            self.page.wait_for_timeout(100)
        cell.scroll_into_view_if_needed()
        cell.locator(".cm-content").click()
        if text:
            self.page.keyboard.press("Control+a")
            self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Control+Enter")

    def sees(self, text: str) -> None:
        """Wait until a text is on the page."""
        self.page.get_by_text(text).first.wait_for(timeout=120_000)

    def presses(self, button: str) -> None:
        """Press the first button of this name."""
        self.page.get_by_role("button", name=button, exact=True).first.click(timeout=30_000)

    def keeps(self, name: str) -> None:
        """Take a picture where somebody wants pictures."""
        folder = os.environ.get("LAB_SCREENSHOTS")
        if folder:
            self.page.wait_for_timeout(500)
            self.page.screenshot(path=Path(folder) / f"{name}.png")


def test_a_trainee_types_answers_and_sees_where_they_are(opened: str, home: Path) -> None:
    """A wrong answer is told why, a hint is a click away, the right one passes, the strip counts; the clone stays."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: chromium)")
    from playwright.sync_api import sync_playwright

    original = PROJECT / "notebooks" / f"{NAME}.ipynb"
    before = hashlib.sha256(original.read_bytes()).hexdigest()
    own = home / "workbook" / "notebooks" / f"{NAME}.ipynb"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 853, "height": 480}, device_scale_factor=1.5)  # a projector, 150 %
        page.goto(f"{opened}/lab/tree/notebooks/{NAME}.ipynb")
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
        page.keyboard.press("Control+b")
        page.mouse.move(400, 300)
        trainee = Trainee(page)
        trainee.run('backend = "local"')
        trainee.run("lab = open_lab")
        trainee.sees("steps 0 of 2 · guesses 0 of 4")
        trainee.presses("Begin here")
        trainee.sees("Go on?")
        trainee.keeps("begin")
        trainee.presses("No")
        trainee.run('"01_match"')
        page.get_by_label("all three").first.click(timeout=30_000)
        trainee.run('"01_1"', WRONG)
        trainee.sees("✘ step 01_1")
        trainee.presses("Hint")
        trainee.sees("Hint 1 of 3")
        trainee.keeps("hint")
        trainee.run('"01_1"', RIGHT)
        trainee.sees("✔ step 01_1")
        trainee.keeps("passed")
        trainee.run("lab.where()", "lab.where()\n!echo kernel: $(command -v lab)")
        trainee.sees(f"kernel: {LAB}")
        trainee.sees("steps 1 of 2 · guesses 1 of 4")
        trainee.keeps("foot")
        page.keyboard.press("Control+s")
        wait_until(lambda: "✔ step 01_1" in own.read_text(encoding="utf-8"), 30, 0.2, "the saved notebook")
        browser.close()
    outputs = [output for cell in json.loads(own.read_text())["cells"] for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert hashlib.sha256(original.read_bytes()).hexdigest() == before


def test_lab_is_found_in_a_terminal(opened: str) -> None:
    """Every rescue that the notebooks name is typed into JupyterLab's terminal: `lab` is on its PATH."""
    cookies = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    browser.open(f"{opened}/lab", timeout=30).close()
    token = next(cookie.value or "" for cookie in cookies if cookie.name == "_xsrf")
    request = urllib.request.Request(f"{opened}/api/terminals", b"{}", {"X-XSRFToken": token}, method="POST")
    with browser.open(request, timeout=30) as answer:
        name = json.load(answer)["name"]
    said = asyncio.run(
        _typed(f"{opened.replace('http', 'ws')}/terminals/websocket/{name}", 'echo "<$(command -v lab)>"\r')
    )
    assert said == str(LAB)


async def _typed(address: str, line: str) -> str:
    """Type a line into a terminal, and return what it prints in angle brackets."""
    socket, text = await websocket_connect(address), ""
    while not (found := re.search(r"<(/[^>$]*)>", text)):
        message = await asyncio.wait_for(socket.read_message(), 30)
        kind, *data = json.loads(message or "[null]")
        if kind == "setup":
            await socket.write_message(json.dumps(["stdin", line]))
        text += data[0] if kind == "stdout" else ""
    socket.close()
    return found[1]
