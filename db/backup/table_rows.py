"""The rows of a table as plain values, read from and written to SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, Final

from sqlalchemy import JSON, Boolean, Connection, DateTime, LargeBinary, MetaData, Table

Row = tuple[Any, ...]
"""None, bool, int, float, str, bytes and times in UTC; JSON as its text."""

TRANSIENT: Final = frozenset({"web_sessions", "login_attempts", "backups", "film_tiles"})
"""Tables that a backup leaves out: sessions of browsers, failed logins, the record of backups,
tiles of films."""

ROWS_AT_ONCE: Final = 2000
HEAVY_ROWS_AT_ONCE: Final = 16
"""Rows of a table with pictures, reports or chunks of bundles: up to 4 MiB each."""


def list_tables(schema: MetaData) -> list[Table]:
    """Return the tables of a backup, referenced tables first."""
    return [table for table in schema.sorted_tables if table.name not in TRANSIENT | {"alembic_version"}]


def list_columns(table: Table) -> list[str]:
    """Return the columns that hold values, without those that the database computes."""
    return [column.name for column in table.columns if column.computed is None]


def is_heavy(table: Table) -> bool:
    """True for a table with pictures, reports or chunks of bundles."""
    return any(isinstance(column.type, LargeBinary) for column in table.columns)


def count_rows(connection: Connection, table: Table) -> int:
    """Return the number of rows of a table."""
    return int(connection.exec_driver_sql(f'SELECT count(*) FROM "{table.name}"').scalar_one())  # noqa: S608


def read_rows(connection: Connection, table: Table) -> Iterator[Row]:
    """Yield all rows of a table, the values in the order of `list_columns`.

    Args:
        connection: in a transaction with one snapshot of the database.
        table: the table at the database's migration (`db.schema.reflect`).
    """
    raw: Any = connection.connection.driver_connection
    on_sqlite = connection.dialect.name == "sqlite"
    names = [_select(table, name, on_sqlite) for name in list_columns(table)]
    order = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
    query = f'SELECT {", ".join(names)} FROM "{table.name}"' + (f" ORDER BY {order}" if order else "")  # noqa: S608
    # Binary, because as text PostgreSQL sends each byte of a picture as two characters.
    cursor = raw.cursor() if on_sqlite else raw.cursor(name="tbscreen_rows", binary=True)
    at_once = HEAVY_ROWS_AT_ONCE if is_heavy(table) else ROWS_AT_ONCE
    readers = [_reader(table, name, on_sqlite) for name in list_columns(table)]
    try:
        cursor.execute(query)
        while block := cursor.fetchmany(at_once):
            for row in block:
                yield tuple(
                    value if read is None or value is None else read(value)
                    for read, value in zip(readers, row, strict=True)
                )
    finally:
        cursor.close()


def write_rows(connection: Connection, table: Table, rows: Iterable[Row]) -> int:
    """Insert rows of `read_rows` into a table.

    Returns:
        The number of rows.

    Raises:
        sqlalchemy.exc.SQLAlchemyError, or the driver's error: when the table refuses a row.
    """
    raw: Any = connection.connection.driver_connection
    names = ", ".join(f'"{name}"' for name in list_columns(table))
    if connection.dialect.name == "sqlite":
        return _insert(raw, f'INSERT INTO "{table.name}" ({names})', len(list_columns(table)), rows)
    count = 0
    with raw.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def set_sequences(connection: Connection, table: Table, gap: int) -> None:
    """Set PostgreSQL's sequences so that new rows get numbers from `gap` above the highest one.

    SQLite needs no sequence.
    """
    if connection.dialect.name == "sqlite":
        return
    for column in table.primary_key.columns:
        name = f'"{table.name}"'
        found = connection.exec_driver_sql("SELECT pg_get_serial_sequence(%s, %s)", (name, column.name))
        sequence = found.scalar_one()
        if sequence is not None:
            highest = f'(SELECT coalesce(max("{column.name}"), 0) FROM {name})'  # noqa: S608
            connection.exec_driver_sql(f"SELECT setval(%s, {highest} + %s + 1, false)", (sequence, gap))


def _insert(raw: Any, insert: str, width: int, rows: Iterable[Row]) -> int:
    statement = f"{insert} VALUES ({', '.join('?' * width)})"
    count = 0
    iterator = iter(rows)
    while first := next(iterator, None):
        block = [_for_sqlite(row) for row in chain([first], islice(iterator, HEAVY_ROWS_AT_ONCE * 8 - 1))]
        raw.executemany(statement, block)
        count += len(block)
    return count


def _for_sqlite(row: Row) -> Sequence[Any]:
    """Return a row with times in SQLAlchemy's text form for SQLite, which queries compare as text."""
    return [
        f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value
        for value in row
    ]


def _select(table: Table, name: str, on_sqlite: bool) -> str:
    if not on_sqlite and isinstance(table.columns[name].type, JSON):
        return f'CAST("{name}" AS text)'
    return f'"{name}"'


def _reader(table: Table, name: str, on_sqlite: bool) -> Any:
    kind = table.columns[name].type
    if isinstance(kind, DateTime):
        return _read_sqlite_time if on_sqlite else _read_time
    if isinstance(kind, Boolean) and on_sqlite:
        return bool
    return bytes if isinstance(kind, LargeBinary) else None


def _read_sqlite_time(value: str) -> datetime:
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


def _read_time(value: datetime) -> datetime:
    return value.astimezone(UTC)
