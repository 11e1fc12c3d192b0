"""The multiline filter and its parsers."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.loop import Loop
from lab_helpers.router.multiline.multiline import MultilineError, find_parser
from lab_helpers.router.multiline.multiline_merge import Merger
from lab_helpers.router.plugin import PluginInitError, PluginKind
from lab_helpers.router.records.record import Record
from tests.router.plugins.bench import Bench

PARSERS = """[MULTILINE_PARSER]
    name dated
    type regex
    rule "start_state" "/^\\d{4}-\\d\\d-\\d\\d .*/" "cont"
    rule "cont" "/^\\s+.*/" "cont"

[MULTILINE_PARSER]
    name slash
    type endswith
    match_string \\
    negate on
    key_content log

[MULTILINE_PARSER]
    name end
    type eq
    match_string END
    key_content log
"""
PARTIAL = {"partial_message": "true", "partial_ordinal": "1"}


class Seconds:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def joined(bench: Bench, name: str, lines: list[str]) -> list[str]:
    """Return the messages that a multiline parser makes of these lines."""
    found: list[str] = []
    log = ComponentLog(bench.service.sink)
    parser = find_parser(name, bench.service, log)
    merger = Merger([parser], lambda _stream, record: found.append(record.body["log"]), log, "log")
    for line in lines:
        merger.append("s", Record(1, {"log": line}))
    merger.flush()
    return found


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        ("java", ["x java.lang.RuntimeException: boom\n\tat a.B(B.java:1)\nCaused by: y\n\t... 3 more", "next", "one"]),
        ("JAVA", ["AnError: x\n\n\tat a", "done"]),
        ("python", ['Traceback (most recent call last):\n  File "a.py"\n    f()\nAnError: no', "AnError: no", "after"]),
        ("go", ["panic: boom\n\ngoroutine 1 [running]:\nmain.f()\n\t/a.go:1", "after"]),
        ("ruby", ["a.rb:1:in `f': no (E)\n\tfrom a.rb:2:in `g'", "after"]),
        ("dated", ["2021-11-07 start\n  more\n  and more", "2021-11-07 second", "no match"]),
    ],
)
def test_messages_are_joined(bench: Bench, name: str, messages: list[str]) -> None:
    """The lines of each message are joined again; a line that belongs to none is a message.

    The last line of a Python traceback comes once more: 5.1 keeps the line that completes a message.
    """
    bench.add_parsers(PARSERS)
    lines = [line for text in messages for line in text.split("\n") if name != "python" or text != "AnError: no"]
    assert joined(bench, name, lines) == messages


def test_by_ends_and_equal(bench: Bench) -> None:
    """`endswith` and `eq` join without line breaks until the text says it is complete."""
    bench.add_parsers(PARSERS)
    assert joined(bench, "slash", ["one \\", "two \\", "three", "four"]) == ["one \\two \\three", "four"]
    assert joined(bench, "end", ["a", "b", "END", "c"]) == ["abEND", "c"]


def test_docker_and_cri(bench: Bench) -> None:
    """docker reads JSON first, CRI its prefix; parts of stdout and stderr are kept apart."""
    docker = ['{"log":"a","stream":"stdout"}', '{"log":"x","stream":"stderr"}', '{"log":"b\\n","stream":"stdout"}']
    assert joined(bench, "docker", docker) == ["ab\n", "x"]
    time = "2021-11-07T09:14:02.5Z"
    assert joined(bench, "cri", [f"{time} stdout P a", f"{time} stderr F x", f"{time} stdout F b"]) == ["x", "ab"]


def test_too_long_message_is_cut(bench: Bench) -> None:
    """At the limit the message is let go, cut; what follows is not appended to it."""
    log = ComponentLog(bench.service.sink)
    found: list[Any] = []
    parser = find_parser("java", bench.service, log)
    merger = Merger([parser], lambda _stream, record: found.append(record.body), log, "log", limit_bytes=16)
    assert not merger.append("s", Record(1, {"log": "AnError: x", "k": 1}))
    assert merger.append("s", Record(2, {"log": "\tat somewhere.far"}))
    assert found == [{"log": "AnError: x\n\tat s", "k": 1}]


def test_buffered_joins_over_batches(bench: Bench) -> None:
    """Records leave the filter and come back whole, with the first line's time and keys; the timer ends the rest."""
    clock = Seconds()
    bench.loop = Loop(clock)
    multiline = bench.build(PluginKind.FILTER, "multiline", "multiline.parser java\nmultiline.key_content log")
    assert multiline.filter("app", [Record(1, {"log": "AnError: x", "k": 1})]) == []
    assert multiline.filter("app", [Record(2, {"log": "\tat a", "k": 2}), Record(3, {"log": "alone"})]) == []
    assert bench.emitted == [
        ("app", Record(1, {"log": "AnError: x\n\tat a", "k": 1})),
        ("app", Record(3, {"log": "alone"})),
    ]
    multiline.filter("app", [Record(4, {"log": "AnError: y"})])
    clock.now += 2
    bench.loop.turn(0)
    assert bench.emitted[2:] == [("app", Record(4, {"log": "AnError: y"}))]
    multiline.filter("app", [Record(5, {"log": "AnError: z"})])
    multiline.stop()
    assert any("1 unfinished message(s) are lost at the end" in line for line in bench.log)


