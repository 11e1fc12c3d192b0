"""A configuration tried on sample records: what goes in, what comes out where, and what the router says.

The lab's own log router runs it. Samples come in by the forward protocol, as FireLens sends them, each with a time of
its own, by which it is known again; outputs are led into files, so that nothing is sent anywhere.
Not modelled: YAML; outputs that change a record (`log_key`), since it is the record before the output that is shown.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack

from lab_helpers.base.errors import LabError
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until
from lab_helpers.files import WorkingCopy
from lab_helpers.files.router_check import RouterCheck, expanded, in_folder
from lab_helpers.firelens.classic import Section, sections, without_sections

TAG = "httpd-firelens-0123456789abcdef0123456789abcdef"
"""A tag as the awsfirelens driver makes it: container, `-firelens-`, task id."""
TIMEOUT_S = 15.0
SETTLE_S = 3.0
"""How long to wait for filters that hold records back (multiline: two seconds), and for inputs of its own."""
_FIRST = 1_700_000_000
_HOLDING = frozenset({"multiline", "rewrite_tag", "throttle"})
_OUR_STOP = "[engine] caught signal"
_LINE = re.compile(r"^(?P<tag>\S+): \[(?P<second>\d+)\.\d+, (?P<record>\{.*\})\]$")


@dataclass(frozen=True)
class Sample:
    """A record that goes in: its tag and its keys."""

    record: Mapping[str, Any]
    tag: str = TAG


@dataclass(frozen=True)
class Arrived:
    """A record that came out: of which output, under which tag; `sample` counts from 0 (None: of none of them)."""

    output: str
    tag: str
    record: Mapping[str, Any]
    sample: int | None = None


@dataclass(frozen=True)
class Played:
    """What a trial showed. `log` is the router's own, unedited; `refused`: it did not start."""

    samples: tuple[Sample, ...]
    arrived: tuple[Arrived, ...]
    filters: tuple[Section, ...]
    outputs: tuple[Section, ...]
    log: str
    refused: bool = False

    def of(self, sample: int | None) -> list[Arrived]:
        """Return where a sample arrived, in the order of the outputs; None: what is of no sample."""
        return [each for each in self.arrived if each.sample == sample]


def samples_of(lines: Iterable[str | Mapping[str, Any]], tag: str = TAG) -> tuple[Sample, ...]:
    """Return samples: a mapping or a line of JSON is a record, any other line the `log` of one of httpd's."""
    return tuple(Sample(_record(line), tag) for line in lines)


def play(text: str, samples: Sequence[Sample], router: RouterCheck, copy: WorkingCopy | None = None) -> Played:
    """Run a configuration (filters and outputs, or a whole one) on samples and return what came out.

    `copy`: where the files are that the image has below /fluent-bit/etc. Raises WaitTimeoutError when the router does
    not start in time.
    """
    with tempfile.TemporaryDirectory(prefix="lab-play-") as name:
        folder = Path(name).resolve()
        (folder / "fluentbit").mkdir()
        if copy is not None:
            copy.snapshot(folder)
        refusal = _refusal(text, router, folder)
        text = expanded(text, folder / "fluentbit")
        parsed = sections(text)
        filters = tuple(each for each in parsed if each.kind == "FILTER")
        outputs = tuple(each for each in parsed if each.kind == "OUTPUT")
        if refusal:
            return Played(tuple(samples), (), filters, outputs, refusal, refused=True)
        arrived, log = _run(text, samples, router, folder)
        return Played(tuple(samples), tuple(arrived), filters, outputs, log)


def _refusal(text: str, router: RouterCheck, folder: Path) -> str:
    (folder / "fluentbit" / "playground.conf").write_text(text, encoding="utf-8")
    return _own_lines(router.log(folder, "fluentbit/playground.conf"))


