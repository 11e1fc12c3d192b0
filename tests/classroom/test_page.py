"""The class's page in Chromium, with thirty trainees: readable on a projector, safe with odd names, led by its buttons.

With LAB_SCREENSHOTS=FOLDER in the environment, pictures of it are put there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.classroom.report import Report
from lab_helpers.classroom.server import ClassServer
from lab_helpers.classroom.serving import open_class
from lab_helpers.classroom.syllabus import lessons, questions
from tests.support.jupyterlab import CHROMIUM, QUIET

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

NAMES = (
    "Mia", "Ken", "Ada", "松本 さくら", "Bo", "Chinedu", "Dora", "Emre", "Fatima", "Gus", "Hana", "Ivan", "Jun", "Kofi",
    "Lena", "Maximiliane-Katharina von Hohenstein", "Noa", "Ola", "Pia", "Quinn", "Rui", "Sven", "Tao", "Uma", "Vera",
    "Wim", "Xin", "Yuki", "Zoe", "<img src=x onerror=document.title=1>",
)  # fmt: skip
NARROW, WIDE = {"width": 853, "height": 480}, {"width": 1280, "height": 720}
"""A projector of 1280x720 with the browser at 150 % and at 100 %."""


def fill(server: ClassServer) -> None:
    """Thirty trainees in four notebooks; three are stuck, one is at a break; all of 01 is guessed and seen."""
    room, questions_of = server.room, lessons()["01_firelens"].questions
    for number, name in enumerate(NAMES):
        notebook = ("02_apply", "03_image", "03_image", "04_traffic", "drills/4_permissions")[number % 5]
        page = lessons()[notebook].page
        failed = {page.steps[0]: 3 + number} if number in (2, 13, 29) and page.steps else {}
        seen = {each.name: (number * 7 % len(each.options), 0) for each in questions_of}
        report = Report(
            here=notebook, section=number % 4, quiet_s=1200 if number == 10 else 20,
            minutes={"00_setup": 8 + number % 3, "01_firelens": 19, notebook: number},
            passed=lessons()["01_firelens"].page.steps[: 2 - number % 2], failed=failed,
            guessed=(*seen, *(["02_slowest"] if number % 3 else [])), seen=seen,
        )  # fmt: skip
        token, _ = room.join(name)
        room.reported(token, report)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, "--no-proxy-server"])
        yield launched
        launched.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ClassServer]:
    """A class of thirty."""
    with open_class(tmp_path, port=0) as server:
        fill(server)
        yield server


@pytest.fixture(params=["", "-tls"])
def served_both_ways(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ClassServer]:
    """A class of thirty on one's own machine, and one for a network, whose code is longer."""
    with open_class(tmp_path, port=0, encrypted=bool(request.param)) as server:
        fill(server)
        yield server


def opened(browser: Any, server: ClassServer, size: dict[str, int], language: str = "en") -> Any:
    """Return the page as the trainer sees it; what goes wrong in it is kept in `page.wrong`."""
    server.language = language
    page = browser.new_page(viewport=size, device_scale_factor=1.5, ignore_https_errors=True)
    page.wrong, page.asked = [], []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("console", lambda told: page.wrong.append(told.text) if told.type == "error" else None)
    page.on("request", lambda request: page.asked.append(request.url))
    scheme = "https" if server.tls else "http"
    page.goto(f"{scheme}://127.0.0.1:{server.port}/#token={server.room.trainer}")
    page.locator("tbody tr").nth(len(NAMES) - 1).wait_for()
    return page


def keep(page: Any, name: str) -> None:
    """Take a picture where somebody wants pictures."""
    if folder := os.environ.get("LAB_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")
        page.screenshot(path=Path(folder) / f"{name}-whole.png", full_page=True)


