"""The steps of notebook 08: an alarm on late deliveries, the delivery broken, and healed with the least policy."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from lab_helpers import faults
from lab_helpers.base.clients import aws_errors
from lab_helpers.exercises import policies
from lab_helpers.exercises.policies import Access
from lab_helpers.exercises.steps import looks
from lab_helpers.exercises.steps.step import Act, Kind, Step, Verdict, Wrong, not_yet, passed
from lab_helpers.lab import Lab
from lab_helpers.terraform import blocks

ALARM_TF, ROLE_TF = "terraform/aws_alarm.tf", "terraform/aws_iam_kinesis.tf"
DOCUMENT = "data.aws_iam_policy_document.firehose_access"
MINUTE_S = 60
MOST_BUFFERS = 5
"""An alarm that waits for longer than so many buffers is too late for this notebook."""
BUCKET, LOG_STREAMS = "arn:aws:s3:::the-bucket", "arn:aws:logs:us-east-1:123456789012:log-group:g:log-stream:*"
_NAMES = {
    "local.firehose_bucket_arn": BUCKET,
    "aws_s3_bucket.firelens.arn": BUCKET,
    "aws_cloudwatch_log_group.firelens.arn": LOG_STREAMS.removesuffix(":log-stream:*"),
}
_ITEM = re.compile(r'"(?P<text>[^"]*)"|(?P<name>[a-z_][\w.]*)')
_UNREAD = re.compile(r"\b(condition|not_actions|not_resources|dynamic|principals)\b|\bDeny\b")


def tells_late_deliveries(lab: Lab, _: Any) -> Verdict:
    """08_1: CloudWatch has an alarm that tells a late delivery of this stream, and is silent otherwise."""
    found = faults.freshness_alarms(lab)
    if not found:
        stream = lab.outputs.delivery_stream_name
        return not_yet("CloudWatch has no alarm on {metric} of {stream}.", metric=faults.FRESHNESS, stream=stream)
    return alarm_is_right(found[-1], looks.buffer_interval_s(lab), lab.settings.buffer_s)


def alarm_is_right(alarm: Mapping[str, Any], buffer_s: float, most_s: float = 0.0) -> Verdict:
    """Judge an alarm as DescribeAlarms answers it; the oldest record waits up to `buffer_s` when all is well.

    `most_s` is the lab's own interval, which a threshold may be written for where the stream's is shorter.
    """
    limit, statistic = float(alarm["Threshold"]), alarm.get("Statistic") or alarm.get("ExtendedStatistic", "")
    looks_s = int(alarm.get("Period", 0)) * int(alarm.get("EvaluationPeriods", 1))
    if not str(alarm["ComparisonOperator"]).startswith("GreaterThan"):
        return not_yet("This alarm goes off when records are young. Which way is bad for an age?")
    if statistic != "Maximum":
        return not_yet(
            "{statistic} of the ages hides the oldest record. Which statistic shows it?", statistic=statistic
        )
    if limit <= buffer_s:
        text = "A record waits up to {buffer} s when all is well: with {limit:.0f} s the alarm would go off every time."
        return not_yet(text, buffer=buffer_s, limit=limit)
    if limit > MOST_BUFFERS * max(buffer_s, most_s):
        return not_yet("Nobody would hear of it for {limit:.0f} s: choose less.", limit=limit)
    if looks_s > MOST_BUFFERS * max(buffer_s, most_s, MINUTE_S):
        text = "The alarm looks at {seconds} s before it tells: choose a shorter period, or fewer of them."
        return not_yet(text, seconds=looks_s)
    return passed("The alarm is in CloudWatch: it goes off after {limit:.0f} s.", limit=limit)


def may_not_write(lab: Lab, _: Any) -> Verdict:
    """08_2: the policy of the Firehose role does not allow PutObject."""
    if policies.first(role_policy(lab), [needed(_bucket(lab))[0]], allowed=False) is None:
        return not_yet("IAM still allows s3:PutObject on the bucket. Change both resources.")
    return passed("IAM does not allow s3:PutObject on the bucket any more.")


def names_the_policy(_: Lab, answer: str) -> Verdict:
    """08_3: which of the two policies of the message is at fault."""
    words = answer.lower()
    is_trust, is_access = ("trust" in words or "信頼" in words), ("access" in words or "アクセス" in words)
    if is_trust and not is_access:
        return not_yet("The trust policy was not changed: Firehose could still assume the role.")
    if is_trust or not is_access:
        return not_yet("The message names two policies: trust policy and access policy.")
    return passed("Firehose may assume the role, and the role may not write to the bucket.")


def is_least(text: str) -> Verdict:
    """08_4, before it is applied: the statements of the file allow a delivery and no more, where they can be read."""
    document = document_of(text)
    return _verdict(document, BUCKET, LOG_STREAMS) if document else passed("The policy is judged when it is applied.")


def delivers_again(lab: Lab, _: Any) -> Verdict:
    """08_4: the policy that IAM has allows a delivery and no more."""
    account = lab.outputs.firehose_role_arn.split(":")[4]
    group = f"arn:aws:logs:{lab.settings.region}:{account}:log-group:{lab.outputs.log_group}"
    found = _verdict(role_policy(lab), _bucket(lab), f"{group}:log-stream:*")
    if found.is_passed:
        lab.notes.take(faults.HEALED)
    return found


def needed(bucket: str) -> list[Access]:
    """Return what Firehose needs of a bucket (an ARN)."""
    return [
        ("s3:PutObject", f"{bucket}/2026/02/03/04/x.gz"), ("s3:AbortMultipartUpload", f"{bucket}/x"),
        ("s3:GetBucketLocation", bucket), ("s3:ListBucket", bucket), ("s3:ListBucketMultipartUploads", bucket),
    ]  # fmt: skip


def too_much(bucket: str) -> list[Access]:
    """Return what a delivery does not need."""
    return [
        ("s3:PutObject", f"{bucket}-of-others/x"), ("s3:DeleteObject", f"{bucket}/x"), ("s3:DeleteBucket", bucket),
        ("s3:PutBucketPolicy", bucket), ("iam:PassRole", "arn:aws:iam::123456789012:role/admin"),
    ]  # fmt: skip


def role_policy(lab: Lab) -> str:
    """Return the inline policies of the Firehose role as one document."""
    iam, role = lab.client("iam"), lab.outputs.firehose_role_arn.rpartition("/")[2]
    with aws_errors("GetRolePolicy"):
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        found = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    statements = [each for document in found for each in _listed(document["Statement"])]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def document_of(text: str) -> str:
    """Return the policy document that the file's statements make; empty where only Terraform can tell."""
    body = re.sub(r"(?m)^\s*#.*$", "", blocks.block(text, DOCUMENT))
    statements = [
        {"Effect": "Allow", "Action": _items(each, "actions"), "Resource": _items(each, "resources")}
        for each in re.split(r"(?m)^\s*statement\s*\{", body)[1:]
    ]
    unknown = any("?" in item for each in statements for key in ("Action", "Resource") for item in each[key])
    if _UNREAD.search(body) or unknown:
        return ""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _items(statement: str, argument: str) -> list[str]:
    """Return a list of strings of a statement; a name that is not known here becomes `?`."""
    found = re.search(rf"\b{argument}\s*=\s*\[(.*?)\]", statement, re.DOTALL)
    if found is None:
        return ["?"]
    items = _ITEM.finditer(found[1])
    return [_resolved(each["text"]) if each["name"] is None else _NAMES.get(each["name"], "?") for each in items]


