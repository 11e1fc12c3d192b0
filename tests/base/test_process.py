"""Programs beside the lab: waiting for one, and following one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from lab_helpers.base import process
from lab_helpers.base.errors import CommandError, MissingToolError
from lab_helpers.base.wait import wait_until

ENV = {"PATH": os.environ["PATH"]}


def python(script: str) -> list[str]:
    return [sys.executable, "-u", "-c", textwrap.dedent(script)]


def test_run_returns_status_and_both_streams() -> None:
    """A bad status is an answer, not an error, to `run`."""
    done = process.run(
        python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), timeout_s=30, env=ENV
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert done.seconds > 0


def test_run_inherits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is the given one; what surrounds the lab does not leak in."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    done = process.run(python("import os; print(os.environ.get('AWS_PROFILE'))"), timeout_s=30, env=ENV)
    assert done.stdout == "None\n"


def test_a_missing_program_is_named() -> None:
    """No such program: the error names it."""
    with pytest.raises(MissingToolError, match="no-such-program: there is no such program"):
        process.run(["no-such-program"], timeout_s=1, env=ENV)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The operating system reports a missing working folder like a missing program; the error says both."""
    with pytest.raises(MissingToolError, match="gone"):
        process.run(python("pass"), timeout_s=1, env=ENV, cwd=tmp_path / "gone")


def test_a_program_that_does_not_end_is_ended() -> None:
    """The error of a timeout carries what the program had printed."""
    hang = python("import threading; print('so far', flush=True); threading.Event().wait()")
    with pytest.raises(CommandError, match=r"did not end within 1 s") as caught:
        process.run(hang, timeout_s=1, env=ENV)
    assert caught.value.output_tail == "so far"


def test_check_raises_with_the_end_of_the_output() -> None:
    """The tail is bounded, and is the end."""
    with pytest.raises(CommandError, match="exit status 1") as caught:
        process.check(python("print('\\n'.join(map(str, range(1000)))); exit(1)"), timeout_s=30, env=ENV)
    assert caught.value.output_tail.splitlines() == [str(n) for n in range(1000 - process.TAIL_LINES, 1000)]


def test_stream_hands_over_each_line_in_order(tmp_path: Path) -> None:
    """Lines come in order and without their ends; the error stream is kept apart."""
    lines: list[str] = []
    script = "import sys\nfor n in range(100): print(n)\nprint('why', file=sys.stderr)\nsys.exit(2)"
    ended = process.stream(python(script), env=ENV, cwd=tmp_path, on_line=lines.append, on_tick=lambda _: None)
    assert lines == [str(n) for n in range(100)]
    assert (ended.returncode, ended.stderr_tail) == (2, "why")


def test_stream_ticks_while_nothing_is_printed(tmp_path: Path) -> None:
    """A silent program still gives signs of life, with rising seconds."""
    ticks: list[float] = []
    process.stream(
        python("import threading; threading.Event().wait(0.5)"),
        env=ENV,
        cwd=tmp_path,
        on_line=lambda _: None,
        on_tick=ticks.append,
        tick_s=0.05,
    )
    assert len(ticks) >= 3
    assert ticks == sorted(ticks)


SAVES_ON_INTERRUPT = """
    import signal, threading
    done, seen = threading.Event(), []
    def on_interrupt(*_):
        seen.append(1)
        done.set()
    signal.signal(signal.SIGINT, on_interrupt)
    print("ready")
    done.wait()
    done.clear()
    done.wait(0.3)  # a second signal would arrive by now
    print("saved", len(seen))
"""


def test_ctrl_c_reaches_the_program_once_and_is_awaited(tmp_path: Path) -> None:
    """The program may put its things in order: its last lines arrive before KeyboardInterrupt does."""
    lines: list[str] = []

    def press_ctrl_c(line: str) -> None:
        lines.append(line)
        if line == "ready":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.stream(python(SAVES_ON_INTERRUPT), env=ENV, cwd=tmp_path, on_line=press_ctrl_c, on_tick=lambda _: None)
    assert lines == ["ready", "saved 1"]


def test_the_program_does_not_get_the_terminals_ctrl_c(tmp_path: Path) -> None:
    """It runs in a process group of its own, or it would be interrupted twice: by the terminal and by us."""
    lines: list[str] = []
    process.stream(
        python(f"import os; print(os.getpgid(0) != {os.getpgid(0)})"),
        env=ENV,
        cwd=tmp_path,
        on_line=lines.append,
        on_tick=lambda _: None,
    )
    assert lines == ["True"]


def test_a_failing_callback_ends_the_program(tmp_path: Path) -> None:
    """No program is left running behind an error of the lab's own."""
    mark = tmp_path / "interrupted"

    def fail(line: str) -> None:
        if line == "ready":
            raise ValueError(line)

    script = textwrap.dedent(SAVES_ON_INTERRUPT) + f"\nopen({str(mark)!r}, 'w').close()"
    with pytest.raises(ValueError, match="ready"):
        process.stream([sys.executable, "-u", "-c", script], env=ENV, cwd=tmp_path, on_line=fail, on_tick=print)
    assert mark.exists()


