"""Runs the tasks of the stream processor over what comes out of the filters.

What a task makes comes in again twice a second, from an input of its own that has the stream's name, under the tag of
`WITH (tag='…')` or that name; it goes through the filters like everything else. A task without a stream prints.
Source: Fluent Bit 5.1.1, flb_sp.c, flb_sp_stream.c, in_stream_processor: one task that is wrong ends them all, and the
router goes on.
Not modelled: storage.type of a stream; that a full chunk of the source's is not looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.matching import matcher
from lab_helpers.router.core.options import to_flag
from lab_helpers.router.engine.instances import InputInstance
from lab_helpers.router.plugins.out_stdout import show, write_all
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.record import NS, Record
from lab_helpers.router.streams.conditions import NOTHING, Facts, look_up, truth
from lab_helpers.router.streams.sql import Key, NotModelledError, Query, SqlError, parse

TICK_S = 0.5
PLUGIN = "stream_processor"
Ingest = Callable[[InputInstance, str, Batch], bool]
Pairs = Iterable[tuple[str, str]]


class StreamsError(Exception):
    """The stream processor cannot start; why is said already."""


@dataclass
class Task:
    """A task: its query, whose tags or which stream it looks at, and what it has made and not put in yet."""

    name: str
    query: Query
    input: InputInstance | None = None
    tag: str = ""
    takes_tag: Callable[[str], bool] = lambda _: False
    source: InputInstance | None = None
    waiting: list[Record] = field(default_factory=list)

    def looks_at(self, instance: InputInstance, tag: str) -> bool:
        """Whether it takes records that this input has under this tag."""
        return self.takes_tag(tag) if self.query.is_tag else self.source is instance


class StreamProcessor:
    """All tasks of a router, of (name, query) pairs. Of `own`, the configuration's, a wrong one is left out; one of the
    file's ends all: raises StreamsError. `inputs` are those that its streams come in by."""

    def __init__(
        self, own: Pairs, of_file: Pairs, inputs: Sequence[InputInstance], ingest: Ingest, log: ComponentLog
    ) -> None:
        self.inputs = list[InputInstance]()
        self._tasks, self._ingest = list[Task](), ingest
        for is_own, (name, text) in [*((True, each) for each in own), *((False, each) for each in of_file)]:
            try:
                query = _parsed(name, text, log)
            except StreamsError:
                if not is_own:
                    raise
                continue
            if query is not None:
                task = _task(name, query, [*inputs, *self.inputs])
                self._tasks.append(task)
                self.inputs += [task.input] if task.input is not None else []
        log.info("[sp] stream processor started")
        for task in self._tasks:
            log.info(f"[sp] registered task: {task.name}")

    def take(self, instance: InputInstance, tag: str, batch: Batch) -> None:
        """Look at records that have passed the filters."""
        tasks = [task for task in self._tasks if task.looks_at(instance, tag)]
        if not tasks:
            return
        records = batch.records()
        for task in tasks:
            made = list(_selected(task.query, tag, records))
            if task.input is not None:
                task.waiting += made
            else:
                _print(made)

    def put_in(self) -> bool:
        """Put in what was made since the last time; return whether there was anything."""
        ready = [task for task in self._tasks if task.waiting]
        for task in ready:
            records, task.waiting = task.waiting, []
            assert task.input is not None, "only a stream's records wait"
            self._ingest(task.input, task.tag, Batch(records=records))
        return bool(ready)

    def drain(self) -> None:
        """Put in what is left, and what that makes: a stream may be made of another."""
        for _ in range(len(self._tasks)):
            if not self.put_in():
                return


def _task(name: str, query: Query, inputs: Sequence[InputInstance]) -> Task:
    task = Task(name, query)
    if query.stream:
        task.input = InputInstance(PLUGIN, query.stream)
        task.input.routable = to_flag(query.properties.get("routable", "on")) is not False
        task.tag = query.properties.get("tag") or query.stream
    if query.is_tag:
        task.takes_tag = matcher(query.source, None)
    else:
        task.source = next((each for each in inputs if each.name.lower() == query.source.lower()), None)
    return task


def _parsed(name: str, text: str, log: ComponentLog) -> Query | None:
    try:
        return parse(text)
    except NotModelledError as exc:
        log.error(f"[sp] {exc} are not modelled by this router: task {name} does not run")
        return None
    except SqlError as exc:
        if str(exc):
            log.error(f"[sp] {exc} at '{text}'")
        log.error(f"[sp] invalid query on task '{name}': '{text}'")
        raise StreamsError(name) from exc


def _print(records: Sequence[Record]) -> None:
    """Print what a task without a stream makes, as the reference prints it."""
    lines = [
        f"[{at}] [[{each.time_ns // NS}.{each.time_ns % NS:09d}, {{}}], {show(each.body)}]\n"
        for at, each in enumerate(records)
    ]
    write_all("".join(lines).encode("utf-8", "surrogateescape"))


def _selected(query: Query, tag: str, records: Iterable[Record]) -> Iterator[Record]:
    for record in records:
        facts = Facts(tag, record.time_ns, record.body)
        if query.condition is not None and not truth(query.condition(facts)):
            continue
        body = _body(query.keys, facts)
        if body:
            yield Record(record.time_ns, body)


def _body(keys: Iterable[Key], facts: Facts) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for key in keys:
        if key.function:
            made[key.alias or f"{key.function}()"] = _FUNCTIONS[key.function](facts)
        elif not key.name:
            made |= facts.body
        else:
            found = look_up(facts.body, key.name, key.below)
            if found is not NOTHING:
                made[key.alias or key.shown] = found
    return made


_FUNCTIONS: dict[str, Callable[[Facts], Any]] = {
    "NOW": lambda _: time.strftime("%Y-%m-%d %H:%M:%S"),
    "UNIX_TIMESTAMP": lambda _: int(time.time()),
    "RECORD_TAG": lambda facts: facts.tag,
    "RECORD_TIME": lambda facts: facts.time_ns / NS,
}
