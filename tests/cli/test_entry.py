"""The begin of the `lab` command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from lab_helpers.base.config import inherited
from lab_helpers.cli.main import INTERRUPTED

LAB = "import sys; from lab_helpers.cli.entry import main; sys.exit(main())"


def test_who_interrupts_a_command_that_is_being_loaded_sees_no_traceback(tmp_path: Path) -> None:
    """It ends by the signal; or as any command, should it have been loaded already and wait for its definition."""
    os.mkfifo(tmp_path / "task.json")
    argv = [sys.executable, "-X", "importtime", "-c", LAB, "try", str(tmp_path / "task.json")]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, env=inherited()) as lab:
        assert lab.stderr is not None
        for line in lab.stderr:
            if "lab_helpers.base" in line:
                break
        lab.send_signal(signal.SIGINT)
        rest = lab.stderr.read()
    assert lab.returncode in (-signal.SIGINT, INTERRUPTED), rest
    assert "Traceback" not in rest
