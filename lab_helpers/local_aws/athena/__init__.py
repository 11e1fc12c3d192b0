"""Athena of the local AWS: Trino SQL over objects in S3, answered by DuckDB."""

from lab_helpers.local_aws.athena.service import AthenaService

__all__ = ["AthenaService"]
