"""Athena of the local AWS: Trino SQL over objects in S3, answered by DuckDB."""

import logging

logging.getLogger("sqlglot").setLevel(logging.ERROR)
# It warns of a statement that it does not know, whole and as it came; who asked is told, and no log.
