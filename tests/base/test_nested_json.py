from __future__ import annotations

import pytest

from lab_helpers.base import nested_json
from lab_helpers.base.nested_json import MOST_DEPTH, loads


@pytest.mark.parametrize("depth", [MOST_DEPTH + 1, 900, 200_000])
@pytest.mark.parametrize("text", ["[", '{"a":'])
def test_brackets_without_an_end_are_no_json(text: str, depth: int) -> None:
    """One kind of error for all depths, of text and of bytes."""
    deep = text * depth + "1" + {"[": "]"}.get(text, "}") * depth
    for each in (deep, deep.encode()):
        with pytest.raises(ValueError, match="nested more than 256 times"):
            loads(each)
    with pytest.raises(ValueError, match=r"nested|Expecting"):
        loads(text * depth)


def test_what_is_no_deeper_is_read() -> None:
    """Depth counts, not the number of brackets."""
    wide = "[" + ", ".join(["[]"] * 5_000) + "]"
    assert len(loads(wide)) == 5_000
    assert loads("[" * MOST_DEPTH + "]" * MOST_DEPTH)
    assert nested_json.loads('"[' + "[" * 1000 + '"') == "[" * 1001
