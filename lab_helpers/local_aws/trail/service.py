"""CloudTrail's event history: LookupEvents answers the feed of API calls.

Source: LookupEvents of the CloudTrail API reference; "CloudTrail record contents" and "userIdentity element" of the
CloudTrail User Guide.
Not modelled: trails, event data stores and Insights; an event is here at once, on AWS after some minutes; kept are the
newest 4,000 calls of a state (a killed server's last second is missing), on AWS those of 90 days; responseElements and
most requestParameters; the limit of two calls a second.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Caller, Handler
from lab_helpers.local_aws.kit.service import HandlersOnly
from lab_helpers.local_aws.trail import event
from lab_helpers.local_aws.trail.feed import CallFeed, Recorded

MOST_RESULTS = 50
_ASKED_AGAIN = ("LookupAttributes", "StartTime", "EndTime", "EventCategory")
"""What has to be the same in the call for the next page."""
_RANGE = "Either the start time occurs after the end time, or the time range is outside the range of possible values."
_ATTRIBUTES: Mapping[str, Callable[[Mapping[str, Any], str], bool]] = {
    "AccessKeyId": lambda found, value: found.get("AccessKeyId") == value,
    "EventId": lambda found, value: found["EventId"] == value,
    "EventName": lambda found, value: found["EventName"] == value,
    "EventSource": lambda found, value: found["EventSource"] == value,
    "ReadOnly": lambda found, value: found["ReadOnly"] == value,
    "ResourceName": lambda found, value: any(one["ResourceName"] == value for one in found["Resources"]),
    "ResourceType": lambda found, value: any(one["ResourceType"] == value for one in found["Resources"]),
    "Username": lambda found, value: found.get("Username") == value,
}


class CloudTrailService(HandlersOnly):
    """LookupEvents over a feed; `user_id` tells what AWS calls a caller's principalId."""

    name = "cloudtrail"

    def __init__(self, feed: CallFeed, instance_id: str, user_id: Callable[[Caller], str]) -> None:
        self._feed, self._instance_id, self._user_id = feed, instance_id, user_id

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        return {("cloudtrail", "LookupEvents"): self._lookup}

    def _lookup(self, request: ApiRequest) -> dict[str, Any]:
        params = request.params
        wanted, start, end = _attribute(params), _time(params, "StartTime"), _time(params, "EndTime")
        if start is not None and end is not None and start > end:
            raise AwsError("InvalidTimeRangeException", _RANGE)
        before, most = _before(params), _most(params)
        if not _has_management_events(params):
            return {"Events": []}
        calls = (call for call in self._newest_first(request.region, start, end) if not before or call.number < before)
        told = ((call.number, event.of_call(call, self._instance_id, self._user_id)) for call in calls)
        page = list(itertools.islice((each for each in told if wanted is None or wanted(each[1])), most + 1))
        events = [found for _, found in page[:most]]
        return {"Events": events, **({"NextToken": _token(params, page[most - 1][0])} if len(page) > most else {})}

    def _newest_first(self, region: str, start: float | None, end: float | None) -> Iterator[Recorded]:
        for call in reversed(self._feed.management_events()):
            at = int(call.at.timestamp())
            if call.region == region and (start is None or at >= start) and (end is None or at <= end):
                yield call


def _attribute(params: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], bool] | None:
    asked = params.get("LookupAttributes") or []
    if not isinstance(asked, list) or len(asked) > 1:
        raise AwsError("InvalidLookupAttributesException", "You can only specify one lookup attribute.")
    if not asked:
        return None
    key, value = (
        asked[0].get(name) if isinstance(asked[0], dict) else None for name in ("AttributeKey", "AttributeValue")
    )
    matches = _ATTRIBUTES.get(str(key))
    if matches is None or not isinstance(value, str) or not value:
        raise AwsError("InvalidLookupAttributesException", f"The lookup attribute {key} is not valid.")
    return lambda found: matches(found, value)


def _time(params: Mapping[str, Any], name: str) -> float | None:
    """Return a moment in epoch seconds; some clients write it as a text."""
    value = params.get(name)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError as exc:
        raise AwsError("InvalidTimeRangeException", _RANGE) from exc
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _most(params: Mapping[str, Any]) -> int:
    most = params.get("MaxResults", MOST_RESULTS)
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= MOST_RESULTS:
        raise AwsError("InvalidMaxResultsException", "The specified maximum number of results is not valid.")
    return most


def _has_management_events(params: Mapping[str, Any]) -> bool:
    category = params.get("EventCategory")
    if category not in (None, "insight"):
        raise AwsError("InvalidEventCategoryException", f"The event category {category} is not valid.")
    return category is None


def _before(params: Mapping[str, Any]) -> int | None:
    """Return the number below which the next page begins."""
    token = params.get("NextToken")
    if token is None:
        return None
    try:
        number, asked = base64.urlsafe_b64decode(str(token)).decode("ascii").split("/")
        before = int(number)
    except ValueError as exc:  # binascii's and Unicode's errors are such
        raise _bad_token() from exc
    if asked != _asked(params):
        raise _bad_token()
    return before


def _bad_token() -> AwsError:
    return AwsError("InvalidNextTokenException", "The specified NextToken is not valid, or has other parameters.")


def _token(params: Mapping[str, Any], last: int) -> str:
    return base64.urlsafe_b64encode(f"{last}/{_asked(params)}".encode()).decode()


def _asked(params: Mapping[str, Any]) -> str:
    asked = json.dumps([params.get(name) for name in _ASKED_AGAIN], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]
