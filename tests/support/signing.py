"""Calls signed as clients sign them, to be changed before they are sent."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lab_helpers.local_aws.server import REGION, LocalAws


def signed(
    aws: LocalAws,
    service: str,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    credentials: Credentials | None = None,
) -> urllib.request.Request:
    """Return a call signed with the operator's keys, or with `credentials`."""
    keys = credentials or Credentials(aws.store.operator.access_key_id, aws.store.operator.secret_access_key)
    request = AWSRequest(method, aws.endpoint_url + path, data=body, headers=dict(headers or {}))
    auth = (S3SigV4Auth if service == "s3" else SigV4Auth)(keys, service, REGION)
    auth.add_auth(request)
    prepared = request.prepare()
    return urllib.request.Request(prepared.url, data=body or None, headers=dict(prepared.headers), method=method)
