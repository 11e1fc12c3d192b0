"""An incident in a lab: begun by a seed, looked at, mended by the reference where nobody did, and put away.

What it changes is written down first (`opened`): `end`, the next incident and a teardown bring it back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lab_helpers import cloudwatch, deployment, ecs_service, visitors
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import NotFoundError, NotYetError, SettingsError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.display import Bar
from lab_helpers.incident import changes
from lab_helpers.incident.drawn import Incident, draw
from lab_helpers.incident.faults import CAUSES, EXTRA_CONF, HTTPD_CONF, JOURNAL, MENDS, PLACES
from lab_helpers.lab import Lab
from lab_helpers.opened import Opened

NAME = "incident"
SENT = "incident-sent"
REQUESTS, SECONDS, OPEN_HOURS = 900, 15.0, (540, 1260)
"""Visitors of an incident: how many, within how long, from which minutes of the day."""
DEFAULT_MINUTES = 30.0
_BY_TERRAFORM = frozenset({"policy_task", "policy_firehose"})
"""Mends that an apply does; the others are files that are deployed."""


@dataclass(frozen=True)
class Scene:
    """An incident that is on, as a notebook holds it; `incident` is what was drawn."""

    lab: Lab
    incident: Incident
    began: datetime
    minutes: float

    @property
    def ticket(self) -> str:
        """What was reported; with two faults, that there may be more than one reason."""
        told = [say(each.value) for each in self.incident.tickets]
        if len(self.incident.faults) > 1:
            told.append(say("There may be more than one reason."))
        return " ".join(told)

    @property
    def sent(self) -> pd.DataFrame:
        """The visitors' requests that carry an id, as `traffic.send`."""
        return self.lab.notes.frame(SENT, "The incident's visitors", "incident/1_incident")

    def journal(self) -> pd.DataFrame:
        """Return what was changed before the ticket came: where, what."""
        return pd.DataFrame([(where, say(what)) for where, what in JOURNAL], columns=["where", "what"])

    def time_left(self) -> str:
        """Return how much of the time is used, in a sentence; nothing ends when it is over."""
        used = (datetime.now(UTC) - self.began).total_seconds() / 60
        return say("{used:.0f} of {minutes:.0f} minutes are used.", used=used, minutes=self.minutes)

    def place(self) -> str | tuple[str, ...]:
        """Return where the fault is, in the words of the notebook's guess; a tuple where there are two places."""
        places = tuple(dict.fromkeys(PLACES[key] for key in self.incident.keys))
        return places if len(places) > 1 else places[0]

    def __repr__(self) -> str:
        return say("incident {seed}: {ticket}", seed=self.incident.seed, ticket=self.ticket)


def begin(lab: Lab, seed: int = 1, minutes: float = DEFAULT_MINUTES, faults: int | None = None) -> Scene:
    """Draw the incident of a seed, make its four changes, and let visitors come. Half a minute on the local AWS.

    `faults`: how many there are at once, 1 or 2; None leaves it to the seed (`draw`). An incident that is on is put
    away first. Raises SettingsError for a seed that is none, and for any other number of faults.
    """
    incident = draw(seed, faults)
    Opened(lab, NAME).close()
    before = datetime.now(UTC)
    _release(lab, incident)
    facts = _facts(lab, incident)
    policies = _reduce(lab, incident)
    _shorten_retention(lab)
    texts = {name: lab.files.read(name) for name in (EXTRA_CONF, HTTPD_CONF)}
    sources = {**texts, **policies, "IAM": "\n".join(_roles(lab)), "ECS": "\n".join(_tasks(lab))}
    note = {"seed": seed, "minutes": minutes, "began": before.isoformat(), "facts": facts, "sources": sources}
    note["faults"] = len(incident.faults)
    lab.notes.take(NAME, note)
    with Bar("visitors") as bar:
        made = visitors.visit(lab.outputs.url, seed, REQUESTS, SECONDS, OPEN_HOURS, on_progress=bar)
    lab.notes.keep_frame(SENT, with_an_id(made.sent))
    return current(lab)


def current(lab: Lab) -> Scene:
    """Return the incident that is on; raises NotYetError."""
    note = noted(lab)
    incident = draw(note["seed"], note.get("faults", 1))
    return Scene(lab, incident, datetime.fromisoformat(note["began"]), float(note["minutes"]))


def noted(lab: Lab) -> dict[str, Any]:
    """Return what was written down when the incident began; raises NotYetError without one."""
    if not lab.notes.has(NAME):
        raise NotYetError("An incident", cell="incident.begin(lab, seed)")
    return dict(lab.notes.read(NAME, "An incident", "incident/1_incident"))


def mend(lab: Lab, only: str | None = None) -> str | list[str]:
    """Mend the incident as the reference does, and return the key of what was done; of two faults a list.

    `only` names one fault's cause and leaves the other as it is. Raises SettingsError for a cause that was not drawn.
    """
    incident = current(lab).incident
    if only is not None and only not in incident.keys:
        raise SettingsError("only", only, ", ".join(incident.keys))
    done = [each.mend for each in incident.faults if only in (None, each.key)]
    if any(each in _BY_TERRAFORM for each in done):
        lab.terraform.apply()
    if any(each not in _BY_TERRAFORM for each in done):
        _write_released(lab, _without(lab, incident, only))
        _deploy(lab)
    return done[0] if len(done) == 1 else done


