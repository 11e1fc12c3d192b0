"""Keys of KMS that objects are to be encrypted with: found, told by their ARN, refused where they cannot be used.

Source: "Using server-side encryption with AWS KMS keys (SSE-KMS)" of the Amazon S3 User Guide; LocalStack's recordings
of S3 (test_s3_sse_validate_kms_key, test_s3_sse_validate_kms_key_state, test_s3_sse_default_kms_key).
Not modelled: that anything is encrypted (an object's entity tag is that of its content); permissions to use a key; the
bucket key of an upload in parts; keys of other accounts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError

WRITES = frozenset({"CopyObject", "CreateMultipartUpload", "PutObject"})
_ALGORITHM, _KEY = "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION", "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION_AWS_KMS_KEY_ID"
MANAGED = "alias/aws/s3"
"""The account's key for whom names none."""
_KMS = ("aws:kms", "aws:kms:dsse")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}")
_STATES = {
    "Disabled": ("DisabledException", "disabled"),
    "PendingDeletion": ("KMSInvalidStateException", "pending deletion"),
}
"""States in which a key encrypts and decrypts nothing, and how that is said."""


@dataclass(frozen=True)
class KmsKey:
    """A key: its ARN, and KMS's word for its state."""

    arn: str
    state: str


Find = Callable[[str], KmsKey | None]
"""Returns a key of the bucket's Region by its id, ARN or alias, None without one."""


def with_key(
    environ: dict[str, Any], by_default: tuple[str, str], place: tuple[str, str], find: Find
) -> dict[str, Any]:
    """Return a write's environ with the key that it uses, if any; raises AwsError for one that cannot be used.

    `by_default` are algorithm and key of the bucket (empty: none), `place` are its Region and its account.
    """
    algorithm = str(environ.get(_ALGORITHM, "")) or by_default[0]
    if algorithm not in _KMS:
        return environ
    name = str(environ.get(_KEY, "")) or by_default[1] or MANAGED
    key = None if _is_elsewhere(name, place[0]) else find(name)
    if key is None:
        raise AwsError("KMS.NotFoundException", _unknown(name, *place))
    check_state(key)
    return {**environ, _ALGORITHM: algorithm, _KEY: key.arn}


def check_state(key: KmsKey) -> None:
    """Raise AwsError for a key that encrypts and decrypts nothing."""
    if key.state in _STATES:
        code, told = _STATES[key.state]
        raise AwsError(f"KMS.{code}", f"{key.arn} is {told}.")


def _is_elsewhere(name: str, region: str) -> bool:
    return name.startswith("arn:") and name.split(":")[3:4] != [region]


def _unknown(name: str, region: str, account: str) -> str:
    if _is_elsewhere(name, region):
        return f"Invalid arn {''.join(name.split(':')[3:4])}"
    identity = name.rpartition(":key/")[2]
    if _ID.fullmatch(identity):
        return f"Key 'arn:aws:kms:{region}:{account}:key/{identity}' does not exist"
    return f"Invalid keyId '{name}'"
