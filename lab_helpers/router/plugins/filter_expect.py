"""Check that records look as expected: keys that must or must not exist, values.

Source: Fluent Bit 5.1.1: of each record the rules are checked in order, and the first that fails is reported; with
action exit no further record is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab_helpers.router.core.log import ComponentLog, Log
from lab_helpers.router.core.options import Option, Options
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin, PluginInitError
from lab_helpers.router.records import json_text
from lab_helpers.router.records.accessor import MISSING, AccessorError, look_up
from lab_helpers.router.records.record import Record
from lab_helpers.router.records.tag_template import key_path

ACTIONS = ("warn", "exit", "result_key")
EXIT_STATUS = 255
Check = Callable[[dict[Any, Any]], str]


class Expect(Filter):
    """The filter: checks that return what is wrong, or ''."""

    def __init__(self, options: Options, context: FilterContext) -> None:
        self._context = context
        self._action = options["action"].lower()
        if self._action not in ACTIONS:
            raise PluginInitError(f"unexpected 'action' value '{options['action']}'")
        self._result_key: str = options["result_key"]
        pairs = [(key, text) for key, text in options.pairs if key != "result_key"]
        core_log = ComponentLog(context.service.sink)
        self._checks = [_check(key, text, number, core_log) for number, (key, text) in enumerate(pairs)]
        if not pairs:
            context.log.warn("no rules has been defined")

    def filter(self, _tag: str, records: list[Record]) -> list[Record] | None:
        """Return None, or with action result_key the records with their verdicts as first keys."""
        if self._action == "result_key":
            return [Record(time_ns, self._judged(body, self._passes(body))) for time_ns, body in records]
        for record in records:
            if self._passes(record.body):
                continue
            if self._action == "exit":
                self._context.exit(EXIT_STATUS)
                break
            self._context.log.warn("expect check failed")
        return None

    def _passes(self, body: dict[Any, Any]) -> bool:
        wrong = next(filter(None, (check(body) for check in self._checks)), "")
        if wrong:
            text = json_text.dumps(body, self._context.service.escape_unicode).decode("utf-8", "replace")
            self._context.log.error(f"exception on rule {wrong}. Record content:\n{text}")
        return not wrong

    def _judged(self, body: dict[Any, Any], passed: bool) -> dict[Any, Any]:
        return body if self._result_key in body else {self._result_key: passed, **body}


def _check(key: str, text: str, number: int, core_log: Log) -> Check:
    name = text.partition(" ")[0] if key == "key_val_eq" else text
    try:
        path = key_path(name)
    except AccessorError as exc:
        raise PluginInitError(*exc.lines, f"error processing accessor key '{name}'") from exc
    judge = _JUDGES[key]
    return lambda body: judge(look_up(path, body, core_log), text, number)


def _exists(value: Any, key: str, number: int) -> str:
    return f"#{number} 'key_exists', key '{key}' not found" if value is MISSING else ""


def _not_exists(value: Any, key: str, number: int) -> str:
    return "" if value is MISSING else f"#{number} 'key_not_exists', key '{key}' exists"


def _is_null(value: Any, key: str, number: int) -> str:
    if value is MISSING:
        return f"#{number} 'key_val_is_null', key '{key}' not found"
    wrong = f"#{number} 'key_val_is_null', key '{key}' contains a value type '{_type_name(value)}'"
    return wrong if value is not None else ""


def _is_not_null(value: Any, key: str, number: int) -> str:
    if value is MISSING:
        return f"#{number} 'key_val_is_not_null', key '{key}' not found"
    return f"#{number} 'key_val_is_not_null', key '{key}' contains a value type 'null'" if value is None else ""


def _equals(value: Any, text: str, number: int) -> str:
    if value is MISSING:
        return f"#{number} 'key_val_is_null', key '{text}' not found"  # Fluent Bit names the other rule here
    key, _, rest = text.partition(" ")
    expected = rest.strip(" ") or key
    if not isinstance(value, str) or value == expected:  # anything but a string passes
        return ""
    return f"#{number} 'key_val_eq', key value '{value}' is different than expected: '{expected}'"


def _no_rule(_value: Any, _text: str, _number: int) -> str:
    return ""  # `action` takes a number in the messages, but checks nothing


def _type_name(value: Any) -> str:
    names = {bool: "boolean", dict: "boolean", int: "integer", float: "float / double", str: "string"}
    return names.get(type(value), "UNKNOWN")


_JUDGES: dict[str, Callable[[Any, str, int], str]] = {
    "key_exists": _exists,
    "key_not_exists": _not_exists,
    "key_val_is_null": _is_null,
    "key_val_is_not_null": _is_not_null,
    "key_val_eq": _equals,
    "action": _no_rule,
}


PLUGIN = FilterPlugin(
    "expect",
    "Check that records look as expected.",
    Expect,
    (
        Option("key_exists", help="This key must exist.", multiple=True),
        Option("key_not_exists", help="This key must not exist.", multiple=True),
        Option("key_val_is_null", help="The value of this key must be null.", multiple=True),
        Option("key_val_is_not_null", help="The value of this key must not be null.", multiple=True),
        Option("key_val_eq", help="KEY VALUE: the value of the key must be this string.", multiple=True),
        Option("action", help="What a failure does: warn, exit or result_key.", default="warn"),
        Option("result_key", help="Key that gets the verdict with action result_key.", default="matched"),
    ),
    config_error="",
)
