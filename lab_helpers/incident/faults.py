"""The faults of the incident: how each is told, seen and proved, and what was changed besides.

Every incident has the same four changes before it (`JOURNAL`). One fault or two in them, drawn by the seed (`drawn`),
do what the ticket tells of; the rest is real and does no harm to it. Pure: `scene` does it to a lab.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

EXTRA_CONF, HTTPD_CONF = "fluentbit/extra.conf", "terraform/httpd/httpd.conf"


class Ticket(Enum):
    """What was reported, in the words of those who noticed."""

    LINES = "The evening report counts requests out of the logs. Today it has fewer than were served."
    SHOP = "Customers call since this morning: sometimes the shop works, and sometimes it does not."


class Symptom(Enum):
    """What one sees of a fault from outside, by the figures of requests and lines."""

    IN_NEITHER = "lines are in neither destination"
    NOT_IN_S3 = "lines are in CloudWatch Logs and not in S3"
    ERRORS = "requests are answered with an error that they should not get"
    SLOW = "products come slowly"


class Flow(Enum):
    """What flows from the service to S3, as far as a fault can stop it, or is seen by it."""

    CHECKOUT_LINES = "lines of /checkout/ in the log"
    CALLS = "calls of Firehose"
    RECORDS = "records that Firehose has taken"


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
    `needs`: without these flows its trace is not there; `stops`: the flows that nothing behind it sees.
    """

    key: str
    ticket: Ticket
    symptom: Symptom
    mend: str
    proofs: tuple[tuple[str, ...], ...]
    loses: bool
    story: str
    needs: frozenset[Flow] = frozenset()
    stops: frozenset[Flow] = frozenset()


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
        Symptom.NOT_IN_S3,
        "policy_task",
        (("accessdenied", "putrecordbatch"), ("{task_role}",), ("firehose:putrecord", "allow")),
        loses=True,
        story="The task role was left with firehose:PutRecord. Fluent Bit calls PutRecordBatch, is denied, tries once "
        "more and drops the chunk. CloudWatch Logs, the other output, is not touched by it.",
        needs=frozenset({Flow.CALLS}),
        stops=frozenset({Flow.RECORDS}),
    ),
    Fault(
        "firehose_role",
        Ticket.LINES,
        Symptom.NOT_IN_S3,
        "policy_firehose",
        (("s3.accessdenied",), ("{firehose_role}",), ("-archive",)),
        loses=False,
        story="Firehose's role was left with a bucket that does not exist. Firehose takes every record, cannot "
        "deliver, and keeps them: after the mend they come late, and none is lost.",
        needs=frozenset({Flow.RECORDS}),
    ),
    Fault(
        "match",
        Ticket.LINES,
        Symptom.NOT_IN_S3,
        "match",
        (("match", "httpd.*"),),
        loses=True,
        story="The tag of a record is httpd-firelens-<task id>. The pattern httpd.* has a dot that no tag has, so the "
        "Firehose output gets nothing, and nothing complains.",
        stops=frozenset({Flow.CALLS, Flow.RECORDS}),
    ),
    Fault(
        "filter",
        Ticket.LINES,
        Symptom.IN_NEITHER,
        "filter",
        (("exclude", "log", "checkout"),),
        loses=True,
        story="A filter that was to keep card numbers out of the log drops every line with the word checkout, in both "
        "destinations. Nothing complains.",
        stops=frozenset({Flow.CHECKOUT_LINES}),
    ),
    Fault(
        "slow_task",
        Ticket.SHOP,
        Symptom.SLOW,
        "httpd",
        (("server_addr", "rate-limit"), ("{task}",), ("{address}",)),
        loses=False,
        story="Release 2.4 has a rate for the addresses of one subnet: its task sends products at 5 KiB a second. The "
        "other task is well, so every second visitor complains.",
    ),
    Fault(
        "wrong_task",
        Ticket.SHOP,
        Symptom.ERRORS,
        "httpd",
        (("server_addr", "10"), ("r=503",), ("{task}",), ("{address}",)),
        loses=False,
        story="Release 2.4 has a rule for the addresses of one subnet: its task answers /checkout/ with 503. Health "
        "checks ask for /, so the task stays in service.",
        needs=frozenset({Flow.CHECKOUT_LINES}),
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


def cause_of(key: str) -> Cause | None:
    """Return the cause with this key; None when there is none."""
    return next((each for each in CAUSES if each.key == key), None)
