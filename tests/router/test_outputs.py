"""The AWS outputs deliver chunks, fail and refuse as Fluent Bit 4.2.8's do."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from lab_helpers.router.plugin import FlushResult, PluginInitError, PluginKind
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.record import NS, Record
from tests.router.plugins.bench import Bench
from tests.router.stand_in import StandIn

KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}
CLOUDWATCH = "region r\nlog_group_name /g\nlog_stream_prefix from-\n"


class Aws:
    """A bench for AWS outputs, pointed at a stand-in."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in, self.bench = stand_in, Bench()
        self.bench.service.environment = KEYS
        self._outputs: list[Any] = []

    def build(self, name: str, lines: str) -> Any:
        where = f"endpoint 127.0.0.1\nport {self.stand_in.port}\ntls off\n"
        if name in ("s3", "cloudwatch", "firehose", "kinesis"):
            where = f"endpoint http://127.0.0.1:{self.stand_in.port}\n"
        output = self.bench.build(PluginKind.OUTPUT, name, lines + where)
        self._outputs.append(output)
        return output

    def close(self) -> None:
        for output in self._outputs:
            output.stop()
        self.bench.loop.close()


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Aws]:  # noqa: ARG001  (torn down after this fixture)
    """Outputs and the AWS they talk to; what they keep in `tmp_path` is there until they have stopped."""
    with StandIn() as stand_in:
        one = Aws(stand_in)
        yield one
        one.close()


def chunk(*bodies: dict[Any, Any], tag: str = "t.a") -> Chunk:
    """Return a chunk with these records, a second apart."""
    made = Chunk(tag, "forward.0")
    made.add(Batch(records=[Record((1_636_276_442 + at) * NS, body) for at, body in enumerate(bodies)]))
    return made


# cloudwatch_logs


def test_a_missing_group_is_created_with_its_retention(aws: Aws) -> None:
    """Stream, then group, retention, stream again, events: 4.2.8's order of calls."""
    aws.stand_in.refuse("CreateLogStream", "ResourceNotFoundException")
    output = aws.build("cloudwatch_logs", CLOUDWATCH + "auto_create_group true\nlog_retention_days 90\n")
    assert output.flush(chunk({"log": "a"})) is FlushResult.OK
    assert output.flush(chunk({"log": "b"})) is FlushResult.OK
    assert aws.stand_in.operations() == [
        "CreateLogStream", "CreateLogGroup", "PutRetentionPolicy", "CreateLogStream", "PutLogEvents", "PutLogEvents",
    ]  # fmt: skip
    assert aws.stand_in.messages() == ['{"log":"a"}', '{"log":"b"}']
    assert aws.stand_in.calls[0].json() == {"logGroupName": "/g", "logStreamName": "from-t.a"}


def test_a_missing_group_without_auto_create_is_an_error_to_retry(aws: Aws) -> None:
    """The sentence names the group and the option; nothing is sent."""
    aws.stand_in.refuse("CreateLogStream", "ResourceNotFoundException")
    assert aws.build("cloudwatch_logs", CLOUDWATCH).flush(chunk({"log": "a"})) is FlushResult.RETRY
    assert "Log Group /g not found and `auto_create_group` disabled." in "\n".join(aws.bench.log)
    assert aws.stand_in.operations() == ["CreateLogStream"]


def test_a_refused_put_is_told_and_tried_again(aws: Aws) -> None:
    """AWS's code and message are in the log; the next flush sends the same events."""
    aws.stand_in.refuse("PutLogEvents", "ThrottlingException")
    output = aws.build("cloudwatch_logs", CLOUDWATCH)
    assert output.flush(chunk({"log": "a"})) is FlushResult.RETRY
    assert output.flush(chunk({"log": "a"})) is FlushResult.OK
    text = "\n".join(aws.bench.log)
    assert "PutLogEvents API responded with error='ThrottlingException', message='ThrottlingException it is'" in text
    assert text.count("Failed to send log events") == 2


