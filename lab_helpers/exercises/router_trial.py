"""Try an extra.conf on sample records: the lab's log router runs its filters, and what comes out is looked at.

The outputs to AWS are replaced by one that prints, so that a trial needs no AWS and no permission.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lab_helpers.backends import local as backend
from lab_helpers.base.config import inherited
from lab_helpers.base.errors import LabError
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until
from lab_helpers.firelens.classic import sections, without_sections

TAG = "httpd-firelens-0123456789abcdef0123456789abcdef"
"""A tag as the awsfirelens driver makes it: container, `-firelens-`, task id."""
TRIAL_TIMEOUT_S = 15.0
_END, _END_TAG = "end of the samples", "trial.end"
_OUTPUT = "\n[OUTPUT]\n    Name stdout\n    Match *\n    Format json_lines\n"


def survivors(extra_conf: str, lines: Iterable[str]) -> list[str]:
    """Return the log lines that come out of the filters of an extra.conf, in no order.

    Raises LabError with the router's own words when it refuses the configuration.
    """
    return [str(record.get("log")) for record in filtered(extra_conf, lines)]


def filtered(extra_conf: str, lines: Iterable[str], parsers: tuple[str, str] = ("", "")) -> list[dict[str, Any]]:
    """Return the records that come out of the filters of an extra.conf, in no order; raises LabError.

    `parsers` is a parsers file: its path as the configuration names it, and its text.
    """
    inputs = "".join(_input(TAG, line) for line in (*lines, _END))
    return _records(inputs + without_sections(extra_conf, "OUTPUT") + _OUTPUT, parsers)


def routed(extra_conf: str, lines: Iterable[tuple[str, str]]) -> list[str]:
    """Return the log lines, given as (tag, line), that the outputs of an extra.conf take; one that two take, twice.

    Raises LabError with the router's own words when it refuses the configuration.
    """
    matches = [section.values.get("match", "") for section in sections(extra_conf) if section.kind == "OUTPUT"]
    outputs = "".join(_OUTPUT.replace("Match *", f"Match {match}") for match in (*matches, _END_TAG))
    inputs = "".join(_input(tag, line) for tag, line in (*lines, (_END_TAG, _END)))
    records = _records(inputs + without_sections(extra_conf, "OUTPUT") + outputs)
    return [str(record.get("log")) for record in records]


def _input(tag: str, line: str) -> str:
    record: dict[str, Any] = {"source": "stdout", "log": line, "container_name": "httpd"}
    return f"[INPUT]\n    Name dummy\n    Tag {tag}\n    Samples 1\n    Dummy {json.dumps(record)}\n"


def _records(config: str, parsers: tuple[str, str] = ("", "")) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in _run(config, parsers).splitlines() if line.startswith("{")]
    return [record for record in records if record.get("log") != _END]


def _run(config: str, parsers: tuple[str, str]) -> str:
    """Run the router until the last sample is out or it ends; what it still holds is flushed when it is stopped."""
    with tempfile.TemporaryDirectory(prefix="lab-trial-") as folder:
        file, out, err, parsers_file = (Path(folder, name) for name in ("fluent-bit.conf", "out", "err", "parsers"))
        if parsers[0]:
            parsers_file.write_text(parsers[1], encoding="utf-8")
            config = config.replace(parsers[0], str(parsers_file))
        file.write_text(config, encoding="utf-8")
        with out.open("wb") as stdout, err.open("wb") as stderr:
            argv = [*backend.router_command(), "-c", str(file), "-f", "1"]
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=inherited())
        try:
            ended = _wait(process, out)
        finally:
            process.terminate()
            process.wait(TRIAL_TIMEOUT_S)
        if ended:
            said = [line for line in err.read_text(errors="replace").splitlines() if "error]" in line]
            raise LabError(say("Fluent Bit does not start with this configuration: {said}", said=" ".join(said[:2])))
        return out.read_text(errors="replace")


def _wait(process: subprocess.Popen[bytes], out: Path) -> bool:
    """Wait for the last sample; return whether the router ended by itself. A filter may drop that sample too."""
    try:
        wait_until(
            lambda: process.poll() is not None or _END in out.read_text(errors="replace"),
            TRIAL_TIMEOUT_S / 3,
            0.05,
            "the samples to come out",
        )
    except LabError:
        return False
    return process.poll() is not None
