"""Keys of S3 objects from `s3_key_format`. Source: Fluent Bit 4.2.8 ($TAG, $TAG[n], $INDEX, $UUID, strftime in UTC)."""

from __future__ import annotations

import random
import re
import string
import time

from lab_helpers.router.core.log import Log

MAX_TAG_PARTS = 10
MAX_KEY_BYTES = 1024
_UNRESERVED = frozenset((string.ascii_letters + string.digits + "-._~/").encode())


def object_key(key_format: str, when: float, tag: str, delimiters: str, index: int, log: Log) -> str:
    """Return the key (with its leading slash) for an object of this tag and time."""
    parts = [part for part in re.split(f"[{re.escape(delimiters)}]", tag) if part] if delimiters else [tag]
    if "$TAG[" in key_format and not any(one in tag for one in delimiters):
        log.warn(f"[s3_key] Invalid Tag delimiter: does not exist in tag. tag={tag}, format={key_format}")
    key = key_format
    for number, part in enumerate(parts[:MAX_TAG_PARTS]):
        key = key.replace(f"$TAG[{number}]", part)
    if "$TAG[" in key:
        log.warn(
            "[s3_key] Invalid / Out of bounds tag part: At most 10 tag parts ($TAG[0] - $TAG[9]) can be processed. "
            f"tag={tag}, format={key_format}, delimiters={delimiters}"
        )
    key = key.replace("$TAG", tag).replace("$INDEX", str(index)).replace("$UUID", random_part())
    key = time.strftime(key, time.gmtime(when))
    if len(key) > MAX_KEY_BYTES:
        log.warn("[s3_key] Object key length is longer than the 1024 character limit.")
    return key[:MAX_KEY_BYTES]


def random_part() -> str:
    """Return eight random letters and digits."""
    return "".join(random.choices(string.ascii_letters + string.digits, k=8))


def encode_path(path: str) -> str:
    """Return the path as it goes into the request line and the signature."""
    return "".join(chr(one) if one in _UNRESERVED else f"%{one:02X}" for one in path.encode("utf-8", "surrogateescape"))
