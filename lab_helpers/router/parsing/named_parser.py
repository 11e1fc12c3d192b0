"""The parser that a plugin's option names."""

from __future__ import annotations

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.service import Service
from lab_helpers.router.parsing.parser import Parser, ParserError, build_parser
from lab_helpers.router.plugin import PluginInitError


def named_parser(name: str, service: Service) -> Parser | None:
    """Return the parser of this name, None where no parsers file has it; raises PluginInitError for a wrong one."""
    section = service.parsers.get(name)
    if section is None:
        return None
    try:
        return build_parser(section, ComponentLog(service.sink))
    except ParserError as exc:
        raise PluginInitError(*exc.lines) from exc
