"""Which calls a configuration makes to AWS: the built-in log router runs, and a listener on loopback answers it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lab_helpers.base.config import inherited
from lab_helpers.exercises.router_trial import TAG
from lab_helpers.firelens.running import running

TRIAL_TIMEOUT_S = 15.0
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "trial", "AWS_SECRET_ACCESS_KEY": "trial", "AWS_REGION": "ap-northeast-1"}

Call = tuple[str, dict[str, Any]]
"""An operation's name, and what it was called with."""


def made(extra_conf: str, records: Iterable[Mapping[str, Any]]) -> list[Call]:
    """Return the calls that the outputs of an extra.conf make for these records, each of which succeeds.

    Raises LabError with the router's own words when it refuses the configuration.
    """
    listener = _Listener()
    environ = {**inherited(), **_CREDENTIALS}
    with listener:
        text = "".join(map(_input, records)) + _led(extra_conf, listener.port)
        with running(text, environ, "builtin") as router:  # the real Fluent Bit's AWS outputs insist on TLS
            router.wait(lambda: "PutRecordBatch" in dict(listener.calls), TRIAL_TIMEOUT_S, "the outputs' calls")
            if router.has_ended:
                raise router.refusal()
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
