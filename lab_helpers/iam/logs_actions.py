"""Which permissions a CloudWatch Logs call needs.

Logs writes its ARNs in a way of its own: what concerns a whole group is asked for as `…:log-group:NAME:log-stream:`,
with nothing behind the last colon. So a policy has to say `…:log-group:NAME:*`; `…:log-group:NAME` alone grants only
the calls that take a resource's ARN for tags.

Source: "Overview of managing access permissions to your CloudWatch Logs resources" of the CloudWatch Logs User Guide;
the resources in AWS's own denial messages.
"""

from __future__ import annotations

from .call import Access, Call

_ON_STREAM = frozenset({"CreateLogStream", "DeleteLogStream", "PutLogEvents", "GetLogEvents"})
# Calls that AWS authorises on every resource, though they may name a group or a query.
_ON_ANY = frozenset({"GetQueryResults", "StopQuery", "DescribeQueries", "GetLogRecord", "TestMetricFilter"})


def accesses(call: Call) -> tuple[Access, ...]:
    """Answer the permissions that the call needs."""
    if call.text("resourceArn"):
        return call.access(call.text("resourceArn").removesuffix(":*"))
    if call.operation in {"DescribeLogGroups", "ListLogGroups"}:
        return call.access(_group(call, ""))
    groups = _groups(call)
    if call.operation in _ON_ANY or not groups:
        return call.access()
    stream = call.text("logStreamName") if call.operation in _ON_STREAM else ""
    return (*call.access(*(_group(call, group) + stream for group in groups)), *_also(call, groups[0]))


def _groups(call: Call) -> tuple[str, ...]:
    one = call.text("logGroupName", "logGroupIdentifier")
    return (one,) if one else call.texts("logGroupNames") or call.texts("logGroupIdentifiers")


def _group(call: Call, name_or_arn: str) -> str:
    if name_or_arn.startswith("arn:"):
        return f"{name_or_arn.removesuffix(':*')}:log-stream:"
    return call.arn(f"log-group:{name_or_arn}:log-stream:")


def _also(call: Call, group: str) -> tuple[Access, ...]:
    if call.operation == "CreateLogGroup" and call.params.get("tags"):
        return call.access(call.arn(f"log-group:{group}"), action="logs:TagResource")
    if call.operation == "PutSubscriptionFilter":
        return call.pass_role(call.text("roleArn"), "logs.amazonaws.com")
    return ()
