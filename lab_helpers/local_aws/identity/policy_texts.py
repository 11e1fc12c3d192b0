"""What IAM says of a policy document that it refuses: a fixed few sentences. The lab's own words are for `lab iam`.

Source: texts of MalformedPolicyDocument in public issue threads and in moto's tests, which were collected from AWS.
"""

from __future__ import annotations

from lab_helpers.iam.policy import PolicyError, PolicyKind

SYNTAX = "Syntax errors in policy."
_SENTENCES = {
    "has neither Resource": "Policy statement must contain resources.",
    "has neither Action": "Policy statement must contain actions.",
    "must not name a principal": "Policy document should not specify a principal.",
    "has the prohibited field Resource": "Has prohibited field Resource",
    "is used twice": "Statement IDs (SID) in a single policy must be unique.",
}
ONLY_STS = "AssumeRole policy may only specify STS AssumeRole actions."


def iam_text(error: PolicyError, kind: PolicyKind) -> str:
    """Return IAM's sentence for a document that cannot be understood."""
    problem = error.problem
    if problem.startswith("is not JSON"):
        return "This policy contains invalid Json" if kind is PolicyKind.TRUST else SYNTAX
    if "must be '*' or service:operation" in problem:
        return _of_action(problem.split("'")[1] if "'" in problem else problem)
    told = next((text for words, text in _SENTENCES.items() if words in problem), "")
    if not told and kind is PolicyKind.TRUST and "Missing required field" in error.s3_message:
        return error.s3_message
    return told or SYNTAX


def _of_action(action: str) -> str:
    if ":" in action:
        return "Actions/Condition can contain only one colon."
    return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
