"""The local AWS as a process of its own (the lab): `python -m lab_helpers.local_aws --data-dir FOLDER --port N`.

It writes `server.json` into the folder when it is ready, and stops on SIGTERM or SIGINT. It holds a lock on the folder
as long as it lives: a second one ends at once. With `--throw-away HOME` it ends when its standard input does, whose
other end its owner holds, and removes HOME: an owner that is killed leaves nothing behind. A line there keeps it.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from lab_helpers.base.errors import LocalAwsStartError
from lab_helpers.base.files.file_lock import FileLock
from lab_helpers.base.files.whole_file import write_whole
from lab_helpers.local_aws import quick_start

if TYPE_CHECKING:
    from lab_helpers.local_aws.server import LocalAws

WARM_UP_AFTER_S = 2.0
"""The first calls, which come at once, are not to wait for it."""
SWITCH_S = 0.0005
"""How long a thread keeps the interpreter while others wait. The load balancer lets go of it at every reading and
writing; with Python's own 5 ms it would stand still for as long, each time, while an API call is answered."""
LOCK = "server.lock"
"""The file, in the data folder, that says whose the folder is."""
_LOG = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Run the local AWS until SIGTERM or SIGINT; exit status 1 with the reason on stderr when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m lab_helpers.local_aws", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--httpd", default="auto", choices=("auto", "apache", "builtin"))
    parser.add_argument("--router", default="auto", choices=("auto", "fluent-bit", "builtin"))
    parser.add_argument("--image-mib", type=int, default=4096)
    parser.add_argument("--throw-away", type=Path, metavar="HOME", help="end with the standard input, HOME with it")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.setswitchinterval(SWITCH_S)
    stopping, is_ownerless = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    args.data_dir.mkdir(parents=True, exist_ok=True)
    if FileLock.take(args.data_dir / LOCK, {"pid": os.getpid()}) is None:  # held until this process ends
        print(f"another local AWS works in {args.data_dir}", file=sys.stderr)
        return 1
    if args.throw_away:
        threading.Thread(target=_await_owner, args=(is_ownerless, stopping), daemon=True, name="owner").start()
    state_file = args.data_dir / "server.json"
    state_file.unlink(missing_ok=True)  # of one that was killed
    quick_start.begin()
    from lab_helpers.local_aws.kit.service import Runtimes  # late: moto and a thousand modules behind it
    from lab_helpers.local_aws.server import LocalAws

    runtimes = Runtimes(args.httpd, args.router, args.image_mib)
    aws = LocalAws(args.data_dir, args.port, runtimes, keeps_state=True)
    try:
        aws.start()
    except LocalAwsStartError as exc:
        print(exc, file=sys.stderr)
        return 1
    _write_state(state_file, aws)
    quick_start.ready()
    _LOG.info("ready at %s, instance %s", aws.endpoint_url, aws.instance_id)
    if not stopping.wait(WARM_UP_AFTER_S):
        aws.warm_up()
        quick_start.end()
    stopping.wait()
    _LOG.info("stopping")
    aws.stop()
    state_file.unlink(missing_ok=True)
    if is_ownerless.is_set():
        shutil.rmtree(args.throw_away, ignore_errors=True)
    return 0


def _await_owner(is_ownerless: threading.Event, stopping: threading.Event) -> None:
    """End with the owner: its end of the pipe closes with it, whatever ended it; a line says that it lets go."""
    if not sys.stdin.buffer.readline():
        _LOG.info("its owner has ended")
        is_ownerless.set()
        stopping.set()


def _write_state(path: Path, aws: LocalAws) -> None:
    """Tell the lab where the server is and with which keys; readable by its owner only, never half written."""
    operator = aws.store.operator
    state = {
        "pid": os.getpid(),
        "instance_id": aws.instance_id,
        "endpoint_url": aws.endpoint_url,
        "access_key_id": operator.access_key_id,
        "secret_access_key": operator.secret_access_key,
        "lab_token": aws.lab_token,
    }
    write_whole(path, json.dumps(state).encode(), 0o600)


if __name__ == "__main__":
    sys.exit(main())
