"""What becomes of a task's log lines: short tasks lose none, and what a burst or a kill costs is told."""

from __future__ import annotations

import http.server
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.local_aws.ecs import EcsService
from lab_helpers.local_aws.ecs.logs.ledger import TaskLedger, ledger_of_metrics, summary, task_ledger
from lab_helpers.local_aws.ecs.runtimes.fluent_bit_metrics import Metrics, http_port
from tests.local_aws.ecs.kit import ROUTER, Stand, eventually
from tests.soak import short_tasks

SHORT_TASKS, SIDE_BY_SIDE = 64, 16
DRIVER = {"received": 10, "sent": 8, "dropped": 2, "held": 0}


def _router(state: str = "ended", records: int = 8, **outputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "state": state,
        "inputs": {"forward.0": {"records": records, "lost": {}}, "tcp.2": {"records": 3, "lost": {}}},
        "filters": {"added": 0, "removed": 0},
        "unrouted": 0,
        "stored": records,
        "outputs": {"null.0": {"received": 3, "sent": 3, "dropped": 0, "held": 0, "lost": {}}, **outputs},
    }


def _app(script: str, **options: str) -> dict[str, Any]:
    return {
        "name": "app",
        "image": "busybox",
        "essential": True,
        "command": ["sh", "-c", script],
        "logConfiguration": {"logDriver": "awsfirelens", "options": options},
    }


def test_short_tasks_side_by_side_lose_nothing(stand: Stand) -> None:
    """F1, F2: the router starts, takes two lines and ends with each of them, and each line is there once."""
    outcome = short_tasks.run(stand, SHORT_TASKS, SIDE_BY_SIDE)
    assert outcome.is_whole(SHORT_TASKS), outcome
    assert outcome.exit_codes == {1: SHORT_TASKS}


def test_the_loss_of_a_burst_is_told(stand: Stand) -> None:
    """More than the input may hold, and no destination: each line is accounted for, and the router's reason says it."""
    nobody = {"Name": "http", "Host": "127.0.0.1", "Port": "1", "Retry_Limit": "False"}
    burst = _app("yes 0123456789012345678901234567890123456789012345678901234567890123 | head -n 60000", **nobody)
    arn = stand.run(stand.define({**ROUTER, "memoryReservation": 6}, burst))
    task = stand.stopped(arn)
    found = stand.log_records()["tasks"][arn.rsplit("/", 1)[-1]]
    assert found["printed"] == 60_000 == found["handed"] + found["dropped_by_driver"] + found["held_by_driver"]
    assert found["handed"] == found["read"] + found["unread"]
    of_group = stand.log_records()["groups"][task["group"]]
    assert arn.rsplit("/", 1)[-1] in of_group["tasks"]
    assert of_group["totals"]["printed"] >= 60_000
    output = found["outputs"]["http.1"]
    assert output["sent"] == 0
    assert output["received"] == output["dropped"] == output["lost"]["end of grace"]
    by_input = sum(found["lost_by_input"].values())
    assert found["read"] == output["received"] + by_input
    assert by_input + found["unread"] > 0
    assert sum(found["losses"].values()) == 60_000
    router = next(each for each in task["containers"] if each["name"] == "log_router")
    assert router["reason"].startswith("Log records lost, of 60000 lines printed: ")
    assert "end of grace" in router["reason"]


def test_a_killed_router_says_what_went_with_it(stand: Stand) -> None:
    """Held records of a router that died count as lost, though it could write no last word."""
    nobody = {"Name": "http", "Host": "127.0.0.1", "Port": "1", "Retry_Limit": "False"}
    arn = stand.run(stand.define(ROUTER, _app("echo one; echo two; sleep 60", **nobody)))
    task_id = arn.rsplit("/", 1)[-1]

    def held() -> int:
        outputs = stand.log_records()["tasks"].get(task_id, {}).get("outputs", {})
        return int(outputs.get("http.1", {"held": 0})["held"])

    eventually(lambda: held() == 2, stand.log_records)
    _kill_router(stand, task_id)
    stand.stopped(arn)
    found = stand.log_records()["tasks"][task_id]
    assert found["router"] == "killed"
    assert found["losses"] == {"http.1: killed with it": 2}


