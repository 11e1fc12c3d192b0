"""Calls are held against AWS's own description of them: required members, lengths, patterns, values.

The description is botocore's. Clients that check their own calls leave little to find here; others (the log router,
curl) do not. Only services whose refusals are of the common form are checked.

Source: the ValidationException and InvalidParameterException texts of AWS's services ("1 validation error detected:
Value null at 'logGroupName' failed to satisfy constraint: Member must not be null").
Not modelled: services that word each refusal in their own way (ECS, ECR, ELB, S3) and check for themselves; here such a
call is only explained when it made somebody fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree

from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.model import OperationNotFoundError

from lab_helpers.local_aws.front.model_files import service_model
from lab_helpers.local_aws.front.protocol import Call
from lab_helpers.local_aws.identity.policy_texts import iam_name_text
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.s3.refusals import MALFORMED_XML

_CHECKED = {
    "firehose": "ValidationException",
    "iam": "ValidationError",
    "logs": "InvalidParameterException",
    "monitoring": "ValidationError",
    "sts": "ValidationError",
}
_ONLY_VALUES = {"elasticloadbalancing": "ValidationError"}
"""Services of whose refusals only those of a value that is none of a few are of the common form."""
_OTHER_CODES = {
    "athena": "InvalidRequestException",
    "ec2": "MissingParameter",
    "ecr": "InvalidParameterException",
    "ecs": "InvalidParameterException",
    "glue": "InvalidInputException",
}
"""Services that check in their own way: the code with which they refuse what they cannot use at all."""
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "timestamp": (int, float, str),
    "blob": (str,),
}
_JSON_NAMES = {str: "STRING_VALUE", bool: "BOOLEAN_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE"}
_NULL = " null"
_REPEAT_NOTHING = frozenset({"iam"})
"""Services that of late tell neither what was given nor what there is. Source: LocalStack's recordings of iam."""
_NOT_HELD = frozenset({"MetricNamespace"})
"""Shapes whose pattern AWS does not hold callers to, as recorded."""
_VALUES = {"OutputFormat": ("w3c", "raw", "json", "plain", "parquet")}
_MEMBERS = {"MetricTransformation": ("unit", "dimensions")}
"""AWS's order of values, and of last members, where it is not the model's. Source: LocalStack's recordings."""
_DELIVERY_CODE = "ValidationException"
_NAMES_OF_LOGS = ("logGroupName", "logStreamName")
_MOST_LOG_NAME = 512
_TOO_LONG_FOR_LOGS = "Invalid LogGroup or LogStream, both must have length less than or equal to 512."
_CHECKED_BY_THE_SERVICE = frozenset({"InputLogEvents", "PutRecordBatchRequestEntryList"})
"""Shapes of long lists on the hot path, whose members the service itself checks."""


def check(call: Call) -> None:
    """Raise AwsError when the call is not as AWS describes it; what AWS does not describe passes."""
    if call.service in _ONLY_VALUES:
        _refuse_values(call, _ONLY_VALUES[call.service])
    if call.service in _CHECKED:
        delivers = call.service == "logs" and "Delivery" in call.operation
        _refuse(call, _DELIVERY_CODE if delivers else _CHECKED[call.service])


def explain_failure(call: Call, body: bytes) -> AwsError | None:
    """Return AWS's refusal of a call that made somebody fail; None when the call is as AWS describes it.

    This is for services that are not checked beforehand: what is malformed is the caller's mistake, not ours.
    """
    if call.protocol == "s3":
        return _explain_s3(call, body)
    if not _is_known(call):
        return _unknown_operation(call)
    try:
        _refuse(call, _OTHER_CODES.get(call.service) or _usual_code(call.protocol))
    except AwsError as refusal:
        return refusal
    if call.protocol in {"query", "ec2"} and body and b"Version=" not in body:
        text = f"Could not find operation {call.operation} for version NO_VERSION_SPECIFIED"
        return AwsError("InvalidAction", text)
    return None


