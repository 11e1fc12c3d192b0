"""`processors` of an input in the YAML form: steps on what the input takes, before any filter.

Source: Fluent Bit 4.2.8: `processors: logs:` is a list of processors or filters, run in order; content_modifier's
actions on the body. Not modelled: metrics and traces, processors of outputs, other processors, content_modifier's
`context` other than body and its `hash`: refused with a line that says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lab_helpers.router.config.config_text import ConfigError
from lab_helpers.router.core.log import Log
from lab_helpers.router.core.options import Option, Options, to_decimal, to_flag, to_integer
from lab_helpers.router.core.regexp import compile_pattern
from lab_helpers.router.core.service import Section
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin, PluginInitError, PluginKind
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.record import Record

Body = dict[Any, Any]
ACTIONS = ("insert", "upsert", "delete", "rename", "extract", "convert")


def processor_sections(section: Section, kind: PluginKind, name: str, log: Log) -> list[Section]:
    """Return an input's processors. Raises ConfigError where they cannot be run here."""
    found = next((value for key, value in section.pairs if key.lower() == "processors"), None)
    if not isinstance(found, Mapping):
        return []
    if kind is not PluginKind.INPUT or set(found) - {"logs"}:
        log.error(f"[config] {name}: this router runs processors of inputs only, and only for logs")
        raise ConfigError("processors")
    steps: Sequence[Any] = found.get("logs") or ()
    sections = []
    for step in steps:
        if not isinstance(step, Mapping) or "name" not in step or "condition" in step:
            log.error(f"[config] {name}: a processor needs a name, and this router knows no conditions: {step}")
            raise ConfigError("processors")
        sections.append(Section("processor", [(str(key).lower(), value) for key, value in step.items()]))
    return sections


def processed(steps: Sequence[Any], tag: str, batch: Batch) -> Batch:
    """Return the batch after all steps."""
    for step in steps:
        step.filter_batch(tag, batch)
    return batch


class ContentModifier(Filter):
    """The processor: one action on one key of each record."""

    def __init__(self, options: Options, _context: FilterContext) -> None:
        self._action = options["action"] or ""
        if self._action not in ACTIONS:
            raise PluginInitError(
                f"this router's content_modifier has no action '{self._action}': {', '.join(ACTIONS)}"
            )
        if (options["context"] or "body") not in ("body", "log_body", "attributes"):
            raise PluginInitError(f"this router's content_modifier has no context '{options['context']}': use body")
        self._key: str = options["key"] or ""
        if not self._key:
            raise PluginInitError("no key was specified")
        self._value = options["value"]
        self._kind = (options["converted_type"] or "string").lower()
        try:
            self._pattern = compile_pattern(options["pattern"] or "")
        except re.error as exc:
            raise PluginInitError(f"could not compile regex pattern '{options['pattern']}'") from exc

    def filter(self, _tag: str, records: list[Record]) -> list[Record] | None:
        """Return the changed records."""
        return [Record(record.time_ns, self._changed(record.body)) for record in records]

    def _changed(self, body: Body) -> Body:
        key, value = self._key, self._value
        has = key in body
        if self._action == "insert":
            return body if has else {**body, key: value}
        if self._action == "upsert":
            return {**_without(body, key), key: value}
        if not has:
            return body
        if self._action == "delete":
            return _without(body, key)
        if self._action == "rename":
            return {value if name == key else name: one for name, one in body.items()}
        if self._action == "convert":
            return {**_without(body, key), key: converted(body[key], self._kind)}
        found = self._pattern.search(body[key]) if isinstance(body[key], str) else None
        return {**body, **found.groupdict()} if found else body


def _without(body: Body, key: str) -> Body:
    return {name: one for name, one in body.items() if name != key}


def converted(value: Any, kind: str) -> Any:
    """Return the value as string, boolean, int or double; one that cannot be stays."""
    if kind == "string":
        return str(value).lower() if isinstance(value, bool) else str(value)
    text = str(value)
    if kind == "boolean":
        flag = to_flag(text)
        return value if flag is None else flag
    return to_integer(text) if kind == "int" else to_decimal(text) if kind == "double" else value


CONTENT_MODIFIER = FilterPlugin(
    "content_modifier",
    "Change one key of each record.",
    ContentModifier,
    (
        Option("action", help="insert, upsert, delete, rename, extract or convert."),
        Option("context", help="body."),
        Option("key", help="The key."),
        Option("value", help="The value to put in, or the new name."),
        Option("pattern", help="extract: expression whose named groups become keys."),
        Option("converted_type", help="convert: string, boolean, int or double."),
    ),
)
