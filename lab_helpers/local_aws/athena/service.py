"""AthenaService: queries run in threads of their own, over files fetched from S3 with a boto3 client.

Not modelled: the caller's own permissions on Glue and S3 (queries read as Athena itself), quotas, the result file's
metadata.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from lab_helpers.local_aws.athena import executions, s3_select
from lab_helpers.local_aws.athena.executions import Book, Execution
from lab_helpers.local_aws.athena.objects import ObjectFiles
from lab_helpers.local_aws.athena.operations import PRINCIPAL, Operations
from lab_helpers.local_aws.athena.prepared import Prepared
from lab_helpers.local_aws.athena.result import Result
from lab_helpers.local_aws.athena.result_files import ResultFiles, as_file
from lab_helpers.local_aws.duck.processes import Bounds, Workers
from lab_helpers.local_aws.kit.api import Handler, WsgiApp
from lab_helpers.local_aws.kit.service import ServiceContext

if TYPE_CHECKING:
    from lab_helpers.local_aws.athena.engine import Engine

_LOG = logging.getLogger(__name__)
WORKERS = 2


class AthenaService:
    """Athena of the local AWS."""

    name = "athena"

    def __init__(self, context: ServiceContext, workers: Workers | None = None) -> None:
        self._context = context
        self._book = Book(context.kept)
        self._files = ObjectFiles(context.data_dir / "objects")
        self._results = ResultFiles(context.data_dir / "results")
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._workers = workers or Workers(Bounds())
        self._engines: dict[str, Engine] = {}
        self._prepared = Prepared(context.kept, context.clock)
        self._operations = Operations(
            self._book, context.clock, context.clients, self._prepared, self._submit, self._cancel, self._results
        )

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        """Return the operations that this service answers itself; S3 Select is what it has taken the place of."""
        return {**self._operations.table(), **self._prepared.table(), ("s3", "SelectObjectContent"): s3_select.refuse}

    def routes(self) -> Mapping[str, WsgiApp]:
        """Athena has no plain HTTP endpoints."""
        return {}

    def start(self) -> None:
        """Take queries; safe twice."""
        with self._lock:
            self._pool = self._pool or ThreadPoolExecutor(WORKERS, "athena")
        self._workers.start()

    def stop(self) -> None:
        """Cancel what runs, wait for its threads, drop the fetched objects."""
        with self._lock:
            pool, self._pool = self._pool, None
        for execution in self._book.newest(lambda found: found.state not in executions.FINAL):
            self._end(execution, state=executions.CANCELLED)
            self._cancel(execution.id)
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
        self._workers.close()
        self._files.clear()
        self._results.clear()

    def status(self) -> dict[str, Any]:
        """Return how many queries are in which state."""
        states = [execution.state for execution in self._book.newest(lambda _: True)]
        return {"queries": {state: states.count(state) for state in sorted(set(states))}}

    def _submit(self, execution: Execution) -> None:
        self.start()
        with self._lock:
            if self._pool is not None:
                self._pool.submit(self._run, execution)

    def _cancel(self, name: str) -> None:
        with self._lock:
            engine = self._engines.get(name)
        if engine is not None:
            engine.cancel()

    def _run(self, execution: Execution) -> None:
        if not self._book.change(execution.id, state=executions.RUNNING):
            return
        self._workers.warm()  # while sqlglot is loaded
        from lab_helpers.local_aws.athena import answers  # sqlglot: not at the server's start

        clients, name = self._context.clients, execution.id
        try:
            glue = clients.as_service("glue", PRINCIPAL, execution.region)
            s3 = clients.as_service("s3", PRINCIPAL, execution.region)
            means = answers.Means(self._files, self._results, self._workers)
            result, scanned = answers.answer(glue, s3, execution, means, lambda engine: self._remember(name, engine))
            self._put_result(s3, execution, result)
        except Exception as error:
            reason = answers.reason(error)
            if reason is None:
                _LOG.exception("query %s", name)
            self._results.forget(name)
            self._end(execution, state=executions.FAILED, reason=reason or f"GENERIC_INTERNAL_ERROR: {error}")
        else:
            if not self._end(execution, state=executions.SUCCEEDED, result=result, scanned_bytes=scanned):
                self._results.forget(name)  # cancelled meanwhile

    def _put_result(self, s3: Any, execution: Execution, result: Result) -> None:
        """Put the result file where the caller wants it: every value quoted as Athena does, plain lines where the
        statement is no query, a list of objects where it wrote some.
        """
        if execution.statement.target:
            _put(s3, execution.manifest, "".join(f"{uri}\n" for uri in result.files).encode())
        elif result.marks:
            with self._results.path(execution.id).open("rb") as file:
                _put(s3, execution.output, file)
        elif execution.statement.is_select:
            _put(s3, execution.output, as_file(result))
            self._results.forget(execution.id)
        else:
            text = "".join("\t".join(cell or "" for cell in row) + "\n" for row in result.rows)
            _put(s3, execution.output, text.encode())

    def _end(self, execution: Execution, **changes: Any) -> bool:
        """Change an execution for good; False when it has ended already."""
        return self._book.change(execution.id, completed_at=self._context.clock.now(), **changes)

    def _remember(self, name: str, engine: Engine | None) -> bool:
        """Know the engine that works for a query, so that it can be cancelled; False when the query was."""
        with self._lock:
            if engine is None:
                self._engines.pop(name, None)
            else:
                self._engines[name] = engine
        # whoever cancels changes the state first and looks for the engine then: one of the two sees the other
        return self._book.get(name).state not in executions.FINAL


def _put(s3: Any, uri: str, body: bytes | BinaryIO) -> None:
    place = urlsplit(uri)
    s3.put_object(Bucket=place.netloc, Key=place.path.lstrip("/"), Body=body)
