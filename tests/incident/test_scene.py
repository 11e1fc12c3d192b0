"""An incident with two faults in a lab: begun, mended in part or whole, told, and asked of by the notebook's steps."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from lab_helpers import incident
from lab_helpers.base.errors import SettingsError
from lab_helpers.exercises.steps.beside.incident import STEPS, is_over, reports
from lab_helpers.incident import PAIRS, Incident, Report, Truth, changes, draw, scene
from lab_helpers.incident.faults import EXTRA_CONF, HTTPD_CONF, Fault, Ticket
from tests.incident import pipeline

MATCH_AND_FILTER, TASK_ROLE_AND_FILTER, MATCH_AND_WRONG = 1000, 1001, 1002


class Lab:
    """A lab as a mend needs it: files, notes, and what was done."""

    def __init__(self, seed: int, **noted: Any) -> None:
        self.done: list[str] = []
        self.texts = {EXTRA_CONF: pipeline.CONF, HTTPD_CONF: pipeline.HTTPD}
        self.files = SimpleNamespace(
            original=self.texts.copy().get, read=self.texts.__getitem__, write=self.texts.__setitem__
        )
        self.terraform = SimpleNamespace(apply=lambda: self.done.append("apply"))
        note = {"seed": seed, "minutes": 30, "began": datetime.now(UTC).isoformat(), **noted}
        self.notes = SimpleNamespace(has=lambda name: name == scene.NAME, read=lambda *_: note)

    def faults_in_files(self) -> set[str]:
        """Return the faults of files that are there, by what is written."""
        marks = {
            "match": "httpd.*",
            "filter": "Exclude log checkout",
            "wrong_task": "R=503",
            "slow_task": "rate-limit=5",
        }
        return {key for key, mark in marks.items() if any(mark in text for text in self.texts.values())}


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what begins an incident in a lab whose deployments take no time."""

    def make(seed: int) -> Any:
        lab: Any = Lab(seed, faults=len(draw(seed).faults))
        monkeypatch.setattr(scene, "_deploy", lambda lab: lab.done.append("deploy"))
        scene._write_released(lab, draw(seed))
        return lab

    return make


def test_one_of_two_is_mended_alone(begun: Any) -> None:
    """The other stays in its file, the red herring too; the rest is mended after it."""
    lab = begun(MATCH_AND_FILTER)
    assert lab.faults_in_files() == {"match", "filter", "slow_task"}
    assert incident.mend(lab, only="filter") == "filter"
    assert lab.faults_in_files() == {"match", "slow_task"}
    assert incident.mend(lab) == ["match", "filter"]
    assert lab.faults_in_files() == set()
    assert lab.done == ["deploy", "deploy"]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "+".join(each.key for each in pair))
@pytest.mark.parametrize("order", [1, -1])
def test_one_after_the_other_is_mended_whole(begun: Any, pair: tuple[Fault, Fault], order: int) -> None:
    """The second mend does not bring the first fault back, in whatever order."""
    seed = next(seed for seed in range(1000, 1100) if draw(seed).faults == pair)
    lab = begun(seed)
    first, second = pair[::order]
    in_files = {each.key for each in pair if not each.mend.startswith("policy")}
    herring = {"slow_task"} if draw(seed).has_slow_task else set()
    assert lab.faults_in_files() == in_files | herring
    for mended in ({first.key}, {first.key, second.key}):
        only = first.key if len(mended) == 1 else second.key
        incident.mend(lab, only=only)
        assert lab.faults_in_files() == in_files - mended | herring


def test_what_the_trainee_has_mended_stays_mended(begun: Any) -> None:
    """A file that was corrected by hand is not made faulty by the mend of the other fault."""
    lab = begun(MATCH_AND_FILTER)
    lab.texts[EXTRA_CONF] = pipeline.CONF
    incident.mend(lab, only="match")
    assert lab.faults_in_files() == {"slow_task"}


def test_a_policy_is_applied_and_a_file_deployed(begun: Any) -> None:
    """Each fault of two is mended by its own act."""
    lab = begun(TASK_ROLE_AND_FILTER)
    assert incident.mend(lab, only="task_role") == "policy_task"
    assert (lab.done, lab.faults_in_files()) == (["apply"], {"filter"})
    assert incident.mend(lab) == ["policy_task", "filter"]
    assert (lab.done, lab.faults_in_files()) == (["apply", "apply", "deploy"], set())


@pytest.mark.parametrize("only", ["slow_task", "", "match, filter", 1])
def test_a_cause_that_was_not_drawn_cannot_be_mended(begun: Any, only: Any) -> None:
    """The trainer is told which there are, and nothing is done."""
    lab = begun(MATCH_AND_FILTER)
    with pytest.raises(SettingsError, match="match, filter"):
        incident.mend(lab, only=only)
    assert lab.done == []


