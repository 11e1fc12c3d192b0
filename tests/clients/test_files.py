"""Clients of S3: s3fs, pandas, polars, pyarrow, boto3 with AWS's common runtime, an old boto3."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import boto3
import pandas as pd
import polars as pl
import pytest
import s3fs
from boto3.s3.transfer import TransferConfig
from pyarrow import fs

from tests.clients.conftest import ROOT

pytestmark = pytest.mark.filterwarnings("ignore")


def test_s3fs(bucket: str) -> None:
    """Listing, writing in parts, reading a range, copying, removing."""
    files = s3fs.S3FileSystem()
    assert files.ls(f"{bucket}/raw/2021/11/07/") == [f"{bucket}/raw/2021/11/07/{hour}" for hour in ("09", "10")]
    with files.open(f"{bucket}/s3fs/large", "wb", block_size=5 << 20) as target:
        for part in range(3):
            target.write(bytes([part]) * (5 << 20))
    assert files.info(f"{bucket}/s3fs/large")["size"] == 15 << 20
    assert files.cat_file(f"{bucket}/s3fs/large", start=(5 << 20) - 1, end=(5 << 20) + 1) == b"\0\1"
    files.copy(f"{bucket}/s3fs/large", f"{bucket}/s3fs/copy")
    files.rm(f"{bucket}/s3fs", recursive=True)
    assert not files.exists(f"{bucket}/s3fs/large")


def test_pandas(bucket: str) -> None:
    """`s3://` paths in pandas."""
    found = pd.read_json(f"s3://{bucket}/raw/2021/11/07/09/stream.gz", lines=True, compression="gzip")
    assert found["n"].tolist() == [0, 1, 2]
    found.to_parquet(f"s3://{bucket}/pandas/x.parquet")
    assert pd.read_parquet(f"s3://{bucket}/pandas/x.parquet")["n"].tolist() == [0, 1, 2]


def test_polars(bucket: str, endpoint: str) -> None:
    """Lazy scans with the endpoint given, of one file and of a pattern; writing."""
    options = {
        "aws_endpoint_url": endpoint,
        "aws_region": os.environ["AWS_REGION"],
        "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "aws_allow_http": "true",
    }
    frame = pl.DataFrame({"n": [1, 2, 3], "t": ["a", "b", "c"]})
    frame.write_parquet(f"s3://{bucket}/polars/a.parquet", storage_options=options)
    frame.write_parquet(f"s3://{bucket}/polars/b.parquet", storage_options=options)
    scan = pl.scan_parquet(f"s3://{bucket}/polars/*.parquet", storage_options=options)
    assert scan.filter(pl.col("n") > 1).select(pl.col("n").sum()).collect().item() == 10


def test_pyarrow(bucket: str, endpoint: str) -> None:
    """AWS's C++ SDK below pyarrow."""
    files = fs.S3FileSystem(
        endpoint_override=endpoint.removeprefix("http://"), scheme="http", region=os.environ["AWS_REGION"],
        access_key=os.environ["AWS_ACCESS_KEY_ID"], secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    with files.open_output_stream(f"{bucket}/arrow/x") as target:
        target.write(b"x" * (11 << 20))
    assert files.get_file_info(f"{bucket}/arrow/x").size == 11 << 20


def test_boto3(bucket: str, tmp_path: Path) -> None:
    """Uploads and downloads in parts with checksums."""
    body = os.urandom(20 << 20)
    s3, settings = boto3.client("s3"), TransferConfig(multipart_threshold=8 << 20)
    s3.upload_fileobj(io.BytesIO(body), bucket, "boto3/x", Config=settings, ExtraArgs={"ChecksumAlgorithm": "CRC32"})
    s3.download_file(bucket, "boto3/x", str(tmp_path / "back"), Config=settings)
    assert (tmp_path / "back").read_bytes() == body


def test_the_common_runtime(bucket: str, aws_v1: list[str], tmp_path: Path) -> None:
    """awscrt sends and fetches in parts, by the command line: boto3 itself lets it speak TLS only."""
    (tmp_path / "config").write_text("[default]\ns3 =\n  preferred_transfer_client = crt\n")
    (tmp_path / "out").write_bytes(os.urandom(20 << 20))
    environment = {**os.environ, "AWS_CONFIG_FILE": str(tmp_path / "config")}
    for source, target in (("out", f"s3://{bucket}/crt"), (f"s3://{bucket}/crt", "back")):
        copy = [*aws_v1, "s3", "cp", source, target]
        done = subprocess.run(copy, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "back").read_bytes() == (tmp_path / "out").read_bytes()


OLD = """
import boto3, io
assert boto3.__version__ == "1.26.0"
s3 = boto3.client("s3", endpoint_url={endpoint!r})
s3.upload_fileobj(io.BytesIO(b"x" * (9 << 20)), {bucket!r}, "old/x")
assert s3.head_object(Bucket={bucket!r}, Key="old/x")["ContentLength"] == 9 << 20
link = s3.generate_presigned_url("get_object", Params=dict(Bucket={bucket!r}, Key="old/x"))
import urllib.request
assert len(urllib.request.urlopen(link).read()) == 9 << 20
print(boto3.client("sts", endpoint_url={endpoint!r}).get_caller_identity()["Arn"])
calls = dict(logs="describe_log_groups", ecs="list_clusters", iam="list_roles", elbv2="describe_load_balancers")
for name, call in calls.items():
    getattr(boto3.client(name, endpoint_url={endpoint!r}), call)()
"""


def test_an_old_boto3(bucket: str, endpoint: str) -> None:
    """boto3 of November 2022: transfers, a presigned link, each protocol."""
    python = ROOT / ".venv-clients/old/bin/python"
    if not python.exists():
        pytest.skip("make clients makes .venv-clients/old")
    program = OLD.format(endpoint=endpoint, bucket=bucket)
    done = subprocess.run([python, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert ":user/" in done.stdout
