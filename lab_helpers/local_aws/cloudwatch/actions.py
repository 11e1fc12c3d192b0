"""What an alarm does on entering a state: a message to an SNS topic. Scaling policies look at their alarms themselves.

Source: the JSON that CloudWatch alarms send to SNS ("Amazon SNS notification" examples of the CloudWatch User Guide).
Not modelled: actions on EC2, its Auto Scaling, Lambda and Systems Manager, which the alarm's history then says; the
topic's own access policy.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.cloudwatch.alarm import Alarm
from lab_helpers.local_aws.cloudwatch.book import AlarmBook
from lab_helpers.local_aws.kit.clock import Clock

_SCALES_SERVICE = ":resource/ecs/service/"


class Actions:
    """Does what alarms ask for; `sns_of` gives a region's SNS client."""

    def __init__(self, book: AlarmBook, clock: Clock, sns_of: Callable[[str], Any]) -> None:
        self._book, self._clock, self._sns_of = book, clock, sns_of

    def act(self, alarm: Alarm) -> None:
        """Do all actions of the alarm's present state, each noted in its history."""
        for arn in alarm.actions():
            why = self._act(alarm, arn)
            summary = f"Failed to execute action {arn}" if why else f"Successfully executed action {arn}"
            data = {"actionState": "Failed" if why else "Succeeded", "notificationResource": arn}
            with self._book.lock:
                self._book.note(
                    alarm, self._clock.now(), "Action", summary, {**data, **({"error": why} if why else {})}
                )

    def _act(self, alarm: Alarm, arn: str) -> str:
        """Do one action; return why it could not be done, empty when it was."""
        if arn.startswith("arn:aws:sns:"):
            return self._publish(alarm, arn)
        return (
            "" if _SCALES_SERVICE in arn else "the local AWS has SNS actions and scaling policies of ECS services only"
        )

    def _publish(self, alarm: Alarm, arn: str) -> str:
        """Send the message; return why it could not be sent, empty when it was."""
        subject = f'{alarm.state}: "{alarm.name}" in {alarm.region}'[:100]
        try:
            self._sns_of(arn.split(":")[3]).publish(TopicArn=arn, Subject=subject, Message=message(alarm))
        except (ClientError, BotoCoreError) as exc:
            return str(exc)
        return ""


def message(alarm: Alarm) -> str:
    """Return the message's text: one JSON object."""
    given = alarm.settings
    return json.dumps(
        {
            "AlarmName": alarm.name,
            "AlarmDescription": given.get("AlarmDescription"),
            "AWSAccountId": alarm.arn.split(":")[4],
            "NewStateValue": alarm.state,
            "NewStateReason": alarm.reason,
            "StateChangeTime": f"{alarm.changed_at:%Y-%m-%dT%H:%M:%S}.{alarm.changed_at.microsecond // 1000:03d}+0000",
            "Region": alarm.region,
            "AlarmArn": alarm.arn,
            "Trigger": {
                "MetricName": given["MetricName"],
                "Namespace": given["Namespace"],
                "Statistic": alarm.watch.statistic,
                "Dimensions": [{"name": n, "value": v} for n, v in alarm.watch.metric.dimensions],
                "Period": alarm.watch.period_s,
                "EvaluationPeriods": alarm.watch.periods,
                "DatapointsToAlarm": alarm.watch.to_alarm,
                "ComparisonOperator": alarm.watch.comparison,
                "Threshold": alarm.watch.threshold,
                "TreatMissingData": alarm.watch.missing,
            },
        }
    )
