"""Calls of services beside the article's are noted and repeated, too: names, times and what lies in log streams."""

from __future__ import annotations

import json
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.local_aws.server import LocalAws
from lab_helpers.local_aws.state.changes import Change, is_repeatable
from tests.local_aws.state.kit import killed_at_the_end, noted, until_killed, without_freezing

KILLS = 4
NAMES = (
    "events", "glue", "kinesis", "logs", "secretsmanager", "sns", "sqs", "ssm", "application-autoscaling",
    "cloudwatch", "ecr", "athena", "kms", "dynamodb",
)  # fmt: skip
DIMENSION = "dynamodb:table:ReadCapacityUnits"
TRACKING = {
    "TargetValue": 10.0,
    "CustomizedMetricSpecification": {"MetricName": "Backlog", "Namespace": "Shop", "Statistic": "Average"},
}
Clients = Callable[[str], Any]


class Maker:
    """Makes things of all these services one by one; `answered` holds what AWS called them."""

    def __init__(self, client: Clients, seed: int) -> None:
        self._clients = {name: client(name) for name in NAMES}
        self.answered: set[str] = set()
        self._random, self._mark = random.Random(seed), f"m{seed}"
        self._clients["glue"].create_database(DatabaseInput={"Name": self._mark})
        self._clients["logs"].create_log_group(logGroupName=self._mark)
        self._clients["kinesis"].create_stream(StreamName=self._mark, ShardCount=1)
        self._key = self._clients["kms"].create_key()["KeyMetadata"]["KeyId"]
        self._clients["dynamodb"].create_table(
            TableName=self._mark, KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST",
        )  # fmt: skip

    def make(self, number: int) -> None:
        """Make one thing; what is answered is noted when it is."""
        made = (
            self._rule, self._table, self._stream, self._lines, self._secret, self._topic, self._queue, self._value,
            self._target, self._dashboard, self._records, self._repository, self._query, self._job, self._alias,
            self._item,
        )  # fmt: skip
        self.answered.add(self._random.choice(made)(f"{self._mark}-{number}"))

    def _rule(self, name: str) -> str:
        self._clients["events"].put_rule(Name=name, ScheduleExpression="rate(5 minutes)")
        return f"rule {name}"

    def _table(self, name: str) -> str:
        self._clients["glue"].create_table(DatabaseName=self._mark, TableInput={"Name": name})
        return f"table {name}"

    def _stream(self, name: str) -> str:
        self._clients["kinesis"].create_stream(StreamName=name, ShardCount=1)
        return f"stream {name}"

    def _lines(self, name: str) -> str:
        logs, at = self._clients["logs"], int(time.time() * 1000)
        logs.create_log_stream(logGroupName=self._mark, logStreamName=name)
        lines = [{"timestamp": at, "message": f"line of {name}"}]
        logs.put_log_events(logGroupName=self._mark, logStreamName=name, logEvents=lines)
        logs.put_retention_policy(logGroupName=self._mark, retentionInDays=self._random.choice((1, 3, 5, 7)))
        return f"line of {name}"

    def _secret(self, name: str) -> str:
        made = self._clients["secretsmanager"].create_secret(Name=name, SecretString=f"secret of {name}")
        self._clients["secretsmanager"].put_secret_value(SecretId=name, SecretString=f"new secret of {name}")
        return str(made["ARN"])

    def _topic(self, name: str) -> str:
        return str(self._clients["sns"].create_topic(Name=name)["TopicArn"])

    def _queue(self, name: str) -> str:
        return str(self._clients["sqs"].create_queue(QueueName=name)["QueueUrl"])

    def _value(self, name: str) -> str:
        self._clients["ssm"].put_parameter(Name=f"/{name}", Value="1", Type="String")
        self._clients["ssm"].put_parameter(Name=f"/{name}", Value=name, Type="String", Overwrite=True)
        return f"parameter /{name} {name}"

    def _target(self, name: str) -> str:
        scaling = self._clients["application-autoscaling"]
        of_table = {"ServiceNamespace": "dynamodb", "ResourceId": f"table/{name}", "ScalableDimension": DIMENSION}
        scaling.register_scalable_target(**of_table, MinCapacity=1, MaxCapacity=self._random.randint(2, 9))
        for policy in ("of both", "of one that goes"):
            scaling.put_scaling_policy(
                **of_table, PolicyName=policy, PolicyType="TargetTrackingScaling",
                TargetTrackingScalingPolicyConfiguration=TRACKING,
            )  # fmt: skip
        scaling.delete_scaling_policy(**of_table, PolicyName="of one that goes")
        scaling.put_scheduled_action(**of_table, ScheduledActionName="a", Schedule="rate(1 day)")
        return f"policy {name}"

    def _dashboard(self, name: str) -> str:
        cloudwatch = self._clients["cloudwatch"]
        for body in ('{"widgets": []}', json.dumps({"start": name, "widgets": []})):
            cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body)
        cloudwatch.put_dashboard(DashboardName=f"{name}-goes", DashboardBody=body)
        cloudwatch.delete_dashboards(DashboardNames=[f"{name}-goes"])
        return f"dashboard {body}"

    def _records(self, name: str) -> str:
        kinesis = self._clients["kinesis"]
        kinesis.put_record(StreamName=self._mark, Data=f"one of {name}".encode(), PartitionKey=name)
        more = [{"Data": f"{number} of {name}".encode(), "PartitionKey": name} for number in range(2)]
        kinesis.put_records(StreamName=self._mark, Records=more)
        return f"one of {name}"

    def _repository(self, name: str) -> str:
        rule = {
            "rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5},
            "action": {"type": "expire"},
        }  # fmt: skip
        made = self._clients["ecr"].create_repository(repositoryName=name)["repository"]
        self._clients["ecr"].put_lifecycle_policy(
            repositoryName=name, lifecyclePolicyText=json.dumps({"rules": [rule]})
        )
        return str(made["repositoryUri"])

    def _query(self, name: str) -> str:
        athena = self._clients["athena"]
        athena.create_work_group(Name=name, Tags=[{"Key": "k", "Value": "v"}])
        return str(athena.create_named_query(Name=name, Database="d", QueryString="select 1")["NamedQueryId"])

    def _job(self, name: str) -> str:
        glue, role = self._clients["glue"], "arn:aws:iam::123456789012:role/r"
        glue.create_job(Name=name, Role=role, Command={"Name": "glueetl"})
        glue.create_crawler(Name=name, Role=role, DatabaseName=self._mark, Targets={"S3Targets": [{"Path": "s3://b/"}]})
        return f"crawler {name}"

    def _alias(self, name: str) -> str:
        kms, sealed = self._clients["kms"], name.encode()
        kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=self._key)
        kms.enable_key_rotation(KeyId=self._key)
        text = kms.encrypt(KeyId=f"alias/{name}", Plaintext=sealed)["CiphertextBlob"]
        assert kms.decrypt(CiphertextBlob=text)["Plaintext"] == sealed
        return f"alias/{name}"

    def _item(self, name: str) -> str:
        table = {"TableName": self._mark}
        self._clients["dynamodb"].put_item(**table, Item={"k": {"S": name}, "n": {"N": "1"}})
        self._clients["dynamodb"].update_item(
            **table,
            Key={"k": {"S": name}},
            UpdateExpression="ADD n :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
        return f"item {name} 2"


def beside(client: Clients) -> tuple[set[str], list[Any]]:
    """Return the same of dashboards, records, repositories, queries, jobs, keys and items."""
    cloudwatch, kinesis, ecr, athena, glue, kms, dynamodb = (
        client(name) for name in ("cloudwatch", "kinesis", "ecr", "athena", "glue", "kms", "dynamodb")
    )
    dashboards = cloudwatch.list_dashboards()["DashboardEntries"]
    bodies = [cloudwatch.get_dashboard(DashboardName=each["DashboardName"])["DashboardBody"] for each in dashboards]
    records: list[Any] = []
    for stream in kinesis.list_streams(Limit=10_000)["StreamNames"]:
        (shard,) = kinesis.list_shards(StreamName=stream)["Shards"]
        place = {"StreamName": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(**place)["ShardIterator"]
        records += kinesis.get_records(ShardIterator=iterator, Limit=10_000)["Records"]
    repositories = ecr.describe_repositories(maxResults=1000)["repositories"]
    policies = [_lifecycle(ecr, each["repositoryName"]) for each in repositories]
    groups = [
        {**each, "CreationTime": ""} for each in athena.list_work_groups()["WorkGroups"]
    ]  # moto tells the present
    queries = [each for group in groups for each in athena.list_named_queries(WorkGroup=group["Name"])["NamedQueryIds"]]
    jobs = [glue.get_job(JobName=name)["Job"] for name in glue.list_jobs(MaxResults=1000)["JobNames"]]
    crawlers = glue.get_crawlers()["Crawlers"]
    aliases = kms.list_aliases(Limit=1000)["Aliases"]
    tables = dynamodb.list_tables()["TableNames"]
    items = [each for table in tables for each in dynamodb.scan(TableName=table)["Items"]]
    names = (
        {f"dashboard {body}" for body in bodies}
        | {each["Data"].decode() for each in records}
        | {each["repositoryUri"] for each in repositories}
        | set(queries)
        | {f"crawler {each['Name']}" for each in crawlers}
        | {each["AliasName"] for each in aliases}
        | {f"item {each['k']['S']} {each['n']['N']}" for each in items}
    )
    return names, [dashboards, bodies, records, repositories, policies, groups, queries, jobs, crawlers, aliases, items]


def _lifecycle(ecr: Any, name: str) -> str:
    """Return a repository's lifecycle policy, empty of one that was to get it when the server was killed."""
    try:
        return str(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
    except ecr.exceptions.LifecyclePolicyNotFoundException:
        return ""


def found(client: Clients) -> tuple[set[str], str]:
    """Return what there is, in a Maker's words, and all that is told of it but how often a stream was written to.

    That number means nothing to AWS any more, and may be some puts behind after kill -9.
    """
    rules, glue, kinesis, logs, secrets, sns, sqs, ssm, scaling = (client(name) for name in NAMES[:9])
    beside_names, beside_told = beside(client)

    def listed(source: Any, operation: str, key: str, **given: Any) -> list[Any]:
        return list(source.get_paginator(operation).paginate(**given).build_full_result().get(key, ()))

    groups = listed(logs, "describe_log_groups", "logGroups")
    lines = [
        (
            {**stream, "uploadSequenceToken": ""},
            logs.get_log_events(logGroupName=each["logGroupName"], logStreamName=stream["logStreamName"])["events"],
        )
        for each in groups
        for stream in listed(logs, "describe_log_streams", "logStreams", logGroupName=each["logGroupName"])
    ]
    named = listed(secrets, "list_secrets", "SecretList")
    values = [secrets.get_secret_value(SecretId=each["ARN"])["SecretString"] for each in named]
    databases = listed(glue, "get_databases", "DatabaseList")
    tables = [each for made in databases for each in listed(glue, "get_tables", "TableList", DatabaseName=made["Name"])]
    streams = [
        kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        for name in kinesis.list_streams(Limit=10_000)["StreamNames"]  # moto gives no NextToken: a paginator sees ten
    ]
    topics = [each["TopicArn"] for each in listed(sns, "list_topics", "Topics")]
    queues = listed(sqs, "list_queues", "QueueUrls")
    of_queues = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] for url in queues]
    parameters = listed(ssm, "describe_parameters", "Parameters")
    texts = {name: ssm.get_parameter(Name=name)["Parameter"]["Value"] for name in (e["Name"] for e in parameters)}
    scaled = [
        listed(scaling, f"describe_{what}", key, ServiceNamespace="dynamodb")
        for what, key in (
            ("scaling_policies", "ScalingPolicies"), ("scalable_targets", "ScalableTargets"),
            ("scheduled_actions", "ScheduledActions"),
        )
    ]  # fmt: skip
    kept_rules = listed(rules, "list_rules", "Rules")
    names = (
        {f"rule {each['Name']}" for each in kept_rules}
        | {f"table {each['Name']}" for each in tables}
        | {f"stream {each['StreamName']}" for each in streams}
        | {each["message"] for _, events in lines for each in events}
        | {each["ARN"] for each in named}
        | {*topics, *queues}
        | {f"parameter {name} {value}" for name, value in texts.items()}
        | {f"policy {each['ResourceId'].removeprefix('table/')}" for each in scaled[0]}
        | beside_names
    )
    told = (
        kept_rules, databases, tables, streams, groups, lines, named, values, of_queues, parameters, scaled,
        sorted(names), beside_told,
    )  # fmt: skip
    return names, json.dumps(told, default=str, sort_keys=True, indent=1)


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[LocalAws]:
    """A local AWS that keeps its state, and writes no backend of itself while a test looks at it."""
    with without_freezing(tmp_path / "lived") as running:
        yield running


@pytest.mark.timeout(180)
def test_the_repeated_state_is_the_one_that_was(aws: LocalAws, tmp_path: Path) -> None:
    """All that is told of all things, times, sums and log lines included, by a server on a copy of the file."""
    maker = Maker(aws.client, 1)
    for number in range(60):
        maker.make(number)
    before = found(aws.client)
    assert maker.answered <= before[0]
    shutil.copytree(tmp_path / "lived", tmp_path / "copy")
    assert noted(tmp_path / "copy") > 40
    aws.stop()
    with LocalAws(tmp_path / "copy", keeps_state=True) as again:
        assert found(again.client) == before
        assert again.status()["state"]["not_kept"] == {}
        assert noted(tmp_path / "copy") == 0


@pytest.mark.timeout(120)
def test_a_target_of_the_local_ecs_is_made_again_before_there_is_a_service(aws: LocalAws, tmp_path: Path) -> None:
    """moto would look for the service in its own ECS, which has none, and refuse what it took before."""
    ec2, ecs, scaling = (aws.client(name) for name in ("ec2", "ecs", "application-autoscaling"))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    ecs.create_cluster(clusterName="scaled")
    container = {"name": "web", "image": "public.ecr.aws/docker/library/httpd:2.4"}
    ecs.register_task_definition(
        family="web", networkMode="awsvpc", cpu="256", memory="512", requiresCompatibilities=["FARGATE"],
        containerDefinitions=[container],
    )  # fmt: skip
    for name in ("makes-the-backend", "web"):
        ecs.create_service(
            cluster="scaled", serviceName=name, taskDefinition="web", desiredCount=0, launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet]}},
        )  # fmt: skip
        scaling.register_scalable_target(
            ServiceNamespace="ecs", ResourceId=f"service/scaled/{name}", ScalableDimension="ecs:service:DesiredCount",
            MinCapacity=1, MaxCapacity=4,
        )  # fmt: skip
    before = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    shutil.copytree(tmp_path / "lived", tmp_path / "copy")
    assert noted(tmp_path / "copy") > 0
    aws.stop()
    find, model = "_ecs_service_exists_for_target", import_module("moto.applicationautoscaling.models")
    with pytest.MonkeyPatch.context() as as_moto_has_it:
        as_moto_has_it.setattr(model.ApplicationAutoscalingBackend, find, refused)  # as in a process that is new
        with LocalAws(tmp_path / "copy", keeps_state=True) as again:
            told = again.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")
    assert told["ScalableTargets"] == before
    assert [each["ResourceId"] for each in before] == ["service/scaled/makes-the-backend", "service/scaled/web"]


