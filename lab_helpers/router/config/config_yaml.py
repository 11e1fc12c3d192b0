"""Read the YAML form of the configuration into the same sections as the classic form.

Source: Fluent Bit 5.1.1, its reader of YAML: sections and lists of the pipeline in any letter case; a key that is there
twice is there twice; aliases are refused; a file is included relative to the one that includes it.
Not modelled: `uri` in a list of `env`, what a block of telemetry holds, conditional routes; processors:
`processors.py`.
"""

from __future__ import annotations

import glob
import os

import yaml

from lab_helpers.router.config.config_text import ConfigError, Configuration
from lab_helpers.router.config.yaml_events import Event, Events, ShapeError
from lab_helpers.router.config.yaml_file import File
from lab_helpers.router.core.log import Log
from lab_helpers.router.core.service import Section


def read_yaml_file(path: str, log: Log) -> Configuration:
    """Return the configuration in this file and what it includes. Raises ConfigError."""
    configuration = Configuration(folder=os.path.dirname(os.path.realpath(path)) + "/", is_classic=False)
    _Reader(configuration, log).read(path)
    return configuration


class _Reader:
    """Reads one file and what it includes into a configuration."""

    def __init__(self, configuration: Configuration, log: Log) -> None:
        self._configuration, self._log = configuration, log
        self._opened: list[str] = []
        self._has_service = False

    def read(self, path: str, shown: str = "") -> None:
        """Read one file; `shown` is how it is named where it is included. Raises ConfigError."""
        shown = shown or path
        if path in self._opened:
            self._log.error(f"[config] file '{shown}' is already included")
            raise ConfigError(path)
        try:
            with open(path, encoding="utf-8-sig") as file:
                self._opened.append(path)
                File(self, path, Events(file)).read()
        except OSError as exc:
            if shown == path:
                self._log.error(f"file={path}")
                self._log.info(f"[config] cannot open {path}: {exc.strerror}")
            raise ConfigError(path) from exc
        except ShapeError as exc:
            for sentence in exc.sentences(path, self._opened[-1]):
                self._log.error(sentence)
            self._log.error("yaml error")
            raise ConfigError(path) from exc
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as exc:
            self._tell_syntax(exc, shown)
            raise ConfigError(path) from exc

    def _tell_syntax(self, exc: Exception, shown: str) -> None:
        mark = exc.problem_mark if isinstance(exc, yaml.MarkedYAMLError) else None
        if mark is None:
            self._log.error(f"[config] error in {shown}: {' '.join(str(exc).split())}")
            return
        problem = exc.problem  # type: ignore[attr-defined]
        self._log.error(f"[config] invalid YAML in file {shown} at line {mark.line + 1}, column {mark.column + 1}: "
                        f"{problem}")  # fmt: skip
        if mark.line:
            self._log.error(f"[config] hint: check line {mark.line} (above) for missing ':' or incorrect indentation")

    def include(self, pattern: str, event: Event, folder: str) -> None:
        """Read the files that one entry of `includes` names. Raises ConfigError."""
        last, where = self._opened[-1], os.path.join(folder, pattern)
        try:
            if "*" not in pattern:
                self.read(where, pattern)
                return
            names = sorted(glob.glob(where))
            if not names:
                self._log.warn(f"[read_glob] glob: [{where}] no match")
            if not names and os.path.isabs(pattern):
                raise ConfigError(pattern)
            for name in names:
                self.read(name)
        except ConfigError:
            self._log.error(f"[config] including file '{pattern}' at {last}:{event.start_mark.line + 1}")
            self._log.error("yaml error")
            raise

    def add(self, section: Section) -> None:
        self._configuration.sections.append(section)

    def set(self, name: str, value: str) -> None:
        """Take a variable of `env`."""
        self._configuration.variables[name] = value

    def open_service(self, event: Event) -> None:
        if self._has_service:
            raise ShapeError.duplicate(event)
        self._has_service = True

    def refuse_map(self, key: str, kind: str, name: str) -> None:
        """Refuse a property that is a map. Raises ConfigError."""
        self._log.error(f"[config] could not configure property '{key}' on {kind} plugin with section name '{name}'")
        raise ConfigError(key)
