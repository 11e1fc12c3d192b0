"""The pipeline as a whole: its figures, what it costs, and one request on its way through it.

Each is loaded when it is used, as the top shelf is: a notebook's first cell does not wait for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Return a module of this room that is loaded by its first use."""
        from lab_helpers.base.lazy import lazy_module

        return lazy_module(__name__, name)
