"""Try an extra.conf on sample records: the lab's log router runs its filters, and what comes out is looked at.

The outputs to AWS are replaced by one that prints, so that a trial needs no AWS and no permission.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lab_helpers.base.config import inherited
from lab_helpers.base.errors import LabError, WaitTimeoutError
from lab_helpers.files.router_check import RouterCheck
from lab_helpers.firelens.classic import sections, without_sections
from lab_helpers.firelens.running import command, running
from lab_helpers.playground import Arrived, Sample, play

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


def arrivals(text: str, samples: Sequence[Sample]) -> list[Arrived]:
    """Return where an extra.conf sends samples, by the lab's router; raises LabError with its words when it refuses."""
    values = {"AWS_REGION": "ap-northeast-1", "HTTPD_LOG_GROUP": "/httpd", "DELIVERY_STREAM": "stream"}
    keys = {"AWS_ACCESS_KEY_ID": "trial", "AWS_SECRET_ACCESS_KEY": "trial"}
    played = play(text, samples, RouterCheck(command(), {**inherited(), **values, **keys}))
    if played.refused:
        raise LabError(played.log)
    return list(played.arrived)


def _input(tag: str, line: str) -> str:
    record: dict[str, Any] = {"source": "stdout", "log": line, "container_name": "httpd"}
    return f"[INPUT]\n    Name dummy\n    Tag {tag}\n    Samples 1\n    Dummy {json.dumps(record)}\n"


def _records(config: str, parsers: tuple[str, str] = ("", "")) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in _run(config, parsers).splitlines() if line.startswith("{")]
    return [record for record in records if record.get("log") != _END]


def _run(config: str, parsers: tuple[str, str]) -> str:
    """Run the router until the last sample is out or it ends; what it still holds is flushed when it is stopped."""
    with tempfile.TemporaryDirectory(prefix="lab-trial-") as folder:
        if parsers[0]:
            parsers_file = Path(folder, "parsers")
            parsers_file.write_text(parsers[1], encoding="utf-8")
            config = config.replace(parsers[0], str(parsers_file))
        with running(config, inherited()) as router:
            with contextlib.suppress(WaitTimeoutError):  # a filter may drop the last sample, too
                router.wait(lambda: _END in router.out, TRIAL_TIMEOUT_S / 3, "the samples to come out")
            if router.has_ended:
                raise router.refusal()
            router.stop()
            return router.out
