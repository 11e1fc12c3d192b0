"""Take the [PARSER] and [MULTILINE_PARSER] sections of a file into the service.

Source: Fluent Bit 4.2.8: a section that is refused ends the reading of its file: what came before it is there, the
rest is not, and the router goes on.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab_helpers.router.core.log import Log
from lab_helpers.router.core.service import Section, Service
from lab_helpers.router.multiline.multiline import MultilineError, build_multiline
from lab_helpers.router.parsing.parser import ParserError, build_parser


def register_parsers(service: Service, sections: Iterable[Section], path: str, log: Log) -> bool:
    """Add the sections that hold; return False after an error in the log where one is refused."""
    sections = list(sections)
    try:
        for section in sections:
            if section.name == "parser":
                _register_parser(service, section, path, log)
        for section in sections:
            if section.name == "multiline_parser":
                _register_multiline(service, section, path, log)
    except (ParserError, MultilineError) as exc:
        for line in exc.lines:
            log.error(line)
        return False
    return True


def _register_parser(service: Service, section: Section, path: str, log: Log) -> None:
    name = section.get("name")
    if not name:
        raise ParserError(f"[parser] no parser 'name' found in file '{path}'")
    parser = build_parser(section, log, path)
    if parser.name in service.parsers:
        raise ParserError(f"[parser] parser named '{name}' already exists, skip.")
    service.parsers[name] = section


def _register_multiline(service: Service, section: Section, path: str, log: Log) -> None:
    name = section.get("name")
    if not name:
        raise MultilineError(f"[multiline_parser] no 'name' defined in file '{path}'")
    build_multiline(section, None, log, path)
    service.multiline_parsers.setdefault(name, section)  # the first of a name is the one that is found
