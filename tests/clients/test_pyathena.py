"""PyAthena: each of its cursors but Arrow's, which reads the result from AWS's own address whatever the endpoint is."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any

import pytest
from pyathena import connect
from pyathena.async_cursor import AsyncCursor, AsyncDictCursor
from pyathena.cursor import Cursor, DictCursor
from pyathena.error import OperationalError
from pyathena.pandas.async_cursor import AsyncPandasCursor
from pyathena.pandas.cursor import PandasCursor
from pyathena.polars.cursor import PolarsCursor
from pyathena.s3fs.cursor import S3FSCursor

from tests.clients.conftest import DATABASE

pytestmark = pytest.mark.filterwarnings("ignore")
SQL = "SELECT n, log FROM logs ORDER BY n"


def _connected(bucket: str, kind: type, **more: Any) -> Any:
    return connect(s3_staging_dir=f"s3://{bucket}/pyathena/", schema_name=DATABASE, cursor_class=kind, **more)


def test_rows(bucket: str) -> None:
    """DB-API: description, rows with Python's types, dictionaries, iteration."""
    cursor = _connected(bucket, Cursor).cursor().execute(SQL)
    assert [column[:2] for column in cursor.description] == [("n", "integer"), ("log", "varchar")]
    assert cursor.fetchall()[0] == (0, "GET /index.html 200")
    named = _connected(bucket, DictCursor).cursor().execute(SQL)
    assert [row["n"] for row in named] == [0, 1, 2, 3, 4]


def test_parameters(bucket: str) -> None:
    """By Athena (qmark) and by PyAthena (pyformat)."""
    cursor = _connected(bucket, Cursor).cursor()
    found = cursor.execute(
        "SELECT n FROM logs WHERE log = ? AND n > ?", ["'GET /index.html 200'", "0"], paramstyle="qmark"
    )
    assert sorted(found.fetchall()) == [(1,), (3,)]
    assert cursor.execute("SELECT n FROM logs WHERE n = %(n)s", {"n": 4}).fetchone() == (4,)


def test_values_without_a_name_and_without_a_table(bucket: str) -> None:
    """Columns are called by their place; dates, numbers, arrays and NULL come as Python's."""
    moments = "date '2021-11-07', timestamp '2021-11-07 09:14:02'"
    sql = f"SELECT {moments}, 1.5e0, CAST(2 AS decimal(5, 2)), true, NULL, array[1, 2]"
    cursor = _connected(bucket, Cursor).cursor().execute(sql)
    assert [column[0] for column in cursor.description] == [f"_col{place}" for place in range(7)]
    row = cursor.fetchone()
    assert [str(value) for value in row[:6]] == ["2021-11-07", "2021-11-07 09:14:02", "1.5", "2.00", "True", "None"]
    assert row[6] == [1, 2]


def test_what_is_no_query(bucket: str) -> None:
    """SHOW, DESCRIBE, CREATE and DROP."""
    cursor = _connected(bucket, Cursor).cursor()
    assert cursor.execute("SHOW TABLES").fetchall() == [("logs",)]
    assert cursor.execute("SHOW DATABASES").fetchall() == [(DATABASE,)]
    cursor.execute(f"CREATE EXTERNAL TABLE made (a int) PARTITIONED BY (b int) LOCATION 's3://{bucket}/made/'")
    cursor.execute("ALTER TABLE made ADD PARTITION (b = 1) PARTITION (b = 2)")
    assert cursor.execute("SHOW PARTITIONS made").fetchall() == [("b=1",), ("b=2",)]
    assert cursor.execute("DESCRIBE made").fetchall()[0][0].split() == ["a", "int"]
    assert cursor.get_table_metadata("made").partition_keys[0].name == "b"
    assert [table.name for table in cursor.list_table_metadata()] == ["logs", "made"]
    cursor.execute("DROP TABLE made")
    with pytest.raises(OperationalError, match="TABLE_NOT_FOUND"):
        cursor.execute("SELECT * FROM made")


@pytest.mark.parametrize("kind", [AsyncCursor, AsyncDictCursor, AsyncPandasCursor])
def test_queries_in_the_background(bucket: str, kind: type) -> None:
    """The result comes as a future; a query can be cancelled."""
    cursor = _connected(bucket, kind).cursor()
    _, future = cursor.execute(SQL)
    assert isinstance(future, Future)
    assert len(list(future.result().fetchall())) == 5
    cursor.close()


@pytest.mark.parametrize("unload", [False, True])
def test_frames_of_pandas(bucket: str, unload: bool) -> None:
    """From the CSV result, and by UNLOAD."""
    frame = _connected(bucket, PandasCursor).cursor(unload=unload).execute(SQL).as_pandas()
    assert frame["n"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("unload", [False, True])
def test_frames_of_polars(bucket: str, unload: bool) -> None:
    """From the CSV result, and by UNLOAD."""
    frame = _connected(bucket, PolarsCursor).cursor(unload=unload).execute(SQL).as_polars()
    assert frame["n"].to_list() == [0, 1, 2, 3, 4]


def test_rows_through_s3fs(bucket: str) -> None:
    """The CSV result read by PyAthena's own file system."""
    assert len(_connected(bucket, S3FSCursor).cursor().execute(SQL).fetchall()) == 5


def test_asyncio(bucket: str) -> None:
    """The asyncio connection of PyAthena 4."""
    from pyathena import aio_connect

    async def asked() -> list[Any]:
        async with await aio_connect(s3_staging_dir=f"s3://{bucket}/pyathena/", schema_name=DATABASE) as connection:
            cursor = connection.cursor()
            await cursor.execute(SQL)
            return list(await cursor.fetchall())

    assert len(asyncio.run(asked())) == 5
