"""The pipeline's board: one widget in an open notebook, the same figures as a table where nobody watches.

A click on a hop shows its last records; switches send requests, take Firehose's permission away and give it back.
The board looks again every few seconds, asks the server once a look, and ends with its button, with a new board, and
when the lab is gone. What it saw last stays in the notebook as HTML and text.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import ipywidgets
from IPython.display import display

from lab_helpers.base.errors import LabError, LocalAwsNotRunningError
from lab_helpers.base.messages import say
from lab_helpers.board.look import Look, Watcher, look_once, told_of
from lab_helpers.board.records import last_records
from lab_helpers.board.switches import Permission, Sender
from lab_helpers.display import board_page as page
from lab_helpers.display.course_strip import Slot
from lab_helpers.display.progress import in_live_notebook
from lab_helpers.display.tables import Shown
from lab_helpers.lab import Lab

LOCAL_EVERY_S, ACCOUNT_EVERY_S = 2.0, 30.0
KEEP_EVERY = 10
"""So many looks until the notebook's own copy of the picture is renewed: each is a change of the document."""
_LOG = logging.getLogger(__name__)


class Board:
    """The widget and the thread that looks; `start`, then `stop`, which may come first and twice."""

    def __init__(
        self,
        look: Callable[[], Look],
        records: Callable[[str], tuple[str, ...]],
        every_s: float = LOCAL_EVERY_S,
    ) -> None:
        """`records` reads the last records of a hop."""
        self._look, self._records, self._every_s = look, records, every_s
        self._keep: Callable[[Shown, bool], None] = lambda shown, is_last: None  # noqa: ARG005
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._last: Look | None = None
        self._looks = 0
        self._head = ipywidgets.HTML(page.sentence(say("looking …")))
        self._hops = ipywidgets.Box(layout=ipywidgets.Layout(flex_flow="row wrap", width="100%"))
        self._boxes: dict[str, tuple[Any, Any]] = {}
        self._note, self._told = ipywidgets.HTML(), ipywidgets.HTML()
        self._open, self._feed = ipywidgets.HTML(), ipywidgets.HTML()
        self._stop = _button(say("Stop"), "stop")
        self._stop.on_click(lambda _: self.stop(wait=False))
        self._switches = ipywidgets.Box([self._stop], layout=ipywidgets.Layout(flex_flow="row wrap"))
        parts = [self._head, self._hops, self._note, self._switches, self._told, self._open, self._feed]
        self.widget: Any = ipywidgets.VBox(parts, layout=ipywidgets.Layout(width="100%", max_width="1100px"))
        self._sender: Sender | None = None
        self._sending: Any = None
        self._changing: tuple[Any, ...] = ()

    @property
    def is_running(self) -> bool:
        """Whether the board still looks."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin to look, in a thread of its own, so that cells can run beside it; idempotent."""
        if self._thread is None and not self._ended.is_set():
            self._thread = threading.Thread(target=self._watch, name="board", daemon=True)
            self._thread.start()

    def stop(self, *, wait: bool = True) -> None:
        """End the thread and the sender; what was seen last stays."""
        self._ended.set()
        if self._sender is not None:
            self._sender.stop(wait=wait)
        for each in (*self._switches.children, *(button for button, _ in self._boxes.values())):
            each.disabled = True
        if wait and self._thread is not None:
            self._thread.join()

    def keep_in(self, keep: Callable[[Shown, bool], None]) -> None:
        """Have `keep` get the pictures that stay in the notebook, and whether it is the last one."""
        self._keep = keep

    def offer(self, sender: Sender, permission: Permission) -> None:
        """Put the switches on the board."""
        self._sender = sender
        send = self._sending = ipywidgets.ToggleButton(description=say("Send requests"), icon="play", layout=_fit())
        take, give = _button(say("Break: S3 permission"), "chain-broken"), _button(say("Heal"), "link")

        def sending(change: dict[str, Any]) -> None:
            sender.start() if change["new"] else sender.stop(wait=False)

        def changing(change: Callable[[], None]) -> None:
            take.disabled = give.disabled = True
            change()

        send.observe(sending, "value")
        take.on_click(lambda _: changing(permission.take_away))
        give.on_click(lambda _: changing(permission.give_back))
        self._changing = (take, give)
        self._switches.children = (send, take, give, self._stop)

    def changed(self) -> None:
        """Let the permission be changed again."""
        for each in self._changing:
            each.disabled = self._ended.is_set()

    def sent(self) -> None:
        """Show that nothing is sent any more."""
        if self._sending is not None:
            self._sending.value = False

    def say(self, text: str) -> None:
        """Show a sentence about what goes on."""
        self._told.value = page.sentence(text)

    def _watch(self) -> None:
        why = ""
        while not self._ended.is_set() and not why:
            why = self._once()
            self._ended.wait(0 if why else self._every_s)
        if why:
            self.stop(wait=False)
            self.say(why)
        if self._last is not None:
            self._keep(page.picture(self._last, why or say("The board was stopped.")), True)

    def _once(self) -> str:
        """Look once and show it; return why there is no next time, empty when there is one."""
        try:
            self._show(self._look())
        except LocalAwsNotRunningError as exc:
            return say("The board has ended: {why}", why=told_of(exc))
        except LabError as exc:
            self._head.value = page.sentence(told_of(exc))
        except Exception:  # the next look may work, and a thread that died would look like a still picture
            _LOG.debug("The board could not look.", exc_info=True)
            self._head.value = page.sentence(say("The figures cannot be read just now; the board tries again."))
        return ""

    def _show(self, look: Look) -> None:
        if [hop.key for hop in look.hops] != list(self._boxes):
            self._make_boxes(look)
        self._head.value = page.head(look)
        for hop in look.hops:
            button, body = self._boxes[hop.key]
            button.button_style = "danger" if hop.refused else ""
            body.value = page.figures(hop)
        self._feed.value = page.feed(look.calls)
        self._note.value = page.sentence(look.note)
        was_refused = bool(self._last and self._last.refused)
        if self._looks % KEEP_EVERY == 0 or was_refused != bool(look.refused):
            self._keep(page.folded(page.picture(look)), False)
        self._last, self._looks = look, self._looks + 1

    def _make_boxes(self, look: Look) -> None:
        for hop in look.hops:
            button = ipywidgets.Button(description=hop.name, layout=ipywidgets.Layout(width="auto", margin="0"))
            button.tooltip = say("Show the last records")
            button.on_click(lambda _, key=hop.key, name=hop.name: self._open_records(key, name))
            self._boxes[hop.key] = (button, ipywidgets.HTML(layout=ipywidgets.Layout(margin="0")))
        layout = {"flex": "1 1 98px", "min_width": "98px", "max_width": "190px", "margin": "2px"}
        self._hops.children = [
            ipywidgets.VBox(parts, layout=ipywidgets.Layout(**layout)) for parts in self._boxes.values()
        ]

    def _open_records(self, key: str, name: str) -> None:
        self._open.value = page.sentence(say("looking …"))
        try:
            self._open.value = page.records(name, self._records(key))
        except LabError as exc:
            self._open.value = page.sentence(told_of(exc))


