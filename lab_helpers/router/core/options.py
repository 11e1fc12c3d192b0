"""Options of plugins: one spec per option gives parsing, refusal and documentation.

Source: Fluent Bit 4.2.8 config maps (observed: order in the refusal sentence, lenient numbers, strict booleans).
Not modelled: properties of dynamically loaded plugins.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

TRUE_WORDS = frozenset({"true", "on", "yes"})
FALSE_WORDS = frozenset({"false", "off", "no"})
SIZE_UNITS = {"": 1, "K": 1000, "KB": 1000, "M": 1000**2, "MB": 1000**2, "G": 1000**3, "GB": 1000**3}
# decimal units: Fluent Bit counts 1K as 1,000 bytes, not 1,024
SECONDS_UNITS = {"D": 86_400, "H": 3_600, "M": 60}


class Kind(enum.Enum):
    """What the text of an option means."""

    TEXT = "text"
    FLAG = "true/false"
    INTEGER = "integer"
    DECIMAL = "number"
    SIZE = "size"  # bytes; 25MB
    SECONDS = "time"  # 30, 10m, 1h, 1d
    COMMA_LIST = "comma separated list"
    WORDS = "words"  # space separated, "quotes" keep spaces together
    PREFIX = "prefix"  # any key that starts with the name


@dataclass(frozen=True)
class Option:
    """One option of a plugin.

    `multiple` allows the key more than once (its value is then the list of all). `at_least` is the number of words that
    a WORDS or COMMA_LIST value must have, and also where splitting stops (the rest stays in one piece behind it); 0 is
    no limit.
    """

    name: str
    kind: Kind = Kind.TEXT
    help: str = ""
    default: str | None = None
    multiple: bool = False
    at_least: int = 0


class OptionError(Exception):
    """A plugin's options are refused; `lines` are Fluent Bit's error lines, `hint` names a near match or is ''."""

    def __init__(self, *lines: str, hint: str = "") -> None:
        super().__init__("; ".join(lines))
        self.lines, self.hint = lines, hint


class Options:
    """Parsed options of one plugin instance: `options["region"]`; every declared name is there, None when unset.

    `pairs` keeps what the user wrote, in order, keys in lower case: rule plugins (grep, modify) need the order.
    """

    def __init__(self, values: dict[str, Any], pairs: Sequence[tuple[str, str]]) -> None:
        self._values = values
        self.pairs = tuple((key.lower(), value) for key, value in pairs)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def is_set(self, name: str) -> bool:
        """Whether the user wrote this option (a default does not count)."""
        return any(key == name for key, _ in self.pairs)


def check_names(plugin: str, specs: Sequence[Option], pairs: Sequence[tuple[str, str]]) -> None:
    """Refuse unknown and repeated options, with Fluent Bit's words. Raises OptionError."""
    for key, _ in pairs:
        spec = find_spec(specs, key)
        if spec is None:
            allowed = _sentence([one.name for one in specs])
            raise OptionError(
                f"[config] {plugin}: unknown configuration property '{key}'. "
                f"The following properties are allowed: {allowed}",
                hint=near_match(key, [one.name for one in specs]),
            )
        count = sum(1 for other, _ in pairs if other == key)
        if count > 1 and not spec.multiple:
            raise OptionError(f"[config] {plugin}: configuration property '{key}' is set {count} times")


def parse(specs: Sequence[Option], pairs: Sequence[tuple[str, str]]) -> Options:
    """Return the parsed options. Raises OptionError where a value cannot be read."""
    values: dict[str, Any] = {}
    for spec in specs:
        if spec.multiple:
            values[spec.name] = [] if spec.default is None else [parse_value(spec, spec.default)]
        else:
            values[spec.name] = None if spec.default is None else parse_value(spec, spec.default)
    for key, text in pairs:
        found = find_spec(specs, key)
        if found is None:
            continue
        if found.kind is Kind.PREFIX:
            values[found.name] = {**(values[found.name] or {}), key[len(found.name) :]: text}
        elif found.multiple:
            values[found.name].append(parse_value(found, text))
        else:
            values[found.name] = parse_value(found, text)
    return Options(values, pairs)


