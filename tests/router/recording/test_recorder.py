"""Stand-ins for outputs outside AWS: the real one's options and refusals, and no connection."""

from __future__ import annotations

import io
import socket
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.router.config.config_text import ConfigError, Configuration
from lab_helpers.router.core.log import Level, Sink
from lab_helpers.router.core.options import parse
from lab_helpers.router.core.service import Section, Service
from lab_helpers.router.engine.built_parts import InitError
from lab_helpers.router.engine.engine import Engine
from lab_helpers.router.plugin import OutputContext, PluginInitError
from lab_helpers.router.plugins import elsewhere
from lab_helpers.router.recording import RECORD_IN
from lab_helpers.router.recording.catalogue import outsides
from lab_helpers.router.recording.recorder import plugin, recorded
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.record import Record
from lab_helpers.trying.outside.sent import address, sent

RECORDS = [Record(1_700_000_000_123_956_789, {"log": "GET / \udcff", "n": 1})]


def refusal(pairs: list[tuple[str, str]], environment: dict[str, str]) -> str:
    """Return what the router says against an output."""
    said = io.StringIO()
    sections = [Section("input", [("name", "dummy")]), Section("output", [*pairs, ("match", "*")])]
    engine = Engine(Configuration(sections=sections), Service(sink=Sink(Level.INFO, said), environment=environment))
    with pytest.raises((InitError, ConfigError)):
        engine.build()
    engine.close()
    return said.getvalue()


def test_an_unknown_option_is_refused_with_the_list_of_the_real_one(tmp_path: Path) -> None:
    """As Fluent Bit 5.1.1 prints it, in its order."""
    said = refusal([("name", "DataDog"), ("apikey", "x"), ("dd_tag", "a")], {RECORD_IN: str(tmp_path)})
    assert (
        "[error] [config] datadog: unknown configuration property 'dd_tag'. The following properties are allowed: "
        "compress, header, apikey, dd_service, dd_source, dd_tags, dd_hostname, proxy, include_tag_key, tag_key, "
        "dd_message_key, provider, and json_date_key."
    ) in said
    assert "did you mean 'dd_tags'?" in said


def test_what_it_does_not_start_without_is_said_in_its_words(tmp_path: Path) -> None:
    """And nothing is kept."""
    said = refusal([("name", "datadog")], {RECORD_IN: str(tmp_path)})
    assert "[error] [output:datadog:datadog.0] no ApiKey configuration key defined" in said
    assert "[error] [output] failed to initialize 'datadog' plugin" in said
    assert not list(tmp_path.iterdir())


def test_without_a_folder_it_is_not_there() -> None:
    """The course's router refuses it as before."""
    assert "tried to instance a plugin name that doesn't exist" in refusal([("name", "datadog"), ("apikey", "x")], {})


def test_each_output_that_this_router_lacks_is_known_or_leads_nowhere() -> None:
    """What is in Fluent Bit and not here: recorded, or an output that sends nothing by itself."""
    ours = {"calyptia", "exit", "flowcounter", "lib", "parseable", "plot", "prometheus_exporter", "retry"}
    ours |= {"vivo_exporter", "zig_demo"}
    output = next(kind for kind in elsewhere.NAMES if kind.value == "output")
    assert elsewhere.NAMES[output] - outsides().keys() == ours


@pytest.mark.parametrize("name", sorted(outsides()))
def test_it_takes_records_and_opens_no_connection(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made with its defaults and what it needs, whatever its host: what it was given is there, with an address."""

    def refuse(*_: Any) -> None:
        raise AssertionError("a connection")

    for call in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, call, refuse, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    made = plugin(name, {RECORD_IN: str(tmp_path)})
    assert made is not None
    known = outsides()[name]
    options = parse(made.options, [(each, "x") for each in known.needs])
    core = {"host": "logs.example.com", "port": "1", "tls": "on"}
    output = made.create(options, OutputContext(f"{name}.0", None, None, core, stopping=lambda: False))  # type: ignore[arg-type]
    chunk = Chunk("web-firelens-1", "")
    chunk.add(Batch(records=list(RECORDS)))
    output.flush(chunk)
    output.stop()
    (found,) = recorded(tmp_path)
    assert found.chunks == (("web-firelens-1", tuple(RECORDS)),)
    told = sent(found)
    assert (told.records, told.requests) == (1, 1)
    assert f"1 record to {name} at {address(name, found.options, found.core)}" in told.told


def test_it_does_not_start_where_a_value_cannot_be_read(tmp_path: Path) -> None:
    """The kinds of options are known, too."""
    said = refusal([("name", "datadog"), ("apikey", "x"), ("include_tag_key", "maybe")], {RECORD_IN: str(tmp_path)})
    assert "invalid value for boolean property 'include_tag_key=maybe'" in said


def test_what_it_needs_is_an_error_of_the_plugin(tmp_path: Path) -> None:
    """One of several is enough for Splunk."""
    made = plugin("splunk", {RECORD_IN: str(tmp_path)})
    assert made is not None
    context = OutputContext("splunk.0", None, None, stopping=lambda: False)  # type: ignore[arg-type]
    with pytest.raises(PluginInitError, match="either splunk_token or http_user should be set"):
        made.create(parse(made.options, []), context)
    made.create(parse(made.options, [("http_user", "x")]), context)
