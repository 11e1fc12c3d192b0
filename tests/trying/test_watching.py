"""Again at each save: what counts as one, and nothing is left when it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from lab_helpers.trying import place, watching
from lab_helpers.trying.place import Spare
from tests.trying import kit

MAIN = "import sys; from lab_helpers.cli.main import main; sys.exit(main())"
KILL_S = 200
"""On a busy machine; a test that hangs ends before its own bound."""
EXTRA = "[FILTER]\n    Name grep\n    Match web-*\n    Exclude log health\n[OUTPUT]\n    Name datadog\n    Match *\n"


def test_it_tries_again_at_each_save(tmp_path: Path) -> None:
    """Another size or another time, in a file or below a folder; a save during the trial itself counts, too."""
    file, folder = tmp_path / "extra.conf", tmp_path / "image"
    file.write_text("a")
    folder.mkdir()
    edits: list[Callable[[], object]] = [
        lambda: file.write_text("ab"),
        lambda: os.utime(file, ns=(1, 1)),
        lambda: (folder / "parsers.conf").write_text("x"),
        lambda: file.unlink(),
    ]
    tried = list[int]()

    def once() -> None:
        tried.append(len(edits))
        if len(edits) == 4:
            edits.pop(0)()  # while it is tried

    def asleep(_seconds: float) -> None:
        if not settled():
            return
        if not edits:
            raise KeyboardInterrupt
        edits.pop(0)()

    states = list[watching.Snapshot]()

    def settled() -> bool:
        states.append(watching.snapshot([file, folder]))
        return len(states) > 1 and states[-1] == states[-2]

    with pytest.raises(KeyboardInterrupt):
        watching.watch([file, folder], once, lambda: None, asleep)
    assert tried == [4, 3, 2, 1, 0][: len(tried)]
    assert len(tried) == 5


def test_a_save_in_several_steps_is_one(tmp_path: Path) -> None:
    """An editor truncates, then writes: it is looked at when it has come to rest."""
    file = tmp_path / "extra.conf"
    file.write_text("old")
    before = watching.snapshot([file])
    steps = iter(["", "ne", "new", None, None])

    def asleep(_seconds: float) -> None:
        text = next(steps)
        if text is not None:
            file.write_text(text)

    watching.wait_for_save([file], before, asleep)
    assert file.read_text() == "new"


def test_what_belongs_to_no_image_is_not_watched(tmp_path: Path) -> None:
    """A commit changes .git, and no verdict."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "index").write_text("x")
    (tmp_path / "extra.conf").write_text("x")
    assert list(watching.snapshot([tmp_path])) == [tmp_path / "extra.conf"]


class _Counted:
    """A local AWS that only counts."""

    running: ClassVar[list[str]] = []

    def __init__(self, region: str) -> None:
        self.region = region

    def start(self) -> None:
        self.running.append(self.region)

    def warm_up(self) -> None:
        return

    def stop(self) -> None:
        if self.region in self.running:
            self.running.remove(self.region)


def test_a_spare_is_used_once_and_goes_with_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another Region gets another one; the one that is ready is taken away at the end, however it comes.

    A used one goes when the next is prepared, so that nobody waits for its end before the verdict.
    """
    monkeypatch.setattr(place, "LocalAws", _Counted)
    with Spare() as spare:
        spare.prepare("eu-west-1")
        spare.prepare("eu-west-1")
        assert _Counted.running == ["eu-west-1"]
        with spare.local_aws("us-east-1") as aws:
            assert aws.region == "us-east-1"
            assert _Counted.running == ["us-east-1"]
        assert _Counted.running == ["us-east-1"]
        spare.prepare("eu-west-1")
        assert _Counted.running == ["eu-west-1"]
        with spare.local_aws("eu-west-1"):
            pass
        spare.drop()
        assert not _Counted.running
        with pytest.raises(KeyboardInterrupt), spare.local_aws("eu-west-1"):
            raise KeyboardInterrupt
    assert not _Counted.running


def _hears_ctrl_c() -> None:
    """Where the tests run in the background, Ctrl-C is ignored, and each process inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def _lab_try(folder: Path, temporary: Path) -> Iterator[subprocess.Popen[str]]:
    arguments = ["try", str(folder / "task.json"), "--files", str(folder / "extra.conf"), "--watch"]
    environment = {**os.environ, "TMPDIR": str(temporary), "LAB_HOME": str(temporary / "home")}
    lines = folder / "lines"
    lines.write_text("hello\nhealth ok\n")
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments, "--lines", f"web={lines}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
        preexec_fn=_hears_ctrl_c,
    ) as process:  # fmt: skip
        killer = threading.Timer(KILL_S, process.kill)
        killer.start()
        try:
            yield process
        finally:
            process.terminate()  # takes its local AWS along
            process.wait()
            killer.cancel()


def _until(process: subprocess.Popen[str], text: str) -> str:
    """Return what it prints up to a line with this text."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if text in line:
            return said
    raise AssertionError(said)


@pytest.mark.timeout(240)
def test_a_save_gives_another_verdict_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    """On the command line: a definition that cannot be read is told and does not end it."""
    temporary = tmp_path / "t"
    temporary.mkdir()
    (tmp_path / "extra.conf").write_text(EXTRA + "    apikey x\n")
    (tmp_path / "task.json").write_text("{")
    with _lab_try(tmp_path, temporary) as process:
        assert "it is not JSON" in _until(process, "watching")
        (tmp_path / "task.json").write_text(json.dumps(kit.definition({}, kit.including("/extra.conf"))))
        said = _until(process, "watching").splitlines()
        assert [line for line in said if "would have sent 1 record to datadog" in line], "\n".join(said)
        process.send_signal(signal.SIGINT)
        assert "interrupted" in _until(process, "interrupted")
        assert process.wait() == 130
    assert not [each for each in temporary.iterdir() if each.name.startswith("lab-try-")]
