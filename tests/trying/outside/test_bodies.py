"""Bodies as the real outputs write them: each text was recorded of Fluent Bit 5.1.1 with the same record."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.router.core.options import parse
from lab_helpers.router.recording.catalogue import outsides
from lab_helpers.router.recording.recorder import Recorded
from lab_helpers.router.records.record import Record
from lab_helpers.trying.outside.sent import MOST_BODIES, address, by_author, sent

RECORD = Record(
    1_700_000_000_123_956_789,
    {
        "log": 'GET /é "x"',
        "container_name": "/web",
        "ecs_cluster": "arn:aws:ecs:eu-west-1:1:cluster/c",
        "ecs_task_arn": "arn:aws:ecs:eu-west-1:1:task/c/9",
        "ecs_task_definition": "shop:3",
    },
)
TAG = "web-firelens-1"
LINE = r'"log":"GET /\u00e9 \"x\""'
ECS = (
    '"container_name":"/web","ecs_cluster":"arn:aws:ecs:eu-west-1:1:cluster/c",'
    '"ecs_task_arn":"arn:aws:ecs:eu-west-1:1:task/c/9","ecs_task_definition":"shop:3"'
)


def recording(plugin: str, *pairs: tuple[str, str], core: dict[str, str] | None = None, count: int = 1) -> Recorded:
    """Return what an output was given."""
    options = parse(outsides()[plugin].options, pairs)
    values: dict[str, Any] = {name: options[name] for name in options}
    return Recorded(plugin, f"{plugin}.0", values, core or {}, ((TAG, (RECORD,) * count),))


def body(plugin: str, *pairs: tuple[str, str]) -> str:
    """Return the first body."""
    return sent(recording(plugin, *pairs)).bodies[0]


def test_datadog() -> None:
    """An array; the line becomes `message`."""
    message = LINE.replace("log", "message")
    assert body("datadog", ("apikey", "x")) == f'[{{"timestamp":1700000000124,{message},{ECS}}}]'


def test_datadog_for_ecs_makes_tags() -> None:
    """Of FireLens' keys, before those of dd_tags."""
    options = [("provider", "ecs"), ("dd_service", "s"), ("dd_source", "q"), ("dd_tags", "a:b,c:d")]
    tags = (
        "container_name:web,cluster_name:c,task_arn:arn:aws:ecs:eu-west-1:1:task/c/9,region:eu-west-1,task_id:c/9,"
        "task_family:shop,task_version:3,a:b,c:d"
    )
    message = LINE.replace("log", "message")
    expected = f'[{{"timestamp":1700000000124,"ddsource":"q","service":"s",{message},"ddtags":"{tags}"}}]'
    assert body("datadog", ("apikey", "x"), *options) == expected


def test_splunk() -> None:
    """HEC events; a key's value alone, a host, an index."""
    token = ("splunk_token", "x")
    assert body("splunk", token) == f'{{"time":1700000000.123957,"event":{{{LINE},{ECS}}}}}'
    options = [("event_host", "h"), ("event_sourcetype", "$log"), ("event_index", "i"), ("event_key", "$log")]
    expected = r'{"time":1700000000.123957,"host":"h","sourcetype":"$log","index":"i","event":"GET /\u00e9 \"x\""}'
    assert body("splunk", token, *options) == expected
    assert body("splunk", token, ("splunk_send_raw", "on")) == f"{{{LINE},{ECS}}}\n"


def test_loki() -> None:
    """A stream of its labels, or one a record where a label is the record's; such a key leaves the line."""
    stamp, inside = "1700000000123956789", f"{{{LINE},{ECS}}}".replace("\\", "\\\\").replace('"', '\\"')
    assert body("loki") == f'{{"streams":[{{"stream":{{"job":"fluent-bit"}},"values":[["{stamp}","{inside}"]]}}]}}'
    options = [("labels", "job=fire, env=$ecs_cluster"), ("label_keys", "$container_name")]
    more = [("remove_keys", "ecs_task_arn"), ("line_format", "key_value")]
    line = r"log=\"GET /\u00e9 \"x\"\" ecs_task_definition=\"shop:3\""
    labels = '{"job":"fire","env":"arn:aws:ecs:eu-west-1:1:cluster/c","container_name":"/web"}'
    expected = f'{{"streams":[{{"stream":{labels},"values":[["{stamp}","{line}"]]}}]}}'
    assert body("loki", *options, *more) == expected


