"""A logs client whose queries run in the local AWS's own query engine, over 21 lines of httpd's log."""

from __future__ import annotations

from typing import Any

import boto3

from lab_helpers.local_aws.logs.insights.query import parse

LINES = [f'10.0.11.1 - - [x] "GET /?id=run-404{n} HTTP/1.1" 200 45' for n in range(1)]
LINES += [f'10.0.11.1 - - [x] "GET /?id=run-{n} HTTP/1.1" 200 45' for n in range(18)]
LINES += ['10.0.11.1 - - [x] "GET /missing HTTP/1.1" 404 196', '10.0.11.2 - - [x] "GET / HTTP/1.1" 200 45']


class Insights:
    """StartQuery and GetQueryResults."""

    exceptions = boto3.client("logs", "us-east-1", aws_access_key_id="-", aws_secret_access_key="-").exceptions

    def start_query(self, **asked: Any) -> dict[str, str]:
        """Take the query down."""
        self._query = asked["queryString"]
        return {"queryId": "1"}

    def get_query_results(self, **_: Any) -> dict[str, Any]:
        """Run it."""
        rows = [{"log": line} for line in LINES]
        return {"status": "Complete", "results": parse(self._query).run(rows)[0]}
