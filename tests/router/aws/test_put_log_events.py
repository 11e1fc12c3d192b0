"""PutLogEvents requests are cut where CloudWatch's limits, as Fluent Bit counts them, ask for it."""

from __future__ import annotations

import io
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.router.aws import put_log_events as put
from lab_helpers.router.core.log import ComponentLog, Sink
from lab_helpers.router.records.lines import Lines

DAY_MS = 24 * 3600 * 1000
STREAM = put.LogStream("/g", "s")


def bodies(times: list[int], lines: list[bytes]) -> tuple[list[Any], str]:
    """Return the decoded requests for these lines, and the log."""
    text = io.StringIO()
    batch = Lines(times, lines)
    made = put.bodies(batch, STREAM, ComponentLog(Sink(stream=text)))
    return [orjson.loads(body) for body in made], text.getvalue()


def sizes(requests: list[Any]) -> list[int]:
    return [len(request["logEvents"]) for request in requests]


def test_a_stream_named_by_any_bytes_is_sent_to() -> None:
    """A record can make its stream's name (rewrite_tag, log_stream_template): U+FFFD for each odd byte."""
    stream = put.LogStream("/g", "A\udcffB\x7f")
    (body,) = put.bodies(Lines([5], [b'{"a":1}']), stream, ComponentLog(Sink(stream=io.StringIO())))
    assert orjson.loads(body)["logStreamName"] == "A\ufffdB\x7f"


def test_ten_thousand_events_a_request() -> None:
    """The 10,001st event goes with the next request."""
    requests, _ = bodies([5] * 10_001, [b'{"a":1}'] * 10_001)
    assert sizes(requests) == [10_000, 1]
    assert requests[0]["logGroupName"] == "/g"


def test_a_request_stays_within_a_mebibyte() -> None:
    """Names, 42 bytes an event and the escaped text count."""
    line = orjson.dumps({"log": '"' * 500})
    requests, _ = bodies([5] * 1200, [line] * 1200)
    each = 42 + len(orjson.dumps(line.decode())) - 2
    assert sizes(requests)[0] == (1_048_576 - 76 - 3) // each
    assert sum(sizes(requests)) == 1200


def test_events_of_a_day_or_more_are_parted() -> None:
    """Exactly 24 hours split, a second less does not."""
    assert sizes(bodies([1000, 1000 + DAY_MS], [b'{"a":1}'] * 2)[0]) == [1, 1]
    assert sizes(bodies([1000, DAY_MS], [b'{"a":1}'] * 2)[0]) == [2]


def test_events_are_sorted_within_a_request_and_stay_stable() -> None:
    """By time; equal times keep their order of arrival."""
    (request,), _ = bodies([7, 5, 7, 5], [b'{"n":1}', b'{"n":2}', b'{"n":3}', b'{"n":4}'])
    assert [event["message"] for event in request["logEvents"]] == ['{"n":2}', '{"n":4}', '{"n":1}', '{"n":3}']


def test_an_empty_record_is_left_out_silently() -> None:
    """`{}` is no event and no message."""
    requests, log = bodies([1, 2], [b"{}", b'{"a":1}'])
    assert (sizes(requests), log) == ([1], "")


def test_a_massive_record_costs_only_itself() -> None:
    """It is discarded with a warning, after what came before it was sent."""
    requests, log = bodies([1, 2, 3], [b'{"a":1}', orjson.dumps({"log": "x" * 1_100_000}), b'{"b":1}'])
    assert [event["message"] for request in requests for event in request["logEvents"]] == ['{"a":1}', '{"b":1}']
    assert sizes(requests) == [1, 1]
    assert "Discarding massive log record" in log


def test_an_event_is_cut_at_a_million_bytes() -> None:
    """Escaped bytes count, and no half of an escape is left behind."""
    requests, log = bodies([1], [b'{"log":"' + b"x" * 999_985 + b'\\"' * 4 + b'"}'])
    message = requests[0]["logEvents"][0]["message"]
    assert len(orjson.dumps(message)) - 2 <= 1_000_000
    assert "Truncating event which is larger than max size allowed by CloudWatch" in log


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 999)), min_size=1, max_size=12),
    st.sampled_from(((1_048_576, 10_000), (1_048_576, 3), (300, 10_000), (400, 3))),
)
def test_the_short_way_equals_the_long_one(rows: list[tuple[int, int]], limits: tuple[int, int]) -> None:
    """Sorted or not, with or without common ends, within the limits or cut by them: the same requests."""
    with patch.object(put, "MAX_BODY_BYTES", limits[0]), patch.object(put, "MAX_EVENTS", limits[1]):
        short, long = _both_ways(rows)
    assert short == long
    assert all(len(events) <= limits[1] for events in short)


def _both_ways(rows: list[tuple[int, int]]) -> tuple[list[Any], list[Any]]:
    times = [row[0] for row in rows]
    parts = [b'"n":"%b%%d%d"' % (b"\x7f" * (row[1] % 9 == 0), row[1]) for row in rows]
    batch = Lines(times, parts, b'{"%":1,', b',"e":"%s"}')
    short = list(put.bodies(batch, STREAM, ComponentLog(Sink())))
    plain = Lines(times, batch.complete())
    long = put.Batches(STREAM, ComponentLog(Sink()))
    events = [
        put.Event(time_ms, len(line), message)
        for time_ms, line, message in zip(times, plain.parts, plain.escaped().parts, strict=True)
    ]
    made = [body for event in events for body in long.add(event)] + list(long.rest())
    return [orjson.loads(body)["logEvents"] for body in short], [orjson.loads(body)["logEvents"] for body in made]


def test_the_span_counts_from_the_oldest_event() -> None:
    """Out of order events widen the span in both directions."""
    times = [DAY_MS, 2 * DAY_MS - 2000, DAY_MS - 5000]
    assert sizes(bodies(times, [b'{"a":1}'] * 3)[0]) == [2, 1]
    assert pytest.approx(put.SPAN_MS) == DAY_MS
