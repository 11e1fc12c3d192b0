"""Put keys into a map under a new key, or lift a map's keys up.

Source: Fluent Bit 4.2.8: nested keys go behind the others; a lifted map goes and its keys are appended, so that one
which exists already is replaced.
"""

from __future__ import annotations

from typing import Any

from lab_helpers.router.core.options import Option, Options
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin, PluginInitError
from lab_helpers.router.records.record import Record, put_last

Body = dict[Any, Any]


class Nest(Filter):
    """The filter: what to nest or lift, and what happens to the keys' prefix."""

    def __init__(self, options: Options, context: FilterContext) -> None:
        self._log = context.log
        self._change = {"nest": self._nest, "lift": self._lift}[_operation(options["Operation"])]
        self._wildcards = tuple(word[:-1] for word in options["Wildcard"] if word.endswith("*"))
        self._exact = frozenset(word for word in options["Wildcard"] if not word.endswith("*"))
        under = [text for key, text in options.pairs if key in ("nest_under", "nested_under")]
        self._under = under[-1] if under else None
        self._added, self._removed = options["Add_prefix"] or "", options["Remove_prefix"] or ""
        if self._added and self._removed:
            raise PluginInitError("Add_prefix and Remove_prefix are exclusive")

    def filter(self, _tag: str, records: list[Record]) -> list[Record] | None:
        """Return the records, nested or lifted."""
        return [Record(record.time_ns, self._change(record.body)) for record in records]

    def _nest(self, body: Body) -> Body:
        chosen = {self._renamed(key): value for key, value in body.items() if self._is_chosen(key)}
        if not chosen:
            return body
        if self._under is None:
            self._log.error("Log event encoder error : 0")  # there is no key to nest under
            return body
        rest = {key: value for key, value in body.items() if not self._is_chosen(key)}
        put_last(rest, [(self._under, chosen)])
        return rest

    def _lift(self, body: Body) -> Body:
        inner = body.get(self._under)
        if not isinstance(inner, dict):
            if self._under in body:
                self._log.warn(f"Value of key '{self._under}' is not a map. Will not attempt to lift from here")
            return body
        rest = {key: value for key, value in body.items() if key != self._under}
        put_last(rest, [(self._renamed(key), value) for key, value in inner.items()])
        return rest

    def _is_chosen(self, key: Any) -> bool:
        return isinstance(key, str) and (key in self._exact or key.startswith(self._wildcards))

    def _renamed(self, key: Any) -> Any:
        if not isinstance(key, str):
            return key
        return self._added + key.removeprefix(self._removed)


def _operation(text: str | None) -> str:
    if text is None:
        return "nest"
    if text[:4] not in ("nest", "lift"):
        raise PluginInitError(f"Key \"operation\" has invalid value '{text}'. Expected 'nest' or 'lift'")
    return text[:4]


PLUGIN = FilterPlugin(
    "nest",
    "Put keys into a map under a new key, or lift a map's keys up.",
    Nest,
    (
        Option("Operation", help="nest or lift."),
        Option("Wildcard", help="nest: a key, or with * at its end all keys that begin so.", multiple=True),
        Option("Nest_under", help="nest: the key that gets the map."),
        Option("Nested_under", help="lift: the key whose map is lifted."),
        Option("Add_prefix", help="Put this before the keys' names."),
        Option("Remove_prefix", help="Take this away from the beginning of the keys' names."),
    ),
    config_error="unable to load configuration",
)