def _kill_router(stand: Stand, task_id: str) -> None:
    """Send SIGKILL to a task's router."""
    runner = next(each for each in stand.aws._services if isinstance(each, EcsService))._runner
    running = runner.find(lambda each: each.task.id == task_id)
    os.kill(running.containers["log_router"].process.pid, signal.SIGKILL)


def test_the_three_sums() -> None:
    """Driver, socket and outputs; the health check's own output is left out."""
    output = {"received": 8, "sent": 5, "dropped": 3, "held": 0, "lost": {"retry limit": 3}}
    found = task_ledger([DRIVER, DRIVER], _router(records=15, **{"s3.1": output}), ended=True)
    assert (found.printed, found.handed, found.dropped_by_driver, found.read, found.unread) == (20, 16, 4, 15, 1)
    assert found.losses == {
        "log driver: buffer full, or no router": 4, "in the socket: closed unread": 1, "s3.1: retry limit": 3,
    }  # fmt: skip
    assert found.sentence() == (
        "Log records lost, of 20 lines printed: 4 (log driver: buffer full, or no router); "
        "1 (in the socket: closed unread); 3 (s3.1: retry limit)."
    )


def test_a_running_task_has_lost_nothing_in_the_socket() -> None:
    """What is on its way is not lost, as long as somebody may read it."""
    found = task_ledger([{**DRIVER, "dropped": 0, "received": 8}], _router("running", records=5), ended=False)
    assert (found.unread, found.losses, found.sentence()) == (3, {}, "")


def test_what_the_router_does_not_say_is_not_counted() -> None:
    """A real Fluent Bit without its HTTP server: the drivers' figures, and no zero that would be a lie."""
    found = task_ledger([DRIVER], None, ended=True).as_dict()
    assert (found["router"], found["read"], found["unread"]) == ("not counted", "not counted", "not counted")
    assert found["losses"] == {"log driver: buffer full, or no router": 2}


def test_the_summary_keeps_losses_and_lets_go_of_quiet_tasks() -> None:
    """`lab status` does not grow with every task that ran: the last twenty that lost nothing, all that lost."""
    quiet = TaskLedger(2, 2, 0, 0, "ended", read=2, unread=0)
    lossy = TaskLedger(2, 1, 1, 0, "ended", read=1, unread=0)
    found = summary({"lossy": lossy, **{f"quiet{number}": quiet for number in range(30)}})
    assert list(found["tasks"]) == ["lossy", *(f"quiet{number}" for number in range(10, 30))]
    assert (found["totals"]["printed"], found["totals"]["lost"]) == (62, 1)


METRICS = {
    "input": {"forward.0": {"records": 7, "bytes": 70}},
    "filter": {"grep.0": {"drop_records": 2, "add_records": 0}},
    "output": {"null.0": {"proc_records": 0}, "s3.1": {"proc_records": 4, "dropped_records": 1}},
}


@pytest.fixture
def metrics_port() -> Iterator[int]:
    """A port on which the real one's metrics page answers."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(METRICS if self.path == "/api/v1/metrics" else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_real_fluent_bit_is_asked_for_its_metrics(metrics_port: int, tmp_path: Path) -> None:
    """Where its configuration opens the HTTP server; its last answer stays when it is gone."""
    config = tmp_path / "c.conf"
    config.write_text(f"[SERVICE]\n    HTTP_Server On\n    HTTP_Port {metrics_port}\n")
    found = task_ledger([DRIVER], Metrics(config)(), ended=True)
    assert (found.router, found.read, found.removed) == ("metrics only", 7, 2)
    shown = found.as_dict()["outputs"]["s3.1"]
    assert (shown["received"], shown["sent"], shown["dropped"], shown["held"]) == ("not counted", 4, 1, "not counted")
    assert found.losses["s3.1: given up by the router"] == 1
    assert ledger_of_metrics({})["outputs"] == {}


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("[SERVICE]\n    HTTP_Server On\n", 2020),
        ("[SERVICE]\n    HTTP_Server Off\n    HTTP_Port 1\n", None),
        ("[SERVICE]\n    http_server on\n    http_port x\n", None),
        ("[INPUT]\n    Name dummy\n", None),
        ("nonsense\n", None),
    ],
)
def test_the_port_of_a_configurations_http_server(tmp_path: Path, text: str, port: int | None) -> None:
    """None where nothing listens, or where the configuration cannot be read."""
    (tmp_path / "c.conf").write_text(text)
    assert http_port(tmp_path / "c.conf") == port
