"""Log lines, FireLens records and fakes that the tests of the analysis share."""

from __future__ import annotations

import gzip
import json
from typing import Any

TASKS = ("0f5d6e1c2b3a49788796a5b4c3d2e1f0", "1a2b3c4d5e6f40718293a4b5c6d7e8f9")
HEALTH_CHECK = '10.0.11.20 - - [07/Nov/2021:09:14:00 +0000] "GET / HTTP/1.1" 200 45'


def request_line(request_id: str, second: int = 2, host: str = "10.0.12.144") -> str:
    """An access-log line of one of the lab's requests, at 09:14 and `second`."""
    return f'{host} - - [07/Nov/2021:09:14:{second:02} +0000] "GET /?id={request_id} HTTP/1.1" 200 45'


def record(line: Any, task: str = TASKS[0]) -> dict[str, Any]:
    """The FireLens record of one line."""
    return {
        "source": "stdout",
        "log": line,
        "container_id": f"{task}-527074092",
        "container_name": "httpd",
        "ecs_cluster": "lab-cluster",
        "ecs_task_arn": f"arn:aws:ecs:ap-northeast-1:123456789012:task/lab-cluster/{task}",
        "ecs_task_definition": "lab-httpd:1",
    }


def ndjson(*records: Any) -> bytes:
    """Records as Firehose delivers them: one JSON object a line."""
    return b"".join(json.dumps(item).encode() + b"\n" for item in records)


def gzipped(*records: Any) -> bytes:
    """The same, compressed."""
    return gzip.compress(ndjson(*records), 6, mtime=0)


def stream_name(task: str = TASKS[0]) -> str:
    """CloudWatch's stream of a task."""
    return f"from-httpd-firelens-{task}"
