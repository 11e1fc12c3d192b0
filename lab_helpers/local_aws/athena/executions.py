"""Query executions: their states, what Athena tells about them, and the book that keeps them. No I/O."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lab_helpers.local_aws.athena.prepared import is_kept_here
from lab_helpers.local_aws.athena.result import Result
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.kit.service import Kept, NothingKept

if TYPE_CHECKING:
    from lab_helpers.local_aws.athena.statement import Statement

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"
INTERRUPTED = "GENERIC_INTERNAL_ERROR: The query was interrupted. Run it again."
FINAL = frozenset({SUCCEEDED, FAILED, CANCELLED})


@dataclass(frozen=True)
class Execution:
    """One query execution; `output` is the S3 URI of its result file."""

    id: str
    sql: str
    statement: Statement
    region: str
    workgroup: str
    output: str
    submitted_at: datetime
    state: str = QUEUED
    reason: str = ""
    completed_at: datetime | None = None
    scanned_bytes: int = 0
    result: Result | None = None
    parameters: tuple[str, ...] = ()

    @property
    def manifest(self) -> str:
        """The S3 URI of the list of objects that were written, for a statement that writes some."""
        return f"{self.output}-manifest.csv"

    def described(self) -> dict[str, Any]:
        """The QueryExecution structure."""
        status = {"State": self.state, "SubmissionDateTime": self.submitted_at.timestamp()}
        if self.reason:
            status |= {"StateChangeReason": self.reason, "AthenaError": _athena_error(self.reason)}
        if self.completed_at:
            status["CompletionDateTime"] = self.completed_at.timestamp()
        took_ms = int(((self.completed_at or self.submitted_at) - self.submitted_at).total_seconds() * 1000)
        return {
            "QueryExecutionId": self.id,
            "Query": self.sql,
            "StatementType": self.statement.type,
            "SubstatementType": self.statement.subtype,
            "ResultConfiguration": {"OutputLocation": self.output},
            "QueryExecutionContext": {"Database": self.statement.database, "Catalog": "awsdatacatalog"},
            "Status": status,
            "Statistics": {
                "EngineExecutionTimeInMillis": took_ms,
                "TotalExecutionTimeInMillis": took_ms,
                "DataScannedInBytes": self.scanned_bytes,
                **({"DataManifestLocation": self.manifest} if self.statement.target else {}),
            },
            "WorkGroup": self.workgroup,
            **({"ExecutionParameters": list(self.parameters)} if self.parameters else {}),
            "EngineVersion": {
                "SelectedEngineVersion": "AUTO",
                "EffectiveEngineVersion": "Athena engine version 3",
            },
        }


class Book:
    """All executions; a final state never changes, and one that an earlier server did not end has failed."""

    def __init__(self, kept: Kept | None = None) -> None:
        self._lock = threading.Lock()
        self._kept = kept or NothingKept()
        self._executions: dict[str, Execution] = {}
        for name in self._kept.names():
            if is_kept_here(name):
                continue
            found: Execution = self._kept.load(name)
            self._executions[name] = found if found.state in FINAL else replace(found, state=FAILED, reason=INTERRUPTED)
        self._executions = dict(sorted(self._executions.items(), key=lambda pair: pair[1].submitted_at))

    def add(self, execution: Execution) -> None:
        """Keep a new execution."""
        with self._lock:
            self._keep(execution)

    def get(self, execution_id: str) -> Execution:
        """Return an execution. Raises AwsError for an unknown id."""
        with self._lock:
            if execution_id not in self._executions:
                raise AwsError("InvalidRequestException", f"QueryExecution {execution_id} was not found")
            return self._executions[execution_id]

    def change(self, execution_id: str, **changes: Any) -> bool:
        """Change an execution that has not ended; False when it has."""
        with self._lock:
            execution = self._executions[execution_id]
            if execution.state in FINAL:
                return False
            self._keep(replace(execution, **changes))
            return True

    def _keep(self, execution: Execution) -> None:
        self._executions[execution.id] = execution
        self._kept.save(execution.id, execution)

    def newest(self, wanted: Callable[[Execution], bool]) -> list[Execution]:
        """Executions that are wanted, the newest first."""
        with self._lock:
            return [execution for execution in reversed(self._executions.values()) if wanted(execution)]


def _athena_error(reason: str) -> dict[str, Any]:
    is_system = reason.startswith("GENERIC_INTERNAL_ERROR")
    return {"ErrorCategory": 1 if is_system else 2, "ErrorType": 0, "Retryable": False, "ErrorMessage": reason}
