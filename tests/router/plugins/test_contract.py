"""What every plugin of the catalogue keeps to."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from lab_helpers.router import plugins
from lab_helpers.router.core.options import OptionError, parse
from lab_helpers.router.plugin import PluginInitError, PluginKind
from lab_helpers.router.records.batch import Batch
from tests.router.plugins.bench import Bench

PREFIX = {PluginKind.INPUT: "in", PluginKind.FILTER: "filter", PluginKind.OUTPUT: "out"}
FOLDER = Path(plugins.__file__).parent
# what a section of each needs at least, where that is something
MINIMUM = {
    "exec": "Command true",
    "tail": "Path {folder}/*.log",
    "nest": "Operation nest",
    "type_converter": "str_key a b int",
    "lua": "call f\ncode function f(tag, time, record) return 0, time, record end",
    "parser": "Key_Name log\nParser p",
    "multiline": "multiline.parser java",
    "http": "Port 0",
    "tcp": "Port 0",
    "forward": "Port 0",
}
LOCAL_OUTPUTS = ("counter", "file", "forward", "http", "null", "stdout")


def test_catalogue_is_sorted_and_complete() -> None:
    """The catalogue has each plugin's file once, by kind and name."""
    order = list(PluginKind)
    assert list(plugins.CATALOGUE) == sorted(plugins.CATALOGUE, key=lambda one: (order.index(one[0]), one[1]))
    files = {path.stem for path in FOLDER.glob("*_*.py") if path.stem.split("_")[0] in PREFIX.values()}
    assert {f"{PREFIX[kind]}_{name}" for kind, name in plugins.CATALOGUE} == files


@pytest.mark.parametrize(("kind", "name"), plugins.CATALOGUE, ids=lambda one: getattr(one, "value", one))
def test_descriptor(kind: PluginKind, name: str) -> None:
    """The descriptor says what its file's name says; every option is documented and its default can be read."""
    plugin = plugins.load(kind, name.upper())
    assert plugin is not None
    assert (plugin.kind, plugin.name) == (kind, name)
    assert plugin.help.endswith(".")
    assert all(option.help for option in plugin.options), [one.name for one in plugin.options if not one.help]
    assert len({option.name.lower() for option in plugin.options}) == len(plugin.options)
    parse(plugin.options, [])


@pytest.mark.parametrize(("kind", "name"), plugins.CATALOGUE, ids=lambda one: getattr(one, "value", one))
def test_docstring_names_its_source(kind: PluginKind, name: str) -> None:
    """A plugin says what it imitates, in its file's docstring or in that of the module it names (`See x.py`)."""
    said = importlib.import_module(f"{plugins.__name__}.{PREFIX[kind]}_{name}").__doc__ or ""
    named = re.search(r"See (\w+)\.py", said)
    if named:
        [found] = FOLDER.parent.rglob(f"{named[1]}.py")
        said += ast.get_docstring(ast.parse(found.read_text(encoding="utf-8"))) or ""
    assert "Source:" in said


@pytest.mark.parametrize("name", plugins.names(PluginKind.INPUT))
def test_inputs_start_pause_and_stop(bench: Bench, tmp_path: Path, name: str) -> None:
    """An input may be stopped before it starts, paused, resumed, and stopped twice."""
    lines = MINIMUM.get(name, "").format(folder=tmp_path) + "\nListen 127.0.0.1"
    bench.build(PluginKind.INPUT, name, lines).stop()
    one = bench.build(PluginKind.INPUT, name, lines)
    one.start()
    one.pause()
    one.resume()
    one.stop()
    one.stop()
    bench.loop.turn(0)


@pytest.mark.parametrize("name", plugins.names(PluginKind.FILTER))
def test_filters_take_nothing_and_stop(bench: Bench, name: str) -> None:
    """A filter makes nothing of no records, and may be stopped twice."""
    bench.add_parsers("[PARSER]\n    Name p\n    Format json\n")
    one = bench.build(PluginKind.FILTER, name, "Match x\n" + MINIMUM.get(name, ""))
    batch = Batch(records=[])
    one.filter_batch("x", batch)
    assert batch.records() == []
    one.stop()
    one.stop()
    assert bench.emitted == []


@pytest.mark.parametrize("name", [name for name in plugins.names(PluginKind.OUTPUT) if name in LOCAL_OUTPUTS])
def test_outputs_stop_unused(bench: Bench, name: str) -> None:
    """An output may be stopped twice without having been used."""
    one = bench.build(PluginKind.OUTPUT, name)
    one.stop()
    one.stop()


@pytest.mark.parametrize(("kind", "name"), plugins.CATALOGUE, ids=lambda one: getattr(one, "value", one))
def test_unknown_options_are_refused(bench: Bench, kind: PluginKind, name: str) -> None:
    """An option that no plugin has is refused with the sentence that lists those there are."""
    plugin = plugins.load(kind, name)
    assert plugin is not None
    if plugin.accepts_any:
        assert plugin.is_external  # only AWS's Go plugins look at their options themselves
        return
    with pytest.raises((OptionError, PluginInitError), match="unknown configuration property 'no_such_option'"):
        bench.build(kind, name, "no_such_option 1")
