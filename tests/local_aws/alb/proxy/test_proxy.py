"""Requests through the load balancer, seen from both of its sides."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from lab_helpers.local_aws.alb.firewall import parse_security_groups
from lab_helpers.local_aws.alb.proxy.exchange import Exchange
from lab_helpers.local_aws.alb.rules import Action, Rule, parse_rules
from tests.local_aws.alb.kit import (
    GROUP,
    OK,
    Backend,
    Client,
    Script,
    Seen,
    Stand,
    answer,
    backend,
    response,
    stand,
    wait_until,
)


@pytest.fixture
def web() -> Iterator[Backend]:
    with backend() as made:
        yield made


@pytest.fixture
def alb() -> Iterator[Stand]:
    with stand() as made:
        yield made


@pytest.fixture
def serving(alb: Stand, web: Backend) -> Stand:
    alb.add_healthy("10.0.11.100", web)
    return alb


def test_the_target_gets_aws_headers_and_the_clients_host(serving: Stand, web: Backend) -> None:
    """X-Forwarded-*, X-Amzn-Trace-Id are added, Host and other headers kept, hop-by-hop headers dropped."""
    with Client(serving.port) as client:
        status, headers, body = client.get("/a?b=c", "X-Own: 1", "Connection: keep-alive", "X-Forwarded-For: 192.0.2.7")
    assert (status, body) == (200, b"It works!\n")
    assert headers["connection"] == "keep-alive"
    seen = web.requests()[0]
    assert seen.line == "GET /a?b=c HTTP/1.1"
    assert seen.headers["host"] == "demo.example"
    assert seen.headers["x-forwarded-for"] == "192.0.2.7, 127.0.0.1"
    assert seen.headers["x-forwarded-proto"] == "http"
    assert seen.headers["x-forwarded-port"] == "80"
    assert seen.headers["x-own"] == "1"
    assert seen.headers["x-amzn-trace-id"].startswith("Root=1-61879")
    assert "connection" not in seen.headers


def test_a_targets_connection_begins_with_a_nodes_address(serving: Stand, web: Backend) -> None:
    """PROXY v1 names node and target; client connections alternate between the nodes."""
    for _ in range(4):
        with Client(serving.port) as client:
            client.get()
    sources = {seen.proxy.split(" ")[2] for seen in web.requests()}
    assert sources == {"10.0.11.10", "10.0.12.10"}
    words = web.requests()[0].proxy.split(" ")
    assert words[:2] == ["PROXY", "TCP4"]
    assert (words[3], words[5]) == ("10.0.11.100", "80")


def test_connections_are_kept_on_both_sides(serving: Stand, web: Backend) -> None:
    """Twenty requests of one client take one connection to the target."""
    before = web.connections
    with Client(serving.port) as client:
        for _ in range(20):
            assert client.get()[0] == 200
    assert web.connections == before + 1


def test_finished_requests_leave_nothing_to_the_garbage_collector(serving: Stand) -> None:
    """None of them is kept by a circle of references: the collector would stop the load balancer under load."""
    with Client(serving.port) as client:
        client.get()
        gc.disable()
        try:
            for _ in range(20):
                client.get()
            wait_until(lambda: sum(type(each) is Exchange for each in gc.get_objects()) <= 1)
        finally:
            gc.enable()


def test_requests_go_round_robin(alb: Stand) -> None:
    """Each healthy target gets every second request, on one client connection too."""
    with backend() as one, backend() as two:
        alb.add_healthy("10.0.11.100", one)
        alb.add_healthy("10.0.12.100", two)
        with Client(alb.port) as client:
            for _ in range(10):
                client.get()
        assert (len(one.requests()), len(two.requests())) == (5, 5)


def test_pipelined_requests_are_answered_in_order(serving: Stand, web: Backend) -> None:
    """Requests sent without waiting are answered one after the other."""
    for number in range(50):
        web.scripts[f"/{number}"] = answer(response(200, str(number).encode()))
    with Client(serving.port) as client:
        client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(50)))
        assert [client.response()[2] for _ in range(50)] == [str(number).encode() for number in range(50)]


def test_a_head_in_pieces_is_one_request(serving: Stand, web: Backend) -> None:
    """A head may come byte by byte."""
    with Client(serving.port) as client:
        for byte in b"GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n":
            client.send(bytes([byte]))
        assert client.response()[0] == 200
    assert web.requests()[0].line == "GET /pieces HTTP/1.1"


def test_large_bodies_go_through_unchanged(serving: Stand, web: Backend) -> None:
    """Five megabytes up, counted and chunked, and five down arrive as they were."""
    payload = bytes(range(256)) * 20_000
    web.scripts["/big"] = answer(response(200, payload))
    with Client(serving.port) as client:
        client.send(b"POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(payload) + payload)
        assert client.response()[2] == payload
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (payload[:1_000_000], payload[1_000_000:]))
        client.send(b"POST /big HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        assert client.response()[2] == payload
    assert [seen.body for seen in web.requests()] == [payload, payload]


def test_a_slow_client_holds_the_target_back(serving: Stand, web: Backend) -> None:
    """What a client does not read is not heaped up in the load balancer."""
    sent, size = [0], 64 * 1024 * 1024

    def flood(connection: socket.socket, seen: Seen) -> bool:  # noqa: ARG001
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        connection.settimeout(0.5)
        try:
            while sent[0] < size:
                sent[0] += connection.send(b"x" * 65536)
        except TimeoutError:
            connection.settimeout(10)
            while sent[0] < size:
                sent[0] += connection.send(b"x" * min(65536, size - sent[0]))
        return True

    web.scripts["/flood"] = flood
    with Client(serving.port) as client:
        client.send(b"GET /flood HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: sent[0] > 0)
        threading.Event().wait(0.4)
        assert sent[0] < size / 2
        assert len(client.response()[2]) == size


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nIt w\r\n6;x=y\r\norks!\n\r\n0\r\n\r\n"


def test_chunked_responses_are_passed_on(serving: Stand, web: Backend) -> None:
    """Chunks reach an HTTP/1.1 client as they are; the connection goes on, and the target's is kept."""
    web.scripts["/"] = answer(CHUNKED)
    before = web.connections
    with Client(serving.port) as client:
        for _ in range(3):
            status, headers, body = client.get()
            assert (status, headers["transfer-encoding"], body) == (200, "chunked", b"It works!\n")
    assert web.connections == before + 1


