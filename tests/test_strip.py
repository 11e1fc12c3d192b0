"""The strip: read from the notebooks, true to what the trainee has done, the same in a terminal, safe as a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers import strip
from lab_helpers.base.config import Settings
from lab_helpers.base.messages import speaking
from lab_helpers.display import course_strip
from lab_helpers.display.course_strip import Entry
from lab_helpers.display.tables import Shown
from lab_helpers.exercises import Progress
from lab_helpers.exercises.steps import CATALOGUE
from lab_helpers.workbook.course import State, pages, plain_name, stands
from lab_helpers.workbook.time_used import MOST_S, TimeUsed


def test_notebooks_tell_their_titles_minutes_steps_and_guesses() -> None:
    """Each has a title and planned minutes, and each of the steps' ids in it is in the catalogue; ja has the same."""
    known = {step.id for step in CATALOGUE}
    english, japanese = pages("en"), pages("ja")
    assert [page.name for page in english][:11] == sorted(page.name for page in english if not page.part)
    assert all(page.title and page.minutes for page in english)
    assert {step for page in english if not page.part for step in page.steps} <= known
    facts = [(page.name, page.minutes, page.steps, page.guesses) for page in english]
    assert facts == [(page.name, page.minutes, page.steps, page.guesses) for page in japanese]
    assert plain_name("ja/04_traffic") == plain_name("04_traffic") == "04_traffic"


def test_a_notebook_is_done_when_all_it_asks_for_is(tmp_path: Path) -> None:
    """Open, begun by the first guess, done when each step is passed and each guess answered."""
    settings, progress = Settings(home=tmp_path), Progress(tmp_path)
    page = next(page for page in pages() if page.name == "01_firelens")

    def state() -> State:
        return next(each for each in stands(settings) if each.page == page).state

    assert state() is State.OPEN
    progress.guessed(page.guesses[0], "a")
    assert state() is State.BEGUN
    for name in page.guesses:
        progress.revealed(name, "a")
    for name in page.steps:
        assert state() is State.BEGUN
        progress.attempted(name, True)
    assert state() is State.DONE


def test_time_counts_between_cells_and_not_while_nobody_works(tmp_path: Path) -> None:
    """A gap counts to five minutes at most; opening again begins a new one; a damaged file counts as none."""
    now = [1000.0]
    used = TimeUsed(tmp_path, lambda: now[0])
    used.begun("drills/1_x")
    for gap_s in (60, 20, 7200):
        now[0] += gap_s
        used.worked("drills/1_x")
    now[0] += 50
    used.begun("drills/1_x")
    assert used.of("drills/1_x").seconds == 80 + MOST_S
    used.ended("drills/1_x")
    assert used.of("drills/1_x").ended_at.startswith("1970-01-01T")
    (tmp_path / "minutes" / "drills" / "1_x.json").write_text("[")
    assert used.of("drills/1_x").seconds == 0


def test_the_text_has_what_the_page_has(tmp_path: Path) -> None:
    """Each notebook is in both, with its place; the present one is marked in both, and links start from it."""
    found = strip.shown(Settings(home=tmp_path), "drills/1_nothing_arrives")
    lines = found.text.splitlines()
    assert len(lines) == len(pages()) + 1
    assert [line[:9] for line in lines if line.startswith("▶")] == ["▶ drill 1"]
    assert "href='../04_traffic.ipynb'" in found.html
    assert "href='2_wrong_shape.ipynb'" in found.html
    assert "1_nothing_arrives.ipynb" not in found.html
    assert all(page.title.split("'")[0] in found.html for page in pages())
    with speaking("ja"):
        assert "▶ ドリル 1" in strip.shown(Settings(home=tmp_path), "ja/drills/1_nothing_arrives").text


def test_titles_and_links_are_escaped() -> None:
    """What a notebook's file is called or says becomes text of the page, never a part of it."""
    entry = Entry("", "<b>", "<script>", "' onclick='x", "open", False, ("<i>",))
    page = course_strip.strip([entry], [("<u>", "")]).html
    assert not [tag for tag in ("<b>", "<script>", "<i>", "<u>", "' onclick='") if tag in page]


def test_a_strip_is_sent_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each cell the strips of head and foot are looked at; what stayed the same is not sent."""
    sent: list[Shown] = []

    class Handle:
        def update(self, shown: Shown) -> None:
            sent.append(shown)

    monkeypatch.setattr(course_strip, "display", lambda *_, **__: Handle())
    strips = strip.Strips(Settings(home=tmp_path), "01_firelens")
    strips.begin()
    strips.end()
    strips.renew()
    sent.clear()
    strips.renew()
    assert sent == []
    Progress(tmp_path).attempted("01_1", True)
    strips.renew()
    assert len(sent) == 2
    assert "steps 1 of 2" in sent[0].text
