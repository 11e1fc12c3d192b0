"""CloudWatch of the local AWS: metrics by the second, and alarms that change state by the clock."""

from lab_helpers.local_aws.cloudwatch.service import CloudWatchService

__all__ = ["CloudWatchService"]
