"""The way in: who calls is found out from the head, and the body is read only of somebody who is known.

Source: as in `sigv4`; the order of the checks is S3's (key, token, time, signature, body).
What a form posts to S3 is signed inside: it is read first, up to MOST_BYTES.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab_helpers.local_aws.front import hosts
from lab_helpers.local_aws.identity import chunks, refusals, sigv2, sigv4
from lab_helpers.local_aws.identity.credentials import KnownKey
from lab_helpers.local_aws.kit.api import AwsError, Caller
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.s3 import contents, posted_form
from lab_helpers.local_aws.s3.contents import Content

MIB = 1 << 20
MOST_ANONYMOUS_BYTES = MIB
MOST_BYTES = 64 * MIB
MOST_OBJECT_BYTES = 512 * MIB
_FOR_ANYBODY = frozenset({"query", "s3"})
"""Protocols with calls that need no key: STS's of federated callers, and public buckets."""
_BAD_TRAILER = (
    "The request contained trailing data that was not well-formed or did not conform to our published schema."
)
_BLOCK = 256 * 1024
FindKey = Callable[[str], KnownKey | None]


@dataclass(frozen=True)
class Admitted:
    """A call whose caller is known: its environ and body, in plain form, as whoever answers is to see them.

    A body that is large is in a file instead: `contents`.
    """

    caller: Caller
    environ: dict[str, Any]
    body: bytes


_LACKING_IN_LINK = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
_OF_BODY = "x-amz-content-sha256"
"""A header that a link's caller need not sign, as recorded (…_with_md5_and_chunk_signature_bad_headers)."""


