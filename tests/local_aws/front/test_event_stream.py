"""The event stream encoding, read back by botocore's own decoder."""

from __future__ import annotations

from botocore.eventstream import EventStreamBuffer

from lab_helpers.local_aws.front.event_stream import encode
from lab_helpers.local_aws.kit.api import AwsError, EventStream


def _decoded(stream: EventStream) -> list[tuple[dict[str, str], bytes]]:
    buffer = EventStreamBuffer()
    for data in encode(stream):
        buffer.add_data(data)
    return [(each.headers, each.payload) for each in buffer]


def test_events_follow_the_initial_response() -> None:
    """Type and payload of each message; lengths and checksums are botocore's to check."""
    found = _decoded(EventStream(iter([("sessionStart", {"a": 1}), ("sessionUpdate", {"text": "日本"})])))
    assert [headers[":event-type"] for headers, _ in found] == ["initial-response", "sessionStart", "sessionUpdate"]
    assert {headers[":message-type"] for headers, _ in found} == {"event"}
    assert [payload.decode() for _, payload in found] == ["{}", '{"a": 1}', '{"text": "日本"}']


def test_an_error_is_the_last_message() -> None:
    """What the stream raises is an exception message with its code."""

    def events():  # type: ignore[no-untyped-def]
        yield "sessionStart", {}
        raise AwsError("SessionTimeoutException", "over")

    headers, payload = _decoded(EventStream(events()))[-1]
    assert (headers[":message-type"], headers[":exception-type"]) == ("exception", "SessionTimeoutException")
    assert payload == b'{"message": "over"}'
