"""What the long rows of the soak look at: a run's report, what a run has left, and whether memory is flat."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.soak.endurance import WARM, is_flat, numbered
from tests.soak.lab_runs import Left, left_of, told

LISTENING = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1]); sys.stdin.read()"
)


def _report(**changes: Any) -> dict[str, Any]:
    whole = {
        "passed": True,
        "notebooks": [{"name": "00_setup", "status": "passed"}],
        "checks": [{"name": "it runs", "passed": True}],
        "teardown": [{"what": "nothing is left", "error": ""}],
    }
    return whole | changes


@pytest.mark.parametrize(
    ("changes", "passed", "line"),
    [
        ({}, True, "all passed"),
        ({"notebooks": [{"name": "02_apply", "status": "failed"}]}, False, "not passed: 02_apply"),
        ({"checks": [{"name": "it runs", "passed": False}]}, False, "not passed: it runs"),
        ({"teardown": [{"what": "destroy", "error": "no"}]}, False, "not passed: destroy"),
        ({"checks": []}, False, "0 checks"),
    ],
)
def test_a_run_is_as_good_as_its_report(tmp_path: Path, changes: dict[str, Any], passed: bool, line: str) -> None:
    """Notebooks, checks and teardown; a report that looked at nothing is none."""
    report = tmp_path / "report.json"
    report.write_text(json.dumps(_report(**changes)))
    text, whole = told(report)
    assert whole is passed
    assert line in text


def test_no_report_is_not_passed(tmp_path: Path) -> None:
    """A run that ended before it wrote one."""
    assert told(tmp_path / "report.json") == ("no report", False)


def test_what_a_run_leaves_is_found(tmp_path: Path) -> None:
    """A process that knows the folder, the port it listens on, and a file; nothing once they are gone."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "left").touch()
    command = [sys.executable, "-c", LISTENING, str(tmp_path / "home")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        left = left_of(tmp_path)
        assert str(process.pid) in left.processes[0]
        assert not left_of(tmp_path / "hom"), "a folder whose name begins alike"
        assert left.sockets == [f"127.0.0.1:{port}"]
        assert left.files == ["tmp/left"]
        assert f"processes {left.processes[0]}; sockets 127.0.0.1:{port}; files tmp/left" == str(left)
        with socket.create_connection(("127.0.0.1", port)):
            process.communicate()
    (tmp_path / "tmp" / "left").unlink()
    assert left_of(tmp_path) == Left()
    assert str(Left()) == "nothing"


def test_memory_is_flat_or_grows() -> None:
    """By the last batches beside the first warm one; what came before is warming up."""
    warm = [100.0, 180.0, 190.0, 200.0, 200.0]
    assert len(warm) == WARM
    assert is_flat([*warm, 205.0, 210.0, 219.0])
    assert not is_flat([*warm, 205.0, 225.0, 219.0])
    assert is_flat([100.0, 300.0])


def test_only_the_soaks_own_lines_are_counted() -> None:
    """As text in CloudWatch, as JSON in S3."""
    lines = ["soak 3 17", '{"log":"soak 3 18","source":"stdout"}', "GET / 200", "a soak 3"]
    assert list(numbered(lines)) == [(3, "17"), (3, "18")]
