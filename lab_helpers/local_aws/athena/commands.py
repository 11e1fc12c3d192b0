"""Statements that are no queries: SHOW, DESCRIBE, tables, databases and partitions, prepared statements. Pure.

Source: Athena's user guide, "DDL statements" and "SQL statements for prepared statements".
Not modelled: views, Iceberg, ALTER TABLE but ADD and DROP PARTITION.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_NAME = r"[`\"]?(?P<{0}>\w+)[`\"]?"
_TABLE = rf"(?:{_NAME.format('db')}\s*\.\s*)?{_NAME.format('table')}"
_IN = rf"(?:\s+(?:in|from)\s+{_NAME.format('db')})?"
_PARTITIONS = r"(?P<partitions>partition\s*\(.*)"
_FORMS = {
    "SHOW_DATABASES": r"show\s+(?:databases|schemas)(?:\s+like\s+'(?P<like>[^']*)')?",
    "SHOW_TABLES": rf"show\s+tables{_IN}(?:\s+(?:like\s+)?'(?P<like>[^']*)')?",
    "SHOW_COLUMNS": rf"show\s+columns\s+(?:in|from)\s+{_TABLE}(?:\s+(?:in|from)\s+{_NAME.format('db2')})?",
    "SHOW_PARTITIONS": rf"show\s+partitions\s+{_TABLE}",
    "SHOW_CREATE_TABLE": rf"show\s+create\s+table\s+{_TABLE}",
    "SHOW_TBLPROPERTIES": rf"show\s+tblproperties\s+{_TABLE}(?:\s*\(\s*'(?P<like>[^']*)'\s*\))?",
    "DESCRIBE_TABLE": rf"desc(?:ribe)?\s+(?:extended\s+|formatted\s+)?{_TABLE}",
    "MSCK_REPAIR_TABLE": rf"msck\s+repair\s+table\s+{_TABLE}",
    "DROP_TABLE": rf"drop\s+table\s+(?P<lenient>if\s+exists\s+)?{_TABLE}",
    "ALTER_TABLE_ADD_PARTITION": rf"alter\s+table\s+{_TABLE}\s+add\s+(?P<lenient>if\s+not\s+exists\s+)?{_PARTITIONS}",
    "ALTER_TABLE_DROP_PARTITION": rf"alter\s+table\s+{_TABLE}\s+drop\s+(?P<lenient>if\s+exists\s+)?{_PARTITIONS}",
    "CREATE_DATABASE": (
        rf"create\s+(?:database|schema)\s+(?P<lenient>if\s+not\s+exists\s+)?{_NAME.format('db')}"
        r"(?:\s+comment\s+'(?P<comment>[^']*)')?(?:\s+location\s+'(?P<location>[^']*)')?"
    ),
    "DROP_DATABASE": (
        rf"drop\s+(?:database|schema)\s+(?P<lenient>if\s+exists\s+)?{_NAME.format('db')}"
        r"(?:\s+(?P<cascade>cascade)|\s+restrict)?"
    ),
    "PREPARE": rf"prepare\s+{_NAME.format('table')}\s+from\s+(?P<query>.*)",
    "DEALLOCATE_PREPARE": rf"deallocate\s+prepare\s+{_NAME.format('table')}",
}
_COMPILED = {
    name: re.compile(rf"(?:\s|--[^\n]*\n)*{form}\s*;?\s*", re.IGNORECASE | re.DOTALL) for name, form in _FORMS.items()
}
_PARTITION = re.compile(r"partition\s*\(([^()]*)\)(?:\s*location\s*'([^']*)')?", re.IGNORECASE)
_VALUE = re.compile(r"[`\"]?(\w+)[`\"]?\s*=\s*(?:'((?:[^']|'')*)'|(-?\d+))")
_EXECUTE = re.compile(
    r"\s*execute\s+[`\"]?(?P<name>\w+)[`\"]?(?:\s+using\s+(?P<values>.*?))?\s*;?\s*", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class Partition:
    """A partition as a statement names it: its values by key, and where its objects are ("": below the table's)."""

    values: Mapping[str, str]
    location: str = ""


@dataclass(frozen=True)
class Command:
    """A statement that is no query; `name` is Athena's SubstatementType, `table` also a prepared statement's name."""

    name: str
    database: str
    table: str = ""
    is_lenient: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)
    partitions: tuple[Partition, ...] = ()

    @property
    def type(self) -> str:
        """Athena's StatementType."""
        return "UTILITY" if self.name.startswith(("SHOW", "DESCRIBE")) else "DDL"


def parse(sql: str, database: str) -> Command | None:
    """Return the command, None for a statement that is none of these; `database` is where names without one are."""
    for name, form in _COMPILED.items():
        if found := form.fullmatch(sql):
            parts = {key: value for key, value in found.groupdict().items() if value is not None}
            database = (parts.pop("db2", None) or parts.pop("db", None) or database).lower()
            table = parts.pop("table", "")
            is_lenient = bool(parts.pop("lenient", ""))
            partitions = tuple(_partition(each) for each in _PARTITION.finditer(parts.pop("partitions", "")))
            return Command(name, database, table.lower(), is_lenient, parts, partitions)
    return None


def executed(sql: str) -> tuple[str, str] | None:
    """Return an EXECUTE's prepared statement and what stands behind USING; None for any other statement."""
    found = _EXECUTE.fullmatch(sql)
    return (found["name"], found["values"] or "") if found else None


def _partition(found: re.Match[str]) -> Partition:
    values = {key.lower(): text.replace("''", "'") or digits for key, text, digits in _VALUE.findall(found[1])}
    return Partition(values, found[2] or "")
