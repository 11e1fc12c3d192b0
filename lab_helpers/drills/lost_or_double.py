"""Drills in which lines are lost or arrive twice: at the stop, in the driver, at Firehose."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from lab_helpers.base.errors import LabError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.drills import streams
from lab_helpers.drills.case import CONF, CONTAINERS, Files, members
from lab_helpers.drills.drill import BROKEN, FIXED, Story, TaskDrill
from lab_helpers.drills.looks import containers, logged
from lab_helpers.drills.rights import allow, logs_without, make_role
from lab_helpers.drills.scripts import big_lines, section, to_cloudwatch, to_firehose
from lab_helpers.drills.stage import APP, ROUTER, OnTick, Setup

BURST_LINES = 20_000
SMALL_BUFFER = 1_000
BIG_LINES, BIG_LINE_CHARS = 840, 15_000
"""12 MiB in a second or two, which is more than a delivery stream of the default quota takes at once."""


READ = "drill:duplicates:read"
"""Note of the numbers that the trainee's reader returned."""

Reader = Callable[[Any], Sequence[int]]
"""What a trainee writes: from the numbers as they arrived to those that count."""


class LastLines(TaskDrill):
    """An app that is killed before it has said its last words."""

    name = "last_lines"
    mendable = (CONTAINERS,)
    until = "RUNNING"
    story = Story(
        title="the last lines are lost at the stop",
        symptom="After each deployment the end of the work is missing: `saving` is there, `saved` never.",
        where_to_look="The exit code: 137 is 128 + 9, SIGKILL. The app did not end, it was ended.",
        cause="stopTimeout of the app is 2 s: SIGTERM, two seconds, SIGKILL. It needs three. (The router has the same "
        "limit, and Fluent Bit's own: Grace, 5 s by default.)",
        fix="stopTimeout above the longest shutdown (at most 120 s on Fargate); for the router Grace below its own.",
        proof="`saved` arrives, and the exit code is 0.",
        source="containers-roadmap #579, aws-for-fluent-bit #201, #856",
        right="b",
        reasons={
            "a": "What is printed is passed on: `saving` was printed shortly before, and is there.",
            "b": "The app's exit code is 137: SIGKILL, two seconds after SIGTERM. It needs three.",
            "c": "The router is stopped after the app, and it ended in order.",
        },
    )
    script = "trap 'echo saving; sleep 3; echo saved; exit 0' TERM; echo ready; while :; do sleep 1 & wait $!; done"

    def setup(self, files: Files) -> Setup:
        app, router = members(files, APP), members(files, ROUTER)
        return Setup(self.script, to_cloudwatch(), app=app, router=router)

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return bool("saved" in seen["line"].tolist())

    def view(self, take: str) -> pd.DataFrame:
        return pd.DataFrame({"line": logged(self.stage.events(take).sort_values("event_time", kind="stable"))})

    def evidence(self) -> pd.DataFrame:
        return containers(self.task(BROKEN))

    def _play(self, take: str, files: Files, on_tick: OnTick, until: str = "") -> None:
        super()._play(take, files, on_tick, until)
        self._wait_for_events(take, 1, on_tick)
        self.stage.stop(self.task_arn(take))
        self.stage.wait_for(self.task_arn(take), "STOPPED", on_tick)


