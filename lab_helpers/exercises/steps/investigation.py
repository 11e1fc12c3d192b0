"""Judges of the investigation in notebook 07: a trainee's groupings against what is known of each visitor."""

from __future__ import annotations

import secrets
from typing import Any

from lab_helpers import sql
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import LabError
from lab_helpers.base.lazy import pd
from lab_helpers.exercises.steps import looks
from lab_helpers.exercises.steps.step import Verdict, not_yet, passed
from lab_helpers.lab import Lab
from lab_helpers.logs.apache import parse_line

PAYMENT = "/checkout/thanks.html"
DAY_S = 24 * 60 * 60
SLOW_MS = 300.0
NO_SHARE = "A share lies between 0 and 1; it is not in per cent."
"""Also said of what is no number at all (nan), which is neither too large nor too small."""
NEARLY = 1e-6
"""Two shares that differ by less are one: a single request of a day changes a share by 0.0005."""


def prints_time_and_client(lab: Lab, _: Any) -> Verdict:
    """07_1: a line that was printed just now says how long the answer took, and for whom it was."""
    line = looks.line_of_a_request(lab, f"timed-{secrets.token_hex(3)}")
    read = parse_line(line)
    if read.user_agent is None:
        return not_yet("The tasks print {line}: the user agent is not in it.", line=line)
    if read.duration_ms is None:
        return not_yet("The tasks print {line}: there is no time in it.", line=line)
    if read.duration_ms == 0:
        return not_yet("The tasks print {line}: a time of 0. Wanted are microseconds; no answer takes none.", line=line)
    if read.client is None:
        return not_yet("The tasks print {line}: the time is in it, the visitor's address is not.", line=line)
    return passed(
        "A request of {client} took {ms:.1f} ms: the line says both.", client=read.client, ms=read.duration_ms
    )


def shares_errors(lab: Lab, answer: float) -> Verdict:
    """07_2: the share of errors among the visitors' requests."""
    status = _truth(lab)["status"]
    share = float((status >= 400).mean())
    if not 0 <= answer <= 1:
        return not_yet(NO_SHARE)
    if abs(answer - float((status >= 500).mean())) < NEARLY:
        return not_yet("That is the share of 5xx. A 4xx is an error, too.")
    if answer < share - NEARLY:
        return not_yet("{answer:.3%} is too small: are health checks among the requests?", answer=answer)
    if answer > share + NEARLY:
        return not_yet("{answer:.3%} is too large: is a 3xx an error?", answer=answer)
    return passed("{share:.2%} of {count:,} requests: as many as were sent to fail.", share=share, count=len(status))


def shares_errors_of_a_day(lab: Lab, answer: float) -> Verdict:
    """07_3: the same share with a day of health checks in it, as AWS says how often they come."""
    status, checks = _truth(lab)["status"], _checks_a_day(lab)
    errors = int((status >= 400).sum())
    share = errors / (len(status) + checks)
    if not 0 <= answer <= 1:
        return not_yet(NO_SHARE)
    if abs(answer - errors / len(status)) < NEARLY:
        return not_yet("That is the share without health checks.")
    if abs(answer - share) > 0.02 * share:
        text = "{answer:.3%} is not it: how many seconds has a day, and how many health checks come every ten?"
        return not_yet(text, answer=answer)
    return passed(
        "{errors} errors among {lines:,} lines, {checks:,} of them health checks: {share:.2%}.",
        errors=errors,
        lines=len(status) + checks,
        checks=checks,
        share=share,
    )


def p95_by_path(lab: Lab, answer: pd.Series) -> Verdict:
    """07_4: the 95th percentile of each path's durations, out of the lines that the notebook has read."""
    visits = lab.notes.frame("visits", "The visitors' lines", "07")
    durations = visits[~visits["is_health_check"]].groupby("path")["duration_ms"]
    wanted = durations.quantile(0.95)
    wrong = _other_index(answer, wanted)
    if wrong:
        return wrong
    if _same(answer, durations.mean()):
        return not_yet("These are means. One slow answer in three hides in a mean; ask for a quantile.")
    if not _same(answer, wanted):
        return not_yet("The numbers are not the 95th percentiles of duration_ms.")
    slowest = str(wanted.idxmax())
    return passed("{path} is slowest: one answer in twenty takes {ms:.0f} ms.", path=slowest, ms=wanted.max())


def slow_by_client(lab: Lab, answer: pd.Series) -> Verdict:
    """07_5: how many slow answers each client got, out of the lines that the notebook has read."""
    truth, visits = _truth(lab), lab.notes.frame("visits", "The visitors' lines", "07")
    is_slow = ~visits["is_health_check"] & visits["duration_ms"].gt(SLOW_MS)
    wanted = visits[is_slow].groupby("client").size()
    if not isinstance(answer, pd.Series) or answer.empty:
        return not_yet("A Series with one row for each client is wanted.")
    counts = pd.to_numeric(answer, errors="coerce").fillna(-1.0)
    counts = counts[counts.ne(0.0)]  # value_counts names each client of the day, those without a slow answer by 0
    if not set(wanted.index) <= set(counts.index.astype(str)):
        return not_yet("Some who waited are not in it. Its index is the client.")
    most = str(counts.idxmax())
    if most != wanted.idxmax():
        return not_yet("{client} has the most requests here, but not the most slow ones.", client=most)
    if len(counts) > truth["client"].nunique() / 2:
        return not_yet("{count:,} clients: were all their answers slow?", count=len(counts))
    if len(counts) > len(wanted) or not _same(counts, wanted):
        text = "{client} is right, the numbers are not: count the answers of more than {limit:.0f} ms."
        return not_yet(text, client=most, limit=SLOW_MS)
    text = "{client} got {count:,} of {all:,} slow answers: {agent}."
    agent = str(truth.loc[truth["client"] == most, "user_agent"].iloc[0])
    return passed(text, client=most, count=int(wanted.max()), all=int(wanted.sum()), agent=agent)


