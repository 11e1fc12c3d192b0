"""Plugins side by side: the four destinations (B2), C and Go (B3), the order of keys (E4)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lab_helpers import fluentbit
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until
from lab_helpers.drills import streams
from lab_helpers.drills.rights import allow, logs_without, make_role
from lab_helpers.drills.scripts import numbered, section
from lab_helpers.drills.stage import POLL_S, TASK_TIMEOUT_S, OnTick, Setup, Stage
from lab_helpers.experiments.experiment import Experiment

LINES = 100
C, GO = "c", "go"
_REGION = "region ${AWS_REGION}"


class Destinations(Experiment):
    """One line to every AWS destination, by the C plugins and by the Go plugins."""

    name = "faq_destinations"
    question = "Do all four destinations get every line, and do both generations of plugins deliver?"

    def run(self, on_tick: OnTick = None) -> None:
        self.undo()
        for take in (C, GO):
            streams.make_delivery_stream(self.stage, on_tick=on_tick, take=take)
            _make_data_stream(self.stage, self._stream(take), on_tick)
        role = self._role()
        setups = {
            take: Setup(numbered(LINES), self.configuration(take), variables=self._variables(take), task_role=role)
            for take in (C, GO)
        }
        self.play(setups, on_tick)
        streams.wait_for_lines(self.stage, 3 * LINES, on_tick)  # twice by Firehose, once by the s3 output

    def configuration(self, take: str) -> str:
        """Return the extra.conf of a generation ("c" or "go")."""
        names = fluentbit.output_plugins()[["C plugin (new)", "Go plugin (old)"][take == GO]]
        cloudwatch, firehose, kinesis, s3 = names
        group = ["log_group_name ${LOG_GROUP}", "log_stream_prefix from-", "auto_create_group true"]
        parts = [
            section("OUTPUT", f"Name {cloudwatch}", "Match *", _REGION, *group),
            section("OUTPUT", f"Name {firehose}", "Match *", _REGION, "delivery_stream ${STREAM}"),
            section("OUTPUT", f"Name {kinesis}", "Match *", _REGION, "stream ${STREAM}"),
        ]
        if s3:
            parts.append(to_s3(s3))
        return "".join(parts)

    def result(self) -> pd.DataFrame:
        """Return destination, plugin and lines, for C and Go: destination, c_plugin, c_lines, go_plugin, go_lines."""
        shown = fluentbit.output_plugins().set_axis(["destination", "c_plugin", "go_plugin"], axis=1)
        shown.insert(2, "c_lines", self._counts(C))
        shown["go_lines"] = pd.array(self._counts(GO), dtype="Int64")
        return shown

    def _counts(self, take: str) -> list[int | None]:
        by_firehose = streams.delivered(self.stage, containing=f"/{self._stream(take)}-")
        by_s3 = len(streams.delivered(self.stage, f"{streams.folder(self.stage)}s3/")) if take == C else None
        by_kinesis = _data_records(self.stage, self._stream(take))
        return [len(self.stage.events(take)), len(by_firehose), len(by_kinesis), by_s3]

    def _stream(self, take: str) -> str:
        return f"{self.stage.family}-{take}"

    def _variables(self, take: str) -> dict[str, str]:
        folder = f"{streams.folder(self.stage)}s3"
        return {"STREAM": self._stream(take), "BUCKET": self.lab.outputs.log_bucket, "FOLDER": folder}

    def _role(self) -> str:
        put = allow(
            ["firehose:PutRecordBatch", "kinesis:PutRecords"],
            f"arn:aws:firehose:*:*:deliverystream/{self.stage.family}-*",
            f"arn:aws:kinesis:*:*:stream/{self.stage.family}-*",
        )
        return make_role(self.stage, "task", logs_without(), put, put_objects(self.stage))


class KeyOrder(Experiment):
    """The same lines through the C and the Go plugin for CloudWatch Logs."""

    name = "faq_key_order"
    question = "In which order do the keys of a record come?"

    def run(self, on_tick: OnTick = None) -> None:
        self.undo()
        self.play({"order": Setup(numbered(LINES), self.configuration())}, on_tick)

    def configuration(self) -> str:
        """Return the extra.conf: both plugins, one log group, streams with a prefix each."""
        return "".join(
            section(
                "OUTPUT", f"Name {plugin}", "Match *", _REGION, "log_group_name ${LOG_GROUP}",
                f"log_stream_prefix {prefix}-", "auto_create_group true",
            )
            for plugin, prefix in (("cloudwatch_logs", C), ("cloudwatch", GO))
        )  # fmt: skip

    def result(self) -> pd.DataFrame:
        """Return the orders that were seen, each once: plugin, order."""
        events = self.stage.events("order")
        is_go = events["stream"].astype(str).str.startswith(f"{GO}-")
        found = pd.DataFrame(
            {
                "plugin": is_go.map({True: "cloudwatch (Go)", False: "cloudwatch_logs (C)"}),
                "order": events["message"].map(_order),
            }
        )
        return found.drop_duplicates().sort_values(["plugin", "order"], ignore_index=True)


def to_s3(plugin: str = "s3") -> str:
    """Return an s3 output into the experiment's folder, which gathers 50 MB or 10 minutes, as is the plugin's way."""
    return section(
        "OUTPUT", f"Name {plugin}", "Match *", _REGION, "bucket ${BUCKET}", "s3_key_format /${FOLDER}/$UUID",
        "total_file_size 50M", "upload_timeout 10m", "store_dir buffer",
    )  # fmt: skip


def put_objects(stage: Stage) -> dict[str, object]:
    """Return the statement that lets a task write into the experiment's folder."""
    return allow(["s3:PutObject"], f"arn:aws:s3:::{stage.lab.outputs.log_bucket}/{streams.folder(stage)}*")


def _order(message: str) -> str:
    return ", ".join(json.loads(message))


def _make_data_stream(stage: Stage, name: str, on_tick: OnTick) -> None:
    kinesis = stage.lab.client("kinesis")
    stage.opened.add("data stream", name)
    with aws_errors("CreateStream"):
        kinesis.create_stream(StreamName=name, ShardCount=1)
        wait_until(
            lambda: str(kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"]),
            TASK_TIMEOUT_S,
            POLL_S,
            say("the data stream {name} to be active", name=name),
            done=lambda status: status == "ACTIVE",
            on_tick=on_tick,
        )


def _data_records(stage: Stage, name: str) -> Sequence[bytes]:
    kinesis, found = stage.lab.client("kinesis"), []
    with aws_errors("GetRecords"):
        shard = kinesis.list_shards(StreamName=name)["Shards"][0]["ShardId"]
        answer = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        iterator = answer["ShardIterator"]
        while iterator:
            page = kinesis.get_records(ShardIterator=iterator)
            found += [record["Data"] for record in page["Records"]]
            iterator = page["NextShardIterator"] if page["Records"] or page.get("MillisBehindLatest") else None
    return found