def _explain_s3(call: Call, body: bytes) -> AwsError | None:
    if call.operation == "PostObject":
        extra = {"Condition": "Bucket POST must be of the enclosure-type multipart/form-data"}
        text = "At least one of the pre-conditions you specified did not hold"
        return AwsError("PreconditionFailed", text, 412, extra)
    wants_document = call.operation.startswith("Put") and call.operation != "PutObject"
    if (body or wants_document) and not _is_xml(body):
        return AwsError("MalformedXML", MALFORMED_XML)
    return None


def _is_known(call: Call) -> bool:
    try:
        return call.protocol == "rest" or call.operation in service_model(call.service).operation_names
    except (DataNotFoundError, UnknownServiceError):
        return True


def _unknown_operation(call: Call) -> AwsError:
    if call.protocol == "json":
        return AwsError("UnknownOperationException", "")
    return AwsError("InvalidAction", f"The action {call.operation} is not valid for this web service.")


def _usual_code(protocol: str) -> str:
    return "ValidationException" if protocol == "json" else "ValidationError"


def _is_xml(body: bytes) -> bool:
    try:
        ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return False
    return True


def _refuse(call: Call, code: str) -> None:
    shape = input_shape(call.service, call.operation)
    if shape is None:
        return
    if call.protocol == "json":
        _refuse_wrong_types(shape, call.params)
    if call.service == "logs" and any(
        len(str(call.params.get(name) or "")) > _MOST_LOG_NAME for name in _NAMES_OF_LOGS
    ):
        raise AwsError(code, _TOO_LONG_FOR_LOGS)
    _refuse_for(list(problems(shape, call.params)), call, code)


def _refuse_values(call: Call, code: str) -> None:
    """Raise AwsError for a value that is none of those there are."""
    shape = input_shape(call.service, call.operation)
    if shape is not None:
        _refuse_for([each for each in problems(shape, call.params) if each.choices], call, code)


def _refuse_for(found: list[Problem], call: Call, code: str) -> None:
    if found:
        own = iam_name_text(found[0].words(repeats=False)) if call.service == "iam" else ""
        errors = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: "
        told = "; ".join(each.words(repeats=call.service not in _REPEAT_NOTHING) for each in found)
        raise AwsError(code, own or errors + told)


@dataclass(frozen=True)
class Problem:
    """What is wrong with one value: where it stands, the constraint, and what a text may repeat of both."""

    path: str
    constraint: str
    given: str = ""
    """The value as it is told, with a space before it; empty: never."""
    choices: str = ""
    """The values that there are."""

    def words(self, *, repeats: bool = True) -> str:
        """Return it in AWS's words."""
        given = self.given if repeats or self.given == _NULL else ""
        choices = f": [{self.choices}]" if repeats and self.choices else ""
        return f"Value{given} at '{self.path}' failed to satisfy constraint: {self.constraint}{choices}"


@lru_cache(maxsize=512)
def input_shape(service: str, operation: str) -> Any:
    """Return botocore's shape of an operation's input, None for what AWS does not have or that takes nothing."""
    try:
        return service_model(service).operation_model(operation).input_shape
    except (OperationNotFoundError, DataNotFoundError, UnknownServiceError):
        return None


def problems(shape: Any, value: Any, path: str = "") -> Iterator[Problem]:
    """Yield what is wrong with a value; query protocols' texts are taken for numbers where due."""
    if shape.type_name == "structure" and isinstance(value, Mapping):
        yield from _in_structure(shape, value, path)
    elif shape.type_name == "list" and isinstance(value, list):
        if shape.name in _CHECKED_BY_THE_SERVICE:
            return
        yield from _constraints(shape, value, path)
        for index, item in enumerate(value, 1):
            yield from problems(shape.member, item, f"{path}.{index}.member")
    elif shape.type_name in {"string", "integer", "long", "map"}:
        yield from _constraints(shape, value, path)


