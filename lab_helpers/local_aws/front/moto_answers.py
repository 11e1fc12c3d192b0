"""What is amiss in the form of moto's answers, whatever they say: content types, and the name of an error's text.

Source: the AWS JSON 1.1, AWS query and EC2 query protocols of the Smithy specification; error shapes of botocore's
descriptions (Athena's and Glue's texts are `Message`, most others' `message`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from botocore.exceptions import DataNotFoundError, UnknownServiceError

from lab_helpers.local_aws.front.model_files import service_model

_CONTENT_TYPES = {"json": "application/x-amz-json-1.1", "query": "text/xml", "ec2": "text/xml;charset=UTF-8"}
Headers = list[tuple[str, str]]


def finish(
    protocol: str, service: str, status: int, headers: Iterable[tuple[str, str]], body: bytes
) -> tuple[int, Headers, bytes]:
    """Return an answer of moto's in the form of the service; S3's are `s3.answers`' matter."""
    told = _error(service, body) if protocol == "json" and status >= 400 else body
    kept = [(name, value) for name, value in headers if name.lower() != "connection"]
    if told != body:
        kept = [(name, value) for name, value in kept if name.lower() != "content-length"]
    kind = _CONTENT_TYPES.get(protocol)
    if kind is not None and any(_is_page(pair) for pair in kept):
        # moto takes what AWS calls JSON or XML for a web page
        kept = [*(pair for pair in kept if not _is_page(pair)), ("Content-Type", kind)]
    return status, kept, told


@lru_cache(maxsize=256)
def message_member(service: str, code: str) -> str:
    """Return what a service (its signing name, or empty) calls the text of an error."""
    try:
        shapes = service_model(service).error_shapes if service else []
    except (DataNotFoundError, UnknownServiceError):
        return "message"
    told: Any = [shape for shape in shapes if shape.name == code] or shapes
    return "Message" if told and "Message" in told[0].members else "message"


def _error(service: str, body: bytes) -> bytes:
    try:
        members = json.loads(body)
    except ValueError:
        return body
    if not isinstance(members, dict) or "message" not in members:
        return body
    name = message_member(service, str(members.get("__type", "")).rpartition("#")[2])
    if name == "message":
        return body
    return json.dumps({name if key == "message" else key: value for key, value in members.items()}).encode()


def _is_page(header: tuple[str, str]) -> bool:
    return header[0].lower() == "content-type" and header[1].startswith("text/html")
