"""Who is told of a bucket's events, and what they were told, outlive a server that is killed."""

from __future__ import annotations

import json
from pathlib import Path

from tests.local_aws.state.kit import killed_at_the_end
from tests.support.buckets import HERE

BUCKET = "kept-told"


def test_a_killed_server_goes_on_telling(tmp_path: Path) -> None:
    """What was answered before the kill was told; the next server tells of what is done then."""
    with killed_at_the_end(tmp_path) as server:
        s3, sqs = server.client("s3"), server.client("sqs")
        url = sqs.create_queue(QueueName="told")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allow = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage"}
        policy = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": arn}]}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=HERE)
        rules = [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": rules}
        )
        s3.put_object(Bucket=BUCKET, Key="before")
    with killed_at_the_end(tmp_path) as server:
        server.client("s3").put_object(Bucket=BUCKET, Key="after")
        sqs = server.client("sqs")
        told = [json.loads(each["Body"]) for each in sqs.receive_message(
            QueueUrl=sqs.get_queue_url(QueueName="told")["QueueUrl"], MaxNumberOfMessages=10)["Messages"]]  # fmt: skip
    keys = [record["s3"]["object"]["key"] for each in told for record in each.get("Records", ())]
    assert keys == ["before", "after"]