class Entrance:
    """Lets calls in, or raises the AwsError that AWS answers.

    `find_key` knows access keys; `clock` is the time by which signatures and links are judged; `new_content` makes the
    file of a large object. What was refused before its body was read has `lab.unread` in its environ.
    """

    def __init__(
        self,
        find_key: FindKey,
        account_id: str,
        clock: Clock,
        new_content: Callable[[], Content] = contents.temporary,
    ) -> None:
        self._find_key, self._account_id, self._clock = find_key, account_id, clock
        self._new_content = new_content

    def admit(self, environ: dict[str, Any], kind: str) -> Admitted:
        """Admit a call of a protocol (`kind`: json, query, ec2, s3 or rest); raises AwsError."""
        environ["lab.unread"] = True
        try:
            signature = sigv4.read(environ)
        except sigv4.MalformedSignatureError as exc:
            in_query = "HTTP_AUTHORIZATION" not in environ
            why = exc.of_links if in_query and kind == "s3" else str(exc)
            raise refusals.malformed(kind, why, in_query=in_query) from exc
        if signature is not None:
            return self._signed(environ, kind, signature)
        older = sigv2.read(environ)
        if older is not None and kind == "s3":
            return self._signed_as_of_old(environ, older)
        if "HTTP_AUTHORIZATION" in environ and older is None:
            raise refusals.malformed(kind, "Unsupported Authorization Type", in_query=False)
        if kind not in _FOR_ANYBODY:
            raise refusals.missing(kind)
        if kind == "s3" and posted_form.is_one(environ):
            return self._posted(environ)
        if kind == "s3":
            posted_form.refuse_other(environ)
        anonymous = Caller("anonymous", "anonymous", self._account_id)
        body = _read(environ, MOST_ANONYMOUS_BYTES, refusals.missing(kind))
        return Admitted(anonymous, environ, body)

    def _signed(self, environ: dict[str, Any], kind: str, signature: sigv4.Signature) -> Admitted:
        known = self._known(kind, signature.access_key_id, signature.session_token)
        self._check_time(kind, signature)
        payload = signature.payload
        if kind == "s3":
            _check_signed_headers(environ, signature)
            if not payload and not signature.is_presigned:
                raise AwsError("InvalidRequest", "Missing required header for this request: x-amz-content-sha256", 400)
            payload = payload or sigv4.UNSIGNED
        if payload:
            self._check(kind, signature, known, environ, payload)
        if kind == "s3":
            return self._with_object(environ, signature, known)
        body = _read(environ, MOST_BYTES, _too_large(kind, environ))
        if not payload:
            self._check(kind, signature, known, environ, hashlib.sha256(body).hexdigest())
        if signature.payload not in chunks.KINDS:
            _check_hash(kind, signature, body)
            return Admitted(known.caller, environ, body)
        parts: list[bytes] = []
        told = _unchunked(iter([body]), environ, kind, signature, known, parts.append)
        return Admitted(known.caller, told, b"".join(parts))

    def _with_object(self, environ: dict[str, Any], signature: sigv4.Signature, known: KnownKey) -> Admitted:
        """Admit a call of S3, whose body goes on into a file where it is large."""
        most_bytes = MOST_OBJECT_BYTES if environ["REQUEST_METHOD"] == "PUT" else MOST_BYTES
        blocks = _blocks(environ, most_bytes, _too_large("s3", environ))
        receiver = contents.Receiver(self._new_content)
        try:
            if signature.payload in chunks.KINDS:
                environ = _unchunked(blocks, environ, "s3", signature, known, receiver.write)
            else:
                for block in blocks:
                    receiver.write(block)
                _check_hash("s3", signature, receiver.received())
        except BaseException:
            receiver.discard()
            raise
        return _admitted(known.caller, environ, receiver)

    def _signed_as_of_old(self, environ: dict[str, Any], signature: sigv2.SignatureV2) -> Admitted:
        known = self._known("s3", signature.access_key_id, signature.session_token)
        now = self._clock.now()
        if signature.expires_at is None:
            signed = sigv2.signed_at(environ)
            if signed is None:
                text = "AWS authentication requires a valid Date or x-amz-date header"
                raise AwsError("AccessDenied", text, 403)
            if abs(signed - now.timestamp()) > refusals.SKEW_S:
                raise refusals.skewed("s3", now.fromtimestamp(signed, now.tzinfo), now)
        elif not signature.expires_at or not signature.signature:
            raise AwsError("AccessDenied", _LACKING_IN_LINK, 403)
        elif not signature.expires_at.isdigit():
            raise AwsError("AccessDenied", f"Invalid date (should be seconds since epoch): {signature.expires_at}", 403)
        elif int(signature.expires_at[:12]) < now.timestamp():
            raise refusals.ended_link(int(signature.expires_at[:12]), now)
        if not sigv2.fits(signature, known.secret_access_key, environ):
            raise refusals.mismatch(
                "s3",
                AWSAccessKeyId=signature.access_key_id,
                StringToSign=sigv2.string_to_sign(signature, environ),
                SignatureProvided=signature.signature,
            )
        receiver = contents.Receiver(self._new_content)
        try:
            for block in _blocks(environ, MOST_OBJECT_BYTES, _too_large("s3", environ)):
                receiver.write(block)
        except BaseException:
            receiver.discard()
            raise
        return _admitted(known.caller, environ, receiver)

    def _posted(self, environ: dict[str, Any]) -> Admitted:
        form = posted_form.read(environ["CONTENT_TYPE"], _read(environ, MOST_BYTES, _too_large("s3", environ)))
        signed, caller = posted_form.signed(form.fields), Caller("anonymous", "anonymous", self._account_id)
        if signed is not None:
            known, policy = self._known("s3", signed.access_key_id, signed.session_token), form.fields["policy"]
            if not signed.fits(known.secret_access_key, policy):
                seen = {"AWSAccessKeyId": signed.access_key_id, "SignatureProvided": signed.signature}
                raise refusals.mismatch("s3", **seen, StringToSign=policy)
            bucket = hosts.bucket_of(environ) or environ["PATH_INFO"].strip("/").partition("/")[0]
            posted_form.check_policy(form, bucket, self._clock.now())
            caller = known.caller
        return Admitted(caller, posted_form.as_upload(environ, form), form.file)

    def _known(self, kind: str, access_key_id: str, session_token: str) -> KnownKey:
        known = self._find_key(access_key_id)
        if known is None or (known.session_token and not session_token):
            raise refusals.unknown(kind, access_key_id)
        if not hmac.compare_digest(known.session_token.encode(), session_token.encode("utf-8", "replace")):
            raise refusals.wrong_token(kind)
        if known.is_expired:
            raise refusals.expired_token(kind)
        return known

    def _check_time(self, kind: str, signature: sigv4.Signature) -> None:
        now, signed = self._clock.now(), signature.time
        if signature.date != signature.stamp[:8]:
            raise refusals.wrong_date(kind, signature.date, signature.stamp)
        ahead_s = (signed - now).total_seconds()
        if signature.expires_s is None:
            if abs(ahead_s) > refusals.SKEW_S:
                raise refusals.skewed(kind, signed, now)
            return
        if signature.expires_s > refusals.LONGEST_LINK_S:
            text = (
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less "
                f"than {refusals.LONGEST_LINK_S} seconds"
            )
            raise refusals.malformed(kind, text, in_query=True)
        if ahead_s > refusals.SKEW_S:
            raise refusals.skewed(kind, signed, now)
        if -ahead_s > signature.expires_s:
            raise refusals.expired_link(kind, signed, signature.expires_s, now)

    def _check(
        self, kind: str, signature: sigv4.Signature, known: KnownKey, environ: Mapping[str, Any], payload: str
    ) -> None:
        if "host" not in signature.signed_headers:
            raise refusals.malformed(kind, "'Host' or ':authority' must be a 'SignedHeader'.", in_query=False)
        if sigv4.fits(signature, known.secret_access_key, environ, payload):
            return
        canonical = next(sigv4.canonical_requests(signature, environ, payload))
        raise refusals.mismatch(
            kind,
            AWSAccessKeyId=signature.access_key_id,
            StringToSign=sigv4.string_to_sign(signature, canonical),
            SignatureProvided=signature.signature,
            CanonicalRequest=canonical,
        )


