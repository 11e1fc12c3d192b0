"""Configurations of buckets that S3 refuses though its description allows them, and what a bucket has unasked.

Source: LocalStack's recordings of S3 (TestS3BucketLogging, TestS3BucketReplication, TestS3BucketOwnershipControls,
TestS3PublicAccessBlock, test_validate_website_configuration and others); "Default settings for new S3 buckets FAQ" of
the Amazon S3 User Guide.
Not modelled: that server access logs are delivered, and that their target's policy has to let them in by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3.listing_documents import NAMESPACE, ListedBucket
from lab_helpers.local_aws.s3.refusals import MALFORMED_XML, invalid_argument

OWNER_ENFORCED = "BucketOwnerEnforced"
UNASKED = {
    "BucketOwnershipControls": (
        f'<OwnershipControls xmlns="{NAMESPACE}"><Rule><ObjectOwnership>{OWNER_ENFORCED}</ObjectOwnership></Rule>'
        "</OwnershipControls>"
    ).encode(),
    "PublicAccessBlock": (
        f'<PublicAccessBlockConfiguration xmlns="{NAMESPACE}"><BlockPublicAcls>true</BlockPublicAcls>'
        "<IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy>"
        "<RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>"
    ).encode(),
}
"""What a bucket has from its creation on until it is deleted or replaced, by the operation's word."""
DELETED = b""
"""In the place of what a bucket had unasked."""
_OWNERSHIPS = ("BucketOwnerPreferred", "ObjectWriter", OWNER_ENFORCED)
FIRST_REGION = "us-east-1"
"""Whose endpoint creates buckets in all Regions; others do so in their own only, and say that of any other place."""
_CROSS = "Cross S3 location logging not allowed. "
_KMS = ("aws:kms", "aws:kms:dsse")
_PROTOCOLS = ("http", "https")
Buckets = Callable[[], Sequence[ListedBucket]]


def check_header(operation: str, environ: Mapping[str, Any]) -> None:
    """Raise AwsError InvalidArgument for a bucket that is to be created with an ownership that is none."""
    said = environ.get("HTTP_X_AMZ_OBJECT_OWNERSHIP")
    if operation == "CreateBucket" and said is not None and said not in _OWNERSHIPS:
        text = f"Invalid x-amz-object-ownership header: {said}"
        raise invalid_argument(text, "x-amz-object-ownership")


def check_before(operation: str, params: Mapping[str, Any], body: bytes) -> None:
    """Raise AwsError for what S3 has words for, before it says MalformedXML: web pages, and acceleration."""
    if operation == "PutBucketWebsite":
        _check_website(_read(body))
    if operation == "PutBucketAccelerateConfiguration" and "." in str(params.get("Bucket", "")):
        text = "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names"
        raise AwsError("InvalidRequest", text)


def check(operation: str, params: Mapping[str, Any], body: bytes, buckets: Buckets) -> None:
    """Raise AwsError for a document that is well-formed and still refused; `buckets` are asked for where need be."""
    bucket = str(params.get("Bucket", ""))
    match operation:
        case "PutBucketAnalyticsConfiguration" | "PutBucketIntelligentTieringConfiguration":
            if _text(_read(body), "Id") != params.get("id"):
                raise AwsError("MalformedXML", MALFORMED_XML)
        case "PutBucketInventoryConfiguration":
            _check_inventory(_read(body), str(params.get("id", "")))
        case "PutBucketOwnershipControls":
            _only_rule(_read(body))
        case "PutBucketEncryption":
            _check_encryption(_only_rule(_read(body)))
        case "PutBucketVersioning" if not _text(_read(body), "Status"):
            text = "The Versioning element must be specified"
            raise AwsError("IllegalVersioningConfigurationException", text)
        case "PutBucketLogging":
            _check_logging(_read(body), bucket, buckets())
        case "PutBucketReplication":
            _check_replication(_read(body), bucket, buckets())


