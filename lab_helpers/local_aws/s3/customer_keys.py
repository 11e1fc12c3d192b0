"""Keys that the customer keeps (SSE-C): checked when they are given, and asked for again; none is ever kept.

What is kept of a key is a salted digest by which it is known again, as S3 does it.

Source: "Using server-side encryption with customer-provided keys (SSE-C)" of the Amazon S3 User Guide; LocalStack's
recordings of S3 (TestS3SSECEncryption).
Not modelled: that anything is encrypted (an object's entity tag is that of its content); that S3 refuses plain HTTP
with a key, which clients speak here over the loopback interface.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, Protocol

from lab_helpers.local_aws.kit.api import AwsError

SEAL = "lab.seal"
"""Where the environ of a write has the seal of its key on the way to moto."""
WRITES = frozenset({"CopyObject", "CreateMultipartUpload", "PutObject"})
READS = frozenset({"GetObject", "GetObjectAttributes", "HeadObject", "SelectObjectContent"})
PARTS = frozenset({"UploadPart", "UploadPartCopy"})
COPIES = frozenset({"CopyObject", "UploadPartCopy"})
_TELLING = (WRITES | PARTS | READS) - {"GetObjectAttributes", "SelectObjectContent"}
_OWN = "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION_CUSTOMER_"
_OF_SOURCE = "HTTP_X_AMZ_COPY_SOURCE_SERVER_SIDE_ENCRYPTION_CUSTOMER_"
_OTHER = "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION"
_ARGUMENT = "x-amz-server-side-encryption"
_AES256 = "AES256"
_KEY_BYTES = 32
_BOTH = "Server Side Encryption with Customer provided key is incompatible with the encryption method specified"
_ALGORITHM = "The Encryption request you specified is not valid. Supported value: AES256."
_WITH_KEYS = "Requests specifying Server Side Encryption with Customer provided keys must provide "
_NO_ALGORITHM = _WITH_KEYS + "a valid encryption algorithm."
_NO_KEY = _WITH_KEYS + "an appropriate secret key."
_NO_MD5 = _WITH_KEYS + "the client calculated MD5 of the secret key."
_WRONG_KEY = _WITH_KEYS + "the correct secret key."
_NO_SUCH_KEY = "The secret key was invalid for the specified algorithm."
_OTHER_MD5 = "The calculated MD5 hash of the key did not match the hash that was provided."
_ASKS_FOR_KEY = (
    "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve "
    "the object."
)
_NOT_SEALED = "The encryption parameters are not applicable to this object."
_PARTS_ASK_FOR_KEY = (
    "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate "
    "encryption parameters."
)
_OTHER_PARAMETERS = "The provided encryption parameters did not match the ones used originally."


class Seals(Protocol):
    """What is known of the keys of objects and uploads: moto_bridge.MotoBridge."""

    def seal(self, bucket: str, key: str, version: str) -> str:
        """Return the seal of the key of an object (version empty: the latest), empty without one."""

    def upload_seal(self, bucket: str, upload_id: str) -> str:
        """Return the seal of the key of an open upload, empty without one."""


def checked(
    operation: str,
    params: Mapping[str, Any],
    environ: dict[str, Any],
    source: tuple[str, str, str],
    seals: Seals,
    *,
    is_there: bool,
) -> dict[str, Any]:
    """Return a call's environ without keys, with the seal of what it writes; raises AwsError where a key is wrong.

    `source` are bucket, key and version that a copy is made of; `is_there` tells whether there is the object that is
    read.
    """
    bucket, version = str(params.get("Bucket", "")), str(params.get("versionId", ""))
    if operation in COPIES:
        _check_read(environ, _OF_SOURCE, seals.seal(*source))
    if operation in READS and is_there:
        _check_read(environ, _OWN, seals.seal(bucket, str(params.get("Key", "")), version))
    given = _given(environ, _OWN)
    seal = ""
    if operation in WRITES and given:
        seal = _sealed(_checked_key(environ, given))
    if operation in PARTS:
        _check_part(environ, given, seals.upload_seal(bucket, str(params.get("uploadId", ""))))
    plain = {name: value for name, value in environ.items() if not name.startswith((_OWN, _OF_SOURCE))}
    return {**plain, SEAL: seal} if seal else plain


def told(
    operation: str, environ: Mapping[str, Any], headers: list[tuple[str, str]], *, is_sealed: bool
) -> list[tuple[str, str]]:
    """Return an answer's headers: in place of S3's own encryption, whose digest the call has given.

    `is_sealed` tells of a completed upload whether a key was given for it.
    """
    given = _given(environ, _OWN) if operation in _TELLING else {}
    if not given and not (operation == "CompleteMultipartUpload" and is_sealed):
        return headers
    kept = [pair for pair in headers if not pair[0].lower().startswith(_ARGUMENT)]
    if not given:
        return kept
    algorithm, digest = given.get("ALGORITHM", ""), given.get("KEY_MD5", "")
    return [*kept, (f"{_ARGUMENT}-customer-algorithm", algorithm), (f"{_ARGUMENT}-customer-key-MD5", digest)]


def _given(environ: Mapping[str, Any], begin: str) -> dict[str, str]:
    names = ("ALGORITHM", "KEY", "KEY_MD5")
    return {name: str(environ[begin + name]) for name in names if begin + name in environ}


def _checked_key(environ: Mapping[str, Any], given: Mapping[str, str]) -> bytes:
    """Return the key of a write; raises AwsError for one that is none, in the order in which S3 looks."""
    other = str(environ.get(_OTHER, ""))
    if other:
        raise AwsError("InvalidArgument", _BOTH, 400, {"ArgumentName": _ARGUMENT, "ArgumentValue": other})
    _check_algorithm(given)
    if "KEY" not in given:
        raise _invalid(_NO_KEY)
    if "KEY_MD5" not in given:
        raise _invalid(_NO_MD5)
    key = _decoded(given["KEY"])
    if len(key) != _KEY_BYTES:
        raise _invalid(_NO_SUCH_KEY)
    if not hmac.compare_digest(_decoded(given["KEY_MD5"]), hashlib.md5(key, usedforsecurity=False).digest()):
        raise _invalid(_OTHER_MD5)
    return key


def _check_read(environ: Mapping[str, Any], begin: str, seal: str) -> None:
    given = _given(environ, begin)
    if not given and not seal:
        return
    if not given:
        raise AwsError("InvalidRequest", _ASKS_FOR_KEY)
    _check_algorithm(given)
    if not seal:
        raise AwsError("InvalidRequest", _NOT_SEALED)
    if not _fits(given, seal):
        raise AwsError("AccessDenied", _WRONG_KEY, 403)


def _check_part(environ: Mapping[str, Any], given: Mapping[str, str], seal: str) -> None:
    if bool(given) != bool(seal):
        raise AwsError("InvalidRequest", _PARTS_ASK_FOR_KEY)
    if given:
        _checked_key(environ, given)
        if not _fits(given, seal):
            raise AwsError("InvalidRequest", _OTHER_PARAMETERS)


def _check_algorithm(given: Mapping[str, str]) -> None:
    algorithm = given.get("ALGORITHM")
    if algorithm is None:
        raise _invalid(_NO_ALGORITHM)
    if algorithm != _AES256:
        told_beside = {"ArgumentName": _ARGUMENT, "ArgumentValue": algorithm}
        raise AwsError("InvalidEncryptionAlgorithmError", _ALGORITHM, 400, told_beside)


def _fits(given: Mapping[str, str], seal: str) -> bool:
    salt, _, digest = seal.partition(":")
    key = _decoded(given.get("KEY", ""))
    is_whole = _decoded(given.get("KEY_MD5", "")) == hashlib.md5(key, usedforsecurity=False).digest()
    return is_whole and hmac.compare_digest(digest, _digest(salt, key))


def _sealed(key: bytes) -> str:
    salt = secrets.token_hex(16)
    return f"{salt}:{_digest(salt, key)}"


def _digest(salt: str, key: bytes) -> str:
    return hmac.new(bytes.fromhex(salt), key, hashlib.sha256).hexdigest()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _invalid(text: str) -> AwsError:
    return AwsError("InvalidArgument", text, 400, {"ArgumentName": _ARGUMENT})
