"""What must not be read by others, taken out of texts: account numbers, access keys, tokens, e-mail addresses.

Works by form, so it needs to know none of the secrets; `Redactor` also hides values that it is told.
Not modelled: secret access keys by form alone (40 letters look like many an id): they are told by value, or found where
their usual name stands before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

ACCOUNT = "[AccountID]"
ACCESS_KEY = "[AccessKeyID]"
SECRET = "[secret]"
EMAIL = "[e-mail]"
SHORTEST_SECRET = 8
"""A told value that is shorter is left alone: it would be found in the middle of words."""

_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])(?<!\d\.)\d{12}(?![0-9A-Za-z])")
"""Alone, in an ARN, in a bucket's name; a time in milliseconds has 13 digits, and a number may have twelve behind its
point.
"""
_ACCESS_KEY = re.compile(r"(?<![0-9A-Za-z])(?:AKIA|ASIA)[A-Z0-9]{16}(?![0-9A-Za-z])")
"""Source: IAM User Guide, "IAM identifiers", unique ID prefixes."""
_TOKEN = re.compile(r"(?<![0-9A-Za-z+/=_-])(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)[0-9A-Za-z+/=_-]{40,}")
"""How session tokens of STS begin."""
_NAMED = re.compile(
    r"(?i)((?:aws_)?(?:secret_?access_?key|session_?token|security_?token)[\"']?\s*[:=]\s*[\"']?)([0-9A-Za-z+/=_-]{16,})"
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(?![\w-])")


def redact(text: str) -> str:
    """Return a text without account numbers, access keys, session tokens and e-mail addresses."""
    text = _NAMED.sub(rf"\g<1>{SECRET}", text)
    text = _TOKEN.sub(SECRET, text)
    text = _ACCESS_KEY.sub(ACCESS_KEY, text)
    text = _EMAIL.sub(EMAIL, text)
    return hide_accounts(text)


def hide_accounts(text: str) -> str:
    """Return a text with account numbers replaced, as the article does."""
    return _ACCOUNT.sub(ACCOUNT, text)


def last_digits(account: str) -> str:
    """Return an account number as it may be shown: …1234."""
    return f"…{account[-4:]}"


class Redactor:
    """`redact`, and the values of secrets that are known besides."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted({s for s in secrets if len(s) >= SHORTEST_SECRET}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, SECRET)
        return redact(text)
