"""The Terraform files and the image's sources as they are written: the article's names and facts, one style."""

from __future__ import annotations

import json
import os
import re
from dataclasses import fields
from pathlib import Path

import pytest

from lab_helpers.base import process
from lab_helpers.firelens import stock
from lab_helpers.terraform import LabOutputs, find_binary

PROJECT = Path(__file__).parents[2]
SOURCE = PROJECT / "terraform"

ARTICLE = {
    "aws_alb.tf",
    "aws_cloudwatch.tf",
    "aws_ecr.tf",
    "aws_ecs.tf",
    "aws_iam_ecs.tf",
    "aws_iam_kinesis.tf",
    "aws_kinesis.tf",
    "aws_s3_alblog.tf",
    "aws_s3_firelens.tf",
    "aws_sg_alb.tf",
    "aws_sg_ecs.tf",
    "aws_vpc.tf",
    "outputs.tf",
    "provider.tf",
    "version.tf",
}


def text(name: str) -> str:
    return (SOURCE / name).read_text(encoding="utf-8")


def blocks(name: str, kind: str) -> dict[str, str]:
    """Return the top-level blocks of a kind: name -> body."""
    found = re.findall(rf'(?ms)^{kind} "(\w+)" {{\n(.*?)^}}', text(name))
    return dict(found)


def test_the_files_are_the_articles() -> None:
    """Reader and article name the same file; only the variables and the table for Athena are the lab's own."""
    assert {path.name for path in SOURCE.glob("*.tf")} == ARTICLE | {"variables.tf", "aws_athena.tf"}


def test_terraform_finds_nothing_to_format(tmp_path: Path) -> None:
    """`terraform fmt` is the style."""
    env = {"PATH": os.environ["PATH"]}
    binary = find_binary(None, env, tmp_path)
    done = process.run([str(binary.path), "fmt", "-check", "-recursive"], timeout_s=60, env=env, cwd=SOURCE)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(("file", "kind"), [("variables.tf", "variable"), ("outputs.tf", "output")])
def test_variables_and_outputs_are_in_order_and_described(file: str, kind: str) -> None:
    """Alphabetical, each with a sentence."""
    found = blocks(file, kind)
    assert list(found) == sorted(found)
    assert [name for name, body in found.items() if "description = " not in body] == []


def test_every_variable_has_type_and_default() -> None:
    """`terraform apply` without any argument builds the article's lab."""
    for name, body in blocks("variables.tf", "variable").items():
        assert re.search(r"(?m)^  type\s+= ", body), name
        assert re.search(r"(?m)^  default\s+= ", body), name


def test_outputs_and_their_type_agree() -> None:
    """A field without an output, or the other way round, would only fail after an apply."""
    assert list(blocks("outputs.tf", "output")) == [field.name for field in fields(LabOutputs)]


def test_only_the_aws_provider_is_needed() -> None:
    """A provider mirror may hold no other; terraform_data is built in."""
    everything = "\n".join(path.read_text(encoding="utf-8") for path in SOURCE.glob("*.tf"))
    kinds = {kind.split("_")[0] for kind in re.findall(r'(?m)^(?:resource|data) "(\w+)"', everything)}
    assert kinds == {"aws", "terraform"}
    assert re.findall(r'source\s+= "(.*)"', everything) == ["hashicorp/aws"]
    assert "module " not in re.sub(r"(?m)#.*$", "", everything)


def test_no_state_is_kept_among_the_sources() -> None:
    """The backend has no path of its own: the lab gives one, apart for each backend."""
    assert 'backend "local" {}' in text("version.tf")


def containers() -> dict[str, dict[str, object]]:
    values = {
        "imageurl": "repo:latest",
        "httpd_image": "httpd-repo:latest",
        "log_group": "/ecs/firelens",
        "region": "ap-northeast-1",
        "delivery_stream": "stream",
        "httpd_log_group": "/ecs/firelens/httpd",
    }
    template = text("httpd/container_definitions.json")
    assert set(re.findall(r"\$\{(\w+)\}", template)) == values.keys()
    rendered = json.loads(re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], template))
    return {container["name"]: container for container in rendered}


def test_httpd_hands_its_log_to_firelens() -> None:
    """Row A9: essential, port 80, 100 MiB, awsfirelens without options."""
    assert containers()["httpd"] == {
        "essential": True,
        "name": "httpd",
        "image": "httpd-repo:latest",
        "portMappings": [{"protocol": "tcp", "containerPort": 80}],
        "memoryReservation": 100,
        "logConfiguration": {"logDriver": "awsfirelens"},
    }


def test_the_router_reads_its_file_and_logs_to_awslogs() -> None:
    """Row A9: essential, 50 MiB, awslogs with its three options, the configuration file out of the image."""
    router = containers()["log_router"]
    assert (router["essential"], router["image"], router["memoryReservation"]) == (True, "repo:latest", 50)
    assert router["user"] == "0", "ECS keeps it so: without it each plan would replace the task definition"
    assert router["logConfiguration"] == {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": "/ecs/firelens",
            "awslogs-region": "ap-northeast-1",
            "awslogs-stream-prefix": "httpd-sidecar",
        },
    }
    assert router["firelensConfiguration"] == {
        "type": "fluentbit",
        "options": {"config-file-type": "file", "config-file-value": "/fluent-bit/etc/extra.conf"},
    }


def test_every_variable_of_extra_conf_is_set_on_the_router() -> None:
    """An unset one would become an empty text, and Fluent Bit would say so only at the first delivery."""
    used = set(re.findall(r"\$\{(\w+)\}", (PROJECT / "fluentbit" / "extra.conf").read_text(encoding="utf-8")))
    environment = containers()["log_router"]["environment"]
    assert isinstance(environment, list)
    assert used == {entry["name"] for entry in environment}


def test_extra_conf_has_the_articles_two_outputs() -> None:
    """Row B4."""
    conf = (PROJECT / "fluentbit" / "extra.conf").read_text(encoding="utf-8")
    outputs = [dict(re.findall(r"(?m)^    (\w+) +(.+)$", part)) for part in conf.split("[OUTPUT]\n")[1:]]
    assert outputs == [
        {
            "Name": "cloudwatch_logs",
            "Match": "*",
            "region": "${AWS_REGION}",
            "log_group_name": "${HTTPD_LOG_GROUP}",
            "log_stream_prefix": "from-",
            "auto_create_group": "true",
            "log_retention_days": "90",
        },
        {
            "Name": "kinesis_firehose",
            "Match": "*",
            "region": "${AWS_REGION}",
            "delivery_stream": "${DELIVERY_STREAM}",
        },
    ]


def test_the_image_is_the_base_plus_one_file() -> None:
    """Row A7; the Dockerfile's default base is the variable's."""
    instructions = [
        line
        for line in (PROJECT / "fluentbit" / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert instructions == [
        f"ARG BASE_IMAGE={stock.BASE_IMAGE}",
        "FROM ${BASE_IMAGE}",
        "COPY extra.conf /fluent-bit/etc/extra.conf",
    ]
    assert f'"{stock.BASE_IMAGE}"' in blocks("variables.tf", "variable")["fluentbit_base_image"]


def test_the_httpd_image_logs_as_the_article_does() -> None:
    """Row A9: the common format on stdout and the start page of 45 bytes, so that the first lines are the article's."""
    conf = text("httpd/httpd.conf")
    assert r'LogFormat "%h %l %u %t \"%r\" %>s %b" common' in conf
    assert "CustomLog /proc/self/fd/1 common" in conf
    assert len((SOURCE / "httpd" / "htdocs" / "index.html").read_bytes()) == 45
