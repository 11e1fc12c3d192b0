"""Dynamic partitioning, deaggregation, decompression and conversion: what is delivered where, and what is refused."""

from __future__ import annotations

import base64
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lab_helpers.local_aws.firehose import FirehoseService, jq_query, processing
from lab_helpers.local_aws.firehose.processing import Processing
from lab_helpers.local_aws.kit.api import AwsError
from tests.local_aws.firehose.fakes import ROLE, STREAM, Fakes, ManualClock, make_service, work

PARTITIONED: dict[str, Any] = {
    "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60},
    "DynamicPartitioningConfiguration": {"Enabled": True},
    "Prefix": "logs/day=!{timestamp:dd}/level=!{partitionKeyFromQuery:level}/",
    "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
    "CustomTimeZone": "Asia/Tokyo",
    "FileExtension": ".json.gz",
}
"""Case 13 of the public cases."""


def processor(kind: str, **parameters: str) -> dict[str, Any]:
    """One processor of the API."""
    pairs = [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()]
    return {"Type": kind, "Parameters": pairs}


def processors(*some: dict[str, Any]) -> dict[str, Any]:
    """A ProcessingConfiguration."""
    return {"ProcessingConfiguration": {"Enabled": True, "Processors": list(some)}}


def query(text: str) -> dict[str, Any]:
    """The processor with a JQ query."""
    return processor("MetadataExtraction", JsonParsingEngine="JQ-1.6", MetadataExtractionQuery=text)


QUERY = query("{level:.level}")
LINES = processor("AppendDelimiterToRecord")
CASE_13 = {**PARTITIONED, **processors(QUERY, LINES)}


@pytest.fixture
def clock() -> ManualClock:
    """2021-11-07 09:14:02 UTC."""
    return ManualClock()


@pytest.fixture
def fakes() -> Fakes:
    """S3 and what else Firehose speaks to."""
    return Fakes()


@pytest.fixture
def service(tmp_path: Path, fakes: Fakes, clock: ManualClock) -> FirehoseService:
    """A service whose threads do not run."""
    return make_service(tmp_path, fakes, clock)


def deliver(service: FirehoseService, fakes: Fakes, clock: ManualClock, *records: bytes) -> dict[str, bytes]:
    """Put records, let the interval pass; the objects by key."""
    for record in records:
        data = base64.b64encode(record).decode()
        fakes.call("PutRecord", {"DeliveryStreamName": STREAM, "Record": {"Data": data}})
    clock.advance(61)
    work(service)
    return {key: body for (_, key), body in fakes.objects.items()}


def test_records_go_under_their_keys(service: FirehoseService, fakes: Fakes, clock: ManualClock) -> None:
    """Case 13: level=error/ and level=info/ in Tokyo's day; what has no level goes to the error prefix."""
    fakes.create(**CASE_13)
    found = deliver(
        service, fakes, clock, b'{"level":"error","n":1}', b'{"level":"info"}', b'{"level":"error","n":2}',
        b'{"other":1}', b"no JSON",
    )  # fmt: skip
    by_prefix = {key.rsplit("/", 1)[0]: body for key, body in found.items()}
    assert (
        gzip.decompress(by_prefix["logs/day=07/level=error"]) == b'{"level":"error","n":1}\n{"level":"error","n":2}\n'
    )
    assert gzip.decompress(by_prefix["logs/day=07/level=info"]) == b'{"level":"info"}\n'
    assert all(key.endswith(".json.gz") for key in found if key.startswith("logs/"))
    (failed,) = [body for key, body in found.items() if key.startswith("errors/processing-failed/2021/11/07/18/")]
    told = [json.loads(line) for line in failed.splitlines()]
    assert {each["errorCode"] for each in told} == {"DynamicPartitioning.MetadataExtractionFailed"}
    assert [(each["errorMessage"], base64.b64decode(each["rawData"])) for each in told] == [
        ("partitionKeys values must not be null or empty", b'{"other":1}'),
        ("Non JSON record provided", b"no JSON"),
    ]
    assert len(found) == 3


