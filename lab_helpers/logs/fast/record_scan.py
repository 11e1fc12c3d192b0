"""Fast reading of regular FireLens records: what most lines of an object are is found once, not parsed a million times.

The records of one task differ only in their `log`. So a line is a *template* (all before and after the log's text)
plus an access-log line, and both can be checked and cut for all lines of an object at once. Whatever is not exactly
as expected (escapes, unprintable or non-ASCII bytes, broken requests, unknown keys, glued or torn records) is left to
the slow reader: `scan` never guesses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from lab_helpers.logs import frames
from lab_helpers.logs.columns import category
from lab_helpers.logs.fast import access_anchors, access_matrix
from lab_helpers.logs.fast.byte_columns import Buffer, Positions
from lab_helpers.logs.fast.record_templates import Template, owners


@dataclass(frozen=True)
class Regular:
    """What `scan` could read: tables, each row's line number; the other lines and their numbers; each line's part."""

    tables: list[pa.Table]
    lines: Positions
    others: list[bytes]
    other_lines: Positions
    part_of_line: Positions


def scan(buffer: Buffer, templates: list[Template]) -> Regular:
    """Read the regular lines of a buffer of records. New `templates` are added to the known ones."""
    starts, ends = buffer.lines()
    owner = owners(buffer, starts, ends, templates)
    mine = np.flatnonzero(owner >= 0)
    found = _access_lines(buffer, starts[mine], ends[mine], owner[mine], templates) if len(mine) else []
    tables = [_table(columns, owner[mine[rows]], templates) for columns, rows in found]
    done = np.concatenate([np.zeros(0, np.int64), *(mine[rows] for _, rows in found)])
    left = np.ones(len(starts), np.bool_)
    left[done] = False
    others = np.flatnonzero(left)
    texts = [buffer.text(starts[n], ends[n]) for n in others.tolist()]
    lines_before = np.searchsorted(starts, buffer.part_ends)
    part_of_line = np.repeat(np.arange(len(lines_before)), np.diff(lines_before, prepend=0))
    return Regular(tables, done, texts, others, part_of_line)


def _access_lines(
    buffer: Buffer, starts: Positions, ends: Positions, owner: Positions, templates: list[Template]
) -> list[access_matrix.Found]:
    """Usual lines first; what is left is looked at more closely."""
    begin = starts + np.array([len(template.prefix) for template in templates])[owner]
    end = ends - np.array([len(template.suffix) for template in templates])[owner]
    columns, usual = access_anchors.read(buffer, begin, end)
    if len(usual) == len(owner):
        return [(columns, usual)]
    left = np.ones(len(owner), np.bool_)
    left[usual] = False
    rest = np.flatnonzero(left)
    closer = access_matrix.read(buffer, begin[rest], end[rest])
    return [(columns, usual), *((found, rest[rows]) for found, rows in closer)]


def _table(columns: dict[str, Any], owner: Positions, templates: list[Template]) -> pa.Table:
    codes = owner.astype(np.int32)
    for place, name in enumerate(frames.COLUMN_OF_KEY.values()):
        values = [template.values[place] for template in templates]
        columns[name] = category([frames.task_id(v) for v in values] if name == "task" else values, codes)
    return frames.from_columns(columns, len(codes))
