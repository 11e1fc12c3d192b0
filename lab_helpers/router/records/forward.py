"""The forward protocol's wire format: frames out of a byte stream, acknowledgements back.

Source: Fluentd's Forward Protocol v1 as Fluent Bit 4.2.8's in_forward reads it: message, forward, packed, compressed
packed (gzip, zstd). Records are not decoded here: a frame carries its entries as they came.
Not modelled: metrics and traces inside forward messages (`fluent_signal` 1, 2): refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgpack

from lab_helpers.router.records.compress import GZIP_MAGIC, ZSTD_MAGIC, DecompressError, decompress
from lab_helpers.router.records.record import new_unpacker

_MAP_HEADS = frozenset(range(0x80, 0x90)) | {0xDE, 0xDF}
_ARRAY_HEADS = frozenset(range(0x90, 0xA0)) | {0xDC, 0xDD}
_STRING_HEADS = frozenset(range(0xA0, 0xC0)) | {0xD9, 0xDA, 0xDB, 0xC4, 0xC5, 0xC6}
_TIME_HEADS = frozenset(range(0x80)) | {0xCC, 0xCD, 0xCE, 0xCF} | set(range(0xD4, 0xD9)) | {0xC7, 0xC8, 0xC9}
# positive integers and ext values: what message mode accepts as a time
_EVENT_TIME = b"\x92\xd7\x00"
_TIMES = (_EVENT_TIME, b"\x92\xce")
NOT_AN_ENTRY, NO_MAP = -4, -10
# the reference's decoder errors
_TYPE_NUMBERS = {0xC0: 0, 0xC2: 1, 0xC3: 1, 0xCA: 10, 0xCB: 4, 0xDE: 7, 0xDF: 7}
# msgpack-c's numbers, for the one message that shows them


class FrameError(Exception):
    """The stream cannot be read on: its connection is closed.

    The text is a warning to log, or '' for silence; with `is_error` it is an error, and one that begins with `[` has a
    component of its own.
    """

    def __init__(self, text: str, *, is_error: bool = False) -> None:
        super().__init__(text)
        self.is_error = is_error


@dataclass(slots=True)
class Frame:
    """One message: `raw` are concatenated `[time, body]` entries, `chunk` is what asks for an acknowledgement.

    `apart`: the message held them as a list (forward mode), not as bytes.
    """

    tag: str
    raw: bytes
    count: int
    chunk: Any = None
    apart: bool = False


@dataclass
class Framing:
    """What a call to `read_frames` found: complete frames, bytes they took, and what ended it (None: just no more)."""

    frames: list[Frame]
    used: int
    error: FrameError | None = None


def read_frames(data: bytes | bytearray | memoryview) -> Framing:
    """Return the complete frames at the head of the data. Never raises: an error comes with the frames before it."""
    found = Framing([], 0)
    if not data:
        return found
    unpacker = new_unpacker()
    unpacker.feed(data)
    size = len(data)
    alike = _Alike(unpacker, data)
    while found.used < size:
        try:
            frame = alike.read(found.used)
            if frame is None:
                if data[found.used] not in _ARRAY_HEADS:
                    raise FrameError("")
                frame = _read_frame(unpacker, data)
                alike.learn(frame, found.used)
        except msgpack.OutOfData:
            break
        except FrameError as exc:
            found.error = exc
            break
        except (ValueError, TypeError, RecursionError):
            found.error = FrameError("")
            break
        found.used = unpacker.tell()
        found.frames.append(frame)
    return found


class _Alike:
    """Reads the messages of a sender that begin as the one before: same tag, same kind of time, no options.

    A log driver sends little else; such a message costs a comparison and one skip.
    """

    def __init__(self, unpacker: Any, data: Any) -> None:
        self._unpacker, self._data = unpacker, data
        self._head, self._tag, self._before_body = b"", "", 0

    def learn(self, frame: Frame, start: int) -> None:
        """Remember how this frame began, when it was a plain message."""
        data = self._data
        self._head = b""
        if data[start] != 0x93 or frame.count != 1 or frame.chunk is not None or not frame.raw.startswith(_TIMES):
            return
        size = self._unpacker.tell() - start - len(frame.raw) + 1  # array head and tag; raw has a head of its own
        kind = frame.raw[1:3] if frame.raw.startswith(_EVENT_TIME) else frame.raw[1:2]
        head = bytes(data[start : start + size])
        if head[1:] and bytes(data[start + size : start + size + len(kind)]) == kind:
            self._head, self._tag = head + kind, frame.tag
            self._before_body = size + (10 if len(kind) == 2 else 5)

    def read(self, start: int) -> Frame | None:
        """Return the message at this place; None where it has to be read the general way. Raises OutOfData."""
        head = self._head
        if not head or self._data[start : start + len(head)] != head:
            return None
        body_at = start + self._before_body
        if body_at >= len(self._data):
            raise msgpack.OutOfData
        if self._data[body_at] not in _MAP_HEADS:
            return None
        self._unpacker.read_bytes(self._before_body)
        self._unpacker.skip()
        time_at = start + len(head) - (2 if self._before_body - len(head) == 8 else 1)
        return Frame(self._tag, b"\x92" + bytes(self._data[time_at : self._unpacker.tell()]), 1)


def acknowledgement(chunk: Any) -> bytes:
    """Return the answer to a frame that carried `chunk`."""
    return bytes(msgpack.packb({"ack": chunk}))


def count_entries(raw: bytes) -> tuple[int, int]:
    """Return how many whole entries the bytes hold and where the last one ends."""
    unpacker = new_unpacker()
    unpacker.feed(raw)
    skip, tell = unpacker.skip, unpacker.tell
    count = end = 0
    try:
        while True:
            skip()
            end = tell()  # not after the loop: a torn entry moves the reader, too
            count += 1
    except (msgpack.OutOfData, ValueError):
        return count, end


def _read_frame(unpacker: Any, data: Any) -> Frame:
    length = unpacker.read_array_header()
    if length < 2:
        raise FrameError("")
    tag = unpacker.unpack()
    if not isinstance(tag, str):
        raise FrameError("")
    if not tag.isascii():  # bytes that are no UTF-8 could not become the name of a stream or a file
        tag = tag.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    start = unpacker.tell()
    head = _byte_at(data, start)
    if head in _STRING_HEADS:
        return _packed(unpacker, tag, length)
    if head in _ARRAY_HEADS:
        return _forward(unpacker, data, tag, length)
    if head in _TIME_HEADS:
        return _message(unpacker, data, tag, length, start)
    raise FrameError(f"invalid data format, type={_type_number(head)}")


def _message(unpacker: Any, data: Any, tag: str, length: int, start: int) -> Frame:
    if length < 3:
        raise FrameError("message mode requires at least 3 elements")
    unpacker.skip()
    if _byte_at(data, unpacker.tell()) not in _MAP_HEADS:
        raise FrameError("invalid data format, map expected")
    unpacker.skip()
    raw = b"\x92" + bytes(data[start : unpacker.tell()])
    options = _options(unpacker, length - 3)
    return Frame(tag, raw, 1, options.get("chunk"))


def _forward(unpacker: Any, data: Any, tag: str, length: int) -> Frame:
    count = unpacker.read_array_header()
    start = unpacker.tell()
    for _ in range(count):
        _skip_entry(unpacker, data)
    raw = bytes(data[start : unpacker.tell()])
    return Frame(tag, raw, count, _options(unpacker, length - 2).get("chunk"), apart=True)


def _skip_entry(unpacker: Any, data: Any) -> None:
    """Skip `[time, body]`; what is none is refused with the reference's numbers."""
    if _byte_at(data, unpacker.tell()) not in _ARRAY_HEADS:
        raise FrameError(f"Event decoder failure : {NOT_AN_ENTRY}")
    parts = unpacker.read_array_header()
    for part in range(parts):
        if part == 1 and _byte_at(data, unpacker.tell()) not in _MAP_HEADS:
            raise FrameError(f"Event decoder failure : {NO_MAP}")
        unpacker.skip()