def test_it_is_readable_on_a_projector(browser: Any, served_both_ways: ClassServer) -> None:
    """In both themes and sizes: nothing is wider than the screen, people and who is stuck are on the first one.

    Every text has contrast.
    """
    page = opened(browser, served_both_ways, WIDE)
    kind = "-tls" if served_both_ways.tls else ""
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            keep(page, f"class-{theme}-{size['width']}{kind}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            for place in ("#where .row:first-child", "#stuck li:first-child"):
                box = page.locator(place).bounding_box()
                assert box["y"] + box["height"] < size["height"]
            assert page.evaluate(CONTRAST) == []
    assert page.locator("#where .chip").count() == len(NAMES)
    assert page.locator("#stuck li").count() == 3
    assert page.locator("#h-stuck").inner_text() == "Who is stuck · 3"  # the list may be longer than its place
    assert "`" not in page.locator("main").inner_text()
    page.locator("#how").click()
    keep(page, f"class-how{kind}")
    assert page.locator("#join code").inner_text().endswith(served_both_ways.join_code)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.wrong == []
    page.close()


CONTRAST = """() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[0-9.]+/g).slice(0, 3).map((v) => v / 255)
      .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(color) && color !== "transparent") return color;
    }
    return "rgb(255, 255, 255)";
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.offsetParent || element.disabled) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(element.textContent.slice(0, 40));
  }
  return poor;
}"""
"""Texts with less contrast to their ground than WCAG's 4.5."""


def test_odd_names_and_the_token_stay_texts(browser: Any, served: ClassServer) -> None:
    """A name with HTML in it is read as it was typed; the address bar has no token; nothing comes from elsewhere."""
    page = opened(browser, served, WIDE)
    assert page.title() == "The class"
    assert page.locator("td", has_text=NAMES[-1]).count() == 1
    assert page.locator("img, iframe, object, link").count() == 0
    assert page.url == f"http://127.0.0.1:{served.port}/"
    assert {each.split("/")[2] for each in page.asked} == {f"127.0.0.1:{served.port}"}
    page.reload()
    page.locator("tbody tr").first.wait_for()
    page.get_by_role("button", name="Hide names").click()
    assert NAMES[-1] not in page.locator("body").inner_text()
    assert page.wrong == []
    page.close()
    stranger = browser.new_page()
    stranger.goto(f"http://127.0.0.1:{served.port}/")
    assert "lab class serve" in stranger.locator("#contact").inner_text()
    assert stranger.locator("main").is_hidden()
    stranger.close()


def test_the_trainer_leads_the_class(browser: Any, served: ClassServer) -> None:
    """A sentence, notebooks one by one, a prediction's answers, somebody who left: each by its button, seen at once."""
    page = opened(browser, served, WIDE)
    page.get_by_label("a sentence to all").fill("Break <b>until</b> four")
    page.get_by_role("button", name="Say it").click()
    page.locator("#sentence", has_text="Break <b>until</b> four").wait_for()
    page.get_by_role("button", name="Hold notebooks back").click()
    page.get_by_role("button", name="Release notebook 05").click()
    page.get_by_role("button", name="Release notebook 06").wait_for()
    assert "05_cloudwatch" in (served.room.released or ())
    page.locator(".row", has_text="06 · ").filter(has_text="held back").wait_for()
    block = page.locator(".question", has_text="02 · ")
    assert block.locator(".option").count() == 0
    block.get_by_role("button", name="Show the answers now").click()
    block.locator(".option").first.wait_for()
    assert page.locator(".question", has_text="01 · ").first.locator(".option").count() >= 2
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("tr", has_text="Zoe").get_by_role("button", name="Remove").click()
    page.locator("tr", has_text="Zoe").wait_for(state="detached")
    assert page.wrong == []
    page.close()


def test_it_says_when_the_server_is_gone(browser: Any, tmp_path: Path) -> None:
    """What was seen last stays; when the server is back, so is the page."""
    from playwright.sync_api import expect

    with open_class(tmp_path, port=0) as server:
        fill(server)
        page = opened(browser, server, WIDE)
    page.locator("#contact", has_text="does not answer").wait_for()
    assert page.locator("tbody tr").count() == len(NAMES)
    with open_class(tmp_path):
        expect(page.locator("#contact")).to_be_empty()
    page.close()


def test_it_speaks_japanese(browser: Any, served: ClassServer) -> None:
    """Titles, questions and options too."""
    page = opened(browser, served, WIDE, "ja")
    keep(page, "class-ja")
    told = page.locator("body").inner_text()
    assert not [each for each in ("つまずいている人", "予想", "作業中", "ドリル") if each not in told]
    assert questions()["01_match"].text not in told
    page.close()
