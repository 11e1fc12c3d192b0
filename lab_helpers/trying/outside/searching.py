"""Bodies for Elasticsearch and OpenSearch: pairs of lines of the bulk API.

Source: Fluent Bit 5.1.1: elasticsearch_format and opensearch_format.
Not modelled: ids that are made of the record (shown as …); `replace_dots` below the first level; time_key_format's
fractions of OpenSearch Serverless; `logstash_prefix_key` with text around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab_helpers.router.records.accessor import AccessorError, parse_path
from lab_helpers.router.records.record import NS, Record
from lab_helpers.trying.outside.shape import Body, Options, Shape, formatted, text

_ACTIONS = {"upsert": "update"}
_WRAPPED = {"update": '{{"doc":{}}}', "upsert": '{{"doc_as_upsert":true,"doc":{}}}'}


def bulk(options: Options) -> Shape:
    """An action line and a document line for each record."""
    operation = options["write_operation"].lower()
    action = _ACTIONS.get(operation, operation)
    wrapped = _WRAPPED.get(operation, "{}")

    def pair(tag: str, record: Record) -> str:
        target: Body = {"_index": _index(options, record)}
        target |= {} if options["suppress_type_name"] else {"_type": options["type"]}
        identity = _at(options["id_key"], record.body) or ("…" if options["generate_id"] else None)
        target |= {"_id": identity} if identity else {}
        head = text({action: target}).replace("\\u2026", "…")
        return f"{head}\n{wrapped.format(text(_document(options, tag, record)))}\n"

    def payload(tag: str, records: Sequence[Record]) -> Iterator[str]:
        yield "".join(pair(tag, each) for each in records)

    return Shape("lines of the bulk API: an action, then its document", payload)


def _index(options: Options, record: Record) -> str:
    if not options["logstash_format"]:
        has_time = "%" in options["index"] and not options["generate_id"]
        return formatted(record, options["index"]) if has_time else str(options["index"])
    prefix = _at(options["logstash_prefix_key"], record.body) or options["logstash_prefix"]
    return f"{prefix}{options['logstash_prefix_separator']}{formatted(record, options['logstash_dateformat'])}"


def _document(options: Options, tag: str, record: Record) -> Body:
    nanoseconds = f"{record.time_ns % NS:09d}"
    fraction = nanoseconds if options["time_key_nanos"] else nanoseconds[:3]
    made: Body = {options["time_key"]: f"{formatted(record, options['time_key_format'])}.{fraction}Z"}
    made |= {options["tag_key"]: tag} if options["include_tag_key"] else {}
    dots = options["replace_dots"]
    return made | {str(key).replace(".", "_") if dots else key: value for key, value in record.body.items()}


def _at(key: str | None, body: Body) -> str | None:
    """Return a record's text under a key or a record accessor."""
    if not key:
        return None
    try:
        return parse_path(key if key.startswith("$") else f"${key}").text(body)
    except AccessorError:
        return None
