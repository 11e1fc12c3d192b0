"""Tells targets of events: asks whether they are there and let S3 in, and sends, before the call is answered.

Source: "Granting permissions to publish event notification messages to a destination" of the Amazon S3 User Guide;
LocalStack's recordings of S3 (test_invalid_sqs_arn, test_invalid_topic_arn, test_invalid_lambda_arn).
Not modelled: functions of Lambda, which are refused as ones that S3 may not invoke; permissions of KMS keys; that AWS
sends some time later, and may send twice.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.iam.evaluate import AccessRequest, NamedPolicy, PolicySet, evaluate
from lab_helpers.iam.policy import PolicyError, PolicyKind, parse
from lab_helpers.local_aws.kit.api import AwsError, Caller
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.service import Clients
from lab_helpers.local_aws.s3.notifications import events
from lab_helpers.local_aws.s3.notifications.configuration import Configuration, Rule, completed, read
from lab_helpers.local_aws.s3.view import ObjectView

S3 = "s3.amazonaws.com"
DOCUMENT = "NotificationConfiguration"
"""Where a bucket keeps its configuration."""
_SUBJECT = "Amazon S3 Notification"
_UNABLE = "Unable to validate the following destination configurations"
_NOUNS = {"sqs": "queue", "sns": "topic"}
_ACTIONS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish"}
_LOG = logging.getLogger(__name__)
Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, Any]
"""Status, headers and content."""


class Buckets(Protocol):
    """Where buckets and objects are kept: moto_bridge.MotoBridge."""

    def notification_configuration(self, bucket: str) -> bytes | None:
        """Return a bucket's notification configuration, None without one."""

    def object_view(self, bucket: str, key: str, version: str) -> ObjectView | None: ...

    def access_list(self, bucket: str, key: str, version: str) -> frozenset[tuple[str, str]]:
        """Return what an object's access list grants: grantees with permissions."""

    def bucket_region(self, bucket: str) -> str: ...


@dataclass(frozen=True)
class S3Call:
    """A call of S3's: its WSGI environ and its body."""

    operation: str
    params: Mapping[str, Any]
    environ: Mapping[str, Any]
    body: bytes


@dataclass(frozen=True)
class Watched:
    """A call of which somebody is to be told: what its keys were before it."""

    operation: str
    bucket: str
    configuration: Configuration
    before: Sequence[tuple[str, str, events.Seen]]


