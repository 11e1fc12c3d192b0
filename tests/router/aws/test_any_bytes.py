"""Tags, keys and names of any bytes: a log line can make them, and none of them costs a record."""

from __future__ import annotations

from pathlib import Path

import orjson

from lab_helpers.router.aws.go_plugin import go_json
from lab_helpers.router.aws.s3_store import S3Store
from lab_helpers.router.core.c_string import c_string

TAG = "new.A\udcffB"
"""Of the bytes `new.A`, 0xFF, `B`."""


def test_a_file_of_such_a_tag_is_found_again(tmp_path: Path) -> None:
    """Another router goes on with it."""
    made = S3Store(str(tmp_path), "b").put(None, TAG, b"x\n", 5)
    (found,) = S3Store(str(tmp_path), "b").leftover
    assert (found.tag, found.path, found.first_log_time) == (TAG, made.path, 5)


def test_go_writes_u_fffd_for_each_byte_that_is_no_utf_8() -> None:
    """In keys as in values."""
    assert orjson.loads(go_json({"k\udcff": ["A\udcffB", b"\xff"], 5: "x"})) == {
        "k\ufffd": ["A\ufffdB", "\ufffd"],
        "5": "x",
    }


def test_c_sees_a_text_up_to_its_first_nul() -> None:
    """So do the names of streams, objects and files."""
    assert [c_string(text) for text in ("a\0b\0c", "ab", "\0", "")] == ["a", "ab", "", ""]
