"""Buttons beside what a cell shows, for a person who has the notebook open; the calls that they stand for stay.

What a button brings takes its place in the cell's output as text and page, so that it is there when the notebook is
opened again; only the buttons themselves end with the kernel.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets
from IPython.display import display

from lab_helpers.base.errors import LabError
from lab_helpers.base.messages import say
from lab_helpers.display.course_strip import Slot, look_again
from lab_helpers.display.tables import Shown

_PRE = (
    "text-align:left;font-family:monospace;white-space:pre-wrap;"
    "margin:4px 0;padding:4px 8px;border-left:3px solid #8a8f98"
)


@dataclass(frozen=True)
class Action:
    """A button: its label, and what it does; what that returns is shown."""

    label: str
    act: Callable[[], Shown]


def show_with_buttons(shown: Shown, actions: Sequence[Action]) -> None:
    """Show something with a row of buttons below; what a button brings takes its place."""
    slot, row = Slot(shown), list[Any]()

    def press(action: Action) -> None:
        _enable(row, False)
        try:
            slot.put(action.act())
        except LabError as exc:
            slot.put(below(shown, [str(exc)]))
        finally:
            _enable(row, True)
        look_again()

    for each in actions:
        button = _button(each.label)
        button.on_click(lambda _, action=each: press(action))
        row.append(button)
    display(ipywidgets.HBox(row))


def ask_line(label: str, button: str, value: str, act: Callable[[str], Shown]) -> None:
    """Ask for a line of text; the button hands it on, and what that returns, or its error, is shown."""
    line: Any = ipywidgets.Text(value=value, description=say(label))
    pressed, slot = _button(button), Slot(Shown("", ""))

    def press() -> None:
        try:
            slot.put(act(str(line.value)))
        except LabError as exc:
            slot.put(below(Shown("", ""), [str(exc)]))

    pressed.on_click(lambda _: press())
    display(ipywidgets.HBox([line, pressed]))


def below(shown: Shown, told: Sequence[str]) -> Shown:
    """Put texts below what is shown: hints, a solution, an error."""
    pages = "".join(f"<div style='{_PRE}'>{html.escape(text)}</div>" for text in told)
    return Shown("\n".join([shown.text, *told]), shown.html + pages)


class Asking:
    """Buttons that ask before they act: a question, yes and no, and a line that says what is going on."""

    def __init__(self) -> None:
        self.line: Any = ipywidgets.HTML()
        self._first, self._answers = ipywidgets.HBox(), ipywidgets.HBox()
        self.widget: Any = ipywidgets.VBox([self._first, self.line, self._answers])

    def offer(self, label: str, question: Callable[[], str], act: Callable[[], str]) -> None:
        """Add a button; `question` says what would happen (an empty one: nothing to ask), `act` what has happened."""
        button = _button(label)
        button.on_click(lambda _: self._ask(label, question, act))
        self._first.children = (*self._first.children, button)

    def show(self) -> None:
        """Show the buttons."""
        display(self.widget)

    def say(self, text: str) -> None:
        """Show a sentence."""
        self.line.value = f"<div style='line-height:1.5'>{html.escape(text)}</div>"

    def _ask(self, label: str, question: Callable[[], str], act: Callable[[], str]) -> None:
        self.say(say("looking …"))
        try:
            self.say(question())
        except LabError as exc:
            self.say(str(exc))
            return
        yes, no = _button(say("Yes: {what}", what=say(label))), _button("No")
        yes.on_click(lambda _: self._act(act))
        no.on_click(lambda _: self._end(""))
        self._answers.children = (yes, no)

    def _act(self, act: Callable[[], str]) -> None:
        self._answers.children = ()
        _enable(self._first.children, False)
        try:
            self._end(act())
        except LabError as exc:
            self._end(str(exc))
        finally:
            _enable(self._first.children, True)
        look_again()

    def _end(self, text: str) -> None:
        self._answers.children = ()
        self.say(text)


def _button(label: str) -> Any:
    return ipywidgets.Button(description=say(label), layout=ipywidgets.Layout(width="auto"))


def _enable(buttons: Sequence[Any], is_on: bool) -> None:
    for each in buttons:
        each.disabled = not is_on
