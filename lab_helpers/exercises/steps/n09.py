"""The steps of notebook 09: what is not worth its money is dropped, what nobody may read is masked, errors go apart."""

from __future__ import annotations

import secrets
from collections import Counter
from typing import Any

from lab_helpers.base.clients import aws_errors
from lab_helpers.exercises.router_trial import arrivals, filtered
from lab_helpers.exercises.steps import looks
from lab_helpers.exercises.steps.step import Act, Step, Verdict, Wrong, not_yet, passed
from lab_helpers.lab import Lab
from lab_helpers.logs.apache import parse_line
from lab_helpers.playground import Sample

EXTRA_CONF = "fluentbit/extra.conf"
CHECKER, SECRET, KEPT_DAYS, BELOW = "ELB-HealthChecker/", "s3cret", 7, "/errors"
_AT = "10.0.11.203 - - [22/Nov/2026:10:59:08 +0000]"
CHECK = f'{_AT} "GET / HTTP/1.1" 200 45 "-" "ELB-HealthChecker/2.0"'
PEOPLE = (
    f'{_AT} "GET / HTTP/1.1" 200 45 "-" "Mozilla/5.0 (X11; Linux x86_64)"',
    f'{_AT} "GET /?q=ELB-HealthChecker/2.0 HTTP/1.1" 200 45 "-" "Mozilla/5.0 (X11; Linux x86_64)"',
)
TOKENS = (
    f'{_AT} "GET /?token={SECRET}&id=77 HTTP/1.1" 200 45 "-" "curl/8.0"',
    f'{_AT} "GET /?id=77&token={SECRET} HTTP/1.1" 200 45 "-" "curl/8.0"',
    f'{_AT} "GET /?id=77 HTTP/1.1" 200 45 "http://shop.example/?token={SECRET}" "curl/8.0"',
)
ERRORS = (
    f'{_AT} "GET /missing?id=1 HTTP/1.1" 404 196 "-" "curl/8.0"',
    f'{_AT} "GET /pay?id=2 HTTP/1.1" 503 299 "-" "curl/8.0"',
)
STDERR = "[Sun Nov 22 10:59:08.1 2026] [core:error] [pid 8:tid 9] AH00037: Symbolic link not allowed"
GOOD = (
    f'{_AT} "GET /?id=404 HTTP/1.1" 200 45 "-" "curl/8.0"',
    f'{_AT} "GET /?id=5 HTTP/1.1" 200 503 "-" "curl/8.0"',
)


def tried_filters(text: str) -> Verdict:
    """09_1 by the router: a health check is dropped, people stay, a token is masked and nothing around it."""
    lines = [str(record.get("log")) for record in filtered(text, (CHECK, *PEOPLE, *TOKENS))]
    lost = [line for line in PEOPLE if line not in lines]
    if lost:
        return not_yet("Your filters drop or change a person's line: {line}", line=lost[0])
    if any(line.endswith('"ELB-HealthChecker/2.0"') for line in lines):
        return not_yet("A health check comes out of your filters: {line}", line=CHECK)
    told = [line for line in lines if SECRET in line]
    if told:
        return not_yet("The token still stands in this line: {line}", line=told[0])
    changed = [line for line in TOKENS if not any(_stays(line, each) for each in lines)]
    if changed:
        return not_yet("More than the token is gone, or changed, in this line: {line}", line=changed[0])
    return passed("The router drops the health check alone, and masks the token alone.")


def _stays(line: str, masked: str) -> bool:
    """Whether all around the token of a line is still there: a referer's quotation mark, the id, the user agent."""
    before, after = line.split(SECRET)
    return len(masked) >= len(before) + len(after) and masked.startswith(before) and masked.endswith(after)


def runs_filters(lab: Lab, _: Any) -> Verdict:
    """09_1 by the running tasks: what they sent since they began, and two visits."""
    mark, secret = f"visit-{secrets.token_hex(3)}", f"{SECRET}-{secrets.token_hex(3)}"
    line = str(looks.record_of_a_visit(lab, f"?token={secret}&id={mark}", mark)["log"])
    if secret in line:
        return not_yet("The tasks still send the token: {line}. Deploy your file.", line=line)
    if not parse_line(line).user_agent:
        return not_yet("httpd prints no user agent: {line}. Run the cell with httpd.conf, and deploy.", line=line)
    home = f"home-{secrets.token_hex(3)}"
    looks.record_of_a_visit(lab, "", home, agent=f"Mozilla/5.0 ({home})")
    checks = [each for each in looks.messages_of_running_tasks(lab) if CHECKER in each]
    if checks:
        return not_yet("{count:,} lines of health checks came from the tasks that run now.", count=len(checks))
    why = "No health check came from these tasks. A visitor's `GET /` did, and a token arrived as {line}"
    return passed(why, line=line)


