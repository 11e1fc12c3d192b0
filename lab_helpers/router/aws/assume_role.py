"""Credentials of another role: `role_arn` of the AWS outputs, by AssumeRole with the credentials that are there.

Source: Fluent Bit 4.2.8: a signed GET, a session name of 32 random letters, error lines without AWS's message; AWS's
XML answer. `sts_endpoint` may carry a scheme and a port here, as `endpoint` may.
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable
from urllib.parse import quote

from lab_helpers.router.aws.credentials import Credentials, CredentialsProvider, epoch
from lab_helpers.router.aws.http_client import Response, Target
from lab_helpers.router.aws.signed_calls import AwsClient, read_error
from lab_helpers.router.core.log import Log

API_VERSION = "2011-06-15"
SESSION_NAME_LENGTH = 32
_LETTERS = string.digits + string.ascii_letters


class RoleCredentials(CredentialsProvider):
    """Temporary credentials of `role_arn`, renewed before they expire; `base` signs the AssumeRole."""

    def __init__(
        self,
        base: CredentialsProvider,
        role_arn: str,
        external_id: str | None,
        region: str,
        target: Target,
        log: Log,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__({}, log, now)
        self._path = request_path(role_arn, session_name(), external_id)
        self._client = AwsClient("sts", region, target, base, log, log, retries_requests=False, now=now)

    def _find(self) -> Credentials | None:
        response = self._client.request("GET", self._path, b"", {})
        self._client.close()
        if response is not None and response.status == 200:
            found = parse_answer(response.body)
            if found is None:
                self._log.error("[aws_credentials] Failed to parse response from STS")
            return found
        self._tell(response)
        return None

    def _tell(self, response: Response | None) -> None:
        code = read_error(response.body).code if response is not None else ""
        if code:
            self._log.error(f"[aws_credentials] STS API responded with {code}")
        self._log.error("[aws_credentials] STS assume role request failed")


def request_path(role_arn: str, session: str, external_id: str | None) -> str:
    """Return the path of the AssumeRole request."""
    path = f"/?Version={API_VERSION}&Action=AssumeRole&RoleSessionName={session}&RoleArn={quote(role_arn, safe='')}"
    return path + (f"&ExternalId={quote(external_id, safe='')}" if external_id else "")


def session_name() -> str:
    """Return a name that no other session has."""
    return "".join(secrets.choice(_LETTERS) for _ in range(SESSION_NAME_LENGTH))


def parse_answer(body: bytes) -> Credentials | None:
    """Return the credentials in AWS's XML, or None where there are none."""
    text = body.decode("utf-8", "replace")
    key_id, secret, token, expiration = (
        _node(text, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    )
    if not (key_id and secret and token):
        return None
    try:
        return Credentials(key_id, secret, token, epoch(expiration))
    except ValueError:
        return None


def _node(text: str, name: str) -> str:
    return text.partition(f"<{name}>")[2].partition(f"</{name}>")[0].strip()
