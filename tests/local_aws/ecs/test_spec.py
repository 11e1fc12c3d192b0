"""Task definition JSON becomes frozen specs."""

from __future__ import annotations

import pytest

from lab_helpers.local_aws.ecs.spec import parse_container, parse_task_definition, start_order

ROUTER = {"name": "log_router", "image": "x", "firelensConfiguration": {"type": "fluentbit"}}
HTTPD = {"name": "httpd", "image": "httpd:latest", "logConfiguration": {"logDriver": "awsfirelens"}}


def test_the_articles_containers() -> None:
    """What the article writes down arrives, and what it leaves out has ECS's defaults."""
    spec = parse_container(
        {**HTTPD, "portMappings": [{"containerPort": 80, "protocol": "tcp"}], "memoryReservation": 100}
    )
    assert (spec.ports, spec.reserved_mib, spec.essential, spec.stop_timeout_s) == ((80,), 100, True, 30)
    assert spec.log is not None
    assert (spec.log.driver, spec.log.options) == ("awsfirelens", {})


def test_memory_limit_and_reservation_are_told_apart() -> None:
    """`memory` is the hard limit, `memoryReservation` the soft one; a task's memory may be given in GB."""
    spec = parse_container({"name": "a", "memory": 200, "memoryReservation": 50})
    assert (spec.memory_mib, spec.reserved_mib) == (200, 50)
    assert parse_task_definition({"memory": "1 GB"}).task_memory_mib == 1024


def test_the_router_starts_first() -> None:
    """A container that logs through FireLens depends on the router without saying so."""
    spec = parse_task_definition({"containerDefinitions": [HTTPD, ROUTER]})
    assert [each.name for each in start_order(spec.containers)] == ["log_router", "httpd"]


def test_dependencies_order_the_start() -> None:
    """`dependsOn` holds a container back until those it names have started."""
    chain = [
        {"name": "c", "dependsOn": [{"containerName": "b", "condition": "HEALTHY"}]},
        {"name": "b", "dependsOn": [{"containerName": "a", "condition": "SUCCESS"}]},
        {"name": "a"},
    ]
    spec = parse_task_definition({"containerDefinitions": chain})
    assert [each.name for each in start_order(spec.containers)] == ["a", "b", "c"]


def test_a_circle_is_refused() -> None:
    """Containers that wait for each other would wait for ever."""
    circle = [
        {"name": "a", "dependsOn": [{"containerName": "b", "condition": "START"}]},
        {"name": "b", "dependsOn": [{"containerName": "a", "condition": "START"}]},
    ]
    with pytest.raises(ValueError, match="circle"):
        start_order(parse_task_definition({"containerDefinitions": circle}).containers)


def test_a_health_check_of_none_is_no_health_check() -> None:
    """`["NONE"]` switches an image's own check off."""
    assert parse_container({"name": "a", "healthCheck": {"command": ["NONE"]}}).health_check is None
    check = parse_container({"name": "a", "healthCheck": {"command": ["CMD", "true"], "interval": 5}}).health_check
    assert check is not None
    assert (check.interval_s, check.timeout_s, check.retries) == (5, 5, 3)
