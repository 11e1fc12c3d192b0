"""Parsers files: what is taken, and what one bad section costs."""

from __future__ import annotations

import io

from lab_helpers.router.config.parser_sections import register_parsers
from lab_helpers.router.core.log import ComponentLog, Level, Sink
from lab_helpers.router.core.service import Section, Service


def registered(*sections: Section) -> tuple[Service, str]:
    text = io.StringIO()
    service = Service()
    register_parsers(service, sections, "parsers.conf", ComponentLog(Sink(Level.INFO, text)))
    return service, text.getvalue()


def parser(name: str, form: str = "json") -> Section:
    return Section("parser", [("Name", name), ("Format", form)])


def test_good_sections_are_taken() -> None:
    """Parsers and multiline parsers are there by their names; a multiline parser may name a parser to come."""
    multiline = Section("multiline_parser", [("name", "m"), ("type", "eq"), ("match_string", "x"), ("parser", "later")])
    service, said = registered(parser("a"), multiline, parser("b"))
    assert (list(service.parsers), list(service.multiline_parsers), said) == (["a", "b"], ["m"], "")


def test_a_bad_section_ends_its_file() -> None:
    """What comes before the bad section is there, the rest is not; the log says why."""
    service, said = registered(parser("a"), parser("bad", "xml"), parser("b"), Section("multiline_parser", []))
    assert list(service.parsers) == ["a"]
    assert "[error] [parser:bad] Invalid format xml" in said


def test_names() -> None:
    """A parser needs a name of its own."""
    assert "parser named 'a' already exists, skip." in registered(parser("a"), parser("a"))[1]
    assert "no parser 'name' found in file 'parsers.conf'" in registered(parser(""))[1]
    assert "no 'name' defined in file 'parsers.conf'" in registered(Section("multiline_parser", []))[1]
