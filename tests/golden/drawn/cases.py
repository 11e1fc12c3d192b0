"""A case of `tests/golden/cases` from a seed and a number: a configuration, its files, and what is sent."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from tests.golden.drawn import records
from tests.golden.drawn.filters import FILTERS, LUA_FILE, PARSERS_FILE, Lines

TAG = "app-firelens-5c5c639cc38042649f84d55c5df013dd"
TAGS = (TAG, "web-firelens-0", "a.b.c", "one")
MATCHES = ("*", "*", "app-firelens*", "a.*", "*-firelens-*", "t.*", "new.*")
REWRITTEN = ("app-firelens*", "a.*", "t.*", "one", "d")
"""What a rewrite_tag may match: not what it makes."""
METADATA = {
    "cluster": "httpd-cluster",
    "task_arn": "arn:aws:ecs:ap-northeast-1:123456789012:task/httpd-cluster/5c5c639cc38042649f84d55c5df013dd",
    "task_definition": "httpd-task:72",
}
REGION = ("region", "ap-northeast-1")
READ_ALL = ("Read_from_Head", "on")
SECOND: tuple[Lines, ...] = (
    [("Name", "kinesis_firehose"), ("delivery_stream", "ds")],
    [("Name", "kinesis_streams"), ("stream", "ks")],
    [
        ("Name", "s3"),
        ("bucket", "b"),
        ("use_put_object", "on"),
        ("total_file_size", "1M"),
        ("s3_key_format", "/$TAG/x"),
    ],
)
TIMES: dict[str, Lines] = {
    "kinesis_firehose": [("time_key", "at"), ("time_key_format", "%s.%9N")],
    "kinesis_streams": [("time_key", "at")],
    "s3": [("json_date_format", "iso8601")],
}


def case(seed: int, number: int) -> dict[str, Any]:
    """Return the case; the same one for the same seed and number, whatever was drawn before."""
    rng = Random(f"{seed}/{number}")
    inputs, files = _inputs(rng)
    names = [rng.choice(list(FILTERS)) for _ in range(rng.randint(1, 4))]
    filters = [_filter(rng, name) for name in names]
    outputs = _outputs(rng, has_old_times="t.log" not in files)
    service = [("SERVICE", [("Parsers_File", "$DIR/drawn-parsers.conf")])]
    sections = [*service, *inputs, *filters, *outputs]
    return {
        "name": f"drawn-{seed}-{number:04}",
        "about": "drawn: " + ", ".join(dict(lines).get("Name", "") for _, lines in sections[1:]),
        "extra_conf": "".join(_text(kind, lines) for kind, lines in sections),
        "files": {"drawn-parsers.conf": PARSERS_FILE, "drawn.lua": LUA_FILE, **files},
        "containers": {"app": {"options": {}}},
        "metadata": rng.choice((None, METADATA)),
        "input": _sent(rng),
        "faults": [],
        "unordered": True,
        "wait": {"quiet": 2.2, "stderr_sorted": True},
        "expect": {},
    }


def _inputs(rng: Random) -> tuple[list[tuple[str, Lines]], dict[str, str]]:
    """Return inputs beside FireLens' own, and the files that they read."""
    inputs: list[tuple[str, Lines]] = []
    files: dict[str, str] = {}
    if rng.random() < 0.3:
        body = json.dumps(records.plain(rng), ensure_ascii=False)
        fixed = [("Start_time_sec", str(records.SECONDS)), ("Fixed_timestamp", "on")]
        inputs.append(("INPUT", [("Name", "dummy"), ("Tag", "d"), ("Samples", "1"), ("Dummy", body), *fixed]))
    if rng.random() < 0.3:
        files["t.log"] = records.lines(rng)
        options = rng.choice(([], [("Parser", "p_json")], [("Key", "msg"), ("Offset_Key", "at")]))
        inputs.append(("INPUT", [("Name", "tail"), ("Tag", "t.x"), ("Path", "$DIR/t.log"), READ_ALL, *options]))
    return inputs, files


def _filter(rng: Random, name: str) -> tuple[str, Lines]:
    match = rng.choice(REWRITTEN if name == "rewrite_tag" else MATCHES)
    return "FILTER", [("Name", name), ("Match", match), *FILTERS[name](rng)]


def _outputs(rng: Random, has_old_times: bool) -> list[tuple[str, Lines]]:
    """Return CloudWatch, which shows tags and times, and sometimes a second output, with times where they are fixed."""
    stream = rng.choice(([], [], [("log_stream_template", "of.$level")]))
    log_key = [("log_key", "log")] if rng.random() < 0.3 else []
    named = [("log_group_name", "g"), ("log_stream_prefix", "from-"), ("auto_create_group", "on")]
    outputs = [[("Name", "cloudwatch_logs"), ("Match", "*"), REGION, *named, *stream, *log_key]]
    if rng.random() < 0.6:
        name, *others = rng.choice(SECOND)
        without = [("json_date_key", "false")] if name[1] == "s3" else []
        times = TIMES[name[1]] if has_old_times and not log_key else without
        outputs.append([name, ("Match", rng.choice(MATCHES)), REGION, *others, *times, *log_key])
    return [("OUTPUT", lines) for lines in outputs]


def _sent(rng: Random) -> list[dict[str, Any]]:
    """Return one message of forward mode for each of some tags, of one or more records."""
    sent = []
    for tag in rng.sample(TAGS, rng.randint(1, 3)):
        entries = [[records.time(rng, number), records.record(rng)] for number in range(rng.randint(1, 5))]
        sent.append({"mode": rng.choice(("forward", "packed", "gzip")), "tag": tag, "entries": entries})
    return sent


def _text(kind: str, lines: Lines) -> str:
    return f"[{kind}]\n" + "".join(f"    {key} {value}\n" for key, value in lines)
