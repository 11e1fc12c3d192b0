"""An account's weather for the local AWS: answers that come late, are throttled, and are those of a moment ago.

A layer in front of the gateway (`LocalAws(middleware=…)`), for tests of what has to work on an account. It touches only
the callers that it is told to: the local AWS's own services do not feel it.
Source: "Error retries" of the SDK reference for the codes, "Eventual consistency" of the EC2, IAM and S3 guides.
Not modelled: writes that are lost, answers that never come, limits by rate (a fixed number of calls is refused).
"""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request

from lab_helpers.local_aws.front import protocol
from lab_helpers.local_aws.kit.api import AwsError, WsgiApp

_THROTTLED = {
    "ec2": ("RequestLimitExceeded", 503),
    "s3": ("SlowDown", 503),
    "elasticloadbalancing": ("Throttling", 400),
    "iam": ("Throttling", 400),
}
_OTHERWISE = ("ThrottlingException", 400)
_READS = ("Describe", "Get", "List", "Head")

Answer = tuple[str, list[tuple[str, str]], bytes]
Question = tuple[str, str, str, bytes]
"""Service, operation, path with query, body."""


@dataclass
class _Told:
    """An answer, after how many writes to its service it was given, and how often it was repeated since the next."""

    answer: Answer
    writes: int
    repeated: int = 0


@dataclass(frozen=True)
class Forecast:
    """What to expect: how many first calls of every operation are throttled, how late answers come (s), and how many
    reads after a write still show what was there before it."""

    throttled_calls: int = 0
    delay_s: float = 0.0
    stale_reads: int = 0


def throttled(service: str) -> AwsError:
    """Return what a service says to calls that come too fast."""
    code, status = _THROTTLED.get(service, _OTHERWISE)
    return AwsError(code, "Rate exceeded", status)


class Weather:
    """The layer. `feels` says by its access key whether a caller is exposed; `pause` waits so many seconds."""

    def __init__(
        self,
        app: WsgiApp,
        forecast: Forecast,
        feels: Callable[[str], bool],
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._app, self._forecast, self._feels = app, forecast, feels
        self._pause = pause or threading.Event().wait
        self._lock = threading.Lock()
        self._calls: Counter[tuple[str, str]] = Counter()
        self._told: dict[Question, _Told] = {}
        self._writes: Counter[str] = Counter()
        self.figures: Counter[str] = Counter()
        """How many calls were `throttled`, answered `stale`, and passed."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = Request(environ).get_data(cache=False)
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        call = self._call(environ, body)
        if call is None:
            return self._app(environ, start_response)  # type: ignore[no-any-return]
        self._pause(self._forecast.delay_s)
        status, headers, content = self._answer(call, environ, body)
        start_response(status, headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [content]

    def _call(self, environ: dict[str, Any], body: bytes) -> protocol.Call | None:
        """Return the call of a caller who is exposed, None for every other."""
        if "AWS4-HMAC-SHA256" not in environ.get("HTTP_AUTHORIZATION", ""):
            return None
        try:
            call = protocol.parse(environ, body)
        except AwsError:
            return None
        return call if self._feels(call.access_key_id or "") else None

    def _answer(self, call: protocol.Call, environ: dict[str, Any], body: bytes) -> Answer:
        with self._lock:
            self._calls[call.service, call.operation] += 1
            throttled = self._calls[call.service, call.operation] <= self._forecast.throttled_calls
        if throttled:
            return self._throttle(call, environ["REQUEST_METHOD"])
        if not call.operation.startswith(_READS):
            answer = self._pass_on(environ)
            with self._lock:
                self._writes[call.service] += 1
            return answer
        path = f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"
        question = (call.service, call.operation, path, body)
        return self._old(question) or self._fresh(question, environ)

    def _throttle(self, call: protocol.Call, method: str) -> Answer:
        self.figures["throttled"] += 1
        answered, headers, body = protocol.refusal(call.protocol, throttled(call.service), method)
        return f"{answered} Slow down", [*headers, ("Content-Length", str(len(body)))], body

    def _old(self, question: Question) -> Answer | None:
        """Return what the same question was answered before the last write, as often as that is forecast."""
        with self._lock:
            told = self._told.get(question)
            if told is None or told.writes == self._writes[question[0]] or told.repeated >= self._forecast.stale_reads:
                return None
            told.repeated += 1
            self.figures["stale"] += 1
            return told.answer

    def _fresh(self, question: Question, environ: dict[str, Any]) -> Answer:
        writes = self._writes[question[0]]
        answer = self._pass_on(environ)
        with self._lock:
            self._told[question] = _Told(answer, writes)
        return answer

    def _pass_on(self, environ: dict[str, Any]) -> Answer:
        self.figures["passed"] += 1
        seen: list[tuple[str, list[tuple[str, str]]]] = []
        body = b"".join(self._app(environ, lambda status, headers: seen.append((status, headers))))
        return (*seen[0], body)
