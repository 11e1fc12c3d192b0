"""The request chain: parse, find the caller, ask IAM, then our own handler or moto."""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from lab_helpers.base import extras
from lab_helpers.base.errors import MissingExtraError
from lab_helpers.iam.policy import PolicyKind, parse
from lab_helpers.local_aws.front import compression, cors, hosts, moto_answers, outcome, protocol, validation
from lab_helpers.local_aws.front.s3 import answers, checksums, deletion, documents, object_checksums
from lab_helpers.local_aws.identity import refusals
from lab_helpers.local_aws.identity.authorisation import Authoriser
from lab_helpers.local_aws.identity.entrance import Entrance
from lab_helpers.local_aws.identity.policy_checks import Check
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Caller, Handler, NobodyAnswersError, WsgiApp
from lab_helpers.local_aws.s3 import acls, contents, decisions, links, posted_form
from lab_helpers.local_aws.s3.notifications.delivery import Notifications, S3Call
from lab_helpers.local_aws.s3.public import access as public_access
from lab_helpers.local_aws.state.changes import Change, change_of
from lab_helpers.local_aws.trail.feed import CallFeed

_FOR_ANYBODY = frozenset({("sts", "AssumeRoleWithSAML"), ("sts", "AssumeRoleWithWebIdentity")})
"""Operations whose callers have no keys yet: what they bring along is their proof."""
_TOO_DEEP = {"json": "SerializationException", "query": "MalformedInput", "ec2": "InvalidParameterValue"}
"""By protocol; S3 says MalformedXML."""
_LOG = logging.getLogger(__name__)
_REASONS = {
    200: "OK",
    204: "No Content",
    303: "See Other",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    500: "Internal Server Error",
}


class ControlPlane(object_checksums.Objects, decisions.Objects, Protocol):
    """What answers where no handler does: moto_bridge.MotoBridge."""

    def call(self, environ: dict[str, Any], body: bytes, change: Change | None) -> Any: ...

    def keeping(self, change: Change | None) -> AbstractContextManager[None]:
        """Keep what is done with the control plane inside, past `call`."""

    def cors_rules(self, bucket: str) -> Any: ...

    def public_block(self, bucket: str) -> public_access.Block: ...

    def leave_to_nobody(self, bucket: str, key: str) -> None:
        """Remember that a caller without keys made an object."""

    def checksum(self, bucket: str, key: str, version: str) -> tuple[str, str, str] | None: ...

    def bucket_documents(self, bucket: str) -> documents.Documents | None:
        """Return a bucket's configurations that are ours, to be changed in place; None without such a bucket."""


