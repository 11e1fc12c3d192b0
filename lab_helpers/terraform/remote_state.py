"""Terraform's state in an S3 bucket, so that a run that dies on one machine can be taken up on another.

Which backend a configuration has is written in it and cannot be a variable. So the lab's configuration is copied into
the data folder, with an override file that replaces its local backend; the project's own files stay as they are.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

OVERRIDE = "backend_override.tf"
_TEXT = 'terraform {\n  backend "s3" {}\n}\n'
_IGNORED = shutil.ignore_patterns(".*", "*.tfstate*", OVERRIDE)


@dataclass(frozen=True)
class S3State:
    """Where the state of one lab is. `is_emulated`: the bucket is on an endpoint that wants paths, not host names."""

    bucket: str
    prefix: str
    region: str
    is_emulated: bool = False

    def backend_config(self) -> dict[str, str]:
        """Return the settings of Terraform's S3 backend. A lock file beside the state keeps two runs apart."""
        emulated = {"use_path_style": "true", "skip_s3_checksum": "true"} if self.is_emulated else {}
        return {
            "bucket": self.bucket,
            "key": f"{self.prefix}/{self.region}/terraform.tfstate",
            "region": self.region,
            "encrypt": "true",
            "use_lockfile": "true",
            **emulated,
        }


def with_s3_backend(source_dir: Path, data_dir: Path) -> Path:
    """Copy the configuration and the image's folder beside it into `data_dir`; return the copy with the S3 backend."""
    copy = data_dir / "source"
    for folder in (source_dir, source_dir.parent / "fluentbit"):
        if folder.is_dir():
            shutil.copytree(folder, copy / folder.name, dirs_exist_ok=True, ignore=_IGNORED)
    (copy / source_dir.name / OVERRIDE).write_text(_TEXT, encoding="utf-8")
    return copy / source_dir.name
