"""A configuration in YAML as text whose parts can be changed where they stand; all other characters stay.

Not modelled: keys that are no text; they and what they lead to are left as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

SUFFIXES = (".yaml", ".yml")
LISTS = {"inputs": "INPUT", "filters": "FILTER", "outputs": "OUTPUT"}
"""The lists of a pipeline, and what one of each is called in the classic form."""
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")


@dataclass(frozen=True)
class Scalar:
    """A text in a configuration: what it says, and where it stands."""

    text: str
    start: int
    end: int
    is_block: bool
    """Whether it is a text of several lines after `|` or `>`."""


@dataclass(frozen=True)
class Pair:
    """A key and what it leads to, a node of PyYAML's."""

    key: Scalar
    value: Any

    @property
    def name(self) -> str:
        """The key in lower case."""
        return self.key.text.lower()

    @property
    def scalar(self) -> Scalar | None:
        """The value where it is one text."""
        return _scalar(self.value)

    @property
    def end(self) -> int:
        """Where the value ends."""
        return int(self.value.end_mark.index)

    @property
    def pairs(self) -> list[Pair]:
        """The pairs of the map that it leads to; none where it leads to something else."""
        return _pairs(self.value)

    @property
    def members(self) -> list[list[Pair]]:
        """The pairs of each map in the list."""
        nodes = self.value.value if isinstance(self.value, yaml.SequenceNode) else []
        return [_pairs(each) for each in nodes if isinstance(each, yaml.MappingNode)]

    @property
    def texts(self) -> list[str]:
        """The text, or all texts of a list."""
        return [each.text for each in self.scalars]

    @property
    def scalars(self) -> list[Scalar]:
        """The text itself, or those directly in the list."""
        nodes = self.value.value if isinstance(self.value, yaml.SequenceNode) else [self.value]
        return [found for each in nodes if (found := _scalar(each)) is not None]


@dataclass(frozen=True)
class Part:
    """One input, filter or output: its kind as the classic form calls it, and its pairs."""

    kind: str
    pairs: Sequence[Pair]
    is_flow: bool
    """Whether it is written in braces."""

    @property
    def name(self) -> str:
        """The plugin's name in lower case."""
        found = self.pair("name")
        return found.scalar.text.lower() if found is not None and found.scalar is not None else ""

    def pair(self, name: str) -> Pair | None:
        """Return the pair with this key, whatever its letter case."""
        return next((each for each in self.pairs if each.name == name.lower()), None)


class YamlText:
    """A text, its sections, and the changes that were asked for. A text that is no YAML has no section."""

    def __init__(self, text: str) -> None:
        self._text, self._edits = text, set[tuple[int, int, str]]()
        try:
            root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            self._is_tree = root is None or _is_tree(root, set())
        except (yaml.YAMLError, RecursionError):
            root, self._is_tree = None, False
        self.sections: list[Pair] = _pairs(root)

    def section(self, name: str) -> list[Pair]:
        """Return the pairs of all sections with this name."""
        return [pair for each in self.sections if each.name == name for pair in each.pairs]

    def parts(self) -> Iterator[Part]:
        """Yield inputs, filters and outputs in the order in which they stand."""
        for each in self.section("pipeline"):
            if each.name in LISTS and isinstance(each.value, yaml.SequenceNode):
                for node in each.value.value:
                    yield Part(LISTS[each.name], _pairs(node), bool(getattr(node, "flow_style", False)))

    @property
    def is_regular(self) -> bool:
        """Whether each section has the shape that Fluent Bit takes; one that has not is refused with its line."""
        shapes = {"pipeline": yaml.MappingNode, "service": yaml.MappingNode}
        listed = [each for each in self.section("pipeline") if each.name in LISTS]
        return (
            self._is_tree
            and all(isinstance(each.value, shapes.get(each.name, yaml.Node)) for each in self.sections)
            and all(each.name in LISTS for each in self.section("pipeline"))
            and all(isinstance(each.value, yaml.SequenceNode) for each in listed)
            and all(isinstance(node, yaml.MappingNode) for each in listed for node in each.value.value)
        )

    def replace(self, scalar: Scalar, text: str) -> None:
        """Have another text in the place of one."""
        if text != scalar.text and not scalar.is_block:
            before = _PROPERTIES.match(self._text, scalar.start, scalar.end)
            start = before.end() if before else scalar.start
            self._edits.add((start, scalar.end, json.dumps(text, ensure_ascii=False)))

    def replace_in_list(self, scalar: Scalar, texts: Sequence[str]) -> None:
        """Have other texts in the place of one in a list; each becomes one of the list."""
        if list(texts) in ([], [scalar.text]):
            return
        line = self._text[self._text.rfind("\n", 0, scalar.start) + 1 : scalar.start]
        is_flow = "-" not in line or line.rstrip().endswith(("[", ","))
        between = ", " if is_flow else f"\n{' ' * line.rindex('-')}- "
        written = between.join(json.dumps(each, ensure_ascii=False) for each in texts)
        self._edits.add((scalar.start, scalar.end, written))

    def add(self, part: Part, options: Sequence[tuple[str, str]]) -> None:
        """Give a part options behind its name; one that it has gets the new value."""
        name = part.pair("name")
        for key, value in options:
            there = part.pair(key)
            if there is not None and there.scalar is not None:
                self.replace(there.scalar, value)
            elif name is not None:
                self.insert(name, key, value, is_flow=part.is_flow)

    def insert(self, after: Pair, key: str, value: str, *, is_flow: bool = False) -> None:
        """Put a pair behind another one."""
        written = f"{key}: {json.dumps(value, ensure_ascii=False)}"
        indent = after.key.start - (self._text.rfind("\n", 0, after.key.start) + 1)
        self._edits.add((after.end, after.end, f", {written}" if is_flow else f"\n{' ' * indent}{written}"))

    def remove(self, part: Part, names: Collection[str]) -> None:
        """Take pairs out of a part; its first pair that stays has to be there."""
        pairs = part.pairs
        kept = [number for number, pair in enumerate(pairs) if pair.name not in names]
        if not kept:
            return
        for number in range(kept[-1]):
            if number not in kept:
                self._edits.add((pairs[number].key.start, pairs[number + 1].key.start, ""))
        if kept[-1] < len(pairs) - 1:
            self._edits.add((pairs[kept[-1]].end, pairs[-1].end, ""))

    def changed(self) -> str:
        """Return the text with all changes; without any where its shape is wrong: the lines have to stay."""
        text = self._text
        if not self.is_regular:
            return text
        for start, end, new in sorted(self._edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text


def _pairs(node: Any) -> list[Pair]:
    if not isinstance(node, yaml.MappingNode):
        return []
    return [Pair(found, value) for key, value in node.value if (found := _scalar(key)) is not None]


def _scalar(node: Any) -> Scalar | None:
    if not isinstance(node, yaml.ScalarNode):
        return None
    return Scalar(str(node.value), int(node.start_mark.index), int(node.end_mark.index), node.style in ("|", ">"))


def _is_tree(node: Any, seen: set[int]) -> bool:
    """Tell whether no node stands at two places: Fluent Bit takes no alias."""
    if id(node) in seen:
        return False
    seen.add(id(node))
    below = node.value if isinstance(node, yaml.CollectionNode) else []
    nodes = [each for one in below for each in (one if isinstance(one, tuple) else (one,))]
    return all(_is_tree(each, seen) for each in nodes)
