"""[FILTER] sections, drawn: each function draws one filter's options, as (key, value) lines."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.golden.drawn.records import KEYS

Lines = list[tuple[str, str]]
ACCESSORS = (
    "$log",
    "$level",
    "$k['a']",
    "$k['in']['a']",
    "$l[0]",
    "$n",
    "$k",
    "$a.b",
    "$k['a.b']",
    "$none",
    "$k['l'][1]",
)
REGEXES = (
    "error",
    "^E",
    "(?i)ERROR",
    r"\d+",
    ".",
    "^$",
    "200$",
    "(GET|POST) (\\S+)",
    "^(?<word>\\w+)",
    "日",
    "x{3}",
    r"\t",
)
TYPES = ("string", "int", "float", "uint", "hex")
RULES = (
    "Set", "Add", "Remove", "Remove_wildcard", "Remove_regex", "Rename", "Hard_rename", "Copy", "Hard_copy",
    "Move_to_start", "Move_to_end",
)  # fmt: skip
CONDITIONS = (
    "Key_exists", "Key_does_not_exist", "Key_value_equals", "Key_value_does_not_equal", "Key_value_matches",
    "Key_value_does_not_match", "A_key_matches", "No_key_matches", "Matching_keys_have_matching_values",
    "Matching_keys_do_not_have_matching_values",
)  # fmt: skip
PARSERS = ("p_json", "p_logfmt", "p_apache", "p_words", "p_ltsv", "p_json_time")
PARSERS_FILE = r"""
[PARSER]
    Name   p_json
    Format json
[PARSER]
    Name        p_json_time
    Format      json
    Time_Key    time
    Time_Format %Y-%m-%dT%H:%M:%S.%L%z
    Time_Keep   on
[PARSER]
    Name   p_logfmt
    Format logfmt
[PARSER]
    Name   p_ltsv
    Format ltsv
[PARSER]
    Name        p_apache
    Format      regex
    Regex       ^(?<host>\S*) \S* (?<user>\S*) \[(?<time>[^\]]*)\] "(?<method>\S+)[^"]*" (?<code>\S*) (?<size>\S*)
    Time_Key    time
    Time_Format %d/%b/%Y:%H:%M:%S %z
    Types       code:integer size:integer
[PARSER]
    Name   p_words
    Format regex
    Regex  ^(?<level>\w+) (?<rest>.*)$
"""
LUA_FILE = """
function plain(value)  -- a table's address is another one each time
    return type(value) == "table" and "a table" or tostring(value)
end
function same(tag, time, record)
    return 0, time, record
end
function drop_errors(tag, time, record)
    if record["level"] == "error" then
        return -1, 0, 0
    end
    return 0, time, record
end
function tells(tag, time, record)
    return 1, time + 1, { told = tag .. " " .. type(record["n"]) .. " " .. plain(record["level"]) }
end
function keeps_n(tag, time, record)
    if type(record["n"]) == "table" then
        return 0, time, record
    end
    return 2, time, { n = record["n"] }
end
function splits(tag, time, record)
    return 2, time, { { part = 1 }, { log = plain(record["log"]) } }
