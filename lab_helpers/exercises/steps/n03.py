"""The steps of notebook 03: a configuration on its way to a task."""

from __future__ import annotations

from typing import Any

from lab_helpers.exercises.router_trial import filtered
from lab_helpers.exercises.steps import looks
from lab_helpers.exercises.steps.step import Act, Step, Verdict, Wrong, not_yet, passed
from lab_helpers.lab import Lab

EXTRA_CONF = "fluentbit/extra.conf"
_LINE = '10.0.11.203 - - [22/Nov/2026:10:59:08 +0000] "GET /?id=1 HTTP/1.1" 200 45'


def tried_team(text: str) -> Verdict:
    """03_2 by the router: a sample record comes out with `team`, and with all that it had."""
    records = filtered(text, [_LINE])
    if not records:
        return not_yet("The router drops a sample record: a filter that adds has to let everything through.")
    if "team" not in records[0]:
        return not_yet("A sample record comes out of your filters without the key `team`.")
    if records[0].get("log") != _LINE:
        return not_yet("A sample record loses its `log`: add a key, and keep the others.")
    return passed("The router adds `team` to a sample record.")


def runs_team(lab: Lab, _: Any) -> Verdict:
    """03_2 by the running tasks: the record of a request has `team`."""
    record = looks.record_of_a_request(lab)
    if "team" not in record:
        return not_yet("The file is right, but the tasks still run the image of before: deploy.")
    why = "A record that arrived just now has team={team!r}: new tasks run the image with your file."
    return passed(why, team=record["team"])


STEPS = (
    Step(
        id="03_2",
        title="Let every record carry the key `team`, with your team's name as its value.",
        minutes=6,
        files=(EXTRA_CONF,),
        act=Act.DEPLOY,
        trial=tried_team,
        check=runs_team,
        wrong=(
            Wrong(lambda conf: conf.replace("Record", "Recrd", 1), "unknown configuration property 'recrd'"),
            Wrong(lambda conf: conf.replace("Match  *\n", "Match  httpd\n", 1), "without the key `team`"),
            Wrong(lambda conf: conf.replace("record_modifier", "grep", 1), "'record'"),
        ),
        hints=(
            "A [FILTER] section goes before the outputs. Which filter of this notebook's generated file adds keys?",
            "record_modifier: its option is `Record KEY VALUE`, and Match says which records it takes.",
            "The tag is httpd-firelens-<task id>; Match * takes every tag. Then lab.deploy().",
        ),
    ),
)
