"""An Athena over a Glue and an S3 in memory, called as the gateway calls it."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from botocore.exceptions import ClientError

from lab_helpers.base.wait import wait_until
from lab_helpers.local_aws.athena.service import AthenaService
from lab_helpers.local_aws.duck.processes import Bounds, Workers
from lab_helpers.local_aws.kit.api import ApiRequest, Caller
from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.kit.service import ServiceContext
from lab_helpers.sql import logs_table

REGION, ACCOUNT = "ap-northeast-1", "123456789012"
OPERATOR = Caller("operator", f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)
RESULTS = "s3://results/athena/"


class SharedWorkers(Workers):
    """Outlive the service: starting one process for each test would take longer than the tests."""

    def close(self) -> None:
        """Keep what is idle; `end` closes it."""

    def end(self) -> None:
        super().close()


WORKERS = SharedWorkers(Bounds())


class MemoryS3:
    """Objects by (bucket, key)."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.gets: list[str] = []

    def get_paginator(self, _: str) -> MemoryS3:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        found = sorted(key for bucket, key in self.objects if bucket == Bucket and key.startswith(Prefix))
        yield {"Contents": [self._listed(Bucket, key) for key in found]} if found else {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self.gets.append(Key)
        return {"Body": io.BytesIO(self.objects[Bucket, Key])}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes | BinaryIO) -> None:  # noqa: N803
        if Bucket == "missing":
            raise error("NoSuchBucket", "The specified bucket does not exist", "PutObject")
        self.objects[Bucket, Key] = Body if isinstance(Body, bytes) else Body.read()

    def _listed(self, bucket: str, key: str) -> dict[str, Any]:
        body = self.objects[bucket, key]
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return {"Key": key, "Size": len(body), "ETag": etag, "LastModified": datetime(2021, 11, 7, tzinfo=UTC)}


class MemoryGlue:
    """Tables by name, and their partitions, of the database `lab`."""

    def __init__(self, *tables: dict[str, Any]) -> None:
        self.tables = {table["Name"]: table for table in tables}
        self.partitions: dict[str, list[dict[str, Any]]] = {}
        self.databases = ["lab"]

    def get_table(self, *, DatabaseName: str, Name: str) -> dict[str, Any]:  # noqa: N803
        if DatabaseName != "lab" or Name not in self.tables:
            raise error("EntityNotFoundException", f"Table {Name} not found.", "GetTable")
        return {"Table": self.tables[Name]}

    def create_table(self, *, DatabaseName: str, TableInput: dict[str, Any]) -> None:  # noqa: N803
        assert DatabaseName == "lab"
        if TableInput["Name"] in self.tables:
            raise error("AlreadyExistsException", "Table already exists.", "CreateTable")
        self.tables[TableInput["Name"]] = TableInput

    def delete_table(self, *, DatabaseName: str, Name: str) -> None:  # noqa: N803
        self.get_table(DatabaseName=DatabaseName, Name=Name)
        del self.tables[Name]

    def create_database(self, *, DatabaseInput: dict[str, Any]) -> None:  # noqa: N803
        if DatabaseInput["Name"] in self.databases:
            raise error("AlreadyExistsException", "Database already exists.", "CreateDatabase")
        self.databases.append(DatabaseInput["Name"])

    def delete_database(self, *, Name: str) -> None:  # noqa: N803
        if Name not in self.databases:
            raise error("EntityNotFoundException", f"Database {Name} not found.", "DeleteDatabase")
        self.databases.remove(Name)

    def create_partition(self, *, DatabaseName: str, TableName: str, PartitionInput: dict[str, Any]) -> None:  # noqa: N803
        assert DatabaseName == "lab"
        known = self.partitions.setdefault(TableName, [])
        if any(each["Values"] == PartitionInput["Values"] for each in known):
            raise error("AlreadyExistsException", "Partition already exists.", "CreatePartition")
        known.append(PartitionInput)

    def batch_create_partition(
        self,
        *,
        DatabaseName: str,  # noqa: N803
        TableName: str,  # noqa: N803
        PartitionInputList: list[dict[str, Any]],  # noqa: N803
    ) -> None:
        for each in PartitionInputList:
            with contextlib.suppress(ClientError):
                self.create_partition(DatabaseName=DatabaseName, TableName=TableName, PartitionInput=each)

    def delete_partition(self, *, DatabaseName: str, TableName: str, PartitionValues: list[str]) -> None:  # noqa: N803
        assert DatabaseName == "lab"
        known = self.partitions.get(TableName, [])
        if not any(each["Values"] == PartitionValues for each in known):
            raise error("EntityNotFoundException", "Partition not found.", "DeletePartition")
        known[:] = [each for each in known if each["Values"] != PartitionValues]

    def get_paginator(self, operation: str) -> Any:
        if operation == "get_partitions":
            return _PartitionPages(self.partitions)
        tables = {"TableList": list(self.tables.values())}
        databases = {"DatabaseList": [{"Name": name} for name in self.databases]}
        return _Pages(tables if operation == "get_tables" else databases)


