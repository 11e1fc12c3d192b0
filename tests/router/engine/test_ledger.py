"""Every record is somewhere: read = filtered + unrouted + stored; of an output received = sent + dropped + held."""

from __future__ import annotations

import io
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.router.command import catch_signals
from lab_helpers.router.config.config_text import read_file
from lab_helpers.router.config.settings import build_service
from lab_helpers.router.core.log import ComponentLog, Sink
from lab_helpers.router.engine.engine import Engine
from lab_helpers.router.engine.ledger import is_whole, sentence
from tests.router.stand_in import StandIn
from tests.router.test_program import OUTPUTS, SERVICE, Router, forward_input, wait_until


def balanced(found: dict[str, Any]) -> dict[str, Any]:
    """Return the ledger after checking its sums."""
    read = sum(one["records"] for one in found["inputs"].values())
    filters = found["filters"]
    assert read + filters["added"] - filters["removed"] == found["unrouted"] + found["stored"]
    for one in found["outputs"].values():
        assert one["received"] == one["sent"] + one["dropped"] + one["held"]
        assert one["dropped"] == sum(one["lost"].values())
    return found


def share(received: int, sent: int, dropped: int, held: int = 0, **lost: int) -> dict[str, Any]:
    """Return one output's part of a ledger."""
    reasons = {reason.replace("_", " "): count for reason, count in lost.items()}
    return {"received": received, "sent": sent, "dropped": dropped, "held": held, "lost": reasons}


@pytest.fixture
def aws() -> Iterator[StandIn]:
    """An AWS to talk to."""
    with StandIn() as one:
        yield one


def run(folder: Path, text: str, *lines: str, until: Any = lambda: True) -> tuple[dict[str, Any], str]:
    """Run a router on this configuration, send it lines, stop it; return (last ledger, log)."""
    path = folder / "ledger.json"
    router = Router(folder, text, f"--ledger={path}")
    router.send(*lines)
    wait_until(lambda: until() and path.exists())
    balanced(json.loads(path.read_bytes()))
    code, log = router.stop()
    assert code == 0
    return balanced(json.loads(path.read_bytes())), log


def test_nothing_lost(tmp_path: Path, aws: StandIn) -> None:
    """Each output received and sent all; the log's last word says so as an information."""
    text = SERVICE + forward_input(tmp_path) + OUTPUTS.replace("PORT", str(aws.port))
    found, log = run(tmp_path, text, "one", "two", "three")
    assert found["state"] == "ended"
    assert found["outputs"] == {"cloudwatch_logs.0": share(3, 3, 0), "kinesis_firehose.1": share(3, 3, 0)}
    assert "[ info] [engine] records: read 3; cloudwatch_logs.0: 3 to deliver, 3 sent, 0 dropped, 0 held" in log


def test_filtered_and_unrouted_records_are_accounted_for(tmp_path: Path) -> None:
    """What grep removes, what rewrite_tag puts in again, what no output wants."""
    grep = "[FILTER]\n    Name grep\n    Match app*\n    Exclude log drop\n"
    rewrite = "[FILTER]\n    Name rewrite_tag\n    Match app*\n    Rule log ^(move) moved true\n"
    output = "[OUTPUT]\n    Name null\n    Match moved\n"
    found, _ = run(tmp_path, SERVICE + forward_input(tmp_path) + grep + rewrite + output, "drop", "move", "stay")
    assert {name: one["records"] for name, one in found["inputs"].items()} == {
        "forward.0": 3, "emitter_for_rewrite_tag.1": 1,
    }  # fmt: skip
    assert (found["filters"], found["unrouted"], found["stored"]) == ({"added": 0, "removed": 1}, 2, 1)
    assert found["outputs"] == {"null.0": share(1, 1, 0)}


def test_retry_limit_and_end_of_grace_are_told(tmp_path: Path, aws: StandIn) -> None:
    """One output gives up, the other still tries when time is over: both losses are in the ledger and a warning."""
    aws.refuse("PutLogEvents", "ThrottlingException", times=1000)
    aws.refuse("PutRecordBatch", "ServiceUnavailableException", times=1000)
    outputs = OUTPUTS.replace("PORT", str(aws.port)).replace(
        "    log_group_name", "    Retry_Limit no_retries\n    log_group_name"
    )
    text = SERVICE + "    Grace 1\n" + forward_input(tmp_path) + outputs
    found, log = run(tmp_path, text, "one", "two", until=lambda: aws.of("PutLogEvents"))
    assert found["outputs"] == {
        "cloudwatch_logs.0": share(2, 0, 2, retry_limit=2), "kinesis_firehose.1": share(2, 0, 2, end_of_grace=2),
    }  # fmt: skip
    assert "[ warn] [engine] records: read 2; cloudwatch_logs.0: 2 to deliver, 0 sent, 2 dropped (retry limit 2)" in log


def test_what_lies_in_files_is_held(tmp_path: Path, aws: StandIn) -> None:
    """Filesystem storage: the next run sends it, so it is not lost; that one reads it from the files."""
    aws.refuse("PutRecordBatch", "ServiceUnavailableException", times=1000)
    service = SERVICE + f"    Grace 1\n    storage.path {tmp_path}/store\n"
    firehose = OUTPUTS.replace("PORT", str(aws.port)).rpartition("[OUTPUT]")
    text = service + forward_input(tmp_path, "    storage.type filesystem\n") + firehose[1] + firehose[2]
    found, _ = run(tmp_path, text, "kept")
    assert found["outputs"] == {"kinesis_firehose.0": share(1, 0, 0, held=1)}
    aws.answers.clear()
    found, _ = run(tmp_path, text, "new", until=lambda: b'{"log":"kept"}\n' in aws.records())
    assert found["outputs"] == {"kinesis_firehose.0": share(2, 2, 0)}


def test_a_ledger_in_words() -> None:
    """Reasons and places, so that the last line of a router says what is missing."""
    found = {
        "inputs": {"forward.0": {"records": 5, "lost": {"paused input": 2}}},
        "outputs": {"s3.0": share(5, 3, 1, held=1, refused=1)},
    }
    assert sentence(found) == (
        "[engine] records: read 5; 2 lost before (forward.0, paused input); "
        "s3.0: 5 to deliver, 3 sent, 1 dropped (refused 1), 1 held"
    )
    assert not is_whole(found)


class _Interrupted(io.StringIO):
    """A stderr whose first write is interrupted by signals, as the machine may do it; it takes one write at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.is_busy, self.is_first = False, True

    def write(self, text: str) -> int:
        if self.is_busy:
            raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")
        self.is_busy = True
        for number in (signal.SIGHUP, signal.SIGTERM) if self.is_first else ():
            signal.raise_signal(number)
        self.is_first = False
        self.is_busy = False
        return super().write(text)


def test_a_signal_may_come_while_a_line_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F2: SIGTERM and SIGHUP in the middle of a log line neither end the router with an error nor lose the line."""
    stream = _Interrupted()
    monkeypatch.setattr("sys.stderr", stream)
    (tmp_path / "c").write_text("[INPUT]\n    Name dummy\n[OUTPUT]\n    Name null\n    Match *\n")
    sink = Sink()
    log = ComponentLog(sink)
    engine = Engine(
        read_file(str(tmp_path / "c"), log), build_service(read_file(str(tmp_path / "c"), log), {}, sink, 1.0)
    )
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        catch_signals(engine)
        log.info("a line")
        engine.loop.turn(0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        engine.close()
    assert "a line" in stream.getvalue()
    assert "caught signal (SIGTERM)" in stream.getvalue()
    assert "hot reloading is not modelled" in stream.getvalue()
    assert engine.stopping
