"""Bodies for Loki: streams with labels, lines with their time.

Source: Fluent Bit 5.1.1: parse_labels, loki_compose_payload, pack_record.
Not modelled: maps and lists in lines of key_value, structured metadata, label_map_path, Kubernetes labels, tenants by
record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lab_helpers.router.records.accessor import AccessorError, Path, parse_path
from lab_helpers.router.records.record import Record
from lab_helpers.trying.outside.shape import Body, Options, Shape, text

_DEFAULT = {"job": "fluent-bit"}


def streams(options: Options) -> Shape:
    """One stream for a chunk; where a label is taken of the record, one for each record."""
    fixed, taken = _labels(options)
    removed = {each.lstrip("$") for each in options["remove_keys"] or ()}
    removed |= {path.root for path in taken.values() if not path.subkeys}  # a label's key leaves the line

    def value(record: Record) -> list[str]:
        body = {key: each for key, each in record.body.items() if key not in removed}
        return [str(record.time_ns), _line(options, body)]

    def labels(body: Body) -> Body:
        found = {name: path.text(body) for name, path in taken.items()}
        return {**fixed, **{name: each for name, each in found.items() if each is not None}} or _DEFAULT

    def payload(_tag: str, records: Sequence[Record]) -> Iterator[str]:
        if taken:
            made = [{"stream": labels(each.body), "values": [value(each)]} for each in records]
        else:
            made = [{"stream": fixed or _DEFAULT, "values": [value(each) for each in records]}]
        yield text({"streams": made})

    return Shape("Loki's streams: labels, and lines with their time", payload)


def _labels(options: Options) -> tuple[dict[str, str], dict[str, Path]]:
    """Return labels with a value of their own, and those that are taken of the record."""
    fixed: dict[str, str] = {}
    taken: dict[str, Path] = {}
    for each in options["labels"] or ():
        name, equals, found = (part.strip() for part in each.partition("="))
        if not equals:
            name, found = _name(each), each
        path = _path(found)
        if path is None:
            fixed[name] = found
        else:
            taken[name] = path
    paths = {each: _path(each) for each in options["label_keys"] or ()}
    return fixed, taken | {_name(each): path for each, path in paths.items() if path is not None}


def _name(accessor: str) -> str:
    """Return the label's name of a record accessor: `$kubernetes['pod']` is kubernetes_pod."""
    return "_".join(re.findall(r"\w+", accessor))


def _path(text_: str) -> Path | None:
    try:
        return parse_path(text_) if text_.startswith("$") else None
    except AccessorError:
        return None


def _line(options: Options, body: Body) -> str:
    single = (options["drop_single_key"] or "").lower()
    is_pairs = options["line_format"] == "key_value"
    if len(body) == 1 and single in {"on", "true", "yes", "raw"}:
        (value,) = body.values()
        return value if isinstance(value, str) and (single == "raw" or is_pairs) else text(value)
    return " ".join(f"{key}={_pair(value)}" for key, value in body.items()) if is_pairs else text(body)


def _pair(value: object) -> str:
    """Return a value as it stands behind its key: a text between quotes, without escapes."""
    return f'"{value}"' if isinstance(value, str) else text(value)
