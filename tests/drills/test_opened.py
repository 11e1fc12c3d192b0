"""What a drill made is written down first, undone by anybody, and told when it cannot be undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers import drills, teardown
from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.errors import LabError, NotYetError
from lab_helpers.drills import Drill, case
from lab_helpers.opened import Opened, open_drills, undo_all
from tests.drills.lab_kit import make_lab


def test_a_later_kernel_undoes_what_an_earlier_one_left(backend: LocalBackend, home: Path) -> None:
    """The notes are enough: the drill's object is not needed."""
    logs = backend.client("logs")
    logs.create_log_group(logGroupName="/left/behind")
    Opened(make_lab(backend, home, "killed"), "match_nothing").add("log group", "/left/behind")
    later = make_lab(backend, home, "killed")
    assert undo_all(later) == ["match_nothing"]
    assert open_drills(later) == []
    assert logs.describe_log_groups(logGroupNamePrefix="/left/")["logGroups"] == []


def test_teardown_undoes_open_drills_first(backend: LocalBackend, home: Path) -> None:
    """A drill's task would hold the cluster that Terraform is about to destroy."""
    lab = make_lab(backend, home, "torn-down")
    backend.client("logs").create_log_group(logGroupName="/left/for/teardown")
    Opened(lab, "match_nothing").add("log group", "/left/for/teardown")
    first = teardown.tear_down(lab)[0]
    assert (first.what, first.error) == ("undo match_nothing", "")
    assert open_drills(lab) == []


def test_what_was_never_made_is_undone_without_a_word(backend: LocalBackend, home: Path) -> None:
    """A kernel may die between the note and the call."""
    opened = Opened(make_lab(backend, home, "never-made"), "x")
    for kind, *name in (
        ["role", "no-such-role"],
        ["delivery stream", "no-such-stream"],
        ["data stream", "no-such-stream"],
        ["log streams", "/no/such/group", "p"],
        ["task", "t-cluster", "arn:aws:ecs:ap-northeast-1:123456789012:task/t-cluster/" + "0" * 32],
        ["service", "t-cluster", "no-such-service"],
        ["image", "t-ecr", "no-such-tag"],
        ["task definition", "no-such-family"],
    ):
        opened.add(kind, *name)
    opened.close()
    assert opened.things() == []


def test_what_was_there_before_comes_back(backend: LocalBackend, home: Path) -> None:
    """A file of the working copy, a role's policy, and a log group's retention, with days and without."""
    lab = make_lab(backend, home, "changed")
    logs, iam = backend.client("logs"), backend.client("iam")
    opened, before = Opened(lab, "incident"), lab.files.read("fluentbit/extra.conf")
    policy = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'
    trust = policy.replace("s3:GetObject", "sts:AssumeRole").replace('"Resource": "*"', '"Principal": {"AWS": "*"}')
    iam.create_role(RoleName="changed", AssumeRolePolicyDocument=trust)
    opened.add("file", "fluentbit/extra.conf", before)
    opened.add("policy", "changed", "p", policy)
    for group, days in (("/kept/90", "90"), ("/kept/for-ever", "")):
        logs.create_log_group(logGroupName=group)
        logs.put_retention_policy(logGroupName=group, retentionInDays=30)
        opened.add("retention", group, days)
    lab.files.write("fluentbit/extra.conf", "# changed\n")
    opened.close()
    found = {each["logGroupName"]: each.get("retentionInDays") for each in logs.describe_log_groups()["logGroups"]}
    assert (found["/kept/90"], found["/kept/for-ever"]) == (90, None)
    assert lab.files.read("fluentbit/extra.conf") == before
    document = iam.get_role_policy(RoleName="changed", PolicyName="p")["PolicyDocument"]
    assert document["Statement"][0]["Action"] == "s3:GetObject"


def test_what_cannot_be_deleted_stays_written_down(backend: LocalBackend, home: Path) -> None:
    """An error keeps the thing in the notes, so that the next attempt finds it."""
    opened = Opened(make_lab(backend, home, "stuck"), "x")
    opened.add("log group", "")
    with pytest.raises(LabError):
        opened.close()
    assert opened.things() == [["log group", ""]]


def test_a_symptom_before_its_injection_names_what_to_do(backend: LocalBackend, home: Path) -> None:
    """A cell that is run too early says which one is missing."""
    with pytest.raises(NotYetError, match="inject"):
        drills.match_nothing(make_lab(backend, home, "early")).symptom()


@pytest.mark.parametrize("kind", drills.CATALOGUE, ids=lambda kind: kind.name)
def test_every_story_is_complete(kind: type[Drill]) -> None:
    """Each drill says its symptom, where to look, cause, fix, proof and source, short enough for a table."""
    story = kind.story
    parts = [story.symptom, story.where_to_look, story.cause, story.fix, story.proof, story.source]
    assert all(10 < len(part) < 400 for part in parts)
    assert story.right in story.reasons
    assert len(story.reasons) >= 3
    assert all(10 < len(reason) < 200 for reason in story.reasons.values())
    assert kind.__doc__


def test_names_are_unique() -> None:
    """A drill's name is its key in the notes and the name of its things in AWS."""
    names = [kind.name for kind in drills.CATALOGUE]
    assert len(set(names)) == len(names) >= 12
    assert all(getattr(drills, kind.name) is kind for kind in drills.CATALOGUE)


@pytest.mark.parametrize("kind", [each for each in drills.CATALOGUE if each.mendable], ids=lambda kind: kind.name)
def test_the_mend_is_a_change_of_the_broken_files(kind: type[Drill]) -> None:
    """Each mendable file is there, broken and mended; something differs, and the file that is broken has no hint."""
    broken, mended = case.broken(kind.name, kind.mendable), case.mended(kind.name, kind.mendable)
    assert list(broken) == list(mended) == list(kind.mendable)
    assert broken != mended
    assert not [text for text in broken.values() if text.lstrip().startswith("#")]


def test_a_container_file_says_only_what_may_be_changed() -> None:
    """The drill's image, command and roles are not the trainee's; no list is told in a sentence."""
    with pytest.raises(LabError, match="app has `command`; known here: essential"):
        case.members({case.CONTAINERS: '[{"name": "app", "command": ["true"]}]'}, "app")
    with pytest.raises(LabError, match="no list of containers"):
        case.members({case.CONTAINERS: '{"app": 1}'}, "app")
    assert case.members({case.CONTAINERS: '[{"name": "app", "stopTimeout": 3}]'}, "app")["stopTimeout"] == 3
