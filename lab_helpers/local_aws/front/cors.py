"""Which pages of other origins may read an answer: those that a bucket's CORS rules let in, and no others.

Source: "Using cross-origin resource sharing (CORS)" of the Amazon S3 user guide (how a rule is found: origin, method,
headers; a star stands for any characters).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from lab_helpers.local_aws.kit.api import AwsError

Headers = list[tuple[str, str]]
_NOT_ENABLED = "CORSResponse: CORS is not enabled for this bucket."
_NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
    "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)
"""The misspelling is AWS's."""


class Rule(Protocol):
    """A bucket's rule, as moto keeps it."""

    allowed_methods: Any
    allowed_origins: Any
    allowed_headers: Any
    exposed_headers: Any
    max_age_seconds: Any


def without_cors(headers: Iterable[tuple[str, str]]) -> Headers:
    """Return an answer's headers without what would let a page read it."""
    return [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]


def is_preflight(environ: Mapping[str, Any]) -> bool:
    """Whether a browser asks what a page may do."""
    return environ["REQUEST_METHOD"] == "OPTIONS" and bool(environ.get("HTTP_ORIGIN"))


def preflight(environ: Mapping[str, Any], rules: Sequence[Rule]) -> Headers:
    """Return the headers that answer a browser's question; raises AwsError AccessForbidden."""
    if not rules:
        raise AwsError("AccessForbidden", _NOT_ENABLED, 403)
    method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "")
    asked = [each.strip() for each in environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "").split(",") if each.strip()]
    for rule in rules:
        if _lets_in(rule, environ["HTTP_ORIGIN"], method) and all(_allows(rule, name) for name in asked):
            headers = _headers(rule, environ["HTTP_ORIGIN"])
            return [*headers, ("Access-Control-Allow-Headers", ", ".join(asked))] if asked else headers
    raise AwsError("AccessForbidden", _NOT_ALLOWED, 403)


def of_answer(environ: Mapping[str, Any], rules: Sequence[Rule]) -> Headers:
    """Return the headers of an answer to a page of another origin; none where no rule lets it read."""
    origin = environ.get("HTTP_ORIGIN")
    rule = next((each for each in rules if origin and _lets_in(each, origin, environ["REQUEST_METHOD"])), None)
    return _headers(rule, str(origin)) if rule is not None else []


def _headers(rule: Rule, origin: str) -> Headers:
    any_origin = "*" in _listed(rule.allowed_origins)
    found = [
        ("Access-Control-Allow-Origin", "*" if any_origin else origin),
        ("Access-Control-Allow-Methods", ", ".join(_listed(rule.allowed_methods))),
    ]
    if _listed(rule.exposed_headers):
        found.append(("Access-Control-Expose-Headers", ", ".join(_listed(rule.exposed_headers))))
    if rule.max_age_seconds is not None:
        found.append(("Access-Control-Max-Age", str(rule.max_age_seconds)))
    if not any_origin:
        found.append(("Access-Control-Allow-Credentials", "true"))
    return [*found, ("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")]


def _lets_in(rule: Rule, origin: str, method: str) -> bool:
    return method in _listed(rule.allowed_methods) and any(
        _fits(origin, each) for each in _listed(rule.allowed_origins)
    )


def _allows(rule: Rule, header: str) -> bool:
    return any(_fits(header.lower(), each.lower()) for each in _listed(rule.allowed_headers))


def _fits(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))


def _listed(values: Any) -> list[str]:
    return [] if values is None else [values] if isinstance(values, str) else [str(each) for each in values]
