"""Trino's functions that DuckDB has not, or has with another meaning."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from lab_helpers.local_aws.athena import statement
from lab_helpers.local_aws.athena.result import printed

URL = "'https://user@shop.example:8443/a%20b/c?x=1&name=J%20R&empty=&x=2#part'"
MOMENT = "timestamp '2021-11-07 09:14:02'"


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone='UTC'")
    connection.execute("SET integer_division=true")
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        (f"url_extract_protocol({URL})", "https"),
        (f"url_extract_host({URL})", "shop.example"),
        (f"url_extract_port({URL})", "8443"),
        (f"url_extract_path({URL})", "/a b/c"),
        (f"url_extract_query({URL})", "x=1&name=J R&empty=&x=2"),
        (f"url_extract_fragment({URL})", "part"),
        (f"url_extract_parameter({URL}, 'name')", "J R"),
        (f"url_extract_parameter({URL}, 'x')", "1"),
        (f"url_extract_parameter({URL}, 'empty')", ""),
        (f"url_extract_parameter({URL}, 'none')", None),
        ("url_extract_path('/index.html?x=1')", "/index.html"),
        ("url_extract_port('http://shop.example/')", None),
        ("url_extract_path('http://not a url')", None),
        ("url_extract_host(url_extract_fragment('http://a/#http://b/c'))", "b"),
        ("5 / 2", "2"),
        ("-7 / 2", "-3"),
        ("5 / 2.0e0", "2.5"),
        ("try(1 / 0)", None),
        ("slice(array[1, 2, 3, 4], 2, 2)", "[2, 3]"),
        ("regexp_replace('a-b', '(a)-(b)', '$2+$1')", "b+a"),
        ("regexp_extract(regexp_replace('a1', 'a', 'b'), 'x')", None),
        ("format('%s has %d', 'a', 2)", "a has 2"),
        ("date_add('day', 1, date '2021-11-07')", "2021-11-08"),
        ("date '2021-11-07' - interval '1' month", "2021-10-07"),
        ("date_add('hour', 1, timestamp '2021-11-07 09:14:02')", "2021-11-07 10:14:02.000"),
        (f"format_datetime({MOMENT}, 'dd/MMM/yyyy:HH:mm:ss')", "07/Nov/2021:09:14:02"),
        (f"format_datetime({MOMENT}, 'yyyy-MM-dd''T''HH')", "2021-11-07T09"),
        ("parse_datetime('07/Nov/2021:09:14:02 +0000', 'dd/MMM/yyyy:HH:mm:ss Z')", "2021-11-07 09:14:02.000 UTC"),
        (f"to_iso8601({MOMENT})", "2021-11-07T09:14:02.000"),
        ("to_iso8601(date '2021-11-07')", "2021-11-07"),
        ("map_agg('a', 1)", "{a=1}"),
        ("arrays_overlap(array[1, 2], array[2, 3])", "true"),
        ("split_to_map('a=1&b=2', '&', '=')['b']", "2"),
        ("json_array_get('[10, 20]', 1)", "20"),
        ('json_size(\'{"a": {"b": 1, "c": 2}}\', \'$.a\')', "2"),
        ("strrpos('a.b.c', '.')", "4"),
        ("is_nan(nan())", "true"),
        ("width_bucket(7.0, 0.0, 10.0, 5)", "4"),
        ("max_by('a', 2)", "a"),
        ("from_unixtime_nanos(1636276442000000000)", "2021-11-07 09:14:02.000"),
    ],
)
def test_functions_mean_what_they_mean_in_trino(
    engine: duckdb.DuckDBPyConnection, expression: str, told: str | None
) -> None:
    """A value is Trino's, printed as Athena prints it."""
    asked = statement.parse(f"SELECT {expression}", "lab")
    for macro in statement.macros(asked):
        engine.execute(macro.replace("CREATE TEMP MACRO", "CREATE OR REPLACE TEMP MACRO"))
    row = engine.execute(statement.to_duckdb(asked, {})).fetchone()
    assert row is not None
    assert printed(row[0]) == told
