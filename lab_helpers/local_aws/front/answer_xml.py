"""The XML of answers in the query and EC2 protocols, by botocore's description of each operation's output.

Source: the "AWS query protocol" and "AWS EC2 query protocol" of the Smithy specification (maps are entries of key and
value; EC2's answers have their members and `requestId` at the top and name lists' members `item`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape


def members(shape: Any, value: Mapping[str, Any]) -> str:
    """Return a structure's members as elements; a name that the shape does not have is written as it is."""
    known = shape.members if shape is not None and shape.type_name == "structure" else {}
    return "".join(_named(known.get(key), key, item) for key, item in value.items() if item is not None)


def _named(shape: Any, key: str, value: Any) -> str:
    name = shape.serialization.get("name", key) if shape is not None else key
    return f"<{name}>{_content(shape, value)}</{name}>"


def _content(shape: Any, value: Any) -> str:
    if isinstance(value, Mapping):
        return _map(shape, value) if shape is not None and shape.type_name == "map" else members(shape, value)
    if isinstance(value, list | tuple):
        member = shape.member if shape is not None and shape.type_name == "list" else None
        name = member.serialization.get("name", "member") if member is not None else "member"
        return "".join(f"<{name}>{_content(member, item)}</{name}>" for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return escape(str(value))


def _map(shape: Any, value: Mapping[str, Any]) -> str:
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    return "".join(
        f"<entry><{key_name}>{escape(str(key))}</{key_name}>"
        f"<{value_name}>{_content(shape.value, item)}</{value_name}></entry>"
        for key, item in value.items()
    )
