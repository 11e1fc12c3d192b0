"""What a day of visitors is unless told otherwise."""

from __future__ import annotations

MINUTES = 1440
"""Of a day."""
DEFAULT_REQUESTS, DEFAULT_SECONDS = 2000, 20.0
