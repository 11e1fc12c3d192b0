"""The awsfirelens driver speaks the Forward protocol as Docker's fluentd driver does."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack

from lab_helpers.local_aws.ecs.logs.awsfirelens import Encoder, FirelensDriver
from lab_helpers.local_aws.ecs.logs.drivers import Stamped
from lab_helpers.local_aws.ecs.logs.lines import LogLine, Part
from lab_helpers.local_aws.kit.clock import ManualClock, SystemClock

KEYS = ["container_id", "container_name", "source", "log"]


def _decode(data: bytes) -> Any:
    return msgpack.unpackb(data, strict_map_key=False)


def _encoder(seed: int = 0) -> Encoder:
    return Encoder("httpd-firelens-abc", "abc-1234567890", "httpd", random.Random(seed))


def test_a_message_is_tag_event_time_record() -> None:
    """Message mode with sub-second time, as the agent configures the driver."""
    line = LogLine("stdout", b"hello")
    tag, time, record = _decode(_encoder().encode(Stamped(line, 1_636_276_442_123_456_000)))
    assert tag == "httpd-firelens-abc"
    assert (time.code, time.data) == (0, (1_636_276_442).to_bytes(4, "big") + (123_456_000).to_bytes(4, "big"))
    assert record == {"container_id": "abc-1234567890", "container_name": "httpd", "source": "stdout", "log": "hello"}


def test_keys_start_anywhere_and_keep_their_cycle() -> None:
    """Row E4: Go's map order starts at random; the article shows two of the four orders."""
    encoder, seen = _encoder(), set()
    for _ in range(60):
        record = _decode(encoder.encode(Stamped(LogLine("stdout", b"x"), 0)))[2]
        seen.add(tuple(record))
    assert seen == {tuple(KEYS[start:] + KEYS[:start]) for start in range(4)}
    assert ("source", "log", "container_id", "container_name") in seen
    assert ("log", "container_id", "container_name", "source") in seen


def test_a_part_of_a_long_line_says_so() -> None:
    """partial_message and its companions are strings, as Docker's driver writes them."""
    record = _decode(_encoder().encode(Stamped(LogLine("stdout", b"x", Part("id", 2, True)), 0)))[2]
    partial = {key: value for key, value in record.items() if key.startswith("partial")}
    assert partial == {
        "partial_message": "true",
        "partial_id": "id",
        "partial_ordinal": "2",
        "partial_last": "true",
    }


def test_lengths_of_every_kind() -> None:
    """Each of msgpack's string headers is written right."""
    for size in (0, 31, 32, 255, 256, 16_384, 65_535, 65_536):
        record = _decode(_encoder().encode(Stamped(LogLine("stdout", b"x" * size), 0)))[2]
        assert len(record["log"]) == size


@contextmanager
def _router(path: Path) -> Iterator[list[Any]]:
    """A listener that keeps what it is sent."""
    got: list[Any] = []
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    server.settimeout(10)

    def serve() -> None:
        connection, _ = server.accept()
        unpacker = msgpack.Unpacker(strict_map_key=False)
        with connection:
            while data := connection.recv(65_536):
                unpacker.feed(data)
                got.extend(unpacker)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield got
    finally:
        thread.join()
        server.close()


def test_lines_arrive_in_order_and_all(tmp_path: Path) -> None:
    """What is written before close is delivered, in order, and accounted for."""
    path = tmp_path / "s"
    with _router(path) as got:
        driver = FirelensDriver(SystemClock(), str(path), "t", "id", "c")
        for start in range(0, 3000, 100):
            driver.write([LogLine("stdout", b"%d" % (start + number)) for number in range(100)])
        driver.close(10)
    assert [message[2]["log"] for message in got] == [str(number) for number in range(3000)]
    assert driver.counters() == {"received": 3000, "sent": 3000, "dropped": 0, "held": 0}


def test_a_full_buffer_drops_and_counts(tmp_path: Path) -> None:
    """`log-driver-buffer-limit`: the container never waits for the router; what does not fit is lost, and counted."""
    driver = FirelensDriver(ManualClock(), str(tmp_path / "nobody"), "t", "id", "c", buffer_lines=10)
    driver.write([LogLine("stdout", b"x")] * 1000)
    counted = driver.counters()
    assert counted["dropped"] >= 1000 - 10 - 500
    assert counted["received"] == counted["sent"] + counted["dropped"] + counted["held"] == 1000
    driver.close(0)
    assert driver.counters() == {"received": 1000, "sent": 0, "dropped": 1000, "held": 0}


def test_a_router_that_comes_late_gets_everything(tmp_path: Path) -> None:
    """Connecting is asynchronous: lines wait until the router listens."""
    path = tmp_path / "s"
    driver = FirelensDriver(SystemClock(), str(path), "t", "id", "c")
    driver.write([LogLine("stderr", b"early")])
    with _router(path) as got:
        driver.write([LogLine("stderr", b"late")])
        driver.close(10)
    assert [message[2]["log"] for message in got] == ["early", "late"]


def test_what_the_socket_took_is_not_sent_again(tmp_path: Path) -> None:
    """A router that closes its connection loses what it had not read; the rest comes on the next one, nothing twice."""
    path = tmp_path / "s"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    server.settimeout(10)
    driver = FirelensDriver(SystemClock(), str(path), "t", "id", "name")
    driver.write([LogLine("stdout", b"%6d " % number + b"x" * 10_000) for number in range(400)])
    first, _ = server.accept()
    unpacker = msgpack.Unpacker(max_buffer_size=10_000_000)
    unpacker.feed(first.recv(100_000))
    read = [_number(message) for message in unpacker]
    first.close()
    second, _ = server.accept()
    again = msgpack.Unpacker(max_buffer_size=10_000_000)
    rest: list[int] = []
    while not rest or rest[-1] != 399:
        again.feed(second.recv(1_000_000))
        rest += [_number(message) for message in again]
    driver.close(5)
    second.close()
    server.close()
    assert rest == list(range(rest[0], 400))
    assert 0 < len(read) < rest[0] < 399


def _number(message: Any) -> int:
    return int(message[2]["log"].split()[0])


def test_a_router_that_does_not_read_holds_up_no_end(tmp_path: Path) -> None:
    """A full socket: closing gives up after its time, and counts what the socket took and what it did not."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "s"))
    server.listen()
    driver = FirelensDriver(SystemClock(), str(tmp_path / "s"), "t", "id", "c")
    driver.write([LogLine("stdout", b"x" * 10_000)] * 400)
    driver.close(0.3)
    counted = driver.counters()
    server.close()
    assert 0 < counted["sent"] < 400
    assert counted["sent"] + counted["dropped"] == counted["received"] == 400
