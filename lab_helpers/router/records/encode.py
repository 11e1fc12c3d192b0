"""Encode the records of a chunk to JSON once, for all outputs.

The whole part is decoded by one msgpack call and written by one orjson call, then cut at `},{`. Each shortcut has a
check that is exact, and whatever fails one goes the careful way, record by record:
- `},{` counted: as often as there are gaps between records, so none of them lies inside a record;
- the bodies packed again are as long as they were: no key occurs twice (dict would keep the wrong place);
- no float (0xcb in the bodies packed again, then each value looked at), nothing outside ASCII, no DEL.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import orjson

from lab_helpers.router.records.json_text import dumps, needs_care
from lab_helpers.router.records.lines import Lines
from lab_helpers.router.records.record import Record, decode, packed_plainly, times_of, unpack_all
from lab_helpers.router.records.uniform import cut_uniform

_GAP = b"},{"


def encode_part(raw: bytes, count: int, appended: Sequence[tuple[str, str]], escape_unicode: bool) -> Lines:
    """Return the JSON of `count` packed entries, each with the appended pairs at its end; unreadable ones left out."""
    uniform = cut_uniform(raw, appended, escape_unicode)
    if uniform is not None:
        return Lines(*uniform)
    batch = _encode_at_once(raw, count, appended, escape_unicode)
    return encode_records(decode(raw, appended, count), escape_unicode) if batch is None else batch


def encode_records(records: Sequence[Record], escape_unicode: bool) -> Lines:
    """Return the JSON of decoded records; one that is nested too deeply to be written is left out."""
    times: list[int] = []
    lines: list[bytes] = []
    for stamp, body in records:
        try:
            lines.append(dumps(body, escape_unicode))
        except RecursionError:
            continue
        times.append(stamp // 1_000_000)
    return Lines(times, lines)


def encode_bodies(
    times_ns: Sequence[int],
    bodies: list[dict[str, Any]],
    packed: bytes,
    appended: Sequence[tuple[str, str]],
    escape_unicode: bool,
) -> Lines | None:
    """Return the JSON of bodies (`packed` is them) by the short way, or None where one of its checks does not hold."""
    if (b"\xcb" in packed and any(map(needs_care, bodies))) or _has_any_key(bodies, appended) or not all(bodies):
        return None
    try:
        text = orjson.dumps(bodies)
    except TypeError:
        return None
    if b"\x7f" in text or (escape_unicode and not text.isascii()):
        return None
    parts = text[2:-2].split(_GAP)
    if len(parts) != len(bodies):
        return None
    suffix = b"}"
    if appended:
        suffix = b"," + dumps(dict(appended), escape_unicode)[1:]
    return Lines([time_ns // 1_000_000 for time_ns in times_ns], parts, b"{", suffix)


def _encode_at_once(raw: bytes, count: int, appended: Sequence[tuple[str, str]], escape_unicode: bool) -> Lines | None:
    """Return the batch by the short way, or None where one of its checks does not hold."""
    entries = unpack_all(raw, count)
    packed = packed_plainly(raw, entries) if entries is not None else None
    if entries is None or packed is None:
        return None
    return encode_bodies(times_of(entries), [entry[1] for entry in entries], packed, appended, escape_unicode)


def _has_any_key(bodies: list[dict[str, Any]], appended: Sequence[tuple[str, str]]) -> bool:
    return any(any(map(dict.__contains__, bodies, repeat(key))) for key, _ in appended)
