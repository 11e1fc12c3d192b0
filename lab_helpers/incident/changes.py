"""The four changes before an incident as texts and documents: each harmless, or with a fault in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any

from lab_helpers.httpd import faults as httpd_faults
from lab_helpers.incident.drawn import Incident

RELEASE = "2.4"
RETENTION_DAYS = 30
WRONG_MATCH = "httpd.*"
_TIMED = r'"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" %D \"%{X-Forwarded-For}i\"" timed'
DROPPED = "Exclude log checkout"
_FILTER = "\n[FILTER]\n    Name   {name}\n    Match  *\n"


def extra_conf(original: str, incident: Incident | None = None) -> str:
    """Return the project's extra.conf as released; with an incident, with its faults of the router."""
    text = f"{original.rstrip()}\n{_FILTER.format(name='record_modifier')}    Record release {RELEASE}\n"
    faults: Collection[str] = incident.keys if incident else ()
    if "match" in faults:
        head, name, tail = text.partition("kinesis_firehose")
        text = head + name + re.sub(r"(?m)^(\s*Match\s+)\*\s*$", rf"\g<1>{WRONG_MATCH}", tail, count=1)
    if "filter" in faults:
        return f"{text}{_FILTER.format(name='grep')}    # no card data in the log\n    {DROPPED}\n"
    return text


def faults_of_the_router(text: str) -> frozenset[str]:
    """Return the faults that are in an extra.conf as it stands."""
    marks = {"match": WRONG_MATCH, "filter": DROPPED}
    return frozenset(key for key, mark in marks.items() if mark in text)


def httpd_conf(original: str, incident: Incident | None = None) -> str:
    """Return the project's httpd.conf as released: with durations and visitors' addresses in its lines, and one task
    slow or wrong where the incident says so.
    """
    text = re.sub(r"(?m)^LogFormat .*$", lambda _: f"LogFormat {_TIMED}", original, count=1)
    text = re.sub(r"(?m)^(CustomLog \S+) \w+$", r"\g<1> timed", text, count=1)
    text = f"{text.rstrip()}\n\n# release {RELEASE}\n"
    if incident and incident.slows_a_task:
        text = httpd_faults.slow_in(text, incident.zone)
    if incident and "wrong_task" in incident.keys:
        text = httpd_faults.wrong_in(text, incident.zone)
    return text


def faults_of_httpd(text: str) -> frozenset[str]:
    """Return the faults that are in an httpd.conf as it stands; a slow task may be a red herring there."""
    marks = {"slow_task": 'SetEnvIf Server_Addr "', "wrong_task": 'RewriteCond "%{SERVER_ADDR}"'}
    return frozenset(key for key, mark in marks.items() if mark in text)


def task_policy(document: Mapping[str, Any], incident: Incident) -> dict[str, Any]:
    """Return the task role's policy as it was reduced."""
    is_hurt = "task_role" in incident.keys
    return _reduced(document, lambda action: action.replace("PutRecordBatch", "PutRecord") if is_hurt else action)


def firehose_policy(document: Mapping[str, Any], incident: Incident) -> dict[str, Any]:
    """Return the policy of Firehose's role as it was reduced."""
    found = _reduced(document, str)
    if "firehose_role" in incident.keys:
        for statement in found["Statement"]:
            named = [_archived(each) for each in _listed(statement.get("Resource", []))]
            statement["Resource"] = named
    return found


def _reduced(document: Mapping[str, Any], change: Any) -> dict[str, Any]:
    found: dict[str, Any] = deepcopy(dict(document))
    found["Statement"] = _listed(found["Statement"])
    for number, statement in enumerate(found["Statement"], 1):
        statement["Sid"] = f"Needed{number}"
        statement["Action"] = [change(str(action)) for action in _listed(statement["Action"])]
    return found


def _archived(arn: str) -> str:
    """Return another bucket's ARN for a bucket's or its objects'; any other resource as it is."""
    if not arn.startswith("arn:aws:s3:::"):
        return arn
    bucket, slash, key = arn.partition("/")
    return f"{bucket}-archive{slash}{key}"


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]
