"""AWS's event stream encoding: messages in the body of one long HTTP answer.

Source: "Event stream encoding" of the Amazon Transcribe developer guide, and Smithy's "Amazon event stream" page: a
prelude of two lengths with its CRC-32, headers, payload, a CRC-32 of all. JSON services begin with `initial-response`.
"""

from __future__ import annotations

import json
import struct
from binascii import crc32
from collections.abc import Iterator, Mapping
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError, EventStream

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7
_PRELUDE_BYTES, _CRC_BYTES = 12, 4


def encode(stream: EventStream) -> Iterator[bytes]:
    """Yield a stream's messages; an AwsError that it raises becomes its last one."""
    yield _event("initial-response", {})
    try:
        for kind, members in stream.events:
            yield _event(kind, members)
    except AwsError as error:
        headers = {":message-type": "exception", ":exception-type": error.code, ":content-type": "application/json"}
        yield message(headers, json.dumps({"message": error.message}).encode())


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one message whose headers are all strings."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    size = _PRELUDE_BYTES + len(head) + len(payload) + _CRC_BYTES
    prelude = struct.pack(">II", size, len(head))
    whole = prelude + struct.pack(">I", crc32(prelude)) + head + payload
    return whole + struct.pack(">I", crc32(whole))


def _event(kind: str, members: Mapping[str, Any]) -> bytes:
    headers = {":message-type": "event", ":event-type": kind, ":content-type": "application/json"}
    return message(headers, json.dumps(members, ensure_ascii=False).encode())


def _header(name: str, value: str) -> bytes:
    encoded = value.encode()
    return struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _STRING, len(encoded)) + encoded
