"""Who will read a file is asked before it is kept: the router, Terraform, IAM, the image builder.

Each gives its own words; an empty answer means that it takes the text.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab_helpers.base.errors import FileRefusedError, LabError
from lab_helpers.base.messages import say
from lab_helpers.files.working_copy import WorkingCopy
from lab_helpers.httpd import config as httpd_config
from lab_helpers.iam import policy
from lab_helpers.images.dockerfile import parse_dockerfile

HTTPD_CONF = "terraform/httpd/httpd.conf"
Words = Callable[[str, str], str]
"""Called with a file's name and text; returns what its reader says against it, empty for nothing."""


@dataclass(frozen=True)
class Readers:
    """The readers of one working copy. `router` and `terraform` run programs; the rest is read here."""

    router: Words
    terraform: Words

    def check(self, name: str, text: str) -> None:
        """Raise FileRefusedError with its reader's words when a file could not be used."""
        said = self.words(name, text)
        if said:
            raise FileRefusedError(name, said)

    def words(self, name: str, text: str) -> str:
        """Return what the reader of this file says against the text; empty when it takes it."""
        if not text.strip():
            return say("it would be empty")
        if "\0" in text:
            return say("it holds a character that no text has")
        if name.startswith("fluentbit/") and name.endswith((".conf", ".yaml", ".yml")):
            return self.router(name, text)
        if name.endswith(".tf"):
            return self.terraform(name, text)
        if name == HTTPD_CONF:
            return _httpd_words(text)
        if name.endswith(".json"):
            return _json_words(text)
        if name.rpartition("/")[2].startswith("Dockerfile"):
            return _dockerfile_words(name, text)
        return ""


def _httpd_words(text: str) -> str:
    try:
        httpd_config.parse(text)
    except httpd_config.ConfigError as exc:
        return str(exc)
    return ""


def _json_words(text: str) -> str:
    try:
        found = json.loads(text)
    except ValueError as exc:
        return say("it is no JSON: {words}", words=exc)
    if not isinstance(found, dict) or "Statement" not in found:
        return ""
    try:
        policy.parse(text, _kind(found["Statement"]))
    except LabError as exc:
        return str(exc)
    return ""


def _kind(statements: object) -> policy.PolicyKind:
    """Return what a policy is for, by its elements: only one of a role's trust has a principal and no resource."""
    for each in statements if isinstance(statements, list) else [statements]:
        if isinstance(each, dict) and ("Principal" in each or "NotPrincipal" in each):
            has_resource = "Resource" in each or "NotResource" in each
            return policy.PolicyKind.RESOURCE if has_resource else policy.PolicyKind.TRUST
    return policy.PolicyKind.IDENTITY


def _dockerfile_words(name: str, text: str) -> str:
    try:
        parse_dockerfile(text, name)
    except LabError as exc:
        return str(exc)
    return ""


def with_change(copy: WorkingCopy, name: str, text: str, look: Callable[[Path], str]) -> str:
    """Return what `look` says of a copy of the working copy with one file changed; the copy is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="lab-check-") as folder:
        changed = WorkingCopy(Path(folder).resolve(), copy.source)
        copy.snapshot(changed.folder)
        changed.write(name, text)
        return look(changed.folder)