def test_own_records_pass(bench: Bench) -> None:
    """What the filter emits passes it untouched on its second way through the chain."""
    multiline = bench.build(PluginKind.FILTER, "multiline", "multiline.parser java\nmultiline.key_content log")
    seen: list[Any] = []
    multiline._context.emit = lambda tag, records: seen.append(multiline.filter(tag, records))
    assert multiline.filter("app", [Record(1, {"log": "alone"})]) == []
    assert seen == [None]
    multiline.stop()


def test_unbuffered_joins_inside_a_batch(bench: Bench) -> None:
    """With Buffer off the batch is returned joined, and nothing is kept."""
    lines = "Name multiline\nmultiline.parser java\nmultiline.key_content log\nBuffer off"
    assert bench.filtered(lines, {"log": "AnError: x"}, {"log": "\tat a"}, {"n": 1}) == [
        {"log": "AnError: x\n\tat a"},
        {"n": 1},
    ]


def test_partial_messages(bench: Bench) -> None:
    """Parts with one partial_id are joined in the place of the last; the text goes behind the other keys."""
    first = {"log": "a1", "source": "stdout", **PARTIAL, "partial_id": "A", "partial_last": "false"}
    other = {"log": "b1", **PARTIAL, "partial_id": "B", "partial_last": "false"}
    last = {"log": "a2", **PARTIAL, "partial_id": "A", "partial_last": "true"}
    lines = "Name multiline\nMode partial_message\nmultiline.key_content log"
    bodies = bench.filtered(lines, first, other, {"log": "whole"}, last)
    assert [list(body.items()) for body in bodies] == [[("log", "whole")], [("source", "stdout"), ("log", "a1a2")]]


def test_unfinished_partial_message(bench: Bench) -> None:
    """A message whose last part does not come is let go after flush_ms."""
    clock = Seconds()
    bench.loop = Loop(clock)
    multiline = bench.build(PluginKind.FILTER, "multiline", "Mode partial_message\nmultiline.key_content log")
    assert multiline.filter("app", [Record(7, {"log": "a", **PARTIAL, "partial_id": "A"})]) == []
    for _ in range(4):
        clock.now += 1
        bench.loop.turn(0)
    assert bench.emitted == [("app", Record(7, {"log": "a"}))]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({"log": "a", "partial_message": "true"}, "Could not find partial_id but partial_message key is FLB_TRUE"),
        ({**PARTIAL, "partial_id": "A"}, "Could not create packer for partial record with tag app"),
        ({"log": 5, **PARTIAL, "partial_id": "A"}, "Could not append content for partial record with tag app"),
    ],
)
def test_odd_partial_records_pass(bench: Bench, body: dict[str, Any], line: str) -> None:
    """A part that cannot be joined goes on as it is, with a warning."""
    assert bench.filtered("Name multiline\nMode partial_message\nmultiline.key_content log", dict(body)) == [body]
    assert any(line in one and one.startswith("[ warn]") for one in bench.log)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("Mode shout", "'Mode' must be 'partial_message' or 'parser'"),
        ("Mode partial_message", "'Mode' 'partial_message' requires 'multiline.key_content'"),
        ("", "requires at least one 'multiline.parser'"),
        ("multiline.parser nosuch", "parser 'nosuch' not registered"),
        ("multiline.parser java\nflush_ms 100", "flush timeout '100' is too low"),
    ],
)
def test_refusals(bench: Bench, lines: str, message: str) -> None:
    """What the real one refuses is refused with its words."""
    with pytest.raises(PluginInitError, match=message):
        bench.filtered(f"Name multiline\n{lines}")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('name a\n    rule "start_state" "/x/"', "no 'type' defined"),
        ("name a\n    type shape", "invalid type 'shape'"),
        ('name a\n    type regex\n    rule "cont" "/x/" "cont"', "rule don't contain a 'start_state'"),
        ('name a\n    type regex\n    rule "start_state" "/x/" "lost"', "to_state='lost' is not registered"),
        ('name a\n    type regex\n    rule "start_state" "/(x/" ""', "error creating rule"),
        ('name a\n    type regex\n    rule "start_state"', "'regex_pattern' is mandatory"),
    ],
)
def test_sections_refused(bench: Bench, body: str, message: str) -> None:
    """What the real one refuses in a parsers file is refused with its words."""
    bench.add_parsers(f"[MULTILINE_PARSER]\n    {body}\n")
    with pytest.raises(MultilineError, match=message):
        find_parser("a", bench.service, ComponentLog(bench.service.sink))