def _in_structure(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[Problem]:
    for name, member in shape.members.items():
        at = f"{path}.{_bean(name)}" if path else _bean(name)
        if value.get(name) is not None:
            yield from problems(member, value[name], at)
        elif name in shape.required_members:
            yield Problem(at, "Member must not be null", _NULL)


def _constraints(shape: Any, value: Any, path: str) -> Iterator[Problem]:
    for constraint, choices in _broken(shape, value):
        # a log group's identifier may be an ARN of somebody else's: AWS does not repeat it
        told = "" if path == "logGroupIdentifier" and "pattern" in constraint else f" '{_shown(shape, value)}'"
        yield Problem(path, constraint, told, choices)


def _broken(shape: Any, value: Any) -> Iterator[tuple[str, str]]:
    """Yield each constraint that does not hold, and the values that there are, where it is about these."""
    limits = shape.metadata
    if shape.type_name in {"integer", "long"}:
        yield from _outside(int(value) if _is_whole(value) else 0, limits, "value")
        return
    yield from _outside(len(value), limits, "length")
    if isinstance(value, str):
        if limits.get("enum") and value not in limits["enum"]:
            yield "Member must satisfy enum value set", ", ".join(_VALUES.get(shape.name, limits["enum"]))
        if limits.get("pattern") and shape.name not in _NOT_HELD and not _fits(limits["pattern"], value):
            yield f"Member must satisfy regular expression pattern: {limits['pattern']}", ""


def _outside(size: int, limits: Mapping[str, Any], what: str) -> Iterator[tuple[str, str]]:
    if "min" in limits and size < limits["min"]:
        yield f"Member must have {what} greater than or equal to {limits['min']}", ""
    if "max" in limits and size > limits["max"]:
        yield f"Member must have {what} less than or equal to {limits['max']}", ""


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and value.lstrip("-").isdigit())


def _fits(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    # The patterns are Java's; those that Python does not read (\p{L}, …) are left to who answers the call.
    try:
        return re.compile(pattern, re.ASCII)  # Java's \w is a letter of ASCII
    except (re.error, FutureWarning):
        return None


def _refuse_wrong_types(shape: Any, value: Any) -> None:
    if value is None:
        return
    wanted: Any = _JSON_TYPES[shape.type_name]
    if not isinstance(value, wanted) or (isinstance(value, bool) and shape.type_name != "boolean"):
        kind = _JSON_NAMES.get(type(value), "START_OBJECT" if isinstance(value, dict) else "START_ARRAY")
        raise AwsError("SerializationException", f"{kind} can not be converted to {_java(shape.type_name)}")
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            _refuse_wrong_types(member, value.get(name))
    elif shape.type_name == "list" and shape.name not in _CHECKED_BY_THE_SERVICE:
        for item in value:
            _refuse_wrong_types(shape.member, item)


def _java(type_name: str) -> str:
    names = {"structure": "an object", "list": "a list", "map": "a map", "integer": "Integer", "long": "Long"}
    return names.get(type_name, type_name.capitalize())


def _bean(name: str) -> str:
    return name[:1].lower() + name[1:]


def _shown(shape: Any, value: Any) -> str:
    """Return a value as Java prints it: `[MetricTransformation(metricName=a, unit=null)]`."""
    if value is None:
        return "null"
    if shape.type_name == "list" and isinstance(value, list):
        return f"[{', '.join(_shown(shape.member, item) for item in value)}]"
    if shape.type_name == "structure" and isinstance(value, Mapping):
        last = _MEMBERS.get(shape.name, ())
        names = [*(name for name in shape.members if name not in last), *last]
        shown = (f"{_bean(name)}={_shown(shape.members[name], value.get(name))}" for name in names)
        return f"{shape.name}({', '.join(shown)})"
    if shape.type_name == "map" and isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={_shown(shape.value, item)}" for key, item in value.items()) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)
