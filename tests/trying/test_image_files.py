"""Where given files go: into the image, or into S3 for the init image."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers.base.errors import TaskDefinitionError
from lab_helpers.firelens.stock import BASE_IMAGE
from lab_helpers.trying.image_files import FromS3, from_s3, gather, text_of

OURS = {
    "image": "ours:1",
    "firelensConfiguration": {
        "type": "fluentbit",
        "options": {"config-file-type": "file", "config-file-value": "/etc/fb/extra.conf"},
    },
}


def test_files_of_the_init_image_are_known_by_the_ends_of_their_keys(tmp_path: Path) -> None:
    """In the order of the variables; what no variable names belongs into the image."""
    given = [tmp_path / name for name in ("extra.conf", "filter.conf", "output.conf")]
    for path in given:
        path.write_text("")
    environment = [
        {"name": "aws_fluent_bit_init_s3_10", "value": "arn:aws:s3:::ours/router/output.conf"},
        {"name": "aws_fluent_bit_init_s3_2", "value": "arn:aws:s3:::ours/filter.conf"},
        {"name": "aws_fluent_bit_init_file_1", "value": "/extra.conf"},
    ]
    expected = [FromS3(given[1], "ours", "filter.conf"), FromS3(given[2], "ours", "router/output.conf")]
    assert from_s3(given, {"environment": environment}) == expected


def test_what_lies_in_s3_has_to_be_given(tmp_path: Path) -> None:
    """For the agent, and for the init image; nobody can know what is in it."""
    options = {"config-file-type": "s3", "config-file-value": "arn:aws:s3:::ours/extra.conf"}
    router = {"image": BASE_IMAGE, "firelensConfiguration": {"type": "fluentbit", "options": options}}
    with pytest.raises(TaskDefinitionError, match=r"in S3 \(arn:aws:s3:::ours/extra\.conf\), and it was not given"):
        gather([], router, tmp_path / "image")
    environment = [{"name": "aws_fluent_bit_init_s3_1", "value": "arn:aws:s3:::ours/extra.conf"}]
    with pytest.raises(TaskDefinitionError, match=r"init_s3_1 names arn:aws:s3:::ours/extra\.conf, and no such file"):
        from_s3([], {"environment": environment, "image": "public.ecr.aws/aws-observability/aws-for-fluent-bit:init-3"})
    assert from_s3([], {"environment": environment, "image": BASE_IMAGE}) == []


@pytest.mark.parametrize("content", [b"\xff\xfe[\x00", b"\xef\xbb\xbf[OUTPUT]\n"])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    """And one with a byte order mark: Fluent Bit would read another word."""
    (tmp_path / "extra.conf").write_bytes(content)
    with pytest.raises(TaskDefinitionError, match=r"extra\.conf"):
        text_of(tmp_path / "extra.conf")


def test_a_file_lies_where_another_names_it(tmp_path: Path) -> None:
    """By the end of the path, where that is one file's; one that two could be lies in the folder of the main file."""
    named = "[SERVICE]\n  Parsers_File /opt/p.conf\n@INCLUDE /opt/twice.conf\n# Parsers_File /opt/passwd\n"
    texts = {"extra.conf": named, "p.conf": "", "passwd": "", "a/twice.conf": "", "b/twice.conf": ""}
    (tmp_path / "given/a").mkdir(parents=True)
    (tmp_path / "given/b").mkdir()
    for name, text in texts.items():
        (tmp_path / "given" / name).write_text(text)
    found = gather([tmp_path / "given"], OURS, tmp_path / "image")
    assert [place for place in found.given.places if place.startswith("/opt/")] == ["/opt/p.conf"]
    assert found.notes == ("p.conf lies at /opt/p.conf in the image: the configuration names it there.",)


def test_a_file_lies_where_yaml_names_it(tmp_path: Path) -> None:
    """A service's files, and included ones."""
    named = "service:\n  parsers_file: /opt/p.conf\nincludes:\n  - /opt/more.yaml\n"
    for name, text in {"main.yaml": named, "p.conf": "", "more.yaml": "pipeline: {}\n"}.items():
        (tmp_path / name).write_text(text)
    given = [tmp_path / name for name in ("main.yaml", "p.conf", "more.yaml")]
    found = gather(given, OURS, tmp_path / "image")
    assert {place for place in found.given.places if place.startswith("/opt/")} == {"/opt/p.conf", "/opt/more.yaml"}


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    """The second would silently take the place of the first."""
    (tmp_path / "b").mkdir()
    given = [tmp_path / "extra.conf", tmp_path / "b/extra.conf"]
    for path in given:
        path.write_text("")
    with pytest.raises(TaskDefinitionError, match=r"two of the given files would be extra\.conf in the image"):
        gather(given, OURS, tmp_path / "image")


@pytest.mark.parametrize(
    ("image", "is_built"),
    [
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com/mirror/aws-for-fluent-bit:2.32", True),
        ("906394416424.dkr.ecr.eu-west-1.amazonaws.com/aws-for-fluent-bit:stable", False),
        (BASE_IMAGE, False),
    ],
)
def test_a_copy_of_awss_image_in_a_registry_of_ones_own_is_taken_for_it(
    tmp_path: Path, image: str, is_built: bool
) -> None:
    """Nobody can pull it here; by its name it is AWS's, and a note says what was taken for it."""
    router = {"image": image, "firelensConfiguration": {"type": "fluentbit"}}
    made = gather([], router, tmp_path / "image")
    assert (made.folder is not None) == is_built
    if is_built:
        assert (tmp_path / "image" / "Dockerfile").read_text() == f"FROM {BASE_IMAGE}\n"
        assert made.notes[0].startswith(f"{image} is in a registry of your own, and was taken for a copy of AWS's")


def test_fargate_takes_no_configuration_from_s3(tmp_path: Path) -> None:
    """Given or not: on AWS such a task is registered and does not start, and EC2 takes it."""
    options = {"config-file-type": "s3", "config-file-value": "arn:aws:s3:::ours/extra.conf"}
    router = {"image": BASE_IMAGE, "firelensConfiguration": {"type": "fluentbit", "options": options}}
    (tmp_path / "extra.conf").write_text("[OUTPUT]\n    Name null\n    Match *\n")
    with pytest.raises(TaskDefinitionError, match="Fargate would not start it"):
        gather([tmp_path / "extra.conf"], router, tmp_path / "image", is_fargate=True)
    assert gather([tmp_path / "extra.conf"], router, tmp_path / "image").folder is not None
