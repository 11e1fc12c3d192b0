"""What is remembered from request to request holds only as long as it is true."""

from __future__ import annotations

from lab_helpers.local_aws.alb.firewall import Firewall, parse_security_groups
from lab_helpers.local_aws.alb.http.header_block import read_block
from lab_helpers.local_aws.alb.http.heads import parse_request, parse_response, response_to_client
from lab_helpers.local_aws.alb.reachability import Wires
from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.kit.network import Network, Socket

NODE, TARGET = "10.0.11.10", ("10.0.11.100", 80)
BALANCER, TASK = frozenset({"sg-alb"}), frozenset({"sg-task"})
LONG = b"X-Long: " + b"x" * 5000


def groups(task_ingress: list[dict[str, object]]) -> dict[str, object]:
    """The two security groups; the load balancer's lets everything out."""
    out = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    return dict(
        parse_security_groups(
            [
                {"GroupId": "sg-alb", "IpPermissions": [], "IpPermissionsEgress": out},
                {"GroupId": "sg-task", "IpPermissions": task_ingress, "IpPermissionsEgress": out},
            ]
        )
    )


def test_a_change_of_security_groups_counts_from_the_next_request_on() -> None:
    """Closing and opening again, in whatever order it was asked before."""
    network, firewall = Network(), Firewall()
    wires = Wires(ManualClock(), network, firewall)
    network.attach(*TARGET, Socket("127.0.0.1", 1, proxy_protocol=True, security_groups=TASK))
    lets_in = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": "sg-alb"}]}]
    for rules, passes in ((lets_in, True), ([], False), (lets_in, True)):
        firewall.replace("ap-northeast-1", groups(rules))  # type: ignore[arg-type]
        assert [wires.may_pass(NODE, BALANCER, TARGET) for _ in range(3)] == [passes] * 3


def test_a_task_that_went_is_not_found_and_a_new_one_is() -> None:
    """Its address is detached, and may be given to another."""
    network = Network()
    wires = Wires(ManualClock(), network, Firewall())
    assert not wires.may_pass(NODE, BALANCER, TARGET)
    network.attach(*TARGET, Socket("127.0.0.1", 1, proxy_protocol=True))
    assert wires.may_pass(NODE, BALANCER, TARGET)
    network.detach(TARGET[0])
    assert not wires.may_pass(NODE, BALANCER, TARGET)


def test_equal_header_lines_are_read_once_and_long_ones_each_time() -> None:
    """The lines are shared, the request line is not."""
    first = parse_request(b"GET /a HTTP/1.1\r\nHost: h\r\nX: 1", "192.0.2.1")
    second = parse_request(b"POST /b HTTP/1.1\r\nHost: h\r\nX: 1", "192.0.2.2")
    assert first.block is second.block
    assert (second.method, second.target, second.client) == ("POST", "/b", "192.0.2.2")
    assert read_block(LONG) is not read_block(LONG)
    other = parse_request(b"GET /a HTTP/1.1\r\nHost: h\r\nX: 2", "192.0.2.1")
    assert (first.header("x"), other.header("x")) == ("1", "2")


def test_one_answer_is_told_to_each_client_in_its_own_way() -> None:
    """The same head from the target to HEAD and GET, to clients that stay and that go."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5"
    to_get, to_head = parse_response(head, "GET"), parse_response(head, "HEAD")
    assert (to_get.length, to_head.length) == (5, 0)
    assert b"Connection: keep-alive\r\n" in response_to_client(to_get, keep_alive=True)
    assert b"Connection: close\r\n" in response_to_client(to_get, keep_alive=False)