def _check_inventory(root: ElementTree.Element, name: str) -> None:
    if _text(root, "Id") != name:
        raise AwsError("IdMismatch", "Document ID does not match the specified configuration ID.")
    if not _text(root, "Destination/S3BucketDestination/Bucket").startswith("arn:"):
        raise AwsError("InvalidS3DestinationBucket", "Invalid bucket ARN.")


def _only_rule(root: ElementTree.Element) -> ElementTree.Element:
    rules = root.findall("{*}Rule")
    if len(rules) != 1:
        raise AwsError("MalformedXML", MALFORMED_XML)
    return rules[0]


def _check_encryption(rule: ElementTree.Element) -> None:
    by_default = "ApplyServerSideEncryptionByDefault"
    if _text(rule, f"{by_default}/KMSMasterKeyID") and _text(rule, f"{by_default}/SSEAlgorithm") not in _KMS:
        text = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
        raise invalid_argument(text, by_default)


def _check_logging(root: ElementTree.Element, bucket: str, buckets: Sequence[ListedBucket]) -> None:
    name = _text(root, "LoggingEnabled/TargetBucket")
    if not name:
        return
    regions = {each.name: each.region for each in buckets}
    if name not in regions:
        text = "The target bucket for logging does not exist"
        raise AwsError("InvalidTargetBucketForLogging", text, 400, {"TargetBucket": name})
    own, other = regions.get(bucket, ""), regions[name]
    if own != other:
        told = {} if own == FIRST_REGION else {"SourceBucketLocation": own}
        raise AwsError("CrossLocationLoggingProhibitted", _CROSS, 403, {**told, "TargetBucketLocation": other})


def _check_replication(root: ElementTree.Element, bucket: str, buckets: Sequence[ListedBucket]) -> None:
    versioned = {each.name for each in buckets if each.is_versioned}
    if bucket not in versioned:
        text = "Versioning must be 'Enabled' on the bucket to apply a replication configuration"
        raise AwsError("InvalidRequest", text)
    targets = (_text(rule, "Destination/Bucket").rpartition(":")[2] for rule in root.findall("{*}Rule"))
    if any(target not in versioned for target in targets):
        raise AwsError("InvalidRequest", "Destination bucket must have versioning enabled.")


def _check_website(root: ElementTree.Element) -> None:
    index, routes = root.find("{*}IndexDocument"), root.find("{*}RoutingRules")
    if root.find("{*}RedirectAllRequestsTo") is not None:
        if len(root) > 1:
            text = "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules."
            raise invalid_argument(text, "RedirectAllRequestsTo", "not null")
        return
    if index is None:
        text = "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty"
        raise invalid_argument(text, "IndexDocument", "null")
    suffix = _text(index, "Suffix")
    if not suffix or "/" in suffix:
        raise invalid_argument("The IndexDocument Suffix is not well formed", "IndexDocument", suffix)
    if routes is None:
        return
    if len(routes) == 0:
        raise AwsError("MalformedXML", MALFORMED_XML)
    for rule in routes:
        _check_route(rule)


def _check_route(rule: ElementTree.Element) -> None:
    protocol, condition = rule.find("{*}Redirect/{*}Protocol"), rule.find("{*}Condition")
    if protocol is not None and protocol.text not in _PROTOCOLS:
        raise AwsError(
            "InvalidRequest",
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected "
            "automatically.",
        )
    if _text(rule, "Redirect/ReplaceKeyPrefixWith") and _text(rule, "Redirect/ReplaceKeyWith"):
        raise AwsError("InvalidRequest", "You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
    if condition is not None and len(condition) == 0:
        raise AwsError(
            "InvalidRequest",
            "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't "
            "be present.",
        )


def _text(element: ElementTree.Element, path: str) -> str:
    """Return what a member at `a/b` says, whatever its namespace; empty without one."""
    return element.findtext("/".join(f"{{*}}{name}" for name in path.split("/"))) or ""


def _read(body: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise AwsError("MalformedXML", MALFORMED_XML) from error
