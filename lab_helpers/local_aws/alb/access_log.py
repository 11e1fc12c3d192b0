"""Access log entries and object keys, pure.

Source: "Access logs for your Application Load Balancer" (syntax of entries, file names, ELBAccessLogTestFile).
Not modelled: the load balancer's DNS name in entries of malformed requests (its name stands there), classification of
ambiguous requests, error reasons of Lambda targets and authentication.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(slots=True)
class Times:
    """When things happened to a request, in the clock's monotonic seconds; -1: they did not."""

    received: float
    sent: float = -1
    answered: float = -1
    done: float = -1

    def spans(self) -> str:
        """Return request, target and response processing time in AWS's form."""
        received, sent, answered, done = self.received, self.sent, self.answered, self.done
        return f"{_span(received, sent)} {_span(sent, answered)} {_span(answered, done)}"


@dataclass(slots=True)  # not frozen: that costs a call for each member
class Entry:
    """One request, as an access log tells it; None is written as "-"."""

    finished_at: datetime
    balancer: str
    client: str
    target: str | None
    times: Times
    status: int
    target_status: int | None
    received_bytes: int
    sent_bytes: int
    request: str
    user_agent: str | None
    target_group_arn: str | None
    trace_id: str
    priority: int | None
    action: str
    redirect_url: str | None
    connection_id: str


def refused_entry(
    when: datetime,
    balancer: str,
    client: str,
    port: int,
    times: Times,
    status: int,
    sent_bytes: int,
    connection_id: str,
) -> Entry:
    """Return the entry of a request that could not be read: nothing is known of it but where it came to."""
    return Entry(
        finished_at=when,
        balancer=balancer,
        client=client,
        target=None,
        times=times,
        status=status,
        target_status=None,
        received_bytes=0,
        sent_bytes=sent_bytes,
        request=f"- http://{balancer.split('/')[1]}:{port}- -",
        user_agent=None,
        target_group_arn=None,
        trace_id="-",
        priority=None,
        action="-",
        redirect_url=None,
        connection_id=connection_id,
    )


def format_entry(entry: Entry) -> str:
    """Return an entry's line, with its newline."""
    created = entry.finished_at - timedelta(seconds=entry.times.done - entry.times.received)
    target, target_status = _dash(entry.target), _dash(entry.target_status)
    return (
        f"http {_stamp(entry.finished_at)} {entry.balancer} {entry.client} {target} {entry.times.spans()} "
        f"{entry.status} {target_status} {entry.received_bytes} {entry.sent_bytes} "
        f'"{_quotable(entry.request)}" "{_quotable(_dash(entry.user_agent))}" - - {_dash(entry.target_group_arn)} '
        f'"{_quotable(entry.trace_id)}" "-" "-" {_dash(entry.priority)} {_stamp(created)} "{entry.action}" '
        f'"{_quotable(_dash(entry.redirect_url))}" "-" "{target}" "{target_status}" "-" "-" {entry.connection_id}\n'
    )


def log_key(prefix: str, account_id: str, region: str, resource_id: str, end: datetime, node: str, tail: str) -> str:
    """Return the key of a log object; `node` is the node's address, `tail` a random string."""
    name = (
        f"{account_id}_elasticloadbalancing_{region}_{resource_id.replace('/', '.')}"
        f"_{end:%Y%m%dT%H%MZ}_{node}_{tail}.log.gz"
    )
    return f"{_folder(prefix, account_id)}/elasticloadbalancing/{region}/{end:%Y/%m/%d}/{name}"


def test_file_key(prefix: str, account_id: str) -> str:
    """Return the key of the object that is written when access logs are switched on."""
    return f"{_folder(prefix, account_id)}/ELBAccessLogTestFile"


def _folder(prefix: str, account_id: str) -> str:
    return f"{prefix}/AWSLogs/{account_id}" if prefix else f"AWSLogs/{account_id}"


def _span(begin: float, end: float) -> str:
    return f"{end - begin:.3f}" if begin >= 0 and end >= 0 else "-1"


def _stamp(when: datetime) -> str:
    return f"{when.isoformat(timespec='microseconds')[:26]}Z"  # half of a line's cost was strftime's


def _dash(value: object | None) -> str:
    return "-" if value is None or value == "" else str(value)


def _quotable(text: str) -> str:
    if text.isprintable() and '"' not in text:
        return text
    return "".join(c if c.isprintable() and c != '"' else f"\\x{ord(c):02x}" for c in text)
