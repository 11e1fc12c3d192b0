"""A local AWS with a table of logs, for clients of others: they have an environment of their own (`make clients`).

Nothing here imports the lab: its Python runs the server (`LAB_PYTHON`), and the clients see what `lab env` prints.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
REGION, BUCKET, DATABASE = "ap-northeast-1", "analysts-logs", "logs_db"
LINES = [
    {"source": "stdout", "log": f"GET /index.html {status}", "n": number}
    for number, status in enumerate([200, 200, 404, 200, 500])
]
HOURS = {"2021/11/07/09": LINES[:3], "2021/11/07/10": LINES[3:]}
COLUMNS = {"source": "string", "log": "string", "n": "int"}
READY_S = 180
_WANTED = ("awswrangler", "pyathena", "s3fs", "polars")

collect_ignore_glob = [] if all(importlib.util.find_spec(name) for name in _WANTED) else ["test_*.py"]


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A local AWS in a process of its own, and the environment by which clients find it."""
    folder = tmp_path_factory.mktemp("aws")
    python = os.environ.get("LAB_PYTHON", str(ROOT / ".venv/bin/python"))
    command = [python, "-m", "lab_helpers.local_aws", "--data-dir", str(folder), "--port", "0"]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        state = _state(folder, server)
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                patch.delenv(name)
            for name, value in _environment(state).items():
                patch.setenv(name, value)
            yield _environment(state)["AWS_ENDPOINT_URL"]
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="session")
def aws_v1() -> list[str]:
    """The command line of PyPI's awscli."""
    return [str(Path(sys.executable).with_name("aws"))]


@pytest.fixture(scope="session")
def bucket(endpoint: str) -> str:
    """A bucket with two hours of logs, and a table over them in the catalogue."""
    import boto3

    assert endpoint == os.environ["AWS_ENDPOINT_URL"]
    s3, glue = boto3.client("s3"), boto3.client("glue")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for hour, lines in HOURS.items():
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        s3.put_object(Bucket=BUCKET, Key=f"raw/{hour}/stream.gz", Body=gzip.compress(body))
    glue.create_database(DatabaseInput={"Name": DATABASE})
    glue.create_table(DatabaseName=DATABASE, TableInput=_table())
    return BUCKET


def _state(folder: Path, server: subprocess.Popen[bytes]) -> dict[str, Any]:
    until = time.monotonic() + READY_S
    while time.monotonic() < until and server.poll() is None:
        if (folder / "server.json").exists():
            return dict(json.loads((folder / "server.json").read_text()))
        time.sleep(0.1)
    pytest.fail(f"the local AWS did not start: {(folder / 'server.log').read_text()}")


def _environment(state: dict[str, Any]) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": state["endpoint_url"],
        "AWS_ACCESS_KEY_ID": state["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": state["secret_access_key"],
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _table() -> dict[str, Any]:
    return {
        "Name": "logs",
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": "datehour", "Type": "string"}],
        "StorageDescriptor": {
            "Columns": [
                {"Name": "source", "Type": "string"},
                {"Name": "log", "Type": "string"},
                {"Name": "n", "Type": "int"},
            ],
            "Location": f"s3://{BUCKET}/raw/",
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe", "Parameters": {}},
        },
        "Parameters": {
            "projection.enabled": "true",
            "projection.datehour.type": "date",
            "projection.datehour.format": "yyyy/MM/dd/HH",
            "projection.datehour.range": "2021/01/01/00,NOW",
            "storage.location.template": f"s3://{BUCKET}/raw/${{datehour}}/",
        },
    }
