"""Health checks at work, by a clock that is moved by hand."""

from __future__ import annotations

import threading

from lab_helpers.local_aws.alb.firewall import parse_security_groups
from lab_helpers.local_aws.kit.network import Socket
from tests.local_aws.alb.kit import GROUP, REGION, answer, backend, response, stand, wait_until


def test_every_node_checks_every_target_once_an_interval() -> None:
    """The request is AWS's, one connection each, with the configured path; two nodes make two checks."""
    with stand(path="/health") as alb, backend() as web:
        alb.add_healthy("10.0.11.100", web)
        first = len(web.checks())
        assert first == 2
        began = alb.clock.monotonic()
        alb.advance_until(lambda: len(web.checks()) >= 8, step_s=1)
        assert 28 <= alb.clock.monotonic() - began <= 32
        check = web.checks()[0]
        assert check.line == "GET /health HTTP/1.1"
        assert check.headers["host"] == "10.0.11.100:80"
        assert check.headers["connection"] == "close"
        assert check.headers["user-agent"] == "ELB-HealthChecker/2.0"
        assert {seen.proxy.split(" ")[2] for seen in web.checks()} == {"10.0.11.10", "10.0.12.10"}
        assert web.connections == len(web.checks())


def test_a_wrong_code_makes_unhealthy_and_a_right_one_healthy_again() -> None:
    """Thresholds 2/2 every 10 s: about 20 s there, about 20 s back."""
    with stand(matcher="200-299,301") as alb, backend() as web:
        key = alb.add_healthy("10.0.11.100", web)
        web.scripts["/"] = answer(response(404))
        assert 15 <= alb.advance_until(lambda: alb.state(key) == "unhealthy", step_s=1) <= 25
        assert alb.plane.health(GROUP, [])[0][1].description == "Health checks failed with these codes: [404]"
        web.scripts["/"] = answer(response(301))
        assert 15 <= alb.advance_until(lambda: alb.state(key) == "healthy", step_s=1) <= 25


def test_nobody_there_is_a_failed_check() -> None:
    """A refused connection is Target.FailedHealthChecks, and the target stays initial until the threshold."""
    with stand() as alb:
        key = alb.add("10.0.11.100", None)
        assert alb.plane.health(GROUP, [key])[0][1].reason == "Elb.RegistrationInProgress"
        alb.advance_until(lambda: alb.plane.health(GROUP, [key])[0][1].reason == "Elb.InitialHealthChecking")
        assert alb.advance_until(lambda: alb.state(key) == "unhealthy", step_s=1) <= 12
        assert alb.plane.health(GROUP, [key])[0][1].reason == "Target.FailedHealthChecks"


def test_no_answer_in_time_is_a_timeout() -> None:
    """The time-out runs by the clock."""
    release = threading.Event()
    with stand(timeout_s=5) as alb, backend() as web:
        web.scripts["/"] = lambda connection, seen: release.wait(10) and False  # noqa: ARG005
        key = alb.add("10.0.11.100", web)
        seconds = alb.advance_until(lambda: alb.state(key) == "unhealthy", step_s=1)
        assert 15 <= seconds <= 19
        assert alb.plane.health(GROUP, [key])[0][1].reason == "Target.Timeout"
        release.set()


def test_the_check_port_may_be_another() -> None:
    """A configured port is checked instead of the traffic port."""
    with stand(port=8080) as alb, backend() as web, backend() as checked:
        alb.network.attach("10.0.11.100", 8080, checked.socket)
        alb.add_healthy("10.0.11.100", web)
        assert (len(web.checks()), len(checked.checks())) == (0, 2)


def test_security_groups_block_checks() -> None:
    """Packets that a security group drops look like a silent target, and pass again when the rule is back."""
    allowed = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": "sg-alb"}]}
    everywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    groups = [
        {"GroupId": "sg-alb", "IpPermissions": [], "IpPermissionsEgress": [everywhere]},
        {"GroupId": "sg-task", "IpPermissions": [], "IpPermissionsEgress": [everywhere]},
    ]
    with stand() as alb, backend(proxy_protocol=False) as web:
        alb.plane.firewall.replace(REGION, parse_security_groups(groups))
        alb.network.attach("10.0.11.100", 80, Socket("127.0.0.1", web.port, False, frozenset({"sg-task"})))
        key = alb.add("10.0.11.100", None)
        alb.advance_until(lambda: alb.state(key) == "unhealthy", step_s=1)
        assert alb.plane.health(GROUP, [key])[0][1].reason == "Target.Timeout"
        assert web.connections == 0
        groups[1]["IpPermissions"] = [allowed]
        alb.plane.firewall.replace(REGION, parse_security_groups(groups))
        alb.advance_until(lambda: alb.state(key) == "healthy", step_s=1)


def test_a_group_that_nobody_forwards_to_is_not_checked() -> None:
    """Its targets are unused, with the reason Target.NotInUse."""
    from dataclasses import replace

    with stand() as alb, backend() as web:
        listeners = alb.settings.listeners
        alb.settings = replace(alb.settings, listeners=())
        alb.apply()
        key = alb.add("10.0.11.100", web)
        alb.clock.advance(60)
        assert alb.plane.health(GROUP, [key])[0][1].reason == "Target.NotInUse"
        assert web.connections == 0
        alb.settings = replace(alb.settings, listeners=listeners)
        alb.apply()
        alb.advance_until(lambda: alb.state(key) == "healthy")
        wait_until(lambda: len(web.checks()) == 2)


def test_a_deregistered_target_is_checked_no_more() -> None:
    """Draining targets get no health checks."""
    with stand() as alb, backend() as web:
        key = alb.add_healthy("10.0.11.100", web)
        alb.plane.deregister(GROUP, [key])
        before = len(web.checks())
        alb.advance_until(lambda: alb.state(key) == "unused", step_s=1)
        assert len(web.checks()) == before