def _run(text: str, samples: Sequence[Sample], router: RouterCheck, folder: Path) -> tuple[list[Arrived], str]:
    parsed = sections(text)
    outputs = [each for each in parsed if each.kind == "OUTPUT"] or [Section("OUTPUT", {"match": "*"})]
    has_inputs = any(each.kind == "INPUT" for each in parsed)
    holds = has_inputs or any(each.name in _HOLDING for each in parsed if each.kind == "FILTER")
    config, log, port = folder / "play.conf", folder / "play.log", _free_port()
    body = in_folder(without_sections(text, "OUTPUT"), folder / "fluentbit")
    config.write_text(_service(port) + body + _captures(outputs, folder), encoding="utf-8")
    with log.open("wb") as out:
        argv = [*router.argv, "-c", str(config), "-f", "1"]
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=dict(router.env), cwd=folder
        )
    try:
        _send(port, samples, process)
        if holds:
            _settle(folder, len(outputs) * max(1, len(samples)))
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)
    # A parser may give a record the time of its line: with one sample there is no doubt whose it is.
    other = 0 if len(samples) == 1 and not has_inputs else None
    arrived = [
        each for number, output in enumerate(outputs) for each in _arrived(number, output, folder, len(samples), other)
    ]
    said = log.read_text(errors="replace").replace(f"{folder}/", "")
    return arrived, _own_lines(said.partition(_OUR_STOP)[0])


def _service(port: int) -> str:
    return f"[SERVICE]\n    Grace 1\n[INPUT]\n    Name forward\n    Listen 127.0.0.1\n    Port {port}\n"


def _captures(outputs: Sequence[Section], folder: Path) -> str:
    """Return outputs with the same matches that write into files."""
    texts = []
    for number, output in enumerate(outputs):
        key = "Match_Regex" if "match_regex" in output.values else "Match"
        match = output.values.get(key.lower(), "")
        match = f"    {key} {match}\n" if match else ""
        texts.append(f"[OUTPUT]\n    Name file\n{match}    Path {folder}\n    File arrived-{number}\n")
    return "\n" + "".join(texts)


def _send(port: int, samples: Sequence[Sample], process: subprocess.Popen[bytes]) -> None:
    """Send the samples and wait until the router has taken them: then its filters have run."""

    def connect() -> socket.socket | None:
        if process.poll() is not None:
            raise LabError(say("The log router has ended by itself; its log says why."))
        try:
            return socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        except OSError:
            return None

    connection = wait_until(connect, TIMEOUT_S, 0.05, "the router to listen", describe=lambda _: "no answer")
    assert connection is not None, "waited for it"
    with connection:
        for number, sample in enumerate(samples):
            entry = [[_FIRST + number, dict(sample.record)]]
            connection.sendall(msgpack.packb([sample.tag, entry, {"chunk": str(number)}]))
            connection.recv(1024)


def _settle(folder: Path, most: int) -> None:
    """Wait until as many records have come out as can be expected, or until `SETTLE_S` have passed."""

    def count() -> int:
        return sum(len(path.read_bytes().splitlines()) for path in folder.glob("arrived-*"))

    try:
        wait_until(count, SETTLE_S, 0.1, "records", done=lambda found: found >= most)
    except LabError:
        return


def _arrived(number: int, output: Section, folder: Path, count: int, other: int | None) -> list[Arrived]:
    file = folder / f"arrived-{number}"
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
    found = []
    for line in filter(None, map(_LINE.match, lines)):
        sample = int(line["second"]) - _FIRST
        known = sample if 0 <= sample < count else other
        found.append(Arrived(output.label, line["tag"], json.loads(line["record"]), known))
    return found


def _own_lines(said: str) -> str:
    """Return a router's log without the banner above it."""
    lines = said.splitlines()
    first = next((number for number, line in enumerate(lines) if line.startswith("[")), 0)
    return "\n".join(line.rstrip() for line in lines[first:] if line.strip())


def _record(line: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(line, str):
        return dict(line)
    try:
        found = json.loads(line) if line.lstrip().startswith("{") else None
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"source": "stdout", "log": line, "container_name": "httpd"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
