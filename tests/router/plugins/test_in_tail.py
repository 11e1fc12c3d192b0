"""The tail input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab_helpers.router.plugin import PluginInitError, PluginKind
from lab_helpers.router.plugins.in_tail import expand_tag
from tests.router.plugins.bench import Bench


def tail(bench: Bench, path: Path | str, lines: str = "") -> Any:
    """Return a started tail of this path; its loop has turned once."""
    one = bench.build(PluginKind.INPUT, "tail", f"Path {path}\nTag app\n{lines}")
    one.start()
    bench.loop.turn(0)
    return one


def logs(bench: Bench) -> list[Any]:
    return [record.body.get("log") for _, record in bench.ingested]


def test_follows_from_the_end(bench: Bench, tmp_path: Path) -> None:
    """What is there at the start is left out; appended lines become records when they are complete."""
    path = tmp_path / "a.log"
    path.write_text("old\n")
    one = tail(bench, path)
    with path.open("a") as file:
        file.write("new\r\nhalf")
        file.flush()
        one._poll()
        assert logs(bench) == ["new"]
        file.write(" whole\n")
    one._poll()
    one.stop()
    assert [(tag, record.body) for tag, record in bench.ingested[1:]] == [("app", {"log": "half whole"})]


def test_reads_from_head_with_keys(bench: Bench, tmp_path: Path) -> None:
    """Read_from_Head takes what is there; path and offset come first; empty lines may be skipped."""
    path = tmp_path / "a.log"
    path.write_bytes(b"one\n\n\xfftwo\n")
    one = tail(bench, tmp_path / "*.log", "Read_from_Head on\nKey line\nPath_Key p\nOffset_Key o\nSkip_Empty_Lines on")
    one.stop()
    assert [list(record.body.items()) for _, record in bench.ingested] == [
        [("p", str(path)), ("o", 0), ("line", "one")],
        [("p", str(path)), ("o", 5), ("line", "\udcfftwo")],
    ]


def test_rotation_and_truncation(bench: Bench, tmp_path: Path) -> None:
    """A file that is moved away is read to its end, the new one from its head; a truncated one from its head."""
    path = tmp_path / "a.log"
    path.write_text("")
    one = tail(bench, path)
    path.write_text("first\n")
    one._poll()
    with path.open("a") as file:
        path.rename(tmp_path / "a.log.1")
        path.write_text("new file\n")
        one._poll()
        file.write("late line\n")
    one._poll()
    path.write_text("x\n")
    one._poll()
    one.stop()
    assert sorted(logs(bench)) == ["first", "late line", "new file", "x"]


def test_new_files_and_excluded_ones(bench: Bench, tmp_path: Path) -> None:
    """A rescan finds new files, from their head; Exclude_Path leaves files out."""
    one = tail(bench, tmp_path / "*.log", f"Exclude_Path {tmp_path}/no*.log")
    (tmp_path / "yes.log").write_text("a\n")
    (tmp_path / "no.log").write_text("b\n")
    one._rescan()
    one._poll()
    one.stop()
    assert logs(bench) == ["a"]


def test_database_goes_on_where_it_stopped(bench: Bench, tmp_path: Path) -> None:
    """With DB a restart reads neither twice nor leaves a gap."""
    path = tmp_path / "a.log"
    path.write_text("one\n")
    lines = f"Read_from_Head on\nDB {tmp_path}/tail.db"
    tail(bench, path, lines).stop()
    with path.open("a") as file:
        file.write("two\n")
    tail(bench, path, lines).stop()
    assert logs(bench) == ["one", "two"]


def test_parser_and_multiline(bench: Bench, tmp_path: Path) -> None:
    """A line that the parser fits becomes its keys; multiline.parser joins lines, which then end with a line break."""
    bench.add_parsers("[PARSER]\n    Name json\n    Format json\n")
    path = tmp_path / "a.log"
    path.write_text('{"a":1}\ntext\n')
    tail(bench, path, "Read_from_Head on\nParser json").stop()
    assert [record.body for _, record in bench.ingested] == [{"a": 1}, {"log": "text"}]
    bench.ingested.clear()
    path.write_text("an Error: x\n\tat a\nalone\n")
    tail(bench, path, "Read_from_Head on\nmultiline.parser java").stop()
    assert logs(bench) == ["an Error: x\n\tat a\n", "alone\n"]


def test_long_lines(bench: Bench, tmp_path: Path) -> None:
    """A line that does not fit drops the file with an error, or is skipped alone."""
    path = tmp_path / "a.log"
    path.write_text("x" * 50 + "\nshort\n")
    limits = "Read_from_Head on\nBuffer_Chunk_Size 10\nBuffer_Max_Size 10\n"
    tail(bench, path, limits).stop()
    assert logs(bench) == []
    assert any("requires a larger buffer size" in line for line in bench.log)
    tail(bench, path, limits + "Skip_Long_Lines on").stop()
    assert logs(bench) == ["short"]


def test_paused_reads_nothing(bench: Bench, tmp_path: Path) -> None:
    """Over its limit the input leaves lines in the file; later it reads them."""
    path = tmp_path / "a.log"
    path.write_text("")
    one = tail(bench, path)
    one.pause()
    path.write_text("a\n")
    one._poll()
    assert logs(bench) == []
    one.resume()
    one._poll()
    one.stop()
    assert logs(bench) == ["a"]


def test_tags_from_paths() -> None:
    """`*` in the tag is the path, with dots."""
    assert expand_tag("app.*", "/var/log/a.log") == "app.var.log.a.log"
    assert expand_tag("*", "/var/a.log") == "var.a.log"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "no input 'path' was given"),
        ("Path x\nRefresh_Interval 0", "invalid 'refresh_interval' config value"),
        ("Path x\nDocker_Mode on", "has no 'docker_mode'"),
        ("Path x\nmultiline.parser nosuch", "parser 'nosuch' not registered"),
        ("Path x\nBuffer_Max_Size 1", "buffer_max_size must be >= buffer_chunk"),
    ],
)
def test_refusals(bench: Bench, lines: str, message: str) -> None:
    """What cannot work is refused."""
    with pytest.raises(PluginInitError, match=message):
        bench.build(PluginKind.INPUT, "tail", lines)
