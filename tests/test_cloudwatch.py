from __future__ import annotations

import json
import random

import pandas as pd
import pytest
from botocore.stub import Stubber

from lab_helpers import cloudwatch
from lab_helpers.base.clients import Clients
from lab_helpers.base.errors import AccessDeniedError, NotFoundError, SettingsError
from lab_helpers.base.parallel import Progress
from lab_helpers.logs import frames
from tests.support.fake_aws import FakeLogs, at
from tests.support.log_samples import TASKS, record, request_line, stream_name
from tests.support.throttled import Quota, serving_logs

GROUP = "/ecs/firelens/httpd"
START_MS = int(at(14).timestamp() * 1000)


def dense_stream(count: int, seed: int, same_ms: int = 1) -> list[tuple[int, str]]:
    """Events at irregular times, up to `same_ms` of them in one millisecond, each with its own id."""
    rng, moment, events = random.Random(seed), START_MS, []
    while len(events) < count:
        moment += rng.choice([1, 2, 3, 400])
        for _ in range(rng.randint(1, same_ms)):
            events.append((moment, json.dumps(record(request_line(f"s{seed}-{len(events)}"), TASKS[seed]))))
    return events


def ids(frame: pd.DataFrame) -> list[str]:
    return frame["query"].str.removeprefix("id=").tolist()


@pytest.mark.parametrize("same_ms", [1, 4, 12])
@pytest.mark.parametrize("page_size", [1, 5, 17])
def test_every_event_once_however_streams_are_cut(same_ms: int, page_size: int) -> None:
    """Pages, windows and events of one millisecond lose nothing and double nothing; streams stay in order of time."""
    streams = {stream_name(TASKS[n]): dense_stream(120, n, same_ms) for n in (0, 1)}
    frame = cloudwatch.read_events(FakeLogs(streams, page_size), GROUP)
    expected = [json.loads(m)["log"] for name in sorted(streams) for _, m in streams[name]]
    assert sorted(frame["line"]) == sorted(expected)
    for _, part in frame.groupby("stream", observed=True):
        assert part["event_time"].is_monotonic_increasing


def test_a_dense_stream_is_read_in_windows_side_by_side() -> None:
    """After the first page the rest of a dense stream is cut into time windows."""
    logs = FakeLogs({stream_name(): dense_stream(200, 0)}, page_size=20)
    cloudwatch.read_events(logs, GROUP)
    assert len({call["start"] for call in logs.calls}) > 5


def test_columns_say_where_and_when() -> None:
    """Stream, event time and ingestion time stand beside the parsed line; the frame has all documented columns."""
    logs = FakeLogs({stream_name(): [(START_MS, json.dumps(record(request_line("r-0"))))]})
    frame = cloudwatch.read_events(logs, GROUP)
    row = frame.iloc[0]
    assert frame.columns.tolist() == frames.LOG_SCHEMA.names
    assert (row["task"], row["stream"], row["status"]) == (TASKS[0], stream_name(), 200)
    assert row["event_time"] == pd.Timestamp(at(14))
    assert row["ingested_at"] - row["event_time"] == pd.Timedelta("500ms")
    assert pd.isna(row["problem"])


def test_the_range_includes_its_start_and_not_its_end() -> None:
    """Two ranges that touch share no event."""
    logs = FakeLogs({stream_name(): [(START_MS + n, json.dumps(record(request_line(f"r-{n}")))) for n in range(4)]})
    cut = at(14).replace(microsecond=2000)
    assert ids(cloudwatch.read_events(logs, GROUP, until=cut)) == ["r-0", "r-1"]
    assert ids(cloudwatch.read_events(logs, GROUP, since=cut)) == ["r-2", "r-3"]


def test_only_the_named_streams() -> None:
    """`streams` limits what is read; a name that is not there is no error."""
    streams = {stream_name(task): [(START_MS, json.dumps(record(request_line(task[:4]), task)))] for task in TASKS}
    frame = cloudwatch.read_events(FakeLogs(streams), GROUP, streams=[stream_name(TASKS[1]), "gone"])
    assert frame["task"].tolist() == [TASKS[1]]


def test_generator_and_progress() -> None:
    """The generator form gives the same lines, a page at a time; progress ends complete."""
    logs, seen = FakeLogs({stream_name(): dense_stream(60, 0)}, page_size=7), list[Progress]()
    pages = list(cloudwatch.iter_events(logs, GROUP, on_progress=seen.append))
    assert max(map(len, pages)) <= 7
    assert sorted(ids(pd.concat(pages))) == sorted(f"s0-{n}" for n in range(60))
    assert seen[-1].done == seen[-1].total


def test_nothing_there_gives_the_same_columns() -> None:
    """A range without events, and a group without streams, give an empty frame with the documented dtypes."""
    logs = FakeLogs({stream_name(): dense_stream(10, 0), "empty": []})
    for frame in (cloudwatch.read_events(logs, GROUP, since="2030-01-01"), cloudwatch.read_events(FakeLogs({}), GROUP)):
        assert frame.empty
        assert frame.dtypes.equals(frames.empty().dtypes)


def test_messages_that_are_no_records() -> None:
    """`read_messages` takes events as they are; `read_events` keeps such lines and marks them."""
    texts = ["[ info] started\n", '{"a": "b\\nc"}']
    logs = FakeLogs({"httpd-sidecar/log_router/1": [(START_MS + n, text) for n, text in enumerate(texts)]})
    assert cloudwatch.read_messages(logs, "/ecs/firelens")["message"].tolist() == texts
    assert cloudwatch.read_events(logs, "/ecs/firelens")["problem"].tolist() == ["not JSON", "no log field"]


def test_streams_as_a_frame() -> None:
    """`list_streams` gives names and times; a stream without events has no first and last."""
    frame = cloudwatch.list_streams(FakeLogs({"a": [(START_MS, "x")], "b": []}), GROUP)
    assert frame["stream"].tolist() == ["a", "b"]
    assert frame["first_event_at"].isna().tolist() == [False, True]


def test_a_reversed_range_is_refused() -> None:
    """`since` after `until` is an error of the caller, said before AWS is asked."""
    with pytest.raises(SettingsError, match="not after until"):
        cloudwatch.read_events(FakeLogs({}), GROUP, since="2021-11-08", until="2021-11-07")


@pytest.mark.parametrize(
    ("code", "error"),
    [("ResourceNotFoundException", NotFoundError), ("AccessDeniedException", AccessDeniedError)],
)
def test_unknown_groups_and_denials_are_errors(code: str, error: type[Exception]) -> None:
    """AWS's refusal comes as the lab's error."""
    logs = Clients.local("http://127.0.0.1:1", "ap-northeast-1").client("logs")
    with Stubber(logs) as stub:
        stub.add_client_error("describe_log_streams", code, "no")
        with pytest.raises(error):
            cloudwatch.read_events(logs, GROUP)


def test_throttling_is_respected_and_loses_nothing() -> None:
    """Beyond its quota AWS refuses calls: the threads slow down together, and every event is read in the end."""
    logs, quota = FakeLogs({stream_name(): dense_stream(200, 0)}, page_size=10), Quota(per_second=5)
    with serving_logs(logs, quota) as url:
        frame = cloudwatch.read_events(Clients.local(url, "ap-northeast-1").client("logs"), GROUP)
    assert sorted(ids(frame)) == sorted(f"s0-{n}" for n in range(200))
    assert quota.refused > 0, "the reader was never fast enough for the quota: the test shows nothing"
    assert quota.refused < quota.taken  # each thread by itself, in standard mode, is refused twice as often
