"""Every request accounted for in every destination.

Joins the requests that were sent (`traffic`), the log lines in CloudWatch and in S3 (`frames`), and the load
balancer's own access log (`alb_logs`, optional) by the id that each request carries. A request with an answer must
be in each destination exactly once.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache

from lab_helpers.base.errors import CheckFailedError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.traffic import request_id

VPC = "10.0.0.0/16"
"""The lab's network: health checks come from the load balancer's nodes in it."""
NAMED_IDS = 5
CLOCK_TOLERANCE_S = 0.5
"""Clocks that are kept by NTP do not differ more."""
HEALTH_CHECK_AGENT = "ELB-HealthChecker"


@dataclass(frozen=True)
class Summary:
    """What the audit found, in numbers of requests (or of log lines, where it says so)."""

    sent: int
    answered: int
    in_alb: int | None
    """None when no load-balancer log was given."""
    in_cloudwatch: int
    in_s3: int
    missing: int
    """Requests that are missing in CloudWatch or S3 (or the given load-balancer log)."""
    doubled: int
    late: int
    """Requests that took longer than a given bound."""
    strangers: int
    """Ids in the logs that were not sent in this run."""
    health_checks_cloudwatch: int
    """Log lines."""
    health_checks_s3: int
    """Log lines."""
    tasks: int
    """Tasks that served at least one of the requests."""
    clock_ahead_s: float = 0.0
    """By how many seconds, at least, this machine's clock is ahead of AWS's: a line was there before its request was
    sent. A clock that is behind cannot be told from lines that take long."""

    @property
    def is_complete(self) -> bool:
        """Whether each answered request is in each destination exactly once."""
        return not self.missing and not self.doubled

    def __str__(self) -> str:
        if self.is_complete:
            found = say(
                "All {answered:,} answered requests are in CloudWatch and in S3, each once.", answered=self.answered
            )
        else:
            found = say(
                "Of {answered:,} answered requests {missing:,} are missing and {doubled:,} are doubled somewhere.",
                answered=self.answered,
                missing=self.missing,
                doubled=self.doubled,
            )
        if self.clock_ahead_s:
            ahead = say(
                "This machine's clock is ahead by {seconds:.1f} s or more: hops seem that much shorter.",
                seconds=self.clock_ahead_s,
            )
            found = f"{found} {ahead}"
        return found


@dataclass(frozen=True)
class Audit:
    """Result of `reconcile`: a frame with one row a request, and its summary."""

    requests: pd.DataFrame
    summary: Summary

    @property
    def unaccounted(self) -> pd.DataFrame:
        """The requests that are missing, doubled or late somewhere, or had no answer."""
        return self.requests[self.requests["verdict"] != "accounted"]

    def require_complete(self) -> None:
        """Raise CheckFailedError, naming requests, when one is missing or doubled somewhere."""
        if self.summary.is_complete:
            return
        is_bad = self.requests["verdict"].astype(str).str.contains("missing|doubled")
        bad = self.requests[is_bad].head(NAMED_IDS)
        named = ", ".join(f"{row.id} ({row.verdict})" for row in bad.itertuples())
        hint = say("For example {named}. Lines may still be on their way: read again.", named=named)
        raise CheckFailedError(f"{self.summary} {hint}")


def reconcile(
    requests: pd.DataFrame,
    cloudwatch: pd.DataFrame,
    s3: pd.DataFrame,
    alb: pd.DataFrame | None = None,
    *,
    cloudwatch_within_s: float | None = None,
    s3_within_s: float | None = None,
) -> Audit:
    """Say for each request where it is, what is missing or double, and how long each hop took.

    The frame has the columns of `requests` and: in_alb, in_cloudwatch, in_s3 (number of log lines), task (that
    served it), request_time (by httpd), event_time, ingested_at (CloudWatch), delivered_at (S3), to_cloudwatch_s and
    to_s3_s (seconds from sending to ingestion and to the S3 object; S3's clock has whole seconds), verdict:
    `accounted`, `no answer`, or what is wrong, as `missing in s3` or `doubled in cloudwatch`. A request without an
    answer that is in no log is `no answer` and not held against the logs. Times are of different clocks: where this
    machine's is ahead the hops are too short, below nought even, and the summary says so.
    """
    places = {"cloudwatch": with_ids(cloudwatch), "s3": with_ids(s3)} | ({} if alb is None else {"alb": alb})
    frame = requests.set_index("id", drop=False)
    for place, lines in places.items():
        counts = lines["id"].value_counts()
        frame[f"in_{place}"] = counts.reindex(frame.index, fill_value=0).to_numpy()
    frame = _with_hops(frame, places["cloudwatch"], places["s3"])
    if alb is not None:
        frame = _with_alb_hops(frame, alb)
    bounds = {"cloudwatch": cloudwatch_within_s, "s3": s3_within_s}
    frame["verdict"] = _verdicts(frame, sorted(places), bounds).astype("category")
    frame = frame.reset_index(drop=True)
    return Audit(frame, _summary(frame, places))


def with_ids(lines: pd.DataFrame) -> pd.DataFrame:
    """Log lines with `id` (of the lab's request; missing for others) and `is_health_check` added."""
    target = lines["path"].str.cat(lines["query"], sep="?", na_rep="")
    return lines.assign(id=request_id(target), is_health_check=is_health_check(lines))


def is_health_check(lines: pd.DataFrame, network: str = VPC) -> pd.Series:
    """Whether a log line is a health check of the load balancer.

    Where a task's format has the user agent, that tells, and nothing else does. The common format has none: then a
    `GET /` without query from an address of the lab's network only looks like one, and a person who asks for `/`
    through the load balancer is taken for one too; `has_agent` says which of the two it is.
    """
    hosts = lines["remote_host"].astype(object)
    inside = hosts.map({host: _is_in(host, network) for host in hosts.dropna().unique()}).eq(True)
    plain = (lines["method"] == "GET") & (lines["path"] == "/").fillna(False) & lines["query"].isna()
    agent = lines["user_agent"].astype("string")
    by_agent = agent.str.startswith(HEALTH_CHECK_AGENT).fillna(False)
    return ((plain & inside & ~_tells_agents(lines)) | by_agent).astype(bool)


def has_agent(lines: pd.DataFrame) -> bool:
    """Whether the format of all these lines has the user agent: only then health checks are told for certain."""
    return bool(len(lines)) and bool(_tells_agents(lines).all())


def visits(lines: pd.DataFrame) -> pd.DataFrame:
    """Return requests' lines with what an analysis groups by, in the order of their times.

    Columns: time (UTC, whole seconds), task, client, method, path, query, status (Int16), bytes (Int64; 0 where none
    were sent), duration_ms, referer, user_agent, id (of the lab's request), is_health_check. client, user_agent,
    referer and duration_ms are missing where the log format does not have them; lines that are no requests are left
    out.
    """
    found = with_ids(lines[lines["request_time"].notna()])
    columns = {"request_time": "time", "size": "bytes"}
    wanted = ["time", "task", "client", "method", "path", "query", "status", "bytes", "duration_ms", "referer"]
    frame = found.rename(columns=columns)[[*wanted, "user_agent", "id", "is_health_check"]]
    frame = frame.assign(bytes=frame["bytes"].fillna(0))
    return frame.sort_values("time", kind="stable").reset_index(drop=True)


def _tells_agents(lines: pd.DataFrame) -> pd.Series:
    """Whether a line's task logs user agents: one with an agent tells for all lines of its task."""
    has_one = lines["user_agent"].notna()
    if "task" not in lines:
        return has_one
    tasks = lines["task"].astype(object)
    return has_one | tasks.isin(set(tasks[has_one].dropna()))


@lru_cache(maxsize=4096)
def _is_in(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network)
    except ValueError:
        return False


def _with_hops(frame: pd.DataFrame, cloudwatch: pd.DataFrame, s3: pd.DataFrame) -> pd.DataFrame:
    seen = cloudwatch.dropna(subset=["id"]).drop_duplicates("id").set_index("id")
    stored = s3.dropna(subset=["id"]).drop_duplicates("id").set_index("id")
    for column in ("event_time", "ingested_at"):
        frame[column] = seen[column].reindex(frame.index)
    frame["delivered_at"] = stored["delivered_at"].reindex(frame.index)
    for column in ("task", "request_time"):
        first = seen[column].astype(object).reindex(frame.index)
        frame[column] = first.where(first.notna(), stored[column].astype(object).reindex(frame.index))
    frame["task"] = frame["task"].astype("category")
    frame["request_time"] = pd.to_datetime(frame["request_time"], utc=True).dt.as_unit("us")
    frame["to_cloudwatch_s"] = (frame["ingested_at"] - frame["sent_at"]).dt.total_seconds()
    frame["to_s3_s"] = (frame["delivered_at"] - frame["sent_at"]).dt.total_seconds()
    return frame


def _with_alb_hops(frame: pd.DataFrame, alb: pd.DataFrame) -> pd.DataFrame:
    entries = alb.dropna(subset=["id"]).drop_duplicates("id").set_index("id").reindex(frame.index)
    frame["to_alb_s"] = (entries["created_at"] - frame["sent_at"]).dt.total_seconds()
    frame["in_target_s"] = entries["target_s"]
    frame["target"] = entries["target"]
    return frame


def _verdicts(frame: pd.DataFrame, places: list[str], bounds: dict[str, float | None]) -> pd.Series:
    verdict = pd.Series("", index=frame.index, dtype=object)
    for place in places:
        count = frame[f"in_{place}"]
        for claim, holds in (("missing", count == 0), ("doubled", count > 1)):
            verdict = verdict.mask(holds, verdict + f", {claim} in {place}")
    for place, within_s in bounds.items():
        if within_s is not None:
            verdict = verdict.mask(frame[f"to_{place}_s"] > within_s, verdict + f", late in {place}")
    in_none = (frame[[f"in_{place}" for place in places]] == 0).all(axis="columns")
    verdict = verdict.mask(in_none & frame["status"].isna(), ", no answer")
    return verdict.str.removeprefix(", ").replace("", "accounted")


def _summary(frame: pd.DataFrame, places: dict[str, pd.DataFrame]) -> Summary:
    verdict = frame["verdict"].astype(str)
    logged = pd.concat([lines["id"].dropna().astype(object) for lines in places.values()])
    return Summary(
        sent=len(frame),
        answered=int(frame["status"].notna().sum()),
        in_alb=int((frame["in_alb"] > 0).sum()) if "in_alb" in frame else None,
        in_cloudwatch=int((frame["in_cloudwatch"] > 0).sum()),
        in_s3=int((frame["in_s3"] > 0).sum()),
        missing=int(verdict.str.contains("missing").sum()),
        doubled=int(verdict.str.contains("doubled").sum()),
        late=int(verdict.str.contains("late").sum()),
        strangers=len(set(logged) - set(frame["id"])),
        health_checks_cloudwatch=int(places["cloudwatch"]["is_health_check"].sum()),
        health_checks_s3=int(places["s3"]["is_health_check"].sum()),
        tasks=int(frame["task"].nunique()),
        clock_ahead_s=_clock_ahead_s(frame),
    )


def _clock_ahead_s(frame: pd.DataFrame) -> float:
    # times of S3 are cut to whole seconds, so a line may seem to be there up to a second early
    shortest = min(frame["to_cloudwatch_s"].min(), frame["to_s3_s"].min() + 1, key=lambda s: 0.0 if pd.isna(s) else s)
    return 0.0 if pd.isna(shortest) or shortest > -CLOCK_TOLERANCE_S else float(-shortest)
