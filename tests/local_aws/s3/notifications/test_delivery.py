"""Events of S3 arrive at queues, topics and EventBridge in AWS's form (LocalStack's recordings of the three)."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.server import LocalAws
from tests.support.buckets import bucket

BUCKET = "told-of"
ACCOUNT, REGION = "123456789012", "ap-northeast-1"
LOGS = "http://acs.amazonaws.com/groups/s3/LogDelivery"


class World:
    """A bucket with a queue, whose messages are read and removed."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws, self.s3, self._sqs = aws, aws.client("s3"), aws.client("sqs")
        self.url = self._sqs.create_queue(QueueName="told")["QueueUrl"]
        self.arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:told"

    def let_in(self, principal: Any = "*", source: str = f"arn:aws:s3:::{BUCKET}") -> None:
        """Let S3 send to the queue for a bucket."""
        condition = {"ArnEquals": {"aws:SourceArn": source}}
        self._sqs.set_queue_attributes(
            QueueUrl=self.url, Attributes={"Policy": _policy(self.arn, "sqs:SendMessage", principal, condition)}
        )

    def configure(self, *events: str, skip: bool = False, **more: Any) -> None:
        """Let the queue be told of events."""
        rules = [{"Id": "rule", "QueueArn": self.arn, "Events": [*events], **more}]
        self.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": rules}, SkipDestinationValidation=skip
        )

    def messages(self) -> list[Any]:
        """Return the messages that arrived since, parsed."""
        found = []
        while True:
            told = self._sqs.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["AWSTraceHeader"]
            ).get("Messages")
            if not told:
                return found
            for each in told:
                found.append({**json.loads(each["Body"]), "attributes": each.get("Attributes")})
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])

    def events(self) -> list[Any]:
        """Return the records that arrived since."""
        return [record for each in self.messages() for record in each["Records"]]

    def end(self) -> None:
        """Remove the queue."""
        self._sqs.delete_queue(QueueUrl=self.url)


@pytest.fixture
def world(aws: LocalAws) -> Iterator[World]:
    """A bucket that may tell a queue."""
    made = World(aws)
    made.let_in()
    with bucket(made.s3, BUCKET, ObjectOwnership="ObjectWriter"):
        yield made
    made.end()


def _policy(arn: str, action: str, principal: Any, condition: dict[str, Any]) -> str:
    allow = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": arn, "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow]})


def test_a_target_is_sent_a_test_event(world: World) -> None:
    """And may be told of nothing else until something happens; the configuration is read as it was put."""
    world.configure("s3:ObjectCreated:*")
    (told,) = world.messages()
    assert {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}.items() <= told.items()
    assert set(told) == {"Service", "Event", "Time", "Bucket", "RequestId", "HostId", "attributes"}
    got = world.s3.get_bucket_notification_configuration(Bucket=BUCKET)
    assert got["QueueConfigurations"] == [{"Id": "rule", "QueueArn": world.arn, "Events": ["s3:ObjectCreated:*"]}]
    world.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    assert "QueueConfigurations" not in world.s3.get_bucket_notification_configuration(Bucket=BUCKET)
    world.s3.put_object(Bucket=BUCKET, Key="a")
    assert world.messages() == []


def test_what_an_event_tells(world: World) -> None:
    """test_object_created_put, test_key_encoding, test_xray_header: every member, and the trace beside the message."""
    world.configure("s3:ObjectCreated:Put")
    world.messages()
    trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
    link = world.s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "d/a@b c"})
    asked = urllib.request.Request(link, b"something", {"X-Amzn-Trace-Id": trace, "Content-Type": ""}, method="PUT")
    with urllib.request.urlopen(asked) as answer:
        ids = {name: answer.headers[name] for name in ("x-amz-request-id", "x-amz-id-2")}
    (message,) = world.messages()
    assert message["attributes"] == {"AWSTraceHeader": trace}
    (told,) = message["Records"]
    sequencer, owner = told["s3"]["object"].pop("sequencer"), told["s3"]["bucket"].pop("ownerIdentity")["principalId"]
    assert (len(sequencer), int(sequencer, 16) > 0, len(owner)) == (18, True, 14)
    assert told["userIdentity"].pop("principalId").startswith("AWS:AIDA")
    assert told.pop("eventTime")[-5] == "."
    assert told == {
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": REGION, "eventName": "ObjectCreated:Put",
        "userIdentity": {}, "requestParameters": {"sourceIPAddress": "127.0.0.1"}, "responseElements": ids,
        "s3": {
            "s3SchemaVersion": "1.0", "configurationId": "rule",
            "bucket": {"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}"},
            "object": {"key": "d/a%40b+c", "size": 9, "eTag": "437b930db84b8079c2dd804a71936b5f"},
        },
    }  # fmt: skip


