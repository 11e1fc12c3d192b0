"""Lists of log groups: ListLogGroups, which moto has not, and what DescribeLogGroups tells beyond moto.

Source: "ListLogGroups", "DescribeLogGroups", "TagFilter" and "CreateLogGroup" of the CloudWatch Logs API reference;
LocalStack's recordings (tests/aws/services/logs/test_logs_groups.py).
Not modelled: linked accounts (none is linked here, so another account's id finds nothing); data sources and field
indexes, which no group has here; that a token of ListLogGroups expires after 24 hours; what the classes other than
STANDARD cannot do.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler

STANDARD = "STANDARD"
USUAL_PAGE = 50
"""Groups of a page, where the caller asks for no other number."""
_NOT_OF_A_SEARCH = frozenset({"deletionProtectionEnabled", "storedBytes"})
_BAD_TOKEN = "The specified nextToken is invalid."
_BOTH_NAMES = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."


class ListedGroup(Protocol):
    """A log group as a list knows it."""

    @property
    def name(self) -> str: ...

    @property
    def log_class(self) -> str: ...

    @property
    def tags(self) -> Mapping[str, str]: ...


class GroupSource(Protocol):
    """Where groups are kept: moto_bridge.MotoBridge."""

    def log_groups(self, region: str) -> Sequence[ListedGroup]:
        """Return a region's log groups."""

    def set_log_group_class(self, region: str, name: str, log_class: str) -> None:
        """Remember the class that a group was made with."""


def table(source: GroupSource) -> dict[str, Handler]:
    """Return the handlers by operation."""

    def listed(request: ApiRequest) -> dict[str, Any]:
        return _list_log_groups(request, source.log_groups(request.region))

    def described(request: ApiRequest) -> dict[str, Any]:
        return _describe_log_groups(request, source.log_groups(request.region))

    return {"ListLogGroups": listed, "DescribeLogGroups": described}


def _list_log_groups(request: ApiRequest, groups: Sequence[ListedGroup]) -> dict[str, Any]:
    params = request.params
    after, size = _after(params.get("nextToken")), int(params.get("limit") or USUAL_PAGE)
    there = sorted(groups, key=lambda group: group.name) if _asks_for(request.account_id, params) else []
    found = [group for group in there if group.name > after and _fits(group, params)]
    page = found[:size]
    answer = {"logGroups": [_summary(group, request) for group in page]}
    return {**answer, "nextToken": _token(page[-1].name)} if len(found) > size else answer


def _asks_for(account: str, params: Mapping[str, Any]) -> bool:
    """Whether this account's groups are asked for: always, unless linked accounts are named and it is none of them."""
    named = params.get("accountIdentifiers") or []
    return not params.get("includeLinkedAccounts") or not named or account in named


def _fits(group: ListedGroup, params: Mapping[str, Any]) -> bool:
    if params.get("dataSources") or params.get("fieldIndexNames"):
        return False
    pattern, wanted = params.get("logGroupNamePattern"), params.get("logGroupClass")
    if pattern and not re.search(pattern, group.name):  # of a few alternatives without repetition, as AWS has it
        return False
    if wanted and group.log_class != wanted:
        return False
    return all(_is_tagged(group.tags, each) for each in params.get("logGroupTags") or ())


def _is_tagged(tags: Mapping[str, str], asked: Mapping[str, Any]) -> bool:
    """Whether tags have a key, and one of the values where some are asked for."""
    value = tags.get(asked["key"])
    values = asked.get("values") or []
    return value is not None and (not values or any(_is_value(value, each) for each in values))


def _is_value(value: str, asked: str) -> bool:
    """Compare a tag's value: `!` negates, `*` stands for anything, and with it the case does not matter."""
    wanted = asked.removeprefix("!")
    if "*" in wanted:
        expression = ".*".join(re.escape(part) for part in wanted.split("*"))
        same = re.fullmatch(expression, value, re.IGNORECASE | re.DOTALL) is not None
    else:
        same = value == wanted
    return same != asked.startswith("!")


def _summary(group: ListedGroup, request: ApiRequest) -> dict[str, Any]:
    arn = f"arn:aws:logs:{request.region}:{request.account_id}:log-group:{group.name}"
    return {"logGroupName": group.name, "logGroupArn": arn, "logGroupClass": group.log_class}


def _token(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _after(token: str | None) -> str:
    """Return the name behind which a page begins; raises AwsError for a token that is none of ours."""
    try:
        return base64.b64decode((token or "").encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as exc:
        raise AwsError("InvalidParameterException", _BAD_TOKEN) from exc


def _describe_log_groups(request: ApiRequest, groups: Sequence[ListedGroup]) -> dict[str, Any]:
    """Let moto list, and add class and protection; names and classes are searched for here, since moto does not."""
    params = request.params
    classes = {group.name: group.log_class for group in groups}
    pattern, wanted = params.get("logGroupNamePattern"), params.get("logGroupClass")
    if pattern and params.get("logGroupNamePrefix"):
        raise AwsError("InvalidParameterException", _BOTH_NAMES)
    if not pattern and not wanted:
        answer = request.forward(None)
        return {**answer, "logGroups": [_described(group, classes) for group in answer.get("logGroups", [])]}
    begin, limit = _begin(params.get("nextToken")), int(params.get("limit") or USUAL_PAGE)
    asked = {name: params[name] for name in ("logGroupNamePrefix",) if name in params}
    every = (_described(group, classes) for group in _all_groups(request.forward, asked))
    found = [
        group
        for group in every
        if (not pattern or pattern in group["logGroupName"]) and (not wanted or group["logGroupClass"] == wanted)
    ]
    page = found[begin : begin + limit]
    if pattern:  # AWS tells less of what it searches for
        page = [{name: value for name, value in group.items() if name not in _NOT_OF_A_SEARCH} for group in page]
    following = {"nextToken": str(begin + limit)} if begin + limit < len(found) else {}
    return {"logGroups": page, **following}


def _begin(token: str | None) -> int:
    if token and not (token.isascii() and token.isdigit() and len(token) < 10):
        raise AwsError("InvalidParameterException", _BAD_TOKEN)
    return int(token or 0)


def _all_groups(
    forward: Callable[[Mapping[str, Any] | None], dict[str, Any]], asked: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    token: dict[str, Any] = {}
    while True:
        answer = forward({"limit": USUAL_PAGE, **asked, **token})
        yield from answer.get("logGroups", [])
        if not answer.get("nextToken"):
            return
        token = {"nextToken": answer["nextToken"]}


def _described(group: Mapping[str, Any], classes: Mapping[str, str]) -> dict[str, Any]:
    log_class = classes.get(group["logGroupName"], STANDARD)
    return {"logGroupClass": log_class, "deletionProtectionEnabled": False, **group}
