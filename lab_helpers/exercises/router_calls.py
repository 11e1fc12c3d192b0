"""Which calls a configuration makes to AWS: the built-in log router runs, and a listener on loopback answers it."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from lab_helpers.backends import local as backend
from lab_helpers.base.config import inherited
from lab_helpers.base.errors import LabError
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until
from lab_helpers.exercises.router_trial import TAG

TRIAL_TIMEOUT_S = 15.0
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "trial", "AWS_SECRET_ACCESS_KEY": "trial", "AWS_REGION": "ap-northeast-1"}

Call = tuple[str, dict[str, Any]]
"""An operation's name, and what it was called with."""


def made(extra_conf: str, records: Iterable[Mapping[str, Any]]) -> list[Call]:
    """Return the calls that the outputs of an extra.conf make for these records, each of which succeeds.

    Raises LabError with the router's own words when it refuses the configuration.
    """
    listener = _Listener()
    with tempfile.TemporaryDirectory(prefix="lab-trial-") as folder, listener:
        file, err = Path(folder, "fluent-bit.conf"), Path(folder, "err")
        file.write_text("".join(map(_input, records)) + _led(extra_conf, listener.port), encoding="utf-8")
        with err.open("wb") as stderr:
            # The real Fluent Bit's AWS outputs insist on TLS.
            argv = [*backend.router_command("builtin"), "-c", str(file), "-f", "1"]
            environ = {**inherited(), **_CREDENTIALS}
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, env=environ, cwd=folder
            )
        try:
            wait_until(
                lambda: process.poll() is not None or "PutRecordBatch" in dict(listener.calls),
                TRIAL_TIMEOUT_S,
                0.05,
                "the outputs' calls",
            )
            has_ended = process.poll() is not None
        finally:
            process.terminate()
            process.wait(TRIAL_TIMEOUT_S)
        if has_ended:
            errors = [line for line in err.read_text(errors="replace").splitlines() if "error]" in line]
            raise LabError(say("Fluent Bit does not start with this configuration: {said}", said=" ".join(errors[:2])))
    return listener.calls


def _input(record: Mapping[str, Any]) -> str:
    return f"[INPUT]\n    Name dummy\n    Tag {TAG}\n    Samples 1\n    Dummy {json.dumps(record)}\n"


def _led(extra_conf: str, port: int) -> str:
    transport = f"endpoint 127.0.0.1\n    port {port}\n    tls off"
    return re.sub(r"(?im)^\s*Name\s+(cloudwatch_logs|kinesis_firehose)\s*$", rf"\g<0>\n    {transport}", extra_conf)


class _Listener:
    """Answers every call with success, and keeps it; owns its thread from entering to leaving."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                listener.calls.append((self.headers["X-Amz-Target"].rpartition(".")[2], body))
                answer = json.dumps({"FailedPutCount": 0, "RequestResponses": [{"RecordId": "1"}]}).encode()
                self.send_response(200)
                self.send_header("x-amzn-RequestId", "trial")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="trial-aws", daemon=True)

    def __enter__(self) -> _Listener:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