def test_what_is_told_of(world: World) -> None:
    """Copies, parts, tags, lists that are another one, deletions one by one and many; nothing of what is refused."""
    s3 = world.s3
    world.configure("s3:ObjectCreated:*", "s3:ObjectTagging:*", "s3:ObjectAcl:Put", "s3:ObjectRemoved:*")
    world.messages()
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"a")
    s3.copy_object(Bucket=BUCKET, Key="b", CopySource=f"{BUCKET}/a")
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="c")["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key="c", UploadId=upload, PartNumber=1, Body=b"c")["ETag"]
    s3.complete_multipart_upload(
        Bucket=BUCKET, Key="c", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}
    )
    s3.put_object_tagging(Bucket=BUCKET, Key="a", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    s3.delete_object_tagging(Bucket=BUCKET, Key="a")
    for granted in ({"ACL": "private"}, {"GrantRead": f'uri="{LOGS}"'}):
        s3.put_object_acl(Bucket=BUCKET, Key="a", **granted)
    with pytest.raises(ClientError):
        s3.put_object(Bucket=BUCKET, Key="a", Body=b"new", IfNoneMatch="*")
    s3.delete_object(Bucket=BUCKET, Key="a")
    s3.delete_object(Bucket=BUCKET, Key="never")
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in ("b", "c", "no")], "Quiet": True})
    told = [(each["eventName"], each["s3"]["object"]["key"], each["eventVersion"]) for each in world.events()]
    assert told == [
        ("ObjectCreated:Put", "a", "2.1"), ("ObjectCreated:Copy", "b", "2.1"),
        ("ObjectCreated:CompleteMultipartUpload", "c", "2.1"), ("ObjectTagging:Put", "a", "2.3"),
        ("ObjectTagging:Delete", "a", "2.3"), ("ObjectAcl:Put", "a", "2.3"), ("ObjectRemoved:Delete", "a", "2.1"),
        ("ObjectRemoved:Delete", "never", "2.1"), ("ObjectRemoved:Delete", "b", "2.1"),
        ("ObjectRemoved:Delete", "c", "2.1"), ("ObjectRemoved:Delete", "no", "2.1"),
    ]  # fmt: skip


