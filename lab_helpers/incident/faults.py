"""The faults of the incident: what a seed draws, how each is told and proved, and what was changed besides.

Every incident has the same four changes before it (`JOURNAL`). One of them, drawn by the seed, does what the ticket
tells of; the others are real and do no harm to it. Pure: `scene` does it to a lab.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum

from lab_helpers.base.errors import SettingsError

MAX_SEED = 1_000_000
ZONES = (11, 12)
"""Third number of the addresses of the two subnets: one task runs in each."""
EXTRA_CONF, HTTPD_CONF = "fluentbit/extra.conf", "terraform/httpd/httpd.conf"
HERRING_SHARE = 0.5
"""Of the incidents about lines, so many have a slow task besides."""


class Ticket(Enum):
    """What was reported, in the words of those who noticed."""

    LINES = "The evening report counts requests out of the logs. Today it has fewer than were served."
    SHOP = "Customers call since this morning: sometimes the shop works, and sometimes it does not."


@dataclass(frozen=True)
class Cause:
    """One cause that a report may name; `refuted` is what one would see if it were this one."""

    key: str
    title: str
    refuted: str


@dataclass(frozen=True)
class Fault:
    """What is wrong. `key` is its cause's; `mend` the key of what mends it.

    `proofs`: each a group of fragments; a quotation that has all of one group proves the fault. `{names}` in them are
    facts of the lab (`scene`): task_role, firehose_role, task, address. `loses`: whether lines are gone for ever.
    """

    key: str
    ticket: Ticket
    mend: str
    proofs: tuple[tuple[str, ...], ...]
    loses: bool
    story: str


@dataclass(frozen=True)
class Incident:
    """What a seed draws: the fault, the zone of the task that is slow or wrong, and whether one is slow besides."""

    seed: int
    fault: Fault
    zone: int
    has_slow_task: bool

    @property
    def slows_a_task(self) -> bool:
        """Whether a task is slow, as the fault or besides it."""
        return self.has_slow_task or self.fault.key == "slow_task"


JOURNAL = (
    ("httpd", "release 2.4 of the shop: its httpd.conf, deployed"),
    ("log_router", "extra.conf: records carry the release; tidied, deployed"),
    ("IAM", "policies of the task role and of Firehose's role reduced to what is needed"),
    ("CloudWatch Logs", "retention of httpd's log group from 90 to 30 days, to save money"),
)
"""What was changed before the ticket came: where, what."""

CAUSES = (
    Cause(
        "task_role",
        "The task role may not send to Firehose",
        "Then Fluent Bit's own log would have AccessDeniedException. It has none since the changes.",
    ),
    Cause(
        "firehose_role",
        "Firehose's role may not write to the bucket",
        "Then Firehose's error log would have S3.AccessDenied. It has none since the changes.",
    ),
    Cause(
        "match",
        "An output's Match fits no tag",
        "Then not one line would reach that output's destination. Compare Match with the tag of a record.",
    ),
    Cause(
        "filter",
        "A filter of the router drops more than it should",
        "Then some requests would be missing in both destinations, and others in none.",
    ),
    Cause(
        "slow_task",
        "One task answers slowly",
        "A slow answer is logged as any other, and has its status. Does it explain the ticket, and all of it?",
    ),
    Cause(
        "wrong_task",
        "One task answers with errors",
        "Then the errors would all come from one task. Group them by task.",
    ),
    Cause(
        "retention",
        "The log group keeps events too short a time",
        "Events of today are younger than 30 days: no retention has touched them.",
    ),
    Cause(
        "crawler",
        "A crawler or a scanner floods the service",
        "Both come every day. The crawler waits for its own pages only, and the scanner's 404s are logged as well.",
    ),
    Cause(
        "bank",
        "Payments are declined by the bank",
        "Declined cards get a 500 every day, from both tasks.",
    ),
    Cause(
        "group_permission",
        "The router may not write to CloudWatch Logs",
        "Then nothing new would be in httpd's log group. It has lines of the last minute.",
    ),
)

MENDS = (
    ("policy_task", "give the task role its action back (apply)"),
    ("policy_firehose", "let Firehose's role write to the bucket again (apply)"),
    ("match", "correct the output's Match in extra.conf, and deploy"),
    ("filter", "take the filter out of extra.conf, or narrow it, and deploy"),
    ("httpd", "take the change out of httpd.conf, and deploy"),
    ("restart", "start the tasks again"),
    ("memory", "give the router more memory"),
    ("retention", "set the retention back to 90 days"),
    ("block", "block the crawler and the scanner"),
)
"""What can be done: key, sentence. The last four mend none of the faults."""

FAULTS = (
    Fault(
        "task_role",
        Ticket.LINES,
        "policy_task",
        (("accessdenied", "putrecordbatch"), ("{task_role}",), ("firehose:putrecord", "allow")),
        loses=True,
        story="The task role was left with firehose:PutRecord. Fluent Bit calls PutRecordBatch, is denied, tries once "
        "more and drops the chunk. CloudWatch Logs, the other output, has every line.",
    ),
    Fault(
        "firehose_role",
        Ticket.LINES,
        "policy_firehose",
        (("s3.accessdenied",), ("{firehose_role}",), ("-archive",)),
        loses=False,
        story="Firehose's role was left with a bucket that does not exist. Firehose takes every record, cannot "
        "deliver, and keeps them: after the mend they come late, and none is lost.",
    ),
    Fault(
        "match",
        Ticket.LINES,
        "match",
        (("match", "httpd.*"),),
        loses=True,
        story="The tag of a record is httpd-firelens-<task id>. The pattern httpd.* has a dot that no tag has, so the "
        "Firehose output gets nothing, and nothing complains.",
    ),
    Fault(
        "filter",
        Ticket.LINES,
        "filter",
        (("exclude", "log", "checkout"),),
        loses=True,
        story="A filter that was to keep card numbers out of the log drops every line with the word checkout, in both "
        "destinations. Nothing complains.",
    ),
    Fault(
        "slow_task",
        Ticket.SHOP,
        "httpd",
        (("server_addr", "rate-limit"), ("{task}",), ("{address}",)),
        loses=False,
        story="Release 2.4 has a rate for the addresses of one subnet: its task sends products at 5 KiB a second. The "
        "other task is well, so every second visitor complains.",
    ),
    Fault(
        "wrong_task",
        Ticket.SHOP,
        "httpd",
        (("server_addr", "10"), ("r=503",), ("{task}",), ("{address}",)),
        loses=False,
        story="Release 2.4 has a rule for the addresses of one subnet: its task answers /checkout/ with 503. Health "
        "checks ask for /, so the task stays in service.",
    ),
)

PLACES = {
    "task_role": "in IAM",
    "firehose_role": "in IAM",
    "match": "in the router's configuration",
    "filter": "in the router's configuration",
    "slow_task": "in httpd's configuration",
    "wrong_task": "in httpd's configuration",
}
"""Where each fault was made."""


def draw(seed: int) -> Incident:
    """Return the incident of a seed, always the same; raises SettingsError for a seed that is none."""
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= MAX_SEED:
        raise SettingsError("seed", seed, f"a whole number from 0 to {MAX_SEED}")
    rnd = random.Random(seed)
    fault, zone = rnd.choice(FAULTS), rnd.choice(ZONES)
    return Incident(seed, fault, zone, fault.ticket is Ticket.LINES and rnd.random() < HERRING_SHARE)


def cause_of(key: str) -> Cause | None:
    """Return the cause with this key; None when there is none."""
    return next((each for each in CAUSES if each.key == key), None)