def test_an_http_1_0_client_gets_no_chunks(serving: Stand, web: Backend) -> None:
    """HTTP/1.0 knows no chunks: the payload is sent and the connection closed at its end."""
    web.scripts["/"] = answer(CHUNKED)
    with Client(serving.port) as client:
        client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        head, _, body = client.rest().partition(b"\r\n\r\n")
    assert body == b"It works!\n"
    assert b"chunked" not in head
    assert web.requests()[0].headers["host"] in ("10.0.11.10", "10.0.12.10")


def test_a_body_that_ends_with_the_connection(serving: Stand, web: Backend) -> None:
    """Without a length the target's close is the end, and the client's connection ends too."""
    web.scripts["/"] = _then_close(b"HTTP/1.1 200 OK\r\n\r\nIt works!\n")
    with Client(serving.port) as client:
        status, headers, body = client.get()
    assert (status, body, headers["connection"]) == (200, b"It works!\n", "close")


def _then_close(data: bytes) -> Script:
    def script(connection: socket.socket, seen: Seen) -> bool:  # noqa: ARG001
        connection.sendall(data)
        connection.shutdown(socket.SHUT_RDWR)
        return False

    return script


def test_head_requests(serving: Stand, web: Backend) -> None:
    """The answer to HEAD has a length and no body, also when it is the load balancer's own."""
    web.scripts["/"] = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    with Client(serving.port) as client:
        assert client.get(method="HEAD")[1]["content-length"] == "10"
        serving.plane.deregister(GROUP, [("10.0.11.100", 80)])
        status, headers, _ = client.get(method="HEAD")
        assert (status, int(headers["content-length"]) > 100) == (503, True)
        assert client.get()[0] == 503


def test_continue_is_the_targets_to_say(serving: Stand, web: Backend) -> None:
    """An interim response is passed on, and the body sent after it arrives."""
    web.scripts["/"] = answer(OK)

    with Client(serving.port) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        wait_until(lambda: web.connections > 0)
        client.send(b"body")
        assert client.response()[0] == 200
    assert web.requests()[0].headers["expect"] == "100-continue"
    web.scripts["/"] = answer(b"HTTP/1.1 100 Continue\r\n\r\n" + OK)
    with Client(serving.port) as client:
        assert client.get()[0] == 100
        assert client.response()[0] == 200