def _check_signed_headers(environ: Mapping[str, Any], signature: sigv4.Signature) -> None:
    present = (name[5:].replace("_", "-").lower() for name in environ if name.startswith("HTTP_X_AMZ_"))
    is_link = signature.expires_s is not None
    left = sorted(set(present) - set(signature.signed_headers) - ({_OF_BODY} if is_link else set()))
    if left:
        raise refusals.unsigned_headers(left)


def _admitted(caller: Caller, environ: dict[str, Any], receiver: contents.Receiver) -> Admitted:
    received = receiver.received()
    if isinstance(received, bytes):
        return Admitted(caller, environ, received)
    return Admitted(caller, {**environ, contents.MARK: received}, b"")


def _unchunked(
    blocks: Iterator[bytes],
    environ: dict[str, Any],
    kind: str,
    signature: sigv4.Signature,
    known: KnownKey,
    take: Callable[[bytes], object],
) -> dict[str, Any]:
    """Give `take` what is in the chunks of a body; return the call's environ as that of a body in one piece."""
    size_bytes = 0

    def take_counted(piece: bytes) -> None:
        nonlocal size_bytes
        size_bytes += len(piece)
        take(piece)

    try:
        trailers = chunks.unchunk(blocks, signature, known.secret_access_key, take_counted)
    except chunks.ChunkSignatureError as exc:
        _read_out(blocks)
        raise refusals.mismatch(kind, AWSAccessKeyId=signature.access_key_id) from exc
    except chunks.ChunkError as exc:
        _read_out(blocks)
        raise AwsError("IncompleteBody", "The request body terminated unexpectedly", 400) from exc
    _read_out(blocks)
    wanted = environ.get("HTTP_X_AMZ_DECODED_CONTENT_LENGTH", "")
    if wanted and wanted != str(size_bytes):
        text = "You did not provide the number of bytes specified by the Content-Length HTTP header."
        raise AwsError("IncompleteBody", text, 400)
    promised = {name.strip().lower() for name in environ.get("HTTP_X_AMZ_TRAILER", "").split(",") if name.strip()}
    if promised - set(trailers):
        raise AwsError("MalformedTrailerError", _BAD_TRAILER)
    return _plain_environ(environ, trailers)


