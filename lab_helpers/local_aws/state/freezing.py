"""Objects as bytes and back, where they hold what pickle refuses: locks, lambdas, private keys, other backends.

Only what this server wrote into its own folder, which is its owner's alone, is ever read back.
"""

from __future__ import annotations

import copyreg
import importlib
import io
import marshal
import pickle
import threading
import types
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization

Reducer = Callable[[Any], Any]
_LOCK, _RLOCK = type(threading.Lock()), type(threading.RLock())


class NotKeptError(Exception):
    """An object has a part that cannot be kept; the text says which."""


def freeze(value: Any, reducers: Mapping[type, Reducer] | None = None) -> bytes:
    """Return `value` as bytes; `reducers` say by class how an object is kept. Raises NotKeptError."""
    target = io.BytesIO()
    fast = pickle.Pickler(target, protocol=5)
    fast.dispatch_table = _table(reducers or _NONE)
    try:
        fast.dump(value)
    except (TypeError, AttributeError, pickle.PicklingError):
        target = io.BytesIO()
        slow = _Thorough(target, reducers or _NONE)
        try:
            slow.dump(value)
        except (TypeError, AttributeError, pickle.PicklingError, RecursionError) as exc:
            raise NotKeptError(f"{type(value).__name__}: {exc}") from exc
    return target.getvalue()


def thaw(data: bytes) -> Any:
    """Return what was frozen."""
    return pickle.loads(data)


class _Thorough(pickle.Pickler):
    """Also takes lambdas, nested functions and private keys; asks Python about every object, so it is slower."""

    def __init__(self, target: io.BytesIO, reducers: Mapping[type, Reducer]) -> None:
        super().__init__(target, protocol=5)
        self.dispatch_table = _table(reducers)

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, types.FunctionType) and ("<" in thing.__qualname__):
            cells = tuple(cell.cell_contents for cell in thing.__closure__ or ())
            return _function, (marshal.dumps(thing.__code__), thing.__module__, thing.__defaults__, cells)
        if hasattr(thing, "private_bytes") and hasattr(thing, "public_key"):
            return _private_key, (_pem(thing),)
        return NotImplemented


def _table(reducers: Mapping[type, Reducer]) -> Any:
    """Return how objects are kept by class: a dictionary, since the pickler looks into it for every object."""
    known = _tables.get(id(reducers))
    if known is None or known[0] != len(reducers) + len(copyreg.dispatch_table):
        merged = {**copyreg.dispatch_table, **_ALWAYS, **reducers}
        known = _tables[id(reducers)] = (len(reducers) + len(copyreg.dispatch_table), merged)
    return known[1]


def _function(code: bytes, module: str, defaults: Any, cells: tuple[Any, ...]) -> Any:
    names = vars(importlib.import_module(module))
    closure = tuple(types.CellType(each) for each in cells)
    return types.FunctionType(marshal.loads(code), names, None, defaults, closure)


def _pem(key: Any) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    pem: bytes = key.private_bytes(encoding, form, serialization.NoEncryption())
    return pem


def _private_key(pem: bytes) -> Any:
    return serialization.load_pem_private_key(pem, None)


_NONE: Mapping[type, Reducer] = {}
_tables: dict[int, tuple[int, Any]] = {}
_ALWAYS: dict[type, Reducer] = {_LOCK: lambda _: (threading.Lock, ()), _RLOCK: lambda _: (threading.RLock, ())}
