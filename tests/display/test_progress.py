from __future__ import annotations

import pytest

from lab_helpers.base.errors import InterruptedStep
from lab_helpers.base.parallel import Progress
from lab_helpers.base.wait import Tick
from lab_helpers.display import progress
from lab_helpers.display.progress import Bar, TextSink, WidgetSink, in_live_notebook
from lab_helpers.display.terraform_progress import TerraformBar
from lab_helpers.terraform.events import PlannedChange, ResourceFinished, ResourceStarted


class Clock:
    """A clock that stands still unless moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def text_bar(lines: list[str], clock: Clock) -> Bar:
    return Bar("reading", TextSink(lines.append, monotonic=clock), monotonic=clock)


def test_text_comes_steadily_but_not_more_often() -> None:
    """A line is printed when the last is five seconds old, whether something new came or not, and at the end."""
    clock, lines = Clock(), list[str]()
    bar = text_bar(lines, clock)
    for second in range(13):
        clock.now = second
        if second < 8:
            bar(Progress(second, 10, "objects"))
        bar.show()
    bar.stop()
    bar.stop()
    assert lines == [
        " 50% reading: 5 of 10 objects, 5 s",
        " 70% reading: 7 of 10 objects, 10 s",
        "reading: 7 of 10 objects, 12 s",
    ]


def test_an_error_ends_the_bar_and_is_named() -> None:
    """The bar's thread ends with the block, and its last line says what happened."""
    lines = list[str]()
    bar = text_bar(lines, Clock())
    with pytest.raises(ZeroDivisionError), bar:
        _ = 1 // 0
    assert bar._thread is not None
    assert not bar._thread.is_alive()
    assert lines == ["reading: stopped by ZeroDivisionError, 0 s"]


def test_an_interruption_ends_the_bar_and_says_how_to_go_on() -> None:
    """The ■ button of JupyterLab is no failure: the line says so, and so does what is raised."""
    lines = list[str]()
    with pytest.raises(InterruptedStep, match="run the cell again"), text_bar(lines, Clock()):
        raise KeyboardInterrupt
    assert lines == ["reading: interrupted, 0 s"]


def test_a_wait_shows_what_was_seen_last() -> None:
    """`tick` is the callback of `wait_until`."""
    clock, lines = Clock(), list[str]()
    bar = text_bar(lines, clock)
    clock.now = 6
    bar.tick(Tick("tasks", 6, 60, "1 of 2 running"))
    assert lines == [" 10% reading: 1 of 2 running (at most 60 s), 6 s"]


def test_widgets_only_where_a_person_has_the_notebook_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that names its cell comes from a live notebook; no shell, or a request of nbclient, gets text."""

    class Shell:
        def __init__(self, metadata: dict[str, str]) -> None:
            self.metadata = metadata

        def get_parent(self) -> dict[str, dict[str, str]]:
            return {"metadata": self.metadata}

    assert not in_live_notebook()
    monkeypatch.setattr(progress, "get_ipython", lambda: Shell({}))
    assert not in_live_notebook()
    monkeypatch.setattr(progress, "get_ipython", lambda: Shell({"cellId": "a"}))
    assert in_live_notebook()


def test_the_widget_moves_and_fills() -> None:
    """The bar shows the share, keeps it when none is known, and is full at the end."""
    sink = WidgetSink()
    sink.show(0.25, "a quarter")
    sink.show(None, "still")
    assert (sink._bar.value, sink._label.value) == (0.25, "still")
    sink.close("done")
    assert (sink._bar.value, sink._label.value) == (1.0, "done")


def test_terraform_events_become_one_line() -> None:
    """The line counts resources and names those in work."""
    clock, lines = Clock(), list[str]()
    bar = TerraformBar(bar=text_bar(lines, clock))
    for address in ("aws_lb.alb", "aws_vpc.main"):
        bar(PlannedChange(address, "create"))
    bar(ResourceStarted("aws_vpc.main", "create"))
    bar(ResourceFinished("aws_vpc.main", "create", 1.0))
    clock.now = 6
    bar(ResourceStarted("aws_lb.alb", "create"))
    assert lines == [" 50% reading: 1 of 2 resources | create aws_lb.alb, 6 s"]
