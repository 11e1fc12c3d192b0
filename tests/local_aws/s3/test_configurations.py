"""Configurations of buckets that are none, as LocalStack recorded S3's refusals."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lab_helpers.local_aws.front.s3 import schema
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3 import configurations
from lab_helpers.local_aws.s3.listing_documents import ListedBucket

EAST, WEST = "us-east-1", "us-west-2"
INDEX = "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>"
MALFORMED = "MalformedXML"


def _buckets() -> Sequence[ListedBucket]:
    return [
        ListedBucket("east", "", EAST, is_versioned=True), ListedBucket("west", "", WEST),
        ListedBucket("ohio", "", "us-east-2"),
    ]  # fmt: skip


def _refusal(operation: str, document: str, bucket: str = "east", name: str = "a") -> AwsError:
    with pytest.raises(AwsError) as caught:
        _check(operation, {"Bucket": bucket, "id": name}, document.encode())
    return caught.value


def _check(operation: str, params: dict[str, str], body: bytes) -> None:
    configurations.check_before(operation, params, body)
    schema.check(operation, body)
    configurations.check(operation, params, body, _buckets)


def _inventory(**changed: str) -> str:
    told = {
        "Id": "a", "Bucket": "arn:aws:s3:::east", "Format": "CSV", "Frequency": "Daily", "Versions": "All",
        "Field": "Size", **changed,
    }  # fmt: skip
    return (
        f"<InventoryConfiguration><Id>{told['Id']}</Id><IsEnabled>true</IsEnabled><Destination><S3BucketDestination>"
        f"<Bucket>{told['Bucket']}</Bucket><Format>{told['Format']}</Format></S3BucketDestination></Destination>"
        f"<IncludedObjectVersions>{told['Versions']}</IncludedObjectVersions>"
        f"<OptionalFields><Field>{told['Field']}</Field></OptionalFields>"
        f"<Schedule><Frequency>{told['Frequency']}</Frequency></Schedule></InventoryConfiguration>"
    )


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Id": "other"}, "IdMismatch"),
        ({"Bucket": "east"}, "InvalidS3DestinationBucket"),
        ({"Format": "XLS"}, MALFORMED),
        ({"Frequency": "Hourly"}, MALFORMED),
        ({"Versions": "Wrong"}, MALFORMED),
        ({"Field": "TestField"}, MALFORMED),
    ],
)
def test_inventories_that_are_none(changed: dict[str, str], code: str) -> None:
    """test_s3_put_inventory_report_exceptions."""
    assert _refusal("PutBucketInventoryConfiguration", _inventory(**changed)).code == code


@pytest.mark.parametrize(
    ("operation", "document", "code"),
    [
        ("PutBucketRequestPayment", "<R><Payer>Random</Payer></R>", MALFORMED),
        ("PutBucketVersioning", "<V><Status>enabled</Status></V>", MALFORMED),
        ("PutBucketVersioning", "<V/>", "IllegalVersioningConfigurationException"),
        ("PutBucketOwnershipControls", "<O><Rule><ObjectOwnership>Nobody</ObjectOwnership></Rule></O>", MALFORMED),
        ("PutBucketOwnershipControls", "<O><Rule/></O>", MALFORMED),
        ("PutBucketOwnershipControls", "<O/>", MALFORMED),
        ("PutBucketEncryption", "<E/>", MALFORMED),
        ("PutBucketEncryption", "<E><Rule/><Rule/></E>", MALFORMED),
        ("PutBucketIntelligentTieringConfiguration", "<I><Id>b</Id></I>", MALFORMED),
        ("PutBucketReplication", "<R><Role>r</Role></R>", MALFORMED),
        ("PutBucketReplication", "no document", MALFORMED),
    ],
)
def test_documents_that_are_none(operation: str, document: str, code: str) -> None:
    """A value that is none of those there are, one that has to be there: S3 says no more than that."""
    assert _refusal(operation, document).code == code


def test_a_key_for_an_encryption_without_keys() -> None:
    """test_s3_default_bucket_encryption_exc."""
    rule = "<SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>"
    document = f"<E><Rule><ApplyServerSideEncryptionByDefault>{rule}</ApplyServerSideEncryptionByDefault></Rule></E>"
    refusal = _refusal("PutBucketEncryption", document)
    assert (refusal.code, refusal.extra) == ("InvalidArgument", {"ArgumentName": "ApplyServerSideEncryptionByDefault"})


def test_acceleration_of_a_name_with_dots() -> None:
    """It is said before anything of the document."""
    assert _refusal("PutBucketAccelerateConfiguration", "<A/>", "a.b").code == "InvalidRequest"


@pytest.mark.parametrize(
    ("bucket", "told"),
    [
        ("east", {"TargetBucketLocation": WEST}),
        ("ohio", {"SourceBucketLocation": "us-east-2", "TargetBucketLocation": WEST}),
    ],
)
def test_logs_stay_in_their_region(bucket: str, told: dict[str, str]) -> None:
    """test_put_bucket_logging_cross_locations: the first Region is not named."""
    document = "<B><LoggingEnabled><TargetBucket>west</TargetBucket></LoggingEnabled></B>"
    refusal = _refusal("PutBucketLogging", document, bucket)
    assert (refusal.code, refusal.status, refusal.extra) == ("CrossLocationLoggingProhibitted", 403, told)


@pytest.mark.parametrize(
    ("bucket", "text"),
    [
        ("west", "Versioning must be 'Enabled' on the bucket to apply a replication configuration"),
        ("east", "Destination bucket must have versioning enabled."),
    ],
)
def test_replication_is_of_versions(bucket: str, text: str) -> None:
    """TestS3BucketReplication: a target that is not there has none either."""
    rule = "<Rule><Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::ohio</Bucket></Destination></Rule>"
    refusal = _refusal("PutBucketReplication", f"<R><Role>r</Role>{rule}</R>", bucket)
    assert (refusal.code, refusal.message) == ("InvalidRequest", text)


@pytest.mark.parametrize(
    ("document", "code", "value"),
    [
        ("<IndexDocument><Suffix>/index.html</Suffix></IndexDocument>", "InvalidArgument", "/index.html"),
        (f"<RedirectAllRequestsTo/>{INDEX}", "InvalidArgument", "not null"),
        ("<ErrorDocument/>", "InvalidArgument", "null"),
        (f"{INDEX}<RoutingRules/>", MALFORMED, None),
        (f"{INDEX}<RoutingRules><RoutingRule><Condition/></RoutingRule></RoutingRules>", "InvalidRequest", None),
        (
            f"{INDEX}<RoutingRules><RoutingRule><Redirect><Protocol>ftp</Protocol></Redirect></RoutingRule>"
            "</RoutingRules>",
            "InvalidRequest",
            None,
        ),
    ],
)
def test_web_pages_that_are_none(document: str, code: str, value: str | None) -> None:
    """test_validate_website_configuration."""
    refusal = _refusal("PutBucketWebsite", f"<WebsiteConfiguration>{document}</WebsiteConfiguration>")
    assert (refusal.code, refusal.extra.get("ArgumentValue")) == (code, value)


def test_an_ownership_that_is_none_makes_no_bucket() -> None:
    """test_bucket_ownership_controls_exc."""
    with pytest.raises(AwsError) as caught:
        configurations.check_header("CreateBucket", {"HTTP_X_AMZ_OBJECT_OWNERSHIP": "RandomValue"})
    assert caught.value.message == "Invalid x-amz-object-ownership header: RandomValue"
