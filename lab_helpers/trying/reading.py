"""What the router reads: the configuration that FireLens generates, or the one that its own command names.

A command can name another file than FireLens' (`-c /fluent-bit/etc/fluent-bit.yaml`), classic or YAML: then nobody
reads what FireLens generates, unless that file includes it.
Not modelled: a command that makes up the path as it runs (`-c "$CONFIG"`): FireLens' configuration is shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab_helpers.firelens import stock
from lab_helpers.firelens.classic import Section
from lab_helpers.firelens.generate import SOCKET_PATH
from lab_helpers.firelens.yaml_sections import includes_in_yaml, sections_in_yaml
from lab_helpers.firelens.yaml_text import SUFFIXES
from lab_helpers.trying import configuration
from lab_helpers.trying.configuration import INCLUDED, MOST_INCLUDES, Given, Line

_CONFIG_OPTION = re.compile(r"""(?:^|\s)(?:-c\s*|--config[\s=]\s*)["']?(/[^\s"';&|]+)""")
_PROGRAMS = (stock.PROGRAM, stock.ENTRY_POINT, stock.INIT_ENTRY_POINT)


@dataclass(frozen=True)
class Reading:
    """Lines with their authors, the sections in them, and where it begins: "" is what FireLens generates."""

    lines: tuple[Line, ...]
    sections: tuple[tuple[Section, str], ...]
    main: str = ""
    missing: tuple[str, ...] = ()
    """Paths that are named and are neither among the files nor in AWS's image."""


def main_path(router: Mapping[str, Any], files: Given) -> str:
    """Return the configuration that the router's command names; "": the one that FireLens generates."""
    entry, command = router.get("entryPoint") or (), router.get("command") or ()
    words = [*entry, *command] if entry else [*files.entry_point, *(command or files.command)]
    scripts = [files.texts[name] for word in words if (name := files.places.get(str(word))) is not None]
    for text in (" ".join(map(str, words)), *scripts):
        found = [path for path in _CONFIG_OPTION.findall(text) if path not in _PROGRAMS]
        if found:
            return "" if found[-1] == stock.GENERATED_CONFIG else str(found[-1])
    return ""


def read(main: str, generated: Sequence[Line], files: Given) -> Reading:
    """Return what the router reads; `generated` is what FireLens generates, with its includes opened."""
    if not main:
        return _classic(generated, files, "")
    if not main.endswith(SUFFIXES):
        return _classic(_with_generated(list(configuration.opened(main, files)), generated), files, main)
    lines, missing = list[Line](), list[str]()
    sections = _yaml(main, files, lines, missing, 0)
    return Reading(tuple(lines), tuple(sections), main, tuple(missing))


def notes(reading: Reading, logging: Mapping[str, Mapping[str, str]], files: Given) -> list[str]:
    """Say what of the definition or the files nobody reads, and why; `logging`: log options by container."""
    if not reading.main:
        return [*_notes_on_yaml(reading), *_hidden(files)]
    if any(line.author == configuration.AGENT for line in reading.lines):
        return []
    told = [f"The router's command names {reading.main}: what FireLens generates is not read."]
    if without := [name for name, options in logging.items() if options]:
        told.append(f"So the log options of {', '.join(without)} have no effect, and no record gets the ecs_ keys.")
    inputs = [
        section.values for section, _ in reading.sections if section.kind == "INPUT" and section.name == "forward"
    ]
    if reading.sections and not any(values.get("unix_path") == SOCKET_PATH for values in inputs):
        told.append(
            f"No forward input in it has unix_path {SOCKET_PATH}, where Fargate delivers the containers' lines: "
            "none comes."
        )
    return told


def _hidden(files: Given) -> list[str]:
    name = files.places.get(stock.GENERATED_CONFIG)
    if name is None:
        return []
    return [
        f"{name} lies at {stock.GENERATED_CONFIG} in the image, where the agent puts what FireLens generates: nobody "
        "reads it. Have it at another path, and name that in config-file-value."
    ]


def _notes_on_yaml(reading: Reading) -> list[str]:
    named = {line.author.removeprefix(f"{INCLUDED} ") for line in reading.lines if line.author.endswith(SUFFIXES)}
    return [
        f"{name} is YAML, but FireLens includes it in a classic configuration, which Fluent Bit refuses: write it in "
        "the classic form, or start the router on it with a command of its own (-c)."
        for name in sorted(named)
    ]


def _classic(lines: Sequence[Line], files: Given, main: str) -> Reading:
    missing = configuration.missing(lines, files)
    absent = [main] if main and not lines else []
    return Reading(tuple(lines), tuple(configuration.with_authors(lines)), main, (*absent, *missing))


def _with_generated(lines: Sequence[Line], generated: Sequence[Line]) -> list[Line]:
    """Return the lines with what FireLens generates behind the line that includes it."""
    found = list[Line]()
    for line in lines:
        found.append(line)
        if configuration.included_by(line) == stock.GENERATED_CONFIG:
            found += generated
    return found


def _yaml(path: str, files: Given, lines: list[Line], missing: list[str], depth: int) -> list[tuple[Section, str]]:
    """Add a file's lines, then those of the files that it includes; return all sections in their order."""
    name = files.name_of(path)
    if name is None or depth > MOST_INCLUDES:
        missing.append(path)
        return []
    author, text = f"{INCLUDED} {name}", files.texts[name]
    lines += [Line(line, author) for line in text.splitlines()]
    below = {each: _yaml(each, files, lines, missing, depth + 1) for each in includes_in_yaml(text)}
    by_section = {id(section): found_author for pairs in below.values() for section, found_author in pairs}
    found = sections_in_yaml(text, lambda each: [section for section, _ in below[each]])
    return [(section, by_section.get(id(section), author)) for section in found]
