"""The forward protocol's wire format: frames out of a byte stream, acknowledgements back.

Source: Fluentd's Forward Protocol v1 as Fluent Bit 5.1.1's in_forward reads it: message, forward, packed, compressed
packed (gzip, zstd). Records are not decoded here: a frame carries its entries as they came.
Not modelled: metrics and traces inside forward messages (`fluent_signal` 1, 2): refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgpack

from lab_helpers.router.records.compress import GZIP_MAGIC, ZSTD_MAGIC, DecompressError, decompress
from lab_helpers.router.records.entries import ARRAY_HEADS, MAP_HEADS, EntryError, byte_at, is_time, skip_entry
from lab_helpers.router.records.record import new_unpacker

_STRING_HEADS = frozenset(range(0xA0, 0xC0)) | {0xD9, 0xDA, 0xDB, 0xC4, 0xC5, 0xC6}
_TIME_HEADS = frozenset(range(0x80)) | {0xCC, 0xCD, 0xCE, 0xCF} | set(range(0xD4, 0xD9)) | {0xC7, 0xC8, 0xC9}
# positive integers and ext values: what message mode accepts as a time
_SIGNED_HEADS = frozenset(range(0xD0, 0xD4))
_EVENT_TIME = b"\x92\xd7\x00"
_TIMES = (_EVENT_TIME, b"\x92\xce")
GZIP_HEAD_BYTES = 10
MAX_BYTES = 6_144_000
# buffer_max_size's default
_TYPE_NUMBERS = {0xC0: 0, 0xC2: 1, 0xC3: 1, 0xCA: 10, 0xCB: 4, 0xDE: 7, 0xDF: 7}
# msgpack-c's numbers, for the one message that shows them


class FrameError(Exception):
    """The stream cannot be read on: its connection is closed.

    The text is a warning to log, a line or several, or '' for silence; with `is_error` it is an error, and a line that
    begins with `[` has a component of its own. `before` is what a message held before the entry that is none.
    """

    def __init__(self, text: str, *, is_error: bool = False, before: Frame | None = None) -> None:
        super().__init__(text)
        self.is_error, self.before = is_error, before


@dataclass(slots=True)
class Frame:
    """One message: `raw` are concatenated `[time, body]` entries, `chunk` asks for an acknowledgement.

    `warning` is to be logged, '' for none.
    """

    tag: str
    raw: bytes
    count: int
    chunk: Any = None
    warning: str = ""


@dataclass
class Framing:
    """What a call to `read_frames` found: complete frames, bytes they took, and what ended it (None: just no more)."""

    frames: list[Frame]
    used: int
    error: FrameError | None = None


def read_frames(data: bytes | bytearray | memoryview, max_bytes: int = MAX_BYTES) -> Framing:
    """Return the complete frames at the head of the data. Never raises: an error comes with the frames before it.

    The entries of packed mode are refused where they are more than `max_bytes`, also once they are unpacked.
    """
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
                if data[found.used] not in ARRAY_HEADS:
                    raise FrameError("")
                frame = _read_frame(unpacker, data, max_bytes)
                alike.learn(frame, found.used)
        except msgpack.OutOfData:
            break
        except FrameError as exc:
            if _is_whole(data, found.used):
                found.error = exc
                found.frames += [exc.before] if exc.before else []
            break
        except (ValueError, TypeError, RecursionError):
            found.error = FrameError("")
            break
        found.used = unpacker.tell()
        found.frames.append(frame)
    return found


def _is_whole(data: Any, start: int) -> bool:
    """Whether the message here, of which something is refused, has come to its end: before that nothing is said."""
    unpacker = new_unpacker()
    unpacker.feed(data[start:])
    try:
        unpacker.skip()
    except msgpack.OutOfData:
        return False
    except (ValueError, RecursionError):
        pass  # it will never be whole
    return True


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
        if self._data[body_at] not in MAP_HEADS:
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


def _read_frame(unpacker: Any, data: Any, max_bytes: int) -> Frame:
    length = unpacker.read_array_header()
    if length < 2:
        raise FrameError("")
    tag = unpacker.unpack()
    if not isinstance(tag, str):
        raise FrameError("")
    if not tag.isascii():  # bytes that are no UTF-8 could not become the name of a stream or a file
        tag = tag.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    start = unpacker.tell()
    head = byte_at(data, start)
    if head in _STRING_HEADS:
        return _packed(unpacker, tag, length, max_bytes)
    if head in ARRAY_HEADS:
        return _forward(unpacker, data, tag, length)
    if head in _TIME_HEADS or (head in _SIGNED_HEADS and byte_at(data, start + 1) < 0x80):
        return _message(unpacker, data, tag, length, start)
    raise FrameError(f"invalid data format, type={_type_number(head)}")


def _message(unpacker: Any, data: Any, tag: str, length: int, start: int) -> Frame:
    if length < 3:
        raise FrameError("message mode requires at least 3 elements")
    time = unpacker.unpack()
    if byte_at(data, unpacker.tell()) not in MAP_HEADS:
        raise FrameError("invalid data format, map expected")
    unpacker.skip()
    raw = b"\x92" + bytes(data[start : unpacker.tell()])
    options = _options(unpacker, length - 3)
    if not isinstance(options.get("metadata", {}), dict):
        raise FrameError("")
    if not is_time(time, 0):
        raise FrameError("could not ingest Forward message: -8")
    return Frame(tag, raw, 1, options.get("chunk"))


def _forward(unpacker: Any, data: Any, tag: str, length: int) -> Frame:
    count = unpacker.read_array_header()
    start = end = unpacker.tell()
    for number in range(count):
        try:
            skip_entry(unpacker, data)
        except EntryError as exc:
            before = Frame(tag, bytes(data[start:end]), number) if number else None
            raise FrameError(str(exc), before=before) from exc
        end = unpacker.tell()
    raw = bytes(data[start:end])
    return Frame(tag, raw, count, _options(unpacker, length - 2).get("chunk"))


def _packed(unpacker: Any, tag: str, length: int, max_bytes: int) -> Frame:
    raw = unpacker.unpack()
    if isinstance(raw, str):
        raw = raw.encode("utf-8", "surrogateescape")
    options = _options(unpacker, length - 2)
    if len(raw) > max_bytes:
        raise FrameError(f"packedforward payload too large ({len(raw)} bytes), limit={max_bytes}", is_error=True)
    warning = ""
    if length == 3:  # with more behind the options, the reference does not look at them
        raw, warning = _plain(raw, options, max_bytes)
    count, end = count_entries(raw)  # the `size` option is a sender's word
    return Frame(tag, raw if end == len(raw) else raw[:end], count, options.get("chunk"), warning)


def _plain(raw: bytes, options: dict[Any, Any], max_bytes: int) -> tuple[bytes, str]:
    """Return the entries as they are without their compression, and a warning or ''. Raises FrameError."""
    signal = options.get("fluent_signal", 0)
    refused = "" if type(signal) is int and signal in (0, 1, 2) else "value" if type(signal) is int else "value type"
    if refused:
        raise FrameError(f"invalid {refused} in options fluent_signal\ninvalid chunk event type", is_error=True)
    seen = "gzip" if raw.startswith(GZIP_MAGIC) else "zstd" if raw.startswith(ZSTD_MAGIC) else ""
    named = options.get("compressed") if options.get("compressed") in ("gzip", "zstd") else ""
    if seen or named:
        raw = _decompress(raw, seen or named or "", max_bytes)
    if signal == 1:
        raise FrameError("cmt_decode_msgpack_create failed. ret=10", is_error=True)  # metrics, which these are not
    if signal:
        raise FrameError("could not decode trace message. ret=10", is_error=True)
    warning = f"compressed={named} but magic says {seen}; using magic" if seen and named and seen != named else ""
    return raw, warning


def _options(unpacker: Any, left: int) -> dict[Any, Any]:
    """Return the option map, {} where there is none; skip what is behind it."""
    options: Any = unpacker.unpack() if left > 0 else None
    for _ in range(left - 1):
        unpacker.skip()
    if options is None:
        return {}
    if not isinstance(options, dict) or not isinstance(options.get("chunk", ""), str):
        raise FrameError("")
    return options


def _type_number(head: int) -> int:
    return _TYPE_NUMBERS.get(head, 7 if head in MAP_HEADS else 3)


def _decompress(raw: bytes, kind: str, max_bytes: int) -> bytes:
    if kind == "gzip" and not raw.startswith(GZIP_MAGIC):
        raise FrameError(f"[gzip] invalid magic bytes : {raw[1::-1].hex()}", is_error=True)
    if kind == "zstd" and not raw.startswith(ZSTD_MAGIC):
        raise FrameError("[zstd] frame is corrupted: Unknown frame descriptor", is_error=True)
    if kind == "gzip" and len(raw) < GZIP_HEAD_BYTES:
        return b""  # the reference waits for more
    try:
        plain = decompress(kind, raw, may_be_cut=True)
    except DecompressError as exc:
        raise FrameError("decompression failed, data may be corrupt", is_error=True) from exc
    if len(plain) > max_bytes:
        raise FrameError(f"decompressed payload exceeds limit ({max_bytes} bytes)", is_error=True)
    return plain
