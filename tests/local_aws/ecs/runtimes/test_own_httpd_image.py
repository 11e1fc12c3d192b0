"""An httpd image of one's own: its pages and its httpd.conf, with Apache and with the built-in server alike."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab_helpers.base.config import PROJECT
from lab_helpers.images.builder import BASE_NAME, build
from lab_helpers.local_aws.ecs.containers.images import Image, parse_image
from lab_helpers.local_aws.ecs.containers.unpacking import unpack
from lab_helpers.local_aws.ecs.containers.warden import Warden
from lab_helpers.local_aws.ecs.ports import PortPool
from lab_helpers.local_aws.ecs.runtimes.httpd import HttpdRuntime, find_apache
from lab_helpers.local_aws.ecs.runtimes.runtime import LaunchRequest
from lab_helpers.local_aws.ecs.spec import ContainerSpec
from tests.local_aws.ecs.runtimes.test_builtin_httpd import PROXY, Server

END = b"Host: shop\r\nConnection: close\r\n\r\n"
COMBINED = (
    'LogFormat "%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\" %D \\"%{X-Forwarded-For}i\\"" full\n'
    'SetEnvIf User-Agent "^ELB-HealthChecker" healthcheck\n'
    "CustomLog /proc/self/fd/1 full env=!healthcheck\n"
)
"""What the trainee puts in the place of the article's format."""
REQUESTS = {
    "home": b'GET / HTTP/1.1\r\nUser-Agent: Mozilla/5.0 "x"\r\nReferer: http://search.example/?q=a\r\n' + END,
    "health check": b"GET / HTTP/1.1\r\nUser-Agent: ELB-HealthChecker/2.0\r\n" + END,
    "client": b"GET /products/3.html?id=1 HTTP/1.1\r\nX-Forwarded-For: 203.0.113.7, 10.0.0.1\r\n" + END,
    "no folder's slash": b"GET /search?q=a&b=1 HTTP/1.1\r\n" + END,
    "folder": b"GET /search/?q=a HTTP/1.1\r\n" + END,
    "slow": b"GET /search/?q=a&sort=price HTTP/1.1\r\n" + END,
    "failed": b"GET /checkout/thanks.html?card=declined HTTP/1.1\r\n" + END,
    "paid": b"POST /checkout/thanks.html?card=1 HTTP/1.1\r\nContent-Length: 2\r\n" + END + b"ab",
    "missing": b"GET /wp-login.php HTTP/1.1\r\n" + END,
    "head": b"HEAD /products/ HTTP/1.1\r\n" + END,
    "not modified": b"GET /assets/style.css HTTP/1.1\r\nIf-None-Match: *\r\n" + END,
    "not modified since": b"GET /assets/app.js HTTP/1.1\r\nIf-Modified-Since: Fri, 07 Nov 2025 09:14:02 GMT\r\n" + END,
    "script": b"GET /assets/app.js HTTP/1.1\r\n" + END,
}


def own_image(folder: Path, change: Callable[[str], str] = lambda text: text) -> Image:
    """The project's httpd image, unpacked as a task pulls it, with a changed httpd.conf."""
    rootfs = folder / "rootfs"
    rootfs.mkdir(parents=True)
    built = build(PROJECT / "terraform" / "httpd", "Dockerfile")
    for layer in json.loads(built.manifest)["layers"]:
        (folder / "layer").write_bytes(built.blobs[layer["digest"]])
        unpack(folder / "layer", rootfs)
    conf = rootfs / "usr/local/apache2/conf/httpd.conf"
    conf.write_text(change(conf.read_text()))
    config = {"config": {"Labels": {BASE_NAME: "httpd:2.4"}}}
    return Image(parse_image("127.0.0.1:1/lab-httpd"), "sha256:" + "0" * 64, ("sha256:1",), rootfs, config)


def combined(text: str) -> str:
    """The configuration with the combined format, and without health checks."""
    return re.sub(r"LogFormat.*\nCustomLog.*\n", lambda _: COMBINED, text)