class Notifications:
    """The event notifications of all buckets. `principal` names a caller as events do."""

    def __init__(
        self, buckets: Buckets, clients: Clients, clock: Clock, account: str, principal: Callable[[Caller], str]
    ) -> None:
        self._buckets, self._clients, self._clock = buckets, clients, clock
        self._account, self._principal = account, principal
        self._lock, self._last = threading.Lock(), 0

    def around(self, call: S3Call, caller: Caller, answer: Callable[[], Answer]) -> Answer:
        """Let a call of S3's be answered, and tell of what it did; raises AwsError for targets that cannot be told."""
        configured = self._configured(call)
        watched = self._watch(call)
        answered = answer()
        if answered[0] < 300:
            if watched is not None:
                self._tell(watched, caller, call.environ, answered[1])
            if configured is not None:
                self._test(str(call.params["Bucket"]), configured, answered[1])
        return answered

    def _configured(self, call: S3Call) -> Configuration | None:
        """Return what a call configures for targets that are there; None for other calls, and who wants no look."""
        bucket = str(call.params.get("Bucket", ""))
        if call.operation != "PutBucketNotificationConfiguration" or not self._buckets.bucket_region(bucket):
            return None
        configuration = read(completed(call.body))
        if str(call.environ.get("HTTP_X_AMZ_SKIP_DESTINATION_VALIDATION", "")).lower() == "true":
            return None
        self._check(bucket, configuration)
        return configuration

    def _check(self, bucket: str, configuration: Configuration) -> None:
        region = self._buckets.bucket_region(bucket)
        refused = [(rule, why) for rule in configuration.rules if (why := self._refusal(rule, bucket, region))]
        if refused:
            extra: dict[str, str] = {}
            for number, (rule, why) in enumerate(refused, 1):
                extra[f"ArgumentName{number}"] = f"{rule.arn}, null" if rule.service == "lambda" else rule.arn
                extra[f"ArgumentValue{number}"] = why
            raise AwsError("InvalidArgument", _UNABLE, 400, extra)

    def _test(self, bucket: str, configuration: Configuration, headers: Headers) -> None:
        """Send the test event to each target."""
        ids = _ids(headers)
        told = json.dumps(events.test_event(bucket, self._clock.now(), *ids))
        for arn, service in dict.fromkeys((rule.arn, rule.service) for rule in configuration.rules):
            self._send(Rule("", arn, service, ()), bucket, told, "")

    def _watch(self, call: S3Call) -> Watched | None:
        """Return what a call's keys are before it; None where nobody is told of it."""
        operation, bucket = call.operation, str(call.params.get("Bucket", ""))
        if operation not in events.TELLING:
            return None
        document = self._buckets.notification_configuration(bucket)
        if document is None:
            return None
        keys = events.asked_of(operation, call.params, call.body)
        return Watched(
            operation, bucket, read(document), [(*each, self._seen(operation, bucket, *each)) for each in keys]
        )

    def _tell(self, watched: Watched, caller: Caller, environ: Mapping[str, Any], headers: Headers) -> None:
        for key, version, before in watched.before:
            after = self._seen(watched.operation, watched.bucket, key, version)
            event = events.happened(watched.operation, key, version, environ, before, after)
            if event is not None:
                self._tell_one(watched, event, self._origin(watched.bucket, caller, environ, headers), environ)

    def _seen(self, operation: str, bucket: str, key: str, version: str) -> events.Seen:
        there = self._buckets.object_view(bucket, key, version)
        grants = self._buckets.access_list(bucket, key, version) if operation == "PutObjectAcl" else frozenset()
        return events.Seen(there, grants)

    def _origin(self, bucket: str, caller: Caller, environ: Mapping[str, Any], headers: Headers) -> events.Origin:
        address = str(environ.get("REMOTE_ADDR", "127.0.0.1"))
        region, owner = self._buckets.bucket_region(bucket), _customer(self._account)
        return events.Origin(
            bucket, region, self._account, owner, self._principal(caller), address, *_ids(headers),
            self._clock.now(), self._sequencer(),
        )  # fmt: skip

    def _sequencer(self) -> str:
        """Return a number of 18 hexadecimal digits; that of a later event is larger."""
        with self._lock:
            self._last = max(self._last + 1, time.time_ns())
            return f"{self._last:018X}"

    def _tell_one(
        self, watched: Watched, event: events.Happened, origin: events.Origin, environ: Mapping[str, Any]
    ) -> None:
        trace = str(environ.get("HTTP_X_AMZN_TRACE_ID", ""))
        for rule in watched.configuration.rules:
            if rule.fits(f"s3:{event.name}", event.key):
                records = {"Records": [events.record(event, origin, rule.name)]}
                self._send(rule, watched.bucket, json.dumps(records), trace)
        if watched.configuration.tells_bus:
            try:
                client = self._clients.as_service("events", S3, origin.region)
                client.put_events(Entries=[events.bus_entry(event, origin)])
            except (BotoCoreError, ClientError) as error:
                _LOG.error("EventBridge was not told of an event of %s: %s", watched.bucket, error)

    def _send(self, rule: Rule, bucket: str, message: str, trace: str) -> None:
        if rule.service == "lambda":
            return
        region = rule.arn.split(":")[3]
        client = self._clients.as_service(rule.service, S3, region)
        try:
            if why := self._refusal(rule, bucket, region):
                _LOG.error("an event of %s did not reach %s: %s", bucket, rule.arn, why)
            elif rule.service == "sns":
                client.publish(TopicArn=rule.arn, Message=message, Subject=_SUBJECT)
            else:
                traced = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
                url = client.get_queue_url(QueueName=rule.arn.rpartition(":")[2])["QueueUrl"]
                client.send_message(QueueUrl=url, MessageBody=message, MessageSystemAttributes=traced if trace else {})
        except (BotoCoreError, ClientError) as error:
            _LOG.error("an event of %s did not reach %s: %s", bucket, rule.arn, error)

    def _refusal(self, rule: Rule, bucket: str, region: str) -> str:
        """Say why a target cannot be told, empty where it can."""
        if rule.service == "lambda":
            return f"Not authorized to invoke function [{rule.arn}]"
        noun = _NOUNS[rule.service]
        if rule.arn.split(":")[3] != region:
            return "The notification destination service region is not valid for the bucket location constraint"
        policy = self._policy_of(rule, region)
        if policy is None:
            return f"The destination {noun} does not exist"
        if not self._lets_in(policy, rule, bucket):
            return f"Permissions on the destination {noun} do not allow S3 to publish notifications from this bucket"
        return ""

    def _policy_of(self, rule: Rule, region: str) -> str | None:
        """Return a target's policy, empty for none; None without such a target."""
        client = self._clients.as_service(rule.service, S3, region)
        try:
            if rule.service == "sns":
                return str(client.get_topic_attributes(TopicArn=rule.arn)["Attributes"].get("Policy", ""))
            url = client.get_queue_url(QueueName=rule.arn.rpartition(":")[2])["QueueUrl"]
            told = client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
            return str(told.get("Attributes", {}).get("Policy", ""))
        except ClientError:
            return None

    def _lets_in(self, policy: str, rule: Rule, bucket: str) -> bool:
        if not policy:
            return False
        try:
            resource = NamedPolicy("the target's", parse(policy, PolicyKind.RESOURCE))
        except PolicyError:
            return False
        context = {"aws:SourceArn": f"arn:aws:s3:::{bucket}", "aws:SourceAccount": self._account}
        wanted = AccessRequest(S3, self._account, _ACTIONS[rule.service], rule.arn, context)
        return evaluate(wanted, PolicySet(resource=resource)).allowed


def _customer(account: str) -> str:
    """Return the id by which S3's events name an account, always the same."""
    return f"A{int(account):X}".ljust(14, "Q")[:14]


def _ids(headers: Headers) -> tuple[str, str]:
    told = {name.lower(): value for name, value in headers}
    return told.get("x-amz-request-id", ""), told.get("x-amz-id-2", "")