PROGRAM = """
    import os, pathlib, signal, subprocess, sys, tempfile, threading
    folder = pathlib.Path(sys.argv[1])
    (folder / "temporary").write_text(tempfile.mkdtemp(prefix="plugin-dir"))
    child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
    interrupted = threading.Event()
    if sys.argv[2] == "deaf":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    print(os.getpid(), child.pid, os.getpgid(0))
    interrupted.wait()
    for _ in range(100):
        print("x" * 2000)  # more than a pipe holds: somebody has to read it, or to hold it open at least
    print("in order", file=sys.stderr)
    (folder / "ended").write_text("in order")
"""
"""Has a child that nobody ends and a temporary folder that nobody removes, like Terraform its provider and that one's
socket; ends in order when it is interrupted, or is deaf."""

DRIVER = """
    import os, pathlib, sys
    from lab_helpers.base import process
    def note(line):
        (pathlib.Path(sys.argv[1]) / "partial").write_text(line)
        os.replace(pathlib.Path(sys.argv[1]) / "partial", pathlib.Path(sys.argv[1]) / "pids")
    process.stream(
        [sys.executable, "-u", sys.argv[2], sys.argv[1], sys.argv[3]], env=dict(os.environ),
        cwd=pathlib.Path(sys.argv[1]), on_line=note, on_tick=lambda _: None, tick_s=0.05, grace_s=1,
    )
"""


def _driven(folder: Path, kind: str) -> tuple[subprocess.Popen[bytes], list[int]]:
    """Start a process that follows PROGRAM; return it and the pids of the program, its child and its guard."""
    program = folder / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    driver = subprocess.Popen([*python(DRIVER), str(folder), str(program), kind])
    wait_until((folder / "pids").exists, 60, 0.02, "the program to start")
    return driver, [int(pid) for pid in (folder / "pids").read_text().split()]


def _temporary(folder: Path) -> Path:
    """The folder that PROGRAM made among temporary files, and did not remove."""
    return Path((folder / "temporary").read_text())


def _all_gone(pids: list[int]) -> bool:
    return all(not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE for pid in pids)


def test_what_is_driven_ends_in_order_when_its_driver_is_killed(tmp_path: Path) -> None:
    """kill -9 of a kernel: Terraform is interrupted, says its last words to nobody, and takes its provider along."""
    driver, pids = _driven(tmp_path, "obedient")
    driver.kill()
    driver.wait()
    wait_until(lambda: _all_gone(pids), 60, 0.02, "all of it to end")
    assert (tmp_path / "ended").read_text() == "in order"
    assert not _temporary(tmp_path).parent.exists()


def test_a_deaf_program_does_not_outlive_its_driver(tmp_path: Path) -> None:
    """What does not end in order within the grace is killed, with all it started."""
    driver, pids = _driven(tmp_path, "deaf")
    assert _temporary(tmp_path).exists()
    driver.kill()
    driver.wait()
    wait_until(lambda: _all_gone(pids), 60, 0.02, "all of it to end")
    assert not (tmp_path / "ended").exists()
    assert not _temporary(tmp_path).parent.exists()


def test_a_killed_program_leaves_no_child(tmp_path: Path) -> None:
    """kill -9 of Terraform: its provider goes too, even where it holds the output open."""
    driver, pids = _driven(tmp_path, "obedient")
    os.kill(pids[0], signal.SIGKILL)
    assert driver.wait(60) == 0
    wait_until(lambda: _all_gone(pids) and not _temporary(tmp_path).parent.exists(), 60, 0.02, "all of it to end")


def test_the_guard_is_guarded(tmp_path: Path) -> None:
    """A guard that is killed is replaced: the driver's death still ends the program in order."""
    driver, pids = _driven(tmp_path, "obedient")
    guard = pids[2]
    os.kill(guard, signal.SIGKILL)

    def replaced() -> bool:
        group = [p for p in psutil.process_iter() if p.pid != guard and _group(p.pid) == guard]
        return any("lab-guard" in process.cmdline() for process in group)

    wait_until(replaced, 60, 0.02, "another guard")
    driver.kill()
    driver.wait()
    wait_until(lambda: _all_gone(pids), 60, 0.02, "all of it to end")
    assert (tmp_path / "ended").read_text() == "in order"
    assert not _temporary(tmp_path).parent.exists()


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def test_run_guarded_returns_status_and_both_streams(tmp_path: Path) -> None:
    """As `run` does, and a missing program is named."""
    script = "import sys; print('one'); print('two'); print('bad', file=sys.stderr); sys.exit(3)"
    done = process.run_guarded([sys.executable, "-c", script], timeout_s=20, env=ENV, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (3, "one\ntwo\n", "bad")
    with pytest.raises(MissingToolError):
        process.run_guarded(["no-such-program"], timeout_s=20, env=ENV, cwd=tmp_path)


def test_what_does_not_end_in_time_goes_with_its_child(tmp_path: Path) -> None:
    """A `terraform validate` that hangs: neither its provider nor that one's socket stays."""
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    argv = [sys.executable, "-u", str(tmp_path / "program.py"), str(tmp_path), "deaf"]
    with pytest.raises(CommandError, match="did not end within 5 s") as raised:
        process.run_guarded(argv, timeout_s=5, env=dict(os.environ), cwd=tmp_path)
    pids = [int(pid) for pid in raised.value.output_tail.split()]
    assert len(pids) == 3
    # killed they are when it returns; that the system is through with each of them takes it a moment
    wait_until(lambda: _all_gone(pids) and not _temporary(tmp_path).parent.exists(), 60, 0.02, "all of it to end")
