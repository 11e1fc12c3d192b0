"""By which names this server may be called: its own, on the loopback interface, and buckets' below them.

A page in the trainee's browser can make a name of its own lead to 127.0.0.1 (DNS rebinding); what it then sends has
that name in its Host header, and is refused before anything else is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_OWN = frozenset({"127.0.0.1", "localhost", "[::1]"})
_BELOW = (".localhost", ".127.0.0.1")
_HOST = re.compile(r"(\[[0-9a-f:]+\]|[a-z0-9._-]+)(?::\d{1,5})?", re.IGNORECASE)
_S3_PART = re.compile(r"(?:^|\.)s3(?:[.-][a-z0-9-]+)?$")


def name_of(environ: Mapping[str, Any]) -> str | None:
    """Return the name that a call's Host header has, without its port; None for one that is no host's."""
    found = _HOST.fullmatch(str(environ.get("HTTP_HOST", "")))
    return found[1].lower() if found else None


def is_own(environ: Mapping[str, Any]) -> bool:
    """Whether the call's Host is a name of this server's."""
    name = name_of(environ)
    return name is not None and (name in _OWN or name.endswith(_BELOW))


def bucket_of(environ: Mapping[str, Any]) -> str | None:
    """Return the bucket of a Host header (`bucket.localhost`, `bucket.s3.localhost`), None without one."""
    name = name_of(environ) or ""
    below = next((part for part in _BELOW if name.endswith(part)), None)
    if below is None:
        return None
    bucket = _S3_PART.sub("", name.removesuffix(below))
    return bucket or None


def with_bucket_in_path(environ: dict[str, Any]) -> dict[str, Any]:
    """Return the environ of an S3 call with its bucket in the path, whichever way it came."""
    bucket = bucket_of(environ)
    if bucket is None:
        return environ
    name = name_of(environ) or ""
    host = str(environ["HTTP_HOST"]).lower().replace(name, "127.0.0.1", 1)
    raw = str(environ.get("RAW_URI") or "/")
    moved = {"PATH_INFO": f"/{bucket}{environ.get('PATH_INFO', '/')}", "RAW_URI": f"/{bucket}{raw}"}
    return {**environ, **moved, "REQUEST_URI": moved["RAW_URI"], "HTTP_HOST": host}
