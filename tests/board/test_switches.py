"""The board's switches: a sender that ends at once, and a permission that changes one at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from lab_helpers import faults, traffic
from lab_helpers.base.errors import LabError, NotYetError
from lab_helpers.board.switches import Permission, Sender


class Told:
    """What a switch says, and that it is over."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.over = threading.Event()

    def __call__(self, text: str) -> None:
        self.said.append(text)


def test_sender_goes_on_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches follow each other with ids of their own; stop ends the thread, and says how many were sent."""
    runs: list[str] = []
    third = threading.Event()

    def send(url: str, count: int, rate_per_s: float, run_id: str, pause: Callable[[float], object]) -> pd.DataFrame:
        runs.append(run_id)
        if len(runs) >= 3:
            third.set()
            pause(10)
        assert (url, rate_per_s) == ("http://lab/", 4.0)
        return pd.DataFrame(index=range(count))

    monkeypatch.setattr(traffic, "send", send)
    told = Told()
    sender = Sender(lambda: "http://lab/", 4.0, told, told.over.set)
    sender.start()
    sender.start()
    assert third.wait(10)
    sender.stop()
    assert not sender.is_running
    assert told.over.is_set()
    assert len(set(runs)) == len(runs)
    assert told.said == [f"{4 * len(runs)} requests were sent."]
    sender.stop()


def test_sender_that_was_forgotten_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to switch it off: after a time it ends by itself and says so."""
    monkeypatch.setattr(traffic, "send", lambda *_, **__: pd.DataFrame(index=range(2)))
    told = Told()
    sender = Sender(lambda: "http://lab/", 2.0, told, told.over.set, at_most_s=3.0)
    sender.start()
    assert told.over.wait(10)
    sender.stop()
    assert told.said == ["6 requests were sent."]


def test_sender_without_a_lab_says_why() -> None:
    """Before the lab is applied there is no address: a sentence, and the switch is off again."""

    def url() -> str:
        raise NotYetError("The infrastructure", "02")

    told = Told()
    sender = Sender(url, 2.0, told, told.over.set)
    sender.start()
    assert told.over.wait(10)
    sender.stop()
    assert "02" in told.said[0]


def _permission(told: Told) -> Permission:
    lab: Any = SimpleNamespace(settings=None, backend=None, notes=None)
    return Permission(lab, told, told.over.set)


def test_permission_changes_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """While Terraform is at it a second change is not begun; what it did is said when it is done."""
    go, done = threading.Event(), list[str]()

    def inject(_: Any) -> None:
        assert go.wait(10)
        done.append("broken")

    monkeypatch.setattr(faults, "inject_delivery_error", inject)
    monkeypatch.setattr(faults, "heal_delivery_error", lambda _: done.append("healed"))
    told = Told()
    permission = _permission(told)
    permission.take_away()
    permission.give_back()
    assert permission.is_changing
    go.set()
    permission.wait()
    assert (done, told.over.is_set()) == (["broken"], True)
    permission.give_back()
    permission.wait()
    assert done == ["broken", "healed"]
    assert told.said[-1] == "Firehose may write to the bucket again."


def test_change_that_fails_says_why_and_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another notebook may hold Terraform's lock: its sentence is shown, and the switch works again."""

    def locked(_: Any) -> None:
        raise LabError("another notebook is just running Terraform\nand more")

    monkeypatch.setattr(faults, "inject_delivery_error", locked)
    told = Told()
    permission = _permission(told)
    permission.take_away()
    permission.wait()
    assert told.said[-1] == "another notebook is just running Terraform"
    assert told.over.is_set()
    assert not permission.is_changing
