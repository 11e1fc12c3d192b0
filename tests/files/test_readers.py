"""A file is read by whoever will use it before it is kept, and refused with that reader's words."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab_helpers.base.config import PROJECT, inherited
from lab_helpers.base.errors import FileRefusedError
from lab_helpers.files import Readers, WorkingCopy
from lab_helpers.files.readers import with_change
from lab_helpers.files.router_check import RouterCheck

CONF = (PROJECT / "fluentbit/extra.conf").read_text()
TRUST = '{"Statement": {"Effect": "Allow", "Principal": {"Service": 1}, "Action": "sts:AssumeRole"}}'
KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "ap-northeast-1"}
VARIABLES = {"HTTPD_LOG_GROUP": "/ecs/x", "DELIVERY_STREAM": "y"}


@pytest.fixture
def copy(tmp_path: Path) -> WorkingCopy:
    """A working copy of the project itself."""
    made = WorkingCopy(tmp_path / "work")
    made.freshen()
    return made


@pytest.fixture
def readers(copy: WorkingCopy) -> Readers:
    """The built-in router, and a Terraform that says what it was asked."""
    router = RouterCheck([sys.executable, "-m", "lab_helpers.router"], {**inherited(), **KEYS, **VARIABLES})
    return Readers(
        lambda name, text: with_change(copy, name, text, lambda folder: router.words(folder, name)),
        lambda name, text: "" if "{" in text else f"terraform was asked about {name}",
    )


def test_the_files_as_they_are_pass(readers: Readers, copy: WorkingCopy) -> None:
    """What the project ships is taken by its readers."""
    for name in copy.files():
        readers.check(name, copy.read(name))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("fluentbit/extra.conf", CONF.replace("log_group_name", "log_grp"), "unknown configuration property 'log_grp'"),
        ("fluentbit/extra.conf", CONF.replace("kinesis_firehose", "kinesis_firehos"), "kinesis_firehos"),
        ("fluentbit/extra.conf", "[FILTER\n", "error in fluentbit/extra.conf:1:"),
        ("fluentbit/extra.conf", "hello\n", "error in fluentbit/extra.conf:1:"),
        ("fluentbit/extra.conf", CONF + "[FILTER\n", f"error in fluentbit/extra.conf:{len(CONF.splitlines()) + 1}:"),
        ("fluentbit/parsers.conf", "[PARSER]\n    Name x\n    Format jsn\n", "jsn"),
        ("fluentbit/extra.conf", "\n", "empty"),
        ("fluentbit/Dockerfile", "FORM x\n", "unknown instruction FORM"),
        ("terraform/aws_ecs.tf", "resource\n", "terraform was asked about terraform/aws_ecs.tf"),
        ("terraform/httpd/x.json", "[1,\n", "no JSON"),
        ("terraform/policies/x.json", '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}', "Action"),
        ("terraform/policies/x.json", TRUST, "has Service 1"),
    ],
)
def test_a_reader_refuses_with_its_words(readers: Readers, name: str, text: str, words: str) -> None:
    """One sentence: which file, and what its reader says."""
    with pytest.raises(FileRefusedError) as told:
        readers.check(name, text)
    assert str(told.value).startswith(f"{name} is not saved: ")
    assert words in str(told.value)


def test_a_parsers_file_and_its_use_are_read_together(readers: Readers, copy: WorkingCopy) -> None:
    """The image's path of a file beside is found in the working copy."""
    parsers = "[PARSER]\n    Name apache\n    Format regex\n    Regex ^(?<host>[^ ]*)\n"
    readers.check("fluentbit/parsers.conf", parsers)
    copy.write("fluentbit/parsers.conf", parsers)
    use = "[SERVICE]\n    Parsers_File /fluent-bit/etc/parsers.conf\n"
    use += "[FILTER]\n    Name parser\n    Match *\n    Key_Name log\n    Parser apache\n"
    readers.check("fluentbit/extra.conf", use + CONF)