def _read_out(blocks: Iterator[bytes]) -> None:
    """Read what is left of a body, so that its sender sees the answer."""
    for _ in blocks:
        pass


def _check_hash(kind: str, signature: sigv4.Signature, body: bytes | Content) -> None:
    """Hold the body against what the signed header says of it."""
    said = signature.payload
    if not said or said == sigv4.UNSIGNED:
        return
    computed = contents.checksum(body, "SHA256").hex()
    if said == computed:
        return
    if kind != "s3":
        raise refusals.mismatch(kind)
    text = "The provided 'x-amz-content-sha256' header does not match what was computed."
    extra = {"ClientComputedContentSHA256": said, "S3ComputedContentSHA256": computed}
    raise AwsError("XAmzContentSHA256Mismatch", text, 400, extra)


def _plain_environ(environ: dict[str, Any], trailers: Mapping[str, str]) -> dict[str, Any]:
    """Return the environ of the same call with its body in one piece."""
    left_out = {"HTTP_X_AMZ_CONTENT_SHA256", "HTTP_X_AMZ_DECODED_CONTENT_LENGTH", "HTTP_X_AMZ_TRAILER"}
    kept = {name: value for name, value in environ.items() if name not in left_out}
    encodings = [each.strip() for each in kept.pop("HTTP_CONTENT_ENCODING", "").split(",")]
    plain_encodings = ",".join(each for each in encodings if each and each != "aws-chunked")
    if plain_encodings:
        kept["HTTP_CONTENT_ENCODING"] = plain_encodings
    told = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in trailers.items()}
    return {**kept, **{name: value for name, value in told.items() if name.startswith("HTTP_X_AMZ_CHECKSUM_")}}


def _too_large(kind: str, environ: Mapping[str, Any]) -> AwsError:
    if kind == "s3":
        extra = {"ProposedSize": str(environ.get("CONTENT_LENGTH", "")), "MaxSizeAllowed": str(MOST_OBJECT_BYTES)}
        return AwsError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", 400, extra)
    if kind in {"json", "rest"}:
        return AwsError("RequestEntityTooLargeException", "Request is too large.", 413)
    return AwsError("RequestEntityTooLarge", "Request is too large.", 413)


def _read(environ: dict[str, Any], most_bytes: int, refusal: AwsError) -> bytes:
    """Read the body; raises `refusal`, with the body unread, when it says or turns out to be larger than it may be."""
    return b"".join(_blocks(environ, most_bytes, refusal))


def _blocks(environ: dict[str, Any], most_bytes: int, refusal: AwsError) -> Iterator[bytes]:
    """Yield the body in blocks, and raise as `_read` does: who takes them all has a body that is whole."""
    stream, length = environ["wsgi.input"], str(environ.get("CONTENT_LENGTH") or "0").strip()
    if not (length.isascii() and length.isdigit()):
        raise AwsError("InvalidArgument", "Content-Length is no number", 400)
    left = int(length[:18])
    if environ.get("wsgi.input_terminated"):
        left = most_bytes + 1
    elif left > most_bytes:
        raise refusal
    whole = left
    while left and (part := stream.read(min(left, _BLOCK))):
        left -= len(part)
        yield part
    if whole > most_bytes and not left:
        raise refusal
    if left and not environ.get("wsgi.input_terminated"):
        raise AwsError("IncompleteBody", "The request body terminated unexpectedly", 400)
    environ["lab.unread"] = False
