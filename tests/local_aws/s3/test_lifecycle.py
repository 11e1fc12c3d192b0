"""Lifecycle configurations, as LocalStack recorded them from AWS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3 import lifecycle
from lab_helpers.local_aws.server import LocalAws

BUCKET = "lifecycle-of-s3"
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
ALL, MALFORMED = "<Filter/>", "MalformedXML"


def _document(*rules: str) -> bytes:
    inside = "".join(f"<Rule><ID>r {n}</ID><Status>Enabled</Status>{rule}</Rule>" for n, rule in enumerate(rules))
    return f'<L xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inside}</L>'.encode()


def _days(days: int, chosen: str = ALL) -> str:
    return f"{chosen}<Expiration><Days>{days}</Days></Expiration>"


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (_days(7, ""), MALFORMED),
        (_days(7, "<Filter><Prefix/><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></Filter>"), MALFORMED),
        (f"{_days(7)}<NoncurrentVersionExpiration/>", MALFORMED),
        (
            f"{ALL}<Expiration><Days>1</Days><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
            MALFORMED,
        ),
        (f"{ALL}<Expiration><Date>2030-01-01T02:00:00Z</Date></Expiration>", "InvalidArgument"),
        (_days(7, "<Filter><And><Tag><Key>a</Key></Tag><Tag><Key>a</Key></Tag></And></Filter>"), "InvalidRequest"),
    ],
)
def test_configurations_that_are_none(rule: str, code: str) -> None:
    """A rule says for what it is, in one way, and what it does, at midnight."""
    with pytest.raises(AwsError) as caught:
        lifecycle.check({}, _document(rule))
    assert caught.value.code == code


def test_configurations_that_are_some() -> None:
    """With a prefix of the old form, an hour of elsewhere that is midnight, and a size that is known."""
    lifecycle.check({}, _document(_days(7, "<Prefix>a</Prefix>")))
    lifecycle.check({}, _document(f"{ALL}<Expiration><Date>2030-01-01T09:00:00+09:00</Date></Expiration>"))
    with pytest.raises(AwsError, match="Invalid TransitionDefaultMinimumObjectSize found: tiny"):
        lifecycle.check({"HTTP_X_AMZ_TRANSITION_DEFAULT_MINIMUM_OBJECT_SIZE": "tiny"}, _document(_days(7)))


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ((_days(7),), 'expiry-date="Tue, 08 Dec 2026 00:00:00 GMT", rule-id="r%200"'),
        ((_days(7), _days(1)), 'expiry-date="Wed, 02 Dec 2026 00:00:00 GMT", rule-id="r%201"'),
        ((_days(1, "<Filter><Prefix>b</Prefix></Filter>"),), ""),
        ((_days(1, "<Filter><ObjectSizeLessThan>10</ObjectSizeLessThan></Filter>"),), ""),
        ((_days(1, "<Filter><Tag><Key>k</Key><Value>w</Value></Tag></Filter>"),), ""),
        ((f"{ALL}<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",), ""),
        (
            (_days(1, "<Filter><And><Prefix>a</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>"),),
            'expiry-date="Wed, 02 Dec 2026 00:00:00 GMT", rule-id="r%200"',
        ),
    ],
)
def test_when_an_object_ends(rules: tuple[str, ...], told: str) -> None:
    """By the rule that comes first in time, at the midnight behind its days; rules for others say nothing."""
    assert lifecycle.expiry(_document(*rules), "a/b", 10, NOON, {"k": "v"}) == told


def test_the_end_is_told(aws: LocalAws) -> None:
    """Where an object is put and read, also if it was there before its rule; not of a version by its id."""
    s3: Any = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    about = {"Bucket": BUCKET, "Key": "a"}
    assert "Expiration" not in s3.put_object(**about, Body=b"x")
    rule = {"ID": "soon", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 7}}
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for told in (s3.head_object(**about), s3.get_object(**about), s3.put_object(**about, Body=b"y")):
        assert 'rule-id="soon"' in told["Expiration"]
    versions = [each["VersionId"] for each in s3.list_object_versions(Bucket=BUCKET)["Versions"]]
    for version in versions:
        assert "Expiration" not in s3.head_object(**about, VersionId=version)
        s3.delete_object(**about, VersionId=version)
    s3.delete_bucket(Bucket=BUCKET)
