"""Which texts of the working copy run in the lab: those that an apply or a deployment took last.

What runs may be right while the file beside it says something else, such as after an edit that nobody has applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from lab_helpers.files.working_copy import WorkingCopy

HTTPD, DEFINITIONS = "terraform/httpd/", "terraform/httpd/container_definitions.json"
"""The folder of httpd's image, and the one file in it that Terraform reads."""


def by_apply(name: str) -> bool:
    """Whether Terraform reads a file; what the images are built from comes into the tasks by a deployment."""
    return name.startswith("terraform/") and (not name.startswith(HTTPD) or name == DEFINITIONS)


def by_deployment(name: str) -> bool:
    """Whether a file is part of an image."""
    return name.startswith("fluentbit/") or (name.startswith(HTTPD) and name != DEFINITIONS)


def with_taken(known: Mapping[str, str], taken: Mapping[str, str], which: Callable[[str], bool]) -> dict[str, str]:
    """Return the fingerprints of what runs, where it was `known` and the files of a kind were `taken` from then on."""
    kept = {name: value for name, value in known.items() if not which(name)}
    return kept | {name: value for name, value in taken.items() if which(name)}


def waiting(files: WorkingCopy, known: Mapping[str, str], names: Iterable[str]) -> list[str]:
    """Return those of `names` that say something else than what runs, or of which nobody knows whether it runs."""
    now = files.fingerprints()
    return [name for name in names if now.get(name) != known.get(name)]
