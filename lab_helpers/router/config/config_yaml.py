"""Read the YAML form of the configuration into the same sections as the classic form.

Source: Fluent Bit 4.2.8: `service`, `env`, `includes`, `parsers`, `multiline_parsers`, and `pipeline` with `inputs`,
`filters` and `outputs`; a key that is there twice is there twice. Not modelled: conditional routes; processors:
`processors.py`.
"""

from __future__ import annotations

import glob
import os
import re
from typing import Any

import yaml

from lab_helpers.router.config.config_text import ConfigError, Configuration
from lab_helpers.router.config.yaml_nodes import Node, ShapeError, load
from lab_helpers.router.core.log import Log
from lab_helpers.router.core.service import Section

_LISTS = {"inputs": "input", "filters": "filter", "outputs": "output"}
_PARSERS = {"parsers": "parser", "multiline_parsers": "multiline_parser"}
_ONCE = frozenset({"service"})
_FREE = frozenset({"processors", "routes", "rules", "upstream_servers"})
# keys of a plugin whose value may be a map; of any other key it is refused


def read_yaml_file(path: str, log: Log) -> Configuration:
    """Return the configuration in this file and what it includes. Raises ConfigError."""
    configuration = Configuration(folder=os.path.dirname(os.path.realpath(path)) + "/", is_classic=False)
    _Reader(configuration, log).read(path)
    return configuration


class _Reader:
    """Reads one file and what it includes into a configuration."""

    def __init__(self, configuration: Configuration, log: Log) -> None:
        self._configuration, self._log = configuration, log
        self._seen: set[str] = set()

    def read(self, path: str) -> None:
        """Read one file. Raises ConfigError."""
        where = os.path.realpath(path if path.startswith("/") else os.path.join(self._configuration.folder, path))
        if where in self._seen:
            self._log.error(f"[config] file already included {path}")
            raise ConfigError(path)
        self._seen.add(where)
        try:
            self._read(where)
        except ShapeError as exc:
            self._log.error(f'[config] YAML error found in file "{exc.file_name(where)}", line {exc.line}, column '
                            f"{exc.column}: {exc.text}")  # fmt: skip
            self._log.error("yaml error")
            raise ConfigError(path) from exc

    def _read(self, where: str) -> None:
        document = self._loaded(where)
        if document is None:
            return
        known: set[str] = set()
        for key, value in document.pairs("document"):
            if key in known and key in _ONCE:
                raise ShapeError.duplicate(key, value.key_mark)
            known.add(key)
            self._add(key, value, where)

    def _loaded(self, path: str) -> Node | None:
        try:
            return load(path)
        except OSError as exc:
            self._log.error(f"file={path}")
            self._log.info(f"[config] cannot open {path}: {exc.strerror}")
            raise ConfigError(path) from exc
        except yaml.MarkedYAMLError as exc:
            line, column = (exc.problem_mark.line + 1, exc.problem_mark.column + 1) if exc.problem_mark else (1, 1)
            self._log.error(f"[config] invalid YAML in file {path} at line {line}, column {column}: {exc.problem}")
            self._log.error(
                f"[config] hint: check line {max(line - 1, 1)} (above) for missing ':' or incorrect indentation"
            )
            raise ConfigError(path) from exc
        except (yaml.YAMLError, UnicodeDecodeError) as exc:
            self._log.error(f"[config] error in {path}: {' '.join(str(exc).split())}")
            raise ConfigError(path) from exc

    def _add(self, name: str, value: Node, where: str) -> None:
        sections = self._configuration.sections
        if name == "service":
            pairs: list[tuple[str, Any]] = [
                (_key(key), one.scalar("section-value")) for key, one in value.pairs("service")
            ]
            sections.append(Section("service", pairs))
        elif name == "env":
            variables = {key: one.scalar("section-value") for key, one in value.pairs("env")}
            self._configuration.variables.update(variables)
        elif name in _PARSERS:
            state = _PARSERS[name].replace("_", "-")
            sections += [self._section(_PARSERS[name], one, state) for one in value.items(state)]
        elif name == "pipeline":
            self._add_pipeline(value)
        elif name == "includes":
            self._include(value, where)
        else:
            self._log.info(f"[config] section '{name}' is ignored")

    def _add_pipeline(self, value: Node) -> None:
        for kind, plugins in value.pairs("pipeline", component=True):
            if kind not in _LISTS:
                raise ShapeError.component(kind, plugins.key_mark)
            sections = [self._section(_LISTS[kind], one, "pipeline") for one in plugins.items("pipeline")]
            self._configuration.sections += sections

    def _include(self, value: Node, where: str) -> None:
        for pattern in value.texts():
            names = sorted(glob.glob(os.path.join(self._configuration.folder, pattern)))
            if not names:
                self._log.error(f"[config] including file '{pattern}' at {where}:{value.line}")
                self._log.error("yaml error")
                raise ConfigError(pattern)
            for name in names:
                self.read(name)

    def _section(self, kind: str, value: Node, state: str) -> Section:
        section = Section(kind, [(_key(key), one.value()) for key, one in value.pairs(state)])
        if kind in _LISTS.values():
            for key, item in section.pairs:
                if isinstance(item, dict) and key not in _FREE:
                    name = section.get("name")
                    self._log.error(
                        f"[config] could not configure property '{key}' on {kind} plugin with section name '{name}'"
                    )
                    raise ConfigError(key)
        return section


def _key(key: str) -> str:
    """Return `read_from_head` for `readFromHead`; keys that begin with a capital stay as they are."""
    if not key[:1].islower():
        return key
    return key.lower() if "_" in key else re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), key)
