"""Run a Lua function on each record.

Source: Fluent Bit 5.1.1: the function gets tag, time and record, and returns a code, a time and a record (or a list of
records): -1 drops, 0 keeps the record as it came, 1 takes time and record, 2 takes the record alone. Numbers without
a fraction become integers. An error in the function keeps the record.
Not modelled: functions of five arguments (groups and metadata), `type_array_key` for empty tables of Lua code that
makes them itself, `enable_flb_null`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from lab_helpers.router.core.options import Kind, Option, Options
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin, PluginInitError
from lab_helpers.router.records.record import NS, Record

DROP, KEEP, TAKE, TAKE_BODY = -1, 0, 1, 2
ARGUMENTS = 3
_COUNT = b"function(f) return debug.getinfo(f, 'u').nparams end"


class Lua(Filter):
    """The filter: one Lua state, one function."""

    def __init__(self, options: Options, context: FilterContext) -> None:
        self._log, self._time_as_table = context.log, options["time_as_table"]
        self._integers = frozenset(_names(options["type_int_key"]))
        self._arrays = frozenset(_names(options["type_array_key"]))
        if not options["call"]:
            raise PluginInitError("function name defined by 'call' is not set", "configuration error")
        library = _library()
        self._error: type[Exception] = library.LuaError
        self._lua = library.LuaRuntime(
            encoding=None, unpack_returned_tuples=True, register_eval=False, register_builtins=False
        )
        self._load(options, context)
        self._function = self._lua.globals()[_bytes(options["call"])]
        if self._function is None:
            raise PluginInitError(f"function {options['call']} is not found")
        try:
            count = self._lua.eval(_COUNT)(self._function)
        except self._error:
            count = ARGUMENTS  # a function of C
        if count != ARGUMENTS:
            raise PluginInitError(f"invalid number of arguments for function '{options['call']}': {count}")

    def filter(self, tag: str, records: list[Record]) -> list[Record] | None:
        """Return what the function makes of the records."""
        return [made for record in records for made in self._called(tag, record)]

    def _load(self, options: Options, context: FilterContext) -> None:
        code = options["code"]
        if code is None:
            if not options["script"]:
                raise PluginInitError("no script path defined", "configuration error")
            path = Path(context.service.config_dir) / options["script"]
            try:
                code = path.read_text(encoding="utf-8", errors="surrogateescape")
            except OSError as exc:
                raise PluginInitError(f"cannot access script '{path}'", "configuration error") from exc
        try:
            self._lua.execute(code.encode("utf-8", "surrogateescape"))
        except self._error as exc:
            raise PluginInitError(f"[luajit] error loading script: {exc}", "configuration error") from exc

    def _called(self, tag: str, record: Record) -> list[Record]:
        try:
            returned = self._function(_bytes(tag), self._time(record.time_ns), self._to_lua(record.body))
            code, time, body = returned
        except self._error as exc:
            self._log.error(f"error code 2: {exc}")
            return [record]
        except (TypeError, ValueError):  # fewer values than three
            code, time, body = KEEP, None, None
        if code == DROP:
            return []
        if code == KEEP:
            return [record]
        if code not in (TAKE, TAKE_BODY):
            self._log.error(f"unexpected Lua script return code {code}, original record will be kept.")
            return [record]
        time_ns = self._time_of(time) if code == TAKE else record.time_ns
        found = self._from_lua(body)
        bodies = found if isinstance(found, list) else [found]
        return [Record(time_ns, each) for each in bodies if isinstance(each, dict) and each]

    def _time(self, time_ns: int) -> Any:
        if not self._time_as_table:
            return time_ns / NS
        return self._lua.table_from({b"sec": time_ns // NS, b"nsec": time_ns % NS})

    def _time_of(self, time: Any) -> int:
        if self._time_as_table:
            return int(time[b"sec"] or 0) * NS + int(time[b"nsec"] or 0)
        return round(float(time) * NS)

    def _to_lua(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._lua.table_from({self._to_lua(key): self._to_lua(each) for key, each in value.items()})
        if isinstance(value, list):
            return self._lua.table_from([self._to_lua(each) for each in value])
        return _bytes(value) if isinstance(value, str) else value

    def _from_lua(self, value: Any, key: Any = None) -> Any:
        if isinstance(value, bytes):
            return value.decode("utf-8", "surrogateescape")
        if isinstance(value, float):
            return int(value) if key in self._integers or value.is_integer() else value
        if hasattr(value, "items"):
            return self._table(value, key)
        return value

    def _table(self, table: Any, name: Any) -> Any:
        pairs = dict(table.items())
        if name in self._arrays and not pairs:
            return []
        if pairs and all(isinstance(key, int | float) and key > 0 for key in pairs):
            return [self._from_lua(pairs.get(number)) for number in range(1, int(max(pairs)) + 1)]
        found = ((self._from_lua(key), each) for key, each in pairs.items())
        return {key: self._from_lua(each, key) for key, each in found}


def _library() -> Any:
    """Return LuaJIT, as Fluent Bit has it, or Lua 5.1, whose language that is."""
    try:
        return import_module("lupa.luajit21")
    except ImportError:
        return import_module("lupa.lua51")


def _names(text: str | None) -> list[str]:
    return (text or "").split()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


PLUGIN = FilterPlugin(
    "lua",
    "Run a Lua function on each record.",
    Lua,
    (
        Option("script", help="Lua file, relative to the configuration's folder."),
        Option("code", help="Lua code in the place of a file."),
        Option("call", help="Function to call with tag, time and record; required."),
        Option("type_int_key", help="Keys whose numbers become integers, separated by spaces."),
        Option("type_array_key", help="Keys whose empty tables are lists, separated by spaces."),
        Option("protected_mode", Kind.FLAG, "Accepted: an error in the function never ends the router.", "true"),
        Option("time_as_table", Kind.FLAG, "Time is a table of sec and nsec, without loss.", "false"),
        Option("enable_flb_null", Kind.FLAG, "Accepted, not modelled.", "false"),
    ),
    config_error="",
)