def test_elasticsearch() -> None:
    """Pairs of lines; index by day, id of the record."""
    document = f'{{"@timestamp":"2023-11-14T22:13:20.123Z",{LINE},{ECS}}}\n'
    assert body("es") == '{"create":{"_index":"fluent-bit","_type":"_doc"}}\n' + document
    assert body("opensearch", ("suppress_type_name", "on")) == '{"create":{"_index":"fluent-bit"}}\n' + document
    options = [("logstash_format", "on"), ("suppress_type_name", "on"), ("id_key", "ecs_task_definition")]
    head, rest, _ = body("es", *options, ("write_operation", "upsert")).split("\n")
    assert head == '{"update":{"_index":"logstash-2023.11.14","_id":"shop:3"}}'
    assert rest == '{"doc_as_upsert":true,"doc":' + document.strip() + "}"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], f'[{{"date":1700000000.123957,{LINE},{ECS}}}]'),
        ([("format", "json_lines"), ("json_date_format", "iso8601")],
         f'{{"date":"2023-11-14T22:13:20.123956Z",{LINE},{ECS}}}\n'),
        ([("format", "json_stream"), ("json_date_key", "false")], f"{{{LINE},{ECS}}}"),
        ([("format", "msgpack")], f"[[1700000000.123957,{{{LINE},{ECS}}}]]"),
    ],
)  # fmt: skip
def test_http(options: list[tuple[str, str]], expected: str) -> None:
    """In each format; msgpack as JSON of the same."""
    assert body("http", *options) == expected


def test_syslog() -> None:
    """One message a record; without syslog_message_key they are empty, and that is said."""
    options = [("syslog_message_key", "log"), ("syslog_appname_preset", "app")]
    assert body("syslog", *options) == '<14>1 2023-11-14T22:13:20.123956Z - app - - - \ufeffGET /é "x"'
    told = sent(recording("syslog"))
    assert told.bodies == ("<14>1 2023-11-14T22:13:20.123956Z - - - - -",)
    assert "the messages are empty" in told.form


def test_opentelemetry_sends_the_line_alone() -> None:
    """Whoever misses FireLens' keys is told of the option."""
    told = sent(recording("opentelemetry"))
    assert r'"body":{"stringValue":"GET /\u00e9 \"x\""}' in told.bodies[0]
    assert "ecs_cluster" not in told.bodies[0]
    assert "logs_body_key_attributes is off" in told.form
    assert '"key":"ecs_cluster"' in body("opentelemetry", ("logs_body_key_attributes", "on"))


def test_kafka_new_relic_gelf_and_forward() -> None:
    """A message a record, an array of logs, a document a record, tag and entries."""
    assert body("kafka") == f'{{"@timestamp":1700000000.123957,{LINE},{ECS}}}'
    message = LINE.replace("log", "message")
    assert f'"logs":[{{"timestamp":1700000000123,{message},"attributes":{{{ECS}}}}}]' in body(
        "nrlogs", ("api_key", "x")
    )
    gelf = body("gelf", ("gelf_short_message_key", "log"))
    assert gelf.startswith(r'{"version":"1.1", "short_message":"GET /\u00e9 \"x\"", "_container_name":"/web", ')
    assert gelf.endswith('"timestamp":1700000000.123}')
    assert body("forward") == f'["{TAG}",[[1700000000.123957,{{{LINE},{ECS}}}]]]'


@pytest.mark.parametrize(
    ("plugin", "options", "core", "expected"),
    [
        ("datadog", {}, {"tls": "on"}, "https://http-intake.logs.datadoghq.com:443/api/v2/logs"),
        ("datadog", {}, {"host": "logs.example.com"}, "http://logs.example.com:80/api/v2/logs"),
        ("es", {"path": "/x", "pipeline": "p"}, {"host": "es", "port": "9"}, "http://es:9/x/_bulk/?pipeline=p"),
        ("kafka", {"brokers": "a:9092", "topics": "logs"}, {}, "a:9092, topic logs"),
        ("slack", {"webhook": "https://hooks.example.com/services/secret"}, {}, "https://hooks.example.com/…"),
        ("syslog", {"mode": "udp"}, {"host": "s"}, "udp://s:514"),
        ("forward", {}, {"host": "f", "tls": "on"}, "tls://f:24224"),
    ],
)
def test_where_it_would_go(plugin: str, options: dict[str, str], core: dict[str, str], expected: str) -> None:
    """Defaults of the real one; nothing secret."""
    every = {option.name: None for option in outsides()[plugin].options}
    assert address(plugin, {**every, **options}, core) == expected


def test_counts_are_of_all_and_bodies_of_the_first() -> None:
    """One sentence tells them; the author is the one of the same plugin's section."""
    (told,) = by_author([recording("kafka", count=5)], {"kafka": ["your file extra.conf"]})
    assert (told.records, told.requests, len(told.bodies)) == (5, 5, MOST_BODIES)
    assert told.told == "would have sent 5 records to kafka at no broker, topic fluent-bit, in 5 requests"
    assert told.author == "your file extra.conf"
