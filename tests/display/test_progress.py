from __future__ import annotations

import contextlib

import pytest

from lab_helpers.base.errors import InterruptedStep
from lab_helpers.base.parallel import Progress
from lab_helpers.base.wait import Tick
from lab_helpers.display import progress
from lab_helpers.display.progress import Bar, PageSink, TextSink, in_live_notebook
from lab_helpers.display.tables import Shown
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
    """A line is printed when the last is three seconds old, whether something new came or not, and at the end."""
    clock, lines = Clock(), list[str]()
    bar = text_bar(lines, clock)
    for second in range(9):
        clock.now = second
        if second < 5:
            bar(Progress(second, 10, "objects"))
        bar.show()
    bar.stop()
    bar.stop()
    assert lines == [
        " 30% reading: 3 of 10 objects, 3 s",
        " 40% reading: 4 of 10 objects, 6 s",
        "reading: 4 of 10 objects, 8 s",
    ]


def test_a_bar_for_what_is_soon_done_shows_late(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing of a step that ends in time, all of one that does not."""
    clock = Clock()
    for seconds in (1.9, 2.0):
        clock.now = 0.0
        bar = Bar(f"{seconds} s", monotonic=clock, after_s=2.0)
        clock.now = seconds
        bar.note("read")
        bar.stop()
    assert capsys.readouterr().out == "2.0 s: read, 2 s\n"


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


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> list[Shown]:
    """What took the place of the bar in the cell's output, one after the other."""
    seen: list[Shown] = []

    class Handle:
        def update(self, shown: Shown) -> None:
            seen.append(shown)

    monkeypatch.setattr(progress, "display", lambda *_, **__: Handle())
    return seen


def test_the_bar_is_page_and_text_and_fills(page: list[Shown]) -> None:
    """The share is kept when none is known, looks that come too soon are left out, and the end is full and marked."""
    clock = Clock()
    sink = PageSink(monotonic=clock)
    for seconds, share, text in ((0.1, 0.1, "soon"), (1, 0.25, "a <quarter>"), (2, None, "still")):
        clock.now = seconds
        sink.show(share, text)
    sink.close("it is there")
    assert [shown.text for shown in page] == ["25% a <quarter>", "25% still", "✔ 100% it is there"]
    assert "width:25%" in page[0].html
    assert "a &lt;quarter&gt;" in page[0].html


@pytest.mark.parametrize(("error", "mark"), [(KeyboardInterrupt(), "■"), (ValueError(), "✘"), (None, "✔")])
def test_done_failed_and_interrupted_look_different(page: list[Shown], error: BaseException | None, mark: str) -> None:
    """By a mark and a colour; only what is done is full."""
    with contextlib.suppress(InterruptedStep, ValueError), Bar("apply", PageSink(every_s=0)) as bar:
        bar.update(1, 4, "resources")
        if error is not None:
            raise error
    assert page[-1].text.startswith(f"{mark} {'25%' if error else '100%'} apply: ")
    colours = {"■": "#b7791f", "✘": "#c0392b", "✔": "#2e8b57"}
    assert [known for known, colour in colours.items() if colour in page[-1].html] == [mark]


def test_what_ended_and_not_well_is_no_success(page: list[Shown]) -> None:
    """A step that does not hold raises nothing."""
    with Bar("step 08_4", PageSink(every_s=0)) as bar:
        bar.fail("not yet")
    assert page[-1].text == "✘ 0% step 08_4: not yet, 0 s"


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
