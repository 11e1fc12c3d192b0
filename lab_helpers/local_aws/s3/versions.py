"""Ids of versions: made so that one that S3 cannot have made is known as such, as S3 knows it.

Source: LocalStack's recordings of S3 (test_object_version_id_format: 32 characters; test_delete_objects: NoSuchVersion
for an id that was never made, where one that is gone is deleted once more); "Working with version IDs" of the Amazon
S3 User Guide ("Unicode, UTF-8 encoded, URL-ready, opaque strings").
"""

from __future__ import annotations

import hashlib
import re
import string
from random import Random

NULL = "null"
"""Of what was put while its bucket kept no versions."""
_LETTERS = string.ascii_letters + string.digits + "._"
_DRAWN, _DERIVED = 26, 6
"""Characters that are drawn, and those that follow from them."""
_BEFORE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The local AWS's ids until the end of 2026, which states may have."""


def made(chance: Random) -> str:
    """Return a new id."""
    drawn = "".join(chance.choices(_LETTERS, k=_DRAWN))
    return drawn + _derived(drawn)


def is_made(version: str) -> bool:
    """Tell whether an id may be of a version that is, or was."""
    if version == NULL or _BEFORE.fullmatch(version):
        return True
    return len(version) == _DRAWN + _DERIVED and version[_DRAWN:] == _derived(version[:_DRAWN])


def _derived(drawn: str) -> str:
    digest = hashlib.sha256(drawn.encode("utf-8", "surrogatepass")).digest()
    return "".join(_LETTERS[each % len(_LETTERS)] for each in digest[:_DERIVED])
