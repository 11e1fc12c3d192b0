"""The exec input: what a command prints, when it runs, and what is left of it. Compared with a real 5.1.1."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lab_helpers.router.plugin import PluginInitError, PluginKind
from tests.router.plugins.bench import Bench

JSON_PARSER = "[PARSER]\n    Name j\n    Format json\n"


def _run(bench: Bench, command: str, lines: str = "Oneshot on") -> list[Any]:
    """Run a command once; return the bodies that its lines have become."""
    taken = bench.build(PluginKind.INPUT, "exec", f"Tag e\nCommand {command}\n{lines}")
    taken.start()
    bench.turn_until(lambda: taken._child is None and taken._timer is not None and bench.log)
    taken.stop()
    return [record.body for _, record in bench.ingested]


def test_each_line_is_a_record(bench: Bench) -> None:
    """Also an empty one, and one without its end; a text ends at its first NUL, a long line is cut in pieces."""
    command = r"printf 'a b\\n\\nx\\000y\\n1234567\\nend'".replace("\\\\", "\\")
    assert [body["exec"] for body in _run(bench, command, "Oneshot on\nBuf_Size 5")] == [
        "a b", "", "x", "1234", "567", "end"
    ]  # fmt: skip


def test_lines_are_parsed(bench: Bench) -> None:
    """A line that the parser does not read is an error, and lost."""
    bench.add_parsers(JSON_PARSER)
    assert _run(bench, """printf '{"a":1}\\nno\\n'""", "Oneshot on\nParser j") == [{"a": 1}]
    assert "[error] [input:exec:exec.0] parser returned an error" in bench.log


@pytest.mark.parametrize(("command", "code"), [("exit 7", 7), ("kill -9 $$", 137), ("true", 0)])
def test_a_single_command_may_end_the_router(bench: Bench, command: str, code: int) -> None:
    """With its own exit code, a signal's by the shell's custom."""
    taken = bench.build(PluginKind.INPUT, "exec", f"Command {command}\nExit_After_Oneshot on\nPropagate_Exit_Code on")
    codes: list[int] = []
    taken._context.exit = codes.append
    taken.start()
    bench.turn_until(lambda: codes)
    assert codes == [code]


def test_commands_do_not_overlap_and_nothing_is_left_of_them(bench: Bench) -> None:
    """While one runs no other begins; the end takes along what it has started, also what ignores SIGTERM."""
    taken = bench.build(
        PluginKind.INPUT, "exec", "Command echo on; sleep 60 & sleep 60\nInterval_Sec 0\nInterval_Nsec 1"
    )
    taken.start()
    bench.turn_until(lambda: bench.ingested)
    child = taken._child
    for _ in range(5):
        bench.loop.turn(0.001)
    assert taken._child is child
    begun = time.monotonic()
    taken.stop()
    assert child.returncode is not None
    assert time.monotonic() - begun < 30
    assert len(bench.ingested) == 1


def test_what_is_refused(bench: Bench) -> None:
    """No command, settings that make no sense, and commands of a configuration that is somebody else's."""
    for lines, why in (
        ("Interval_Sec 1", "no input 'command' was given"),
        ("Command x\nPropagate_Exit_Code on", "makes no sense without exit_after_oneshot"),
        ("Command x\nBuf_Size x", "buffer size is invalid"),
    ):
        with pytest.raises(PluginInitError, match=why):
            bench.build(PluginKind.INPUT, "exec", lines)
    bench.service.environment["LAB_ROUTER_NO_COMMANDS"] = "1"
    with pytest.raises(PluginInitError, match="is not run: the configuration is somebody else's"):
        bench.build(PluginKind.INPUT, "exec", "Command true")