def test_log_key_takes_every_key_that_is_a_prefix_of_it(aws: Aws) -> None:
    """`log` sends log, lo and the empty key, each an event; numbers lose both ends; without any: an error line."""
    output = aws.build("cloudwatch_logs", CLOUDWATCH + "log_key log\n")
    output.flush(chunk({"log": 'a"b', "lo": 12345, "logs": "no", "": "e"}, {"x": 1}, {"log": 7}))
    assert aws.stand_in.messages() == ['a"b', "234", "e"]
    assert "Could not find log_key 'log' in record" in "\n".join(aws.bench.log)


def test_a_record_with_nothing_to_send_ends_no_batch(aws: Aws) -> None:
    """Its stream is made, and what comes before and after goes in one call (a random case, beside a real 5.1.1)."""
    lines = CLOUDWATCH + "log_key log\nlog_stream_template of.$level\nauto_create_group true\n"
    output = aws.build("cloudwatch_logs", lines)
    assert output.flush(chunk({"log": "one"}, {"level": "warn"}, {"log": "two"})) is FlushResult.OK
    operations = aws.stand_in.operations()
    assert (operations.count("CreateLogStream"), operations.count("PutLogEvents")) == (2, 1)
    assert aws.stand_in.messages() == ["one", "two"]


def test_templates_name_group_and_stream_and_fall_back(aws: Aws) -> None:
    """Values of the record; where a key is missing: a warning and the configured names."""
    output = aws.build(
        "cloudwatch_logs", CLOUDWATCH + "log_group_template /x/$app['name']\nlog_stream_template $TAG[1].$pod\n"
    )
    output.flush(chunk({"app": {"name": "shop"}, "pod": "p1"}, {"pod": "p2"}))
    assert [(one.json()["logGroupName"], one.json()["logStreamName"]) for one in aws.stand_in.of("PutLogEvents")] == [
        ("/x/shop", "a.p1"), ("/g", "a.p2"),
    ]  # fmt: skip
    assert "[record accessor] translation failed, root key=app" in "\n".join(aws.bench.log)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("region r\nlog_stream_prefix p\n", "'log_group_name' is a required field"),
        ("region r\nlog_group_name g\n", "Either 'log_stream_name' or 'log_stream_prefix' is required"),
        ("log_group_name g\nlog_stream_prefix p\n", "'region' is a required field"),
        (CLOUDWATCH + "log_group_template /a/$b/$c\n", "Could not parse `log_group_template`"),
        (CLOUDWATCH + "log_group_class GOLD\n", "The valid values for log_group_class are"),
    ],
)
def test_cloudwatch_options_that_cannot_work_are_refused(aws: Aws, lines: str, why: str) -> None:
    """At the start, with the reference's sentence."""
    with pytest.raises(PluginInitError, match=why.replace("(", r"\(")):
        aws.build("cloudwatch_logs", lines)


# kinesis_firehose, kinesis_streams


def test_firehose_gets_json_lines_at_most_500_a_call(aws: Aws) -> None:
    """A record is the JSON and a newline."""
    output = aws.build("kinesis_firehose", "region r\ndelivery_stream ds\n")
    assert output.flush(chunk(*({"n": n} for n in range(501)))) is FlushResult.OK
    assert [len(call.json()["Records"]) for call in aws.stand_in.calls] == [500, 1]
    assert aws.stand_in.records()[-1] == b'{"n":500}\n'