end
"""
# a table has no order of its keys that two runs of a real one share: what these make has one key
LUA_CALLS = ("same", "drop_errors", "tells", "keeps_n", "splits")


def grep(rng: Random) -> Lines:
    """Draw one to three rules; sometimes with logical_op, which takes rules of one kind."""
    operation = rng.choice((None, None, "AND", "OR", "legacy"))
    kinds = ["Regex", "Exclude"] if operation in (None, "legacy") else [rng.choice(("Regex", "Exclude"))]
    rules = [(rng.choice(kinds), f"{_key(rng)} {rng.choice(REGEXES)}") for _ in range(rng.randint(1, 3))]
    return [*rules, *([("Logical_Op", operation)] if operation else [])]


def record_modifier(rng: Random) -> Lines:
    """Draw what is appended, and what is removed or kept."""
    records = [("Record", f"{rng.choice((*KEYS, 'env'))} {rng.choice(('x', '5', 'app', '日本'))}")] * rng.randint(0, 1)
    removed = [("Remove_key", rng.choice((*KEYS, "l*", "none"))) for _ in range(rng.randint(0, 2))]
    kept = [("Allowlist_key", key) for key in rng.sample(KEYS, 3)] if not removed and rng.random() < 0.5 else []
    return [*records, *removed, *kept] or [("Record", "env x")]


def modify(rng: Random) -> Lines:
    """Draw rules, sometimes under a condition."""
    return [_modify_rule(rng) for _ in range(rng.randint(1, 4))] + [
        _condition(rng) for _ in range(rng.choice((0, 0, 1, 2)))
    ]


def nest(rng: Random) -> Lines:
    """Draw a nest or a lift."""
    prefix = (
        [(rng.choice(("Add_prefix", "Remove_prefix")), rng.choice(("p_", "l", "k.")))] if rng.random() < 0.5 else []
    )
    if rng.random() < 0.5:
        return [("Operation", "lift"), ("Nested_under", rng.choice(("k", "l", "log", "none"))), *prefix]
    wildcards = [("Wildcard", rng.choice(("l*", "log", "*", "n", "k*", "a.*"))) for _ in range(rng.randint(1, 2))]
    return [("Operation", "nest"), *wildcards, ("Nest_under", rng.choice(("in", "k", "log"))), *prefix]


def parser(rng: Random) -> Lines:
    """Draw one or two parsers of PARSERS_FILE."""
    parsers = [("Parser", name) for name in rng.sample(PARSERS, rng.randint(1, 2))]
    flags = [(flag, rng.choice(("on", "off"))) for flag in ("Reserve_Data", "Preserve_Key") if rng.random() < 0.6]
    return [("Key_Name", rng.choice(("log", "log", "log", "msg", "$k['a']", "n"))), *parsers, *flags]


def rewrite_tag(rng: Random) -> Lines:
    """Draw rules whose new tags no `Match` of a rewrite_tag takes (a real 4.2 dies of such a loop)."""
    return [("Rule", f"{rng.choice(ACCESSORS)} {rng.choice(REGEXES)} {_new_tag(rng)} {rng.choice(('true', 'false'))}")
            for _ in range(rng.randint(1, 2))]  # fmt: skip


def type_converter(rng: Random) -> Lines:
    """Draw conversions."""
    kinds = rng.sample(("str", "int", "float", "uint"), rng.randint(1, 2))
    return [(f"{kind}_key", f"{rng.choice(KEYS)} {rng.choice(('new', 'n'))} {rng.choice(TYPES)}") for kind in kinds]


def lua(rng: Random) -> Lines:
    """Draw a function of LUA_FILE."""
    integers = [("Type_int_key", "n code")] if rng.random() < 0.3 else []
    return [("Script", "$DIR/drawn.lua"), ("Call", rng.choice(LUA_CALLS)), *integers]


FILTERS: dict[str, Callable[[Random], Lines]] = {
    each.__name__: each for each in (grep, lua, modify, nest, parser, record_modifier, rewrite_tag, type_converter)
}


def _key(rng: Random) -> str:
    return rng.choice((*KEYS, *ACCESSORS))


def _new_tag(rng: Random) -> str:
    return "new." + rng.choice(("x", "$TAG", "$TAG[1]", "$level", "$1", "$0.$TAG", "$k['a']", "$n.x", "$k"))


def _modify_rule(rng: Random) -> tuple[str, str]:
    key, other = rng.sample((*KEYS, "new", "none"), 2)
    rule = rng.choice(RULES)
    if rule in ("Remove", "Remove_wildcard", "Move_to_start", "Move_to_end"):
        return rule, key if rule == "Remove" else rng.choice((key, key[0] + "*"))
    if rule == "Remove_regex":
        return rule, rng.choice(("^l", "^[kn]$", ".", "none"))
    return rule, f"{key} {other if rule not in ('Set', 'Add') else rng.choice(('x', '5', 'two', '日本'))}"


def _condition(rng: Random) -> tuple[str, str]:
    kind = rng.choice(CONDITIONS)
    if kind in ("Key_exists", "Key_does_not_exist"):
        return "Condition", f"{kind} {_key(rng)}"
    if kind in ("A_key_matches", "No_key_matches"):
        return "Condition", f"{kind} {rng.choice(('^l', 'n', '^zz'))}"
    if kind.startswith("Matching"):
        return "Condition", f"{kind} ^l {rng.choice(REGEXES[:5])}"
    value = rng.choice(("error", "5", "x")) if "equal" in kind else rng.choice(REGEXES[:5])
    return "Condition", f"{kind} {_key(rng)} {value}"
