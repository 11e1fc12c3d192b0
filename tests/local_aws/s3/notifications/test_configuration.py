"""What S3 refuses of a notification configuration, in its words (LocalStack's recordings), and what it completes."""

from __future__ import annotations

import pytest

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3.notifications.configuration import Configuration, completed, read

QUEUE = "arn:aws:sqs:ap-northeast-1:123456789012:told"


def _rule(arn: str = QUEUE, *events: str, more: str = "", kind: str = "Queue") -> str:
    listed = "".join(f"<Event>{event}</Event>" for event in events or ("s3:ObjectCreated:*",))
    return f"<{kind}Configuration><{kind}>{arn}</{kind}>{listed}{more}</{kind}Configuration>"


def _filter(*rules: tuple[str, str]) -> str:
    listed = "".join(f"<FilterRule><Name>{name}</Name><Value>{v}</Value></FilterRule>" for name, v in rules)
    return f"<Filter><S3Key>{listed}</S3Key></Filter>"


def _document(*rules: str) -> bytes:
    return f"<NotificationConfiguration>{''.join(rules)}</NotificationConfiguration>".encode()


@pytest.mark.parametrize(
    ("rules", "code", "message", "argument"),
    [
        ([_rule("invalid-queue")], "InvalidArgument", "The ARN could not be parsed", ("Queue", "invalid-queue")),
        ([_rule("a", kind="Topic")], "InvalidArgument", "The ARN could not be parsed", ("Topic", "a")),
        ([_rule("a", kind="CloudFunction")], "InvalidArgument", "The ARN could not", ("CloudFunction", "a")),
        ([_rule(QUEUE, kind="Topic")], "InvalidArgument", "The ARN could not be parsed", ("Topic", QUEUE)),
        ([_rule(QUEUE, "s3:Created")], "InvalidArgument", "The event is not supp", ("Event", "s3:Created")),
        ([_rule(more=_filter(("INVALID", "x")))], "InvalidArgument",
         "filter rule name must be either prefix or suffix", ("FilterRule.Name", "INVALID")),
        ([_rule(more="<Filter><S3Key><FilterRule><Name>prefix</Name></FilterRule></S3Key></Filter>")], "MalformedXML",
         "The XML you provided was not well-formed", None),
        ([_rule(), _rule(QUEUE, "s3:ObjectCreated:Put")], "InvalidArgument", "Configurations overlap.", None),
        ([_rule(more=_filter(("prefix", "a"))), _rule(more=_filter(("prefix", "ab")))], "InvalidArgument",
         "Configuration is ambiguously defined.", None),
    ],
)  # fmt: skip
def test_what_is_refused(rules: list[str], code: str, message: str, argument: tuple[str, str] | None) -> None:
    """test_invalid_sqs_arn, test_bucket_notification_with_invalid_filter_rules and …_missing_values_in_rule."""
    with pytest.raises(AwsError) as caught:
        completed(_document(*rules))
    assert (caught.value.code, caught.value.message.startswith(message)) == (code, True)
    told = caught.value.extra
    assert (told["ArgumentName"], told["ArgumentValue"]) == argument if argument else not told


def test_what_is_completed() -> None:
    """An id for each rule, names of filters with a capital letter; different prefixes do not meet."""
    kept = completed(_document(_rule(more=_filter(("PREFIX", "a/"), ("suffix", "")))))
    assert b"<Name>Prefix</Name>" in kept
    assert b"<Name>Suffix</Name>" in kept
    one = read(kept).rules[0]
    assert len(one.name) == 48
    assert one.fits("s3:ObjectCreated:Put", "a/b")
    assert not one.fits("s3:ObjectCreated:Put", "b/b")
    assert not one.fits("s3:ObjectRemoved:Delete", "a/b")
    apart = (_rule(more=_filter(("prefix", "a"))), _rule(more=_filter(("prefix", "b"))))
    assert len(read(completed(_document(*apart, "<EventBridgeConfiguration/>"))).rules) == 2
    assert read(_document()) == Configuration()
