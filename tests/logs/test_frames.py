from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from lab_helpers.logs import frames

SCHEMA = pa.schema([("name", frames.CATEGORY), ("at", frames.TIME), ("count", pa.int64()), ("text", pa.string())])


@pytest.fixture(autouse=True, params=[0, 1_000_000])
def sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every frame is made as a large one and as a small one."""
    monkeypatch.setattr(frames, "MANY_ROWS", request.param)


def table(names: list[str | None]) -> pa.Table:
    count = len(names)
    columns = {"name": names, "at": [None] * count, "count": range(count), "text": [None, *names][:count]}
    return frames.from_columns(columns, count, SCHEMA)


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [[None, None]],
        [["b", "a", None], ["a"], [], ["c", "b"]],
        [[f"n{n}" for n in range(127)], ["n126", None]],
        [[f"n{n}" for n in range(100)], [f"n{n}" for n in range(50, 200)]],
        [[f"n{n}" for n in range(40_000)], [None, "n39999"]],
    ],
)
def test_a_frame_is_what_arrow_would_make(parts: list[list[str | None]]) -> None:
    """Values, dtypes and widths of codes of tables put together are those of Arrow's own conversion."""
    tables = [table(names) for names in parts]
    whole = pa.concat_tables([SCHEMA.empty_table(), *tables]).unify_dictionaries()
    kinds = {pa.string(): frames.STRING, pa.int64(): pd.Int64Dtype()}
    expected = whole.to_pandas(types_mapper=kinds.get)
    frame = frames.to_frame(iter(tables), SCHEMA)
    pd.testing.assert_frame_equal(frame, expected)
    assert frame["name"].cat.codes.dtype == expected["name"].cat.codes.dtype


def test_slices_count_only_their_own_rows() -> None:
    """A table may be a piece of another one: Arrow shares its memory."""
    piece = table(["x", "b", None, "a", "b"]).slice(1, 3)
    assert frames.to_frame([piece], SCHEMA)["name"].astype(object).where(lambda n: n.notna(), "-").tolist() == [
        "b",
        "-",
        "a",
    ]
