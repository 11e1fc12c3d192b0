"""CloudWatch through boto3: what is put can be read, what AWS refuses is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.server import LocalAws

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
"""Signatures are of today."""
SPAN = {"StartTime": NOW - timedelta(hours=1), "EndTime": NOW + timedelta(minutes=1)}
ALARM = {
    "AlarmName": "errors", "Namespace": "lab", "MetricName": "errors", "Statistic": "Sum", "Period": 10,
    "EvaluationPeriods": 1, "Threshold": 0.0, "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One local AWS whose time stands still."""
    folder: Path = tmp_path_factory.mktemp("cloudwatch")
    with LocalAws(folder, factories=[], clock=ManualClock(NOW)) as running:
        yield running


@pytest.fixture
def cloudwatch(aws: LocalAws) -> Iterator[Any]:
    """A client; alarms go again."""
    client = aws.client("cloudwatch")
    yield client
    client.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in client.describe_alarms()["MetricAlarms"]])


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    """Code and message of the error that a call is answered with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_values_are_read_by_periods(cloudwatch: Any) -> None:
    """One value, values with counts and a statistic set become one sum; dimensions are part of the name."""
    where = [{"Name": "stage", "Value": "a"}]
    data = [
        {"MetricName": "read", "Dimensions": where, "Value": 1.0, "Unit": "Count"},
        {"MetricName": "read", "Dimensions": where, "Values": [2.0, 3.0], "Counts": [1.0, 2.0], "Unit": "Count"},
        {"MetricName": "read", "Dimensions": where, "Unit": "Count",
         "StatisticValues": {"SampleCount": 2, "Sum": 9, "Minimum": 4, "Maximum": 5}},
    ]  # fmt: skip
    cloudwatch.put_metric_data(Namespace="lab", MetricData=data)
    points = cloudwatch.get_metric_statistics(
        Namespace="lab", MetricName="read", Dimensions=where, Period=60, Statistics=["Sum", "Maximum"], **SPAN
    )["Datapoints"]
    assert [(p["Timestamp"], p["Sum"], p["Maximum"], p["Unit"]) for p in points] == [(NOW, 18.0, 5.0, "Count")]
    assert cloudwatch.list_metrics(Namespace="lab", MetricName="read")["Metrics"][0]["Dimensions"] == where
    metric = {"Namespace": "lab", "MetricName": "read", "Dimensions": where}
    query = {"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Average"}}
    found = cloudwatch.get_metric_data(MetricDataQueries=[query], **SPAN)["MetricDataResults"][0]
    assert (found["Timestamps"], found["Values"], found["StatusCode"]) == ([NOW], [3.0], "Complete")
    assert not cloudwatch.get_metric_statistics(
        Namespace="lab", MetricName="read", Period=60, Statistics=["Sum"], **SPAN
    )["Datapoints"]


def test_refusals_about_metrics(cloudwatch: Any) -> None:
    """AWS's namespaces are AWS's; a period has a grid; too many points are too many; metric math is not here."""
    assert refusal(cloudwatch.put_metric_data, Namespace="AWS/Lab", MetricData=[{"MetricName": "m", "Value": 1}]) == (
        "InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid."
    )  # fmt: skip
    asked = {"Namespace": "lab", "MetricName": "m", "Statistics": ["Sum"], **SPAN}
    assert refusal(cloudwatch.get_metric_statistics, Period=7, **asked)[0] == "InvalidParameterValue"
    code, message = refusal(cloudwatch.get_metric_statistics, Period=1, **asked)
    assert code == "InvalidParameterCombination"
    assert "which exceeds the limit of 1,440" in message
    query = {"Id": "q", "Expression": "a + b"}
    assert "no metric math" in refusal(cloudwatch.get_metric_data, MetricDataQueries=[query], **SPAN)[1]


def test_an_alarm_is_described_as_it_was_made(cloudwatch: Any) -> None:
    """Members that were given come back, lists that were not are empty; tags have an operation of their own."""
    cloudwatch.put_metric_alarm(**ALARM, TreatMissingData="notBreaching", Tags=[{"Key": "k", "Value": "v"}])
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
    given = ALARM | {"TreatMissingData": "notBreaching", "ActionsEnabled": True, "AlarmActions": [], "Dimensions": []}
    assert {name: alarm[name] for name in given} == given
    assert "DatapointsToAlarm" not in alarm
    arn = alarm["AlarmArn"]
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "l", "Value": "w"}])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["k"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "l", "Value": "w"}]
    metric = {"Namespace": "lab", "MetricName": "errors"}
    assert len(cloudwatch.describe_alarms_for_metric(**metric)["MetricAlarms"]) == 1


def test_history_tells_what_happened(cloudwatch: Any) -> None:
    """Made, set by hand, deleted; newest first."""
    cloudwatch.put_metric_alarm(**ALARM | {"AlarmName": "told", "TreatMissingData": "ignore"})
    cloudwatch.set_alarm_state(AlarmName="told", StateValue="ALARM", StateReason="trying")
    cloudwatch.delete_alarms(AlarmNames=["told", "nobody"])
    items = cloudwatch.describe_alarm_history(AlarmName="told")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in items] == [
        'Alarm "told" deleted', "Alarm updated from INSUFFICIENT_DATA to ALARM", 'Alarm "told" created',
    ]  # fmt: skip


def test_an_alarm_speaks_to_a_topic(aws: LocalAws, cloudwatch: Any) -> None:
    """SNS gets AWS's JSON; another action fails, and the history says so."""
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topic = sns.create_topic(Name="pager")["TopicArn"]
    queue = sqs.create_queue(QueueName="pager")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    other = "arn:aws:automate:ap-northeast-1:ec2:stop"
    cloudwatch.put_metric_alarm(
        **ALARM | {"AlarmName": "loud", "TreatMissingData": "ignore"}, AlarmActions=[topic, other]
    )
    cloudwatch.set_alarm_state(AlarmName="loud", StateValue="ALARM", StateReason="trying")
    body = sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"]
    assert '\\"AlarmName\\": \\"loud\\"' in body
    items = cloudwatch.describe_alarm_history(AlarmName="loud", HistoryItemType="Action")["AlarmHistoryItems"]
    assert [item["HistorySummary"].split()[0] for item in items] == ["Failed", "Successfully"]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"ExtendedStatistic": "p99"}, "Exactly one of Statistic or ExtendedStatistic"),
        ({"Period": 15}, "Period must be"),
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm must be less than or equal to EvaluationPeriods"),
        ({"Period": 3600, "EvaluationPeriods": 24 * 8}, "more than a week"),
        ({"TreatMissingData": "no"}, "TreatMissingData"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "no anomaly detection"),
        ({"AlarmName": ""}, "alarmName"),
    ],
)
def test_alarms_that_are_refused(cloudwatch: Any, changes: dict[str, Any], part: str) -> None:
    """Nothing half-made is left."""
    code, message = refusal(cloudwatch.put_metric_alarm, **ALARM | changes)
    assert code in {"ValidationError", "InvalidParameterValue"}
    assert part in message
    assert not cloudwatch.describe_alarms()["MetricAlarms"]
