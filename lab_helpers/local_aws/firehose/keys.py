"""The S3 keys of what Firehose delivers: `<evaluated prefix><stream>-<version>-<time>-<uuid><extension>`.

Source: Configure Amazon S3 object name format; Understand custom prefixes for Amazon S3 objects (Firehose guide).
Times are those of the oldest record in the object.
Not modelled: partitionKeyFromLambda; localised text in time patterns.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EXTENSIONS = {"UNCOMPRESSED": "", "GZIP": ".gz", "ZIP": ".zip", "Snappy": ".snappy", "HADOOP_SNAPPY": ".hsnappy"}
FROM_QUERY, FROM_LAMBDA = "partitionKeyFromQuery", "partitionKeyFromLambda"
DEFAULT_TIME_PREFIX = "yyyy/MM/dd/HH/"
_EXPRESSION = re.compile(r"!\{([^}:]*):?([^}]*)\}")
_PATTERN_PART = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_LETTERS = {"y": "%Y", "u": "%Y", "M": "%m", "d": "%d", "D": "%j", "H": "%H", "h": "%I", "m": "%M", "s": "%S"}
_WORDS = {"MMM": "%b", "MMMM": "%B", "E": "%a", "EE": "%a", "EEE": "%a", "EEEE": "%A", "a": "%p"}


class PrefixError(ValueError):
    """A prefix expression that Firehose would refuse."""


def object_key(
    *,
    prefix: str,
    stream: str,
    version: str,
    at: datetime,
    object_id: str,
    compression: str = "UNCOMPRESSED",
    time_zone: str = "UTC",
    file_extension: str = "",
    error_type: str = "",
    partition: Mapping[str, str] | None = None,
) -> str:
    """Return the key of one delivered object; `at` is the oldest record's arrival, `object_id` a UUID.

    `error_type` tells that it holds what failed, `partition` the keys of dynamic partitioning.
    """
    local = at.astimezone(_zone(time_zone))
    extension = file_extension or EXTENSIONS[compression]
    suffix = f"{stream}-{version}-{local:%Y-%m-%d-%H-%M-%S}-{object_id}{extension}"
    return evaluate_prefix(prefix, local, object_id, error_type, partition) + suffix


def partition_keys(prefix: str) -> list[tuple[str, str]]:
    """Return the (namespace, key) of dynamic partitioning that a prefix names."""
    found = (match.groups() for match in _EXPRESSION.finditer(prefix))
    return [(namespace, value) for namespace, value in found if namespace in (FROM_QUERY, FROM_LAMBDA)]


def evaluate_prefix(
    prefix: str, at: datetime, object_id: str, error_type: str = "", partition: Mapping[str, str] | None = None
) -> str:
    """Return a prefix with its expressions evaluated; without a time expression YYYY/MM/DD/HH/ follows it.

    With partition keys nothing follows: the prefix says it all. Random strings come out of `object_id`, so that a
    repeated attempt writes the same key. Raises PrefixError.
    """
    count = iter(range(1000))

    def value_of(found: re.Match[str]) -> str:
        namespace, value = found.groups()
        if namespace == "timestamp":
            return format_time(value, at)
        if (namespace, value) == ("firehose", "random-string"):
            return _random_string(object_id, next(count))
        if (namespace, value) == ("firehose", "error-output-type") and error_type:
            return error_type
        if namespace in (FROM_QUERY, FROM_LAMBDA) and partition is not None and value in partition:
            return partition[value]
        raise PrefixError(f"The expression {found.group(0)} is not supported in this prefix")

    if error_type and "!{firehose:error-output-type}" not in prefix:
        prefix += f"{error_type}/"
    evaluated = _EXPRESSION.sub(value_of, prefix)
    if "!{" in _EXPRESSION.sub("", prefix):
        raise PrefixError(f"The prefix {prefix!r} has an expression without an end")
    return evaluated if "!{timestamp:" in prefix or partition else evaluated + format_time(DEFAULT_TIME_PREFIX, at)


def check_prefixes(prefix: str, error_prefix: str) -> None:
    """Refuse what AWS refuses when a stream is made; raises PrefixError.

    Source: the semantic rules of custom prefixes: an expression in the prefix needs an error prefix, which must
    name error-output-type.
    """
    at = datetime(2000, 1, 1, tzinfo=ZoneInfo("UTC"))
    evaluate_prefix(prefix, at, "0", "", {name: "x" for _, name in partition_keys(prefix)})
    if partition_keys(error_prefix):
        raise PrefixError("Dynamic Partitioning Namespaces can't be part of an error prefix expression")
    if _EXPRESSION.search(prefix) and not error_prefix:
        raise PrefixError("ErrorOutputPrefix cannot be null or empty when Prefix contains expressions.")
    if error_prefix and _EXPRESSION.search(error_prefix) and "!{firehose:error-output-type}" not in error_prefix:
        raise PrefixError("ErrorOutputPrefix must contain at least one instance of !{firehose:error-output-type}.")
    evaluate_prefix(error_prefix, at, "0", "processing-failed")


def check_time_zone(name: str) -> None:
    """Raise PrefixError for a CustomTimeZone that does not exist."""
    _zone(name)


def format_time(pattern: str, at: datetime) -> str:
    """Format a time by a Java DateTimeFormatter pattern; raises PrefixError for a letter that is not modelled."""
    if pattern.count("'") % 2:
        raise PrefixError(f"The time pattern {pattern!r} has a quote without an end")
    return "".join(_pattern_part(part, at) for part in _PATTERN_PART.finditer(pattern))


def _pattern_part(part: re.Match[str], at: datetime) -> str:
    text, quoted = part.group(0), part.group(1)
    if quoted is not None:
        return quoted.replace("''", "'") or "'"
    if not text[0].isalpha():
        return text
    if text in _WORDS:
        return at.strftime(_WORDS[text])
    if text[0] == "S":
        return f"{at.microsecond:06d}000"[: len(text)]
    if text[0] not in _LETTERS:
        raise PrefixError(f"The time pattern letter {text[0]!r} is not supported")
    return _digits(text, at)


def _digits(text: str, at: datetime) -> str:
    number = at.strftime(_LETTERS[text[0]])
    if text in {"yy", "uu"}:
        return number[-2:]
    return str(int(number)).zfill(len(text))


def _random_string(object_id: str, nth: int) -> str:
    digest = hashlib.sha256(f"{object_id}/{nth}".encode()).digest()
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return "".join(letters[byte % len(letters)] for byte in digest[:11])


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise PrefixError(f"CustomTimeZone {name!r} is not a known time zone") from exc