@contextmanager
def served(choice: str, folder: Path, change: Callable[[str], str] = lambda text: text) -> Iterator[Server]:
    warden = Warden()
    (folder / "run").mkdir(parents=True)
    image = own_image(folder, change)
    env = {"PATH": os.environ["PATH"], "TZ": "UTC", "HOSTNAME": "ip-10-0-11-9.ap-northeast-1.compute.internal"}
    container = ContainerSpec("httpd", "127.0.0.1:1/lab-httpd")
    runtime = HttpdRuntime(choice)
    assert runtime.plays(container, image)
    launch = runtime.prepare(LaunchRequest(container, image, folder / "run", warden.run_dir, env, PortPool()))
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(list(launch.argv), env=dict(launch.env), cwd=folder, stdout=out, stderr=err)
    try:
        while not launch.is_ready() and process.poll() is None:
            threading.Event().wait(0.02)
        yield Server(launch.sockets[80].port, process, folder)
    finally:
        process.terminate()
        process.wait()
        warden.stop()


CHOICES = ["builtin", "apache"]


def skip_without_apache(choice: str) -> None:
    if choice == "apache" and find_apache() is None:
        pytest.skip("Apache is not installed")


@pytest.mark.parametrize("change", [lambda text: text, combined], ids=["article's format", "combined format"])
def test_lines_and_answers_are_apaches(change: Callable[[str], str], tmp_path: Path) -> None:
    """Each request has the same status, size, body and log line with both; the health check is left out by env=."""
    skip_without_apache("apache")
    seen = []
    for choice in CHOICES:
        with served(choice, tmp_path / choice, change) as server:
            answers = {name: server.ask(request) for name, request in REQUESTS.items()}
            wanted = len(REQUESTS) - (change is combined)
            lines = [re.sub(r"\[[^]]+\] |(?<=\" )\d+(?= \")", "", line) for line in server.wait_for_log(wanted)]
        assert len(lines) == wanted
        parts = {name: (text.split(b"\r\n")[0], text.partition(b"\r\n\r\n")[2]) for name, text in answers.items()}
        seen.append((lines, parts))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("choice", CHOICES)
def test_a_slow_page_takes_as_long_with_both(choice: str, tmp_path: Path) -> None:
    """Three pauses of 0.2 s at 10 KiB a second for a page of 6 KB; %D tells it in microseconds."""
    skip_without_apache(choice)
    with served(choice, tmp_path / choice, combined) as server:
        server.ask(REQUESTS["folder"])
        server.ask(REQUESTS["slow"])
        took = [int(found) for line in server.wait_for_log(2) for found in re.findall(r'" (\d+) "', line)]
    assert took[1] >= 600_000 > took[0]


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize(("zone", "fails"), [("11", True), ("12", False)])
def test_one_task_can_be_wrong(choice: str, zone: str, fails: bool, tmp_path: Path) -> None:
    """A condition on the server's address is the task's address in its network: one zone of two."""
    skip_without_apache(choice)
    wrong = f'RewriteCond "%{{SERVER_ADDR}}" "^10\\.0\\.{zone}\\."\nRewriteRule "^/cart/" "-" [R=503,L]\n'
    marked = f'SetEnvIf Server_Addr "^10\\.0\\.{zone}\\." marked=yes\nLogFormat "%{{marked}}e %>s" own\n'
    with served(
        choice, tmp_path / choice, lambda text: marked + re.sub(r"(?m)^(CustomLog .*) common$", r"\1 own", text) + wrong
    ) as server:
        answer = server.ask(b"GET /cart/ HTTP/1.1\r\n" + END)
        line = server.wait_for_log(1)[-1]
    assert answer.startswith(b"HTTP/1.1 503" if fails else b"HTTP/1.1 200")
    assert line == ("yes 503" if fails else "- 200")


@pytest.mark.parametrize("choice", CHOICES)
def test_a_broken_file_ends_the_container_with_apaches_words(choice: str, tmp_path: Path) -> None:
    """Line number and reason are on stderr, the exit code is 1."""
    skip_without_apache(choice)
    with served(choice, tmp_path / choice, lambda text: text.replace("LogFormat", "LogFormatt")) as server:
        assert server.process.wait(20) == 1
        said = (tmp_path / choice / "stderr").read_text()
    number = (PROJECT / "terraform/httpd/httpd.conf").read_text().split("LogFormat")[0].count("\n") + 1
    assert f"AH00526: Syntax error on line {number} of" in said
    assert "Invalid command 'LogFormatt', perhaps misspelled or defined by a module not included" in said


def test_proxy_tells_both_addresses() -> None:
    """The PROXY line of these tests names the task that HOSTNAME names."""
    assert PROXY.split()[2:4] == [b"10.0.11.5", b"10.0.11.9"]