class MemoryAthena:
    """The control plane's workgroups."""

    def get_work_group(self, *, WorkGroup: str) -> dict[str, Any]:  # noqa: N803
        if WorkGroup == "lab":
            place = {"ResultConfiguration": {"OutputLocation": RESULTS}, "EnforceWorkGroupConfiguration": True}
            return {"WorkGroup": {"Name": "lab", "Configuration": place}}
        raise error("InvalidRequestException", "WorkGroup is not found.", "GetWorkGroup")


class _Pages:
    def __init__(self, page: dict[str, Any]) -> None:
        self._page = page

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [self._page]


class _PartitionPages:
    def __init__(self, partitions: dict[str, list[dict[str, Any]]]) -> None:
        self._partitions = partitions

    def paginate(self, *, DatabaseName: str, TableName: str) -> list[dict[str, Any]]:  # noqa: N803
        assert DatabaseName == "lab"
        return [{"Partitions": self._partitions.get(TableName, [])}]


class MemoryClients:
    """Hands out the clients above, whoever asks."""

    def __init__(self, glue: MemoryGlue) -> None:
        self.s3 = MemoryS3()
        self._clients = {"s3": self.s3, "glue": glue, "athena": MemoryAthena()}

    def as_service(self, service: str, principal: str, region: str) -> Any:
        assert (principal, region) == ("athena.amazonaws.com", REGION)
        return self._clients[service]

    def as_role(self, *_: Any) -> Any:
        raise AssertionError("Athena uses no role of its own")

    assume = as_role


class Lab:
    """The service with a table `httpd` over the bucket `logs`, and calls to it."""

    def __init__(self, folder: Path) -> None:
        self.glue = MemoryGlue(logs_table("httpd", "logs"))
        self.clients = MemoryClients(self.glue)
        self.s3 = self.clients.s3
        context = ServiceContext("", 0, folder, ACCOUNT, folder, ManualClock(), None, self.clients)  # type: ignore[arg-type]
        self.service = AthenaService(context, WORKERS)

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """One call, as the gateway makes it."""
        handler = self.service.overrides()["athena", operation]
        return handler(ApiRequest("athena", operation, REGION, ACCOUNT, OPERATOR, params))

    def start(self, sql: str, **more: Any) -> str:
        """Start a query of the database `lab`; return its id."""
        place = {"QueryExecutionContext": {"Database": "lab"}, "ResultConfiguration": {"OutputLocation": RESULTS}}
        return str(self.call("StartQueryExecution", QueryString=sql, **(place | more))["QueryExecutionId"])

    def ended(self, name: str) -> dict[str, Any]:
        """Wait for a query's end; return its description."""

        def probe() -> dict[str, Any]:
            return dict(self.call("GetQueryExecution", QueryExecutionId=name)["QueryExecution"])

        final = ("SUCCEEDED", "FAILED", "CANCELLED")
        return wait_until(probe, 10, 0.01, name, done=lambda e: e["Status"]["State"] in final)

    def rows(self, sql: str) -> list[list[str | None]]:
        """A query's rows as text, without the header."""
        name = self.start(sql)
        execution = self.ended(name)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        found = self.call("GetQueryResults", QueryExecutionId=name)["ResultSet"]["Rows"]
        texts = [[cell.get("VarCharValue") for cell in row["Data"]] for row in found]
        return texts[1:] if execution["SubstatementType"] == "SELECT" else texts

    def done(self, sql: str, **more: Any) -> dict[str, Any]:
        """The description of a statement that succeeds."""
        execution = self.ended(self.start(sql, **more))
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        return execution

    def reason(self, sql: str) -> str:
        """Why a query failed."""
        status = self.ended(self.start(sql))["Status"]
        assert status["State"] == "FAILED", status
        return str(status["StateChangeReason"])


def error(code: str, message: str, operation: str) -> ClientError:
    """An error of an AWS API."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)
