"""Where the lab runs: the embedded local AWS, a real account, another endpoint. The only importer of local_aws.

All answer the same few questions: the environment for child processes, boto3 clients, and whether it is there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import sys
import urllib.request
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

from lab_helpers import firelens
from lab_helpers.backends.account import AwsBackend, EndpointBackend, loopback_environment
from lab_helpers.backends.backend import Backend, Tell, silent
from lab_helpers.base.clients import Clients, ClientSettings, aws_errors
from lab_helpers.base.config import Settings, inherited, private_folder
from lab_helpers.base.errors import (
    LabError,
    LocalAwsNotRunningError,
    LocalAwsStartError,
    WaitTimeoutError,
)
from lab_helpers.base.files.file_lock import FileLock, holder_of
from lab_helpers.base.injected_fault import InjectedFault
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until
from lab_helpers.checkpoints import finish_restoring
from lab_helpers.firelens.generate import task_metadata
from lab_helpers.iam import evaluate, explain

__all__ = [
    "AwsBackend",
    "EndpointBackend",
    "LocalBackend",
    "ServerState",
    "backend_of",
    "denials_table",
    "fetch_json",
    "firelens_config",
]

LEAST_FREE_BYTES = 1 << 20
"""Less is a full disk: the server writes its state and its log before it answers."""
START_TIMEOUT_S = 60.0
"""Two seconds on an idle machine; one that starts a whole class, or a test suite, takes half a minute."""
STOP_TIMEOUT_S = 45.0
SERVER_LOCK = "server.lock"
"""The server holds a lock on this file of its folder as long as it lives (local_aws/__main__.py)."""
STAY = b"stay\n"
"""Said to a server that would be thrown away with its owner (local_aws/__main__.py): it is kept."""
_LOG_TAIL_LINES = 20
_FRUGAL = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""glibc keeps a pool of memory for each of the server's threads unless it is told not to; others ignore this."""
_LOOPBACK = ClientSettings(max_attempts=3)
"""On loopback a lost connection means a server that is gone: say so soon."""


@dataclasses.dataclass(frozen=True)
class ServerState:
    """What the local AWS wrote down about itself when it became ready."""

    pid: int
    instance_id: str
    endpoint_url: str
    access_key_id: str
    secret_access_key: str = dataclasses.field(repr=False)
    lab_token: str = dataclasses.field(repr=False)


