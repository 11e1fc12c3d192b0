"""Bodies that a client has compressed: botocore does so with what is large and whose operation's model allows it.

Source: the trait `requestCompression` of AWS's models (PutMetricData has it), from 10,240 bytes on.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError

MOST_BYTES = 16 << 20
"""What a body may unpack to; AWS takes 1 MB of metrics."""
_GZIP = 16 + zlib.MAX_WBITS


def plain(environ: Mapping[str, Any], body: bytes) -> bytes:
    """Return a body as it was before it was compressed. Raises AwsError for what is no gzip, or too large."""
    if str(environ.get("HTTP_CONTENT_ENCODING", "")).strip().lower() != "gzip":
        return body
    unpacking = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacking.decompress(body, MOST_BYTES)
    except zlib.error as exc:
        raise AwsError("SerializationException", "The request body is no gzip.") from exc
    if unpacking.unconsumed_tail or len(unpacked) == MOST_BYTES:
        raise AwsError("RequestEntityTooLargeException", "The request body unpacks to too much.", 413)
    if not unpacking.eof:
        raise AwsError("SerializationException", "The request body is no gzip.")
    return unpacked
