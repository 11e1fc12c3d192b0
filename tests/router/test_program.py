"""The router as a program: what the article's configuration delivers, signals, storage, command line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest

from lab_helpers.router.command import Arguments, UsageError, main, parse_arguments
from lab_helpers.router.core.log import Level
from tests.router.stand_in import StandIn

ENVIRONMENT = {**os.environ, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}
SERVICE = "[SERVICE]\n    Flush 0.1\n    scheduler.base 1\n    scheduler.cap 1\n"
OUTPUTS = """
[OUTPUT]
    Name   cloudwatch_logs
    Match  *
    region r
    log_group_name /g
    log_stream_prefix from-
    endpoint 127.0.0.1
    port PORT
    tls off
[OUTPUT]
    Name   kinesis_firehose
    Match  *
    region r
    delivery_stream ds
    endpoint 127.0.0.1
    port PORT
    tls off
    Retry_Limit False
"""


class Router:
    """One router process on a configuration; `send` speaks packed forward to its unix socket."""

    def __init__(self, folder: Path, text: str, *arguments: str) -> None:
        self.folder = folder
        (folder / "router.conf").write_text(text)
        self._err = open(folder / "stderr", "wb")  # noqa: SIM115 (closed in stop)
        command = [sys.executable, "-m", "lab_helpers.router", "-c", str(folder / "router.conf"), *arguments]
        self.process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=self._err)
        self._connection = self._connected()

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        wait_until(lambda: self._accepts(connection) or self.process.poll() is not None)
        return connection

    def _accepts(self, connection: socket.socket) -> bool:
        try:
            connection.connect(str(self.folder / "f.sock"))
        except OSError:  # not there yet, or bound and not listening yet
            return False
        return True

    def send(self, *lines: str) -> bytes:
        """Send records and return the acknowledgement."""
        entries = b"".join(msgpack.packb([1_636_276_442 + at, {"log": line}]) for at, line in enumerate(lines))
        return self.send_message(["app-firelens-1", entries, {"size": len(lines), "chunk": "c"}])

    def send_message(self, message: list[Any]) -> bytes:
        """Send any forward message that asks for an acknowledgement, and return that."""
        self._connection.sendall(msgpack.packb(message))
        return self._connection.recv(100)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return exit code and log. Safe twice."""
        self._connection.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(30)
        self._err.close()
        return code, (self.folder / "stderr").read_text()


Start = Callable[[Path, str], Router]


