"""Questions in the language of Logs Insights, asked of httpd's log group."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import AwsCallError, LabError
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until
from lab_helpers.lab import Lab

DAY = timedelta(days=1)
TIMEOUT_S = 60.0
POLL_S = 0.2
_POINTER = "@ptr"
"""CloudWatch's own handle to an event; of no use in a table."""


def ask(lab: Lab, query: str, since: timedelta = DAY) -> list[dict[str, str]]:
    """Return a query's rows, values by field name, over the last `since` of httpd's group.

    Raises LabError with AWS's words when the query is refused, NotFoundError without the group, WaitTimeoutError.
    """
    logs, now = lab.client("logs"), datetime.now(UTC)
    try:
        with aws_errors("StartQuery"):
            started = logs.start_query(
                logGroupName=lab.outputs.httpd_log_group,
                startTime=int((now - since).timestamp()),
                endTime=int(now.timestamp()) + 5,
                queryString=query,
            )
    except AwsCallError as exc:
        raise LabError(say("CloudWatch Logs refuses the query: {message}", message=str(exc))) from exc
    found: dict[str, Any] = wait_until(
        lambda: logs.get_query_results(queryId=started["queryId"]),
        TIMEOUT_S,
        POLL_S,
        say("the query"),
        done=lambda answer: answer["status"] not in ("Scheduled", "Running"),
        describe=lambda answer: str(answer["status"]),
    )
    return [{each["field"]: each["value"] for each in row if each["field"] != _POINTER} for row in found["results"]]
