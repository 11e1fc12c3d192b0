"""What came of a call, as the feed of API calls keeps it: read from the answer, and from the head of one refused."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.front import protocol
from lab_helpers.local_aws.kit.api import AwsError, Caller

UNREAD = "?"
"""The operation of a call that names it in its body, which was not read."""
_MOST_MESSAGE = 500
_CODE, _MESSAGE = re.compile(rb"<Code>([^<]*)</Code>"), re.compile(rb"<Message>([^<]*)</Message>")


def of_answer(answered: protocol.HttpAnswer) -> tuple[str, str]:
    """Return AWS's error code and text of an answer; both empty when the call worked."""
    status, _, body = answered
    if status < 400:
        return "", ""
    if not isinstance(body, bytes) or not body:
        return str(status), ""
    if body.lstrip()[:1] == b"{":
        return _of_json(status, body)
    code, message = _CODE.search(body), _MESSAGE.search(body)
    return _text(code) or str(status), _text(message)


def head_of(environ: Mapping[str, Any]) -> protocol.Call | None:
    """Return what the head of a call tells of it, None when that is nothing."""
    try:
        return protocol.parse(environ, b"")
    except AwsError as error:
        if error.code != "MissingAction":
            return None
    key, region, service = protocol.scope_of(environ)
    return protocol.Call("query", service, UNREAD, region, key, None, {})


def stranger(access_key_id: str | None, account_id: str) -> Caller:
    """Return who called with a key that was not let in."""
    return Caller("unknown", f"access key {access_key_id[:128]}" if access_key_id else "anonymous", account_id)


def _of_json(status: int, body: bytes) -> tuple[str, str]:
    try:
        members = json.loads(body)
    except ValueError:
        return str(status), ""
    code = str(members.get("__type") or members.get("Code") or status).rpartition("#")[2]
    return code, str(members.get("message") or members.get("Message") or "")[:_MOST_MESSAGE]


def _text(found: re.Match[bytes] | None) -> str:
    return html.unescape(found[1].decode("utf-8", "replace"))[:_MOST_MESSAGE] if found else ""
