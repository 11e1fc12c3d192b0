"""An API call as IAM sees it, and how its parameters become ARNs.

Source: "Service Authorization Reference" (resource types of each service).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ANY = "*"


@dataclass(frozen=True)
class Access:
    """One permission that a call needs: an action on a resource, and the context keys that the call itself gives."""

    action: str
    resource_arn: str = ANY
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One API call; `service` is the IAM prefix, `params` are named as in boto3."""

    service: str
    operation: str
    params: Mapping[str, Any]
    region: str
    account_id: str

    @property
    def action(self) -> str:
        """The action that has the operation's own name."""
        return f"{self.service}:{self.operation}"

    def text(self, *names: str) -> str:
        """The first of these parameters that is a text and not empty, or the empty text."""
        return next((value for name in names if isinstance(value := self.params.get(name), str) and value), "")

    def texts(self, name: str) -> tuple[str, ...]:
        """All texts of a list parameter."""
        value = self.params.get(name)
        return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list | tuple) else ()

    def arn(self, resource: str, *, service: str = "", account_id: str = "") -> str:
        """An ARN of this call's region and account; a `resource` that is an ARN already stays as it is."""
        if resource.startswith("arn:"):
            return resource
        return f"arn:aws:{service or self.service}:{self.region}:{account_id or self.account_id}:{resource}"

    def named(self, kind: str, name: str) -> str:
        """The ARN of `kind/name`, where a name may also be given as an ARN; `*` without a name."""
        return self.arn(name if name.startswith("arn:") else f"{kind}/{name}") if name else ANY

    def access(self, *resources: str, action: str = "", **context: str) -> tuple[Access, ...]:
        """One Access for each resource (`*` where there is none); context keys are written with `__` for the colon."""
        keys: dict[str, str | tuple[str, ...]] = {
            name.replace("__", ":").replace("_", "-"): value for name, value in context.items() if value
        }
        return tuple(Access(action or self.action, resource, keys) for resource in resources or (ANY,))

    def pass_role(self, role: str, service: str) -> tuple[Access, ...]:
        """The permission to hand a role (name or ARN) to a service; nothing where no role is handed over."""
        if not role:
            return ()
        arn = role if role.startswith("arn:") else f"arn:aws:iam::{self.account_id}:role/{role}"
        return (Access("iam:PassRole", arn, {"iam:PassedToService": service}),)