class LocalBackend(Backend):
    """The embedded AWS as one background process on 127.0.0.1, with its own credentials."""

    name = "local"
    base_image = ""
    """The configuration's own: the local AWS does not fetch it."""
    needs_review = False
    """It costs nothing."""

    def __init__(self, settings: Settings, *, is_thrown_away: bool = False) -> None:
        """Be the backend of these settings.

        `is_thrown_away`: the server ends with this process, whatever ends that, and takes `settings.home` with it,
        unless `let_go` is called.
        """
        self._settings = settings
        self._is_thrown_away = is_thrown_away
        self._leash: int | None = None
        self.folder = settings.state / "aws"
        self.log_file = settings.state / "server.log"
        self._clients: Clients | None = None

    def start(self, tell: Tell = silent) -> None:
        """Start the server unless one answers; raises LocalAwsStartError with the end of its log.

        However many do so at once: one of them starts it, the others wait for that.
        """
        if self.running() is not None:
            return
        tell(say("The local AWS does not run: starting it, which takes some seconds."))
        private_folder(self._settings.home)
        finish_restoring(self._settings)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._turn():
            if self.running() is None:
                self._launch()

    def stop(self, *, at_once: bool = False) -> bool:
        """Stop the server and wait until it is gone; return whether one was running, even if it did not answer.

        `at_once` kills it: for a state that is to be exchanged, since what it had answered is kept in any case.
        """
        state = self.running()
        pid = state.pid if state else (self._holder() or {}).get("pid")
        if pid is None:
            self._forget_stale()
            return False
        for number in (signal.SIGKILL,) if at_once else (signal.SIGTERM, signal.SIGCONT):  # a stopped one hears nothing
            os.kill(pid, number)
        try:
            wait_until(lambda: not _alive(pid), STOP_TIMEOUT_S, 0.05, "the local AWS to stop")
        except LabError:
            os.kill(pid, signal.SIGKILL)
            raise
        self._drop_leash()
        return True

    def let_go(self) -> None:
        """Let a server that would be thrown away outlive this process; safe twice."""
        if self._leash is not None:
            with contextlib.suppress(BrokenPipeError):  # it has ended
                os.write(self._leash, STAY)
        self._drop_leash()

    def _drop_leash(self) -> None:
        leash, self._leash = self._leash, None
        if leash is not None:
            os.close(leash)

    def running(self) -> ServerState | None:
        """Return the state of the server that answers now; a state file whose server is gone counts as none.

        So does one that was copied here with its folder: its server holds the lock of another one.
        """
        state = self._read_state()
        if state is None or (self._holder() or {}).get("pid") != state.pid:
            return None
        try:
            health = fetch_json(state.endpoint_url + "/_lab/health", 5.0, state.lab_token)
        except OSError:
            return None
        return state if health.get("instance_id") == state.instance_id else None

    def is_running(self) -> bool:
        return self.running() is not None

    def status(self) -> dict[str, Any]:
        """Return the server's own figures; raises LocalAwsNotRunningError."""
        return dict(self._fetch("status"))

    def denials(self) -> list[dict[str, str]]:
        """Return the calls that IAM refused, oldest first; raises LocalAwsNotRunningError.

        Each has `at` (ISO 8601, UTC), `principal`, `action`, `resource`, `decided_by`, `reason` and `message`.
        """
        return list(self._fetch("denials"))

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the API calls of late with a `number` above `after`, oldest first; raises LocalAwsNotRunningError.

        Each has `at` (ISO 8601, UTC), `principal`, `action`, `resource`, `outcome` ("allowed" or AWS's error code) and
        `message`.
        """
        return list(self._fetch(f"events?after={after:d}"))

    def board(self) -> dict[str, Any]:
        """Return the pipeline's figures and calls of one moment (LocalAws.board); raises LocalAwsNotRunningError."""
        return dict(self._fetch("board"))

    def _fetch(self, page: str, body: bytes | None = None, method: str | None = None) -> Any:
        state = self._required()
        return fetch_json(f"{state.endpoint_url}/_lab/{page}", 10.0, state.lab_token, body, method)

    def add_fault(self, fault: InjectedFault) -> str:
        """Have the local AWS make a fault; return its number. Raises LocalAwsNotRunningError."""
        body = json.dumps(fault.as_members()).encode()
        return str(self._fetch("faults", body)["number"])

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that are on or over: their members, `number`, `over`, and the calls `matched` and `hit`."""
        return list(self._fetch("faults"))

    def clear_faults(self, number: str = "") -> list[dict[str, Any]]:
        """End one fault, or all; return their rows as they were at the end."""
        return list(self._fetch("faults" + (f"/{number}" if number else ""), method="DELETE"))

    def client(self, service: str) -> Any:
        state = self._required()
        if self._clients is None or self._clients.endpoint_url != state.endpoint_url:
            self._clients = Clients.local(
                state.endpoint_url, self._settings.region, state.access_key_id, state.secret_access_key, _LOOPBACK
            )
        return self._clients.client(service)

    def environment(self) -> dict[str, str]:
        state = self._required()
        return {
            **inherited(),
            **loopback_environment(state.endpoint_url, self._settings.region),
            "AWS_ACCESS_KEY_ID": state.access_key_id,
            "AWS_SECRET_ACCESS_KEY": state.secret_access_key,
        }

    def identity(self) -> str:
        return self._required().instance_id

    def account(self) -> str:
        return self._caller()["Account"]

    def caller_arn(self) -> str:
        return self._caller()["Arn"]

    def _caller(self) -> dict[str, str]:
        with aws_errors("GetCallerIdentity"):
            return dict(self.client("sts").get_caller_identity())

    def _command(self) -> list[str]:
        settings = self._settings
        return [
            sys.executable, "-m", "lab_helpers.local_aws", "--data-dir", str(self.folder),
            "--port", str(settings.port), "--httpd", settings.httpd, "--router", settings.router,
            "--image-mib", str(settings.image_mib),
            *(("--throw-away", str(settings.home)) if self._is_thrown_away else ()),
        ]  # fmt: skip

    def _turn(self) -> FileLock:
        """Wait until nobody else starts the server."""
        file, mine = self.folder / "start.lock", {"pid": os.getpid()}
        take = partial(FileLock.take, file, mine)
        return cast(FileLock, wait_until(take, 2 * START_TIMEOUT_S, 0.05, "another start of the local AWS to end"))

    def _launch(self) -> None:
        if self._holder() is not None:  # begun by a start that was killed, or it does not answer any more
            begun = partial(wait_until, timeout_s=START_TIMEOUT_S, every_s=0.05, what="the local AWS to answer")
            with contextlib.suppress(WaitTimeoutError):
                begun(lambda: self.running() is not None or self._holder() is None)
            if self.running() is not None:
                return
            holder = self._holder()
            if holder is not None:
                why = f"process {holder.get('pid')} is one already, but does not answer. Stop it with `lab down`"
                raise LocalAwsStartError(why, _tail(self.log_file))
        self._forget_stale()
        pid = self._spawn()
        try:
            wait_until(lambda: self._started(pid), START_TIMEOUT_S, 0.05, "the local AWS to answer")
        except BaseException:
            if _alive(pid):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            raise

    def _spawn(self) -> int:
        environ = {**inherited(), **_FRUGAL}
        if not self._is_thrown_away:
            return _spawn_detached(self._command(), environ, self.log_file)
        self._drop_leash()  # of one that did not start
        its_end, self._leash = os.pipe()
        try:
            return _spawn_detached(self._command(), environ, self.log_file, its_end)
        finally:
            os.close(its_end)

    def _holder(self) -> dict[str, Any] | None:
        """Return {"pid": …} of the process that the folder belongs to, None when there is none."""
        return holder_of(self.folder / SERVER_LOCK)

    def _started(self, pid: int) -> bool:
        if not _alive(pid):
            raise LocalAwsStartError(self._why_ended(), _tail(self.log_file))
        state = self.running()
        return state is not None and state.pid == pid

    def _why_ended(self) -> str:
        """Return why the server ended; on a full disk its log cannot tell."""
        if shutil.disk_usage(self.folder).free < LEAST_FREE_BYTES:
            text = "no space is left where {folder} is. Make room there, or set LAB_HOME to another place"
            return say(text, folder=self.folder)
        return "it ended at once"

    def _required(self) -> ServerState:
        state = self.running()
        if state is None:
            known = self._read_state()
            where = known.endpoint_url if known else "127.0.0.1"
            raise LocalAwsNotRunningError(where, "nothing listens there" if known else "it was not started")
        return state

    def _read_state(self) -> ServerState | None:
        try:
            return ServerState(**json.loads((self.folder / "server.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _forget_stale(self) -> None:
        if self._holder() is None:
            (self.folder / "server.json").unlink(missing_ok=True)


def backend_of(settings: Settings) -> Backend:
    """Return the backend that the settings name."""
    kinds: dict[str, type[LocalBackend] | type[AwsBackend]] = {
        "local": LocalBackend,
        "aws": AwsBackend,
        "endpoint": EndpointBackend,
    }
    return kinds[settings.backend](settings)


def denials_table(denials: Iterable[Mapping[str, str]]) -> str:
    """Lay out what `LocalBackend.denials` returns as text: time, principal, action, resource, what decided."""
    return explain.table(denials)


def policy_allows(document: str, action: str, resource: str) -> bool:
    """Return whether a policy document alone lets a role do something; raises LocalAwsError for a bad document."""
    named = evaluate.NamedPolicy.of("answer", document)
    role = "arn:aws:sts::123456789012:assumed-role/answer/session"
    request = evaluate.AccessRequest(role, "123456789012", action, resource)
    return evaluate.evaluate(request, evaluate.PolicySet(identity=(named,))).allowed


def fetch_json(
    url: str, timeout_s: float, token: str = "", body: bytes | None = None, method: str | None = None
) -> Any:
    """Return the JSON that a loopback address answers to the lab's `token`; OSError when nothing does.

    A `body` is posted.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    headers = {"X-Lab-Token": token} | ({"Content-Type": "application/json"} if body is not None else {})
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    with opener.open(request, timeout=timeout_s) as answer:
        return json.load(answer)


def _spawn_detached(argv: list[str], environ: Mapping[str, str], log_file: Path, leash: int | None = None) -> int:
    """Start a process in a session of its own that is meant to outlive this one; return its pid.

    `leash`: the reading end of a pipe that becomes its standard input; it ends when the other end is closed.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    actions = [
        nothing if leash is None else (os.POSIX_SPAWN_DUP2, leash, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log_file), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(argv[0], argv, dict(environ), file_actions=actions, setsid=True)


def _alive(pid: int) -> bool:
    """Return whether a process runs; one of our own children that has ended is reaped."""
    try:
        os.kill(pid, 0)
        reaped, _ = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return True  # alive, and not our child
    except ProcessLookupError:
        return False
    return reaped == 0


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])


def firelens_config(task_definition: Mapping[str, Any], cluster: str, task_arn: str) -> str:
    """Return the configuration that the ECS agent generates for a task of this definition (DescribeTaskDefinition)."""
    router = next(each for each in task_definition["containerDefinitions"] if "firelensConfiguration" in each)
    options = firelens.parse_router_options(router["firelensConfiguration"].get("options", {}))
    logged = [
        firelens.parse_container_log(each["name"], each["logConfiguration"].get("options", {}))
        for each in task_definition["containerDefinitions"]
        if each.get("logConfiguration", {}).get("logDriver") == "awsfirelens"
    ]
    revision = f"{task_definition['family']}:{task_definition['revision']}"
    return firelens.generate(
        logged,
        network_mode=task_definition["networkMode"],
        memory_mib=router.get("memoryReservation") or router.get("memory", 0),
        metadata=task_metadata(cluster, task_arn, revision) if options.metadata else (),
        include_path=options.include_path,
    )
