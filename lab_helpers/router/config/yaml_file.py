"""The sections of one YAML file, a method a state of Fluent Bit's reader.

Source: Fluent Bit 5.1.1. What stands in a section goes to `Target`.
"""

from __future__ import annotations

import os
import re
from typing import Any, Protocol

import yaml

from lab_helpers.router.config.yaml_events import (
    Event,
    Events,
    ShapeError,
    is_list,
    is_list_end,
    is_map,
    is_map_end,
    is_scalar,
)
from lab_helpers.router.config.yaml_plugins import read_plugin
from lab_helpers.router.core.service import Section

_LISTS = {"inputs": "input", "filters": "filter", "outputs": "output"}


class Target(Protocol):
    """What takes the sections of all files."""

    def add(self, section: Section) -> None: ...

    def set(self, name: str, value: str) -> None:
        """Take a variable of `env`."""

    def open_service(self, event: Event) -> None:
        """Raises ShapeError for a second one."""

    def include(self, pattern: str, event: Event, folder: str) -> None:
        """Read the files that one entry of `includes` names. Raises ConfigError."""

    def refuse_map(self, key: str, kind: str, name: str) -> None:
        """Raises ConfigError: a property is a map."""


class File:
    """Goes through the events of one file, a method a state."""

    def __init__(self, target: Target, path: str, events: Events) -> None:
        self._target, self._events = target, events
        self._folder = os.path.dirname(path)

    def read(self) -> None:
        """Read all documents of the file."""
        self._events.next()
        while isinstance(self._events.next(), yaml.DocumentStartEvent):
            while not isinstance(event := self._events.next(), yaml.DocumentEndEvent):
                if not is_map(event):
                    raise ShapeError.unexpected(event, "document")
                self._sections()

    def _sections(self) -> None:
        while not is_map_end(event := self._events.next()):
            if not is_scalar(event):
                raise ShapeError.unexpected(event, "section")
            self._section(str(event.value).lower(), event)

    def _section(self, name: str, event: Event) -> None:
        if name == "service":
            self._target.open_service(event)
            self._target.add(Section("service", self._values("service")))
        elif name == "env":
            for key, value in self._values("env"):
                self._target.set(key, value)
        elif name == "pipeline":
            self._pipeline()
        elif name in _ENTRIES:
            self._entries(name)
        elif name == "customs":
            self._customs()
        elif name == "plugins":
            self._plugins()
        elif name == "includes":
            self._includes()
        else:
            self._values("extensions" if name == "extensions" else "other")

    def _values(self, state: str) -> list[tuple[str, Any]]:
        """Return the pairs of a section that is one map; `env` may be a list of maps."""
        event = self._events.next()
        if is_list(event) and state == "env":
            return self._variables()
        if is_list(event):
            raise ShapeError.unexpected(event, state, before="env list is only allowed in env section")
        if not is_map(event):
            raise ShapeError.unexpected(event, state)
        pairs: list[tuple[str, Any]] = []
        while not is_map_end(event := self._events.next()):
            if not is_scalar(event):
                raise ShapeError.unexpected(event, "section-key")
            pairs.append((_key(str(event.value)) if state == "service" else str(event.value), self._value(state)))
        return pairs

    def _value(self, state: str) -> Any:
        event = self._events.next()
        if is_scalar(event):
            return str(event.value)
        if is_map(event) and state == "env":
            raise ShapeError.unexpected(event, "section-value", before="nested maps are not allowed in env section")
        if (is_map(event) and state in ("service", "extensions")) or (is_list(event) and state == "extensions"):
            return self._events.variant(event)
        raise ShapeError.unexpected(event, "section-value")

    def _variables(self) -> list[tuple[str, str]]:
        """Return the variables of a list: `- name: A` with `value: b`, or `- A: b`."""
        found: list[tuple[str, str]] = []
        while not is_list_end(event := self._events.next()):
            if not is_map(event):
                raise ShapeError.unexpected(event, "env-list")
            pairs: dict[str, str] = {}
            while not is_map_end(event := self._events.next()):
                if not is_scalar(event):
                    raise ShapeError.unexpected(event, "env-list-key")
                pairs[str(event.value)] = self._events.scalar("env-list-val")
            known = {key.lower(): value for key, value in pairs.items()}
            own = [(key, value) for key, value in pairs.items() if key.lower() not in _OF_A_VARIABLE]
            found += [(known["name"], known.get("value", ""))] if "name" in known else own[:1]
        return found

    def _pipeline(self) -> None:
        while not is_map_end(event := self._events.next()):
            if is_map(event):
                continue
            if not is_scalar(event):
                raise ShapeError.unexpected(event, "pipeline")
            kind = _LISTS.get(str(event.value).lower())
            if kind is None:
                raise ShapeError.component(event)
            self._plugins_of(kind)

    def _plugins_of(self, kind: str) -> None:
        while not is_list_end(event := self._events.next()):
            if is_list(event):
                continue
            if not is_map(event):
                raise ShapeError.unexpected(event, "pipeline" if is_scalar(event) or is_map_end(event) else kind)
            section = Section(kind, [(_key(key), value) for key, value in read_plugin(self._events, kind)])
            for key, value in section.pairs:
                if isinstance(value, dict) and key not in _MAPS:
                    self._target.refuse_map(key, kind, section.get("name"))
            self._target.add(section)

    def _customs(self) -> None:
        while not is_list_end(event := self._events.next()):
            if is_map(event):
                self._target.add(Section("custom", read_plugin(self._events, "custom")))
            elif not is_list(event):
                raise ShapeError.unexpected(event, "custom")

    def _plugins(self) -> None:
        section = Section("plugins")
        while not is_list_end(event := self._events.next()):
            if is_scalar(event):
                section.pairs.append((str(event.value), ""))
            elif not is_list(event):
                raise ShapeError.unexpected(event, "plugins")
        self._target.add(section)

    def _entries(self, name: str) -> None:
        """Read a list of maps of texts: parsers, multi-line parsers, tasks of the stream processor, upstreams."""
        kind, state = _ENTRIES[name]
        while not is_list_end(event := self._events.next()):
            if is_list(event):
                continue
            if not is_map(event):
                raise ShapeError.unexpected(event, state)
            self._target.add(Section(kind, self._entry(name)))

    def _entry(self, name: str) -> list[tuple[str, Any]]:
        entry, value, group = _STATES_OF_ENTRIES[name]
        pairs: list[tuple[str, Any]] = []
        while not is_map_end(event := self._events.next()):
            if not is_scalar(event):
                raise ShapeError.unexpected(event, entry)
            key = str(event.value)
            is_group = bool(group) and key == group[0]
            pairs.append((key, self._group(group[1]) if is_group else self._events.scalar(value)))
        return pairs

    def _group(self, state: str) -> list[dict[str, str]]:
        """Return the maps of the list in an entry: rules of a multi-line parser, nodes of an upstream."""
        found: list[dict[str, str]] = []
        while not is_list_end(event := self._events.next()):
            if is_list(event):
                continue
            if is_map_end(event):
                raise ShapeError("", event)
            if not is_map(event):
                raise ShapeError.unexpected(event, state)
            pairs: dict[str, str] = {}
            while not is_map_end(event := self._events.next()):
                if not is_scalar(event):
                    raise ShapeError.unexpected(event, "group-key")
                pairs[str(event.value)] = self._events.scalar("group-val")
            found.append(pairs)
        return found

    def _includes(self) -> None:
        while not is_list_end(event := self._events.next()):
            if is_scalar(event):
                self._target.include(str(event.value), event, self._folder)
            elif not is_list(event):
                raise ShapeError.unexpected(event, "include")


_OF_A_VARIABLE = frozenset({"name", "value", "uri", "refresh_interval"})
_MAPS = frozenset({"processors", "routes", "telemetry"})
# keys of a plugin whose value may be a map; of any other key it is refused
_ENTRIES = {
    "parsers": ("parser", "parser"), "multiline_parsers": ("multiline_parser", "multiline-parser"),
    "stream_processor": ("stream_processor", "stream-processor"),
    "upstream_servers": ("upstream_servers", "upstream-servers"),
}  # fmt: skip
_STATES_OF_ENTRIES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "parsers": ("parser-entry", "parser-key", ()),
    "multiline_parsers": ("multiline-parser-entry", "multiline-parser-value", ("rules", "multiline-parser-rule")),
    "stream_processor": ("stream-processor-entry", "stream-processor-key", ()),
    "upstream_servers": ("upstream-server", "upstream-server", ("nodes", "upstream-node-group")),
}


def _key(key: str) -> str:
    """Return `read_from_head` for `readFromHead`; keys that begin with a capital stay as they are."""
    if not key[:1].islower():
        return key
    return key.lower() if "_" in key else re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), key)
