"""A stream's counters go on in the next server: a board that began at nought behind httpd would look like a loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab_helpers.local_aws.firehose import FirehoseService
from lab_helpers.local_aws.firehose.account import Account, Counters
from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.state.rooms import Room
from lab_helpers.local_aws.state.store import StateStore
from tests.local_aws.firehose.fakes import REGION, STREAM, Fakes, make_service, work


def room() -> Room:
    return Room(StateStore(None, "test"), "firehose")


def put(fakes: Fakes, count: int) -> None:
    fakes.call("PutRecordBatch", {"DeliveryStreamName": STREAM, "Records": [{"Data": b"x\n"}] * count})


def figures(service: FirehoseService) -> dict[str, Any]:
    found = service.status()["streams"][f"{REGION}/{STREAM}"]
    return {name: found[name] for name in ("received", "delivered", "held", "objects", "expired", "discarded")}


def test_counters_go_on_after_a_kill(tmp_path: Path) -> None:
    """What was delivered, and what the journal still holds; the sum holds at each moment."""
    fakes, clock, kept = Fakes(), ManualClock(), room()
    first = make_service(tmp_path, fakes, clock, kept)
    fakes.create()
    put(fakes, 5)
    clock.advance(60)
    work(first)
    put(fakes, 3)
    left = {"received": 8, "delivered": 5, "held": 3, "objects": 1, "expired": 0, "discarded": 0}
    assert figures(first) == left
    again = make_service(tmp_path, fakes, clock, kept)  # the first is never stopped
    again.start()
    assert figures(again) == left
    again.stop()
    third = make_service(tmp_path, fakes, clock, kept)
    third.start()
    assert figures(third) == {**left, "delivered": 8, "held": 0, "objects": 2}
    third.stop()


def test_a_stream_that_is_made_again_begins_at_nought(tmp_path: Path) -> None:
    """The counters of the deleted one are forgotten; those of another stream of that name are not taken over."""
    fakes, clock, kept = Fakes(), ManualClock(), room()
    service = make_service(tmp_path, fakes, clock, kept)
    fakes.create()
    put(fakes, 5)
    clock.advance(60)
    work(service)
    fakes.call("DeleteDeliveryStream", {"DeliveryStreamName": STREAM})
    fakes.create()
    put(fakes, 1)
    assert figures(service)["received"] == 1
    Account(kept, "s", "one").keep(Counters(received=4, delivered=4))
    assert Account(kept, "s", "one").begin(held=2) == Counters(received=6, delivered=4)
    assert Account(kept, "s", "another").begin(held=2) == Counters(received=2)


def test_delivery_goes_on_where_counters_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk costs the next server its figures, not a record, and delivers none twice."""
    fakes, clock, kept = Fakes(), ManualClock(), room()

    def full(*_: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(kept, "save", full)
    service = make_service(tmp_path, fakes, clock, kept)
    fakes.create()
    put(fakes, 5)
    clock.advance(60)
    work(service)
    work(service)
    assert figures(service)["delivered"] == 5
    assert len(fakes.objects) == 1
    assert "could not be written down" in caplog.text
