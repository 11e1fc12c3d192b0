"""A stand-in for AWS over HTTP: keeps what it is asked, answers what it is told to."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    """One request; `operation` is the last part of X-Amz-Target, or the method for S3."""

    operation: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the decoded body."""
        return json.loads(self.body)


Answer = tuple[int, bytes]
SUCCESS = {"PutRecordBatch": b'{"FailedPutCount":0}', "PutRecords": b'{"FailedRecordCount":0}'}


class StandIn:
    """The server: `answers[operation]` is a list of answers to give in turn; then 200 and success."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: dict[str, list[Answer]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> StandIn:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        """The bound port."""
        return int(self._server.server_address[1])

    def operations(self) -> list[str]:
        """Return the operations asked for, in order."""
        return [call.operation for call in self.calls]

    def messages(self) -> list[str]:
        """Return the messages of all log events."""
        return [one["message"] for call in self.of("PutLogEvents") for one in call.json()["logEvents"]]

    def records(self, operation: str = "PutRecordBatch") -> list[bytes]:
        """Return the data of all records."""
        return [b64decode(one["Data"]) for call in self.of(operation) for one in call.json()["Records"]]

    def of(self, operation: str) -> list[Call]:
        """Return the calls of one operation."""
        return [call for call in self.calls if call.operation == operation]

    def refuse(self, operation: str, code: str, times: int = 1, status: int = 400) -> None:
        """Answer the next calls of an operation with an error."""
        answer = (status, json.dumps({"__type": code, "message": f"{code} it is"}).encode())
        self.answers.setdefault(operation, []).extend([answer] * times)

    def _answer(self, operation: str) -> Answer:
        waiting = self.answers.get(operation)
        return waiting.pop(0) if waiting else (200, SUCCESS.get(operation, b"{}"))

    def _handler(self) -> Callable[..., BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                operation = self.headers.get("X-Amz-Target", self.command).rpartition(".")[2]
                headers = {name.lower(): value for name, value in self.headers.items()}
                stand_in.calls.append(Call(operation, self.path, headers, body))
                status, answer = stand_in._answer(operation)
                self.send_response(status)
                self.send_header("x-amzn-RequestId", "1")
                self.send_header("ETag", '"e"')
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PUT = handle_one  # noqa: N815 (the names that http.server looks for)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        return Handler
