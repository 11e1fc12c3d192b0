"""AWS managed policies as data."""

from __future__ import annotations

from lab_helpers.iam import managed
from lab_helpers.iam.policy import parse


def test_every_document_parses() -> None:
    """All documents are valid identity-based policies."""
    for arn in managed.arns():
        document = managed.document(arn)
        assert document is not None
        assert parse(document).statements


def test_an_unknown_arn_has_no_document() -> None:
    """Customer managed policies and policies that the lab does not need are not made up."""
    assert managed.document("arn:aws:iam::aws:policy/PowerUserAccess") is None
    assert managed.document("AdministratorAccess") is None
    assert managed.document("arn:aws:iam::123456789012:policy/AdministratorAccess") is None


def test_a_document_may_be_changed_by_its_caller() -> None:
    """Each call answers a copy of its own."""
    first = managed.document(managed.arns()[0])
    assert first is not None
    first["Statement"][0]["Action"].append("iam:*")
    again = managed.document(managed.arns()[0])
    assert again is not None
    assert "iam:*" not in again["Statement"][0]["Action"]
