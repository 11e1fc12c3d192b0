"""The classic configuration format is read as Fluent Bit 4.2.8 reads it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from lab_helpers.router.config.config_text import ConfigError, Configuration, expand, read_file
from lab_helpers.router.core.log import ComponentLog, Sink


class Reader:
    """Reads configuration text and keeps what was logged."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.text = folder, io.StringIO()

    def __call__(self, text: str, **others: str) -> Configuration:
        for name, content in others.items():
            (self.folder / f"{name}.conf").write_text(content)
        (self.folder / "main.conf").write_text(text, newline="")
        return read_file(str(self.folder / "main.conf"), self.log)

    @property
    def log(self) -> ComponentLog:
        return ComponentLog(Sink(stream=self.text))


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """A reader in an empty folder."""
    return Reader(tmp_path)


def test_sections_keep_their_pairs_in_order(read: Reader) -> None:
    """Headings and keys in any case, values with their inner spaces, quotes and trailing comments."""
    configuration = read('[OUTPUT]\n    Name  null\n    Match *  \n    x "a b" # no comment\n')
    (section,) = configuration.of_kind("output")
    assert section.pairs == [("name", "null"), ("match", "*"), ("x", '"a b" # no comment')]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("[OUTPUT\n", 1, "bad header definition"),
        ("[OUTPUT]\n\tName\tnull\n", 2, "undefined value - check config is in valid classic format"),
        ("[OUTPUT]\n    Name\n", 2, "undefined value - check config is in valid classic format"),
        ("[OUTPUT]\n    Name \n", 2, "key has an empty value"),
        ("hello world\n", 1, "could not allocate key value pair"),
        ("[OUTPUT]\n    Name null\n  Match *\n", 3, "invalid indentation level"),
        ("[OUTPUT]\n    Name null\n      Match *\n", 3, "invalid indentation level"),
        ("\ufeff[OUTPUT]\n    Name null\n", 1, "undefined value - check config is in valid classic format"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(read: Reader, text: str, line: int, why: str) -> None:
    """The error names file, line and reason."""
    with pytest.raises(ConfigError):
        read(text)
    assert f"[config] error in {read.folder}/main.conf:{line}: {why}" in read.text.getvalue()


def test_twice_the_indentation_is_accepted(read: Reader) -> None:
    """A line indented exactly twice as deep belongs to the section all the same."""
    (section,) = read("[OUTPUT]\n    Name null\n        Match *\n").of_kind("output")
    assert section.get("match") == "*"


def test_includes_globs_and_carriage_returns(read: Reader) -> None:
    """@INCLUDE takes a file or a glob beside the main file; CRLF and blank lines do no harm."""
    configuration = read(
        "@include one.conf\r\n\r\n@INCLUDE two*.conf\r\n", one="[FILTER]\n  Name a\n", two="[FILTER]\n  Name b\n"
    )
    assert [section.get("name") for section in configuration.of_kind("filter")] == ["a", "b"]


def test_a_missing_include_and_an_empty_glob_are_fatal(read: Reader) -> None:
    """Nothing to include is an error, not an empty file."""
    with pytest.raises(ConfigError):
        read("@INCLUDE nosuch.conf\n")
    with pytest.raises(ConfigError):
        read("@INCLUDE nothing.d/*.conf\n")
    assert "no match" in read.text.getvalue()


def test_a_file_that_includes_itself_ends(read: Reader) -> None:
    """A circle is an error, not a hang."""
    with pytest.raises(ConfigError):
        read("@INCLUDE main.conf\n")
    assert "Read twice" in read.text.getvalue()


def test_variables_come_from_set_then_the_environment(read: Reader) -> None:
    """@SET beats the environment; what is not set is empty and warned about; $X stays as it is; defaults count."""
    configuration = read("@SET A=from-set\n")
    text = expand("${A} ${B} ${C} $B ${D:-dflt}", configuration.variables, {"A": "no", "B": "b"}, read.log)
    assert text == "from-set b  $B dflt"
    assert "variable ${C} is used but not set" in read.text.getvalue()
