"""A page of somebody else's in the trainee's browser: it reads nothing of the local AWS, and makes nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from lab_helpers.local_aws.server import LocalAws
from tests.support.jupyterlab import CHROMIUM, QUIET

ALONE = ["--no-proxy-server", "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"]
"""The last one is a browser's own defence, which not every browser has: here the server stands alone."""
REBOUND = "rebound.example"

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

TRIES = """
async ({base, token, keyId}) => {
  const told = {};
  const within = (what) => Promise.race([what, new Promise((_, no) => setTimeout(() => no("no answer"), 3000))]);
  const attempt = async (name, work) => {
    try { told[name] = await within(work()); } catch (error) { told[name] = "refused"; }
  };
  const read = (path, options) => async () => {
    const answer = await fetch(base + path, options);
    return answer.type === "opaque" ? "refused" : answer.status + " " + (await answer.text()).slice(0, 80);
  };
  const shown = (element) => () => new Promise((yes, no) => {
    element.onload = () => yes("loaded"); element.onerror = () => no("refused");
    document.body.append(element);
  });
  const made = (tag, attributes) => Object.assign(document.createElement(tag), attributes);
  const form = "application/x-www-form-urlencoded";
  const run = JSON.stringify({cluster: "c", taskDefinition: "t"});
  const targets = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.RunTask"};
  const link = `?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${keyId}`;
  const signed = {"Authorization": `AWS4-HMAC-SHA256 Credential=${keyId}/20211107/r/s3/aws4_request`};
  await attempt("fetch", read("/kept?list-type=2"));
  await attempt("fetch a link", read("/kept" + link));
  await attempt("fetch status", read("/_lab/status", {headers: {"X-Lab-Token": token}}));
  await attempt("fetch no-cors", read("/kept/page.txt", {mode: "no-cors"}));
  await attempt("fetch signed", read("/kept", {headers: signed}));
  await attempt("post json", read("/", {method: "POST", headers: targets, body: run}));
  await attempt("post form", read("/", {method: "POST", headers: {"Content-Type": form},
    body: "Action=CreateUser&UserName=eve&Version=2010-05-08"}));
  await attempt("post plain no-cors", read("/", {method: "POST", mode: "no-cors", body: run}));
  await attempt("put", read("/kept/eve", {method: "PUT", body: "x"}));
  await attempt("put a bucket", read("/eves", {method: "PUT", mode: "no-cors"}));
  await attempt("delete", read("/kept/page.txt", {method: "DELETE"}));
  await attempt("fault", read("/_lab/faults", {method: "POST", mode: "no-cors", body: "{}"}));
  await attempt("image", shown(made("img", {src: base + "/kept/page.txt"})));
  await attempt("script", shown(made("script", {src: base + "/kept/page.js"})));
  await attempt("websocket", () => new Promise((yes, no) => {
    const socket = new WebSocket(base.replace("http", "ws") + "/_lab/status");
    socket.onopen = () => yes("open"); socket.onerror = () => no("refused");
  }));
  await attempt("events", () => new Promise((yes, no) => {
    const source = new EventSource(base + "/_lab/status");
    source.onopen = () => yes("open"); source.onerror = () => { source.close(); no("refused"); };
  }));
  await attempt("frame", () => new Promise((yes, no) => {
    const frame = made("iframe", {src: base + "/kept?list-type=2"});
    frame.onload = () => { try { yes(frame.contentDocument.body.innerText); } catch (error) { no("refused"); } };
    document.body.append(frame);
  }));
  for (const action of ["/", "/eves-form", "/kept/eve-form", "/_lab/faults"]) {
    const target = made("iframe", {name: "t" + action});
    const sent = made("form", {action: base + action, method: "post", target: target.name});
    sent.append(made("input", {name: "Action", value: "CreateUser"}), made("input", {name: "UserName", value: "eve"}));
    document.body.append(target, sent);
    await attempt("form " + action, () => new Promise((yes, no) => {
      target.onload = () => { try { yes(target.contentDocument.body.innerText || "refused"); } catch (e) { no(e); } };
      sent.submit();
    }));
  }
  return told;
}
"""


class _Page(BaseHTTPRequestHandler):
    """An empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title><body></body>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium to which the rebound name is this machine's."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: chromium)")
    from playwright.sync_api import sync_playwright

    rebinding = f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *ALONE, rebinding])
        yield launched
        launched.close()


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The address of a page of another origin."""
    server = HTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def holdings(front: LocalAws) -> Iterator[Any]:
    """What the operator has, as a text that a page would change; its bucket has an object and a script."""
    s3 = front.client("s3")
    s3.put_object(Bucket="kept", Key="page.txt", Body=b"secret")
    s3.put_object(Bucket="kept", Key="page.js", Body=b"window.read = 'secret'", ContentType="text/javascript")

    def held() -> str:
        return json.dumps(
            [
                [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
                [each["Key"] for each in s3.list_objects_v2(Bucket="kept")["Contents"]],
                front.client("iam").list_users()["Users"],
            ],
            default=str,
        )

    yield held
    for key in ("page.txt", "page.js"):
        s3.delete_object(Bucket="kept", Key=key)


def _tried(page: Any, front: LocalAws, base: str) -> dict[str, str]:
    known = {"base": base, "token": front.lab_token, "keyId": front.store.operator.access_key_id}
    return dict(page.evaluate(TRIES, known))


def test_another_origin_reads_and_makes_nothing(front: LocalAws, browser: Any, elsewhere: str, holdings: Any) -> None:
    """Fetch, forms, images, scripts, frames, sockets: knowing a key's id and the lab's token helps it nothing."""
    before = holdings()
    page = browser.new_page()
    page.goto(elsewhere)
    told = _tried(page, front, front.endpoint_url)
    assert {what: answer for what, answer in told.items() if answer != "refused"} == {}
    assert len(told) == 21
    assert holdings() == before


def test_a_rebound_name_reads_and_makes_nothing(front: LocalAws, browser: Any, holdings: Any) -> None:
    """The page's own name leads to the local AWS now, so that the browser lets it read: each answer is a refusal."""
    before, base = holdings(), front.endpoint_url.replace("127.0.0.1", REBOUND)
    page = browser.new_page()
    page.route(f"{base}/page.html", lambda route: route.fulfill(content_type="text/html", body="<body></body>"))
    page.goto(f"{base}/page.html")
    told = _tried(page, front, base)
    refused = ("refused", "403 ", f'{{"message": "\'{REBOUND}')
    assert {what: answer for what, answer in told.items() if not answer.startswith(refused)} == {}
    assert told["fetch"].startswith("403 ")
    assert holdings() == before
