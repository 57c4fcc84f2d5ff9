"""The time between two moments as a number, in SQL for SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Float, SQLColumnExpression
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class milliseconds_between(FunctionElement[float]):  # noqa: N801  it reads as an SQL function
    """Milliseconds from the first to the second moment, to 1 ms; NULL where one of them is NULL."""

    type = Float()
    inherit_cache = True
    name = "milliseconds_between"

    def __init__(self, start: SQLColumnExpression[Any], end: SQLColumnExpression[Any]) -> None:
        super().__init__(start, end)


@compiles(milliseconds_between, "postgresql")
def _compile_postgresql(element: milliseconds_between, compiler: SQLCompiler, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM ({end} - {start})) * 1000.0 AS DOUBLE PRECISION)"


@compiles(milliseconds_between, "sqlite")
def _compile_sqlite(element: milliseconds_between, compiler: SQLCompiler, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    # SQLite counts whole milliseconds in the fraction of a Julian day; rounding removes the binary error.
    return f"ROUND((julianday({end}) - julianday({start})) * 86400000.0)"
