"""Policy documents: JSON text in, frozen statements out.

Source: "IAM JSON policy elements reference" and "Grammar of the IAM JSON policy language" of the IAM User Guide.
Not modelled: the size quotas of policies; the per-service checks that AWS makes of Resource ARNs in a policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from lab_helpers.base import nested_json

from .conditions import NULL, OPERATORS
from .statements import (
    DEFAULT_VERSION,
    VERSION_2008,
    VERSION_2012,
    Condition,
    Effect,
    Policy,
    PolicyError,
    PolicyKind,
    Principals,
    Quantifier,
    Statement,
)

__all__ = ["Condition", "Document", "Effect", "Policy", "PolicyError", "PolicyKind", "Principals", "Statement", "parse"]


_DOCUMENT_KEYS = frozenset({"Version", "Id", "Statement"})
_STATEMENT_KEYS = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"}
)
_S3_NOT_JSON = "Policies must be valid JSON and the first byte must be '{'"
_S3_PRINCIPAL = "Invalid principal in policy"
_PRINCIPAL_TYPES = ("AWS", "Service", "Federated", "CanonicalUser")
_QUANTIFIERS = {"ForAllValues": "all", "ForAnyValue": "any"}
_IF_EXISTS = "IfExists"

Document = str | bytes | Mapping[str, Any]


def parse(document: Document, kind: PolicyKind = PolicyKind.IDENTITY) -> Policy:
    """Parse a policy document: JSON text, URL-encoded JSON text (as IAM's Get* calls answer it) or a mapping.

    Raises PolicyError, naming the statement and what is wrong with it.
    """
    if isinstance(document, bytes):
        document = document.decode()
    if isinstance(document, str):
        return _parse_text(document, kind)
    return _parse_document(document, kind)


@lru_cache(maxsize=512)
def _parse_text(text: str, kind: PolicyKind) -> Policy:
    # Policies are evaluated on every call and change seldom, so texts are parsed once.
    return _parse_document(_load(text), kind)


def _load(text: str) -> Any:
    plain = text.strip()
    if plain.startswith(("%7B", "%7b")):
        plain = unquote(plain)
    try:
        return nested_json.loads(plain)
    except ValueError as exc:
        raise PolicyError("whole document", f"is not JSON ({exc})", _S3_NOT_JSON) from exc


def _parse_document(document: Any, kind: PolicyKind) -> Policy:
    if not isinstance(document, Mapping):
        raise PolicyError("whole document", f"must be a JSON object, not {type(document).__name__}", _S3_NOT_JSON)
    _refuse_unknown("whole document", document, _DOCUMENT_KEYS)
    version = document.get("Version", DEFAULT_VERSION)
    if version not in (VERSION_2008, VERSION_2012):
        raise PolicyError("Version", f"is {version!r}, but must be {VERSION_2012!r} or {VERSION_2008!r}")
    statements = tuple(_statement(raw, index, kind) for index, raw in enumerate(_statements_of(document)))
    _refuse_repeated_sids(statements)
    return Policy(version, statements, kind)


def _statements_of(document: Mapping[str, Any]) -> list[Any]:
    statements = document.get("Statement")
    if isinstance(statements, Mapping):
        return [statements]
    if not isinstance(statements, list | tuple):
        raise PolicyError("Statement", "must be there, and be an object or a list of objects", _missing("Statement"))
    return list(statements)


def _refuse_repeated_sids(statements: tuple[Statement, ...]) -> None:
    seen: set[str] = set()
    for sid in (statement.sid for statement in statements if statement.sid):
        if sid in seen:
            raise PolicyError("Sid", f"{sid!r} is used twice; statement ids in one policy must be unique")
        seen.add(sid)


def _statement(raw: Any, index: int, kind: PolicyKind) -> Statement:
    where = f"statement {index + 1}"
    if not isinstance(raw, Mapping):
        raise PolicyError(where, f"must be an object, not {type(raw).__name__}")
    sid = raw.get("Sid", "")
    if not isinstance(sid, str):
        raise PolicyError(where, f"has a Sid that is not text: {sid!r}")
    where = f"{where} ({sid})" if sid else where
    _refuse_unknown(where, raw, _STATEMENT_KEYS)
    _check_elements(where, raw, kind)
    return Statement(
        effect=_effect(where, raw.get("Effect")),
        sid=sid,
        actions=_actions(where, raw, "Action"),
        not_actions=_actions(where, raw, "NotAction"),
        resources=_texts(where, raw, "Resource"),
        not_resources=_texts(where, raw, "NotResource"),
        principals=_principals(where, raw, "Principal"),
        not_principals=_principals(where, raw, "NotPrincipal"),
        conditions=_conditions(where, raw.get("Condition", {})),
    )


def _check_elements(where: str, raw: Mapping[str, Any], kind: PolicyKind) -> None:
    _one_of(where, raw, "Action", required=True)
    _one_of(where, raw, "Resource", required=kind is not PolicyKind.TRUST)
    _one_of(where, raw, "Principal", required=kind is not PolicyKind.IDENTITY)
    if kind is PolicyKind.IDENTITY and ("Principal" in raw or "NotPrincipal" in raw):
        raise PolicyError(
            where, "must not name a principal: an identity-based policy speaks for whom it is attached to"
        )
    if kind is PolicyKind.TRUST and ("Resource" in raw or "NotResource" in raw):
        raise PolicyError(where, "has the prohibited field Resource: a trust policy speaks of its own role")


def _one_of(where: str, raw: Mapping[str, Any], name: str, *, required: bool) -> None:
    present = [key for key in (name, f"Not{name}") if key in raw]
    if len(present) > 1:
        raise PolicyError(where, f"has both {name} and Not{name}; only one of them may be there")
    if required and not present:
        raise PolicyError(where, f"has neither {name} nor Not{name}", _missing(name))


def _effect(where: str, raw: Any) -> Effect:
    try:
        return Effect(raw)
    except ValueError:
        told = _missing("Effect") if raw is None else f"Invalid effect : {raw}"
        raise PolicyError(where, f"has Effect {raw!r}, but it must be 'Allow' or 'Deny'", told) from None


def _actions(where: str, raw: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    actions = _texts(where, raw, name)
    for action in actions or ():
        if action != "*" and action.count(":") != 1:
            raise PolicyError(
                where, f"has {name} {action!r}, but it must be '*' or service:operation", "Policy has invalid action"
            )
    return actions


def _texts(where: str, raw: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    if name not in raw:
        return None
    values = [raw[name]] if isinstance(raw[name], str) else raw[name]
    if not isinstance(values, list | tuple) or not all(isinstance(item, str) for item in values):
        raise PolicyError(where, f"has {name} {raw[name]!r}, but it must be text or a list of texts")
    return tuple(values)


def _principals(where: str, raw: Mapping[str, Any], name: str) -> Principals | None:
    if name not in raw:
        return None
    value = raw[name]
    if value == "*":
        return Principals(everyone=True)
    if not isinstance(value, Mapping):
        raise PolicyError(where, f"has {name} {value!r}, but it must be '*' or like {{'Service': ...}}", _S3_PRINCIPAL)
    for key in value:
        if key not in _PRINCIPAL_TYPES:
            known = ", ".join(_PRINCIPAL_TYPES)
            raise PolicyError(where, f"has {name} of type {key!r}; AWS knows {known}", _S3_PRINCIPAL)
    aws, service, federated, canonical = (_texts(where, value, key) or () for key in _PRINCIPAL_TYPES)
    return Principals("*" in aws, aws, service, federated, canonical)


def _conditions(where: str, raw: Any) -> tuple[Condition, ...]:
    if not isinstance(raw, Mapping):
        raise PolicyError(where, f"has a Condition that is not an object: {raw!r}")
    return tuple(
        _condition(where, operator, key, values)
        for operator, keys in raw.items()
        for key, values in _condition_keys(where, operator, keys).items()
    )


def _condition_keys(where: str, operator: str, keys: Any) -> Mapping[str, Any]:
    if not isinstance(keys, Mapping):
        raise PolicyError(where, f"has condition {operator} with {keys!r}, but it must be an object of keys and values")
    return keys


def _condition(where: str, written: str, key: str, raw: Any) -> Condition:
    prefix, _, rest = written.rpartition(":")
    if prefix and prefix not in _QUANTIFIERS:
        raise PolicyError(
            where, f"has condition operator {written!r}: {prefix!r} is neither ForAllValues nor ForAnyValue"
        )
    operator = rest.removesuffix(_IF_EXISTS)
    if operator not in OPERATORS and written != NULL:
        raise PolicyError(
            where, f"has the unknown condition operator {written!r}", f"Invalid Condition type : {written}"
        )
    values = tuple(_condition_value(where, value) for value in (raw if isinstance(raw, list | tuple) else [raw]))
    return Condition(operator, key, values, rest != operator, Quantifier(_QUANTIFIERS.get(prefix, "")))


def _condition_value(where: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise PolicyError(where, f"has the condition value {value!r}, but it must be text, a number, true or false")


def _refuse_unknown(where: str, raw: Mapping[str, Any], known: frozenset[str]) -> None:
    unknown = sorted(str(key) for key in raw if key not in known)
    if unknown:
        told = f"Unknown field {unknown[0]}"
        raise PolicyError(where, f"has the unknown element {unknown[0]!r} (names are case-sensitive)", told)


def _missing(field: str) -> str:
    return f"Missing required field {field}"