def tried_routes(text: str) -> Verdict:
    """09_2 by the router: errors arrive in CloudWatch Logs, everything at Firehose, nothing twice."""
    stderr = Sample({"source": "stderr", "log": STDERR, "container_name": "httpd"})
    lines = [Sample({"source": "stdout", "log": line, "container_name": "httpd"}) for line in (*ERRORS, *GOOD)]
    arrived = arrivals(text, (*lines, stderr))
    logs = Counter(str(each.record.get("log")) for each in arrived if "cloudwatch" in each.output)
    s3 = Counter(str(each.record.get("log")) for each in arrived if "firehose" in each.output)
    for line in GOOD:
        if logs[line]:
            return not_yet("CloudWatch Logs still gets this line: {line}", line=line)
    for line in (*ERRORS, STDERR):
        if logs[line] != 1:
            return not_yet("CloudWatch Logs gets this line {count} times: {line}", count=logs[line], line=line)
    for line in (*ERRORS, *GOOD, STDERR):
        if s3[line] != 1:
            return not_yet("Firehose gets this line {count} times: {line}", count=s3[line], line=line)
    return passed("Of the sample lines, CloudWatch Logs gets the errors, Firehose gets each line once.")


def runs_routes(lab: Lab, _: Any) -> Verdict:
    """09_2 by the running tasks: a page that is missing arrives in the second group, which forgets after a week."""
    mark = f"missing-{secrets.token_hex(3)}"
    record = looks.record_of_a_visit(lab, f"missing?id={mark}", mark, below=BELOW)
    group = lab.outputs.httpd_log_group + BELOW
    with aws_errors("DescribeLogGroups"):
        found = lab.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    days = next((each.get("retentionInDays") for each in found if each["logGroupName"] == group), None)
    if days != KEPT_DAYS:
        return not_yet("{group} is there; retentionInDays is {days}, wanted are 7.", group=group, days=days)
    why = "A 404 arrived in {group}, which keeps it for {days} days: {line}"
    return passed(why, group=group, days=days, line=record["log"])


STEPS: tuple[Step, ...] = (
    Step(
        id="09_1",
        title="Drop the load balancer's health checks and no other line, and mask tokens in addresses.",
        minutes=10,
        files=(EXTRA_CONF,),
        act=Act.DEPLOY,
        trial=tried_filters,
        check=runs_filters,
        wrong=(
            Wrong(lambda conf: conf.replace('log "ELB-HealthChecker/[0-9.]+"$', 'log "GET / HTTP/1.1" 200'), "person"),
            Wrong(lambda conf: conf.replace('"ELB-HealthChecker/[0-9.]+"$', "ELB-HealthChecker"), "person"),
            Wrong(lambda conf: conf.replace("HealthChecker/[", "HealthCheck/["), "A health check comes out"),
            Wrong(lambda conf: conf.replace("[?&]token", "%?token"), "still stands"),
            Wrong(lambda conf: conf.replace('[^& \\"]+', ".+"), "More than the token"),
            Wrong(lambda conf: conf.replace('[^& \\"]+', "[^& ]+"), "More than the token"),
            Wrong(lambda conf: conf.replace("Exclude  log", "Exclud  log"), "unknown configuration property"),
        ),
        hints=(
            "grep's Exclude takes a key and an expression. A line of the checks ends with the user agent: use $.",
            "The filter lua calls a function of tag, time and record; `return 2, time, record` takes what it changed.",
            'string.gsub(text, "(token=)[^& ]+", "%1***") keeps the part in parentheses. A referer ends with a ".',
        ),
    ),
    Step(
        id="09_2",
        title="Send errors to a second log group that keeps them for 7 days, and every line to S3, once.",
        minutes=10,
        files=(EXTRA_CONF,),
        act=Act.DEPLOY,
        trial=tried_routes,
        check=runs_routes,
        wrong=(
            Wrong(
                lambda conf: conf.replace("Match              errors.*", "Match              *"), "still gets this line"
            ),
            Wrong(lambda conf: conf.replace("Match              httpd-*", "Match              *"), "2 times"),
            Wrong(lambda conf: conf.replace("$TAG true", "$TAG false"), "0 times"),
            Wrong(lambda conf: conf.replace("HTTP/[0-9.]+.\\s(404|5[0-9][0-9])\\s", "404|503"), "still gets this line"),
        ),
        hints=(
            "rewrite_tag: Rule KEY EXPRESSION NEW_TAG KEEP. $log is the line, $source is stdout or stderr.",
            "KEEP true: the record goes on under its old tag, a copy under the new one. Match decides who takes which.",
            "cloudwatch_logs with Match errors.* takes the copies, kinesis_firehose with Match httpd-* the originals.",
        ),
    ),
)
