"""Members of CloudWatch Logs' answers as LocalStack's recordings of AWS have them."""

from __future__ import annotations

import json
from typing import Any

from lab_helpers.local_aws.server import LocalAws
from tests.local_aws.logs.log_group import GROUP


def test_metric_filters_come_by_their_names(logs: Any) -> None:
    """Filters of several groups are in order of their names; a default value is a double."""
    logs.create_log_group(logGroupName="a-group")
    for number, group in enumerate((GROUP, "a-group")):
        metric = {"metricName": "m", "metricNamespace": "n", "metricValue": "1", "defaultValue": 0}
        logs.put_metric_filter(
            logGroupName=group, filterName=f"ordered-{number}", filterPattern="", metricTransformations=[metric]
        )
    found = logs.describe_metric_filters(filterNamePrefix="ordered-")["metricFilters"]
    logs.delete_log_group(logGroupName="a-group")
    assert [each["filterName"] for each in found] == ["ordered-0", "ordered-1"]
    assert isinstance(found[0]["metricTransformations"][0]["defaultValue"], float)


def test_a_search_for_groups_tells_less(logs: Any) -> None:
    """DescribeLogGroups with a pattern has neither storedBytes nor deletionProtectionEnabled."""
    found = logs.describe_log_groups(logGroupNamePattern=GROUP[1:])["logGroups"]
    assert {"storedBytes", "deletionProtectionEnabled"}.isdisjoint(found[0])
    assert logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"][0]["storedBytes"] == 0


def test_resource_policies_are_described_as_they_are_kept(logs: Any) -> None:
    """A version is added, and one principal stands without a list; two stay one."""
    for name, services in (("one", ["route53.amazonaws.com"]), ("two", ["a.amazonaws.com", "b.amazonaws.com"])):
        statement = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "logs:*", "Resource": "*"}
        logs.put_resource_policy(policyName=name, policyDocument=json.dumps({"Statement": [statement]}))
    kept = {each["policyName"]: each for each in logs.describe_resource_policies()["resourcePolicies"]}
    documents = {name: json.loads(each["policyDocument"]) for name, each in kept.items()}
    assert documents["one"]["Version"] == "2008-10-17"
    assert documents["one"]["Statement"][0]["Principal"] == {"Service": "route53.amazonaws.com"}
    assert documents["two"]["Statement"][0]["Principal"] == {"Service": ["a.amazonaws.com", "b.amazonaws.com"]}


def test_a_stream_on_demand_has_shards(aws: LocalAws) -> None:
    """CreateStream without ShardCount makes the four shards of a new stream on demand."""
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName="on-demand", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    summary = kinesis.describe_stream_summary(StreamName="on-demand")["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["StreamModeDetails"]) == (4, {"StreamMode": "ON_DEMAND"})