def _resolved(text: str) -> str:
    return re.sub(r"\$\{\s*([\w.]+)\s*\}", lambda found: _NAMES.get(found[1], "?"), text)


def _verdict(document: str, bucket: str, log_streams: str) -> Verdict:
    wanted = [*needed(bucket), ("logs:PutLogEvents", log_streams.replace("*", "kinesis_error"))]
    lacks = policies.least(document, wanted, too_much(bucket))
    return Verdict(False, lacks) if lacks else passed("Firehose may deliver to this bucket, and nothing more.")


def _bucket(lab: Lab) -> str:
    return f"arn:aws:s3:::{lab.outputs.log_bucket}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


STEPS: tuple[Step, ...] = (
    Step(
        id="08_1",
        title="Write an alarm that tells when Firehose delivers late, and apply.",
        minutes=8,
        files=(ALARM_TF,),
        act=Act.APPLY,
        check=tells_late_deliveries,
        wrong=(
            Wrong(lambda text: text.replace("comparison_operator", "comparison"), "Unsupported argument"),
            Wrong(lambda text: text.replace('"Maximum"', '"Max"'), "expected statistic to be one of"),
        ),
        hints=(
            "Namespace and metric are the ones of the cell above: AWS/Firehose and DeliveryToS3.DataFreshness.",
            "An age is bad when it is large, and the oldest record counts: GreaterThanThreshold, Maximum.",
            "When all is well the age goes up to the buffer interval that the stream has now. Add a margin.",
        ),
    ),
    Step(
        id="08_2",
        title="Point the S3 permission of the Firehose role at a bucket that does not exist, and apply.",
        minutes=4,
        kind=Kind.POLICY,
        files=(ROLE_TF,),
        act=Act.APPLY,
        check=may_not_write,
        wrong=(
            Wrong(lambda text: text.replace("actions = [", "action = [", 1), "Unsupported argument"),
            Wrong(lambda text: text.replace('firehose_bucket_arn}:errortest"', 'bucket_arn}:errortest"'), "bucket_arn"),
        ),
        hints=(
            "As in the article, :errortest goes behind the bucket's ARN, in both resources.",
            'Text behind a name needs quotation marks and ${…}: "${local.firehose_bucket_arn}:errortest".',
        ),
    ),
    Step(
        "08_3",
        "Say which of the two policies of the error message is at fault.",
        2,
        names_the_policy,
        kind=Kind.ANSWER,
        wrong=(Wrong("trust policy", "was not changed"), Wrong("bucket policy", "names two policies")),
        hints=("Which of the two did you change?",),
    ),
    Step(
        id="08_4",
        title="Give the Firehose role the least policy with which it can deliver, and apply.",
        minutes=8,
        kind=Kind.POLICY,
        files=(ROLE_TF,),
        act=Act.APPLY,
        trial=is_least,
        check=delivers_again,
        wrong=(
            Wrong(
                lambda text: text.replace('"s3:AbortMultipartUpload", "s3:GetBucketLocation"', '"s3:*"'),
                "s3:DeleteObject",
            ),
            Wrong(lambda text: text.replace("[aws_s3_bucket.firelens.arn, ", "["), "s3:GetBucketLocation on"),
            Wrong(lambda text: text.replace(', "s3:PutObject"', ""), "s3:PutObject on"),
        ),
        hints=(
            "Firehose writes objects and can give up a half-written one; it asks for the bucket's place and lists it.",
            "Two resources: the bucket itself (for ListBucket and its kind) and its objects, with /* at the end.",
            "Six actions, none with a `*`: AbortMultipartUpload, GetBucketLocation, GetObject, ListBucket, "
            "ListBucketMultipartUploads, PutObject.",
        ),
    ),
)
