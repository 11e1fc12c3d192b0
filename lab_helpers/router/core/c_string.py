"""What C sees of a text: tags and names may hold any byte, and Fluent Bit prints them with `%s`.

Source: Fluent Bit 5.1.1: a tag `new.a\\0b` is matched with all its bytes; its stream, object and file end
before the NUL.
"""

from __future__ import annotations


def c_string(text: str) -> str:
    """Return the text up to its first NUL."""
    return text.partition("\0")[0]
