"""Read configuration files in the classic format into sections.

Source: Fluent Bit 4.2.8's reader: a section's first indented line sets the indentation of the file, the first space
separates key and value, values keep quotes and `# trailing comments`, a `#` starts a comment at the line's beginning or
right after the indentation only. `@INCLUDE` (globs too) is relative to the main file's folder; `@SET a=b` defines ${a}.
Not modelled: nested `[groups]` inside a section (processors), they are read over.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lab_helpers.router.core.log import Log
from lab_helpers.router.core.service import Section

MAX_FILES = 32
# Fluent Bit's FLB_CF_FILE_NUM_LIMIT


class ConfigError(Exception):
    """The configuration cannot be used; every line it takes to say why has been logged already, but the `last`."""

    last = "configuration file contains errors, aborting."


@dataclass
class Configuration:
    """Sections in the order of the files, and what @SET defined."""

    sections: list[Section] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    folder: str = ""
    is_classic: bool = True

    def of_kind(self, name: str) -> list[Section]:
        """Return all sections with this heading (lower case)."""
        return [section for section in self.sections if section.name == name]


def read_file(path: str, log: Log) -> Configuration:
    """Return the configuration in this file and what it includes. Raises ConfigError."""
    try:
        folder = os.path.dirname(os.path.realpath(path, strict=True)) + "/"
    except OSError as exc:
        log.error(f"file={path}")
        log.info(f"[config] cannot open {path}: {exc.strerror}")
        raise ConfigError(path) from exc
    reader = _Reader(Configuration(folder=folder), log)
    reader.read(path)
    return reader.result


class _Reader:
    """The state of reading: which files were seen, which are open."""

    def __init__(self, result: Configuration, log: Log) -> None:
        self.result, self._log = result, log
        self._seen: set[tuple[int, int]] = set()

    def read(self, path: str) -> None:
        """Read one file. Raises ConfigError."""
        path, text = self._open(path)
        state = _FileState(path)
        for state.line_number, line in enumerate(text.split("\n"), 1):
            self._line(state, line.removesuffix("\r"))

    def _open(self, path: str) -> tuple[str, str]:
        found = path if os.path.exists(path) or path.startswith("/") else os.path.join(self.result.folder, path)
        try:
            status = os.stat(found)
            if (status.st_dev, status.st_ino) in self._seen:
                self._log.warn(f"[config] Read twice. path={found}")
                raise ConfigError(found)
            self._seen.add((status.st_dev, status.st_ino))
            with open(found, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
                text = file.read()
        except OSError as exc:
            self._log.info(f"[config] cannot open {found}: {exc.strerror}")
            raise ConfigError(found) from exc
        if len(self._seen) > MAX_FILES:
            raise ConfigError(f"more than {MAX_FILES} files")
        return found, text

    def _line(self, state: _FileState, line: str) -> None:
        if not line or line.startswith("#"):
            return
        if line[:9].upper() == "@INCLUDE " and len(line) > 9:
            self._include(line[9:])
        elif line.startswith("@") and len(line) > 3:
            self._meta(line)
        elif line.startswith("["):
            self._heading(state, line)
        else:
            self._pair(state, line)

    def _include(self, pattern: str) -> None:
        if "*" not in pattern:
            self.read(pattern)
            return
        where = pattern if pattern.startswith("/") else f"{self.result.folder}/{pattern}"
        paths = glob.glob(where)
        if not paths:
            self._log.warn(f"[read_glob] glob: [{where}] no match")
            raise ConfigError(where)
        for path in paths:  # in the order of the folder's own list, as the reference reads them
            self.read(path)

    def _meta(self, line: str) -> None:
        command, space, rest = line[1:].partition(" ")
        if not space:
            self._log.info(f"[config] '{line}' has no value: @SET NAME=VALUE, @INCLUDE FILE")
            raise ConfigError(line)
        name, equals, value = rest.partition("=")
        if command.upper() == "SET" and equals:
            self.result.variables[name] = value.strip()  # a space before the = belongs to the name, as in the reference
        elif command.upper() == "SET":
            self._log.raw(f"[meta SET] invalid parameter '{rest}'\n")
        else:
            self._log.info(f"[config] unknown meta instruction '@{command}': there are @SET and @INCLUDE")

    def _heading(self, state: _FileState, line: str) -> None:
        name, bracket, _ = line[1:].partition("]")
        if not bracket:
            self._refuse(state, "bad header definition")
        state.section = Section(name.lower())
        state.group = None
        self.result.sections.append(state.section)

    def _pair(self, state: _FileState, line: str) -> None:
        if state.indent is None:
            state.indent = line[:1] + re.match(r"[ \t]*", line[1:]).group()  # type: ignore[union-attr]
            if len(state.indent) == len(line):
                return
        content = self._content(state, line)
        if not content or content.startswith("#"):
            return
        key, space, value = content.partition(" ")
        if not space:
            self._refuse(state, "undefined value - check config is in valid classic format")
        if not value:
            self._refuse(state, "key has an empty value")
        if key.startswith("["):
            self._group(state, key)
            return
        target = state.group or state.section
        if target is None or not value.strip():
            self._refuse(state, "could not allocate key value pair")
        else:
            target.pairs.append((key.strip().lower(), value.strip()))  # as messages show keys

    def _content(self, state: _FileState, line: str) -> str:
        indent = state.indent or ""
        common = next((n for n in range(len(indent), 0, -1) if line.startswith(indent[:n])), 0)
        following = line[common : common + 1]
        if common < len(indent):
            blank = following in (" ", "\t") and following != ""
            self._log.error(
                "[config] inconsistent use of tab and space" if blank else "[config] indentation level is too low"
            )
            self._refuse(state, "invalid indentation level")
        extra = len(line[common:]) - len(line[common:].lstrip(" \t"))
        if extra and extra != len(indent):
            self._log.error("[config] extra indentation level found")
            self._refuse(state, "invalid indentation level")
        if not extra:
            state.group = None
        return line[common + extra :]

    def _group(self, state: _FileState, key: str) -> None:
        if "]" not in key:
            self._refuse(state, "expected a valid group name: [..]")
        state.group = Section(key[1 : key.index("]")].lower())

    def _refuse(self, state: _FileState, why: str) -> None:
        self._log.error(f"[config] error in {state.path}:{state.line_number}: {why}")
        raise ConfigError(why)


@dataclass
class _FileState:
    """Where the reader is in one file."""

    path: str
    line_number: int = 0
    section: Section | None = None
    group: Section | None = None
    indent: str | None = None


def expand(text: str, variables: Mapping[str, str], environment: Mapping[str, str], log: Log) -> str:
    """Return the text with each ${NAME} (or ${NAME:-default}) put in; what is not set becomes empty, with a warning."""

    def value_of(found: re.Match[str]) -> str:
        name, separator, default = found.group(1).partition(":-")
        value = variables.get(name) or environment.get(name, "")
        if not value and not separator:
            log.warn(f"[env] variable ${{{name}}} is used but not set")
        return value or default

    return re.sub(r"\$\{([^}]+)\}", value_of, text)
