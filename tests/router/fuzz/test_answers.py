"""Odd answers of AWS: each output takes them for success, a retry or an error; nothing crashes, nothing hangs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab_helpers.router.plugin import FlushResult
from tests.router.fuzz.bounds import bounded, texts, values
from tests.router.stand_in import Answer, StandIn
from tests.router.test_outputs import Aws, chunk

OUTPUTS = {
    "cloudwatch_logs": "log_group_name g\nlog_stream_name s\nauto_create_group on\nlog_retention_days 3\n",
    "kinesis_firehose": "delivery_stream s\n",
    "kinesis_streams": "stream s\n",
    "cloudwatch": "log_group_name g\nlog_stream_name s\nauto_create_group true\n",
    "firehose": "delivery_stream s\n",
    "kinesis": "stream s\npartition_key id\n",
}
KEYS = st.sampled_from([
    "FailedPutCount", "FailedRecordCount", "RequestResponses", "Records", "__type", "message", "nextSequenceToken",
    "rejectedLogEventsInfo", "expectedSequenceToken", "ErrorCode",
])  # fmt: skip
CODES = st.sampled_from([
    "ResourceNotFoundException", "ResourceAlreadyExistsException", "ThrottlingException", "ExpiredTokenException",
    "InvalidSequenceTokenException", "ServiceUnavailableException", "com.amazon.coral.service#SerializationException",
])  # fmt: skip
ITEMS = st.one_of(values(), CODES, st.lists(st.dictionaries(KEYS, st.one_of(values(), CODES), max_size=2), max_size=3))
OBJECTS = st.dictionaries(st.one_of(KEYS, texts(4)), ITEMS, max_size=4)
BODIES = st.one_of(
    st.binary(max_size=30),
    OBJECTS.map(lambda one: json.dumps(one, default=repr).encode()),
    st.sampled_from([b"", b"{}", b"[]", b"null", b"<Error><Code>x</Code>", b'{"__type":7}', b'{"FailedPutCount":"x"}']),
)
XML = st.one_of(
    BODIES,
    st.sampled_from([
        b"<InitiateMultipartUploadResult><UploadId>u-1</UploadId></InitiateMultipartUploadResult>",
        b"<UploadId></UploadId>", b"<UploadId>\xff\xfe</UploadId>", b"<UploadId>a b&c\r\n</UploadId>", b"<UploadId>",
        b"<Error><Code>SlowDown</Code><Message>slow</Message></Error>", b"<Error><Code>\xff</Code></Error>",
        b"<CompleteMultipartUploadResult/>",
    ]),
)  # fmt: skip
S3_ANSWERS = st.lists(st.tuples(st.sampled_from([200, 204, 301, 400, 403, 404, 500, 503]), XML), max_size=6)
PART = "x" * 5_400_000
# a record that is a multipart upload's part by itself
ANSWERS = st.lists(st.tuples(st.sampled_from([200, 201, 400, 403, 404, 413, 429, 500, 503]), BODIES), max_size=8)


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    """An AWS that answers what it is told to."""
    with StandIn() as one:
        yield one


@contextmanager
def built(stand_in: StandIn, name: str, lines: str) -> Iterator[Any]:
    """An output that talks to the stand-in; stopped at the end of the block."""
    aws = Aws(stand_in)
    try:
        yield aws.build(name, f"region r\n{lines}")
    finally:
        aws.close()


@pytest.mark.parametrize("name", OUTPUTS)
@bounded(12)
@given(answers=ANSWERS)
def test_odd_answers_end_a_flush(stand_in: StandIn, name: str, answers: list[Answer]) -> None:
    """Whatever comes, the flush has a result, and after answers that say yes the records have arrived."""
    operations = (
        "CreateLogStream", "CreateLogGroup", "PutRetentionPolicy", "PutLogEvents", "PutRecordBatch", "PutRecords",
    )  # fmt: skip
    stand_in.answers = {operation: list(answers) for operation in operations}
    with built(stand_in, name, OUTPUTS[name]) as output:
        assert output.flush(chunk({"log": "a"}, {"log": "b"})) in FlushResult
        stand_in.answers.clear()
        stand_in.calls.clear()
        assert output.flush(chunk({"log": "good"})) is FlushResult.OK
    sent = b"".join(stand_in.records("PutRecordBatch") + stand_in.records("PutRecords"))
    assert b"good" in sent or any("good" in message for message in stand_in.messages())


@pytest.mark.parametrize("is_multipart", [False, True])
@bounded(12)
@given(answers=S3_ANSWERS)
@example(answers=[(200, b"<UploadId>\xff\xfe</UploadId>")])
@example(answers=[(200, b"<UploadId>a b&c\r\nX: y</UploadId>")])
@example(answers=[(500, b"<Error><Code>\xff</Code></Error>"), (200, b"<UploadId>u</UploadId>"), (403, b"\xff")])
def test_odd_answers_of_s3_end_an_upload(
    stand_in: StandIn, tmp_path_factory: pytest.TempPathFactory, is_multipart: bool, answers: list[Answer]
) -> None:
    """Whatever S3 answers to the calls for one object, the next object is uploaded whole."""
    stand_in.answers = {"PUT": list(answers), "POST": list(answers)}
    size = "total_file_size 20M\n" if is_multipart else "use_put_object on\ntotal_file_size 1M\n"
    with built(stand_in, "s3", f"bucket b\n{size}store_dir {tmp_path_factory.mktemp('s3')}\n") as output:
        assert output.flush(chunk({"log": PART})) in FlushResult
        assert output.flush(chunk({"log": PART})) in FlushResult
        output.tick()
        stand_in.answers.clear()
        stand_in.calls.clear()
        assert output.flush(chunk({"log": "good"})) is FlushResult.OK
    assert any(b'"log":"good"' in call.body for call in stand_in.of("PUT"))