def wait_until(holds: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Wait for something another process does; on an event that is never set, so without sleeping in a busy loop."""
    import threading
    import time

    never = threading.Event()
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        never.wait(0.01)


@pytest.fixture
def start() -> Iterator[Callable[[Path, str], Router]]:
    """A function that starts routers; all of them have ended after the test."""
    routers: list[Router] = []

    def started(folder: Path, text: str) -> Router:
        routers.append(Router(folder, text))
        return routers[-1]

    yield started
    for router in routers:
        router.stop(signal.SIGKILL)


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """An AWS to talk to."""
    with StandIn() as one:
        yield one


def forward_input(folder: Path, more: str = "") -> str:
    return f"[INPUT]\n    Name forward\n    unix_path {folder}/f.sock\n{more}"


def test_the_articles_path(tmp_path: Path, stand_in: StandIn, start: Start) -> None:
    """Forward in, metadata added, CloudWatch and Firehose both get each record once; SIGTERM drains; exit code 0."""
    metadata = "[FILTER]\n    Name record_modifier\n    Match *\n    Record ecs_cluster demo\n"
    text = SERVICE + forward_input(tmp_path) + metadata + OUTPUTS.replace("PORT", str(stand_in.port))
    router = start(tmp_path, text)
    assert msgpack.unpackb(router.send("one", "two")) == {"ack": "c"}
    wait_until(lambda: len(stand_in.records()) == 2)
    router.send("three")
    code, log = router.stop()
    assert code == 0
    expected = [f'{{"log":"{word}","ecs_cluster":"demo"}}' for word in ("one", "two", "three")]
    assert stand_in.messages() == expected
    assert stand_in.records() == [f"{line}\n".encode() for line in expected]
    assert "[engine] caught signal (SIGTERM)" in log
    assert "[ warn] [engine] service will shutdown in max 5 seconds" in log


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, stand_in: StandIn, start: Start) -> None:
    """Filesystem storage: records of a router killed while its output failed arrive from the next one."""
    stand_in.refuse("PutRecordBatch", "ServiceUnavailableException", times=1000)
    service = SERVICE + f"    storage.path {tmp_path}/store\n"
    firehose = OUTPUTS.replace("PORT", str(stand_in.port)).rpartition("[OUTPUT]")
    text = service + forward_input(tmp_path, "    storage.type filesystem\n") + firehose[1] + firehose[2]
    router = start(tmp_path, text)
    router.send("kept")
    wait_until(lambda: bool(stand_in.calls))
    router.stop(signal.SIGKILL)
    stand_in.answers.clear()
    stand_in.calls.clear()
    os.unlink(tmp_path / "f.sock")
    router = start(tmp_path, text)
    wait_until(lambda: b'{"log":"kept"}\n' in stand_in.records())
    code, log = router.stop()
    assert code == 0
    assert "queueing forward.0:" in log
    assert list((tmp_path / "store").rglob("*.flb")) == []


def test_records_of_forward_mode_are_filtered_one_by_one(tmp_path: Path, start: Start) -> None:
    """Each that fails is told of, in packed mode, too."""
    expect = "[FILTER]\n    Name expect\n    Match *\n    key_exists log\n"
    router = start(tmp_path, SERVICE + forward_input(tmp_path) + expect + "[OUTPUT]\n    Name null\n    Match *\n")
    entries = [[1, {"forward": 1}], [1, {"log": "x"}], [1, {"forward": 2}]]
    assert router.send_message(["t", entries, {"chunk": "c"}])
    packed = b"".join(map(msgpack.packb, [[1, {"packed": 1}], [1, {"packed": 2}]]))
    assert router.send_message(["t", packed, {"chunk": "c"}])
    told = [line for line in router.stop()[1].splitlines() if line.startswith("{")]
    assert told == ['{"forward":1}', '{"forward":2}', '{"packed":1}', '{"packed":2}']


def run(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lab_helpers.router", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, env=ENVIRONMENT, check=False)


def test_exit_codes_of_what_cannot_start(tmp_path: Path) -> None:
    """1 for a configuration that cannot be used, 255 for a plugin that does not start; the near match is named."""
    (tmp_path / "a.conf").write_text("[OUTPUT]\n    Name nul\n")
    (tmp_path / "b.conf").write_text("[OUTPUT]\n    Name kinesis_firehose\n    Match *\n    deliverystream x\n")
    unknown, option = run("-c", str(tmp_path / "a.conf")), run("-c", str(tmp_path / "b.conf"))
    assert (unknown.returncode, option.returncode) == (1, 255)
    assert "section 'nul' tried to instance a plugin name that doesn't exist" in unknown.stderr
    assert "did you mean 'null'?" in unknown.stderr
    assert "did you mean 'delivery_stream'?" in option.stderr


def test_a_reload_is_refused_and_the_router_goes_on(tmp_path: Path, start: Start) -> None:
    """SIGHUP: a warning, nothing else."""
    router = start(tmp_path, SERVICE + forward_input(tmp_path) + "[OUTPUT]\n    Name null\n    Match *\n")
    assert msgpack.unpackb(router.send("one")) == {"ack": "c"}
    router.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "hot reloading is not modelled" in (tmp_path / "stderr").read_text())
    assert msgpack.unpackb(router.send("two")) == {"ack": "c"}
    assert router.stop()[0] == 0


@pytest.mark.parametrize("argv", [["-p", "a=b"], ["-i", "dummy", "-p", "nothing"], ["-m", "*"]])
def test_a_property_that_belongs_to_nothing_is_left_out(argv: list[str]) -> None:
    """Without a plugin before it or without a value, and without a word; as 4.2.8 does."""
    assert all(pair[0] == "name" for section in parse_arguments(argv).sections for pair in section.pairs)


def test_an_output_of_the_command_line_gets_everything(tmp_path: Path) -> None:
    """Without -m it matches `*`; in a file it would match nothing."""
    (tmp_path / "x.log").write_text("one\n")
    tail = ["-i", "tail", "-p", f"path={tmp_path}/x.log", "-p", "read_from_head=on", "-p", "exit_on_eof=on"]
    done = run("-q", *tail, "-o", "stdout", "-p", "format=json_lines", "-p", "json_date_key=false")
    assert done.stdout == '{"log":"one"}\n'


def test_a_missing_file_is_told() -> None:
    """One line, exit code 1."""
    done = run("-c", "/nonexistent/x.conf")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("[error] could not open configuration file, aborting.")


def test_dry_run_reads_the_configuration_and_ends(tmp_path: Path) -> None:
    """--dry-run: nothing is opened."""
    (tmp_path / "a.conf").write_text(forward_input(tmp_path) + "[OUTPUT]\n    Name null\n    Match *\n")
    done = run("--dry-run", "-c", str(tmp_path / "a.conf"))
    assert (done.returncode, "configuration test is successful" in done.stderr) == (0, True)
    assert not (tmp_path / "f.sock").exists()


def test_a_plugin_of_fluent_bit_that_is_not_here_is_named(tmp_path: Path) -> None:
    """Who asks for one learns which side lacks it, and what there is."""
    (tmp_path / "a.conf").write_text("[OUTPUT]\n    Name splunk\n    Match *\n")
    done = run("-c", str(tmp_path / "a.conf"))
    assert "Fluent Bit has an output plugin 'splunk', this router does not. It has: " in done.stderr


def test_the_command_line_builds_sections() -> None:
    """-i, -F, -o open sections; -p, -m, -t add to the last; long names and = work."""
    arguments = parse_arguments(
        ["-i", "dummy", "-t", "x", "--output=null", "-m", "*", "-p", "a=b=c", "-f0.5", "-qv", "-e", "/p/firehose.so"]
    )
    assert [(section.name, section.pairs) for section in arguments.sections] == [
        ("input", [("name", "dummy"), ("tag", "x")]),
        ("output", [("name", "null"), ("match", "*"), ("a", "b=c")]),
    ]
    assert (arguments.flush_s, arguments.level, arguments.external) == (0.5, Level.ERROR, ["firehose"])


@pytest.mark.parametrize("argv", [["-c"], ["--nosuch"]])
def test_a_command_line_that_cannot_be_read_is_refused(argv: list[str]) -> None:
    """A missing value, an unknown option."""
    with pytest.raises(UsageError):
        parse_arguments(argv)
    assert main(argv, {}) == 1


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """--version names the release it behaves like; -o NAME -h describes a plugin from its option specs."""
    assert main(["--version"], {}) == 0
    assert main(["-o", "s3", "-h"], {}) == 0
    text = capsys.readouterr().out
    assert text.startswith("Fluent Bit v5.1.1 (compatible")
    assert "total_file_size" in text
    assert parse_arguments([]) == Arguments()


def test_over_its_limit_nothing_acknowledged_is_lost(tmp_path: Path, stand_in: StandIn, start: Start) -> None:
    """Mem_Buf_Limit: connections are closed while an output fails, and every acknowledged record arrives later."""
    stand_in.refuse("PutRecordBatch", "ServiceUnavailableException", times=1)
    firehose = OUTPUTS.replace("PORT", str(stand_in.port)).rpartition("[OUTPUT]")
    text = SERVICE + forward_input(tmp_path, "    Mem_Buf_Limit 100K\n") + firehose[1] + firehose[2]
    router = start(tmp_path, text)
    acknowledged = send_until_closed(router)
    wait_until(lambda: "forward.0 resume (mem buf overlimit" in (tmp_path / "stderr").read_text())
    code, log = router.stop()
    arrived = {record.decode() for record in stand_in.records()}
    assert code == 0
    assert "forward.0 paused (mem buf overlimit" in log
    assert acknowledged
    assert all(f'{{"log":"{line}"}}\n' in arrived for line in acknowledged)


def send_until_closed(router: Router) -> list[str]:
    """Send records until the router closes the connection; return those that it acknowledged."""
    acknowledged: list[str] = []
    while len(acknowledged) < 10_000:
        lines = [f"{len(acknowledged)}-{at}-{'x' * 1000}" for at in range(20)]
        try:
            if not router.send(*lines):
                return acknowledged
        except OSError:
            return acknowledged
        acknowledged += lines
    raise AssertionError("the router never closed the connection")


def test_a_flush_interval_of_zero_is_refused(tmp_path: Path) -> None:
    """[SERVICE] Flush has to be above zero: exit 1 with the reference's line."""
    (tmp_path / "a.conf").write_text("[SERVICE]\n    Flush 0\n[OUTPUT]\n    Name null\n    Match *\n")
    done = run("-c", str(tmp_path / "a.conf"))
    assert (done.returncode, "[error] invalid flush value, aborting." in done.stderr) == (1, True)


def test_a_parsers_file_of_the_command_line_must_be_there(capfd: pytest.CaptureFixture[str]) -> None:
    """-R with a missing file ends the program, unlike Parsers_File."""
    assert main(["-R", "/nonexistent/p.conf", "-i", "dummy", "-o", "null"]) == 1
    assert "[error] could not open parser configuration file, aborting." in capfd.readouterr().err