def test_websocket_upgrade_becomes_a_tunnel(serving: Stand, web: Backend) -> None:
    """After 101 the bytes of both sides are passed on as they come."""

    def upgrade(connection: socket.socket, seen: Seen) -> bool:
        assert seen.headers["upgrade"] == "websocket"
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        connection.sendall(connection.recv(100)[::-1])
        return False

    web.scripts["/ws"] = upgrade
    with Client(serving.port) as client:
        status, headers, _ = client.get("/ws", "Connection: Upgrade", "Upgrade: websocket")
        assert (status, headers["upgrade"], headers["connection"]) == (101, "websocket", "Upgrade")
        client.send(b"abc")
        assert client._file.read(3) == b"cba"


def test_rules_decide(serving: Stand, web: Backend) -> None:
    """A fixed response and a redirect come from the load balancer, with AWS's Server header."""
    shapes = [
        {
            "Priority": "1",
            "Conditions": [{"Field": "path-pattern", "Values": ["/fixed*"]}],
            "Actions": [
                {
                    "Type": "fixed-response",
                    "FixedResponseConfig": {"StatusCode": "418", "ContentType": "text/plain", "MessageBody": "tea"},
                }
            ],
        },
        {
            "Priority": "2",
            "Conditions": [
                {"Field": "host-header", "Values": ["*.example"]},
                {"Field": "path-pattern", "Values": ["/go"]},
            ],
            "Actions": [
                {
                    "Type": "redirect",
                    "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"},
                }
            ],
        },
    ]
    serving.change(*parse_rules(shapes))
    with Client(serving.port) as client:
        status, headers, body = client.get("/fixed/1")
        assert (status, headers["server"], headers["content-type"], body) == (418, "awselb/2.0", "text/plain", b"tea")
        status, headers, _ = client.get("/go?x=1")
        assert (status, headers["location"]) == (301, "https://demo.example:443/go?x=1")
        assert client.get("/other")[0] == 200
    assert [seen.line for seen in web.requests()] == ["GET /other HTTP/1.1"]


def test_an_action_that_is_not_modelled_is_500(serving: Stand) -> None:
    """Authentication is not silently skipped."""
    serving.change(Rule("auth", 1, (), Action("authenticate-oidc")))
    with Client(serving.port) as client:
        assert client.get()[0] == 500


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: 1\r\nno-colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
)
def test_malformed_requests_are_400(serving: Stand, request_bytes: bytes) -> None:
    """What two readers could understand differently is refused, and the connection closed."""
    with Client(serving.port) as client:
        client.send(request_bytes)
        status, headers, body = client.response()
        assert (status, headers["connection"], headers["server"]) == (400, "close", "awselb/2.0")
        assert b"400 Bad Request" in body
    with Client(serving.port) as client:
        assert client.get()[0] == 200


def test_no_target_is_503(alb: Stand) -> None:
    """A group without targets, and one whose targets are all initial, answers 503 with AWS's page."""
    with Client(alb.port) as client:
        status, headers, body = client.get()
        assert (status, headers["content-type"]) == (503, "text/html")
        assert b"<center><h1>503 Service Temporarily Unavailable</h1></center>" in body
        alb.add("10.0.11.100", None)
        assert client.get()[0] == 503


def test_unhealthy_targets_get_requests_when_no_other_is_there(alb: Stand, web: Backend) -> None:
    """Fail-open: with no healthy target, the unhealthy ones are used."""
    web.scripts["/"] = answer(response(404))
    key = alb.add("10.0.11.100", web)
    alb.advance_until(lambda: alb.state(key) == "unhealthy")
    with Client(alb.port) as client:
        assert client.get("/other")[0] == 200


def test_a_target_that_refuses_is_passed_over(serving: Stand, web: Backend) -> None:
    """A connection refused has cost nothing yet: another target gets the request; 502 when there is none."""
    with backend() as gone:
        serving.add_healthy("10.0.12.100", gone)
    with Client(serving.port) as client:
        assert [client.get()[0] for _ in range(6)] == [200] * 6
        serving.network.detach("10.0.11.100")
        assert client.get()[0] == 502
    assert len(web.requests()) == 6


def test_a_target_that_closes_without_an_answer_is_502(serving: Stand, web: Backend) -> None:
    """So is one that talks nonsense; both are counted as the load balancer's."""
    web.scripts["/close"] = _then_close(b"")
    web.scripts["/nonsense"] = answer(b"SSH-2.0-OpenSSH\r\n\r\n")
    with Client(serving.port) as client:
        status, _, body = client.get("/close")
        assert (status, b"502 Bad Gateway" in body) == (502, True)
        assert client.get("/nonsense")[0] == 502
        assert client.get("/")[0] == 200
    assert serving.plane.status()["target_groups"]["demo-tg"]["by_status"] == {"elb_5xx": 2, "target_2xx": 1}


