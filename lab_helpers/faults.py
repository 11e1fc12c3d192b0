"""Break one thing, always undo it.

A fault can be used as a context manager, or in the notebooks' way: `inject` in one cell, `heal` in another; teardown
heals what was left broken.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from lab_helpers import cloudwatch, s3_logs
from lab_helpers.account.inventory import LabNames
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import NotFoundError, NotYetError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until
from lab_helpers.lab import Lab

ERROR_STREAM = "kinesis_error"
ERROR_TIMEOUT_S = 900.0
"""Bound on the first delivery error: the buffer interval, the failed attempts, and IAM's propagation on an account."""
IAM_SETTLE_S = 30.0
"""How long a change of a policy is given to count everywhere on an account, after IAM itself shows it.

AWS has no sign for it. Source: "Changes that I make are not always immediately visible" of the IAM User Guide; for most
it is seconds. A role's sessions feel a changed policy without being renewed.
"""
IAM_TIMEOUT_S = 120.0
"""Bound on IAM showing the changed policy, and the settling."""
NOTE = "delivery error injected"
FRESHNESS = "DeliveryToS3.DataFreshness"
"""The metric that AWS recommends to watch: the age in seconds of the oldest record that was not delivered."""
ALARM_TIMEOUT_S = 900.0
"""Bound on an alarm's next state: a few buffer intervals, and metrics that come minutes late on an account."""
HEALED = "delivery error healed"
"""Note that Firehose has a backlog, which it retries in growing intervals."""


def inject_delivery_error(lab: Lab) -> None:
    """Take the Firehose role's permission to write to the bucket away, through Terraform (row D1)."""
    lab.notes.take(NOTE)
    lab.terraform.with_variables(inject_delivery_error=True).apply()
    wait_for_iam(lab, broken=True)


def heal_delivery_error(lab: Lab) -> None:
    """Give the permission back; may be called when nothing is broken."""
    lab.terraform.with_variables(inject_delivery_error=False).apply()
    wait_for_iam(lab, broken=False)
    lab.notes.drop(NOTE)
    lab.notes.take(HEALED)


def wait_for_iam(lab: Lab, *, broken: bool, settle_s: float = IAM_SETTLE_S, on_tick: Any = None) -> None:
    """On an account, wait until IAM shows the Firehose role's changed policy and has had time to spread it.

    Elsewhere a change counts at once. Raises WaitTimeoutError after `IAM_TIMEOUT_S`.
    """
    if lab.settings.can.has_own_endpoint:
        return
    begin, role = time.monotonic(), f"{lab.settings.prefix}-firehose-role"
    print(say("IAM takes its time to spread a change: waiting {seconds:.0f} s", seconds=settle_s))
    wait_until(
        lambda: (_is_broken(lab, role) == broken, time.monotonic() - begin),
        IAM_TIMEOUT_S,
        2.0,
        say("IAM to show and spread the changed policy"),
        done=lambda seen: seen[0] and seen[1] >= settle_s,
        describe=lambda seen: say(
            "IAM shows the changed policy after {seconds:.0f} s"
            if seen[0]
            else "IAM shows the old policy after {seconds:.0f} s",
            seconds=seen[1],
        ),
        look_at=f"`aws iam get-role-policy --role-name {role} --policy-name {role}-policy`",
        on_tick=on_tick,
    )


def _is_broken(lab: Lab, role: str) -> bool:
    with aws_errors("GetRolePolicy"):
        found = lab.client("iam").get_role_policy(RoleName=role, PolicyName=f"{role}-policy")["PolicyDocument"]
    return ":errortest" in json.dumps(found)


@contextmanager
def delivery_error(lab: Lab) -> Iterator[None]:
    """Have the delivery fail inside the block; it is healed at the end, whatever happens."""
    try:
        inject_delivery_error(lab)
        yield
    finally:
        heal_delivery_error(lab)


def delivery_errors(logs: Any, group: str, since: datetime | None = None, stream: str = ERROR_STREAM) -> pd.DataFrame:
    """Return Firehose's error events: at, error_code, message, destination, version (of the delivery stream).

    Empty when the delivery works, and when the stream that Firehose would write to was never made.
    """
    columns = ["at", "error_code", "message", "destination", "version"]
    try:
        found = cloudwatch.read_messages(logs, group, since=since, streams=[stream])
    except NotFoundError:
        return pd.DataFrame(columns=columns)
    events = [json.loads(message) for message in found["message"]]
    rows = [
        (at, event["errorCode"], event["message"], event["destination"], event["deliveryStreamVersionId"])
        for at, event in zip(found["event_time"], events, strict=True)
    ]
    return pd.DataFrame(rows, columns=columns)


def wait_for_delivery_error(logs: Any, group: str, since: datetime, *, on_tick: Any = None) -> pd.DataFrame:
    """Wait for the first error event after `since`; raises WaitTimeoutError after `ERROR_TIMEOUT_S`."""
    return wait_until(
        lambda: delivery_errors(logs, group, since),
        ERROR_TIMEOUT_S,
        1.0,
        say("a delivery error in {group}, stream {stream}", group=group, stream=ERROR_STREAM),
        done=lambda found: len(found) > 0,
        describe=lambda found: say("{count:,} error events", count=len(found)),
        look_at=say("the stream's destination errors, and whether requests reach the service at all"),
        on_tick=on_tick,
    )


def freshness_alarms(lab: Lab) -> list[dict[str, Any]]:
    """Return the alarms on DataFreshness of the lab's delivery stream, as DescribeAlarms answers them."""
    stream = lab.outputs.delivery_stream_name
    with aws_errors("DescribeAlarms"):
        found = lab.client("cloudwatch").describe_alarms(AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    return [
        each
        for each in found
        if each.get("MetricName") == FRESHNESS and stream in [one["Value"] for one in each.get("Dimensions", [])]
    ]


def wait_for_alarm(lab: Lab, state: str, *, on_tick: Any = None) -> dict[str, Any]:
    """Wait until the alarm on late deliveries is in a state (ALARM, OK), and return it as DescribeAlarms answers.

    Raises NotYetError without such an alarm, WaitTimeoutError after `ALARM_TIMEOUT_S`.
    """
    if not freshness_alarms(lab):
        raise NotYetError("The alarm on late deliveries", cell='lab.step("08_1")')
    found: list[dict[str, Any]] = wait_until(
        lambda: freshness_alarms(lab),
        ALARM_TIMEOUT_S,
        1.0,
        say("the alarm to be in state {state}", state=state),
        done=lambda alarms: any(each["StateValue"] == state for each in alarms),
        describe=lambda alarms: ", ".join(str(each["StateValue"]) for each in alarms),
        look_at="`aws cloudwatch describe-alarms`",
        on_tick=on_tick,
    )
    return next(each for each in found if each["StateValue"] == state)


def quiet_alarm(lab: Lab, *, on_tick: Any = None) -> str:
    """Wait until the alarm on late deliveries is OK, and return its name; without one, the name that step 08_1 gives.

    Raises WaitTimeoutError after `ALARM_TIMEOUT_S`.
    """
    if not freshness_alarms(lab):
        return LabNames.asked(lab.client, lab.settings.prefix).alarm
    return str(wait_for_alarm(lab, "OK", on_tick=on_tick)["AlarmName"])


def lines_in_s3(lab: Lab, since: pd.Timestamp) -> pd.DataFrame:
    """Return the log lines that were delivered to S3 since a moment (columns: frames)."""
    return s3_logs.read_objects(lab.client("s3"), lab.outputs.log_bucket, since=since)
