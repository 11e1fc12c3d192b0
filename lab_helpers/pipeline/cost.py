"""The lab's own log lines measured, as `account.bill` needs them: how long they are, how many health checks make, how
well they pack.
"""

from __future__ import annotations

from lab_helpers import cloudwatch
from lab_helpers.account.bill import Load
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import NotYetError
from lab_helpers.lab import Lab
from lab_helpers.s3_logs import each_object

LINE_FEED = 1


def measured(lab: Lab, requests_per_s: float) -> Load:
    """Return the load of a service with so many requests a second whose lines are as those in CloudWatch Logs now.

    Health checks come on top: each node of the load balancer asks each target once an interval. Raises NotYetError
    before there are lines.
    """
    found = cloudwatch.read_messages(lab.client("logs"), lab.outputs.httpd_log_group)
    if found.empty:
        raise NotYetError("Log lines in CloudWatch Logs", "04")
    sizes = [len(message.encode()) + LINE_FEED for message in found["message"].astype("str")]
    tasks = int(found["stream"].nunique())
    return Load(requests_per_s, sum(sizes) / len(sizes), _checks_per_s(lab), _packed_share(lab), tasks)


def _checks_per_s(lab: Lab) -> float:
    elbv2, group = lab.client("elbv2"), lab.outputs.target_group_arn
    with aws_errors("DescribeTargetGroups"):
        settings = elbv2.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]
        balancer = elbv2.describe_load_balancers(LoadBalancerArns=[lab.outputs.alb_arn])["LoadBalancers"][0]
        targets = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return float(len(balancer["AvailabilityZones"]) * len(targets) / settings["HealthCheckIntervalSeconds"])


def _packed_share(lab: Lab) -> float:
    """Return how much of the text is left in S3; the usual share where nothing is there yet."""
    pairs = [(item.size, len(text.data)) for item, text in each_object(lab.client("s3"), lab.outputs.log_bucket)]
    stored, size = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    return stored / size if size else Load(0, 1).packed_share