def test_a_repeated_attempt_writes_the_same_objects(service: FirehoseService, fakes: Fakes, clock: ManualClock) -> None:
    """An outage in the middle leaves no doubles."""
    fakes.create(**CASE_13)
    original, calls = fakes.put_object, iter(range(100))

    def once_broken(**given: Any) -> None:
        if next(calls) == 1:
            fakes.refuse = "AccessDenied"
        original(**given)

    fakes.put_object = once_broken  # type: ignore[method-assign]
    assert len(deliver(service, fakes, clock, b'{"level":"a"}', b'{"level":"b"}')) == 1
    fakes.refuse = None
    clock.advance(60)
    work(service)
    assert len(fakes.objects) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"DynamicPartitioningConfiguration": {"Enabled": False}},
         "Dynamic Partitioning Namespaces can only be part of a prefix expression when Dynamic Partitioning is "
         "enabled."),
        ({"Prefix": "logs/"},
         "S3 Prefix should contain Dynamic Partitioning namespaces when Dynamic Partitioning is enabled"),
        ({"Prefix": "!{partitionKeyFromLambda:x}/"},
         "Lambda should be present when S3 Prefix contains keys from partitionKeyFromLambda namespace"),
        ({"ProcessingConfiguration": {"Enabled": False}},
         "Processing Configuration is not enabled when DataPartitioning is enabled"),
        (processors(LINES),
         "MetadataExtraction processor should be present when S3 Prefix has partitionKeyFromQuery namespace"),
        (processors(query("{level:.a,b:.b}")),
         "MetaDataExtraction JQ Query can't contain keys that are not present in the S3 Prefix expression"),
        (processors(query("{level:")),
         "Invalid JQ query"),
        (processors(query("{level:env.HOME}")),
         "does not let a JQ query"),
        ({"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60}},
         "BufferingHints.SizeInMBs must be at least 64 when Dynamic Partitioning is enabled."),
        ({"BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 10}},
         "BufferingHints.IntervalInSeconds must be at least 60 seconds when Dynamic Partitioning is enabled."),
        ({"ErrorOutputPrefix": "e/!{partitionKeyFromQuery:level}/!{firehose:error-output-type}/"},
         "Dynamic Partitioning Namespaces can't be part of an error prefix expression"),
        ({"ErrorOutputPrefix": ""}, "ErrorOutputPrefix cannot be null or empty when Prefix contains expressions."),
        (processors(QUERY, processor("Lambda")), "The local AWS has no processor Lambda."),
    ],
)  # fmt: skip
def test_refusals_in_the_words_of_aws(
    service: FirehoseService, fakes: Fakes, changes: dict[str, Any], message: str
) -> None:
    """Nothing is made of a stream that AWS refuses."""
    with pytest.raises(AwsError) as refused:
        fakes.create(**{**CASE_13, **changes})
    assert refused.value.code == "InvalidArgumentException"
    assert message in refused.value.message
    assert service.status() == {"streams": {}}


def test_partitioning_cannot_be_switched_on_later(service: FirehoseService, fakes: Fakes) -> None:
    """A stream without it has to be made anew; one with it may be changed."""
    fakes.create()
    with pytest.raises(AwsError, match="cannot be enabled"):
        fakes.call("UpdateDestination", {"DeliveryStreamName": STREAM, "ExtendedS3DestinationUpdate": dict(CASE_13)})
    assert next(iter(service.status()["streams"].values()))["held"] == 0


@pytest.mark.parametrize(
    ("how", "record", "parts"),
    [
        ("JSON", b'{"a":1}{"a":2}\n{"a":3}', [b'{"a":1}', b'{"a":2}', b'{"a":3}']),
        ("JSON", b'{"a":1} rest', [b'{"a":1}', b"rest"]),
        (b"####", b"x####y####", [b"x", b"y"]),
        ("", b"as it is", [b"as it is"]),
    ],
)
def test_deaggregation(how: str | bytes, record: bytes, parts: list[bytes]) -> None:
    """Objects one after the other, or what a delimiter separates."""
    assert processing.sort(Processing(deaggregate=how), [record]).partitions == {(): parts}