def test_versions_are_told(world: World) -> None:
    """test_object_created_put_versioned: a marker has the entity tag of nothing, a deleted version none."""
    s3 = world.s3
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    world.configure("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    world.messages()
    first = s3.put_object(Bucket=BUCKET, Key="a", Body=b"data")["VersionId"]
    marker = s3.delete_object(Bucket=BUCKET, Key="a")["VersionId"]
    s3.delete_object(Bucket=BUCKET, Key="a", VersionId=first)
    told = [(each["eventName"], each["s3"]["object"]) for each in world.events()]
    for _, each in told:
        del each["sequencer"]
    assert told == [
        ("ObjectCreated:Put",
         {"key": "a", "size": 4, "eTag": "8d777f385d3dfec8815d20f7496026dc", "versionId": first}),
        ("ObjectRemoved:DeleteMarkerCreated",
         {"key": "a", "eTag": "d41d8cd98f00b204e9800998ecf8427e", "versionId": marker}),
        ("ObjectRemoved:Delete", {"key": "a", "versionId": first}),
    ]  # fmt: skip


def test_targets_that_cannot_be_told(world: World) -> None:
    """Those that are not there, and those that do not let S3 in for this bucket; who wants no look is believed."""
    refusals = {
        "arn:aws:sqs:ap-northeast-1:123456789012:none": "The destination queue does not exist",
        world.arn: "Permissions on the destination queue do not allow S3 to publish notifications from this bucket",
    }
    world.let_in({"Service": "s3.amazonaws.com"}, "arn:aws:s3:::another")
    rules = [{"QueueArn": arn, "Events": [f"s3:Object{word}:*"]}
             for arn, word in zip(refusals, ("Created", "Removed"), strict=True)]  # fmt: skip
    asked = {"Bucket": BUCKET, "NotificationConfiguration": {"QueueConfigurations": rules}}
    with pytest.raises(ClientError) as caught:
        world.s3.put_bucket_notification_configuration(**asked)
    told = caught.value.response["Error"]
    assert told["Message"] == "Unable to validate the following destination configurations"
    assert {told[f"ArgumentName{n}"]: told[f"ArgumentValue{n}"] for n in (1, 2)} == refusals
    assert "QueueConfigurations" not in world.s3.get_bucket_notification_configuration(Bucket=BUCKET)
    world.s3.put_bucket_notification_configuration(**asked, SkipDestinationValidation=True)
    world.s3.put_object(Bucket=BUCKET, Key="a")
    world.s3.delete_object(Bucket=BUCKET, Key="a")
    assert world.messages() == []
    world.let_in({"Service": "s3.amazonaws.com"})
    world.s3.put_object(Bucket=BUCKET, Key="a")
    world.s3.delete_object(Bucket=BUCKET, Key="a")
    assert [each["eventName"] for each in world.events()] == ["ObjectRemoved:Delete"]


def test_topics_and_functions(world: World) -> None:
    """A topic passes the records on with S3's subject; a function is none that S3 may invoke."""
    sns = world.aws.client("sns")
    topic = sns.create_topic(Name="told")["TopicArn"]
    allowed = _policy(topic, "sns:Publish", {"Service": "s3.amazonaws.com"}, {})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=allowed)
    world.let_in(source=topic)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=world.arn)
    rules = [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]
    world.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"TopicConfigurations": rules}
    )
    world.s3.put_object(Bucket=BUCKET, Key="a", Body=b"a")
    test, told = world.messages()
    assert json.loads(test["Message"])["Event"] == "s3:TestEvent"
    assert told["Subject"] == "Amazon S3 Notification"
    assert json.loads(told["Message"])["Records"][0]["s3"]["object"]["key"] == "a"
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:none"
    rules = [{"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}]
    with pytest.raises(ClientError) as caught:
        world.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"LambdaFunctionConfigurations": rules}
        )
    told = caught.value.response["Error"]
    assert told["ArgumentName1"] == f"{function}, null"
    assert told["ArgumentValue1"] == f"Not authorized to invoke function [{function}]"
    sns.delete_topic(TopicArn=topic)


def test_eventbridge_is_told_of_everything(world: World) -> None:
    """test_object_created_put of the recordings of EventBridge: by a rule, in its own form."""
    events = world.aws.client("events")
    events.put_rule(Name="told", EventPattern=json.dumps({"source": ["aws.s3"], "detail-type": ["Object Created",
                    "Object Deleted", "Object Tags Added"]}))  # fmt: skip
    events.put_targets(Rule="told", Targets=[{"Id": "1", "Arn": world.arn}])
    world.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    assert "EventBridgeConfiguration" in world.s3.get_bucket_notification_configuration(Bucket=BUCKET)
    world.s3.put_object(Bucket=BUCKET, Key="a b", Body=b"data")
    world.s3.put_object_tagging(Bucket=BUCKET, Key="a b", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    world.s3.delete_object(Bucket=BUCKET, Key="a b")
    told = world.messages()
    assert [each["detail-type"] for each in told] == ["Object Created", "Object Tags Added", "Object Deleted"]
    created, _, deleted = told
    assert (created["source"], created["region"], created["account"]) == ("aws.s3", REGION, ACCOUNT)
    assert created["resources"] == [f"arn:aws:s3:::{BUCKET}"]
    detail = created["detail"]
    assert len(detail.pop("request-id")) == 16
    assert len(detail["object"].pop("sequencer")) == 18
    thing = {"key": "a b", "size": 4, "etag": "8d777f385d3dfec8815d20f7496026dc"}
    assert detail == {
        "version": "0", "bucket": {"name": BUCKET}, "object": thing, "requester": ACCOUNT,
        "source-ip-address": "127.0.0.1", "reason": "PutObject",
    }  # fmt: skip
    assert (deleted["detail"]["deletion-type"], deleted["detail"]["reason"]) == ("Permanently Deleted", "DeleteObject")
    assert set(told[1]["detail"]["object"]) == {"key", "etag"}
    events.remove_targets(Rule="told", Ids=["1"])
    events.delete_rule(Name="told")