def durations_of_the_slow(lab: Lab) -> pd.Series:
    """Return a wrong answer to 07_5: the milliseconds of each client, not the number of answers."""
    visits = lab.notes.frame("visits", "The visitors' lines", "07")
    is_slow = ~visits["is_health_check"] & visits["duration_ms"].gt(SLOW_MS)
    return visits[is_slow].groupby("client")["duration_ms"].sum()


def paths_of_the_scanner(lab: Lab, answer: pd.Series) -> Verdict:
    """07_6: what the scanner has asked for, and how often."""
    truth = _truth(lab)
    wanted = truth[truth["kind"] == "scanner"].groupby("path").size()
    if isinstance(answer, pd.Series) and "/favicon.ico" in answer.index:
        return not_yet("/favicon.ico is what browsers ask for by themselves. Take the lines of one client.")
    wrong = _other_index(answer, wanted)
    if wrong:
        return wrong
    if not _same(answer, wanted):
        return not_yet("The paths are right, the counts are not.")
    text = "{paths:,} paths, {requests:,} requests, no page of this shop."
    return passed(text, paths=len(wanted), requests=wanted.sum())


def failed_payments_by_phone(lab: Lab, answer: pd.Series) -> Verdict:
    """07_7: the share of failed payments, on phones and elsewhere."""
    truth = _truth(lab)
    paid = truth[truth["path"] == PAYMENT]
    wanted = (paid["status"] == 500).groupby(paid["user_agent"].str.contains("Mobile")).mean()
    if not isinstance(answer, pd.Series) or len(answer) != len(wanted):
        return not_yet("A Series with two rows is wanted: phones, and the others.")
    labelled = answer.set_axis([_is_phones(label) for label in answer.index])
    if labelled.index.nunique() != len(wanted):
        labels = ", ".join(map(str, answer.index))
        return not_yet("Which of the rows is that of the phones? They are called {labels}.", labels=labels)
    if not _same(labelled, wanted):
        return not_yet("The shares are not right. Take the requests for {path} only.", path=PAYMENT)
    text = "Of the payments on phones {phones:.0%} fail, of the others {others:.0%}."
    return passed(text, phones=float(wanted[True]), others=float(wanted[False]))


def statuses_in_sql(lab: Lab, answer: str) -> Verdict:
    """07_8: Athena is asked; it counts each status as often as it was sent."""
    truth = _truth(lab)
    wanted = truth.loc[truth["query"].str.contains("id="), "status"].value_counts().sort_index()
    try:
        rows = sql.ask(lab, answer)
    except LabError as exc:
        return not_yet("Athena refuses the query: {reason}", reason=str(exc))
    if len(rows.columns) != 2:
        return not_yet("Two columns are wanted: the status, and how many.")
    if len(rows) != len(wanted):
        return not_yet("The answer has {count:,} rows; each status is one.", count=len(rows))
    counts = {(str(status), str(count)) for status, count in wanted.items()}
    pairs = [(str(one), str(other)) for one, other in rows.itertuples(index=False)]
    if counts not in (set(pairs), {(other, one) for one, other in pairs}):
        return not_yet("The counts are not those of this day: is it this run's id, and only its lines?")
    text = "{count:,} lines in {statuses} statuses, as they were sent; {scanned:,} bytes were read."
    scanned = rows.attrs["scanned_bytes"]
    return passed(text, count=int(wanted.sum()), statuses=len(wanted), scanned=scanned)


def _truth(lab: Lab) -> pd.DataFrame:
    return lab.notes.frame("visitors-truth", "The day of visitors", "07")


def _checks_a_day(lab: Lab) -> int:
    """Return how many health checks come in a day: each node of the load balancer checks each task."""
    client, out = lab.client("elbv2"), lab.outputs
    with aws_errors("DescribeTargetGroups"):
        group = client.describe_target_groups(TargetGroupArns=[out.target_group_arn])["TargetGroups"][0]
        zones = client.describe_load_balancers(LoadBalancerArns=[out.alb_arn])["LoadBalancers"][0]["AvailabilityZones"]
    service = {"cluster": out.cluster_name, "services": [out.service_name]}
    with aws_errors("DescribeServices"):
        tasks = lab.client("ecs").describe_services(**service)["services"][0]["desiredCount"]
    return int(len(zones) * tasks * DAY_S / group["HealthCheckIntervalSeconds"])


def _other_index(answer: Any, wanted: pd.Series) -> Verdict | None:
    if not isinstance(answer, pd.Series):
        return not_yet("A Series is wanted: groupby(…), one column, one figure.")
    missing = set(wanted.index) - set(answer.index.astype(str))
    if missing:
        return not_yet("{count:,} paths are missing. Its index is the path.", count=len(missing))
    if len(answer) > len(wanted):
        return not_yet("{count:,} rows are too many: whose requests are they?", count=len(answer))
    return None


def _is_phones(label: Any) -> bool:
    """Whether a row is that of the phones: called so, or by the condition's True."""
    text = str(label).lower()
    return text == "true" or any(word in text for word in ("mobile", "phone", "スマ", "携帯"))


def _same(one: pd.Series, other: pd.Series) -> bool:
    """Whether two Series over the same index have the same numbers, in any order."""
    numbers = {str(name): float(value) for name, value in pd.to_numeric(one, errors="coerce").items()}
    return all(abs(numbers.get(str(name), -1.0) - float(value)) < NEARLY for name, value in other.items())