class DriverBufferFull(TaskDrill):
    """A burst that the log driver's buffer does not hold."""

    name = "driver_buffer_full"
    mendable = (CONTAINERS,)
    story = Story(
        title="the log driver's buffer is full",
        symptom="Of a burst of lines a part is missing. The router has no error: it never got them.",
        where_to_look="Nowhere: neither the router nor CloudWatch knows of them. Number the lines and count.",
        cause=f"log-driver-buffer-limit is {SMALL_BUFFER:,} lines. A full buffer drops: the driver never blocks the "
        "app (non-blocking is the default of ECS since June 2025).",
        fix="Leave the limit at its default of 1,048,576 lines, or choose it for the longest burst.",
        proof="Every line of the same burst arrives.",
        source="amazon-ecs-firelens-examples, log-driver-buffer-limit",
        right="c",
        reasons={
            "a": "A router that gives a chunk up says `cannot be retried`: its log has no error.",
            "b": "A throttled PutLogEvents would stand in the router's own log.",
            "c": "log-driver-buffer-limit is 1,000 lines, and the burst has 20,000. A full buffer drops.",
        },
    )
    script = f"seq 1 {BURST_LINES}; sleep 3"

    def setup(self, files: Files) -> Setup:
        app, router = members(files, APP), members(files, ROUTER)
        return Setup(self.script, to_cloudwatch(), app=app, router=router)

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return seen["lines"].tolist() == [BURST_LINES, BURST_LINES, BURST_LINES, 0, 0]

    def view(self, take: str) -> pd.DataFrame:
        return tally(BURST_LINES, logged(self.stage.events(take)))

    def numbers(self) -> pd.Series:
        """Return the numbers of the lines that arrived, from 1."""
        return logged(self.stage.events(BROKEN)).astype(int)

    def evidence(self) -> pd.DataFrame:
        gaps = self.numbers().sort_values().diff().fillna(1).sub(1)
        complaints = self.stage.complaints(self.task_arn(BROKEN))["level"].eq("error").sum()
        names = ["gaps between the numbers", "errors in the router's own log"]
        return pd.DataFrame({"what": names, "value": [bool((gaps > 0).any()), int(complaints)]}, dtype=object)


class _Overload(TaskDrill):
    """More than a delivery stream takes."""

    def inject(self, on_tick: OnTick = None) -> None:
        self._begin_anew()
        streams.make_delivery_stream(self.stage, on_tick=on_tick)
        self._play(BROKEN, self.broken_files(), on_tick)
        streams.wait_until_drained(self.stage, on_tick)

    def view(self, take: str) -> pd.DataFrame:
        del take  # both are in one folder: the first is emptied before the second
        return tally(BIG_LINES, pd.Series([_number(line) for line in streams.delivered(self.stage)], dtype=object))

    def _role(self) -> str:
        put = allow(["firehose:PutRecordBatch"], f"arn:aws:firehose:*:*:deliverystream/{self.stage.family}")
        return make_role(self.stage, "task", logs_without(), put)

    def _setup(self, conf: str, linger_s: int) -> Setup:
        variables = {"DELIVERY_STREAM": self.stage.family}
        script = big_lines(BIG_LINES, BIG_LINE_CHARS, linger_s)
        return Setup(script, conf, variables=variables, task_role=self._role())


class FirehoseThrottled(_Overload):
    """A burst that Firehose refuses in part, and a router that gives up."""

    name = "firehose_throttled"
    story = Story(
        title="Firehose throttles",
        symptom="After a burst lines are missing in S3, although Firehose delivers without an error.",
        where_to_look="The router's own log: throughput limits may have been exceeded; then `cannot be retried`.",
        cause="A delivery stream takes 1 MiB a second in most regions (5 in three). The router tries a refused chunk "
        "once more (Retry_Limit 1) and drops it.",
        fix="Send less (compression gzip, filters), ask AWS for a higher quota, and raise Retry_Limit.",
        proof="The same burst, compressed, arrives whole.",
        source="aws-for-fluent-bit #334; Amazon Data Firehose quota",
        right="a",
        reasons={
            "a": "Firehose took a part of each batch; the router tried the chunk once more and gave it up.",
            "b": "What Firehose took it delivered: it has no delivery error.",
            "c": "The log driver's buffer has its default of 1,048,576 lines, and the burst has 840.",
        },
    )

    def setup(self, files: Files) -> Setup:
        return self._setup(files[CONF], 1)

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return seen["lines"].tolist() == [BIG_LINES, BIG_LINES, BIG_LINES, 0, 0]

    def _mend(self, files: Files, on_tick: OnTick) -> None:
        self.stage.opened.close_kind("objects")
        self._play(FIXED, files, on_tick)
        streams.wait_until_drained(self.stage, on_tick)

    def evidence(self) -> pd.DataFrame:
        messages = self.stage.complaints(self.task_arn(BROKEN))["message"]
        known = {"throughput limits": "Throughput limits", "part of a batch refused": "records failed to be delivered",
                 "chunk given up": "cannot be retried"}  # fmt: skip
        seen = [bool(messages.str.contains(text, case=False).any()) for text in known.values()]
        return pd.DataFrame({"in the router's own log": list(known), "seen": seen})


