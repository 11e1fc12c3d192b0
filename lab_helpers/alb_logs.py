"""The load balancer's access log in S3 -> a DataFrame, one row an entry.

Source: "Access logs for your Application Load Balancer", its list of fields; AWS adds fields at the end, which are
passed over. Delivered every five minutes, best effort: AWS does not promise every request in it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from lab_helpers import s3_logs
from lab_helpers.base.lazy import pa, pd
from lab_helpers.base.parallel import OnProgress
from lab_helpers.logs import frames
from lab_helpers.logs.apache import split_request
from lab_helpers.logs.frames import CATEGORY, TIME, Moment
from lab_helpers.traffic import request_id

NOT_ALB = "not a load-balancer log entry"
TEST_FILE = "ELBAccessLogTestFile"
"""AWS writes it when access logs are switched on; it holds no entry."""

ALB_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("type", CATEGORY),
        ("created_at", TIME),
        ("time", TIME),
        ("client", CATEGORY),
        ("target", CATEGORY),
        ("request_s", pa.float64()),
        ("target_s", pa.float64()),
        ("response_s", pa.float64()),
        ("elb_status", pa.int16()),
        ("target_status", pa.int16()),
        ("received_bytes", pa.int64()),
        ("sent_bytes", pa.int64()),
        ("method", CATEGORY),
        ("path", pa.string()),
        ("query", pa.string()),
        ("protocol", CATEGORY),
        ("user_agent", CATEGORY),
        ("trace_id", pa.string()),
        ("actions", CATEGORY),
        ("error_reason", CATEGORY),
        ("s3_key", CATEGORY),
        ("delivered_at", TIME),
        ("line", pa.string()),
        ("problem", CATEGORY),
    ]
)
SAMPLE = (
    "http 2026-11-22T10:59:07.123456Z app/firelens-lab-alb/50dc6c495c0c9188 203.0.113.7:50312 10.0.21.34:80 "
    "0.000 0.004 0.000 200 200 131 289 "
    '"GET http://firelens-lab.example:80/?id=by-hand-1 HTTP/1.1" "curl/8.5.0" - - '
    "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/firelens-lab/73e2d6bc24d8a067 "
    '"Root=1-65a1b2c3-0123456789abcdef01234567" "-" "-" 0 2026-11-22T10:59:07.119000Z "forward" "-" "-" '
    '"10.0.21.34:80" "200" "-" "-" TID_0123456789abcdef'
)
"""An entry to look at as long as none was delivered."""
_FIELD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_MIN_FIELDS = 25
"""Up to error_reason: what AWS has written since 2018; older logs have fewer, newer ones more."""
_URL = re.compile(r"[a-z]+://[^/?\s]*", re.IGNORECASE)


def read_entries(
    client: Any,
    bucket: str,
    prefix: str = "",
    since: Moment | None = None,
    until: Moment | None = None,
    *,
    workers: int = s3_logs.WORKERS,
    on_progress: OnProgress | None = None,
) -> pd.DataFrame:
    """All entries of the objects under a prefix, in the order of keys and lines.

    Columns: id (of the lab's request, missing for others), created_at (when the load balancer took the request), time
    (when
    it had answered), client and target (address:port; no target is missing), request_s, target_s, response_s (seconds;
    missing when AWS prints -1), elb_status, target_status, received_bytes, sent_bytes, method, path, query, protocol,
    user_agent, trace_id, actions, error_reason, s3_key, delivered_at, line, problem. An entry that cannot be read is
    kept with its line and `problem`. Range, damaged objects and errors as in `s3_logs.read_objects`.
    """
    damages: list[s3_logs.Damage] = []
    tables = [
        _table(unpacked.data, item)
        for item, unpacked in s3_logs.each_object(client, bucket, prefix, since, until, workers, on_progress, damages)
        if not item.key.endswith(TEST_FILE)
    ]
    return s3_logs.with_damages(frames.to_frame(tables, ALB_SCHEMA), damages)


def newest_entry(client: Any, bucket: str, containing: str = "") -> str:
    """Return the newest delivered entry with a text, as it was written; `SAMPLE` where there is none yet."""
    lines = read_entries(client, bucket)["line"].dropna()
    found = lines[lines.str.contains(containing, regex=False)]
    return str(found.iloc[-1]) if len(found) else SAMPLE


def parse_entry(line: str) -> dict[str, Any]:
    """The fields of one entry by column name; only `line` and `problem` when it is none."""
    fields = [quoted if quoted or not plain else plain for quoted, plain in _FIELD.findall(line)]
    try:
        return _entry(line, fields)
    except (ValueError, IndexError):
        return {"line": line, "problem": NOT_ALB}


def _entry(line: str, fields: list[str]) -> dict[str, Any]:
    if len(fields) < _MIN_FIELDS:
        raise ValueError(len(fields))
    method, path, query, protocol = split_request(_URL.sub("", fields[12], count=1).replace("  ", " / ", 1))
    return {
        "type": fields[0],
        "time": _time(fields[1]),
        "created_at": _time(fields[21]),
        "client": _text(fields[3]),
        "target": _text(fields[4]),
        **{name: _seconds(fields[n]) for n, name in enumerate(("request_s", "target_s", "response_s"), 5)},
        **{name: _number(fields[n]) for n, name in enumerate(("elb_status", "target_status"), 8)},
        **{name: _number(fields[n]) for n, name in enumerate(("received_bytes", "sent_bytes"), 10)},
        "method": method,
        "path": path,
        "query": query,
        "protocol": protocol,
        "user_agent": _text(fields[13]),
        "trace_id": _text(fields[17]),
        "actions": _text(fields[22]),
        "error_reason": _text(fields[24]),
        "line": line,
    }


def _table(data: bytes, item: s3_logs.StoredObject) -> pa.Table:
    entries = [parse_entry(line) for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    columns: dict[str, Any] = {name: [entry.get(name) for entry in entries] for name in ALB_SCHEMA.names}
    columns["s3_key"] = [item.key] * len(entries)
    columns["delivered_at"] = [item.delivered_at] * len(entries)
    target = pd.Series(columns["path"], dtype=frames.STRING)
    target = target.str.cat(pd.Series(columns["query"], dtype=frames.STRING), sep="?", na_rep="")
    columns["id"] = request_id(target).astype(object).where(lambda found: found.notna(), None).tolist()
    return frames.from_columns(columns, len(entries), ALB_SCHEMA)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(field: str) -> str | None:
    return None if field in ("-", "") else field


def _seconds(field: str) -> float | None:
    return None if field.startswith("-") else float(field)


def _number(field: str) -> int | None:
    return None if field == "-" else int(field)
