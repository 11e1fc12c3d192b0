"""A followed request: its stops to click on, and a waterfall of the time between them.

Stops are `<details>`, which need neither a widget nor a server; the picture is a PNG with a text beside it.
"""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.base.redact import redact
from lab_helpers.display.charts.canvas import Chart
from lab_helpers.display.charts.waterfall import Bar, waterfall
from lab_helpers.display.tables import table
from lab_helpers.pipeline.trace import Stop

COLUMNS = ("stop", "time", "seconds", "where", "raw", "note")
_SUMMARY = "cursor:pointer;padding:2px 0"
_PRE = "text-align:left;font-family:monospace;white-space:pre-wrap;word-break:break-all;margin:2px 0 8px 16px"


@dataclass(frozen=True)
class Trace:
    """One request at all its stops."""

    id: str
    found: tuple[Stop, ...]

    @property
    def stops(self) -> pd.DataFrame:
        """One row a stop: stop, time (UTC; missing where none is known), seconds since the request, where, raw, note.

        `raw` is empty where nothing is (yet); `note` says why.
        """
        rows = [(stop.name, stop.at, self._seconds(stop.at), stop.where, stop.raw, stop.note) for stop in self.found]
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        frame["time"] = pd.to_datetime(frame["time"], utc=True).dt.as_unit("us")
        frame["seconds"] = frame["seconds"].astype("float64")
        return frame

    @property
    def is_complete(self) -> bool:
        """Whether the request has been found at each stop."""
        return all(stop.raw for stop in self.found)

    @property
    def waterfall(self) -> Chart:
        """The picture: when the request was where."""
        bars = [
            Bar(stop.name, seconds, self._seconds(stop.until))
            for stop in self.found
            if (seconds := self._seconds(stop.at)) is not None
        ]
        return waterfall(self.id, bars)

    def _seconds(self, at: datetime | None) -> float | None:
        """Seconds since the request; never below nought: some clocks tell whole seconds only."""
        start = next((stop.at for stop in self.found if stop.at), None)
        return None if at is None or start is None else max(0.0, (at - start).total_seconds())

    def __str__(self) -> str:
        shown = table(self.stops[["stop", "time", "seconds", "where", "note"]], say("Request {id}", id=self.id))
        raws = [f"── {stop.name}\n{redact(stop.raw)}" for stop in self.found if stop.raw]
        return "\n\n".join([shown.text, *raws])

    def _repr_html_(self) -> str:
        picture = self.waterfall
        encoded = base64.b64encode(picture.png).decode()
        image = (
            f"<img alt='{html.escape(picture.alt, quote=True)}' width='750' src='data:image/png;base64,{encoded}'>"
            if picture.png
            else f"<p>{html.escape(picture.title)}</p>"
        )
        head = f"<b>{html.escape(say('Request {id}', id=self.id))}</b>"
        return f"<div style='text-align:left'>{head}{self._stops()}{image}</div>"

    def _stops(self) -> str:
        return "".join(_details(stop, self._seconds(stop.at)) for stop in self.found)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._repr_html_()}


def _details(stop: Stop, seconds: float | None) -> str:
    mark = "●" if stop.raw else "○"
    clock = f" · {stop.at:%H:%M:%S}.{stop.at.microsecond // 1000:03d} UTC" if stop.at else ""
    after = f" · +{seconds:,.3f} s" if seconds else ""
    told = [redact(text) for text in (stop.where, stop.note) if text]
    body = f"<pre style='{_PRE}'>{html.escape(redact(stop.raw))}</pre>" if stop.raw else ""
    notes = "".join(f"<div style='margin-left:16px'><small>{html.escape(text)}</small></div>" for text in told)
    head = f"{mark} <b>{html.escape(stop.name)}</b>{clock}{after}"
    return f"<details><summary style='{_SUMMARY}'>{head}</summary>{notes}{body}</details>"
