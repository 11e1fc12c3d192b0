"""A YAML document as nodes that know where they stand, and Fluent Bit's sentence for one of the wrong kind.

Source: Fluent Bit 4.2.8, whose parser goes from event to event (libyaml's numbers) and from state to state.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import yaml

_EVENTS = {"scalar": 6, "sequence-start": 7, "mapping-start": 9, "mapping-end": 10}
_STATES = {
    "document": 2, "section-value": 5, "service": 6, "include": 7, "pipeline": 10, "parser": 23, "multiline-parser": 27,
    "env": 41,
}  # fmt: skip
# numbers of libyaml's events and of the reference's states, which its sentences show


@dataclass(frozen=True)
class Mark:
    """A place: lines count from 1, columns from 0."""

    line: int
    column: int


class ShapeError(Exception):
    """A node of the wrong kind, or a component that is none."""

    def __init__(self, text: str, mark: Mark, *, is_short: bool = False) -> None:
        super().__init__(text)
        self.text, self.line, self.column, self._is_short = text, mark.line, mark.column, is_short

    @classmethod
    def event(cls, event: str, state: str, mark: Mark) -> ShapeError:
        """Return the error of an event that the state does not take."""
        return cls(f"unexpected event '{event}-event' ({_EVENTS[event]}) in state '{state}' ({_STATES[state]}).", mark)

    @classmethod
    def duplicate(cls, name: str, mark: Mark) -> ShapeError:
        """Return the error of a section that is there twice."""
        return cls(f"duplicated definition of '{name}'", mark, is_short=True)

    @classmethod
    def component(cls, name: str, mark: Mark) -> ShapeError:
        """Return the error of a pipeline's part that does not exist."""
        sentence = f"the pipeline component '{name}' is not valid. Try one of these values: customs, inputs, filters or"
        return cls(f"{sentence} outputs.", mark, is_short=True)

    def file_name(self, path: str) -> str:
        """Return the path as this error shows it."""
        return os.path.basename(path) if self._is_short else path


class Node:
    """A node of the document; `key_mark` is where its key stands."""

    def __init__(self, node: Any, key_mark: Mark | None = None) -> None:
        self._node = node
        self.key_mark = key_mark or _mark(node.start_mark)

    @property
    def is_list(self) -> bool:
        """Whether it is a sequence."""
        return isinstance(self._node, yaml.SequenceNode)

    @property
    def line(self) -> int:
        """The line it begins at, from 1."""
        return int(self._node.start_mark.line) + 1

    def value(self) -> Any:
        """Return the texts as they are written, in lists and dicts: `yes` and `0x10` mean nothing to YAML here."""
        return _value(self._node, ())

    def scalar(self, state: str) -> str:
        """Return the text of a scalar. Raises ShapeError for a list or a map."""
        if isinstance(self._node, yaml.ScalarNode):
            return str(self._node.value)
        raise ShapeError.event(
            "sequence-start" if self.is_list else "mapping-start", state, _mark(self._node.start_mark)
        )

    def texts(self) -> list[str]:
        """Return the texts in it, lists in lists flattened. Raises ShapeError for a map, which includes do not take."""
        if self.is_list:
            return [text for one in self._node.value for text in Node(one).texts()]
        return [self.scalar("include")]

    def items(self, state: str) -> list[Node]:
        """Return the members of a sequence. Raises ShapeError."""
        if not self.is_list:
            mapping = isinstance(self._node, yaml.MappingNode)  # taken for one member, refused where it ends
            mark = self._node.end_mark if mapping else self._node.start_mark
            raise ShapeError.event("mapping-end" if mapping else "scalar", state, _mark(mark))
        return [Node(one) for one in self._node.value]

    def pairs(self, state: str, *, component: bool = False) -> list[tuple[str, Node]]:
        """Return keys and values of a mapping, repeated ones too. Raises ShapeError."""
        if not isinstance(self._node, yaml.MappingNode):
            node = self._node
            while not component and state == "pipeline" and isinstance(node, yaml.SequenceNode) and node.value:
                node = node.value[0]  # the reference takes lists in the list, and stops at the text in it
            mark = _mark(node.start_mark)
            if component and isinstance(self._node, yaml.ScalarNode):
                raise ShapeError.component(self._node.value, mark)
            raise ShapeError.event("sequence-start" if isinstance(node, yaml.SequenceNode) else "scalar", state, mark)
        for key, _ in self._node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ShapeError(f"a key that is no text in '{state}'.", _mark(key.start_mark))
        return [(str(key.value), Node(value, _mark(key.start_mark))) for key, value in self._node.value]


def load(path: str) -> Node | None:
    """Return the document's top node; None for an empty file. Raises OSError, YAMLError, UnicodeDecodeError."""
    with open(path, encoding="utf-8") as file:
        node = yaml.compose(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return None if node is None else Node(node)


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column)


def _value(node: Any, above: tuple[Any, ...]) -> Any:
    if node in above:
        raise ShapeError("an alias inside what it stands for.", _mark(node.start_mark))
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_value(one, (*above, node)) for one in node.value]
    return {str(key.value): _value(value, (*above, node)) for key, value in node.value}
