"""Buttons beside the calls: what they bring is text and page, an error is said, nothing happens without a yes."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.base.errors import LabError
from lab_helpers.display import Action, Asking, buttons, course_strip, show_with_buttons
from lab_helpers.display.tables import Shown


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was displayed, and what took its place."""
    seen: list[Any] = []

    class Handle:
        def update(self, shown: Shown) -> None:
            seen.append(shown)

    def display(shown: Any, **_: Any) -> Handle:
        seen.append(shown)
        return Handle()

    monkeypatch.setattr(course_strip, "display", display)
    monkeypatch.setattr(buttons, "display", display)
    return seen


def refuse() -> Shown:
    raise LabError("not <now>")


def test_a_button_brings_its_text_below(screen: list[Any]) -> None:
    """What the action returns takes the place of what was shown; an error is said there, escaped."""
    first = Shown("verdict", "<b>verdict</b>")
    show_with_buttons(first, [Action("Hint", lambda: buttons.below(first, ["a < b"])), Action("Check", refuse)])
    hint, check = screen[1].children
    hint.click()
    assert screen[-1] == Shown("verdict\na < b", screen[-1].html)
    assert "a &lt; b" in screen[-1].html
    check.click()
    assert screen[-1].text == "verdict\nnot <now>"
    assert "not &lt;now&gt;" in screen[-1].html
    assert not hint.disabled


def test_nothing_happens_before_the_yes(screen: list[Any]) -> None:
    """The question is shown with yes and no; no ends it, yes does it and says how it went."""
    done: list[str] = []
    asking = Asking()
    asking.offer("Begin here", lambda: "Really <so>?", lambda: done.append("x") or "It is done.")
    asking.show()
    (begin,) = screen[-1].children[0].children
    answers = screen[-1].children[2]
    begin.click()
    assert "Really &lt;so&gt;?" in asking.line.value
    answers.children[1].click()
    assert (done, answers.children) == ([], ())
    begin.click()
    answers.children[0].click()
    assert (done, answers.children) == (["x"], ())
    assert "It is done." in asking.line.value


def test_what_cannot_be_done_is_said_in_place_of_a_question() -> None:
    """There is no yes to it."""
    asking = Asking()
    asking.offer("Back", lambda: refuse().text, lambda: "never")
    asking.widget.children[0].children[0].click()
    assert "not &lt;now&gt;" in asking.line.value
    assert asking.widget.children[2].children == ()
