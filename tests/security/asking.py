"""Plain HTTP calls and what came of them."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """AWS's error code, "" for an answer that is no error of AWS's."""
        if self.body.startswith(b"{"):
            return str(json.loads(self.body).get("__type", ""))
        found = re.search(rb"<Code>(.*?)</Code>", self.body)
        return found[1].decode() if found else ""

    @property
    def message(self) -> str:
        """AWS's text."""
        if self.body.startswith(b"{"):
            return str(json.loads(self.body).get("message", ""))
        found = re.search(rb"<Message>(.*?)</Message>", self.body, re.DOTALL)
        return found[1].decode() if found else ""


def ask(request: urllib.request.Request) -> Answer:
    """Send a call; an error status is an answer too."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return Answer(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as exc:
        with exc as answer:
            return Answer(answer.code, dict(answer.headers), answer.read())
