"""A YAML file as the events that Fluent Bit's reader sees, and its sentence for one that its state does not take.

Source: Fluent Bit 5.1.1, whose reader goes from event to event (libyaml's numbers) and from state to state.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, TextIO

import yaml

_EVENTS = {
    yaml.StreamStartEvent: ("stream-start", 1), yaml.StreamEndEvent: ("stream-end", 2),
    yaml.DocumentStartEvent: ("document-start", 3), yaml.DocumentEndEvent: ("document-end", 4),
    yaml.AliasEvent: ("alias", 5), yaml.ScalarEvent: ("scalar", 6), yaml.SequenceStartEvent: ("sequence-start", 7),
    yaml.SequenceEndEvent: ("sequence-end", 8), yaml.MappingStartEvent: ("mapping-start", 9),
    yaml.MappingEndEvent: ("mapping-end", 10),
}  # fmt: skip
_STATES = {
    "document": 2, "section": 3, "section-key": 4, "section-value": 5, "service": 6, "include": 7, "extensions": 8,
    "other": 9, "custom": 10, "pipeline": 11, "input": 12, "filter": 13, "output": 14, "plugin-start": 15,
    "plugin-value": 17, "plugin-values": 18, "plugin-variant": 19, "group-key": 20, "group-val": 21, "processors": 22,
    "processor": 23, "parser": 24, "parser-entry": 25, "parser-key": 26, "multiline-parser": 28,
    "multiline-parser-entry": 29, "multiline-parser-value": 30, "multiline-parser-rule": 31, "stream-processor": 32,
    "stream-processor-entry": 33, "stream-processor-key": 34, "plugins": 35, "upstream-servers": 36,
    "upstream-server": 37, "upstream-node-group": 39, "env": 42, "env-list": 43, "env-list-key": 44, "env-list-val": 45,
}  # fmt: skip
_NAMELESS = frozenset(
    {"parser-entry", "parser-key", "multiline-parser-entry", "multiline-parser-value", "multiline-parser-rule",
     "stream-processor-entry", "stream-processor-key", "upstream-server", "upstream-node-group"}
)  # fmt: skip
# states that the reference's sentence calls "unknown"

Event = Any
"""An event of PyYAML's."""


class ShapeError(Exception):
    """An event that the state does not take.

    `text` is the sentence ("": the reference has none), `before` one before it, `names_main`: it names the file alone,
    without its folder.
    """

    def __init__(self, text: str, event: Event, *, before: str = "", names_main: bool = False) -> None:
        super().__init__(text)
        self.text, self.before, self._names_main = text, before, names_main
        self.line, self.column = event.start_mark.line + 1, event.start_mark.column

    @classmethod
    def unexpected(cls, event: Event, state: str, *, before: str = "") -> ShapeError:
        """Return the error of an event that the state does not take."""
        name, number = _EVENTS[type(event)]
        shown = "unknown" if state in _NAMELESS else state
        text = f"unexpected event '{name}-event' ({number}) in state '{shown}' ({_STATES[state]})."
        return cls(text, event, before=before)

    @classmethod
    def duplicate(cls, event: Event) -> ShapeError:
        """Return the error of a section that is there twice."""
        return cls(f"duplicated definition of '{event.value}'", event, names_main=True)

    @classmethod
    def component(cls, event: Event) -> ShapeError:
        """Return the error of a pipeline's part that does not exist."""
        text = f"the pipeline component '{event.value}' is not valid. Try one of these values: customs, inputs, filters"
        return cls(f"{text} or outputs.", event, names_main=True)

    def sentences(self, path: str, last: str) -> list[str]:
        """Return what the reference says; `path` is the file, `last` the one that was opened last."""
        named = os.path.basename(path) if self._names_main else last
        where = f'[config] YAML error found in file "{named}", line {self.line}, column {self.column}: '
        return [*([self.before] if self.before else []), *([where + self.text] if self.text else [])]


def is_scalar(event: Event) -> bool:
    return isinstance(event, yaml.ScalarEvent)


def is_list(event: Event) -> bool:
    return isinstance(event, yaml.SequenceStartEvent)


def is_list_end(event: Event) -> bool:
    return isinstance(event, yaml.SequenceEndEvent)


def is_map(event: Event) -> bool:
    return isinstance(event, yaml.MappingStartEvent)


def is_map_end(event: Event) -> bool:
    return isinstance(event, yaml.MappingEndEvent)


class Events:
    """The events of one file, one after the other."""

    def __init__(self, file: TextIO) -> None:
        self._events: Iterator[Event] = yaml.parse(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))

    def next(self) -> Event:
        """Return the next one. Raises YAMLError, UnicodeDecodeError."""
        return next(self._events)

    def scalar(self, state: str) -> str:
        """Return the text that comes next. Raises ShapeError for anything else."""
        event = self.next()
        if not is_scalar(event):
            raise ShapeError.unexpected(event, state)
        return str(event.value)

    def variant(self, start: Event) -> Any:
        """Return the list or map that `start` begins, in lists and dicts of texts as they are written."""
        if is_scalar(start):
            return str(start.value)
        if is_list(start):
            found = []
            while not is_list_end(event := self.next()):
                found.append(self.variant(event))
            return found
        if not is_map(start):
            raise ShapeError.unexpected(start, "plugin-variant")
        pairs: dict[str, Any] = {}
        while not is_map_end(event := self.next()):
            if not is_scalar(event):
                raise ShapeError.unexpected(event, "plugin-variant")
            pairs[str(event.value)] = self.variant(self.next())
        return pairs
