"""Bodies of outputs that carry records as they are: http, tcp, kafka, forward, OpenTelemetry, syslog, file.

Source: Fluent Bit 5.1.1: the same plugins. Binary forms are shown as JSON of what they carry.
Not modelled: maps and numbers with a fraction in GELF, GELF in http and kafka, Avro, OpenTelemetry's metadata of
records, syslog's structured data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lab_helpers.router.core.options import to_flag
from lab_helpers.router.records.accessor import MISSING
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.json_format import DATE_FORMATS, FORMATS, Format
from lab_helpers.router.records.record import NS, Record
from lab_helpers.trying.outside.shape import Body, Options, Shape, formatted, milliseconds, seconds, text

BOM = "\ufeff"
"""Before a message of RFC 5424."""
_NAMES = {"json": "a JSON array", "json_lines": "a JSON document a line", "json_stream": "JSON documents"}


def web(options: Options) -> Shape:
    """http, tcp, udp and websocket: `format` says how."""
    kind = str(options["format"] or "json").lower()
    if options.get("body_key"):
        return Shape(f"the value of {options['body_key']}, a request a record", _values(options["body_key"]))
    if options.get("raw_message_key"):
        return Shape(f"the value of {options['raw_message_key']}, a record a line", _values(options["raw_message_key"]))
    if kind not in FORMATS:
        return Shape("msgpack, shown as JSON" if kind == "msgpack" else f"{kind}, shown as JSON", _entries)
    date = options["json_date_format"] if options["json_date_format"] in DATE_FORMATS else "double"
    key = options["json_date_key"]
    form = Format(kind, None if to_flag(key) is False else key, date or "double")

    def payload(tag: str, records: Sequence[Record]) -> Iterator[str]:
        chunk = Chunk(tag, "")
        chunk.add(Batch(records=list(records)))
        yield form.render(chunk).decode("utf-8", "replace")

    return Shape(_NAMES[kind], payload)


def kafka(options: Options) -> Shape:
    """One message a record."""
    kind = (options["format"] or "json").lower()
    time_form = DATE_FORMATS.get(options["timestamp_format"] or "double", DATE_FORMATS["double"])

    def message(record: Record) -> str:
        if kind == "raw":
            return str(record.body.get(str(options["raw_log_key"]).lstrip("$"), ""))
        return f"{{{text(options['timestamp_key'])}:{time_form(record.time_ns)},{text(record.body)[1:]}"

    form = {"json": "a JSON document a message", "raw": f"the value of {options['raw_log_key']} a message"}
    return Shape(form.get(kind, f"{kind} a message, shown as JSON"), lambda _tag, records: map(message, records))


def forward(options: Options) -> Shape:
    """The forward protocol: tag and entries."""

    def payload(tag: str, records: Sequence[Record]) -> Iterator[str]:
        yield text([options["tag"] or tag, [[seconds(each), each.body] for each in records]])

    return Shape("the forward protocol (msgpack), shown as JSON: tag, then time and record", payload)


def opentelemetry(options: Options) -> Shape:
    """OTLP logs: the line alone is the body; other keys go along only with logs_body_key_attributes."""
    named = options["logs_body_key"]
    keys = [each.lstrip("$") for each in named or ("log", "message")]

    def entry(record: Record) -> Body:
        found = next((key for key in keys if key in record.body), None)
        content = record.body if found is None else record.body[found]
        made: Body = {"timeUnixNano": str(record.time_ns), "body": _any(content)}
        if found is not None and options["logs_body_key_attributes"]:
            others = {key: value for key, value in record.body.items() if key != found}
            made["attributes"] = [{"key": key, "value": _any(value)} for key, value in others.items()]
        return made

    def payload(_tag: str, records: Sequence[Record]) -> Iterator[str]:
        for at in range(0, len(records), options["batch_size"] or 1000):
            part = records[at : at + (options["batch_size"] or 1000)]
            yield text({"resourceLogs": [{"scopeLogs": [{"logRecords": [entry(each) for each in part]}]}]})

    form = "OTLP (protobuf), shown as its JSON"
    if not options["logs_body_key_attributes"]:
        form += f"; of a record that has {' or '.join(keys)}, that alone is sent (logs_body_key_attributes is off)"
    return Shape(form, payload)


def syslog(options: Options) -> Shape:
    """One message a record."""

    def value(name: str, body: Body) -> str:
        key = options[f"syslog_{name}_key"]
        found = body.get(key.lstrip("$")) if key else None
        return str(found) if found is not None else options[f"syslog_{name}_preset"] or "-"

    def message(record: Record) -> str:
        key = options["syslog_message_key"]
        said = record.body.get(key.lstrip("$"), "") if key else ""
        priority = options["syslog_facility_preset"] * 8 + options["syslog_severity_preset"]
        if options["syslog_format"].lower() != "rfc5424":
            host, app = value("hostname", record.body), value("appname", record.body)
            return f"<{priority}>{formatted(record, '%b %d %H:%M:%S')} {host} {app}: {said}"
        stamp = f"{formatted(record, '%Y-%m-%dT%H:%M:%S')}.{record.time_ns % NS // 1000:06d}Z"
        fields = " ".join(value(each, record.body) for each in ("hostname", "appname", "procid", "msgid"))
        return f"<{priority}>1 {stamp} {fields} -" + (f" {BOM}{said}" if said else "")

    form = f"syslog ({options['syslog_format']}), a message a record"
    if not options["syslog_message_key"]:
        form += "; syslog_message_key is not set: the messages are empty"
    return Shape(form, lambda _tag, records: map(message, records))


def gelf(options: Options) -> Shape:
    """One GELF document a record."""
    line_key = (options["gelf_short_message_key"] or "short_message").lstrip("$")

    def document(record: Record) -> str:
        made: Body = {"version": "1.1", "short_message": record.body.get(line_key)}
        made |= {f"_{key}": value for key, value in record.body.items() if key != line_key}
        pairs = [f"{text(key)}:{text(value)}" for key, value in made.items()]
        stamp = f"{milliseconds(record) // 1000}.{milliseconds(record) % 1000:03d}"
        return "{" + ", ".join([*pairs, f'"timestamp":{stamp}']) + "}"

    form = "a GELF document a record"
    return Shape(form + f"; its short_message is the record's {line_key}", lambda _t, records: map(document, records))


def file(options: Options) -> Shape:
    """A line a record, in the container's own file."""

    def payload(tag: str, records: Sequence[Record]) -> Iterator[str]:
        if options["format"] == "plain":
            yield "".join(f"{text(each.body)}\n" for each in records)
        else:
            yield "".join(
                f"{tag}: [{each.time_ns // NS}.{each.time_ns % NS:09d}, {text(each.body)}]\n" for each in records
            )

    known = options["format"] in (None, "out_file", "plain")
    return Shape(
        "lines of a file in the container" + ("" if known else f"; {options['format']} is not modelled"), payload
    )


def lines(_options: Options) -> Shape:
    """Any other output: the records."""

    def payload(_tag: str, records: Sequence[Record]) -> Iterator[str]:
        yield "".join(f"{text(each.body)}\n" for each in records)

    return Shape("its own form is not modelled: these are the records, a line each", payload)


def _entries(_tag: str, records: Sequence[Record]) -> Iterator[str]:
    yield text([[seconds(each), each.body] for each in records])


def _values(key: str) -> Callable[[str, Sequence[Record]], Iterator[str]]:
    name = key.lstrip("$")

    def payload(_tag: str, records: Sequence[Record]) -> Iterator[str]:
        for each in records:
            found = each.body.get(name, MISSING)
            if found is not MISSING:
                yield found if isinstance(found, str) else text(found)

    return payload


def _any(value: object) -> Body:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": _any(each)} for key, each in value.items()]}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any(each) for each in value]}}
    return {"stringValue": value} if isinstance(value, str) else {}
