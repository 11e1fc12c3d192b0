"""Odd configurations: each is built, or refused with a line that says why; nothing crashes, nothing hangs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_helpers.router import plugins
from lab_helpers.router.config.config_text import ConfigError, Configuration, read_file
from lab_helpers.router.config.config_yaml import read_yaml_file
from lab_helpers.router.config.settings import build_service
from lab_helpers.router.core.log import ComponentLog, Level, Sink
from lab_helpers.router.core.options import Kind
from lab_helpers.router.core.service import Section
from lab_helpers.router.engine.built_parts import InitError
from lab_helpers.router.engine.engine import Engine
from lab_helpers.router.plugin import PluginKind
from tests.router.fuzz.bounds import bounded, texts

GOOD = "[SERVICE]\n    Flush 1\n[INPUT]\n    Name dummy\n    Tag good\n[OUTPUT]\n    Name null\n    Match good\n"
PIECES = st.sampled_from([
    "[INPUT]", "[OUTPUT]", "[FILTER]", "[SERVICE]", "[PARSER]", "[", "]", "    ", "\t", " ", "Name", "Match", "*",
    "dummy", "null", "@INCLUDE", "@SET", "a=b", "${a}", "${HOME", "#", "\r", "\x00", "\ufeff", "=", "'", '"', "info",
    "Log_Level", "main.conf", "*.conf", "no.conf", "Parsers_File", "Flush", "Tag", "pipeline:", "inputs:", ":",
    "- name: dummy",
])  # fmt: skip
LINES = st.lists(st.one_of(PIECES, texts(5)), max_size=6).map("".join)
WORDS = st.one_of(
    st.sampled_from(
        ["on", "off", "1", "-1", "0", "10M", "1h", "x y", "a b c d", "$a['b']", "$", "(", "[a", "/x/i", "*", ",", '"']
    ),
    texts(6),
)
# what a plugin's create does with these is local; the AWS outputs look for credentials
PLUGINS = [
    (PluginKind.INPUT, name) for name in ("dummy", "forward", "http", "tail", "tcp")
] + [
    (PluginKind.FILTER, name) for name in plugins.names(PluginKind.FILTER)
] + [
    (PluginKind.OUTPUT, name) for name in ("counter", "file", "forward", "http", "null", "stdout")
]  # fmt: skip


def built(configuration: Configuration, text: io.StringIO) -> Engine | None:
    """Return the engine, or None where it was refused; then the log has a line about it."""
    sink = Sink(Level.ERROR, text)
    try:
        service = build_service(configuration, {}, sink)
        engine = Engine(configuration, service)
    except ConfigError:
        assert text.getvalue() or sink.level is Level.OFF
        return None
    try:
        engine.build()
    except (ConfigError, InitError):
        engine.close()
        assert "[error]" in text.getvalue() or sink.level is Level.OFF
        return None
    return engine


@pytest.mark.parametrize("reader", [read_file, read_yaml_file], ids=["classic", "yaml"])
@bounded(40)
@given(st.lists(LINES, max_size=10), st.booleans())
def test_any_text_is_read_or_refused(reader: Any, tmp_path: Path, lines: list[str], has_good_part: bool) -> None:
    """A file is read into sections or refused, with at least one line about it."""
    path = tmp_path / "main.conf"
    text = "\n".join(lines) + "\n"
    path.write_text((GOOD if has_good_part else "") + text, encoding="utf-8", errors="surrogateescape")
    said = io.StringIO()
    try:
        configuration = reader(str(path), ComponentLog(Sink(Level.INFO, said)))
    except ConfigError:
        assert said.getvalue()
        return
    assert all(isinstance(section, Section) for section in configuration.sections)
    if has_good_part and reader is read_file:
        assert configuration.of_kind("input")[0].get("tag").startswith("good")


@pytest.mark.parametrize(("kind", "name"), PLUGINS, ids=lambda one: getattr(one, "value", one))
@bounded(12)
@given(st.data())
def test_any_options_are_taken_or_refused(kind: PluginKind, name: str, data: st.DataObject) -> None:
    """A plugin with odd values in its options is built, or the start is refused with an error; then all is closed."""
    plugin = plugins.load(kind, name)
    assert plugin is not None
    names = [option.name + ("x" if option.kind is Kind.PREFIX else "") for option in plugin.options]
    keys = st.sampled_from([*names, "nosuch"]) if names else st.just("nosuch")
    pairs = data.draw(st.lists(st.tuples(keys, WORDS), max_size=4, unique_by=lambda pair: pair[0]))
    sections = [
        Section("input", [("Name", "dummy")]),
        Section(
            kind.value,
            [("Name", name), ("Match", "*"), *pairs] if kind is not PluginKind.INPUT else [("Name", name), *pairs],
        ),
        Section("output", [("Name", "null"), ("Match", "*")]),
    ]
    engine = built(Configuration(sections=sections), io.StringIO())
    if engine is not None:
        engine.request_stop()
        engine.close()


@bounded(25)
@given(
    st.lists(
        st.tuples(st.sampled_from(["Flush", "Grace", "Log_Level", "HTTP_Port", "scheduler.base", "x"]), WORDS),
        max_size=4,
    )
)
def test_any_service_settings_are_taken_or_refused(pairs: list[tuple[str, str]]) -> None:
    """Odd values in [SERVICE] neither crash nor stop the pipeline from being built without a word."""
    engine = built(
        Configuration(sections=[Section("service", list(pairs)), Section("input", [("Name", "dummy")])]), io.StringIO()
    )
    if engine is not None:
        engine.close()
