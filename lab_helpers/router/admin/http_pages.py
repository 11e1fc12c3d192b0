"""What the HTTP server answers: health, uptime, metrics, storage, plugins. No I/O.

Source: Fluent Bit 5.1.1: a path that is no page is 404; `/api/v2/health` is there without Health_Check, too.
`/api/lab/balance` is this router's own: sent, dropped and held records of each output.
Not modelled: the 404 of the first second (metrics) and the first five (storage), `/api/v1/trace`, hot reload; numbers
are those of this moment, the reference's up to five seconds old.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from lab_helpers.router import plugins
from lab_helpers.router.admin.metrics_text import prometheus, uptime_words
from lab_helpers.router.admin.metrics_v2 import families, prometheus_text, readable_text
from lab_helpers.router.admin.storage_status import InputStatus, layer
from lab_helpers.router.core.counters import Counters
from lab_helpers.router.core.service import Service
from lab_helpers.router.core.version import VERSION
from lab_helpers.router.plugin import PluginKind

JSON, TEXT = "application/json", "text/plain; version=0.0.4"


@dataclass(frozen=True)
class Page:
    """An answer; `kind` is its Content-Type, `allow` its Allow, '' where the reference sends none."""

    status: int
    body: bytes
    kind: str = ""
    allow: str = ""


class Pages:
    """All pages of one router. `balance` and `storage` are asked anew for each answer."""

    def __init__(
        self,
        service: Service,
        counters: Counters,
        balance: Callable[[], Mapping[str, Any]],
        storage: Callable[[], Mapping[str, InputStatus]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service, self._counters, self._balance, self._storage = service, counters, balance, storage
        self._health = Health(service, counters, now)
        self._pages: dict[str, Callable[[str], Page]] = {
            "/api/v1/metrics/prometheus": lambda _: self._prometheus(),
            "/api/v1/metrics": lambda _: _json(self._counters.snapshot()),
            "/api/v1/plugins": lambda _: _plugins(),
            "/api/v1/uptime": lambda _: self._uptime(),
            "/api/v2/metrics/prometheus": lambda _: Page(200, prometheus_text(self._families()).encode(), TEXT),
            "/api/v2/metrics": lambda _: Page(200, readable_text(self._families(), time.time_ns()).encode()),
            "/api/v2/health": lambda _: self._health.details(),
            "/api/v2/reload": _reload,
            "/": lambda _: _root(),
            "/api/lab/balance": lambda _: _json(self._balance()),
            **({"/api/v1/storage": lambda _: self._storage_page()} if service.storage_metrics else {}),
            **({"/api/v1/health": lambda _: self._health.page()} if service.health_check else {}),
        }

    def page(self, method: str, path: str) -> Page:
        """Return the answer for a path without its query."""
        make = self._pages.get(path)
        return make(method) if make else Page(404, b"")

    def sample(self) -> None:
        """Take note of the counters of errors: what happened within a period is told from these notes."""
        self._health.sample()

    def _uptime(self) -> Page:
        seconds = self._uptime_s()
        return _json({"uptime_sec": seconds, "uptime_hr": uptime_words(seconds)})

    def _prometheus(self) -> Page:
        counters = self._counters
        now_ms, started_at = int(time.time() * 1000), int(counters.started_at)
        text = prometheus(counters.snapshot(), now_ms, self._uptime_s(), started_at, VERSION)
        return Page(200, text.encode(), TEXT)

    def _storage_page(self) -> Page:
        inputs = self._storage()
        body = {"storage_layer": {"chunks": layer(inputs)}}
        return _json({**body, "input_chunks": {name: status.shown() for name, status in inputs.items()}})

    def _families(self) -> list[Any]:
        return families(self._counters, self._service.sink.counts, self._storage(), self._uptime_s())

    def _uptime_s(self) -> int:
        return int(time.time() - self._counters.started_at)


class Health:
    """Healthy unless the last period saw more errors, or more retries given up, than the limits."""

    def __init__(self, service: Service, counters: Counters, now: Callable[[], float]) -> None:
        self._service, self._counters, self._now = service, counters, now
        self._notes: list[tuple[float, int, int]] = [(now(), 0, 0)]

    def sample(self) -> None:
        """Note the counters; notes older than the period go, but for the last of them."""
        outputs = self._counters.snapshot()["output"].values()
        now = self._now()
        errors, failures = (sum(one.get(key, 0) for one in outputs) for key in ("errors", "retries_failed"))
        self._notes.append((now, errors, failures))
        since = now - self._service.health_period_s
        while len(self._notes) > 1 and self._notes[1][0] <= since:
            self._notes.pop(0)

    def page(self) -> Page:
        """Return `ok` or `error`."""
        return Page(500, b"error\n") if self._is_bad() else Page(200, b"ok\n")

    def details(self) -> Page:
        """Return the same with the figures behind it."""
        errors, failures = self._within_period()
        body = {
            "status": "error" if self._is_bad() else "ok",
            "errors": errors,
            "retries_failed": failures,
            "error_limit": self._service.health_errors,
            "retry_failure_limit": self._service.health_retry_failures,
            "period_limit": self._service.health_period_s,
        }
        return Page(500 if self._is_bad() else 200, orjson.dumps(body), JSON)

    def _is_bad(self) -> bool:
        errors, failures = self._within_period()
        return errors > self._service.health_errors or failures > self._service.health_retry_failures

    def _within_period(self) -> tuple[int, int]:
        (_, errors_before, failures_before), (_, errors, failures) = self._notes[0], self._notes[-1]
        return errors - errors_before, failures - failures_before


def _json(value: Any) -> Page:
    return Page(200, orjson.dumps(value), JSON)


def _root() -> Page:
    return _json({"fluent-bit": {"version": VERSION, "edition": "Community", "flags": ["FIRELENS_LAB_ROUTER"]}})


def _plugins() -> Page:
    kinds = {"inputs": PluginKind.INPUT, "filters": PluginKind.FILTER, "outputs": PluginKind.OUTPUT}
    return Page(200, orjson.dumps({"plugins": {name: plugins.names(kind) for name, kind in kinds.items()}}))


def _reload(method: str) -> Page:
    if method in ("POST", "PUT"):
        return _json({"reload": "not enabled", "status": -1})
    return _json({"hot_reload_count": 0}) if method == "GET" else Page(405, b"", allow="GET, POST, PUT")
