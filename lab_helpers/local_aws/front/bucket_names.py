"""S3's rules for the names of buckets, which moto does not hold calls to.

Source: "General purpose bucket naming rules" of the Amazon S3 User Guide.
Not modelled: reserved prefixes and suffixes (`xn--`, `-s3alias`, …); that a name is taken in all accounts of AWS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.identity.policy_checks import Check
from lab_helpers.local_aws.kit.api import AwsError

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")


def checks() -> dict[tuple[str, str], Check]:
    """Return {(signing name, operation): check} of the call that names a new bucket."""
    return {("s3", "CreateBucket"): check}


def check(params: Mapping[str, Any], body: bytes) -> None:  # noqa: ARG001
    """Raise AwsError InvalidBucketName for a name that no bucket can have."""
    name = str(params.get("Bucket", ""))
    if not _NAME.fullmatch(name) or ".." in name or _ADDRESS.fullmatch(name):
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", 400)
