"""Do the principals exist that a bucket policy or trust policy names? AWS refuses a policy that names nobody.

Source: "AWS JSON policy elements: Principal" of the IAM User Guide; the refusals of IAM and S3 ("Invalid principal in
policy").
Not modelled: other accounts (their users and roles are taken to exist), which services and identity providers there
are, whether the role of a named session exists, what becomes of a policy when a principal it names is deleted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .statements import Policy, Principals

_ACCOUNT = re.compile(r"\d{12}|arn:[\w-]+:iam::\d{12}:root")
_ENTITY = re.compile(r"arn:[\w-]+:iam::(\d{12}):(?:user|role)/[\w+=,.@/-]+")
_SESSION = re.compile(r"arn:[\w-]+:sts::\d{12}:(?:assumed-role/[\w+=,.@-]+|federated-user)/[\w+=,.@-]+")
_UNIQUE_ID = re.compile(r"[A-Za-z0-9]{16,128}")
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:amazonaws\.com|amazonaws\.com\.cn|amazon\.com|aws\.internal)")


def unknown_principal(policy: Policy, account_id: str, exists: Callable[[str], bool]) -> tuple[str, str] | None:
    """Return type and name of the first principal that nobody is, None when all are known.

    `exists` is asked about ARNs of the account's users and roles, and about unique ids.
    """
    for statement in policy.statements:
        for principals in filter(None, (statement.principals, statement.not_principals)):
            found = next(_unknown(principals, account_id, exists), None)
            if found is not None:
                return found
    return None


def _unknown(principals: Principals, account_id: str, exists: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    yield from (("AWS", name) for name in principals.aws if not _is_known(name, account_id, exists))
    yield from (("SERVICE", name) for name in principals.service if not _SERVICE.fullmatch(name))


def _is_known(name: str, account_id: str, exists: Callable[[str], bool]) -> bool:
    if name == "*" or _ACCOUNT.fullmatch(name) or _SESSION.fullmatch(name):
        return True
    entity = _ENTITY.fullmatch(name)
    if entity is not None:
        return entity[1] != account_id or exists(name)
    return bool(_UNIQUE_ID.fullmatch(name)) and exists(name)