def test_events_of_a_subscription_are_unpacked() -> None:
    """What CloudWatch Logs sends is gzip around JSON; its test message holds nothing; other bytes fail."""
    events = [{"id": "1", "timestamp": 1, "message": "GET /"}, {"id": "2", "timestamp": 2, "message": "GET /x"}]
    data = gzip.compress(json.dumps({"messageType": "DATA_MESSAGE", "logEvents": events}).encode())
    test = gzip.compress(json.dumps({"messageType": "CONTROL_MESSAGE", "logEvents": events}).encode())
    found = processing.sort(Processing(decompress=True, extract_messages=True), [test, data, b"plain"])
    assert found.partitions == {(): [b"GET /\n", b"GET /x\n"]}
    assert [failure.data for failure in found.failures] == [b"plain"]


def test_too_many_partitions_go_to_the_error_prefix() -> None:
    """500 partitions may be active."""
    records = [json.dumps({"k": n}).encode() for n in range(502)]
    found = processing.sort(Processing(query="{k:.k}", is_partitioned=True), records)
    assert len(found.partitions) == processing.PARTITIONS_MAX
    assert {failure.code for failure in found.failures} == {processing.TOO_MANY}


def test_queries_of_jq() -> None:
    """Functions of JQ, numbers as text; keys of a simple object are known."""
    assert jq_query.extract('{y: (.t | strftime("%Y")), n: .n}', b'{"t": 1636276442, "n": 7}') == {
        "y": "2021",
        "n": "7",
    }
    assert jq_query.keys_of('{ level: .level, "c" : .container_name }') == ["level", "c"]
    jq_query.check('{e: .env, s: "env"}')
    with pytest.raises(jq_query.ExtractionError, match="JQ query failed"):
        jq_query.extract("{a: (.a | strftime(1))}", b'{"a": "x"}')


CONVERTED: dict[str, Any] = {
    "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60},
    "CompressionFormat": "UNCOMPRESSED",
    "DataFormatConversionConfiguration": {
        "Enabled": True,
        "SchemaConfiguration": {"RoleARN": ROLE, "DatabaseName": "logs", "TableName": "httpd"},
        "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
        "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
    },
}
COLUMNS = {"log": "string", "status": "int", "at": "timestamp", "ecs": "struct<task:string>", "tags": "array<string>"}


def with_table(fakes: Fakes, columns: dict[str, str]) -> None:
    """Let Glue have the table."""
    table = {"Table": {"StorageDescriptor": {"Columns": [{"Name": n, "Type": t} for n, t in columns.items()]}}}
    fakes.get_table = lambda **_: table  # type: ignore[attr-defined]


def test_records_become_parquet(service: FirehoseService, fakes: Fakes, clock: ManualClock) -> None:
    """Columns and types are the table's, keys match whatever their case; what does not fit is told with its table."""
    with_table(fakes, COLUMNS)
    fakes.create(**CONVERTED)
    good = b'{"Log":"GET /","status":"200","at":"2021-11-07T09:14:02Z","ecs":{"task":"t"},"tags":["a"],"more":1}'
    found = deliver(service, fakes, clock, good, b'{"status":"many"}', b"no JSON", b'{"log":"GET /x"}')
    (key,) = [key for key in found if key.endswith(".parquet")]
    rows = pq.read_table(io.BytesIO(found[key])).to_pylist()
    assert [(row["log"], row["status"], row["ecs"], row["tags"]) for row in rows] == [
        ("GET /", 200, {"task": "t"}, ["a"]), ("GET /x", None, None, None),
    ]  # fmt: skip
    assert str(rows[0]["at"]) == "2021-11-07 09:14:02"
    (errors,) = [body for key, body in found.items() if key.startswith("format-conversion-failed/2021/")]
    told = [json.loads(line) for line in errors.splitlines()]
    assert [each["lastErrorCode"] for each in told] == [
        "DataFormatConversion.MalformedData", "DataFormatConversion.ParseError",
    ]  # fmt: skip
    assert told[0]["dataCatalogTable"]["tableName"] == "httpd"


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"CompressionFormat": "GZIP"}, "Compression"),
        ({"BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 60}}, "at least 64"),
    ],
)
def test_conversions_that_are_refused(
    service: FirehoseService, fakes: Fakes, changes: dict[str, Any], part: str
) -> None:
    """Parquet compresses itself, and needs a buffer of 64 MiB."""
    with pytest.raises(AwsError, match=part):
        fakes.create(**{**CONVERTED, **changes})
    assert service.status() == {"streams": {}}
