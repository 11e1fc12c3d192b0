"""Tasks in a running router: what they make comes in again, through the filters, and nothing is left at the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROUTER = [sys.executable, "-m", "lab_helpers.router", "-c", "router.conf"]
MAIN = """
[SERVICE]
    Flush 0.1
    Grace 5
    Streams_File {file}
[INPUT]
    Name dummy
    Tag app-firelens-1
    Dummy {{"status":503,"uri":"/b"}}
    Samples 1
[FILTER]
    Name record_modifier
    Match error-*
    Record seen by-a-filter
[OUTPUT]
    Name stdout
    Match *
"""
TASKS = """
[STREAM_TASK]
    Name access
    Exec CREATE STREAM access WITH (tag='access-log') AS SELECT * FROM TAG:'*-firelens-*' WHERE status >= 200;
[STREAM_TASK]
    Name error
    Exec CREATE STREAM error WITH (tag='error-log') AS SELECT uri AS u, RECORD_TAG() AS t FROM STREAM:access;
[STREAM_TASK]
    Name hidden
    Exec CREATE STREAM hidden WITH (routable='off') AS SELECT * FROM TAG:'*-firelens-*';
[STREAM_TASK]
    Name counted
    Exec CREATE STREAM counted AS SELECT COUNT(*) FROM TAG:'*';
[STREAM_TASK]
    Name shown
    Exec SELECT status FROM TAG:'access-log';
"""


def run(folder: Path, configuration: str) -> tuple[list[str], list[str]]:
    """Run a router until its input has made its record, stop it, and return what it printed and logged."""
    (folder / "router.conf").write_text(configuration)
    with (
        (folder / "stderr").open("w") as errors,
        subprocess.Popen(
            ROUTER, cwd=folder, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}, text=True,
            stdout=subprocess.PIPE, stderr=errors,
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        first = process.stdout.readline()  # the record is on its way through the tasks
        process.send_signal(signal.SIGTERM)
        out = process.stdout.read()  # to its end; `communicate` would miss what was read ahead
    logged = (folder / "stderr").read_text().splitlines()
    printed = [re.sub(r"\[\d+\.\d+, \{\}\]", "[T]", line) for line in (first + out).splitlines()]
    return sorted(printed), [line.partition("] ")[2] for line in logged if "[sp]" in line or "could" in line]


def test_what_tasks_make_comes_in_again(tmp_path: Path) -> None:
    """Under the stream's tag and through the filters, from a stream of a stream too; stopped at once, all is out."""
    (tmp_path / "streams.conf").write_text(TASKS)
    printed, logged = run(tmp_path, MAIN.format(file="streams.conf"))
    assert printed == [
        '[0] [[T], {"status"=>503}]',
        '[0] access-log: [[T], {"status"=>503, "uri"=>"/b"}]',
        '[0] app-firelens-1: [[T], {"status"=>503, "uri"=>"/b"}]',
        '[0] error-log: [[T], {"u"=>"/b", "t"=>"access-log", "seen"=>"by-a-filter"}]',
    ]
    assert logged == [
        "[error] [sp] aggregate functions are not modelled by this router: task counted does not run",
        "[ info] [sp] stream processor started",
        *(f"[ info] [sp] registered task: {name}" for name in ("access", "error", "hidden", "shown")),
    ]


CANNOT = [
    "[error] [sp] could not initialize stream processor",
    "[error] [engine] could not initialize stream processor",
]


@pytest.mark.parametrize(
    ("file", "text", "lines"),
    [
        ("streams.conf", TASKS + "[STREAM_TASK]\n    Name wrong\n    Exec SELECT FROM x;\n", [
            "[error] [sp] aggregate functions are not modelled by this router: task counted does not run",
            "[error] [sp] syntax error, unexpected FROM at 'SELECT FROM x;'",
            "[error] [sp] invalid query on task 'wrong': 'SELECT FROM x;'",
        ]),
        ("streams.conf", "[STREAM_TASK]\n    Name t\n", ["[error] [sp] task 't' don't have an 'exec' command"]),
        ("streams.conf", "[STREAM_TASK]\n    Exec x\n", ["[error] [sp] task 'name' not found in file 'streams.conf'"]),
        ("/no/such.conf", "", ["[error] [sp] cannot open configuration file: /no/such.conf"]),
    ],
)  # fmt: skip
def test_one_wrong_task_ends_them_all_and_the_router_goes_on(
    tmp_path: Path, file: str, text: str, lines: list[str]
) -> None:
    """As in the reference: it says so, and delivers what it has."""
    (tmp_path / "streams.conf").write_text(text)
    printed, logged = run(tmp_path, MAIN.format(file=file))
    assert printed == ['[0] app-firelens-1: [[T], {"status"=>503, "uri"=>"/b"}]']
    assert logged == [*lines, *CANNOT]
