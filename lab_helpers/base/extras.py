"""What an installation may lack: packages of the extras in pyproject.toml (`pip install 'firelens-lab[workbook]'`).

The list is the installed package's own metadata, so there is no second one that could be wrong.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from types import ModuleType

from lab_helpers.base.errors import MissingExtraError

DISTRIBUTION = "firelens-lab"
_OF_EXTRA = re.compile(r"""(?P<package>[A-Za-z0-9._-]+).*\bextra *== *['"](?P<extra>[\w-]+)['"]""")


def require(*modules: str) -> None:
    """Raise MissingExtraError for the first of these modules that an extra would bring and that is not installed."""
    for module in modules:
        lacking = None if find_spec(module) else _missing(module)
        if lacking:
            raise lacking


def loaded(module: str) -> ModuleType:
    """Import a module that an extra brings. Raises MissingExtraError where it is not installed."""
    require(module)
    return importlib.import_module(module)


def missing(error: ModuleNotFoundError) -> MissingExtraError | None:
    """Return what to say of a module that was not found; None where no extra would bring it, which is a fault."""
    return _missing((error.name or "").partition(".")[0])


def extras_of(requirements: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return (extra, package) by the module that the package brings; developers' tools are no extra for people."""
    found = (match for match in map(_OF_EXTRA.match, requirements) if match and match["extra"] != "dev")
    return {match["package"].lower().replace("-", "_"): (match["extra"], match["package"]) for match in found}


def _missing(module: str) -> MissingExtraError | None:
    known = _installed().get(module.lower())
    return MissingExtraError(known[1], f"{DISTRIBUTION}[{known[0]}]") if known else None


@cache
def _installed() -> Mapping[str, tuple[str, str]]:
    try:
        return extras_of(requires(DISTRIBUTION) or ())
    except PackageNotFoundError:  # the package is on PYTHONPATH, and nobody installed it
        return {}