def refused(*_: object) -> bool:
    """Find no ECS service."""
    raise import_module("moto.applicationautoscaling.exceptions").AWSValidationException("ECS service doesn't exist")


@pytest.mark.timeout(300)
def test_killed_at_random_moments_nothing_answered_is_lost(tmp_path: Path) -> None:
    """A thread makes things while the server is killed: all that was answered is there, again and again."""
    answered: set[str] = set()
    repeated = 0
    for kill in range(KILLS):
        with killed_at_the_end(tmp_path) as server:
            assert answered <= found(server.client)[0]
            maker = Maker(server.client, kill)
            worker = threading.Thread(target=until_killed, args=(maker,))
            worker.start()
            worker.join(random.Random(kill).uniform(0.2, 2.5))  # it does not end by itself: this is the moment
        worker.join()
        answered |= maker.answered
        repeated += noted(tmp_path)
    assert len(answered) > 5 * KILLS
    assert repeated > 0
    with killed_at_the_end(tmp_path) as server:
        assert answered <= found(server.client)[0]


@pytest.mark.parametrize(
    ("service", "operation"),
    [("sqs", "ReceiveMessage"), ("sqs", "SendMessage"), ("sns", "Publish"), ("events", "PutEvents"),
     ("secretsmanager", "RotateSecret"), ("logs", "DeleteLogStream"), ("logs", "PutSubscriptionFilter")],
)  # fmt: skip
def test_calls_that_wait_or_send_are_not_repeated(service: str, operation: str) -> None:
    """Under a clock that stands still a wait has no end, and what was sent once is not sent again."""
    assert not is_repeatable(Change(operation, service))
