"""Reading what there is, while somebody else deletes it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.alb.inventory import read_balancers, read_groups


class _Vanishing:
    """An ELBv2 client that lists two of everything, of which the one called "gone" is deleted before it is read."""

    def __init__(self, code: str) -> None:
        self._code = code

    def describe_load_balancers(self) -> dict[str, Any]:
        return {"LoadBalancers": [{"LoadBalancerArn": name, "Type": "application"} for name in ("gone", "there")]}

    def describe_target_groups(self) -> dict[str, Any]:
        groups = [
            {"TargetGroupArn": n, "TargetGroupName": n, "TargetType": "ip", "Port": 80} for n in ("gone", "there")
        ]
        return {"TargetGroups": groups}

    def describe_load_balancer_attributes(self, LoadBalancerArn: str) -> dict[str, Any]:  # noqa: N803
        return self._attributes(LoadBalancerArn)

    def describe_target_group_attributes(self, TargetGroupArn: str) -> dict[str, Any]:  # noqa: N803
        return self._attributes(TargetGroupArn)

    def describe_listeners(self, LoadBalancerArn: str) -> dict[str, Any]:  # noqa: N803
        return {"Listeners": []} if LoadBalancerArn else {}

    def _attributes(self, arn: str) -> dict[str, Any]:
        if arn == "gone":
            raise ClientError({"Error": {"Code": self._code, "Message": "does not exist"}}, "Describe")
        return {"Attributes": []}


def test_what_is_deleted_meanwhile_is_left_out() -> None:
    """Terraform deletes side by side: a load balancer that is gone when it is read is no failure of another's call."""
    assert [b.arn for b in read_balancers(_Vanishing("LoadBalancerNotFound"), "r")] == ["there"]
    assert [g.arn for g in read_groups(_Vanishing("TargetGroupNotFound"))] == ["there"]


def test_other_errors_are_not_swallowed() -> None:
    """Only "not found" means gone."""
    with pytest.raises(ClientError):
        read_balancers(_Vanishing("Throttling"), "r")