def test_an_answer_cut_short_cuts_the_client_off(serving: Stand, web: Backend) -> None:
    """The client must not take half an answer for a whole one."""
    web.scripts["/half"] = _then_close(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    with Client(serving.port) as client:
        client.send(b"GET /half HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.rest().endswith(b"Content-Length: 100\r\nConnection: keep-alive\r\n\r\nhalf")


def test_a_stale_pooled_connection_loses_no_request(serving: Stand, web: Backend) -> None:
    """A kept connection that the target closes at the next request: an idempotent request is sent again."""
    kept: list[object] = []

    def once(connection: socket.socket, seen: Seen) -> bool:  # noqa: ARG001
        peer = connection.getpeername()
        if peer in kept:
            connection.shutdown(socket.SHUT_RDWR)
            return False
        kept.append(peer)
        connection.sendall(OK)
        return True

    web.scripts["/"] = once
    with Client(serving.port) as client:
        assert client.get()[0] == 200
        assert client.get()[0] == 200
        assert len(web.requests()) == 3


def test_a_post_is_not_sent_twice(serving: Stand, web: Backend) -> None:
    """A request that is not idempotent and may have been acted on ends with 502."""
    web.scripts["/post"] = _then_close(b"")
    with Client(serving.port) as client:
        client.get()
        client.send(b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
        assert client.response()[0] == 502
    assert [seen.line for seen in web.requests()].count("POST /post HTTP/1.1") == 1


def test_a_silent_target_is_504_after_the_idle_timeout(serving: Stand, web: Backend) -> None:
    """The idle timeout is the load balancer's attribute, in seconds of the clock."""
    release = threading.Event()
    web.scripts["/silent"] = lambda connection, seen: release.wait(10) and False  # noqa: ARG005
    serving.change(**{"idle_timeout.timeout_seconds": "20"})
    with Client(serving.port) as client:
        client.send(b"GET /silent HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: len(web.requests()) == 1)
        taken: list[bytes] = []
        reader = threading.Thread(target=lambda: taken.append(client._file.readline()))
        reader.start()
        seconds = serving.advance_until(lambda: bool(taken), step_s=1)
        reader.join()
        release.set()
    assert taken == [b"HTTP/1.1 504 Gateway Time-out\r\n"]
    assert 20 <= seconds <= 25


def test_an_idle_client_is_let_go(serving: Stand) -> None:
    """A connection without a request is closed after the idle timeout; one with half a head gets 408."""
    with Client(serving.port) as idle, Client(serving.port) as half:
        idle.get()
        half.send(b"GET / HTTP/1.1\r\nHo")
        gone: dict[str, bytes] = {}
        threads = [
            threading.Thread(target=lambda n=name, c=client: gone.__setitem__(n, c.rest()))
            for name, client in (("idle", idle), ("half", half))
        ]
        for thread in threads:
            thread.start()
        assert serving.advance_until(lambda: len(gone) == 2, step_s=1) >= 60
        for thread in threads:
            thread.join()
    assert gone["idle"] == b""
    assert gone["half"].startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_a_client_that_goes_is_counted_as_460(serving: Stand, web: Backend) -> None:
    """The target's connection is cut, and the request counted as the client's failure."""
    release = threading.Event()
    web.scripts["/slow"] = lambda connection, seen: release.wait(10) and False  # noqa: ARG005
    with Client(serving.port) as client:
        client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: len(web.requests()) == 1)
    wait_until(lambda: serving.plane.status()["target_groups"]["demo-tg"]["by_status"] == {"elb_4xx": 1})
    release.set()
    assert serving.plane.status()["load_balancers"]["app/demo/0123456789abcdef"]["client_connections"] == 0


def test_draining_targets_finish_what_they_have(serving: Stand, web: Backend) -> None:
    """A deregistered target gets no new requests; the one in flight is answered, idle connections are closed."""
    release = threading.Event()

    def slow(connection: socket.socket, seen: Seen) -> bool:  # noqa: ARG001
        release.wait(10)
        connection.sendall(OK)
        return True

    web.scripts["/slow"] = slow
    with backend() as other, Client(serving.port) as busy, Client(serving.port) as client:
        serving.add_healthy("10.0.12.100", other)
        other.scripts["/slow"] = slow
        busy.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: len(web.requests()) + len(other.requests()) == 1)
        holder, address, rest = (web, "10.0.11.100", other) if web.requests() else (other, "10.0.12.100", web)
        serving.plane.deregister(GROUP, [(address, 80)])
        assert serving.state((address, 80)) == "draining"
        before = len(rest.requests())
        assert [client.get()[0] for _ in range(4)] == [200] * 4
        assert len(rest.requests()) == before + 4
        release.set()
        assert busy.response()[0] == 200
        assert len(holder.requests()) == 1


def test_draining_ends_early_when_nothing_is_in_flight(serving: Stand) -> None:
    """A target without a request in flight need not wait for the deregistration delay."""
    with Client(serving.port) as client:
        client.get()
        serving.plane.deregister(GROUP, [("10.0.11.100", 80)])
        assert serving.state(("10.0.11.100", 80)) == "draining"
        assert serving.advance_until(lambda: serving.state(("10.0.11.100", 80)) == "unused") < 5


def test_the_deregistration_delay_ends_draining(serving: Stand, web: Backend) -> None:
    """After the delay what is still in flight is cut off and the target is unused."""
    release = threading.Event()
    web.scripts["/slow"] = lambda connection, seen: release.wait(10) and False  # noqa: ARG005
    with Client(serving.port) as client:
        client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: len(web.requests()) == 1)
        serving.plane.deregister(GROUP, [("10.0.11.100", 80)])
        seconds = serving.advance_until(lambda: serving.state(("10.0.11.100", 80)) == "unused", step_s=1)
        assert 30 <= seconds <= 33
        assert client.response()[0] == 502
    release.set()


def test_blocked_by_security_groups_is_504_after_ten_seconds(serving: Stand, web: Backend) -> None:
    """Dropped packets look like a target that does not answer: the connection time-out of 10 s decides."""
    address = ("10.0.11.100", 80)
    serving.network.attach(*address, replace(web.socket, security_groups=frozenset({"sg-task"})))
    closed = [{"GroupId": group, "IpPermissions": [], "IpPermissionsEgress": []} for group in ("sg-alb", "sg-task")]
    closed[0]["IpPermissions"] = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]  # type: ignore[list-item]
    serving.plane.firewall.replace("ap-northeast-1", parse_security_groups(closed))
    with Client(serving.port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        taken: list[int] = []
        reader = threading.Thread(target=lambda: taken.append(client.response()[0]))
        reader.start()
        assert 10 <= serving.advance_until(lambda: bool(taken), step_s=1) <= 14
        reader.join()
    assert taken == [504]
    assert web.requests() == []


def test_no_request_is_lost_in_a_rolling_deployment(alb: Stand) -> None:
    """Under steady load each target is replaced: register, healthy, deregister, stop. Every request is answered 200."""
    statuses: list[int] = []
    stopping = threading.Event()

    def load() -> None:
        with Client(alb.port) as client:
            while not stopping.is_set():
                statuses.append(client.get()[0])

    with ExitStack() as stack:
        alb.add_healthy("10.0.11.100", stack.enter_context(backend()))
        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(101, 105):
            alb.add_healthy(f"10.0.11.{number}", stack.enter_context(backend()))
            alb.plane.deregister(GROUP, [(f"10.0.11.{number - 1}", 80)])
            before = len(statuses)
            wait_until(lambda b=before: len(statuses) > b + 50)  # type: ignore[misc]
            alb.network.detach(f"10.0.11.{number - 1}")
        stopping.set()
        for thread in threads:
            thread.join()
    assert len(statuses) > 200
    assert set(statuses) == {200}


def test_the_port_is_kept_while_the_listener_goes_and_comes(serving: Stand) -> None:
    """Without a listener the port refuses connections; a new listener has the same port."""
    port, settings = serving.port, serving.settings
    serving.settings = replace(settings, listeners=())
    serving.apply()
    with pytest.raises(ConnectionRefusedError):
        Client(port)
    serving.settings = settings
    serving.apply()
    assert serving.port == port
    assert serving.state(("10.0.11.100", 80)) == "initial"
    assert serving.advance_until(lambda: serving.state(("10.0.11.100", 80)) == "healthy") < 5
    with Client(port) as client:
        assert client.get()[0] == 200
