"""CreateExportTask: events of a log group as gzipped files in a bucket; the tasks themselves are moto's.

Source: "CreateExportTask" of the CloudWatch Logs API reference; "Exporting log data to Amazon S3" of the User Guide
(the bucket's policy, the object aws-logs-write-test, PREFIX/TASK/STREAM/000000.gz).
Not modelled: that a task runs for a while, and one at a time; files of more than one part; a bucket with SSE-KMS.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler
from lab_helpers.local_aws.kit.service import Clients
from lab_helpers.local_aws.logs.events import Event, EventSource, StoredGroup, TimeRange, found_group, in_order

USUAL_PREFIX = "exportedlogs"
TEST_KEY = "aws-logs-write-test"
_NO_BUCKET = "The given bucket does not exist. Please make sure the bucket is valid."
_REFUSED = (
    "PutObject call on the given bucket failed. Please check if CloudWatch Logs has been granted permission to perform "
    "this operation."
)


def table(source: EventSource, clients: Clients, principal: str) -> dict[str, Handler]:
    """Return the handlers by operation; objects are put as `principal`."""

    def create(request: ApiRequest) -> dict[str, Any]:
        params = request.params
        group = found_group(source, request.region, params["logGroupName"])
        s3 = clients.as_service("s3", principal, request.region)
        bucket = params["destination"]

        def put(key: str, body: bytes) -> None:
            try:
                s3.put_object(Bucket=bucket, Key=key, Body=body)
            except ClientError as error:
                missing = error.response["Error"]["Code"] == "NoSuchBucket"
                raise AwsError("InvalidParameterException", _NO_BUCKET if missing else _REFUSED) from error

        put(TEST_KEY, b"Permission Check Successful")
        prefix = params.get("destinationPrefix") or USUAL_PREFIX
        task = source.add_export_task(request.region, {**params, "destinationPrefix": prefix})
        _export(group, params, f"{prefix}/{task}", put)
        return {"taskId": task}

    return {"CreateExportTask": create}


def _export(group: StoredGroup, params: Mapping[str, Any], folder: str, put: Callable[[str, bytes], None]) -> None:
    span = TimeRange(params["from"], params["to"])
    for stream in sorted(group.streams):
        if stream.startswith(params.get("logStreamNamePrefix") or ""):
            lines = "".join(_line(event) for event in in_order(group, [stream], span))
            if lines:
                put(f"{folder}/{stream.replace('/', '-')}/000000.gz", gzip.compress(lines.encode(), mtime=0))


def _line(event: Event) -> str:
    moment = datetime.fromtimestamp(event.timestamp / 1000, UTC).isoformat(timespec="milliseconds")
    return f"{moment.removesuffix('+00:00')}Z {event.message}\n"
