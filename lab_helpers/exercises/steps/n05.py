"""The steps of notebook 05: questions to CloudWatch Logs, and a log format that can answer them."""

from __future__ import annotations

import secrets
from typing import Any

from lab_helpers import insights
from lab_helpers.base.errors import LabError
from lab_helpers.exercises.steps import looks
from lab_helpers.exercises.steps.step import Act, Kind, Step, Verdict, Wrong, not_yet, passed
from lab_helpers.lab import Lab
from lab_helpers.logs.apache import parse_line

HTTPD_CONF = "terraform/httpd/httpd.conf"
COUNT = 'filter log like /" 404 / | stats count(*) as missing'
BY_AGENT = """parse log '* * * [*] "*" * * "*" "*"' as host, ident, user, time, request, status, size, referer, agent
| stats count(*) as requests by agent"""
CHECKER = "ELB-HealthChecker"


def counts_missing_pages(lab: Lab, query: str) -> Verdict:
    """05_1: the query counts the lines that were answered 404; a request with 404 in its id is no such line."""
    looks.line_of_a_request(lab, f"order-404-{secrets.token_hex(2)}")
    try:
        rows = insights.ask(lab, query)
    except LabError as exc:
        return Verdict(False, str(exc))
    if len(rows) != 1 or len(rows[0]) != 1:
        return looks.not_one_number(len(rows), len(rows[0]) if rows else 0, "stats count(*)")
    [found] = rows[0].values()
    [wanted] = insights.ask(lab, COUNT)[0].values()
    if found != wanted:
        text = "The query counts {found} lines; {wanted:,} were answered 404."
        return not_yet(text, found=f"{int(found):,}" if found.isdecimal() else found, wanted=int(wanted))
    text = "The query counts the {wanted:,} lines that were answered 404, and no other."
    return passed(text, wanted=int(wanted))


def prints_combined(lab: Lab, _: Any) -> Verdict:
    """05_2: a line that was printed just now names the client's program."""
    line = looks.line_of_a_request(lab, f"format-{secrets.token_hex(3)}")
    read = parse_line(line)
    if not read.user_agent:
        text = "The tasks print {line}: no user agent in it. Is the header's name right, and does CustomLog name yours?"
        return not_yet(text, line=line)
    return passed("The tasks print the user agent now: {agent}.", agent=read.user_agent)


def counts_by_agent(lab: Lab, query: str) -> Verdict:
    """05_3: one row a user agent, the load balancer's health checker among them."""
    looks.line_of_a_request(lab, f"agent-{secrets.token_hex(3)}")
    least = _lines_by_agent(lab)
    try:
        rows = insights.ask(lab, query)
    except LabError as exc:
        return Verdict(False, str(exc))
    if len(rows) < 2:
        return not_yet("The query gives {count:,} rows; one for each user agent is wanted.", count=len(rows))
    texts = [" ".join(row.values()) for row in rows]
    if not any(CHECKER in text for text in texts):
        return not_yet("No row names the load balancer's health checker. Which field holds the user agent?")
    if not all(any(value.isdigit() for value in row.values()) for row in rows):
        return not_yet("The rows have no number: count the lines of each user agent.")
    return _other_counts(_named(rows), least, _lines_by_agent(lab)) or passed(
        "{count:,} user agents, the load balancer's health checker among them.", count=len(least)
    )


def _lines_by_agent(lab: Lab) -> dict[str, int]:
    return {agent: int(count) for agent, count in _named(insights.ask(lab, BY_AGENT)).items()}


def _named(rows: list[dict[str, str]]) -> dict[str, str]:
    """Return the number of each row by its text; the row of older lines, which name no agent, is left out."""
    found = {}
    for row in rows:
        texts = [value.strip('" ') for value in row.values() if not value.isdigit()]
        if texts:
            found[" ".join(texts)] = next((value for value in row.values() if value.isdigit()), "")
    return found


def _other_counts(found: dict[str, str], least: dict[str, int], most: dict[str, int]) -> Verdict | None:
    """Return why a query's rows are not the agents' counts before and after it; health checks come all the time."""
    other = next((text for text in found if text not in most), None)
    if other is not None:
        return not_yet("{text} is no user agent: count by this one field.", text=other)
    for agent, count in least.items():
        if not found.get(agent, "").isdigit():
            return not_yet("No row has the user agent {agent}.", agent=agent)
        if not count <= int(found[agent]) <= most[agent]:
            text = "The query counts {found} lines of {agent}; there are {wanted:,}."
            return not_yet(text, found=found[agent], agent=agent, wanted=most[agent])
    return None


STEPS: tuple[Step, ...] = (
    Step(
        "05_1",
        "Count the lines that were answered 404, and only those, with a Logs Insights query.",
        5,
        counts_missing_pages,
        kind=Kind.QUERY,
        wrong=(
            Wrong("filter log like /404/ | stats count(*)", "were answered 404"),
            Wrong("fields log | limit 5", "5 rows"),
            Wrong("stats cnt(*)", "refuses the query"),
        ),
        hints=(
            "A query is a chain: filter …, then | stats count(*) as missing.",
            "The line is in the field `log`: filter log like /…/.",
            '`404` alone could be part of an id. In the line it stands between a quotation mark and a blank: /" 404 /.',
        ),
    ),
    Step(
        id="05_2",
        title="Let httpd print the combined log format, and deploy its image.",
        minutes=6,
        files=(HTTPD_CONF,),
        act=Act.DEPLOY,
        check=prints_combined,
        wrong=(
            Wrong(lambda conf: conf.replace("LogFormat", "LogFromat", 1), "LogFromat"),
            Wrong(lambda conf: conf.replace("CustomLog", "CustomLogs", 1), "CustomLogs"),
        ),
        hints=(
            "Two more fields, each in escaped quotation marks: %{Referer}i and %{User-Agent}i.",
            "The format has a name, its last word; CustomLog says which one is printed.",
        ),
    ),
    Step(
        "05_3",
        "Count the requests of each user agent with a Logs Insights query.",
        5,
        counts_by_agent,
        kind=Kind.QUERY,
        wrong=(
            Wrong("stats count(*) by log_stream_of_nobody", "one for each user agent is wanted"),
            Wrong("stats count(*) by ecs_task_arn", "health checker"),
            Wrong("stats count(*) by log", "is no user agent"),
            Wrong("fields log | filter log like /ELB-HealthChecker/ or log like /by hand/", "no number"),
        ),
        hints=(
            "parse log '…*…' as name, …: each * is one field; what is between stands there as it is.",
            'The line ends with "referer" "user agent": parse log \'* "*" "*"\' as begin, referer, agent.',
            "Then | stats count(*) by agent.",
        ),
    ),
)
