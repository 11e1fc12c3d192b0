"""Condition keys that speak of tags: the principal's, the resource's, and those that a call would set.

Source: "AWS global condition context keys" of the IAM User Guide.
Not modelled: S3's object tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Keys = dict[str, str | tuple[str, ...]]


def principal_keys(tags: Mapping[str, str]) -> Keys:
    """Return `aws:PrincipalTag/…` of a principal's tags."""
    return {f"aws:PrincipalTag/{name}": value for name, value in tags.items()}


def resource_keys(service: str, tags: Mapping[str, str]) -> Keys:
    """Return `aws:ResourceTag/…`, and the same by the service's own prefix, of the tags of what is accessed."""
    return {f"{prefix}:ResourceTag/{name}": value for name, value in tags.items() for prefix in ("aws", service)}


def request_keys(params: Mapping[str, Any]) -> Keys:
    """Return `aws:RequestTag/…` and `aws:TagKeys` of the tags that a call names; nothing of a call that names none."""
    tags = dict(_pairs(params))
    named = (*tags, *_untagged(params))
    keys: Keys = {f"aws:RequestTag/{name}": value for name, value in tags.items()}
    return {**keys, "aws:TagKeys": named} if named else {}


def _pairs(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("tags", "Tags"):
        yield from named_values(params.get(name))
    specifications = params.get("TagSpecification")  # EC2's form
    for each in specifications if isinstance(specifications, list) else ():
        if isinstance(each, Mapping):
            yield from named_values(each.get("Tag"))


def named_values(tags: Any) -> Iterator[tuple[str, str]]:
    """Yield what is in any of AWS's forms of tags: a map, or a list of keys and values in either case."""
    if isinstance(tags, Mapping):
        yield from ((str(name), str(value)) for name, value in tags.items())
    elif isinstance(tags, list | tuple):
        for tag in tags:
            if isinstance(tag, Mapping) and (name := tag.get("Key", tag.get("key"))) is not None:
                yield str(name), str(tag.get("Value", tag.get("value", "")))


def _untagged(params: Mapping[str, Any]) -> tuple[str, ...]:
    listed = params.get("tagKeys", params.get("TagKeys"))
    return tuple(map(str, listed)) if isinstance(listed, list | tuple) else ()
