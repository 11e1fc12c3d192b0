"""Talk to AWS: signature version 4, kept-open connections, credentials.

Source: AWS SigV4 documentation; Fluent Bit 4.2.8's requests (header order, its retry of a request that got no answer,
refresh of credentials after an authorisation error, at most once a minute).
Not modelled: instance metadata, profiles and SSO: credentials come from the environment,
from AWS_CONTAINER_CREDENTIALS_FULL_URI / _RELATIVE_URI, or from the `[default]` part of the shared credentials file
(`role_arn`: assume_role.py).
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from lab_helpers.router.aws.credentials import Credentials, CredentialsProvider
from lab_helpers.router.aws.http_client import Connection, HttpError, Response, Target
from lab_helpers.router.core.log import Log

Step = Callable[[], None]

REFRESH_LIMIT_S = 60
# FLB_AWS_CREDENTIAL_REFRESH_LIMIT
AUTH_ERROR_MARKS = ("InvalidClientTokenId", "AccessDenied", "Expired")
AUTH_ERROR_CODES = frozenset({
    "ExpiredToken", "ExpiredTokenException", "AccessDeniedException", "AccessDenied", "IncompleteSignature",
    "SignatureDoesNotMatch", "MissingAuthenticationToken", "InvalidClientTokenId", "InvalidToken",
    "InvalidAccessKeyId", "UnrecognizedClientException",
})  # fmt: skip


@dataclass(frozen=True)
class AwsError:
    """The error code and message in an AWS answer; '' where the answer has none."""

    code: str
    message: str


class AwsClient:
    """A client of one AWS service for one output worker: signs, sends, keeps its connection.

    `request` returns None when no answer came (twice, when `retries_requests`), as the reference does.
    """

    def __init__(
        self,
        service: str,
        region: str,
        target: Target,
        credentials: CredentialsProvider,
        log: Log,
        core_log: Log,
        user_agent: str = "aws-fluent-bit-plugin",
        retries_requests: bool = True,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.service, self.region, self.target = service, region, target
        self._credentials, self._log, self._core_log = credentials, log, core_log
        self._user_agent, self._retries_requests, self._now = user_agent, retries_requests, now
        self._connection = Connection(target, core_log)
        self._refresh_after = 0.0
        self._unsent = False
        self._keys = _SigningKeys()

    def call(
        self, operation_target: str, body: bytes, extra: Mapping[str, str] | None = None, meanwhile: Step | None = None
    ) -> Response | None:
        """POST a JSON-protocol operation (`Logs_20140328.PutLogEvents`)."""
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": operation_target, **(extra or {})}
        return self.request("POST", "/", body, headers, meanwhile)

    def request(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], meanwhile: Step | None = None
    ) -> Response | None:
        """Send one signed request; None when it got no answer. `meanwhile` is called while AWS works on it."""
        response = self._send(method, path, body, headers, meanwhile)
        if response is None and self._unsent and self._retries_requests:
            # a request that was cut off is not repeated here: the reference tries, on the dead connection
            response = self._send(method, path, body, headers, meanwhile)
        if response is not None and 400 <= response.status < 500:
            self._after_refusal(response)
        return response

    def close(self) -> None:
        """Close the connection; safe twice."""
        self._connection.close()

    def _send(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], meanwhile: Step | None
    ) -> Response | None:
        credentials = self._credentials.get()
        if credentials is None:
            self._core_log.warn("[aws_credentials] No cached credentials are available and a credential refresh is "
                                "already in progress. The current co-routine will retry.")  # fmt: skip
            self._core_log.error(f"[signv4] Provider returned no credentials, service={self.service}")
            self._core_log.error("[aws_client] could not sign request")
            self._unsent = True
            return None
        signed = self._signed(method, path, body, headers, credentials)
        try:
            return self._connection.exchange(method, path, signed, body, meanwhile)
        except HttpError as exc:
            self._core_log.error(exc.line)
            self._unsent = exc.unsent
            return None

    def _signed(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], credentials: Credentials
    ) -> list[tuple[str, str]]:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._now()))
        own = [("Host", self.target.host_header), ("Content-Length", str(len(body))), ("User-Agent", self._user_agent)]
        own += [*headers.items(), ("x-amz-date", stamp)]
        if credentials.token:
            own.append(("x-amz-security-token", credentials.token))
        digest = hashlib.sha256(body).hexdigest()
        if self.service == "s3":
            own.append(("x-amz-content-sha256", digest))
        signed_names, signature = self._signature(method, path, own, digest, stamp, credentials)
        scope = f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        own.append((
            "Authorization",
            f"AWS4-HMAC-SHA256 Credential={credentials.key_id}/{scope}, SignedHeaders={signed_names}, "
            f"Signature={signature}",
        ))  # fmt: skip
        own.append(("Connection", "Keep-Alive"))
        return own

    def _signature(
        self, method: str, path: str, headers: list[tuple[str, str]], digest: str, stamp: str, credentials: Credentials
    ) -> tuple[str, str]:
        pairs = sorted((name.lower(), value.strip()) for name, value in headers if name.lower() != "user-agent")
        names = ";".join(name for name, _ in pairs)
        bare, _, query = path.partition("?")
        canonical = "\n".join(
            [method, bare, canonical_query(query), *(f"{name}:{value}" for name, value in pairs), "", names, digest]
        )
        scope = f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = self._keys.get(credentials.secret, stamp[:8], self.region, self.service)
        return names, hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()

    def _after_refusal(self, response: Response) -> None:
        if self._now() > self._refresh_after and is_auth_error(response.body):
            self._core_log.info("[aws_client] auth error, refreshing creds")
            self._refresh_after = self._now() + REFRESH_LIMIT_S
            self._credentials.refresh()


class _SigningKeys:
    """The derived key of the day; four HMACs that need not be done for every request."""

    def __init__(self) -> None:
        self._inputs: tuple[str, ...] = ()
        self._key = b""

    def get(self, secret: str, *scope: str) -> bytes:
        """Return the signing key for this secret and (day, region, service)."""
        if self._inputs != (secret, *scope):
            key = b"AWS4" + secret.encode()
            for part in (*scope, "aws4_request"):
                key = hmac.new(key, part.encode(), hashlib.sha256).digest()
            self._inputs, self._key = (secret, *scope), key
        return self._key


def canonical_query(query: str) -> str:
    """Return the query string in SigV4's order; a name without a value gets `=`."""
    parts = [part if "=" in part else part + "=" for part in query.split("&") if part]
    return "&".join(sorted(parts))


