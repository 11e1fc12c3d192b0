"""Drills in which lines arrive, but not as they should: escaped JSON, unparsed or split lines, too much noise."""

from __future__ import annotations

import json

from lab_helpers.base.lazy import pd
from lab_helpers.drills.case import CONF, Files
from lab_helpers.drills.drill import BROKEN, Story, TaskDrill
from lab_helpers.drills.looks import logged, newest_record
from lab_helpers.drills.scripts import PARSERS
from lab_helpers.drills.stage import Setup

LONG_CHARS = 20_000
RUNTIME_CHARS = 16_384
"""Where container runtimes cut a line: 16 KiB."""
PROBES, VISITORS = 90, 10
PROBE = '"ELB-HealthChecker/2.0"'


class EscapedJson(TaskDrill):
    """JSON that the app prints stays a string."""

    name = "escaped_json"
    story = Story(
        title="JSON escaped inside `log`",
        symptom='The app logs JSON, but its fields cannot be queried: the whole line is one string, with \\" in it.',
        where_to_look="One record, key by key: the app's fields are missing, `log` holds them as text.",
        cause="The log driver wraps every line into a record and does not look into it.",
        fix="A parser filter on `log` with a json parser, and Reserve_Data On, which keeps the other keys.",
        proof="The fields are keys of the record, beside container_name and ecs_*.",
        source="aws-for-fluent-bit #172, #304, #892",
        right="c",
        reasons={
            "a": "The record has one string under `log` before it is sent; CloudWatch Logs stores an "
            "event as it comes.",
            "b": "The text under `log` is valid JSON.",
            "c": "The log driver puts every line under `log` and does not look into it, and no filter does.",
        },
    )
    script = """echo '{"level":"warn","user":"anna","took_ms":42}'; sleep 1"""

    def setup(self, files: Files) -> Setup:
        return Setup(self.script, files[CONF])

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return {"level", "user", "took_ms", "container_name", "ecs_cluster"} <= set(seen["key"])

    def given(self) -> dict[str, str]:
        return {"parsers.conf": PARSERS}

    def view(self, take: str) -> pd.DataFrame:
        return newest_record(self.stage.events(take))

    def evidence(self) -> pd.DataFrame:
        found = newest_record(self.stage.events(BROKEN))
        return found[found["key"] == "log"].assign(type="one string")


class UnparsedLines(TaskDrill):
    """A parser filter that looks at a key that no record has."""

    name = "unparsed_lines"
    story = Story(
        title="httpd's lines arrive unparsed",
        symptom="There is a parser filter, there is no error, but records have no status, no path: only `log`.",
        where_to_look="The filter's Key_Name beside the keys of a record.",
        cause="Key_Name message: FireLens puts the line under `log`. A parser filter lets records pass that lack its "
        "key, without a word.",
        fix="Key_Name log (and the parsers file named in [SERVICE], or Fluent Bit would not start).",
        proof="client, method, path, status and size are keys of the record.",
        source="amazon-ecs-firelens-examples #45",
        right="a",
        reasons={
            "a": "FireLens puts the line under `log`. The filter looks under `message`, and lets "
            "records pass that lack this key.",
            "b": "The filter never comes to the expression: it finds nothing to try it on.",
            "c": "Without its parsers file Fluent Bit would not have started; this task ran to its end.",
        },
    )
    script = "printf '10.0.11.7 - - [%s] \"GET / HTTP/1.1\" 200 45\\n' \"$(date '+%d/%b/%Y:%H:%M:%S %z')\"; sleep 1"

    def setup(self, files: Files) -> Setup:
        return Setup(self.script, files[CONF])

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return {"client", "method", "path", "status", "size"} <= set(seen["key"])

    def given(self) -> dict[str, str]:
        return {"parsers.conf": PARSERS}

    def view(self, take: str) -> pd.DataFrame:
        found = newest_record(self.stage.events(take))
        return found[~found["key"].str.startswith(("container_", "ecs_", "source"))].reset_index(drop=True)

    def evidence(self) -> pd.DataFrame:
        keys = newest_record(self.stage.events(BROKEN))["key"]
        return pd.DataFrame({"looks at": ["message"], "keys of a record": [", ".join(keys)]})


