"""What IAM says of a policy document, a name or a path that it refuses: a fixed few sentences.

The lab's own words are for `lab iam`.
Source: texts of MalformedPolicyDocument in public issue threads and in moto's tests, which were collected from AWS;
for names and paths the ValidationError texts in such threads.
"""

from __future__ import annotations

import re

from lab_helpers.iam.policy import PolicyError, PolicyKind

SYNTAX = "Syntax errors in policy."
_SENTENCES = {
    "has neither Resource": "Policy statement must contain resources.",
    "has neither Action": "Policy statement must contain actions.",
    "must not name a principal": "Policy document should not specify a principal.",
    "has the prohibited field Resource": "Has prohibited field Resource",
    "is used twice": "Statement IDs (SID) in a single policy must be unique.",
}
_WRONG_SIGNS = re.compile(r"at '(\w*[nN]ame|\w*[pP]ath)' failed .* Member must satisfy regular expression pattern")
_NAME = "contain only alphanumeric characters and/or the following: +=,.@_-"
_PATH = "begin and end with / and contain only alphanumeric characters and/or / characters."
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


def iam_name_text(problem: str) -> str:
    """Return IAM's own sentence for a name or path with wrong signs in it; empty for any other problem.

    `problem` is in the words that AWS's services have in common.
    """
    found = _WRONG_SIGNS.search(problem)
    if found is None:
        return ""
    name = found[1]
    allowed = _PATH if name.lower().endswith("path") else _NAME
    return f"The specified value for {name} is invalid. It must {allowed}"


def _of_action(action: str) -> str:
    if ":" in action:
        return "Actions/Condition can contain only one colon."
    return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