def is_auth_error(body: bytes) -> bool:
    """Whether the answer says that the credentials are no (longer) good."""
    text = body.decode("utf-8", "replace").lower()
    return any(mark.lower() in text for mark in AUTH_ERROR_MARKS) or read_error(body).code in AUTH_ERROR_CODES


def read_error(body: bytes) -> AwsError:
    """Return the error in a JSON or XML answer, as it stands there: a namespace before the code is part of it."""
    if body.lstrip()[:1] == b"<":
        return AwsError(_xml_text(body, "Code"), _xml_text(body, "Message"))
    try:
        answer = orjson.loads(body or b"{}")
    except ValueError:
        return AwsError("", "")
    if not isinstance(answer, dict):
        return AwsError("", "")
    return AwsError(str(answer.get("__type", "")), str(answer.get("message", "")))


def log_error(response: Response, api: str, log: Log) -> None:
    """Log what AWS answered, in Fluent Bit's words."""
    error = read_error(response.body)
    if not error.code:
        log.warn(f"{api}: Raw response: {response.body.decode('utf-8', 'replace')}")
    elif error.message:
        log.error(f"{api} API responded with error='{error.code}', message='{error.message}'")
    else:
        log.error(f"{api} API responded with error='{error.code}'")


def _xml_text(body: bytes, name: str) -> str:
    text = body.decode("utf-8", "replace")
    _, _, rest = text.partition(f"<{name}>")
    value, end, _ = rest.partition(f"</{name}>")
    return value if end else ""
