"""S3 calls of the S3 output: PutObject and multipart uploads, with Fluent Bit's messages.

Source: Fluent Bit 4.2.8. Not modelled: uploads of an earlier run are not completed.
"""

from __future__ import annotations

import hashlib
import re
import time
from base64 import b64encode
from dataclasses import dataclass, field

from lab_helpers.router.aws.http_client import Response
from lab_helpers.router.aws.s3_keys import encode_path
from lab_helpers.router.aws.signed_calls import AwsClient, log_error
from lab_helpers.router.core.log import Log


@dataclass
class Upload:
    """A multipart upload on its way; `upload_id` is empty until S3 knows it, `closing` bars further parts."""

    tag: str
    key: str
    upload_id: str = ""
    started_at: float = field(default_factory=time.time)
    etags: list[str] = field(default_factory=list)
    size: int = 0
    errors: int = 0
    complete_errors: int = 0
    closing: bool = False


class S3Calls:
    """The calls for one bucket; `headers` go with every object."""

    def __init__(self, client: AwsClient, bucket: str, headers: dict[str, str], sends_md5: bool, log: Log) -> None:
        self._client, self._bucket, self._headers = client, bucket, headers
        self._sends_md5, self._log = sends_md5, log

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def put(self, key: str, body: bytes) -> bool:
        """Upload one object; return whether it was taken."""
        path = f"/{self._bucket}{encode_path(key)}"
        response = self._client.request("PUT", path, body, {**self._headers, **self._md5(body)})
        if response is not None and response.status == 200:
            self._log.info(f"Successfully uploaded object {key}")
            return True
        if response is not None:
            log_error(response, "PutObject", self._log)
            self._log.error(f"Raw PutObject response: {_raw(response)}")
        self._log.error("PutObject request failed")
        return False

    def create(self, upload: Upload) -> bool:
        """Begin a multipart upload: give it its id; return whether S3 did."""
        path = f"/{self._bucket}{encode_path(upload.key)}?uploads="
        response = self._client.request("POST", path, b"", self._headers)
        if response is not None and response.status == 200:
            upload.upload_id = _upload_id(response.body)
            if upload.upload_id:
                self._log.info(f"Successfully initiated multipart upload for {upload.key}, UploadId={upload.upload_id}")
                return True
        self._failed(response, "CreateMultipartUpload")
        self._log.error("Could not initiate multipart upload")
        return False

    def add_part(self, upload: Upload, body: bytes) -> bool:
        """Upload the next part."""
        number = len(upload.etags) + 1
        query = f"partNumber={number}&uploadId={upload.upload_id}"
        path = f"/{self._bucket}{encode_path(upload.key)}?{query}"
        response = self._client.request("PUT", path, body, self._md5(body))
        if response is not None and response.status == 200 and response.headers.get("etag"):
            etag = response.headers["etag"].strip('"')
            upload.etags.append(etag)
            upload.size += len(body)
            self._log.info(
                f"Successfully uploaded part #{number} for {upload.key}, UploadId={upload.upload_id}, ETag={etag}"
            )
            return True
        self._failed(response, "UploadPart")
        upload.errors += 1
        return False

    def complete(self, upload: Upload) -> bool:
        """Finish the upload."""
        parts = "".join(
            f"<Part><ETag>{etag}</ETag><PartNumber>{number}</PartNumber></Part>"
            for number, etag in enumerate(upload.etags, 1)
        )
        body = ('<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"{parts}</CompleteMultipartUpload>").encode()  # fmt: skip
        path = f"/{self._bucket}{encode_path(upload.key)}?uploadId={upload.upload_id}"
        response = self._client.request("POST", path, body, {})
        if response is not None and response.status == 200 and b"<Error>" not in response.body:
            self._log.info(f"Successfully completed multipart upload for {upload.key}, UploadId={upload.upload_id}")
            return True
        self._failed(response, "CompleteMultipartUpload")
        return False

    def _md5(self, body: bytes) -> dict[str, str]:
        if not self._sends_md5:
            return {}
        return {"Content-MD5": b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()}

    def _failed(self, response: Response | None, call: str) -> None:
        if response is not None:
            log_error(response, call, self._log)
            self._log.debug(f"Raw {call} response: {_raw(response)}")
        self._log.error(f"{call} request failed")


def _raw(response: Response) -> str:
    return (response.head + b"\r\n\r\n" + response.body).decode("utf-8", "replace")


def _upload_id(answer: bytes) -> str:
    """Return the id in S3's XML, '' where there is none that may stand in a request line."""
    found = re.search(rb"<UploadId>([!-~]+)</UploadId>", answer)
    return found[1].decode() if found else ""
