"""Encode the records of a chunk to JSON once, for all outputs.

The whole part is decoded by one msgpack call and written by one orjson call, then cut at `},{`. Each shortcut has a
check that is exact, and whatever fails one goes the careful way, record by record:
- `},{` counted: as often as there are gaps between records, so none of them lies inside a record;
- the bodies packed again are as long as they were: no key occurs twice (dict would keep the wrong place);
- no float (0xcb in the bodies packed again, then each value looked at), nothing outside ASCII, no DEL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from lab_helpers.router.records.json_text import dumps, needs_care
from lab_helpers.router.records.record import Record, decode, packed_plainly, time_ns, unpack_all
from lab_helpers.router.records.uniform import cut_uniform

JOINT = b"\x7f"
# DEL: a JSON text may have it as it is, but Fluent Bit's has not, and escaping leaves it alone
_GAP = b"},{"


class JsonBatch:
    """The JSON lines of a chunk: line i is `prefix + parts[i] + suffix`, its time `times_ms[i]`.

    `prefix` and `suffix` are what all lines have in common (the brace, the FireLens metadata), kept once.
    """

    __slots__ = ("parts", "prefix", "suffix", "times_ms")

    def __init__(self, times_ms: list[int], parts: list[bytes], prefix: bytes = b"", suffix: bytes = b"") -> None:
        self.times_ms, self.parts, self.prefix, self.suffix = times_ms, parts, prefix, suffix

    def blocks(self, count: int) -> Iterator[JsonBatch]:
        """Yield batches of at most `count` lines."""
        for at in range(0, len(self.parts), count):
            end = at + count
            yield JsonBatch(self.times_ms[at:end], self.parts[at:end], self.prefix, self.suffix)

    def lines(self) -> list[bytes]:
        """Return the complete lines."""
        if not self.prefix and not self.suffix:
            return self.parts
        return [b"%b%b%b" % (self.prefix, part, self.suffix) for part in self.parts]


def encode_part(raw: bytes, count: int, appended: Sequence[tuple[str, str]], escape_unicode: bool) -> JsonBatch:
    """Return the JSON of `count` packed entries, each with the appended pairs at its end; unreadable ones left out."""
    uniform = cut_uniform(raw, appended, escape_unicode)
    if uniform is not None:
        return JsonBatch(*uniform)
    batch = _encode_at_once(raw, count, appended, escape_unicode)
    return encode_records(decode(raw, appended, count), escape_unicode) if batch is None else batch


def encode_records(records: Sequence[Record], escape_unicode: bool) -> JsonBatch:
    """Return the JSON of decoded records; one that is nested too deeply to be written is left out."""
    times: list[int] = []
    lines: list[bytes] = []
    for stamp, body in records:
        try:
            lines.append(dumps(body, escape_unicode))
        except RecursionError:
            continue
        times.append(stamp // 1_000_000)
    return JsonBatch(times, lines)


def escape_lines(batch: JsonBatch) -> JsonBatch:
    """Return the batch with every line escaped as the inside of a JSON string (without the quotes around it)."""
    parts = escape_parts(batch.parts)
    return JsonBatch(batch.times_ms, parts, escape_text(batch.prefix), escape_text(batch.suffix))


def escape_parts(parts: list[bytes]) -> list[bytes]:
    """Return the texts, each as the inside of a JSON string, without the quotes around it."""
    joined = JOINT.join(parts)
    if joined.count(JOINT) == len(parts) - 1:
        return escape_text(joined).split(JOINT)
    return [escape_text(part) for part in parts]


def escape_text(text: bytes) -> bytes:
    """Return the text as the inside of a JSON string, without the quotes around it."""
    return orjson.dumps(text.decode("utf-8"))[1:-1]


def _encode_at_once(
    raw: bytes, count: int, appended: Sequence[tuple[str, str]], escape_unicode: bool
) -> JsonBatch | None:
    """Return the batch by the short way, or None where one of its checks does not hold."""
    entries = unpack_all(raw, count)
    packed = packed_plainly(raw, entries) if entries is not None else None
    if entries is None or packed is None:
        return None
    bodies = [entry[1] for entry in entries]
    if (b"\xcb" in packed and any(map(needs_care, bodies))) or _has_any_key(bodies, appended):
        return None
    try:
        text = orjson.dumps(bodies)
    except TypeError:
        return None
    if b"\x7f" in text or (escape_unicode and not text.isascii()):
        return None
    parts = text[2:-2].split(_GAP)
    if len(parts) != count:
        return None
    suffix = b"}"
    if appended:
        suffix = b"," + dumps(dict(appended), escape_unicode)[1:]
    return JsonBatch(_times_ms(entries), parts, b"{", suffix)


def _has_any_key(bodies: list[dict[str, Any]], appended: Sequence[tuple[str, str]]) -> bool:
    return any(key in body for key, _ in appended for body in bodies)


def _times_ms(entries: list[Any]) -> list[int]:
    if type(entries[0][0]) is int:
        return [entry[0] * 1000 for entry in entries]
    return [time_ns(entry[0]) // 1_000_000 for entry in entries]
