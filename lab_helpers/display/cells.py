"""What the lab adds to a notebook's cells: cell magics, and one sentence where a name is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.error import UsageError
from IPython.core.getipython import get_ipython

from lab_helpers.base.errors import LabError
from lab_helpers.base.messages import say

Body = Callable[[str, str], Any]
"""Called with the rest of the magic's line and the cell's body; what it returns is shown."""


class MissingNameError(LabError):
    """A cell uses a name that no cell has made yet in this kernel."""

    def __init__(self, name: str) -> None:
        text = "{name} is not there yet: an earlier cell makes it, and a restarted kernel forgets. Run → Run All Above."
        super().__init__(say(text, name=name))


def register_cell_magic(name: str, body: Body) -> None:
    """Let cells begin with `%%name`; outside of IPython nothing happens."""
    shell = get_ipython()
    if shell is not None:
        shell.register_magic_function(body, magic_kind="cell", magic_name=name)


def notebook_names() -> dict[str, Any]:
    """Return the names that the notebook has defined; none outside of IPython."""
    shell = get_ipython()
    return {} if shell is None else {name: value for name, value in shell.user_ns.items() if name[:1] != "_"}


def explain_missing_names() -> None:
    """Say in one sentence what to do when a cell's name or magic is not there; outside of IPython nothing happens."""
    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((NameError, UsageError), _explain)


def _explain(shell: Any, kind: type[BaseException], error: BaseException, trace: Any, tb_offset: Any = None) -> None:
    missing = getattr(error, "name", None) if isinstance(error, NameError) else _magic(str(error))
    if missing:
        told = MissingNameError(missing)
        shell.showtraceback((MissingNameError, told, trace))
    else:
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def _magic(message: str) -> str:
    """Return the magic that a usage error says is not found; empty for other errors."""
    return message.split("`")[1] if "not found" in message and message.count("`") >= 2 else ""
