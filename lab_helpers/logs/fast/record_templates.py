"""What the FireLens records of one task have in common: found once, recognised a million times."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import orjson

from lab_helpers.logs import frames
from lab_helpers.logs.fast.byte_columns import Buffer, Positions

MAX_TEMPLATES = 64
MARK = "\x01log\x01"
_LOG = re.compile(rb'"log"\s*:\s*"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Template:
    """What stands before and after the log's text in a task's records, and the values (by frames.COLUMN_OF_KEY) that
    this means.
    """

    prefix: bytes
    suffix: bytes
    values: tuple[str | None, ...]


def template_of(line: bytes) -> Template | None:
    """The template of a record that is one JSON object with string values around a `log`; None for other lines."""
    found = _LOG.search(line)
    if not found:
        return None
    prefix, suffix = line[: found.start(1)], line[found.end(1) :]
    try:
        record = orjson.loads(prefix + orjson.dumps(MARK)[1:-1] + suffix)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(record, dict) or record.get("log") != MARK:
        return None
    values = tuple(record.get(key) for key in frames.COLUMN_OF_KEY)
    if not all(value is None or isinstance(value, str) for value in values):
        return None
    return Template(prefix, suffix, values)


def owners(buffer: Buffer, starts: Positions, ends: Positions, templates: list[Template]) -> Positions:
    """For each line the number of its template, -1 for none. New templates are added to the known ones.

    Threads may share the templates: what another one adds meanwhile is tried, too, before a line is looked at by
    itself. One that two threads find at the same time may be there twice, which does no harm.
    """
    owner = np.full(len(starts), -1, np.int64)
    left, tried = np.arange(len(starts)), 0
    while len(left):
        known = len(templates)
        for family in _families(templates[:known], tried):
            _claim(family, templates, buffer, starts, ends, left, owner)
            left = left[owner[left] < 0]
        tried = known
        if not len(left) or tried >= MAX_TEMPLATES:
            break
        found = template_of(buffer.text(starts[left[0]], ends[left[0]]))
        if found is None or found in templates[:tried]:
            left = left[1:]  # the slow reader's
        elif found not in templates[tried:]:
            templates.append(found)
    return owner


def _families(templates: list[Template], tried: int) -> list[list[int]]:
    """Numbers of the templates from `tried` on, put together where one look at a line tells which of them it is."""
    families: dict[tuple[bytes, int], list[int]] = {}
    for number, template in enumerate(templates[tried:], tried):
        families.setdefault((template.prefix, len(template.suffix)), []).append(number)
    return list(families.values())


def _claim(
    family: list[int],
    templates: list[Template],
    buffer: Buffer,
    starts: Positions,
    ends: Positions,
    left: Positions,
    owner: Positions,
) -> None:
    """Give the lines that are left to the template of the family that made them, if one did."""
    first = templates[family[0]]
    lines = left[ends[left] - starts[left] >= len(first.prefix) + len(first.suffix)]
    lines = lines[buffer.begin_with(starts[lines], first.prefix)]
    found = buffer.which(ends[lines] - len(first.suffix), [templates[number].suffix for number in family])
    owner[lines[found >= 0]] = np.array(family)[found[found >= 0]]
