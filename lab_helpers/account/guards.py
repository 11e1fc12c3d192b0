"""Before anything is made on an account: is it the right one, has it room, may you, what will it cost, do you want it?

`review` only looks, and collects all that speaks against it at once; `confirm` asks. Nothing is created before both.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from lab_helpers.account import cost, operator_policy, quotas
from lab_helpers.account import deletion as removal
from lab_helpers.account.inventory import LabNames
from lab_helpers.backends.backend import Backend
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.config import Settings
from lab_helpers.base.errors import AccessDeniedError, AwsCallError, GuardError
from lab_helpers.base.messages import say
from lab_helpers.base.redact import last_digits
from lab_helpers.images.engines import ENGINES, find_engine

MAKES = (
    "a VPC with two public subnets, a load balancer open to the Internet on port 80",
    "an ECS cluster with a service of two Fargate tasks, an ECR repository with one image",
    "a Firehose stream, two S3 buckets, two CloudWatch log groups, three IAM roles",
)
ZONES = ("a", "c")
"""Source: terraform/aws_vpc.tf."""
ACCEPTED = "accepted"
"""The note that somebody confirmed."""
_LOG = logging.getLogger(__name__)

Ask = Callable[[str], str]


@dataclass(frozen=True)
class Review:
    """What a run would do to an account, and what speaks against it (`refusals`) or should be known (`remarks`)."""

    account: str
    alias: str
    region: str
    prefix: str
    owner: str
    expires_on: str
    base_image: str
    estimate: cost.Estimate
    refusals: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        alias = f" ({self.alias})" if self.alias else ""
        lines = [
            f"Account     {last_digits(self.account)}{alias}",
            f"Region      {self.region}",
            f"Prefix      {self.prefix}, owner {self.owner}, may be swept after {self.expires_on}",
            f"Base image  {self.base_image}",
            *(f"{'Will make   ' if n == 0 else ' ' * 12}{made}" for n, made in enumerate(MAKES)),
            f"Costs       {self.estimate}",
            *(f"Note        {remark}" for remark in self.remarks),
        ]
        return "\n".join(lines)


def review(settings: Settings, backend: Backend, *, is_known: Callable[[], bool], expires_on: str) -> Review:
    """Look at the account and return what a run would do there; nothing is created.

    `is_known` answers whether a state of this lab is at hand, so that what is found under its names is its own.
    Raises SettingsError when the credentials lead to another account than the one that was named.
    """
    backend.start()
    names = LabNames(settings.prefix, backend.account(), settings.region)
    found = Review(
        names.account, _alias(backend), settings.region, settings.prefix, settings.owner, expires_on,
        backend.base_image, cost.estimate(settings.region),
    )  # fmt: skip
    for look in (_zones, _builder, _permissions, _quotas):
        look(settings, backend, names, found)
    if _has_state_bucket(settings, backend, found) and not is_known():
        _strangers(backend, names, found)
    return found


def confirm(found: Review, settings: Settings, ask: Ask | None = None) -> None:
    """Show a review and get consent; raises GuardError when something speaks against it or nobody agrees.

    LAB_ACCEPT_COST=true is the consent of a run that nobody watches.
    """
    print(found)
    if found.refusals:
        raise GuardError(found.refusals)
    if settings.accept_cost:
        print(say("Accepted by LAB_ACCEPT_COST."))
        return
    try:
        question = say("Make this in account {digits}? Type yes: ", digits=last_digits(found.account))
        answer = (ask or input)(question)
    except (EOFError, OSError, NotImplementedError) as exc:  # no terminal; a notebook without anybody in front of it
        raise GuardError(
            [say("nobody is here to say yes. Set LAB_ACCEPT_COST=true once you have read the above, and run again")]
        ) from exc
    if answer.strip().lower() != "yes":
        raise GuardError([say("you answered {answer!r}, not yes", answer=answer.strip())])


def _alias(backend: Backend) -> str:
    try:
        with aws_errors("ListAccountAliases"):
            aliases = backend.client("iam").list_account_aliases()["AccountAliases"]
    except AwsCallError:
        return ""
    return str(aliases[0]) if aliases else ""


def _zones(settings: Settings, backend: Backend, _: LabNames, found: Review) -> None:
    with aws_errors("DescribeAvailabilityZones"):
        answer = backend.client("ec2").describe_availability_zones(Filters=[{"Name": "state", "Values": ["available"]}])
    there = {zone["ZoneName"] for zone in answer["AvailabilityZones"]}
    wanted = [f"{settings.region}{zone}" for zone in ZONES]
    if not there.issuperset(wanted):
        found.refusals.append(
            f"the lab's subnets are in {' and '.join(wanted)}, but this account has {', '.join(sorted(there))}: "
            "choose another LAB_REGION"
        )


def _builder(settings: Settings, _: Backend, __: LabNames, found: Review) -> None:
    if settings.can.takes_plain_images:
        return
    if settings.builder == "builtin":
        found.refusals.append("LAB_BUILDER=builtin makes an image without its base: no task could run it. Use auto")
    elif settings.builder == "auto" and find_engine() is None:
        found.refusals.append(
            f"no image builder answers ({', '.join(ENGINES)}): install or start one (`lab doctor` says how)"
        )


def _has_state_bucket(settings: Settings, backend: Backend, found: Review) -> bool:
    """Whether Terraform's state can be read: without its bucket nobody knows what is the lab's own."""
    if not settings.state_bucket:
        return True
    try:
        with aws_errors("HeadBucket"):
            backend.client("s3").head_bucket(Bucket=settings.state_bucket, ExpectedBucketOwner=found.account)
    except AwsCallError as exc:
        found.refusals.append(
            f"the bucket {settings.state_bucket} (LAB_STATE_BUCKET) cannot be used ({exc.code}): make it first, see "
            "docs/account.md, or unset it"
        )
        return False
    return True


def _permissions(settings: Settings, backend: Backend, names: LabNames, found: Review) -> None:
    if settings.can.has_own_endpoint or not settings.check_permissions:
        return
    if backend.caller_arn().endswith(":root"):
        found.remarks.append("you are the account's root user; use an IAM role or user with the policy of `lab policy`")
        return
    try:
        policy = operator_policy.document(names, settings.state_bucket)
        lacking = operator_policy.missing(backend.client, backend.caller_arn(), policy)
    except AwsCallError as exc:
        refused = "is not allowed" if isinstance(exc, AccessDeniedError) else f"failed ({exc.code})"
        found.remarks.append(f"your permissions could not be checked: {exc.operation} {refused}")
        return
    remedy = "`lab policy` prints what is needed; if IAM's simulator is wrong: LAB_CHECK_PERMISSIONS=false"
    found.refusals.extend(f"you may not {each} ({remedy})" for each in lacking)


def _quotas(settings: Settings, backend: Backend, _: LabNames, found: Review) -> None:
    if settings.can.has_own_endpoint:
        return
    for finding in quotas.check(backend.client):
        if not finding.is_enough:
            found.refusals.append(f"no room: {finding}. Ask for more in the Service Quotas console, or free some")
        elif finding.limit is None:
            found.remarks.append(str(finding))


def _strangers(backend: Backend, names: LabNames, found: Review) -> None:
    """Somebody else's lab of the same prefix must neither be changed nor be torn down with ours."""
    try:
        there = removal.found(backend.client, names)
    except AwsCallError as exc:
        found.remarks.append(f"whether a lab named {names.prefix} is there already could not be seen: {exc.code}")
        return
    if there:
        listed = ", ".join(f"{service} {name}" for service, name in there[:4])
        found.refusals.append(
            f"there is something named {names.prefix} already, which this machine has no state of ({listed}"
            f"{', …' if len(there) > 4 else ''}). If it is somebody else's, choose another LAB_PREFIX; if it is yours, "
            "`lab teardown` removes it"
        )