class Duplicates(_Overload):
    """The same burst with a router that never gives up: everything arrives, some of it twice."""

    name = "duplicates"
    mendable = ()
    story = Story(
        title="duplicates after a partial failure",
        symptom="There are more lines in S3 than were printed.",
        where_to_look="The lines, counted by their number; the router's own log: n out of m records failed.",
        cause="PutRecordBatch took a part of a batch. Fluent Bit tries the whole chunk again, what was taken with it.",
        fix="Nothing at the sender: at least once is what it promises. Give each line an id, and de-duplicate readers.",
        proof="Every number once, none missing.",
        source="fluent-bit #6369, aws-for-fluent-bit #150",
        right="b",
        reasons={
            "a": "The app counts from 1 to 840, once.",
            "b": "PutRecordBatch took a part of a batch; the router sends the whole chunk again, "
            "what was taken with it.",
            "c": "Firehose delivers once what it was given; the router's log says how many records it refused before.",
        },
    )

    def setup(self, files: Files) -> Setup:
        del files
        patient = section("SERVICE", "scheduler.base 3", "scheduler.cap 3", "Grace 30")
        return self._setup(patient + to_firehose("Retry_Limit no_limits"), 15)

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return seen["lines"].tolist() == [BIG_LINES, BIG_LINES, BIG_LINES, 0, 0]

    def numbers(self) -> pd.Series:
        """Return the number of each line in S3, as it arrived."""
        return pd.Series([_number(line) for line in streams.delivered(self.stage)], dtype=object)

    def mend_reader(self, reader: Reader) -> None:
        """Read again with the trainee's reader, nothing is sent a second time; raises LabError."""
        try:
            read = [int(number) for number in reader(self.numbers())]
        except Exception as exc:  # the trainee's own code
            raise LabError(say("The reader raises {error}", error=f"{type(exc).__name__}: {exc}")) from exc
        self.lab.notes.take(READ, read)
        self._keep(FIXED, self.task_arn(BROKEN))

    def mend(self, files: Files | None = None, on_tick: OnTick = None) -> None:
        """Read with the reference's reader."""
        del files, on_tick
        self.mend_reader(lambda numbers: numbers.drop_duplicates().tolist())

    def undo(self) -> None:
        super().undo()
        self.lab.notes.drop(READ)

    def view(self, take: str) -> pd.DataFrame:
        read = self.lab.notes.read(READ, "A drill", "02") if take == FIXED else self.numbers()
        return tally(BIG_LINES, pd.Series(read, dtype=object))

    def evidence(self) -> pd.DataFrame:
        messages = self.stage.complaints(self.task_arn(BROKEN))["message"]
        found = messages[messages.str.contains("records failed to be delivered")]
        told = found.str.replace(r"^.*\] ", "", regex=True).str.replace(r"\d+", "N", regex=True)
        return told.drop_duplicates().head(3).to_frame().reset_index(drop=True)


def tally(printed: int, found: pd.Series) -> pd.DataFrame:
    """Return what became of numbered lines: printed, arrived, unique, twice or more, lost: what, lines."""
    unique = int(found.nunique())
    counts = {"printed": printed, "arrived": len(found), "unique": unique}
    counts |= {"duplicates": len(found) - unique, "lost": printed - unique}
    return pd.DataFrame({"what": list(counts), "lines": list(counts.values())})


def _number(line: bytes) -> int:
    found = re.search(rb'"log":"(\d+) ', line)
    return int(found.group(1)) if found else -1
