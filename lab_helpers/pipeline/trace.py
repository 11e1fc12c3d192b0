"""One request's id followed through all its stops: the raw form there, its times, and why a stop has nothing yet.

Only what AWS's API tells is read, so that it is the same on an account. What AWS keeps nowhere (the record inside the
task, the one that Firehose was given) is written as it must have been, by what came out behind it; the note says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lab_helpers import alb_logs, s3_logs, sql
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import LabError, NotFoundError, NotYetError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.lab import Lab
from lab_helpers.logs.apache import parse_line
from lab_helpers.traffic import ByHand, check_id

BY_HAND = "by_hand"
"""Note of the requests that were sent by hand: id -> what was sent and answered."""
KEPT = 20
"""Requests by hand that are remembered."""
ALB_PERIOD_S = 300
"""Source: "Elastic Load Balancing publishes a log file for each load balancer node every 5 minutes"."""
STREAM_PREFIX = "from-"
"""log_stream_prefix of fluentbit/extra.conf: what stands before the tag in a log stream's name."""
ADDED_BY_FILTER = ("ecs_cluster", "ecs_task_arn", "ecs_task_definition")
_MARGIN = timedelta(minutes=10)
"""This machine's clock may differ from AWS's."""
_FRAMES = ("requests", "requests-during-error", "visitors")
"""Kept frames of sent requests that may hold an id."""


_IN_THE_ROUTER = "Nothing of it has come out of the router yet: it flushes every second."

Stored = tuple[s3_logs.StoredObject, str, int]
"""The object that holds a line, the line, and how often it is stored."""


@dataclass(frozen=True)
class Stop:
    """One stop of a request; `at` None: no time is known there, `raw` empty: nothing is there (yet), see `note`."""

    key: str
    name: str
    at: datetime | None = None
    until: datetime | None = None
    where: str = ""
    raw: str = ""
    note: str = ""


def keep(lab: Lab, request: ByHand) -> None:
    """Remember a request that was sent by hand, so that later notebooks follow the same."""
    known = dict(lab.notes.read(BY_HAND, "", "04")) if lab.notes.has(BY_HAND) else {}
    known.pop(request.id, None)
    known[request.id] = request.as_note()
    lab.notes.take(BY_HAND, dict(list(known.items())[-KEPT:]))


def traced_id(lab: Lab) -> str:
    """Return the id of the newest request by hand; raises NotYetError."""
    return str(list(lab.notes.read(BY_HAND, "A request sent by hand", "04"))[-1])


def follow(lab: Lab, request_id: str, now: datetime | None = None) -> tuple[Stop, ...]:
    """Return the eight stops of a request in their order; `now` is the moment that bounds are counted from.

    Raises SettingsError for what is no id, NotYetError before the lab is applied. What one stop cannot tell stands in
    its note.
    """
    check_id(request_id)
    trail = _Trail(lab, request_id, now or datetime.now(UTC))
    client = trail.client()
    since = client.at - _MARGIN if client.at else None
    event, stored = trail.event(since), trail.stored(since)
    record = json.loads(event["message"]) if event else json.loads(stored[1]) if stored else None
    return (
        client,
        trail.told("alb", say("load balancer"), lambda: trail.balancer(since)),
        trail.httpd(record),
        trail.router(record, event),
        trail.cloudwatch(event),
        trail.firehose(event, stored),
        trail.s3(event, stored),
        trail.told("athena", "Athena", lambda: trail.athena(stored)),
    )


