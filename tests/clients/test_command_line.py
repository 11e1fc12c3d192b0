"""Programs: the aws command line (1 and 2), awslogs, skopeo."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest

from tests.clients.conftest import DATABASE

pytestmark = pytest.mark.filterwarnings("ignore")


def _v2() -> list[str] | None:
    """The second version's command: AWS_CLI_V2, else an `aws` on PATH that says so."""
    command = os.environ.get("AWS_CLI_V2", "").split() or ([found] if (found := shutil.which("aws")) else [])
    if not command:
        return None
    said = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60)
    return command if said.stdout.startswith("aws-cli/2") else None


@pytest.fixture(params=["1", "2"])
def aws(request: pytest.FixtureRequest) -> list[str]:
    command = request.getfixturevalue("aws_v1") if request.param == "1" else _v2()
    if command is None:
        pytest.skip("no aws command line of version 2 (AWS_CLI_V2=command)")
    return command


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def test_files(aws: list[str], bucket: str, tmp_path: Path) -> None:
    """s3 cp, sync, ls, presign and rm, one of them in parts."""
    (tmp_path / "small").write_text("hello")
    (tmp_path / "large").write_bytes(b"x" * (17 << 20))
    place = f"s3://{bucket}/cli{len(aws)}/"
    _run(*aws, "s3", "sync", str(tmp_path), place)
    listed = _run(*aws, "s3", "ls", place)
    assert [line.split()[2:] for line in listed.splitlines()] == [[str(17 << 20), "large"], ["5", "small"]]
    assert _run(*aws, "s3", "cp", f"{place}small", "-") == "hello"
    assert "Signature" in _run(*aws, "s3", "presign", f"{place}small")
    _run(*aws, "s3", "rm", place, "--recursive")


def test_questions(aws: list[str], bucket: str) -> None:
    """Each protocol: query, JSON, EC2, REST; filters of the client; Athena with its waiter's polling."""
    assert json.loads(_run(*aws, "sts", "get-caller-identity"))["Arn"].startswith("arn:aws:iam::")
    assert _run(*aws, "ec2", "describe-regions", "--query", "length(Regions)").strip() != "0"
    assert "clusterArns" in _run(*aws, "ecs", "list-clusters")
    output = f"OutputLocation=s3://{bucket}/cli-athena/"
    ask = [*aws, "athena", "start-query-execution", "--query-string", "SELECT count(*) FROM logs"]
    place = ["--query-execution-context", f"Database={DATABASE}", "--result-configuration", output]
    started = json.loads(_run(*ask, *place))
    for _ in range(60):
        asked = _run(*aws, "athena", "get-query-execution", "--query-execution-id", started["QueryExecutionId"])
        if json.loads(asked)["QueryExecution"]["Status"]["State"] == "SUCCEEDED":
            break
    rows = json.loads(_run(*aws, "athena", "get-query-results", "--query-execution-id", started["QueryExecutionId"]))
    assert [row["Data"][0]["VarCharValue"] for row in rows["ResultSet"]["Rows"]] == ["_col0", "5"]


def test_logs(aws: list[str], aws_v1: list[str], bucket: str) -> None:
    """`aws logs tail` (version 2 has it), and awslogs: groups, streams, get with a filter."""
    assert bucket
    group, logs = f"/cli/{len(aws)}", boto3.client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    now = int(time.time() * 1000)
    lines = [{"timestamp": now + number, "message": f"line {number}"} for number in range(3)]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=lines)
    if aws != aws_v1:
        assert _run(*aws, "logs", "tail", group, "--format", "short").count("line ") == 3
    awslogs = str(Path(sys.executable).with_name("awslogs"))
    endpoint = ("--aws-endpoint-url", os.environ["AWS_ENDPOINT_URL"])
    assert group in _run(awslogs, "groups", *endpoint)
    found = _run(awslogs, "get", group, "ALL", "-s10m", "--filter-pattern", '"line 1"', "--color=never", *endpoint)
    assert "line 1" in found
    assert "line 2" not in found
    logs.delete_log_group(logGroupName=group)


def test_skopeo(endpoint: str, tmp_path: Path) -> None:
    """A registry client logs in with ECR's token, pushes and reads back."""
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not installed")
    ecr = boto3.client("ecr")
    repository = ecr.create_repository(repositoryName="clients/skopeo")["repository"]["repositoryUri"]
    token = base64.b64decode(ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]).decode()
    layout = _layout(tmp_path / "image")
    common = ["--insecure-policy"]
    assert endpoint
    _run(
        "skopeo",
        *common,
        "copy",
        "--dest-tls-verify=false",
        "--dest-creds",
        token,
        f"oci:{layout}:x",
        f"docker://{repository}:x",
    )
    told = json.loads(
        _run("skopeo", *common, "inspect", "--tls-verify=false", "--creds", token, f"docker://{repository}:x")
    )
    assert told["RepoTags"] == ["x"]


def _layout(folder: Path) -> Path:
    """An image of one small layer, as an OCI layout."""
    import hashlib
    import io
    import tarfile

    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def kept(content: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}

    with io.BytesIO() as target:
        with tarfile.open(fileobj=target, mode="w") as tar:
            tar.addfile(tarfile.TarInfo("empty"))
        layer = kept(target.getvalue(), "layer.v1.tar")
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    }
    described = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}
    manifest = {**described, "config": kept(json.dumps(config).encode(), "config.v1+json"), "layers": [layer]}
    entry = kept(json.dumps(manifest).encode(), "manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "x"}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder
