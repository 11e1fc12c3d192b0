"""The file and counter outputs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab_helpers.router.plugin import FlushResult, PluginInitError, PluginKind
from lab_helpers.router.plugins.out_file import harmless
from lab_helpers.router.records.record import decode
from tests.router.plugins.bench import Bench, MemoryChunk

CHUNK = MemoryChunk("app/../x y", {"log": "é", "n": 1}, {"log": "b", "n": 2.5})


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (
            "",
            'app/../x y: [1636276442.000000000, {"log":"\\u00e9","n":1}]\n'
            'app/../x y: [1636276442.000000000, {"log":"b","n":2.5}]\n',
        ),
        ("Format plain", '{"log":"\\u00e9","n":1}\n{"log":"b","n":2.5}\n'),
        ("Format csv\nDelimiter tab", '1636276442.000000000\t"é"\t1\n1636276442.000000000\t"b"\t2.500000\n'),
        (
            "Format csv\nCsv_Column_Names on",
            'timestamp,"log","n"\n1636276442.000000000,"é",1\n1636276442.000000000,"b",2.500000\n',
        ),
        (
            "Format ltsv\nLabel_Delimiter comma",
            '"time",1636276442.000000\t"log","é"\t"n",1\n"time",1636276442.000000\t"log","b"\t"n",2.500000\n',
        ),
        (
            "Format template\nTemplate {time} {log}={n} {zz} {open",
            "1636276442.000000 é=1 {zz} {open\n1636276442.000000 b=2.500000 {zz} {open\n",
        ),
    ],
)
def test_formats(bench: Bench, tmp_path: Path, lines: str, text: str) -> None:
    """Each format writes what the real one writes; the file's name is the tag, made harmless."""
    output = bench.build(PluginKind.OUTPUT, "file", f"Path {tmp_path}\nMkdir on\n{lines}")
    assert output.flush(CHUNK) is FlushResult.OK
    assert (tmp_path / "app" / "_" / "x_y").read_text() == text


def test_msgpack_and_appending(bench: Bench, tmp_path: Path) -> None:
    """msgpack is the records themselves; a second flush appends; column names come before each chunk."""
    output = bench.build(PluginKind.OUTPUT, "file", f"Path {tmp_path}\nFile x\nFormat msgpack")
    output.flush(CHUNK)
    output.flush(CHUNK)
    assert decode((tmp_path / "x").read_bytes()) == CHUNK.records() * 2
    named = bench.build(PluginKind.OUTPUT, "file", f"Path {tmp_path}\nFile c\nFormat csv\nCsv_Column_Names on")
    named.flush(CHUNK)
    named.flush(CHUNK)
    assert (tmp_path / "c").read_text().count("timestamp") == 2


def test_missing_folder_is_an_error(bench: Bench, tmp_path: Path) -> None:
    """Without Mkdir a missing folder loses the chunk, with an error; an unknown format refuses the start."""
    output = bench.build(PluginKind.OUTPUT, "file", f"Path {tmp_path}/none\nFile x")
    assert output.flush(CHUNK) is FlushResult.ERROR
    assert any("error opening:" in line for line in bench.log)
    with pytest.raises(PluginInitError, match="unknown format xml"):
        bench.build(PluginKind.OUTPUT, "file", "Format xml")


def test_harmless_names() -> None:
    """No tag leads out of the folder."""
    assert [harmless(tag) for tag in ("a.b-c_1", "../../etc", "/", "a//b", "x:y")] == [
        "a.b-c_1", "_/_/etc", "_", "a/b", "x_y",
    ]  # fmt: skip


def test_counter(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    """Each flush prints its records and the total."""
    counter = bench.build(PluginKind.OUTPUT, "counter")
    counter.flush(CHUNK)
    counter.flush(CHUNK)
    printed = capfd.readouterr().out.splitlines()
    assert [re.sub(r"^\d+\.\d{6},", "", line) for line in printed] == ["2 (total = 2)", "2 (total = 4)"]
