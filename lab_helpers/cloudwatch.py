"""CloudWatch Logs -> DataFrames, in parallel over streams and time windows.

A stream is read by FilterLogEvents. Its first page tells how dense it is; when more follow, the rest of its time
range is cut into windows that are read side by side. Throttled, all threads slow down together
(`clients.RETRY_MODES`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import pairwise
from typing import Any

import orjson

from lab_helpers.base.clients import aws_errors
from lab_helpers.base.lazy import np, pa, pd
from lab_helpers.base.parallel import OnProgress, Progress, growing
from lab_helpers.logs import frames, records
from lab_helpers.logs.columns import category
from lab_helpers.logs.frames import CATEGORY, TIME, Moment

WORKERS = 16
_OPERATION = "FilterLogEvents"
MAX_WINDOWS = 32
"""Windows that the rest of a dense stream is cut into at once; the last of them may be cut again."""
PAGE_SHARE = 0.85
"""A window is meant to hold a little less than a page, so that one call reads it."""
BATCH_EVENTS = 20_000
"""Events that are made into a table at once: pages are small, and each table has its price."""

Part = tuple[str, int, pa.Table]
"""A stream's name, the time (ms) of a page's first event, and what the page says."""

STREAM_SCHEMA = pa.schema(
    [("stream", pa.string()), ("created_at", TIME), ("first_event_at", TIME), ("last_event_at", TIME)]
)
MESSAGE_SCHEMA = pa.schema(
    [("stream", CATEGORY), ("event_time", TIME), ("ingested_at", TIME), ("message", pa.string())]
)


@dataclass(frozen=True)
class Window:
    """A part of one stream: `start_ms` to `end_ms` (exclusive; None: open), Unix milliseconds."""

    stream: str
    start_ms: int | None
    end_ms: int | None
    last_event_ms: int | None
    """A hint from DescribeLogStreams, which lags behind; only used to cut, never to stop reading."""
    token: str | None = None
    is_whole: bool = True


@dataclass(frozen=True)
class Page:
    """Some events of a stream, a list for each thing that is read of them: the answer's many small parts are let go at
    once, and Python's collector has fewer to look through. Times are Unix milliseconds.
    """

    stream: str
    times: list[int]
    ingested: list[int | None]
    messages: list[str]

    @classmethod
    def of(cls, stream: str, events: list[dict[str, Any]]) -> Page:
        """The events of an answer of FilterLogEvents."""
        times = [event["timestamp"] for event in events]
        return cls(stream, times, [e.get("ingestionTime") for e in events], [e["message"] for e in events])


def read_events(
    client: Any,
    group: str,
    since: Moment | None = None,
    until: Moment | None = None,
    streams: Iterable[str] | None = None,
    *,
    pattern: str | None = None,
    workers: int = WORKERS,
    on_progress: OnProgress | None = None,
) -> pd.DataFrame:
    """FireLens records of a log group as a frame of log lines (columns: `frames`), ordered by stream and event time.

    The range is over event time: `since` included, `until` not; None is open. `streams` limits to streams of these
    names. `pattern` is a CloudWatch filter pattern. Raises NotFoundError for an unknown group, AccessDeniedError,
    SettingsError for a reversed range; a range without events gives an empty frame with all columns.
    """
    pages = _pages(client, group, since, until, streams, pattern, workers, on_progress)
    reader = records.Reader()
    return frames.to_frame(_in_order([part for some in _batches(pages) for part in _log_tables(some, reader)]))


def iter_events(
    client: Any,
    group: str,
    since: Moment | None = None,
    until: Moment | None = None,
    streams: Iterable[str] | None = None,
    *,
    pattern: str | None = None,
    workers: int = WORKERS,
    on_progress: OnProgress | None = None,
) -> Iterator[pd.DataFrame]:
    """Like `read_events`, a frame a page (up to 10,000 lines), in no order between pages; holds `workers` pages at
    most.
    """
    reader = records.Reader()
    for page in _pages(client, group, since, until, streams, pattern, workers, on_progress):
        yield frames.to_frame([table for _, _, table in _log_tables([page], reader)])


def read_messages(
    client: Any,
    group: str,
    since: Moment | None = None,
    until: Moment | None = None,
    streams: Iterable[str] | None = None,
    *,
    pattern: str | None = None,
    workers: int = WORKERS,
) -> pd.DataFrame:
    """Events as they are, for logs that hold no FireLens records: stream, event_time, ingested_at, message.

    Range and errors as in `read_events`.
    """
    pages = _pages(client, group, since, until, streams, pattern, workers, None)
    return frames.to_frame(_in_order([_message_table(page) for page in pages]), MESSAGE_SCHEMA)


def list_streams(client: Any, group: str, prefix: str = "") -> pd.DataFrame:
    """The group's streams: stream, created_at, first_event_at, last_event_at (AWS updates the last one late).

    Raises NotFoundError for an unknown group.
    """
    found = _describe_streams(client, group, prefix)
    columns = {
        "stream": [stream["logStreamName"] for stream in found],
        "created_at": _times([stream.get("creationTime") for stream in found]),
        "first_event_at": _times([stream.get("firstEventTimestamp") for stream in found]),
        "last_event_at": _times([stream.get("lastEventTimestamp") for stream in found]),
    }
    return frames.to_frame([frames.from_columns(columns, len(found), STREAM_SCHEMA)], STREAM_SCHEMA)


def _describe_streams(client: Any, group: str, prefix: str = "") -> list[dict[str, Any]]:
    wanted = {"logGroupName": group} | ({"logStreamNamePrefix": prefix} if prefix else {})
    with aws_errors("DescribeLogStreams"):
        pages = client.get_paginator("describe_log_streams").paginate(**wanted)
        return [stream for page in pages for stream in page["logStreams"]]


def _pages(
    client: Any,
    group: str,
    since: Moment | None,
    until: Moment | None,
    streams: Iterable[str] | None,
    pattern: str | None,
    workers: int,
    on_progress: OnProgress | None,
) -> Iterator[Page]:
    start, end = frames.time_range(since, until)
    _parse_events_fast(client)
    names = None if streams is None else set(streams)
    windows = [
        Window(s["logStreamName"], _milliseconds(start), _milliseconds(end), s.get("lastEventTimestamp"))
        for s in _describe_streams(client, group)
        if names is None or s["logStreamName"] in names
    ]

    def read(window: Window) -> tuple[Page, list[Window]]:
        events, more = _read_page(client, group, window, pattern)
        return Page.of(window.stream, events), more

    for done, (page, left) in enumerate(growing(read, windows, workers), start=1):
        if on_progress:
            on_progress(Progress(done, done + left, "pages"))
        if page.times:
            yield page


def _parse_events_fast(client: Any) -> None:
    """Let orjson read the events of an answer: botocore walks its model for each field, which takes longer than
    the call.
    """
    hooks = getattr(getattr(client, "meta", None), "events", None)
    if hooks is not None:
        hooks.register(f"before-parse.cloudwatch-logs.{_OPERATION}", _take_events, unique_id="lab-events")


def _take_events(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    if response_dict["status_code"] != HTTPStatus.OK or not response_dict["body"].startswith(b"{"):
        return
    answer = orjson.loads(response_dict["body"])
    customized_response_dict["events"] = answer.pop("events", [])
    response_dict["body"] = orjson.dumps(answer)


def _read_page(
    client: Any, group: str, window: Window, pattern: str | None
) -> tuple[list[dict[str, Any]], list[Window]]:
    request: dict[str, Any] = {"logGroupName": group, "logStreamNames": [window.stream]}
    # FilterLogEvents includes both ends; the range's end does not belong to it
    bounds = {"startTime": window.start_ms, "endTime": None if window.end_ms is None else window.end_ms - 1}
    options = bounds | {"nextToken": window.token, "filterPattern": pattern}
    with aws_errors(_OPERATION):
        answer = client.filter_log_events(**request, **{k: v for k, v in options.items() if v is not None})
    return what_follows(window, answer["events"], answer.get("nextToken"))


def what_follows(
    window: Window, events: list[dict[str, Any]], token: str | None
) -> tuple[list[dict[str, Any]], list[Window]]:
    """The events of a page to keep, and the windows still to read after it.

    The rest of a whole window is cut into parts of about a page when there are several: it starts again at the last
    event's millisecond, whose events this page may have only in part, so they are left to the next window.
    """
    if token is None:
        return events, []
    first, last = (events[0]["timestamp"], events[-1]["timestamp"]) if events else (0, 0)
    step = int((last - first) * PAGE_SHARE)
    horizon = min(window.last_event_ms or 0, (window.end_ms or window.last_event_ms or 1) - 1)
    parts = min(MAX_WINDOWS, (horizon - last) // step + 1) if step > 0 else 0
    if not window.is_whole or parts < 2:
        return events, [replace(window, token=token, is_whole=False)]
    edges = [*(last + step * part for part in range(parts)), window.end_ms]
    rest = [replace(window, start_ms=begin, end_ms=end) for begin, end in pairwise(edges)]
    return [event for event in events if event["timestamp"] < last], rest


def _one_a_line(messages: list[str]) -> bytes:
    text = "\n".join(messages).encode("utf-8", "replace")
    if np.count_nonzero(np.frombuffer(text, np.uint8) == ord("\n")) < len(messages):
        return text
    # JSON text has no line break inside strings, so there they mean nothing
    return "\n".join(message.replace("\n", " ") for message in messages).encode("utf-8", "replace")


def _batches(pages: Iterable[Page]) -> Iterator[list[Page]]:
    """Pages put together, so that few large tables are made."""
    batch, size = list[Page](), 0
    for page in pages:
        batch.append(page)
        size += len(page.times)
        if size >= BATCH_EVENTS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _log_tables(pages: list[Page], reader: records.Reader) -> Iterator[Part]:
    """A table of log lines for each page, read at once."""
    table, origin = reader.read(_one_a_line([message for page in pages for message in page.messages]))
    page_of_row = np.repeat(np.arange(len(pages), dtype=np.int32), [len(page.times) for page in pages])[origin]
    times = {name: values.take(pa.array(origin)) for name, values in _times_of(pages).items()}
    streams = category([page.stream for page in pages], page_of_row)
    table = frames.with_columns(table, times | {"stream": streams})
    edges = np.searchsorted(page_of_row, np.arange(len(pages) + 1)).tolist()
    for page, (begin, end) in zip(pages, pairwise(edges), strict=True):
        yield page.stream, page.times[0], table.slice(begin, end - begin)


def _message_table(page: Page) -> Part:
    count = len(page.times)
    columns = _times_of([page]) | {
        "stream": pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), [page.stream]),
        "message": page.messages,
    }
    return page.stream, page.times[0], frames.from_columns(columns, count, MESSAGE_SCHEMA)


def _times_of(pages: list[Page]) -> dict[str, pa.Array]:
    return {
        "event_time": _times([time for page in pages for time in page.times]),
        "ingested_at": _times([time for page in pages for time in page.ingested]),
    }


def _times(milliseconds: list[int | None]) -> pa.Array:
    return pa.array(milliseconds, pa.int64()).cast(pa.timestamp("ms", tz="UTC")).cast(TIME)


def _milliseconds(moment: Any) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _in_order(pages: list[Part]) -> list[pa.Table]:
    """Pages by stream and time. They do not overlap; those that begin in one millisecond came in their order."""
    return [table for _, _, table in sorted(pages, key=lambda page: page[:2])]