class Gateway:
    """The WSGI application of the local AWS.

    `checks` may refuse a call before anybody answers it. `overrides` is asked first; everything that it does not name
    goes to `control_plane`. What came of each call is told to `feed`,
    what objects' events are to `notifications`. A failure inside a handler is answered as AWS's
    InternalFailure and logged: it is never handed on to the control plane.
    """

    def __init__(
        self,
        entrance: Entrance,
        authoriser: Authoriser,
        control_plane: ControlPlane,
        overrides: Mapping[tuple[str, str], Handler],
        routes: Mapping[str, WsgiApp],
        account_id: str,
        checks: Mapping[tuple[str, str], Check] | None = None,
        feed: CallFeed | None = None,
        notifications: Notifications | None = None,
    ) -> None:
        self._entrance, self._authoriser, self._control_plane = entrance, authoriser, control_plane
        self._overrides, self._routes, self._account_id = overrides, routes, account_id
        self._checks, self._feed, self._notifications = checks or {}, feed, notifications
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._roles: dict[str, Counter[str]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not hosts.is_own(environ):
            return _stranger(environ, start_response)
        route = self._route(environ)
        if route is not None:
            answered: Iterable[bytes] = route(environ, start_response)
            return answered
        status, headers, body = self._admitted(environ)
        headers = [*cors.without_cors(headers), *self._cors(environ)]
        if not isinstance(body, bytes):
            start_response(f"{status} {_REASONS.get(status, 'Status')}", headers)
            return body
        if status == 204:
            headers = [pair for pair in headers if pair[0].lower() != "content-length"]
        elif not any(name.lower() == "content-length" for name, _ in headers):
            headers = [*headers, ("Content-Length", str(len(body)))]
        start_response(f"{status} {_REASONS.get(status, 'Status')}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _admitted(self, environ: dict[str, Any]) -> protocol.HttpAnswer:
        """Find out who calls, then answer; whom nobody knows is refused before the body is read."""
        kind = protocol.kind_of(environ)
        if kind == "s3" and cors.is_preflight(environ):
            return self._preflight(environ)
        try:
            admitted = self._entrance.admit(environ, kind)
        except AwsError as error:
            self._tell_of_stranger(environ, error)
            return protocol.refusal(kind, error, environ["REQUEST_METHOD"])
        except (OSError, UnicodeError, ValueError) as error:
            _LOG.info("a call ended in its body: %s", error)
            return protocol.refusal(kind, AwsError("IncompleteBody", "The request body terminated unexpectedly"))
        plain = links.with_headers(hosts.with_bucket_in_path(admitted.environ)) if kind == "s3" else admitted.environ
        try:
            answered = self.answer(plain, admitted.body, admitted.caller)
        finally:
            contents.discard(plain)
        form = plain.get(posted_form.MARK)
        if form is None or not isinstance(answered[2], bytes):
            return answered
        bucket = _bucket(environ)
        url = f"{environ.get('wsgi.url_scheme', 'http')}://{environ['HTTP_HOST']}"
        url = url if hosts.bucket_of(environ) else f"{url}/{bucket}"
        return posted_form.told((answered[0], answered[1], answered[2]), form, bucket, url)

    def _preflight(self, environ: dict[str, Any]) -> protocol.HttpAnswer:
        try:
            cors.preflight(environ, self._control_plane.cors_rules(_bucket(environ)))
        except AwsError as error:
            return protocol.refusal("s3", error)
        return 200, [], b""

    def _cors(self, environ: dict[str, Any]) -> cors.Headers:
        """Return the headers that let a page of another origin read an answer of S3."""
        if not environ.get("HTTP_ORIGIN") or protocol.kind_of(environ) != "s3":
            return []
        rules = self._control_plane.cors_rules(_bucket(environ))
        if not cors.is_preflight(environ):
            return cors.of_answer(environ, rules)
        try:
            return cors.preflight(environ, rules)
        except AwsError:
            return []

    def answer(self, environ: dict[str, Any], body: bytes, caller: Caller) -> protocol.HttpAnswer:
        """Answer one API call of a known caller; every outcome is an HTTP answer in the form of the call's protocol."""
        kind, call = protocol.kind_of(environ), None
        try:
            body = body if kind in {"s3", "rest"} else compression.plain(environ, body)
            call = protocol.parse(environ, body)
            kind = call.protocol
            answered = self._answered(call, environ, body, caller)
        except NobodyAnswersError as error:
            refusal = self._unanswered(call, error)
        except AwsError as error:
            refusal = error
        except RecursionError as error:
            _LOG.warning("a call was nested too deeply", exc_info=error)
            refusal = AwsError(_TOO_DEEP.get(kind, "MalformedXML"), "The request is nested too deeply.")
        except Exception as error:
            refusal = _explained(call, body, error)
        else:
            self._tell(call, caller, environ, *outcome.of_answer(answered))
            return answered
        self._tell(call, caller, environ, refusal.code, refusal.message)
        return protocol.refusal(kind, refusal, environ["REQUEST_METHOD"], call.service if call else "")

    def _answered(
        self, call: protocol.Call, environ: dict[str, Any], body: bytes, caller: Caller
    ) -> protocol.HttpAnswer:
        if caller.kind == "anonymous" and call.protocol != "s3" and (call.service, call.operation) not in _FOR_ANYBODY:
            raise refusals.missing(call.protocol)
        self._refuse_malformed(call, environ, body)
        context = call_context(environ)

        def check(params: Mapping[str, Any]) -> None:
            self._authoriser.check(caller, call.service, call.operation, call.region, params, context)

        def check_one(params: Mapping[str, Any]) -> None:
            try:
                check(params)
            except AwsError as error:  # which the answer, that of all together, has among others
                self._tell(replace(call, params={**params}), caller, environ, error.code, error.message)
                raise

        if (call.service, call.operation) == ("s3", "DeleteObjects"):
            checksums.verify(call.operation, environ, body)

            def may_be_deleted(params: Mapping[str, Any]) -> None:
                check_one(params)
                decisions.check_listed(params, environ, self._control_plane)

            return deletion.answer(call.params, body, may_be_deleted, partial(self._dispatch, call, caller, environ))
        if (call.service, call.operation) not in _FOR_ANYBODY:
            check(call.params)
        if call.protocol == "s3":
            checksums.verify(call.operation, environ, body)
            self._refuse_public(call, caller, environ, body)
        return self._dispatch(call, caller, environ, body)

    def _tell(
        self, call: protocol.Call | None, caller: Caller, environ: Mapping[str, Any], code: str, message: str
    ) -> None:
        if self._feed is not None and call is not None:
            self._feed.add(caller, call.service, call.operation, call.region, call.params, environ, code, message)

    def _tell_of_stranger(self, environ: dict[str, Any], refusal: AwsError) -> None:
        """Keep a call that was refused before its body was read: what its head tells."""
        call = outcome.head_of(environ)
        if call is not None:
            self._tell(
                call, outcome.stranger(call.access_key_id, self._account_id), environ, refusal.code, refusal.message
            )

    def figures(self) -> dict[str, Any]:
        """Return calls by operation, those of each role (refused ones are not among them), and those nobody answers."""
        with self._lock:
            return {
                "calls": dict(self._calls.most_common()),
                "calls_by_role": {role: dict(calls.most_common()) for role, calls in self._roles.items()},
                "unknown_operations": dict(self._unknown),
            }

    def _dispatch(
        self, call: protocol.Call, caller: Caller, environ: dict[str, Any], body: bytes
    ) -> protocol.HttpAnswer:
        with self._lock:
            self._calls[f"{call.service}:{call.operation}"] += 1
            if caller.role_arn:
                role = caller.role_arn.rpartition("/")[2]
                self._roles.setdefault(role, Counter())[f"{call.service}:{call.operation}"] += 1
        handler = self._overrides.get((call.service, call.operation))
        change = change_of(call.service, call.operation, call.params)
        if handler is None:
            return self._from_moto(call, caller, environ, body, change)

        def forward(params: Mapping[str, Any] | None) -> dict[str, Any]:
            asked, same = protocol.for_moto(call, environ, body)
            changed = same if params is None else protocol.encode_body(call, params)
            got = self._control_plane.call(asked, changed, change)
            return protocol.read_answer(call, got.status, dict(got.headers), got.body)

        headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
        request = ApiRequest(
            call.service, call.operation, call.region, self._account_id, caller, call.params, headers, body, forward
        )
        with self._control_plane.keeping(change):
            return protocol.answer(call, handler(request))

    def _from_moto(
        self, call: protocol.Call, caller: Caller, environ: dict[str, Any], body: bytes, change: Change | None
    ) -> protocol.HttpAnswer:
        if call.protocol == "s3":
            of_s3 = partial(self._from_s3, call, caller, environ, body, change)
            if self._notifications is None:
                return of_s3()
            asked_for = S3Call(call.operation, call.params, environ, body)
            return self._notifications.around(asked_for, caller, of_s3)
        asked, understood = protocol.for_moto(call, environ, body)
        with self._control_plane.keeping(change):
            got = self._control_plane.call(asked, understood, change)
        return moto_answers.finish(call.protocol, call.service, got.status, got.headers, got.body)

    def _from_s3(
        self, call: protocol.Call, caller: Caller, environ: dict[str, Any], body: bytes, change: Change | None
    ) -> protocol.HttpAnswer:
        answers.refuse_other_owner(environ, self._account_id)
        asked, document = answers.for_moto(call.operation, environ, body)
        asked = object_checksums.for_moto(call.operation, call.params, asked, body, self._control_plane)
        decided = decisions.before(call.operation, call.params, asked, body, self._control_plane, call.region)

        def from_moto() -> protocol.HttpAnswer:
            whole, opened = decided.answer, None
            if whole is None:
                told_to_moto = answers.with_own_list(call.operation, decided.environ)
                got = self._control_plane.call(told_to_moto, document, change)
                whole, opened = (got.status, list(got.headers), got.body), got.opened
            try:
                if caller.kind == "anonymous" and call.operation == "PutObject" and whole[0] == 200:
                    self._control_plane.leave_to_nobody(call.params["Bucket"], call.params["Key"])
                told = answers.finish(call.operation, call.params, whole, body, self._control_plane.checksum)
                told = decisions.after(call.operation, call.params, environ, body, decided, told, self._control_plane)
            except BaseException:
                if opened is not None:
                    opened.close()
                raise
            return told if opened is None else (told[0], told[1], opened)

        documents.refuse_unknown(call.operation)
        with self._control_plane.keeping(change):  # the documents are asked for inside: what is asked for is kept
            is_of_bucket = not call.params.get("Key")
            kept = self._control_plane.bucket_documents(call.params.get("Bucket", "")) if is_of_bucket else None
            if kept is None:
                if is_of_bucket:
                    documents.refuse_missing(call.operation, str(call.params.get("Bucket", "")), body)
                answered = from_moto()
                if call.operation == "CreateBucket" and answered[0] == 200:
                    documents.begin(body, self._control_plane.bucket_documents(call.params["Bucket"]))
                return answered
            buckets = self._control_plane.listed_buckets
            return documents.answer(call.operation, call.params, environ, body, kept, from_moto, buckets)

    def _refuse_public(self, call: protocol.Call, caller: Caller, environ: Mapping[str, Any], body: bytes) -> None:
        """Raise AwsError for an access list or a policy that is public where such are blocked."""
        answers.refuse_other_owner(environ, self._account_id)
        if call.operation == "CreateBucket":
            public_access.check_creation(environ, takes_lists=acls.asks_for_lists(environ))
            return
        block = self._control_plane.public_block(str(call.params.get("Bucket", "")))
        public_access.check_list(call.operation, call.params, environ, body, block, caller.arn)
        if call.operation == "PutBucketPolicy":
            policy = parse(body, PolicyKind.RESOURCE)  # which was looked at before
            public_access.check_policy(call.params, policy, block, caller.arn)

    def _refuse_malformed(self, call: protocol.Call, environ: Mapping[str, Any], body: bytes) -> None:
        validation.check(call)
        contents.refuse_document(call.operation, environ)
        check = self._checks.get((call.service, call.operation))
        if check is not None:
            check(call.params, body)

    def _route(self, environ: Mapping[str, Any]) -> WsgiApp | None:
        if "AWS4-HMAC-SHA256" in environ.get("HTTP_AUTHORIZATION", ""):
            return None
        path = environ.get("PATH_INFO", "")
        return next((app for prefix, app in self._routes.items() if (path + "/").startswith(prefix)), None)

    def _unanswered(self, call: protocol.Call | None, error: NobodyAnswersError) -> AwsError:
        what = f"{call.service}:{call.operation}" if call else "a call"
        _LOG.warning("nobody answers %s: %s", what, error)
        with self._lock:
            self._unknown[what] += 1
        return AwsError("NotImplemented", f"The local AWS does not have {what}: {error}", 501)


def _explained(call: protocol.Call | None, body: bytes, error: Exception) -> AwsError:
    """Return AWS's refusal of a call that made somebody fail, or InternalFailure when the call was good."""
    lacking = error if isinstance(error, MissingExtraError) else None
    if isinstance(error, ModuleNotFoundError):
        lacking = extras.missing(error)
    if lacking is not None:
        return AwsError("InternalFailure", str(lacking))  # not 500: nothing is gained by asking again
    refusal = validation.explain_failure(call, body) if call else None
    if refusal is not None:
        _LOG.info("a malformed call was refused: %s", refusal)
        return refusal
    _LOG.error("a call could not be answered", exc_info=error)
    return AwsError("InternalFailure", f"{type(error).__name__}: {error}", 500)


def call_context(environ: Mapping[str, Any]) -> dict[str, str | tuple[str, ...]]:
    """Return the condition keys that follow from the HTTP call.

    `aws:SecureTransport` is always true: clients speak plain HTTP here because it is the loopback interface, where they
    would speak TLS to AWS, and a policy that insists on TLS has to let them in as it would there.
    """
    agent = environ.get("HTTP_USER_AGENT", "")
    return {
        "aws:SourceIp": environ.get("REMOTE_ADDR", "127.0.0.1"),
        "aws:SecureTransport": "true",
        **({"aws:UserAgent": agent} if agent else {}),
    }


def json_answer(start_response: Any, status: int, members: Any) -> Iterable[bytes]:
    """Answer a plain HTTP route with JSON."""
    body = json.dumps(members).encode()
    start_response(
        f"{status} {_REASONS.get(status, 'Status')}",
        [("Content-Type", "application/json"), ("Content-Length", str(len(body)))],
    )
    return [body]


def _bucket(environ: Mapping[str, Any]) -> str:
    """Return the bucket that a call of S3's names, in its Host or its path."""
    return hosts.bucket_of(environ) or str(environ.get("PATH_INFO", "/")).lstrip("/").partition("/")[0]


def _stranger(environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
    message = f"{environ.get('HTTP_HOST', '')!r} is no name of this server's: call it 127.0.0.1 or localhost."
    return json_answer(start_response, 403, {"message": message})
