"""Modules that take long to load, loaded when they are used: `from lab_helpers.base.lazy import pd`.

A notebook's kernel opens the lab in about a second and stays under 120 MB until its first frame; a module on that way
that makes a frame at its own loading would undo that (tests/base/test_lazy.py).
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any


class Lazy:
    """Stands for a module: reading, setting or deleting an attribute loads it and does it there."""

    __slots__ = ("_module",)

    def __init__(self, module: str) -> None:
        object.__setattr__(self, "_module", module)

    def __getattr__(self, name: str) -> Any:
        """Look in the module."""
        return getattr(self._load(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._load(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._load(), name)

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]  # what it has of its own is the module's
        own: dict[str, Any] = vars(self._load())
        return own

    def __dir__(self) -> list[str]:
        return dir(self._load())

    def __repr__(self) -> str:
        return f"<module {self._module!r}, loaded when it is used>"

    def _load(self) -> Any:
        return importlib.import_module(self._module)


def lazy_module(package: str, name: str) -> Lazy:
    """Return a module of a package, loaded by its first use: the body of a package's `__getattr__`.

    Raises AttributeError for a module that the package does not have.
    """
    if name.startswith("_") or importlib.util.find_spec(f"{package}.{name}") is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return Lazy(f"{package}.{name}")


def lazily(package: str, names: dict[str, str], name: str) -> Any:
    """Return `name` out of the module that `names` says has it: the body of a package's `__getattr__`.

    Raises AttributeError for a name that the package does not have.
    """
    if name not in names:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return getattr(importlib.import_module(names[name]), name)


if TYPE_CHECKING:
    import nbformat
    import numpy as np
    import pandas as pd
    import pyarrow as pa
else:
    nbformat, np, pa, pd = Lazy("nbformat"), Lazy("numpy"), Lazy("pyarrow"), Lazy("pandas")

__all__ = ["Lazy", "lazily", "lazy_module", "nbformat", "np", "pa", "pd"]