@dataclass
class _Trail:
    """What is looked up for one id; each method makes one stop, or finds what two stops are made of."""

    lab: Lab
    id: str
    now: datetime

    def told(self, key: str, name: str, find: Callable[[], Stop]) -> Stop:
        """The stop, or one that says why it cannot be read."""
        try:
            return find()
        except LabError as exc:
            return Stop(key, name, note=str(exc).splitlines()[0])

    def client(self) -> Stop:
        name = say("client")
        notes = self.lab.notes
        known = notes.read(BY_HAND, "", "04") if notes.has(BY_HAND) else {}
        if self.id in known:
            sent = ByHand.of_note(known[self.id])
            raw = f"{sent.request.strip()}\n\n{sent.answer.strip()}"
            return Stop("client", name, sent.sent_at, sent.answered_at, sent.url, raw)
        for frame_name in _FRAMES:
            if notes.has(f"frame:{frame_name}"):
                frame = notes.frame(frame_name, "", "04")
                for row in frame[frame["id"] == self.id].to_dict("records"):
                    return self._sent(row)
        return Stop("client", name, note=say("No request with this id was sent from this lab's notebooks."))

    def _sent(self, row: Mapping[Any, Any]) -> Stop:
        at = row["sent_at"].to_pydatetime(warn=False)
        raw = f"{row['method']} {row['path']} HTTP/1.1\n\n{'' if pd.isna(row['status']) else row['status']}"
        until = at + timedelta(milliseconds=row["elapsed_ms"])
        note = say("One of many: only the request line and the status were kept.")
        return Stop("client", say("client"), at, until, self.lab.outputs.url, raw.strip(), note)

    def balancer(self, since: datetime | None) -> Stop:
        name, bucket = say("load balancer"), self.lab.outputs.alb_log_bucket
        entries = alb_logs.read_entries(self.lab.client("s3"), bucket, since=since)
        found = entries[entries["id"] == self.id]
        if found.empty:
            due = next_alb_log(self.now)
            told = say(
                "ALB access logs are delivered every 5 minutes: next at {at:%H:%M:%S} UTC, in {seconds:.0f} s at most.",
                at=due, seconds=(due - self.now).total_seconds(),
            )  # fmt: skip
            return Stop("alb", name, where=f"s3://{bucket}/", note=told)
        row = found.iloc[0]
        at, until = _moment(row["created_at"]), _moment(row["time"])
        told = say("Delivered {at:%H:%M:%S} UTC.", at=row["delivered_at"])
        return Stop("alb", name, at, until, f"s3://{bucket}/{row['s3_key']}", row["line"], _many(len(found), told))

    def httpd(self, record: dict[str, Any] | None) -> Stop:
        if record is None:
            return Stop("httpd", "httpd", note=say("What httpd prints is kept nowhere: it is known by what follows."))
        line, task = str(record.get("log", "")), str(record.get("ecs_task_arn", "")).rpartition("/")[2]
        when = parse_line(line).request_time_us
        at = datetime.fromtimestamp(when / 1e6, UTC) if when is not None else None
        where = say("container {name} of task {task}, {source}", name=record.get("container_name", ""), task=task,
                    source=record.get("source", ""))  # fmt: skip
        return Stop("httpd", "httpd", at, None, where, line, say("Apache's time in the line has whole seconds."))

    def router(self, record: dict[str, Any] | None, event: dict[str, Any] | None) -> Stop:
        name = say("log router")
        if record is None or event is None:
            return Stop("router", name, note=say(_IN_THE_ROUTER))
        tag, seconds = event["logStreamName"].removeprefix(STREAM_PREFIX), event["timestamp"] / 1000
        came = {key: value for key, value in record.items() if key not in ADDED_BY_FILTER}
        raw = f"{_json([tag, seconds, came])}\n{say('after the filter:')} {_json([tag, seconds, record])}"
        told = say("Tag and time are known by the stream's name and the event's time; of it milliseconds are left.")
        at, until = _of_ms(event["timestamp"]), _of_ms(event["ingestionTime"])
        return Stop("router", name, at, until, say("tag {tag}", tag=tag), raw, told)

    def event(self, since: datetime | None) -> dict[str, Any] | None:
        """The CloudWatch event as FilterLogEvents answers it, `times` told; None: not there."""
        group = self.lab.outputs.httpd_log_group
        span = {"startTime": int(since.timestamp() * 1000)} if since else {}
        try:
            with aws_errors("FilterLogEvents"):
                pages = (
                    self.lab.client("logs")
                    .get_paginator("filter_log_events")
                    .paginate(logGroupName=group, filterPattern=f'"{self.id}"', **span)
                )
                found = [event for page in pages for event in page["events"]]
        except NotFoundError:
            return None
        return {**found[0], "times": len(found)} if found else None

    def cloudwatch(self, event: dict[str, Any] | None) -> Stop:
        name, group = "CloudWatch Logs", self.lab.outputs.httpd_log_group
        if event is None:
            told = say("Not there yet: Fluent Bit flushes every second; on an account it can be read within a minute.")
            return Stop("cloudwatch", name, where=group, note=told)
        raw = json.dumps({key: value for key, value in event.items() if key != "times"}, ensure_ascii=False, indent=1)
        told = say(
            "timestamp {made:%H:%M:%S.%f} is the record's time, ingestionTime {taken:%H:%M:%S.%f} when it was taken.",
            made=_of_ms(event["timestamp"]), taken=_of_ms(event["ingestionTime"]),
        )  # fmt: skip
        where = f"{group} / {event['logStreamName']}"
        return Stop("cloudwatch", name, _of_ms(event["ingestionTime"]), None, where, raw, _many(event["times"], told))

    def stored(self, since: datetime | None) -> Stored | None:
        """The object that holds the line, the line, and how often it is stored; None: not there."""
        needle, found = self.id.encode(), list[tuple[s3_logs.StoredObject, str]]()
        client, bucket = self.lab.client("s3"), self.lab.outputs.log_bucket
        for item, unpacked in s3_logs.each_object(client, bucket, since=since):
            lines = bytes(unpacked.data).split(b"\n") if needle in unpacked.data else []
            found += [(item, line.decode("utf-8", "replace")) for line in lines if needle in line]
        return (*found[0], len(found)) if found else None

    def firehose(self, event: dict[str, Any] | None, stored: Stored | None) -> Stop:
        where = say("PutRecordBatch to {stream}", stream=self.lab.outputs.delivery_stream_name)
        data = stored[1] if stored else event["message"] if event else None
        if data is None:
            return Stop("firehose", "Firehose", where=where, note=say(_IN_THE_ROUTER))
        at = _of_ms(event["ingestionTime"]) if event else None
        until = stored[0].delivered_at if stored else None
        told = say(
            "Firehose tells no record's time of arrival: about CloudWatch's, both outputs flush together. It keeps it "
            "for {seconds:g} s or until 1 MiB is there.", seconds=self.lab.settings.buffer_s,
        )  # fmt: skip
        return Stop("firehose", "Firehose", at, until, where, _json({"Data": data + "\n"}), told)

    def s3(self, event: dict[str, Any] | None, stored: Stored | None) -> Stop:
        bucket, buffer_s = self.lab.outputs.log_bucket, self.lab.settings.buffer_s
        if stored is None:
            told = say("Firehose delivers after {seconds:g} s at most, or with 1 MiB.", seconds=buffer_s)
            if event:
                due = _of_ms(event["timestamp"]) + timedelta(seconds=buffer_s)
                told = say("{told} Due by {due:%H:%M:%S} UTC.", told=told, due=due)
            return Stop("s3", "S3", where=f"s3://{bucket}/", note=told)
        item, line, times = stored
        told = _many(times, say("The object's time has whole seconds."))
        return Stop("s3", "S3", item.delivered_at, None, f"s3://{bucket}/{item.key}", line, told)

    def athena(self, stored: Stored | None) -> Stop:
        if stored is None:
            return Stop("athena", "Athena", note=say("Athena reads what is in S3: as soon as the line is there."))
        question = athena_question(self.lab.outputs.glue_table, stored[0].key, self.id)
        rows = sql.ask(self.lab, question)
        if rows.empty:
            raise NotYetError("The line in Athena's table", "02")
        raw = f"{question}\n\n{json.dumps(rows.iloc[0].to_dict(), ensure_ascii=False, indent=1, default=str)}"
        told = say("It is asked now; {count:,} bytes were scanned.", count=rows.attrs["scanned_bytes"])
        return Stop("athena", "Athena", None, None, self.lab.outputs.glue_table, raw, told)


def athena_question(table: str, key: str, request_id: str) -> str:
    """Return the SQL that finds a request's row in the hour of an object's key."""
    hour = "/".join(key.split("/")[:4])
    return f"SELECT * FROM {table} WHERE datehour = '{hour}' AND log LIKE '%{check_id(request_id)}%'"


def next_alb_log(now: datetime) -> datetime:
    """Return when the load balancer's log of `now` is delivered, at the latest: the next full five minutes."""
    return datetime.fromtimestamp((now.timestamp() // ALB_PERIOD_S + 1) * ALB_PERIOD_S, UTC)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _many(times: int, told: str) -> str:
    return told if times == 1 else say("{times} times! {told}", times=times, told=told)


def _moment(value: Any) -> datetime | None:
    return None if pd.isna(value) else value.to_pydatetime(warn=False)


def _of_ms(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
