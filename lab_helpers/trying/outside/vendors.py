"""Bodies for Datadog, New Relic, Splunk and Azure Monitor.

Source: Fluent Bit 5.1.1: datadog_format, datadog_remap.c, newrelic_compose_payload, splunk's pack_map, azure_format.
Not modelled: Splunk's keys of OpenTelemetry records; of its meta keys those that name a record accessor with text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lab_helpers.router.core.version import VERSION
from lab_helpers.router.records.accessor import MISSING, AccessorError, parse_path
from lab_helpers.router.records.record import Record
from lab_helpers.trying.outside.shape import Body, Options, Shape, formatted, milliseconds, one_array, seconds, text

_HALF_MS = 500_000


def datadog(options: Options) -> Shape:
    """A JSON array; with `provider ecs` FireLens' own keys become tags."""
    remaps = (options["provider"] or "").lower() == "ecs"
    fixed = {"ddsource": options["dd_source"], "service": options["dd_service"], "hostname": options["dd_hostname"]}

    def entry(tag: str, record: Record) -> Body:
        made: Body = {options["json_date_key"]: (record.time_ns + _HALF_MS) // (2 * _HALF_MS)}
        made |= {options["tag_key"]: tag} if options["include_tag_key"] else {}
        made |= {key: value for key, value in fixed.items() if value is not None}
        tags: list[str] = []
        for key, value in record.body.items():
            if remaps and key in _ECS_TAGS and isinstance(value, str) and value:
                tags += _ECS_TAGS[key](value)
            else:
                made["message" if key == options["dd_message_key"] else key] = value
        tags += [options["dd_tags"]] if options["dd_tags"] else []
        return made | ({"ddtags": ",".join(tags)} if tags else {})

    return Shape("a JSON array a request" + (", FireLens' keys as tags" if remaps else ""), one_array(entry))


def new_relic(_options: Options) -> Shape:
    """One array with the records under `logs`; the line becomes `message`."""
    plugin = {"plugin": {"type": "Fluent Bit", "version": VERSION}}

    def entry(record: Record) -> Body:
        line = next((key for key in ("log", "message") if key in record.body), None)
        made: Body = {"timestamp": milliseconds(record)}
        made |= {"message": record.body[line]} if line else {}
        return {**made, "attributes": {key: value for key, value in record.body.items() if key != line}}

    def payload(_tag: str, records: Sequence[Record]) -> Iterator[str]:
        yield text([{"common": {"attributes": plugin}, "logs": [entry(each) for each in records]}])

    return Shape("New Relic's array of logs with attributes", payload)


def splunk(options: Options) -> Shape:
    """HEC events one behind the other; with splunk_send_raw the records, a line each."""
    raw, key = options["splunk_send_raw"], options["event_key"]

    def event(record: Record) -> str:
        found = _value(key, record.body) if key else MISSING
        content = record.body if found is MISSING else found
        if raw:
            return text(content) + "\n"
        made: Body = {} if options["auto_extract_timestamp"] else {"time": seconds(record)}
        for name, option in _SPLUNK_META.items():
            value = _meta(options, option, record.body)
            made |= {} if value is MISSING else {name: value}
        return text(made | {"event": content})

    def payload(_tag: str, records: Sequence[Record]) -> Iterator[str]:
        yield "".join(event(each) for each in records)

    return Shape("records as lines of JSON (raw)" if raw else "Splunk HEC events, one behind the other", payload)


def azure(options: Options) -> Shape:
    """A JSON array with the time under `time_key`."""

    def entry(_tag: str, record: Record) -> Body:
        exact = f"{formatted(record, '%Y-%m-%dT%H:%M:%S')}.{milliseconds(record) % 1000:03d}Z"
        return {options["time_key"]: exact if options["time_generated"] else seconds(record), **record.body}

    return Shape(f"a JSON array a request, for the table {options['log_type']}_CL", one_array(entry))


def _meta(options: Options, option: str, body: Body) -> Any:
    """Return one of Splunk's meta keys; what may be named by a key of its own is no record accessor itself."""
    key, value = options.get(f"{option}_key"), options[option]
    found = _value(key, body) if key else MISSING
    if found is not MISSING or not value:
        return found
    return value if f"{option}_key" in options else _value(value, body)


def _value(pattern: str, body: Body) -> Any:
    """Return what a record accessor finds (MISSING: nothing); any other text is itself."""
    if not pattern.startswith("$"):
        return pattern
    try:
        return parse_path(pattern).get(body)
    except AccessorError:
        return MISSING


def _cluster(value: str) -> list[str]:
    return [f"cluster_name:{value.partition('cluster/')[2] or value}"]


def _definition(value: str) -> list[str]:
    family, colon, revision = value.partition(":")
    return [f"task_family:{family}", f"task_version:{revision}"] if colon else [f"ecs_task_definition:{value}"]


def _task(value: str) -> list[str]:
    parts = value.split(":")
    region = [f"region:{parts[3]}"] if value.startswith("arn:aws:ecs:") and len(parts) > 4 else []
    return [f"task_arn:{value}", *region, f"task_id:{value.partition('task/')[2] or value}"]


_ECS_TAGS: dict[str, Callable[[str], list[str]]] = {
    "container_id": lambda value: [f"container_id:{value}"],
    "container_name": lambda value: [f"container_name:{value.removeprefix('/')}"],
    "container_image": lambda value: [f"container_image:{value}"],
    "ecs_cluster": _cluster,
    "ecs_task_definition": _definition,
    "ecs_task_arn": _task,
}
_SPLUNK_META = {
    "host": "event_host",
    "source": "event_source",
    "sourcetype": "event_sourcetype",
    "index": "event_index",
}
