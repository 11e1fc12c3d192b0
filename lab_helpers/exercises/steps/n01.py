"""The steps of notebook 01: filters and outputs, judged by the log router on sample records."""

from __future__ import annotations

from lab_helpers import playground
from lab_helpers.exercises.steps.step import Kind, Step, Verdict, Wrong, not_yet, passed
from lab_helpers.lab import Lab

ORDER = '10.0.11.203 - - [22/Nov/2026:10:59:07 +0000] "GET /orders HTTP/1.1" 200 45'
ORDER_404 = '10.0.11.203 - - [22/Nov/2026:10:59:08 +0000] "GET /orders/404 HTTP/1.1" 200 45'
MISSING = '10.0.12.221 - - [22/Nov/2026:10:59:09 +0000] "GET /missing HTTP/1.1" 404 196'
ICON = '10.0.12.221 - - [22/Nov/2026:10:59:10 +0000] "GET /favicon.ico HTTP/1.1" 404 196'

BROKEN = r"""[FILTER]
    Name     record_modifer
    Match    *
    Record   team shop
[FILTER]
    Name     grep
    Match    httpd
    Exclude  log /favicon\.ico
[OUTPUT]
    Name     kinesis_firehose
    Match    *
    region   ap-northeast-1
    stream   orders
"""
"""What the notebook shows before step 01_2: three sections, each broken in a way of its own."""


def keeps_missing_pages(lab: Lab, answer: str) -> Verdict:
    """01_1: the router lets the lines of pages that are not there through, and no other."""
    played = _played(lab, answer, ORDER, ORDER_404, MISSING)
    if played.refused:
        return _refused(played)
    if not played.filters:
        return not_yet("There is no [FILTER] section in your text.")
    order, order_404, missing = (bool(played.of(number)) for number in range(3))
    if not missing:
        return not_yet("The line of the missing page does not come out. Quotation marks and blanks count.")
    if order or order_404:
        line = ORDER_404 if order_404 else ORDER
        return not_yet("A line of a page that was found comes out, too: {line}", line=line)
    return passed("Of three sample lines only that of the missing page comes out.")


def three_mended(lab: Lab, answer: str) -> Verdict:
    """01_2: the router starts, adds `team`, drops the icon's line, and sends the rest to the delivery stream."""
    played = _played(lab, answer, ORDER, ICON)
    if played.refused:
        return _refused(played)
    names = [section.name for section in (*played.filters, *played.outputs)]
    if sorted(names) != ["grep", "kinesis_firehose", "record_modifier"]:
        return not_yet("Three sections are wanted, mended and none left out; there are: {names}.", names=names)
    if played.outputs[0].values.get("delivery_stream") != "orders":
        return not_yet("The router starts, but the delivery stream is not `orders`.")
    orders = [each for each in played.of(0) if each.output == "OUTPUT kinesis_firehose"]
    if not orders:
        return not_yet("The router starts, but the line of GET /orders reaches no output.")
    if orders[0].record.get("team") != "shop":
        return not_yet("The router starts, but the record of GET /orders has no `team`.")
    if played.of(1):
        return not_yet("The router starts, but the line of /favicon.ico still comes out. What is the record's tag?")
    return passed("The router starts, adds `team`, drops the icon, and Firehose gets the rest.")


def _played(lab: Lab, text: str, *lines: str) -> playground.Played:
    return playground.play(text, playground.samples_of(lines), lab.router_check, lab.files)


def _refused(played: playground.Played) -> Verdict:
    words = [line for line in played.log.splitlines() if "error]" in line or "did you mean" in line]
    return not_yet("The router does not start: {words}", words=" ".join(words) or played.log)


STEPS: tuple[Step, ...] = (
    Step(
        "01_1",
        "Write a filter that keeps the lines that httpd answered with 404, and drops all others.",
        4,
        keeps_missing_pages,
        wrong=(
            Wrong("[FILTER]\n    Name grep\n    Match *\n    Regex log 404", "a page that was found"),
            Wrong("[FILTER]\n    Name grep\n    Match *\n    Exclude log 404", "does not come out"),
            Wrong("[FILTER]\n    Name grep\n    Match httpd\n    Regex log \\s404\\s", "a page that was found"),
            Wrong("[FILTER]\n    Name grip\n    Match *", "does not start"),
        ),
        kind=Kind.ANSWER,
        hints=(
            "A [FILTER] with Name grep, Match and one line: Regex log PATTERN.",
            "In the line the status stands between a quotation mark with a blank and another blank.",
            "The pattern goes to the end of its line: a quotation mark in it belongs to it. \\s is a blank.",
        ),
    ),
    Step(
        "01_2",
        "Mend the three sections, so that the router starts and does what they are meant to do.",
        6,
        three_mended,
        wrong=(
            Wrong(BROKEN, "record_modifer"),
            Wrong(BROKEN.replace("modifer", "modifier"), "unknown configuration property 'stream'"),
            Wrong(
                BROKEN.replace("modifer", "modifier").replace("    stream ", "    delivery_stream "),
                "still comes out",
            ),
            Wrong(
                "[OUTPUT]\n    Name kinesis_firehose\n    Match *\n    region ap-northeast-1\n"
                "    delivery_stream orders\n",
                "none left out",
            ),
        ),
        kind=Kind.MEND,
        hints=(
            "The router reports one fault at a time: mend it, and ask again.",
            "Two sections have a wrong word; the router names those that it knows.",
            "The third section starts and does nothing. The tag is httpd-firelens-<task id>: does its Match take it?",
        ),
    ),
)
