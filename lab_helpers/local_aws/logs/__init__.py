"""CloudWatch Logs where moto's is too lenient or too poor: quotas, filter patterns, Insights queries."""

from lab_helpers.local_aws.logs.service import LogsService

__all__ = ["LogsService"]
