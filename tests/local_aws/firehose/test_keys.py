"""Keys of delivered objects. Expected values: AWS's page on object names and custom prefixes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lab_helpers.local_aws.firehose.keys import PrefixError, check_prefixes, evaluate_prefix, format_time, object_key

AT = datetime(2018, 8, 27, 10, 30, 5, 123456, tzinfo=UTC)
ID = "a4c1b5a2-6f1e-4c5b-9a0f-0d3b3e3f8a11"


def test_default_key():
    """Without a prefix: YYYY/MM/DD/HH/ in UTC, then stream, version, time and id."""
    key = object_key(prefix="", stream="hose", version="3", at=AT, object_id=ID, compression="GZIP")
    assert key == f"2018/08/27/10/hose-3-2018-08-27-10-30-05-{ID}.gz"


@pytest.mark.parametrize(
    ("compression", "extension"),
    [("UNCOMPRESSED", ""), ("GZIP", ".gz"), ("ZIP", ".zip"), ("Snappy", ".snappy"), ("HADOOP_SNAPPY", ".hsnappy")],
)
def test_extension_follows_the_compression(compression: str, extension: str):
    """Each compression has its file extension; FileExtension replaces it."""
    common = {"prefix": "", "stream": "h", "version": "1", "at": AT, "object_id": ID, "compression": compression}
    assert object_key(**common).endswith(f"{ID}{extension}")
    assert object_key(**common, file_extension=".json.gz").endswith(f"{ID}.json.gz")


@pytest.mark.parametrize(
    ("prefix", "evaluated"),
    [
        ("logs/", "logs/2018/08/27/10/"),
        ("logs", "logs2018/08/27/10/"),
        ("a/!{timestamp:yyyy}/b/!{timestamp:MM}/", "a/2018/b/08/"),
        ("!{timestamp:yyyy/'month='MM}/", "2018/month=08/"),
        ("dt=!{timestamp:yyyy'-'MM'-'dd}/", "dt=2018-08-27/"),
        ("!{timestamp:yy-M-d H:m}/", "18-8-27 10:30/"),
        ("!{timestamp:EEE, dd MMM}/", "Mon, 27 Aug/"),
        ("!{timestamp:DDD HH:mm:ss.SSS}/", "239 10:30:05.123/"),
    ],
)
def test_prefix_expressions(prefix: str, evaluated: str):
    """A prefix without a time expression is followed by the default one; with one it stands for itself."""
    assert evaluate_prefix(prefix, AT, ID) == evaluated


def test_random_strings_differ_in_a_prefix_but_not_between_attempts():
    """Eleven characters each; the same object gets the same key when its delivery is tried again."""
    first = evaluate_prefix("!{firehose:random-string}/!{firehose:random-string}/!{timestamp:yyyy}/", AT, ID)
    assert first == evaluate_prefix("!{firehose:random-string}/!{firehose:random-string}/!{timestamp:yyyy}/", AT, ID)
    one, other, *_ = first.split("/")
    assert len(one) == len(other) == 11
    assert one != other


def test_custom_time_zone_moves_prefix_and_suffix():
    """Asia/Tokyo is nine hours ahead."""
    key = object_key(prefix="", stream="h", version="1", at=AT, object_id=ID, time_zone="Asia/Tokyo")
    assert key == f"2018/08/27/19/h-1-2018-08-27-19-30-05-{ID}"


@pytest.mark.parametrize(
    ("prefix", "error_prefix"),
    [
        ("!{timestamp:yyyy}/", ""),
        ("", "!{timestamp:yyyy}/"),
        ("!{firehose:error-output-type}/", "e/!{firehose:error-output-type}/"),
        ("", "e/!{partitionKeyFromQuery:id}/!{firehose:error-output-type}/"),
        ("a!{timestamp:yyyy", "e/!{firehose:error-output-type}/"),
        ("!{timestamp:QQQ}/", "e/!{firehose:error-output-type}/"),
        ("!{timestamp:yyyy'}/", "e/!{firehose:error-output-type}/"),
    ],
)
def test_prefixes_that_firehose_refuses(prefix: str, error_prefix: str):
    """The semantic rules of prefixes, and what is not modelled."""
    with pytest.raises(PrefixError):
        check_prefixes(prefix, error_prefix)


def test_prefixes_that_firehose_takes():
    """An expression in the prefix with an error prefix that names its type."""
    check_prefixes("a/!{timestamp:yyyy}/", "e/!{firehose:error-output-type}/")
    check_prefixes("", "errors/")


def test_partition_keys_stand_for_themselves():
    """The value is the record's, whatever is in it; no time follows."""
    prefix = "level=!{partitionKeyFromQuery:level}/"
    assert evaluate_prefix(prefix, AT, ID, partition={"level": "a/!{b}"}) == "level=a/!{b}/"


@pytest.mark.parametrize(
    ("prefix", "evaluated"),
    [
        ("", "processing-failed/2018/08/27/10/"),
        ("errors/", "errors/processing-failed/2018/08/27/10/"),
        ("errors/!{firehose:error-output-type}/", "errors/processing-failed/2018/08/27/10/"),
        ("!{timestamp:yyyy}/!{firehose:error-output-type}/", "2018/processing-failed/"),
    ],
)
def test_error_prefixes(prefix: str, evaluated: str):
    """The type of the error is in the key, named or not."""
    assert evaluate_prefix(prefix, AT, ID, "processing-failed") == evaluated


def test_doubled_quote_is_a_quote():
    """Java's rule for a literal quote."""
    assert format_time("''yyyy''", AT) == "'2018'"
