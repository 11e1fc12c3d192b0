"""Why a task stopped, in words; no I/O.

AWS says no more than "Essential container in task exited". A router that does not like its configuration says why
in its log, which the lab adds: it is the commonest trouble, and there is nothing else to look at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

ESSENTIAL = "Essential container in task exited"
MOST_CHARS = 1024
"""Source: the longest stoppedReason that AWS gives."""
_STAMP = re.compile(r"^\[\d{4}/\d\d/\d\d [\d:.]+\] ")


def essential_exited(container: str, exit_code: int | None, complaint: str) -> str:
    """Return the stopped reason of a task whose essential container ended; `complaint` "" leaves AWS's words alone."""
    text = f"{ESSENTIAL}: {container} (exit code {exit_code}): {complaint}" if complaint else ESSENTIAL
    return text if len(text) <= MOST_CHARS else text[: MOST_CHARS - 1] + "…"


def router_complaint(tail: Sequence[str]) -> str:
    """Return what a log router complained of in its last lines, or its last line."""
    lines = [_STAMP.sub("", line).strip() for line in tail if line.strip()]
    errors = [line for line in lines if "[error]" in line]
    if not any("[config]" in line for line in errors):
        # A missing file is told as information, before the error that gives up.
        errors = [line for line in lines if "[config]" in line or "[error]" in line]
    return " | ".join(errors) or (lines[-1] if lines else "")
