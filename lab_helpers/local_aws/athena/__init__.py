"""Athena of the local AWS: Trino SQL over objects in S3, answered by DuckDB."""
