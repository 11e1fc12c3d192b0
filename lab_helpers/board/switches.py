"""What can be switched on the board: send requests; take Firehose's permission away; give it back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from lab_helpers import faults, traffic
from lab_helpers.base.errors import LabError
from lab_helpers.base.messages import say
from lab_helpers.lab import Lab
from lab_helpers.terraform import OnEvent, Progress
from lab_helpers.terraform.events import Event

BATCH_S = 1.0
"""So many seconds of requests are sent at once: it ends as soon as it is switched off."""
AT_MOST_S = 300.0
"""A sender that was forgotten ends."""


class Sender:
    """Sends requests in a thread of its own until it is stopped, or `at_most_s` is over; may be started again."""

    def __init__(
        self,
        url: Callable[[], str],
        rate_per_s: float,
        told: Callable[[str], None],
        ready: Callable[[], None],
        at_most_s: float = AT_MOST_S,
    ) -> None:
        """`told` hears in the end how it went, `ready` that it is over."""
        self._url, self._rate_per_s, self._told, self._ready = url, rate_per_s, told, ready
        self._at_most_s = at_most_s
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self.sent = 0

    @property
    def is_running(self) -> bool:
        """Whether requests are being sent."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin to send; while it sends, nothing."""
        if not self.is_running:
            self._ended = threading.Event()
            self._thread = threading.Thread(target=self._send, args=(self._ended,), name="board-sender", daemon=True)
            self._thread.start()

    def stop(self, *, wait: bool = True) -> None:
        """End it; safe before `start` and twice."""
        self._ended.set()
        if wait and self._thread is not None:
            self._thread.join()

    def _send(self, ended: threading.Event) -> None:
        run, batch = traffic.new_run_id(), max(1, round(self._rate_per_s * BATCH_S))
        try:
            for number in range(int(self._at_most_s / BATCH_S)):
                if ended.is_set():
                    break
                sent = traffic.send(self._url(), batch, self._rate_per_s, f"{run}-{number}", pause=ended.wait)
                self.sent += len(sent)
            self._told(say("{count:,} requests were sent.", count=self.sent))
        except LabError as exc:
            self._told(str(exc).splitlines()[0])
        finally:
            self._ready()


class Permission:
    """Takes Firehose's permission to write away and gives it back, each in a thread of its own, one at a time."""

    def __init__(self, lab: Lab, told: Callable[[str], None], ready: Callable[[], None]) -> None:
        self._lab = Lab(lab.settings, lab.backend, lab.notes, self._shown)
        self._told, self._ready = told, ready
        self._thread: threading.Thread | None = None

    @property
    def is_changing(self) -> bool:
        """Whether Terraform is at it."""
        return self._thread is not None and self._thread.is_alive()

    def take_away(self) -> None:
        """Break the delivery, as notebook 08 does; `told` hears what goes on, `ready` the end."""
        self._begin(faults.inject_delivery_error, say("Firehose may no longer write to the bucket."))

    def give_back(self) -> None:
        """Heal the delivery; may be done when nothing is broken."""
        self._begin(faults.heal_delivery_error, say("Firehose may write to the bucket again."))

    def wait(self) -> None:
        """Wait for the end of what goes on."""
        if self._thread is not None:
            self._thread.join()

    def _begin(self, change: Callable[[Lab], None], done: str) -> None:
        if self.is_changing:
            return
        self._thread = threading.Thread(target=self._change, args=(change, done), name="board-terraform", daemon=True)
        self._told(say("Terraform changes the policy …"))
        self._thread.start()

    def _change(self, change: Callable[[Lab], None], done: str) -> None:
        try:
            change(self._lab)
            self._told(done)
        except LabError as exc:
            self._told(str(exc).splitlines()[0])
        finally:
            self._ready()

    def _shown(self, label: str) -> AbstractContextManager[OnEvent]:
        progress = Progress()

        def on_event(event: Event) -> None:
            progress.take(event)
            if progress.total:
                done = say("{done} of {total} resources", done=progress.done, total=progress.total)
                self._told(f"{label}: {done}")

        return nullcontext(on_event)
