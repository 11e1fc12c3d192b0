"""Prepared statements: PREPARE, EXECUTE and DEALLOCATE in SQL, and the operations on them.

Source: the API reference of Athena (2017-05-18) and its user guide, "Use parameterized queries".
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from lab_helpers.local_aws.athena import commands
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.service import Kept

_ROOM = "prepared/"
"""How the names begin that they are kept under; executions are kept beside them."""


def is_kept_here(name: str) -> bool:
    """Whether something kept is a prepared statement."""
    return name.startswith(_ROOM)


class Prepared:
    """The prepared statements of all regions' workgroups."""

    def __init__(self, kept: Kept, clock: Clock) -> None:
        self._kept, self._clock, self._lock = kept, clock, threading.Lock()
        found = {name: kept.load(name) for name in kept.names() if is_kept_here(name)}
        self._statements: dict[str, dict[str, Any]] = {name: each for name, each in found.items() if each}

    def table(self) -> Mapping[tuple[str, str], Handler]:
        """Return {(service, operation): handler}."""
        return {
            ("athena", "CreatePreparedStatement"): self.create,
            ("athena", "UpdatePreparedStatement"): self.update,
            ("athena", "GetPreparedStatement"): self.get,
            ("athena", "BatchGetPreparedStatement"): self.batch_get,
            ("athena", "ListPreparedStatements"): self.list,
            ("athena", "DeletePreparedStatement"): self.delete,
        }

    def resolved(self, sql: str, region: str, workgroup: str, given: Sequence[str]) -> tuple[str, Sequence[str]]:
        """Return what an EXECUTE means, and its parameters; any other statement as it is. Raises AwsError."""
        found = commands.executed(sql)
        if found is None:
            return sql, given
        return self.find(region, workgroup, found[0])["QueryStatement"], [*values(found[1]), *given]

    def put(self, region: str, workgroup: str, name: str, sql: str, description: str = "") -> None:
        """Keep a statement; one of the same name is replaced."""
        now = self._clock.now().timestamp()
        told = {"Description": description} if description else {}
        statement = {"StatementName": name, "QueryStatement": sql, "WorkGroupName": workgroup, "LastModifiedTime": now}
        self._keep(_key(region, workgroup, name), statement | told)

    def find(self, region: str, workgroup: str, name: str) -> dict[str, Any]:
        """Return a statement. Raises AwsError (ResourceNotFoundException) for an unknown one."""
        with self._lock:
            found = self._statements.get(_key(region, workgroup, name))
        if found is None:
            message = f"PreparedStatement {name} was not found in workGroup {workgroup}"
            raise AwsError("ResourceNotFoundException", message, extra={"ResourceName": name})
        return found

    def remove(self, region: str, workgroup: str, name: str) -> None:
        """Forget a statement; raises like `find`."""
        self.find(region, workgroup, name)
        self._keep(_key(region, workgroup, name), None)

    def create(self, request: ApiRequest) -> dict[str, Any]:
        """Keep a new statement."""
        region, workgroup, name = _named(request)
        with self._lock:
            is_known = _key(region, workgroup, name) in self._statements
        if is_known:
            raise AwsError(
                "InvalidRequestException", f"Prepared Statement {name} already exists in WorkGroup {workgroup}"
            )
        return self._put(request)

    def update(self, request: ApiRequest) -> dict[str, Any]:
        """Replace a statement."""
        self.find(*_named(request))
        return self._put(request)

    def get(self, request: ApiRequest) -> dict[str, Any]:
        """Tell a statement."""
        return {"PreparedStatement": self.find(*_named(request))}

    def batch_get(self, request: ApiRequest) -> dict[str, Any]:
        """Tell several; unknown names are listed apart."""
        found, unknown = [], []
        for name in request.params["PreparedStatementNames"]:
            try:
                found.append(self.find(request.region, request.params["WorkGroup"], name))
            except AwsError as error:
                unknown.append({"StatementName": name, "ErrorCode": error.code, "ErrorMessage": str(error)})
        return {"PreparedStatements": found, "UnprocessedPreparedStatementNames": unknown}

    def list(self, request: ApiRequest) -> dict[str, Any]:
        """Names of a workgroup's statements."""
        with self._lock:
            prefix = _key(request.region, request.params["WorkGroup"], "")
            found = [self._statements[key] for key in sorted(self._statements) if key.startswith(prefix)]
        return {
            "PreparedStatements": [{key: each[key] for key in ("StatementName", "LastModifiedTime")} for each in found]
        }

    def delete(self, request: ApiRequest) -> dict[str, Any]:
        """Forget a statement."""
        self.remove(*_named(request))
        return {}

    def _put(self, request: ApiRequest) -> dict[str, Any]:
        self.put(*_named(request), request.params["QueryStatement"], request.params.get("Description") or "")
        return {}

    def _keep(self, key: str, statement: dict[str, Any] | None) -> None:
        with self._lock:
            self._statements.pop(key, None)
            if statement is not None:
                self._statements[key] = statement
            self._kept.save(key, statement)


def values(text: str) -> list[str]:
    """The expressions behind USING. Raises AwsError (InvalidRequestException) for what is none."""
    from lab_helpers.local_aws.athena.statement import expressions  # sqlglot: not at the server's start

    return expressions(text) if text.strip() else []


def _named(request: ApiRequest) -> tuple[str, str, str]:
    return request.region, request.params["WorkGroup"], request.params["StatementName"]


def _key(region: str, workgroup: str, name: str) -> str:
    return f"{_ROOM}{region}/{workgroup}/{name}"
