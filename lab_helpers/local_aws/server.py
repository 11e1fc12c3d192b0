"""The local AWS as a whole: binds 127.0.0.1, wires the services together, is ready or says why not, stops.

In-process (tests): `with LocalAws(folder) as aws: aws.client("ecs")`. As a process of its own (the lab): `__main__.py`.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import socket
import ssl
import threading
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC
from pathlib import Path
from typing import Any

from werkzeug.serving import BaseWSGIServer, make_server

from lab_helpers.base.errors import LocalAwsStartError
from lab_helpers.local_aws.cloudwatch import CloudWatchService
from lab_helpers.local_aws.front import handlers, model_files
from lab_helpers.local_aws.front.control import ControlRoutes
from lab_helpers.local_aws.front.gateway import Gateway
from lab_helpers.local_aws.front.http_server import RequestHandler
from lab_helpers.local_aws.front.s3 import bucket_names, multipart_uploads
from lab_helpers.local_aws.front.tls import write_certificates
from lab_helpers.local_aws.identity import policy_checks
from lab_helpers.local_aws.identity.authorisation import Authoriser
from lab_helpers.local_aws.identity.clients import LoopbackClients
from lab_helpers.local_aws.identity.credentials import CredentialStore, unique_id
from lab_helpers.local_aws.identity.entrance import Entrance
from lab_helpers.local_aws.identity.iam_simulation import IamSimulation
from lab_helpers.local_aws.identity.key_ring import KeyRing
from lab_helpers.local_aws.identity.resource_tags import ResourceTags
from lab_helpers.local_aws.identity.service_credentials import ServiceCredentials
from lab_helpers.local_aws.identity.service_linked_roles import ServiceLinkedRoles
from lab_helpers.local_aws.identity.sts import StsService, sts_checks
from lab_helpers.local_aws.kit.api import Caller, Service, WsgiApp
from lab_helpers.local_aws.kit.clock import Clock, SystemClock
from lab_helpers.local_aws.kit.network import Network
from lab_helpers.local_aws.kit.service import NothingKept, Runtimes, ServiceContext
from lab_helpers.local_aws.logs.service import LogsService
from lab_helpers.local_aws.moto_bridge import ACCOUNT_ID, MotoBridge
from lab_helpers.local_aws.s3.notifications.delivery import Notifications
from lab_helpers.local_aws.scaling import ScalingService
from lab_helpers.local_aws.state.kept_state import KeptState
from lab_helpers.local_aws.testing.injection import Injection
from lab_helpers.local_aws.trail.feed import CallFeed
from lab_helpers.local_aws.trail.kept_calls import KeptCalls
from lab_helpers.local_aws.trail.service import CloudTrailService
from lab_helpers.local_aws.vpc.answers import VpcAnswers
from lab_helpers.local_aws.vpc.dependencies import VpcDependencies

HOST = "127.0.0.1"
REGION = "ap-northeast-1"
ON_THE_WAY = ("firehose", "logs", "ecs", "alb")
"""The services that a log line passes, the last one first."""
OF_THE_PIPELINE = (
    ("s3", "PutObject"), ("firehose", "PutRecordBatch"), ("firehose", "PutRecord"), ("logs", "PutLogEvents"),
    ("logs", "CreateLogStream"), ("logs", "CreateLogGroup"), ("sts", "AssumeRole"),
)  # fmt: skip
"""The calls, by signing name and operation, that carry log lines on; what came of the latest tells how a stop is."""
CALLS_SHOWN = 100
POLL_S = 0.1
"""How soon a listener notices that it is to stop."""
_LOG = logging.getLogger(__name__)
ServiceFactory = Callable[[ServiceContext], Service]


class LocalAws:
    """One embedded AWS. `port` 0 takes a free one; everything is in memory or in `data_dir`.

    With `keeps_state` it goes on where an earlier one in `data_dir` ended, however that was, at the same address if it
    is free; moto is one a process, so there may be one such server in a process. `middleware` comes between the
    listener and the gateway (weather.py: an account that is slow to answer). Signatures are judged by `signing_clock`:
    clients sign with this machine's time, whatever `clock` says.

    Raises LocalAwsStartError when a port is taken, a service does not start, or the state is not this version's.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        runtimes: Runtimes = Runtimes(),  # noqa: B008  (frozen)
        clock: Clock | None = None,
        factories: Iterable[ServiceFactory] | None = None,
        middleware: Callable[[WsgiApp], WsgiApp] | None = None,
        keeps_state: bool = False,
        signing_clock: Clock | None = None,
    ) -> None:
        self.instance_id = uuid.uuid4().hex[:12]
        self.lab_token = secrets.token_urlsafe(24)
        self.data_dir, self._port, self._runtimes = data_dir, port, runtimes
        self._clock: Clock = clock or SystemClock()
        self._signing_clock: Clock = signing_clock or SystemClock()
        self._middleware, self._keeps_state = middleware, keeps_state
        self._factories = list(factories) if factories is not None else None
        self._servers: list[BaseWSGIServer] = []
        self._threads: list[tuple[BaseWSGIServer, threading.Thread]] = []
        self._clients: LoopbackClients | None = None
        self._state: KeptState | None = None
        self._services: list[Service] = []
        self.store = CredentialStore(ACCOUNT_ID, self._clock)

    def __enter__(self) -> LocalAws:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    @property
    def endpoint_url(self) -> str:
        """The address of every service's API."""
        return f"http://{HOST}:{self._port}"

    def start(self) -> None:
        """Bind, wire, serve; on any failure nothing is left running."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the services in reverse order, then the listeners; safe before start and safe twice."""
        for service in reversed(self._services):
            service.stop()
        self._services.clear()
        for server, thread in self._threads:
            server.shutdown()
            thread.join()
        self._threads.clear()
        for server in self._servers:
            server.server_close()
        self._servers.clear()
        if self._clients is not None:
            self._clients.close()
        if self._state is not None:
            self._state.end()
            self._state = None

    @property
    def clients(self) -> LoopbackClients:
        """Clients by which the services reach each other; there from `start` on."""
        assert self._clients is not None, "the local AWS has not been started"
        return self._clients

    def warm_up(self) -> None:
        """Do ahead of the first calls what they would wait for; the API answers meanwhile."""
        self._bridge.warm_up()

    def client(self, service: str, region: str = REGION) -> Any:
        """Return a boto3 client with the lab operator's keys."""
        return self.clients.as_operator(service, region)

    def status(self) -> dict[str, Any]:
        """Return what `lab status` shows: identity, figures of each service, calls."""
        figures = {service.name: service.status() for service in self._services}
        kept = self._state.status() if self._state else {"kept": False}
        return {
            "instance_id": self.instance_id,
            "pid": os.getpid(),
            "state": kept,
            "services": figures,
            **self._gateway.figures(),
        }

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the rows (trail.feed) of the API calls of late, oldest first."""
        return [call.as_row() for call in self._feed.calls(after)]

    def board(self) -> dict[str, Any]:
        """Return what the pipeline's board shows, of one moment: `at`, figures of the services, calls.

        The services are asked one behind the other, against the way of a log line: no stop has seen less than the ones
        behind it.
        """
        at = self._clock.now()
        by_name = {service.name: service for service in self._services}
        figures = {name: by_name[name].status() for name in ON_THE_WAY if name in by_name}
        return {
            "at": at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "services": figures,
            "latest": self._feed.latest(OF_THE_PIPELINE),
            "calls": [call.as_row() for call in self._feed.calls()[-CALLS_SHOWN:]],
        }

    def _start(self) -> None:
        model_files.read_quickly()
        ca_file, tls = write_certificates(self.data_dir)
        state = self._state = KeptState(self.data_dir) if self._keeps_state else None
        plain = self._bind_again(state.port) if state and not self._port else self._bind(self._port, None)
        secure = self._bind(0, tls)
        self._port = plain.server_address[1]
        if state is not None:
            self.instance_id = state.begin(self.instance_id, self._port)
            self.store.keep_in(state.room("keys"))
        bridge = self._bridge = MotoBridge(state.moto if state else None)
        self._clients = LoopbackClients(self.endpoint_url, self.store)
        self._authoriser = Authoriser(bridge, self._clock, ResourceTags(self._clients).of)
        self._feed = CallFeed(self._clock)
        kept_calls = KeptCalls(self._feed, state.room("trail") if state else NothingKept())
        network = Network()

        def context(name: str) -> ServiceContext:
            folder = self.data_dir / name
            folder.mkdir(parents=True, exist_ok=True)
            return ServiceContext(
                self.endpoint_url, secure.server_address[1], ca_file, ACCOUNT_ID, folder, self._clock, network,
                self.clients, self._runtimes, state.room(name) if state else NothingKept(),
            )  # fmt: skip

        services: list[Service] = [
            StsService(self.store, self._authoriser),
            IamSimulation(self._authoriser),
            ServiceLinkedRoles(bridge),
            ServiceCredentials(bridge, ACCOUNT_ID),
            CloudWatchService(self._clock, self._clients, state.room("cloudwatch") if state else NothingKept()),
            LogsService(bridge, self._clock, self._clients),
            VpcDependencies(self.clients),
            VpcAnswers(self.clients),
            ScalingService(bridge, self.clients, self._clock),
            CloudTrailService(self._feed, self.instance_id, self._authoriser.user_id),
        ]
        services += [factory(context(name)) for name, factory in self._service_factories()]
        control = ControlRoutes(
            self.instance_id, self.lab_token, self.status, self._authoriser.denials, self.events, self.board
        )
        routes: dict[str, WsgiApp] = {**control.routes(), **handlers.routes(services)}
        table = handlers.overrides(services, bridge)
        checks = {**policy_checks.checks(ACCOUNT_ID, self._principal_exists), **bucket_names.checks()}
        checks |= sts_checks()
        checks |= multipart_uploads.checks(bridge.has_upload, checks)
        keys = KeyRing(self.store, bridge, ACCOUNT_ID, self._clock)
        self._entrance = Entrance(keys.find, ACCOUNT_ID, self._signing_clock, bridge.new_content)
        notifications = Notifications(bridge, self._clients, self._clock, ACCOUNT_ID, self._principal_id)
        self._gateway = Gateway(
            self._entrance, self._authoriser, bridge, table, routes, ACCOUNT_ID, checks, self._feed, notifications
        )
        injection = control.faults = Injection(self._gateway, self.store, feed=self._feed)
        app: WsgiApp = self._middleware(injection) if self._middleware else injection
        for server in (plain, secure):
            server.app = app
            name = f"http-{server.server_address[1]}"
            thread = threading.Thread(target=server.serve_forever, args=(POLL_S,), name=name, daemon=True)
            thread.start()
            self._threads.append((server, thread))
        for service in services:
            self._services.append(service)
            service.start()
        if state is not None:
            state.keep_regularly(bridge.keep_later, kept_calls.keep)

    def _principal_id(self, caller: Caller) -> str:
        """Name a caller as the events of S3 do."""
        if caller.kind in {"anonymous", "service"}:
            return caller.principal or "Anonymous"
        return f"AWS:{self._authoriser.user_id(caller) or unique_id('AIDA', caller.arn)}"

    def _principal_exists(self, principal: str) -> bool:
        # The operator is no user of IAM's here, but GetCallerIdentity names one, and a policy may name that.
        return principal == self.store.operator_arn or self._bridge.principal_exists(principal)

    def _service_factories(self) -> list[tuple[str, ServiceFactory]]:
        if self._factories is not None:
            return [(getattr(factory, "name", f"service-{i}"), factory) for i, factory in enumerate(self._factories)]
        from lab_helpers.local_aws.alb import AlbService
        from lab_helpers.local_aws.athena.service import AthenaService
        from lab_helpers.local_aws.ecr import EcrService
        from lab_helpers.local_aws.ecs import EcsService
        from lab_helpers.local_aws.firehose import FirehoseService

        # Started in this order, stopped in reverse: tasks end before what they send to.
        return [
            ("ecr", lambda context: EcrService(context, self._authoriser.check)),
            ("firehose", FirehoseService),
            ("athena", AthenaService),
            ("alb", AlbService),
            ("ecs", EcsService),
        ]

    def _bind_again(self, port: int) -> BaseWSGIServer:
        """Bind the port of before, which stands in the addresses that were given out; another one if it is taken."""
        try:
            return self._bind(port, None)
        except LocalAwsStartError:
            _LOG.warning("port %d, at which this state was served before, is taken: another one is used", port)
            return self._bind(0, None)

    def _bind(self, port: int, tls: ssl.SSLContext | None) -> BaseWSGIServer:
        listener = socket.create_server((HOST, 0)) if port == 0 else _listen(port)
        # werkzeug prints and exits on a port that is taken, so it is given a socket; it duplicates the descriptor.
        with listener:
            server = make_server(
                HOST,
                0,
                _not_ready,
                threaded=True,
                request_handler=RequestHandler,
                ssl_context=tls,
                fd=listener.fileno(),
            )
        server.daemon_threads = True  # type: ignore[attr-defined]
        server.block_on_close = False  # type: ignore[attr-defined]  # a client that says nothing does not hold up stop
        self._servers.append(server)
        return server


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as exc:
        if exc.errno != errno.EADDRINUSE:
            raise LocalAwsStartError(f"port {port} of {HOST} cannot be used: {exc.strerror}") from exc
        raise LocalAwsStartError(
            f"port {port} of {HOST} is taken by another program. Stop that one, or choose another port with LAB_PORT."
        ) from exc


def _not_ready(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ARG001
    start_response("503 Service Unavailable", [("Content-Length", "0")])
    return [b""]