class SplitLines(TaskDrill):
    """A line longer than the runtime's 16 KiB."""

    name = "split_lines"
    story = Story(
        title="long lines are split at 16 KB",
        symptom="Some JSON records are broken: one ends in the middle of a word, the next begins there.",
        where_to_look="The length of `log`, and the keys partial_message, partial_id, partial_ordinal beside it.",
        cause=f"The container runtime cuts a line after {RUNTIME_CHARS:,} bytes, and each part becomes a record.",
        fix="A multiline filter with mode partial_message, before every other filter: it joins the parts again.",
        proof="One record, whole, and its `log` is valid JSON.",
        source="aws-for-fluent-bit #25, #100",
        right="b",
        reasons={
            "a": "CloudWatch Logs takes much longer events; the parts were two records before they were sent.",
            "b": "The container runtime cuts a line after 16,384 bytes, and marks the parts with partial_message.",
            "c": "The app's printf has one line end: it prints one line.",
        },
    )
    script = f"""printf '{{"id":1,"text":"%0{LONG_CHARS}d"}}\\n' 0; sleep 2"""

    def setup(self, files: Files) -> Setup:
        return Setup(self.script, files[CONF])

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return bool(seen["is_json"].tolist() == [True])

    def view(self, take: str) -> pd.DataFrame:
        lines = logged(self.stage.events(take).sort_values("event_time", kind="stable")).tolist()
        lengths, valid = [len(line) for line in lines], [_is_json(line) for line in lines]
        return pd.DataFrame({"record": range(1, len(lines) + 1), "characters": lengths, "is_json": valid})

    def evidence(self) -> pd.DataFrame:
        found = newest_record(self.stage.events(BROKEN))
        chosen = found[found["key"].str.startswith("partial_")]
        return chosen.assign(value=chosen["value"].astype(str)).reset_index(drop=True)


class HealthChecks(TaskDrill):
    """Probes that drown the visitors."""

    name = "health_checks"
    story = Story(
        title="health checks flood the log",
        symptom="Nine lines of ten say ELB-HealthChecker. They cost as much as the others.",
        where_to_look="The lines, counted by who asked.",
        cause="The load balancer probes every task every 10 s, and httpd logs each probe.",
        fix="A grep filter with Exclude before the outputs (or exclude-pattern among the log driver's options). "
        "The log format must have the user agent in it: the article's common format has not.",
        proof="Every visitor is there, no probe.",
        source="copilot-cli #4564",
        right="b",
        reasons={
            "a": "The user agent of nine lines in ten is the load balancer's.",
            "b": "The load balancer asks each task again and again, httpd logs each request, and no "
            "filter drops the lines.",
            "c": "The app printed 100 lines, and 100 events are there: each once.",
        },
    )
    script = (
        f"i=1; while [ $i -le {PROBES} ]; do echo '10.0.11.7 \"GET /\" 200 {PROBE}'; i=$((i+1)); done; "
        'echo \'10.0.12.9 "GET /?q=ELB-HealthChecker/2.0" 200 "curl/8"\'; echo \'10.0.12.9 "GET /" 200 "curl/8"\'; '
        f'i=3; while [ $i -le {VISITORS} ]; do echo "10.0.12.9 \\"GET /$i\\" 200 \\"curl/8\\""; i=$((i+1)); done; '
        "sleep 1"
    )

    def setup(self, files: Files) -> Setup:
        return Setup(self.script, files[CONF])

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return bool(seen["lines"].tolist() == [0, VISITORS])

    def view(self, take: str) -> pd.DataFrame:
        probes = logged(self.stage.events(take)).str.endswith(PROBE)
        counts = [int(probes.sum()), int((~probes).sum())]
        return pd.DataFrame({"who asked": ["load balancer", "visitors"], "lines": counts})

    def evidence(self) -> pd.DataFrame:
        lines = logged(self.stage.events(BROKEN))
        agents = lines.str.extract(r'"([^"]*)"$', expand=False)
        return agents.value_counts().rename_axis("user agent").reset_index(name="lines")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