def _packed(unpacker: Any, tag: str, length: int) -> Frame:
    raw = unpacker.unpack()
    if isinstance(raw, str):
        raw = raw.encode("utf-8", "surrogateescape")
    options = _options(unpacker, length - 2)
    if options.get("fluent_signal") == 1:
        raise FrameError("cmt_decode_msgpack_create failed. ret=10", is_error=True)  # metrics, which these are not
    if options.get("fluent_signal") not in (None, 0):
        raise FrameError("invalid chunk event type")
    compressed = _compression(raw, options)
    if compressed:
        raw = _decompress(raw, compressed)
    count, end = count_entries(raw)  # the `size` option is a sender's word
    return Frame(tag, raw if end == len(raw) else raw[:end], count, options.get("chunk"))


def _options(unpacker: Any, left: int) -> dict[Any, Any]:
    """Return the option map, {} where there is none; skip what is behind it."""
    options: Any = unpacker.unpack() if left > 0 else None
    for _ in range(left - 1):
        unpacker.skip()
    if options is None:
        return {}
    if not isinstance(options, dict) or not isinstance(options.get("chunk"), str | bytes | None):
        raise FrameError("")
    return options


def _byte_at(data: Any, at: int) -> int:
    if at >= len(data):
        raise msgpack.OutOfData
    return int(data[at])


def _type_number(head: int) -> int:
    return _TYPE_NUMBERS.get(head, 7 if head in _MAP_HEADS else 3)


def _compression(raw: bytes, options: dict[Any, Any]) -> str:
    if raw.startswith(GZIP_MAGIC):
        return "gzip"
    if raw.startswith(ZSTD_MAGIC):
        return "zstd"
    named = options.get("compressed")
    return named if named in ("gzip", "zstd") else ""


def _decompress(raw: bytes, kind: str) -> bytes:
    if kind == "gzip" and not raw.startswith(GZIP_MAGIC):
        raise FrameError(f"[gzip] invalid magic bytes : {raw[1::-1].hex()}", is_error=True)
    try:
        return decompress(kind, raw)
    except DecompressError as exc:
        raise FrameError("decompression failed, data may be corrupt") from exc
