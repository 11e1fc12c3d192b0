"""Which calls change something, and what of S3 they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_READING = (
    "BatchCheck", "BatchGet", "Check", "Decode", "Describe", "Download", "Estimate", "Filter", "Get", "Head", "List",
    "Lookup", "Options", "Preview", "Query", "Scan", "Search", "Select", "Simulate", "Test", "Validate",
)  # fmt: skip
"""How the names of AWS's operations that read begin; whatever begins otherwise is taken for a change."""
_READING_METHODS = ("GET ", "HEAD ", "OPTIONS ")
"""REST services are known by their method and path only."""

_OF_OBJECTS = frozenset({"DeleteObjectTagging", "PutObject", "PutObjectTagging"})
"""S3's operations that change objects and their tags, and nothing else of a bucket."""
_OF_BUCKETS = ("PutBucket", "DeleteBucket", "CreateBucket", "PutPublicAccessBlock", "DeletePublicAccessBlock")
"""How the names of those begin that change a bucket's configuration and none of its keys."""
_REPEATED = frozenset({"iam", "ec2", "ecs", "elasticloadbalancing"})
"""Services, by signing name, whose calls moto answers by its state, its random numbers and its clock alone."""
_NOT_REPEATED = frozenset({"CreateKeyPair", "CreateVirtualMFADevice", "PurchaseReservedInstancesOffering"})
"""Their operations that are answered by something else, too: new private keys, the system's random numbers."""
_TAGS = frozenset({"TagResource", "UntagResource"})
_WITH_KEYS = frozenset({
    "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GenerateRandom",
    "ReEncrypt", "Sign", "Verify", "VerifyMac",
})  # fmt: skip
"""What KMS does with its keys: none of them changes."""
_ALSO_REPEATED = {
    "application-autoscaling": frozenset({
        "DeleteScalingPolicy", "DeleteScheduledAction", "DeregisterScalableTarget", "PutScalingPolicy",
        "PutScheduledAction", "RegisterScalableTarget",
    }),
    "athena": _TAGS | {
        "CreateDataCatalog", "CreateNamedQuery", "CreateWorkGroup", "DeleteDataCatalog", "DeleteNamedQuery",
        "DeleteWorkGroup", "UpdateWorkGroup",
    },
    "dynamodb": _TAGS | {
        "BatchWriteItem", "CreateTable", "DeleteItem", "DeleteTable", "PutItem", "TransactWriteItems", "UpdateItem",
        "UpdateTimeToLive",
    },
    "ecr": _TAGS | {
        "CreateRepository", "DeleteLifecyclePolicy", "DeleteRepository", "DeleteRepositoryPolicy",
        "PutImageScanningConfiguration", "PutImageTagMutability", "PutLifecyclePolicy", "SetRepositoryPolicy",
    },
    "events": _TAGS | {"DeleteRule", "DisableRule", "EnableRule", "PutRule", "PutTargets", "RemoveTargets"},
    "glue": _TAGS | {
        "BatchCreatePartition", "CreateCrawler", "CreateDatabase", "CreateJob", "CreatePartition", "CreateTable",
        "DeleteCrawler", "DeleteJob", "DeletePartition", "DeleteTable", "UpdatePartition", "UpdateTable",
    },
    "kinesis": frozenset({
        "AddTagsToStream", "CreateStream", "DecreaseStreamRetentionPeriod", "DeleteStream",
        "IncreaseStreamRetentionPeriod", "PutRecord", "PutRecords", "RemoveTagsFromStream",
    }),
    "kms": _TAGS | {
        "CreateAlias", "DeleteAlias", "DisableKey", "DisableKeyRotation", "EnableKey", "EnableKeyRotation",
        "PutKeyPolicy", "ScheduleKeyDeletion", "UpdateAlias", "UpdateKeyDescription",
    },
    "logs": _TAGS | {
        "CreateLogGroup", "CreateLogStream", "DeleteResourcePolicy", "DeleteRetentionPolicy", "PutResourcePolicy",
        "PutRetentionPolicy", "TagLogGroup", "UntagLogGroup",
    },
    "monitoring": frozenset({"DeleteDashboards", "PutDashboard"}),
    "secretsmanager": _TAGS | {
        "CreateSecret", "DeleteSecret", "PutResourcePolicy", "PutSecretValue", "RestoreSecret", "UpdateSecret",
    },
    "sns": _TAGS | {"CreateTopic", "DeleteTopic", "SetTopicAttributes"},
    "sqs": frozenset({"CreateQueue", "DeleteQueue", "SetQueueAttributes", "TagQueue", "UntagQueue"}),
    "ssm": frozenset({
        "AddTagsToResource", "DeleteParameter", "DeleteParameters", "PutParameter", "RemoveTagsFromResource",
    }),
}  # fmt: skip
"""Operations of other services of which the same holds; the rest of theirs send something, wait, or start something."""


@dataclass(frozen=True)
class Change:
    """A call that changes something: operation, signing name (empty: any), S3's bucket and keys where it has them."""

    operation: str
    service: str = ""
    bucket: str = ""
    keys: tuple[str, ...] = ()
    only_keys: bool = False
    """Whether nothing else of S3 changes: an object is put, or tagged."""
    no_keys: bool = False
    """Whether no object of the bucket changes."""


def change_of(service: str, operation: str, params: Mapping[str, Any]) -> Change | None:
    """Return what a call may change; None when it only reads."""
    if operation.startswith(_READING) or operation.startswith(_READING_METHODS):
        return None
    if service == "kms" and operation in _WITH_KEYS:
        return None
    if service != "s3":
        return Change(operation, service)
    deleted = [each.get("Key", "") for each in (params.get("Delete") or {}).get("Objects", ())]
    named = [params["Key"]] if params.get("Key") else deleted
    only_keys = operation in _OF_OBJECTS and bool(named)
    no_keys = operation.startswith(_OF_BUCKETS)
    return Change(operation, service, str(params.get("Bucket", "")), tuple(named), only_keys, no_keys)


def is_repeatable(change: Change) -> bool:
    """Tell whether a call, made again on the same state under the same terms, changes the same."""
    if change.service in _REPEATED:
        return change.operation not in _NOT_REPEATED
    return change.operation in _ALSO_REPEATED.get(change.service, ())
