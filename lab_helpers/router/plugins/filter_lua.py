"""Run a Lua function on each record.

Source: Fluent Bit 5.1.1: the function gets tag, time and record, and returns a code, a time and a record (or a list of
records): -1 drops, 0 keeps the record as it came, 1 takes time and record, 2 takes the record alone. Numbers without
a fraction become integers. After an error in the function, or a result that is no record, all records of the batch stay
as they came. A function of five arguments gets group and metadata, too, both empty here.
Not modelled: FLB_ENV, `type_array_key` for empty tables of Lua code that makes them itself, `enable_flb_null`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lab_helpers.router.core.options import Kind, Option, Options
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin, PluginInitError
from lab_helpers.router.records.record import NS, Record

DROP, KEEP, TAKE, TAKE_BODY = -1, 0, 1, 2
WITH_METADATA = 5
# arguments of a function that wants the group and the metadata, too
SMALLEST, LARGEST = -(1 << 63), (1 << 63) - 1
_LIST_MARK = b"""
local set, get, mark = setmetatable, getmetatable, {}
return function(list) return set(list, mark) end, function(list) return get(list) == mark end
"""
# an empty list, which Lua cannot tell from an empty map, stays a list on its way through
_LACKING = "lua needs the Python package lupa, which is not installed: pip install 'firelens-lab[lua]'"
_COUNT = b"function(f) return debug.getinfo(f, 'u').nparams end"


class _FailedError(Exception):
    """The function failed, or gave no record back; the text is the error to log."""


@dataclass(frozen=True)
class _Source:
    """Lua code, what Lua calls it in errors, and what Fluent Bit calls it."""

    code: bytes
    chunk_name: bytes
    kind: str
    shown: str


class Lua(Filter):
    """The filter: one Lua state, one function."""

    def __init__(self, options: Options, context: FilterContext) -> None:
        self._log, self._time_as_table = context.log, options["time_as_table"]
        self._integers = frozenset(_names(options["type_int_key"]))
        self._arrays = frozenset(_names(options["type_array_key"]))
        self._call = options["call"]
        source = _source(options, context)
        library = _library()
        self._error: type[Exception] = library.LuaError
        self._lua = library.LuaRuntime(
            encoding=None, unpack_returned_tuples=True, register_eval=False, register_builtins=False
        )
        self._script = source.shown
        self._as_list, self._is_list = self._lua.execute(_LIST_MARK)  # before code that may change setmetatable
        self._load(source)
        self._function = self._lua.globals()[_bytes(self._call)]
        if self._function is None:
            raise PluginInitError(f"function {self._call} is not found")
        try:
            self._has_metadata = self._lua.eval(_COUNT)(self._function) >= WITH_METADATA
        except self._error:
            self._has_metadata = False  # a function of C

    def filter(self, tag: str, records: list[Record]) -> list[Record] | None:
        """Return what the function makes of the records; None where it fails for one of them: all stay as they are."""
        try:
            return [made for record in records for made in self._called(tag, record)]
        except _FailedError as exc:
            self._log.error(str(exc))
            return None

    def _load(self, source: _Source) -> None:
        run = self._lua.globals()[b"loadstring"](source.code, source.chunk_name, b"t")
        if isinstance(run, tuple):  # nil, and why
            raise PluginInitError(f"[luajit] error loading {source.kind}: {_text(run[1])}", early=True)
        try:
            run()
        except self._error as exc:
            raise PluginInitError(f"[luajit] invalid lua content, error=2: {_said(exc)}") from exc

    def _called(self, tag: str, record: Record) -> list[Record]:
        arguments = [_bytes(tag), self._time(record.time_ns), self._to_lua(record.body)]
        if self._has_metadata:  # the group and the metadata: records have neither here
            arguments[2:2] = [self._lua.table_from({}), self._lua.table_from({})]
        try:
            returned = self._function(*arguments)
        except self._error as exc:
            raise _FailedError(f"error code 2: {_said(exc)}") from exc
        values = returned if isinstance(returned, tuple) else (returned,)
        count = 4 if self._has_metadata else 3
        code, time, *_, body = (*values, *[None] * count)[:count]
        code = int(code) if isinstance(code, int | float) else KEEP
        if code == DROP:
            return []
        if code not in (TAKE, TAKE_BODY):
            if code != KEEP:
                self._log.error(f"unexpected Lua script return code {code}, original record will be kept.")
            return [record]
        time_ns = self._time_of(time, record.time_ns) if code == TAKE else record.time_ns
        found = self._from_lua(body)
        bodies = found if isinstance(found, list) else [found]
        if not all(isinstance(each, dict) for each in bodies):
            raise _FailedError(f"invalid table returned at {self._call}(), {self._script}")
        return [Record(time_ns, each) for each in bodies]

    def _time(self, time_ns: int) -> Any:
        if not self._time_as_table:
            return time_ns / NS
        return self._lua.table_from({b"sec": time_ns // NS, b"nsec": time_ns % NS})

    def _time_of(self, time: Any, known_ns: int) -> int:
        if not self._time_as_table:
            return round(time * NS) if isinstance(time, int | float) else 0
        if not hasattr(time, "items"):
            self._log.error("invalid lua timestamp type returned")
            return known_ns
        return _whole(time[b"sec"]) * NS + _whole(time[b"nsec"])

    def _to_lua(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._lua.table_from({self._to_lua(key): self._to_lua(each) for key, each in value.items()})
        if isinstance(value, list):
            return self._as_list(self._lua.table_from([self._to_lua(each) for each in value]))
        if isinstance(value, int) and float(value) > LARGEST:
            return float(SMALLEST)  # what the machine makes of a number that has no place in 64 bits with a sign
        return _bytes(value) if isinstance(value, str) else value

    def _from_lua(self, value: Any, key: Any = None) -> Any:
        if isinstance(value, bytes):
            return _text(value)
        if isinstance(value, float):
            is_whole = SMALLEST <= value < LARGEST and (key in self._integers or value.is_integer())
            return int(value) if is_whole else value
        if hasattr(value, "items"):
            return self._table(value, key)
        return value

    def _table(self, table: Any, name: Any) -> Any:
        pairs = dict(table.items())
        if not pairs and (name in self._arrays or self._is_list(table)):
            return []
        if pairs and all(isinstance(key, int | float) and key > 0 for key in pairs):
            return [self._from_lua(pairs.get(number)) for number in range(1, int(max(pairs)) + 1)]
        found = ((self._from_lua(key), each) for key, each in pairs.items())
        return {key: self._from_lua(each, key) for key, each in found}


def _library() -> Any:
    """Return LuaJIT, as Fluent Bit has it, or Lua 5.1, whose language that is.

    Raises PluginInitError where the Python package for it is not installed.
    """
    if find_spec("lupa") is None:
        raise _unusable(_LACKING)
    try:
        return import_module("lupa.luajit21")
    except ImportError:
        return import_module("lupa.lua51")


def _source(options: Options, context: FilterContext) -> _Source:
    """Return the code. Raises PluginInitError, in the reference's order, where there is none or no function's name."""
    code, path = options["code"], None
    if code is None:
        if not options["script"]:
            raise _unusable("no script path defined")
        path = Path(context.service.config_dir) / options["script"]
        try:
            code = path.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as exc:
            raise _unusable(f"cannot access script '{path}'") from exc
    if not options["call"]:
        raise _unusable("function name defined by 'call' is not set")
    if path is None:
        return _Source(_bytes(code), b"fluentbit.lua", "buffer", "(null)")
    return _Source(_bytes(code), b"@" + os.fsencode(path), "script", str(path))


def _unusable(why: str) -> PluginInitError:
    return PluginInitError(why, "[filter_lua] filter cannot be loaded", early=True)


def _said(exc: Exception) -> str:
    """Return Lua's own sentence, without where it was called from."""
    said = exc.args[0] if exc.args else ""
    return (_text(said) if isinstance(said, bytes) else str(said)).partition("\nstack traceback:")[0]


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


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
    config_error="configuration error\n[filter_lua] filter cannot be loaded",
    reads_early=True,
)