@pytest.mark.parametrize("size", [10, 6_000, 6_270, 6_300, 9_000])
def test_a_request_is_as_full_as_firehose_lets_it_be(aws: Aws, size: int) -> None:
    """500 records, or what four mebibytes hold: 46 bytes and the stream's name, 12 and the base64 of each record."""
    bodies = [{"log": f"{n:04d}" + "x" * (size + n % 7)} for n in range(1_100)]
    output = aws.build("kinesis_firehose", "region r\ndelivery_stream ds\n")
    assert output.flush(chunk(*bodies)) is FlushResult.OK
    wanted, used = [0], 48
    for body in bodies:
        takes = 12 + -(-(len(body["log"]) + len('{"log":""}\n')) // 3) * 4
        if wanted[-1] == 500 or used + takes > 4_194_304:
            wanted, used = [*wanted, 0], 48
        wanted[-1], used = wanted[-1] + 1, used + takes
    assert [len(call.json()["Records"]) for call in aws.stand_in.calls] == wanted
    assert [orjson.loads(record) for record in aws.stand_in.records()] == bodies


def test_a_partial_failure_sends_the_whole_batch_again(aws: Aws) -> None:
    """One record failed: RETRY, with the count, and the word about throughput."""
    aws.stand_in.answers["PutRecordBatch"] = [
        (200, b'{"FailedPutCount":1,"RequestResponses":[{"RecordId":"r"},{"ErrorCode":"ServiceUnavailableException"}]}')
    ]
    output = aws.build("kinesis_firehose", "region r\ndelivery_stream ds\n")
    assert output.flush(chunk({"n": 1}, {"n": 2})) is FlushResult.RETRY
    text = "\n".join(aws.bench.log)
    assert "1 out of 2 records failed to be delivered, will retry this batch, ds" in text
    assert "Throughput limits may have been exceeded, ds" in text


def test_records_too_large_or_empty_are_left_out_with_a_warning(aws: Aws) -> None:
    """Their neighbours arrive."""
    output = aws.build("kinesis_firehose", "region r\ndelivery_stream ds\n")
    assert output.flush(chunk({"n": 1}, {"log": "x" * 1_100_000}, {}, {"n": 2})) is FlushResult.OK
    assert aws.stand_in.records() == [b'{"n":1}\n', b'{"n":2}\n']
    assert sum("Discarding large or unprocessable record, ds" in line for line in aws.bench.log) == 2


def test_time_key_compression_and_aggregation(aws: Aws) -> None:
    """The time is appended; gzip compresses each record; aggregation joins them with one newline more."""
    base = "region r\ndelivery_stream ds\n"
    aws.build("kinesis_firehose", base + "time_key ts\ntime_key_format %H:%M:%S.%3N\n").flush(chunk({"n": 1}))
    aws.build("kinesis_firehose", base + "compression gzip\n").flush(chunk({"n": 2}))
    aws.build("kinesis_firehose", base + "simple_aggregation true\n").flush(chunk({"n": 3}, {"n": 4}))
    stamped, packed, joined = aws.stand_in.records()
    assert stamped == b'{"n":1,"ts":"09:14:02.000"}\n'
    assert gzip.decompress(packed) == b'{"n":2}\n'
    assert joined == b'{"n":3}\n{"n":4}\n\n'


def test_kinesis_records_have_partition_keys_of_their_own(aws: Aws) -> None:
    """So that all shards are used."""
    aws.build("kinesis_streams", "region r\nstream ks\n").flush(chunk({"n": 1}, {"n": 2}))
    keys = {one["PartitionKey"] for one in aws.stand_in.calls[0].json()["Records"]}
    assert len(keys) == 2
    assert aws.stand_in.records("PutRecords") == [b'{"n":1}\n', b'{"n":2}\n']


# s3


def test_s3_gathers_and_uploads_at_the_end(aws: Aws, tmp_path: Path) -> None:
    """One object a tag, JSON lines with their dates, nothing left on the disk."""
    output = aws.build("s3", f"bucket b\nregion r\nstore_dir {tmp_path}\ns3_key_format /logs/$TAG[1]/%Y\n")
    output.flush(chunk({"n": 1}))
    output.flush(chunk({"n": 2}))
    assert aws.stand_in.calls == []
    output.stop()
    (call,) = aws.stand_in.calls
    assert call.path.startswith("/b/logs/a/20")
    assert call.body == b'{"date":"2021-11-07T09:14:02.000000Z","n":1}\n' * 1 + (
        b'{"date":"2021-11-07T09:14:02.000000Z","n":2}\n'
    )
    assert list(tmp_path.glob("b/*.data")) == []


def test_s3_files_of_an_earlier_run_are_sent(aws: Aws, tmp_path: Path) -> None:
    """What a killed router left in its store goes out with the next one's first flush."""
    lines = f"bucket b\nregion r\nstore_dir {tmp_path}\ns3_key_format /$TAG/$INDEX\n"
    aws.build("s3", lines).flush(chunk({"n": 1}))
    aws._outputs.pop()._sender._calls.close()  # killed: never stopped
    aws.build("s3", lines).flush(chunk({"n": 2}))
    (call,) = aws.stand_in.calls
    assert (call.path, call.body) == ("/b/t.a/0", b'{"date":"2021-11-07T09:14:02.000000Z","n":1}\n')


def test_s3_gives_a_file_up_after_its_retries(aws: Aws, tmp_path: Path) -> None:
    """A refused upload is told with AWS's whole answer; after Retry_Limit more it is put aside, never lost."""
    aws.stand_in.answers["PUT"] = [(403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")] * 2
    output = aws.build("s3", f"bucket b\nregion r\nstore_dir {tmp_path}\nupload_timeout 0\nretry_limit 1\n")
    output.flush(chunk({"n": 1}))
    output.tick()
    output.tick()
    text = "\n".join(aws.bench.log)
    assert "PutObject API responded with error='AccessDenied', message='no'" in text
    assert "Chunk for tag t.a failed to send 2/1 times, will not retry" in text
    assert len(list(tmp_path.glob("b/quarantine/*.data"))) == 1
    output.stop()
    assert len(aws.stand_in.calls) == 2


def test_s3_multipart_parts_and_completion(aws: Aws, tmp_path: Path) -> None:
    """Over 5 MiB the file becomes a part; the upload is completed at the end."""
    aws.stand_in.answers["POST"] = [(200, b"<R><UploadId>u1</UploadId></R>")]
    output = aws.build("s3", f"bucket b\nregion r\nstore_dir {tmp_path}\ntotal_file_size 20M\n")
    for _ in range(3):
        output.flush(chunk({"log": "x" * 3_000_000}))
    output.stop()
    assert [call.operation for call in aws.stand_in.calls] == ["POST", "PUT", "PUT", "POST"]
    assert "partNumber=1&uploadId=u1" in aws.stand_in.calls[1].path
    assert "-object" not in aws.stand_in.calls[0].path
    assert b"<PartNumber>1</PartNumber>" in aws.stand_in.calls[-1].body


def test_s3_a_part_that_fails_ends_its_upload(aws: Aws, tmp_path: Path) -> None:
    """Twice, with Retry_Limit 1: the next file begins another upload; the first one takes no more parts."""
    aws.stand_in.answers["POST"] = [(200, b"<UploadId>u1</UploadId>"), (200, b"<UploadId>u2</UploadId>")]
    refused = (503, b"<Error><Code>SlowDown</Code><Message>m</Message></Error>")
    aws.stand_in.answers["PUT"] = [(200, b""), refused, refused]
    output = aws.build("s3", f"bucket b\nregion r\nstore_dir {tmp_path}\ntotal_file_size 50M\nretry_limit 1\n")
    for _ in range(10):
        output.flush(chunk({"log": "x" * 3_000_000}))
    output.stop()
    paths = [call.path.partition("?")[2] for call in aws.stand_in.calls]
    first = ["uploads=", "partNumber=1&uploadId=u1", *["partNumber=2&uploadId=u1"] * 3]
    second = ["uploads=", "partNumber=1&uploadId=u2", "partNumber=2&uploadId=u2"]
    assert paths == [*first, *second, "uploadId=u1", "uploadId=u2"]
    assert sum("reached max upload errors" in line for line in aws.bench.log) == 1


def test_s3_a_first_part_that_is_tried_again_begins_another_upload(aws: Aws, tmp_path: Path) -> None:
    """As in 5.1.1 (recorded: versus-s3-multipart-part-fails); nothing is given up while a part arrives in the end."""
    aws.stand_in.answers["POST"] = [(200, b"<UploadId>u1</UploadId>"), (200, b"<UploadId>u2</UploadId>")]
    aws.stand_in.answers["PUT"] = [(503, b"<Error><Code>SlowDown</Code><Message>m</Message></Error>")] * 2
    output = aws.build("s3", f"bucket b\nregion r\nstore_dir {tmp_path}\ntotal_file_size 20M\nretry_limit 1\n")
    for _ in range(6):
        output.flush(chunk({"log": "x" * 3_000_000}))
    output.stop()
    paths = [call.path for call in aws.stand_in.calls]
    assert ["u1" in paths[1], "uploads=" in paths[2], "u2" in paths[3]] == [True] * 3
    assert paths[-1].endswith("?uploadId=u1")
    assert not any("reached max upload errors" in line for line in aws.bench.log)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("region r\n", "'bucket' is a required parameter"),
        ("bucket b\ns3_key_format x\n", "'s3_key_format' must start with a '/'"),
        ("bucket b\ntotal_file_size 5K\n", "total_file_size must be at least 1MB"),
        ("bucket b\njson_date_format nonsense\n", "invalid json_date_format 'nonsense'"),
        ("bucket b\ncompression lzma\n", "unknown compression: lzma"),
    ],
)
def test_s3_options_that_cannot_work_are_refused(aws: Aws, tmp_path: Path, lines: str, why: str) -> None:
    """At the start, with the reference's sentence."""
    with pytest.raises(PluginInitError, match=why):
        aws.build("s3", lines + f"store_dir {tmp_path}\n")


# the Go plugins


def test_go_cloudwatch_creates_the_group_first_and_sorts_keys(aws: Aws) -> None:
    """Its calls differ from the C plugin's, and so does its JSON."""
    output = aws.build(
        "cloudwatch",
        "region r\nlog_group_name /g/$(tag[0])\nlog_stream_prefix p-\nauto_create_group true\nlog_retention_days 3\n",
    )
    assert output.flush(chunk({"z": 1, "a": "<&>"})) is FlushResult.OK
    assert aws.stand_in.operations() == [
        "CreateLogGroup", "PutRetentionPolicy", "DescribeLogStreams", "CreateLogStream", "PutLogEvents",
    ]  # fmt: skip
    assert aws.stand_in.calls[0].json() == {"logGroupName": "/g/t"}
    assert aws.stand_in.messages() == ['{"a":"\\u003c\\u0026\\u003e","z":1}']


def test_go_firehose_sends_only_the_failed_records_again(aws: Aws) -> None:
    """With the next flush, before its own."""
    aws.stand_in.answers["PutRecordBatch"] = [
        (200, b'{"FailedPutCount":1,"RequestResponses":[{"RecordId":"r"},{"ErrorCode":"X","ErrorMessage":"m"}]}')
    ]
    output = aws.build("firehose", "region r\ndelivery_stream ds\ndata_keys n\n")
    assert output.flush(chunk({"n": 1, "x": 0}, {"n": 2})) is FlushResult.OK
    assert output.flush(chunk({"n": 3})) is FlushResult.OK
    assert aws.stand_in.records() == [b'{"n":1}\n', b'{"n":2}\n', b'{"n":2}\n', b'{"n":3}\n']


def test_go_kinesis_has_no_newline_unless_asked(aws: Aws) -> None:
    """Its default differs from Firehose's; the partition key may come from the record."""
    aws.build("kinesis", "region r\nstream s\npartition_key k\n").flush(chunk({"k": "key", "n": 1}))
    aws.build("kinesis", "region r\nstream s\nappend_newline true\n").flush(chunk({"n": 2}))
    assert aws.stand_in.records("PutRecords") == [b'{"k":"key","n":1}', b'{"n":2}\n']
    assert aws.stand_in.calls[0].json()["Records"][0]["PartitionKey"] == "key"


# answers that nobody expects

NASTY = (
    b"", b"not json", b"[]", b"null", b'"text"', b'{"FailedPutCount":"x"}', b'{"FailedPutCount":2}',
    b'{"FailedPutCount":1,"RequestResponses":null}', b'{"FailedPutCount":1,"RequestResponses":[1,2]}',
    b'{"FailedRecordCount":1,"Records":[null]}', b'{"logStreams":null}', b'{"logStreams":[5]}',
    b'{"rejectedLogEventsInfo":null}', b"<Error>", b"\xff\xfe", b'{"__type":5,"message":{}}',
)  # fmt: skip
OUTPUTS = {
    "cloudwatch_logs": CLOUDWATCH + "auto_create_group true\n",
    "kinesis_firehose": "region r\ndelivery_stream ds\n",
    "kinesis_streams": "region r\nstream ks\n",
    "cloudwatch": "region r\nlog_group_name /g\nlog_stream_prefix p-\nauto_create_group true\n",
    "firehose": "region r\ndelivery_stream ds\n",
    "kinesis": "region r\nstream s\n",
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_any_answer_is_a_success_or_a_retry(aws: Aws, name: str) -> None:
    """Whatever the answer holds, with whatever status: the flush ends with a result, and no exception."""
    for status in (200, 400, 500):
        for body in NASTY:
            output = aws.build(name, OUTPUTS[name])
            for operation in ("CreateLogStream", "CreateLogGroup", "PutLogEvents", "PutRecordBatch", "PutRecords",
                              "DescribeLogStreams"):  # fmt: skip
                aws.stand_in.answers[operation] = [(status, body)]
            assert output.flush(chunk({"n": 1}, {"n": 2})) in (FlushResult.OK, FlushResult.RETRY)
            output.stop()


# what cannot be read

OUTPUTS = {
    "cloudwatch_logs": CLOUDWATCH,
    "kinesis_firehose": "region r\ndelivery_stream d\n",
    "kinesis_streams": "region r\nstream d\n",
    "cloudwatch": CLOUDWATCH,
    "firehose": "region r\ndelivery_stream d\n",
    "kinesis": "region r\nstream d\n",
}


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("raw", [b"\x92\x01\xa4text\x92\x02\x05", b"\xc1", b""])
def test_a_chunk_without_a_single_record_is_done_without_a_call(aws: Aws, name: str, raw: bytes) -> None:
    """Entries that are no [time, map] are left out and counted; nothing fails, AWS is not asked."""
    made = Chunk("t.a", "forward.0")
    made.add(Batch(raw=raw, count=2))
    output = aws.build(name, OUTPUTS[name])
    told = list(aws.bench.log)
    assert output.flush(made) is FlushResult.OK
    assert aws.stand_in.operations() == []
    assert (made.unreadable, aws.bench.log) == (2, told)


@pytest.mark.parametrize("more", ["", "log_key absent\n"])
def test_s3_says_that_a_chunk_gives_no_text(aws: Aws, more: str, tmp_path: Path) -> None:
    """The reference's line, and the chunk is dropped: no record can be read, or none has the key."""
    made = chunk({"log": "a"}) if more else Chunk("t.a", "forward.0")
    if not more:
        made.add(Batch(raw=b"\x92\x01\xa4text", count=1))
    lines = f"region r\nbucket b\ntotal_file_size 1M\nuse_put_object on\nstore_dir {tmp_path}\n"
    output = aws.build("s3", lines + more)
    assert output.flush(made) is FlushResult.ERROR
    assert "Could not marshal msgpack to output string" in aws.bench.log[-1]
    assert aws.stand_in.operations() == []
