"""Every plugin keeps the contract, and the documentation is made from the same specs that parse the options."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers.router import plugins
from lab_helpers.router.core.options import OptionError, check_names, parse
from lab_helpers.router.describe import describe_plugin, reference
from lab_helpers.router.plugin import Plugin, PluginKind
from lab_helpers.router.plugins import CATALOGUE, elsewhere

DOCS = Path(__file__).parents[2] / "docs" / "log-router-plugins.md"
FOLDER = Path(plugins.__file__).parent
PREFIXES = {PluginKind.INPUT: "in", PluginKind.FILTER: "filter", PluginKind.OUTPUT: "out"}


def plugin(kind: PluginKind, name: str) -> Plugin:
    found = plugins.load(kind, name)
    assert found is not None
    return found


@pytest.mark.parametrize(("kind", "name"), CATALOGUE)
def test_a_plugin_is_what_the_catalogue_says(kind: PluginKind, name: str) -> None:
    """Kind and name agree, letter case does not matter, it has a sentence, its defaults can be parsed."""
    one = plugin(kind, name.upper())
    assert (one.kind, one.name) == (kind, name)
    assert one.help.endswith(".")
    parse(one.options, [])


@pytest.mark.parametrize(("kind", "name"), CATALOGUE)
def test_every_option_is_documented_once(kind: PluginKind, name: str) -> None:
    """Each has a help text and a name of its own, and appears in `-o NAME -h`."""
    one = plugin(kind, name)
    names = [option.name for option in one.options]
    assert len(set(names)) == len(names)
    assert all(option.help for option in one.options)
    text = describe_plugin(kind.value, name)
    assert all(option.name in text for option in one.options)


@pytest.mark.parametrize(("kind", "name"), CATALOGUE)
def test_an_unknown_option_is_refused_where_the_real_one_refuses_it(kind: PluginKind, name: str) -> None:
    """The Go plugins know no list of options, all others do."""
    one = plugin(kind, name)
    if one.accepts_any or not one.options:
        return
    with pytest.raises(OptionError, match="unknown configuration property 'no_such_option'"):
        check_names(name, one.options, [("no_such_option", "1")])


def test_files_and_catalogue_agree() -> None:
    """A plugin's file is named as in the configuration, and every file is in the catalogue."""
    listed = {f"{PREFIXES[kind]}_{name}" for kind, name in CATALOGUE}
    files = {path.stem for path in FOLDER.glob("*_*.py") if path.stem.partition("_")[0] in PREFIXES.values()}
    assert files == listed


def test_no_plugin_is_both_here_and_elsewhere() -> None:
    """The list of what only Fluent Bit has, has nothing that is here."""
    for kind, name in CATALOGUE:
        assert name not in elsewhere.NAMES[kind], f"take {name} out of plugins/elsewhere.py"


def test_the_reference_page_is_up_to_date() -> None:
    """docs/log-router-plugins.md is written from the option specs."""
    command = "python -c 'from lab_helpers.router.describe import reference; print(reference(), end=\"\")'"
    assert DOCS.read_text(encoding="utf-8") == reference(), f"write it anew: {command} > docs/log-router-plugins.md"
