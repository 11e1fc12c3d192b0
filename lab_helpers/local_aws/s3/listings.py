"""Pages of S3's listings: what is behind a marker, what is grouped by a delimiter, and where the next page begins.

Source: ListObjects, ListObjectsV2, ListObjectVersions, ListMultipartUploads and ListBuckets of the Amazon S3 API
reference; LocalStack's recordings of S3 (test_s3_list_operations).
Not modelled: that a page has at most 1000 entries whatever was asked for, but of uploads and buckets.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from lab_helpers.local_aws.s3.refusals import invalid_argument

OPERATIONS = frozenset({"ListMultipartUploads", "ListObjectVersions", "ListObjects", "ListObjectsV2"})
Entry = TypeVar("Entry")
_ENCODING = "Invalid Encoding Method specified in Request"
_TOKEN = "The continuation token provided is incorrect"
_NO_KEY_MARKER = "A version-id marker cannot be specified without a key marker."


@dataclass
class Page(Generic[Entry]):
    """Entries and common prefixes, in the order of their names.

    `last` is the name where the page ends, which is a prefix if `ends_with_prefix`.
    """

    entries: list[Entry] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    is_truncated: bool = False
    last: str = ""
    ends_with_prefix: bool = False


def page(
    named: Iterable[tuple[str, Entry]],
    prefix: str,
    delimiter: str,
    after: str,
    most: int,
    is_behind: Callable[[str, Entry], bool] | None = None,
) -> Page[Entry]:
    """Return the page behind `after` of entries that are in the order of their names.

    `is_behind` decides of entries alone; without it those are behind whose name is. A prefix is behind if its name is.
    """
    found: Page[Entry] = Page()
    for name, entry in named:
        if not name.startswith(prefix):
            continue
        group = _group(name, prefix, delimiter)
        if group:
            if group <= after or (found.ends_with_prefix and group == found.last):
                continue
        elif not (is_behind(name, entry) if is_behind else name > after):
            continue
        if len(found.entries) + len(found.prefixes) >= most:
            found.is_truncated = most > 0
            break
        if group:
            found.prefixes.append(group)
        else:
            found.entries.append(entry)
        found.last, found.ends_with_prefix = group or name, bool(group)
    return found


def check(operation: str, params: Mapping[str, Any]) -> None:
    """Raise AwsError where a listing is asked for in a way that there is not."""
    coding = params.get("encoding-type", "url")
    if coding != "url":
        raise invalid_argument(_ENCODING, "encoding-type", coding)
    if operation == "ListObjectsV2" and "continuation-token" in params:
        read_token(str(params["continuation-token"]))
    if operation == "ListObjectVersions" and params.get("version-id-marker") and not params.get("key-marker"):
        raise invalid_argument(_NO_KEY_MARKER, "version-id-marker", params["version-id-marker"])


def token(last: str) -> str:
    """Return what stands for the name where a page ends."""
    return base64.urlsafe_b64encode(last.encode()).decode()


def read_token(told: str) -> str:
    """Return the name where the page before ended. Raises AwsError InvalidArgument."""
    try:
        if told:
            return base64.b64decode(told, b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        pass
    raise invalid_argument(_TOKEN, "continuation-token")


def whole_number(params: Mapping[str, Any], name: str, least: int, most: int, usual: int) -> int:
    """Return a number of a call's query, `usual` where it is empty. Raises AwsError InvalidArgument for another."""
    told = str(params.get(name) or usual)
    if not told.isdecimal() or not least <= int(told) <= most:
        text = f"Argument {name} must be an integer between {least} and {most}"
        raise invalid_argument(text, name, told)
    return int(told)


def _group(name: str, prefix: str, delimiter: str) -> str:
    end = name.find(delimiter, len(prefix)) if delimiter else -1
    return "" if end < 0 else name[: end + len(delimiter)]