@pytest.mark.parametrize("faults", [0, 3, "two"])
def test_a_wrong_number_is_refused_before_anything_is_touched(begun: Any, faults: Any) -> None:
    """The incident that is on stays."""
    lab = begun(MATCH_AND_FILTER)
    with pytest.raises(SettingsError, match="1 or 2"):
        incident.begin(lab, 9, faults=faults)
    assert (lab.done, lab.faults_in_files()) == ([], {"match", "filter", "slow_task"})


def test_what_was_noted_is_drawn_again() -> None:
    """With as many faults as were asked for; notes of before know one."""
    lab: Any = Lab(9, faults=2)
    assert incident.current(lab).incident == draw(9, 2)
    old: Any = Lab(MATCH_AND_FILTER)
    assert incident.current(old).incident == draw(MATCH_AND_FILTER, 1)


def test_two_faults_are_reported_by_their_tickets(begun: Any) -> None:
    """Each ticket once, and that there may be more than one reason; one fault has its ticket alone."""
    more = "There may be more than one reason."
    told = {seed: incident.current(begun(seed)).ticket for seed in (9, MATCH_AND_FILTER, MATCH_AND_WRONG)}
    assert told[9] == Ticket.LINES.value
    assert told[MATCH_AND_FILTER] == f"{Ticket.LINES.value} {more}"
    assert told[MATCH_AND_WRONG] == f"{Ticket.LINES.value} {Ticket.SHOP.value} {more}"


def test_where_two_faults_are(begun: Any) -> None:
    """Two places, or one where both are in it."""
    places = [incident.current(begun(seed)).place() for seed in (9, MATCH_AND_FILTER, MATCH_AND_WRONG)]
    router, httpd = "in the router's configuration", "in httpd's configuration"
    assert places == [router, router, (router, httpd)]


def test_the_check_of_the_mend(begun: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One key or a list of them; a mend of one fault does not end it, and what is none is refused unasked."""
    lab = begun(MATCH_AND_WRONG)
    drawn = draw(MATCH_AND_WRONG)
    left = [drawn, Incident(1, drawn.faults[1:], drawn.zone, False), Incident(1, (), drawn.zone, False)]
    monkeypatch.setattr(incident, "look", lambda _: pipeline.run(left[0]).seen())
    for wrong, told in (([], "Name one of"), ([["match"]], "Name one of"), (["match", "restart"], "as open as before")):
        assert told in is_over(lab, wrong).why
    assert "Part of it" not in is_over(lab, ["match", "httpd"]).why
    left.pop(0)
    found = is_over(lab, "match")
    assert (found.is_passed, "Part of it is mended, and not all." in found.why) == (False, True)
    assert "get an error" in found.why
    left.pop(0)
    assert is_over(lab, ["match", "httpd"]).is_passed


def test_the_check_of_the_reports(begun: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two reports pass; one, alone or in a list, is told that it is not all; what is no report is refused."""
    lab, drawn = begun(MATCH_AND_FILTER), draw(MATCH_AND_FILTER)
    sources = {EXTRA_CONF: changes.extra_conf(pipeline.CONF, drawn)}
    truths = tuple(Truth(each, {}, 3, sources, is_alone=False) for each in drawn.faults)
    monkeypatch.setattr(incident, "truths", lambda _: truths)
    match, dropped = Report("match", "Match httpd.*", 3, "match"), Report("filter", "Exclude log checkout", 3, "filter")
    assert reports(lab, [match, dropped]).is_passed
    assert reports(lab, (dropped, match)).is_passed
    for answer in (match, [match]):
        assert "This is not all of it" in reports(lab, answer).why
        assert "filter" not in reports(lab, answer).why
    for answer in ([], [match, "filter"], [match, None]):
        assert "and nothing else" in reports(lab, answer).why  # type: ignore[arg-type]


def test_each_wrong_answer_of_a_run_is_refused_with_two_faults(begun: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lab run --solve incident` can be given a seed with two."""
    lab, drawn = begun(MATCH_AND_FILTER), draw(MATCH_AND_FILTER)
    sources = {EXTRA_CONF: changes.extra_conf(pipeline.CONF, drawn)}
    truths = tuple(Truth(each, {}, 3, sources, is_alone=False) for each in drawn.faults)
    monkeypatch.setattr(incident, "truths", lambda _: truths)
    monkeypatch.setattr(incident.probe, "truths", lambda _: truths)
    monkeypatch.setattr(incident, "look", lambda _: pipeline.run(drawn).seen())
    for step in STEPS:
        for wrong in step.wrong:
            given = wrong.by_lab(lab) if wrong.by_lab else wrong.given(None)
            found = step.check(lab, given)
            assert (found.is_passed, wrong.reason in found.why) == (False, True), (wrong, found)
            assert isinstance(given, step.wants)
    assert reports(lab, incident.reference(lab)).is_passed