def _without(lab: Lab, incident: Incident, only: str | None) -> Incident:
    """Return what is left of an incident without one fault: of the others what nobody has mended before."""
    if only is None:
        return replace(incident, faults=(), has_slow_task=False)
    there = changes.faults_of_the_router(lab.files.read(EXTRA_CONF))
    there |= changes.faults_of_httpd(lab.files.read(HTTPD_CONF))
    left = tuple(each for each in incident.faults if each.key in there and each.key != only)
    return replace(incident, faults=left, has_slow_task=incident.has_slow_task and "slow_task" in there)


def end(lab: Lab) -> None:
    """Bring files, policies and retention back to what they were before, and deploy; may be called twice."""
    opened = Opened(lab, NAME)
    was_on = bool(opened.things())
    opened.close()
    lab.notes.drop(NAME)
    if was_on:
        _deploy(lab)


def causes() -> pd.DataFrame:
    """Return the causes that a report may name: cause (its key), what."""
    return pd.DataFrame([(each.key, say(each.title)) for each in CAUSES], columns=["cause", "what"])


def mends() -> pd.DataFrame:
    """Return the mends that a report may name: mend (its key), what."""
    return pd.DataFrame([(key, say(text)) for key, text in MENDS], columns=["mend", "what"])


def since(lab: Lab) -> datetime:
    """Return the moment before the incident's changes."""
    return current(lab).began - timedelta(seconds=1)


def with_an_id(sent: pd.DataFrame) -> pd.DataFrame:
    """Return the requests that carry an id, which are found again one by one, and were answered."""
    has_id = sent["path"].str.contains("id=", regex=False) & sent["status"].notna()
    return sent[has_id].reset_index(drop=True)


def _release(lab: Lab, incident: Incident) -> None:
    opened = Opened(lab, NAME)
    for name in (EXTRA_CONF, HTTPD_CONF):
        opened.add("file", name, lab.files.read(name))
    _write_released(lab, incident)
    _deploy(lab)


def _write_released(lab: Lab, incident: Incident) -> None:
    lab.files.write(EXTRA_CONF, changes.extra_conf(lab.files.original(EXTRA_CONF) or "", incident))
    lab.files.write(HTTPD_CONF, changes.httpd_conf(lab.files.original(HTTPD_CONF) or "", incident))


def _deploy(lab: Lab) -> None:
    with Bar("deployment") as bar:
        deployment.deploy(lab, on_tick=bar.tick)


def _reduce(lab: Lab, incident: Incident) -> dict[str, str]:
    """Put both roles' reduced policies and return them by their places."""
    texts = {}
    out = lab.outputs
    for arn, change in ((out.task_role_arn, changes.task_policy), (out.firehose_role_arn, changes.firehose_policy)):
        role = _name(arn)
        for policy, document in _policies(lab, role).items():
            reduced = change(document, incident)
            Opened(lab, NAME).add("policy", role, policy, json.dumps(document))
            with aws_errors("PutRolePolicy"):
                lab.client("iam").put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(reduced))
            texts[f"IAM, {policy}"] = json.dumps(reduced, indent=1)
    return texts


def _policies(lab: Lab, role: str) -> dict[str, dict[str, Any]]:
    iam = lab.client("iam")
    with aws_errors("GetRolePolicy"):
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        return {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}


def _shorten_retention(lab: Lab) -> None:
    group, logs = lab.outputs.httpd_log_group, lab.client("logs")
    with aws_errors("DescribeLogGroups"):
        found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    days = next((str(each.get("retentionInDays", "")) for each in found if each["logGroupName"] == group), None)
    if days is None:  # Fluent Bit has made none yet
        return
    Opened(lab, NAME).add("retention", group, days)
    with aws_errors("PutRetentionPolicy"):
        logs.put_retention_policy(logGroupName=group, retentionInDays=changes.RETENTION_DAYS)


def _facts(lab: Lab, incident: Incident) -> dict[str, str]:
    """Return what proofs name; task and address are those of the task in the incident's zone."""
    found = {"task_role": _name(lab.outputs.task_role_arn), "firehose_role": _name(lab.outputs.firehose_role_arn)}
    running = ecs_service.tasks(lab.client("ecs"), lab.outputs.cluster_name)
    here = running[running["address"].str.startswith(f"10.0.{incident.zone}.")]
    for row in here.head(1).itertuples():
        found |= {"task": str(row.task), "address": str(row.address)}
    return found


def _roles(lab: Lab) -> list[str]:
    out = lab.outputs
    return [_name(arn) for arn in (out.task_role_arn, out.firehose_role_arn, out.execution_role_arn)]


def _tasks(lab: Lab) -> list[str]:
    running = ecs_service.tasks(lab.client("ecs"), lab.outputs.cluster_name)
    return [str(value) for name in ("task", "address") for value in running[name]]


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def messages_since(lab: Lab, stream_prefix: str) -> str:
    """Return the messages of the lab's own group since the changes, of the streams with this prefix."""
    logs, group = lab.client("logs"), lab.outputs.log_group
    try:
        streams = cloudwatch.list_streams(logs, group, stream_prefix)["stream"].tolist()
        found = cloudwatch.read_messages(logs, group, since=since(lab), streams=streams)
    except NotFoundError:
        return ""
    return "\n".join(str(message) for message in found["message"])