def find_spec(specs: Iterable[Option], key: str) -> Option | None:
    """Return the spec that this key belongs to; letter case does not matter."""
    wanted = key.lower()
    for spec in specs:
        name = spec.name.lower()
        if wanted == name or (spec.kind is Kind.PREFIX and wanted.startswith(name) and wanted != name):
            return spec
    return None


def parse_value(spec: Option, text: str) -> Any:
    """Return the value of `text` for this option. Raises OptionError."""
    if spec.kind is Kind.FLAG:
        flag = to_flag(text)
        if flag is None:
            raise OptionError(f"[config map] invalid value for boolean property '{spec.name}={text}'")
        return flag
    if spec.kind in (Kind.WORDS, Kind.COMMA_LIST):
        split = split_words if spec.kind is Kind.WORDS else split_commas
        words = split(text, spec.at_least)
        if len(words) < spec.at_least and spec.multiple:
            raise OptionError(
                f"[config map] property '{spec.name}' expects {spec.at_least} values (only {len(words)} were found)"
            )
        return words
    return _SCALARS.get(spec.kind, str)(text)


def to_flag(text: str) -> bool | None:
    """Return True, False, or None for anything that is not one of Fluent Bit's six words."""
    word = text.lower()
    return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None


def to_integer(text: str) -> int:
    """Return the number at the head of the text, 0 when there is none (C's atoi)."""
    found = re.match(r"\s*([+-]?\d+)", text)
    return int(found.group(1)) if found else 0


def to_decimal(text: str) -> float:
    """Return the number at the head of the text, 0.0 when there is none (C's atof)."""
    found = re.match(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", text)
    return float(found.group(0)) if found else 0.0


def to_size(text: str) -> int:
    """Return bytes for `1024`, `32k`, `25MB`; -1 when the unit is unknown, 0 for `false`."""
    if text.lower() == "false":
        return 0
    unit = re.sub(r".*\d", "", text).upper().strip()
    return int(to_decimal(text) * SIZE_UNITS[unit]) if text and unit in SIZE_UNITS else -1


def to_seconds(text: str) -> int:
    """Return seconds for `30`, `10m`, `2h`, `1d`."""
    return to_integer(text) * SECONDS_UNITS.get(text[-1:].upper(), 1)


def split_words(text: str, limit: int = 0) -> list[str]:
    """Split at spaces; "quoted words" stay together without their quotes. After `limit` words the rest is one piece."""
    words: list[str] = []
    rest = text.lstrip(" ")
    while rest:
        if limit and len(words) == limit:
            words.append(rest)
            break
        quoted = re.match(r'"((?:[^"\\]|\\.)*)" *', rest, re.S)
        if quoted:
            words.append(re.sub(r'\\(["\\])', r"\1", quoted.group(1)))
            rest = rest[quoted.end() :]
        else:
            word, _, rest = rest.partition(" ")
            words.append(word)
            rest = rest.lstrip(" ")
    return words


def split_commas(text: str, limit: int = 0) -> list[str]:
    """Split at commas, trimmed, empty parts left out."""
    return [part.strip(" ") for part in text.split(",", limit or -1) if part.strip(" ")]


def near_match(word: str, known: Iterable[str]) -> str:
    """Return the known word most like `word`, or ''."""
    import difflib  # only on the way to an error: it costs memory

    return next(iter(difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)), "")


def _sentence(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(f"{name}." for name in names)
    return ", ".join(names[:-1]) + f", and {names[-1]}."


_SCALARS: dict[Kind, Any] = {
    Kind.INTEGER: to_integer,
    Kind.DECIMAL: to_decimal,
    Kind.SIZE: to_size,
    Kind.SECONDS: to_seconds,
}
