"""Metadata extraction: a JQ query that takes partition keys out of a record.

Source: "Create partitioning keys with inline parsing" of the Firehose guide (JQ 1.6), and the refusals that users of it
quote.
Not modelled: the differences between JQ 1.6 and the newer one that answers here. Refused, since a query comes from
outside: what in JQ reads files or the environment.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from lab_helpers.base import nested_json

KEY_MAX_CHARS = 1024
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
_REACHES_OUT = re.compile(
    r"\$ENV\b|(?<![.\w$])(?:env|import|include|input|inputs|input_filename|debug|stderr|modulemeta)\b(?!\s*:)"
)
_KEYS = re.compile(r"""[{,]\s*(?:"([^"]+)"|([A-Za-z_][\w-]*))\s*(?=[:,}])""")


class QueryError(ValueError):
    """A query that is none."""


class ExtractionError(ValueError):
    """A record has not what the query asks for; the text is Firehose's."""


def check(query: str) -> None:
    """Raise QueryError for a query that JQ does not read or that reaches for more than the record."""
    if _REACHES_OUT.search(_STRINGS.sub('""', query)):
        raise QueryError("the local AWS does not let a JQ query read files, other input or the environment")
    _compiled(query)


def keys_of(query: str) -> list[str]:
    """Return the keys of a query that is one object, `{level: .level}`; empty where it is written otherwise."""
    text = query.strip()
    if not re.fullmatch(r"\{[^{}]*\}", text, re.DOTALL):
        return []
    return [quoted or plain for quoted, plain in _KEYS.findall(text)]


def extract(query: str, record: bytes) -> dict[str, str]:
    """Return a record's partition keys; raises ExtractionError."""
    try:
        document = nested_json.loads(record)
    except ValueError as exc:
        raise ExtractionError("Non JSON record provided") from exc
    try:
        found = _compiled(query).input_value(document).first()
    except (ValueError, StopIteration) as exc:
        raise ExtractionError(f"JQ query failed: {exc}") from exc
    if not isinstance(found, dict):
        raise ExtractionError("partitionKeys values must not be null or empty")
    keys = {name: _text(value) for name, value in found.items()}
    if not keys or not all(keys.values()):
        raise ExtractionError("partitionKeys values must not be null or empty")
    if any(len(value) > KEY_MAX_CHARS for value in keys.values()):
        raise ExtractionError(f"partitionKeys values must not be longer than {KEY_MAX_CHARS} characters")
    return keys


@functools.lru_cache(maxsize=64)
def _compiled(query: str) -> Any:
    import jq  # not at the server's start: few streams have a query

    try:
        return jq.compile(query)
    except ValueError as exc:
        raise QueryError(f"Invalid JQ query: {str(exc).splitlines()[0]}") from exc


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
