"""Firehose: why it stands in front of S3 (E2), and its errors without a prepared log stream (E5)."""

from __future__ import annotations

from lab_helpers import faults
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until
from lab_helpers.drills import streams
from lab_helpers.drills.lost_or_double import tally
from lab_helpers.drills.rights import FIREHOSE, allow, make_role
from lab_helpers.drills.scripts import numbered, to_firehose
from lab_helpers.drills.stage import POLL_S, OnTick, Setup
from lab_helpers.experiments.experiment import Experiment
from lab_helpers.experiments.plugins import put_objects, to_s3

LINES = 500
LIVES_S = 8
"""Seconds that the router lives: it has long sent on what it sends on at once."""
KILLED_ROUTER = {"command": ["sh", "-c", f"/entrypoint.sh & router=$!; sleep {LIVES_S}; kill -9 $router; wait $router"]}
"""Kills the router as the kernel does when memory runs out: SIGKILL, without a chance to send what it holds."""
BY_S3, BY_FIREHOSE = "s3", "firehose"
UNPREPARED, PREPARED = "unprepared", "prepared"


class RouterKilled(Experiment):
    """A router that is killed, with the s3 output and with Firehose."""

    name = "faq_router_killed"
    question = "Why Firehose in front of S3, when Fluent Bit has an s3 output?"

    def run(self, on_tick: OnTick = None) -> None:
        self.undo()
        streams.make_delivery_stream(self.stage, on_tick=on_tick)
        put = allow(["firehose:PutRecordBatch"], f"arn:aws:firehose:*:*:deliverystream/{self.stage.family}")
        role = make_role(self.stage, "task", put, put_objects(self.stage))
        variables = {
            "DELIVERY_STREAM": self.stage.family,
            "BUCKET": self.lab.outputs.log_bucket,
            "FOLDER": f"{streams.folder(self.stage)}s3",
        }
        script = numbered(LINES, then="sleep 600")
        self.play(
            {
                take: Setup(script, conf, router=KILLED_ROUTER, variables=variables, task_role=role)
                for take, conf in ((BY_S3, to_s3()), (BY_FIREHOSE, to_firehose()))
            },
            on_tick,
        )
        streams.wait_for_lines(self.stage, LINES, on_tick)

    def result(self) -> pd.DataFrame:
        """Return what became of the lines: what, s3, firehose."""
        folder = streams.folder(self.stage)
        by_s3, everything = streams.delivered(self.stage, f"{folder}s3/"), streams.delivered(self.stage)
        shown = tally(LINES, pd.Series(by_s3, dtype=object)).rename(columns={"lines": BY_S3})
        rest = pd.Series([line for line in everything if line not in set(by_s3)], dtype=object)
        return shown.assign(firehose=tally(LINES, rest)["lines"])

    def exit_codes(self) -> dict[str, int]:
        """Return the exit code of each take's router."""
        found = {take: self.stage.task(arn)["containers"] for take, arn in self.tasks.items()}
        return {
            take: next(each.get("exitCode") for each in containers if each["name"] == "log_router")
            for take, containers in found.items()
        }


class FirehoseErrors(Experiment):
    """A delivery that fails, with and without a prepared log stream."""

    name = "faq_firehose_errors"
    question = "Why does no log stream appear for Firehose's errors unless it was made beforehand?"

    def run(self, on_tick: OnTick = None) -> None:
        self.undo()
        out = self.lab.outputs
        self.stage.opened.add("log streams", out.log_group, f"{self.stage.family}/")
        role = make_role(self.stage, "firehose", allow(["logs:PutLogEvents"]), trusted=FIREHOSE)
        with aws_errors("CreateLogStream"):
            logs = self.lab.client("logs")
            logs.create_log_stream(logGroupName=out.log_group, logStreamName=self._stream(PREPARED))
        for take in (UNPREPARED, PREPARED):
            streams.make_delivery_stream(self.stage, role, self._stream(take), on_tick, take)
            self._send(take)
        self._wait_for_error(on_tick)

    def result(self) -> pd.DataFrame:
        """Return both: log_stream, exists, error_events, error_code."""
        rows = []
        for take in (UNPREPARED, PREPARED):
            found = self._errors(take)
            codes = ", ".join(sorted(set(found["error_code"])))
            rows.append((take, self._exists(take), len(found), codes))
        return pd.DataFrame(rows, columns=["log_stream", "exists", "error_events", "error_code"])

    def _stream(self, take: str) -> str:
        return f"{self.stage.family}/{take}"

    def _send(self, take: str) -> None:
        with aws_errors("PutRecord"):
            self.lab.client("firehose").put_record(
                DeliveryStreamName=f"{self.stage.family}-{take}", Record={"Data": b"a line\n"}
            )

    def _errors(self, take: str) -> pd.DataFrame:
        logs, group = self.lab.client("logs"), self.lab.outputs.log_group
        return faults.delivery_errors(logs, group, stream=self._stream(take))

    def _exists(self, take: str) -> bool:
        with aws_errors("DescribeLogStreams"):
            found = self.lab.client("logs").describe_log_streams(
                logGroupName=self.lab.outputs.log_group, logStreamNamePrefix=self._stream(take)
            )
        return bool(found["logStreams"])

    def _wait_for_error(self, on_tick: OnTick) -> None:
        wait_until(
            lambda: len(self._errors(PREPARED)),
            faults.ERROR_TIMEOUT_S,
            POLL_S,
            say("a delivery error in {stream}", stream=self._stream(PREPARED)),
            describe=lambda count: say("{count:,} error events", count=count),
            on_tick=on_tick,
        )
