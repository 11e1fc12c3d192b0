"""The shop's way from a request to S3, worked out of the files and policies that an incident writes.

It reads them as the lab does (httpd's configuration, the router's Match, IAM's decision) and knows nothing of faults.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import product

from lab_helpers.base.config import PROJECT
from lab_helpers.firelens import classic
from lab_helpers.httpd.config import Asked, parse
from lab_helpers.incident import Incident, changes
from lab_helpers.incident.drawn import ZONES
from lab_helpers.incident.faults import EXTRA_CONF, HTTPD_CONF
from lab_helpers.incident.probe import Seen
from lab_helpers.router.core.matching import matcher

CONF, HTTPD = ((PROJECT / name).read_text() for name in (EXTRA_CONF, HTTPD_CONF))
TAG = "httpd-firelens-0123456789abcdef0123456789abcdef"
PATHS = ("/", "/products/7.html", "/checkout/", "/products/9.html", "/checkout/thanks.html", "/about.html")
BUCKET = "arn:aws:s3:::b"
TASK_POLICY = {
    "Statement": [
        {"Action": ["logs:PutLogEvents"], "Effect": "Allow", "Resource": "*"},
        {"Action": "firehose:PutRecordBatch", "Effect": "Allow", "Resource": "arn:aws:firehose:::s"},
    ]
}
FIREHOSE_POLICY = {
    "Statement": {
        "Action": ["s3:PutObject"], "Effect": "Allow", "Resource": [BUCKET, f"{BUCKET}/*", "arn:x"],
    }
}  # fmt: skip


@dataclass(frozen=True)
class Visit:
    """One request as it was answered, and its line."""

    id: str
    zone: int
    path: str
    status: int
    is_slow: bool

    @property
    def line(self) -> str:
        """What httpd prints."""
        return f'10.0.{self.zone}.7 - - "GET {self.path}?id={self.id} HTTP/1.1" {self.status}'


@dataclass
class Outcome:
    """What can be looked at after the visitors: requests, what each destination has, and what was complained of."""

    visits: list[Visit]
    in_cloudwatch: set[str] = field(default_factory=set)
    in_s3: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)
    router_log: list[str] = field(default_factory=list)
    firehose_errors: list[str] = field(default_factory=list)

    @property
    def ids(self) -> set[str]:
        """The ids of all requests."""
        return {each.id for each in self.visits}

    @property
    def logged(self) -> list[Visit]:
        """The requests whose lines CloudWatch Logs has."""
        return [each for each in self.visits if each.id in self.in_cloudwatch]

    def seen(self) -> Seen:
        """Return it as `look` would."""
        products = [each for each in self.visits if each.path.startswith("/products/")]
        return Seen(
            len(self.visits),
            len(self.visits),
            len(self.ids - self.in_cloudwatch),
            len(self.in_cloudwatch - self.in_s3),
            sum(each.status != 200 for each in self.visits),
            sum(each.is_slow for each in products) / len(products),
        )


def run(incident: Incident) -> Outcome:
    """Send the visitors through the shop as the incident has changed it."""
    found = Outcome(_answered(changes.httpd_conf(HTTPD, incident)))
    sections = classic.sections(changes.extra_conf(CONF, incident))
    excluded = [section.values["exclude"].split(maxsplit=1) for section in sections if "exclude" in section.values]
    kept = [each for each in found.visits if not any(re.search(regex, each.line) for _, regex in excluded)]
    match = {each.values["name"]: each.values["match"] for each in sections if each.kind == "OUTPUT"}
    if matcher(match["cloudwatch_logs"], None)(TAG):
        found.in_cloudwatch = {each.id for each in kept}
    if matcher(match["kinesis_firehose"], None)(TAG):
        found.called = {each.id for each in kept}
        _send_on(found, incident)
    return found


def _answered(conf: str) -> list[Visit]:
    config = parse(conf)
    visits = []
    for number, (path, zone) in enumerate(product(PATHS, ZONES)):
        asked = Asked("GET", path, f"id={number}", server_address=f"10.0.{zone}.7")
        slow = bool(config.rate(asked, config.env(asked)))
        visits.append(Visit(str(number), zone, path, config.status(asked) or 200, slow))
    return visits


def _send_on(found: Outcome, incident: Incident) -> None:
    task = changes.task_policy(TASK_POLICY, incident)["Statement"]
    firehose = changes.firehose_policy(FIREHOSE_POLICY, incident)["Statement"]
    if "firehose:PutRecordBatch" not in [action for each in task for action in each["Action"]]:
        found.router_log.append("PutRecordBatch API responded with error='AccessDeniedException'")
    elif f"{BUCKET}/*" not in firehose[0]["Resource"]:
        found.firehose_errors.append('{"errorCode": "S3.AccessDenied"}')
    else:
        found.in_s3 = set(found.called)
