"""Calls that name a multipart upload which is not there: NoSuchUpload; moto fails at some of them.

Source: the errors of CompleteMultipartUpload and UploadPart in the Amazon S3 API reference; LocalStack's recordings of
S3, where a completion without a document is InvalidRequest (test_multipart_complete_multipart_too_small).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from lab_helpers.local_aws.identity.policy_checks import Check
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3 import completion

NO_UPLOAD = (
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
    "completed."
)
IsOpen = Callable[[str, str], bool]
"""Tells whether a bucket has an upload of this id; also true where there is no such bucket."""


def checks(is_open: IsOpen, before: Mapping[tuple[str, str], Check]) -> dict[tuple[str, str], Check]:
    """Return {(signing name, operation): check} of the calls that name an upload; `before` are asked first."""
    names = ("CompleteMultipartUpload", "UploadPart", "UploadPartCopy")
    return {("s3", name): partial(_check, is_open, before.get(("s3", name)), name) for name in names}


def _check(is_open: IsOpen, before: Check | None, operation: str, params: Mapping[str, Any], body: bytes) -> None:
    if before is not None:
        before(params, body)
    upload = str(params.get("uploadId", ""))
    if not is_open(str(params["Bucket"]), upload):
        raise AwsError("NoSuchUpload", NO_UPLOAD, 404, {"UploadId": upload})
    if operation == "CompleteMultipartUpload" and not body:
        raise AwsError("InvalidRequest", completion.NO_PART)