_open: list[Board] = []
"""The board of this kernel: a new one takes the old one's place."""


def board(lab: Lab) -> Shown | None:
    """Show the pipeline: in an open notebook a board that looks again and again; elsewhere one look, as a table.

    Raises LabError outside of an open notebook: NotYetError before the lab is applied.
    """
    if not in_live_notebook():
        return page.picture(look_once(lab))
    show(_made(lab))
    return None


def show(made: Board) -> None:
    """Put a board into the running cell's output and start it; one that was shown before ends."""
    while _open:
        _open.pop().stop(wait=False)
    _open.append(made)
    made.keep_in(_Place(made.widget).put)
    made.start()


class _Place:
    """The cell's output: the widget, below it its picture; in the end the picture alone, which needs no kernel."""

    def __init__(self, widget: Any) -> None:
        self._live: Any = display(widget, display_id=True)
        self._picture = Slot(Shown("", ""))

    def put(self, shown: Shown, is_last: bool) -> None:
        """Show a picture; the last one in place of the widget."""
        if not is_last:
            self._picture.put(shown)
            return
        if self._live is not None:
            self._live.update(shown)
        self._picture.put(Shown("", ""))


def _made(lab: Lab) -> Board:
    every_s = LOCAL_EVERY_S if lab.settings.can.is_embedded else ACCOUNT_EVERY_S
    made = Board(Watcher(lab).look, lambda hop: last_records(lab, hop), every_s)
    sender = Sender(lambda: lab.outputs.url, lab.settings.rate_per_s, made.say, made.sent)
    made.offer(sender, Permission(lab, made.say, made.changed))
    return made


def _button(label: str, icon: str) -> Any:
    return ipywidgets.Button(description=label, icon=icon, layout=_fit())


def _fit() -> Any:
    return ipywidgets.Layout(width="auto")
