"""Query plans of either database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from db.database import Database


@contextmanager
def statements_of(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements that are run inside the block, with their parameters."""
    collected: list[tuple[str, Any]] = []

    def collect(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        collected.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", collect)
    try:
        yield collected
    finally:
        event.remove(database.engine, "before_cursor_execute", collect)


def explain(database: Database, statements: list[tuple[str, Any]]) -> list[list[str]]:
    """Return the plan of each statement that looks for studies, as lines, under the settings it was run with.

    On PostgreSQL these are the ones between `set_config` and back; what comes after reads rows by their keys.
    """
    plans = []
    is_sqlite = database.engine.dialect.name == "sqlite"
    word, looking = ("EXPLAIN QUERY PLAN", True) if is_sqlite else ("EXPLAIN (COSTS OFF)", False)
    with database.engine.connect() as connection:
        for statement, parameters in statements:
            if "set_config" in statement:
                connection.exec_driver_sql(statement, parameters)
                looking = "current_setting" in statement
            elif looking and "studies" in statement:
                rows = connection.exec_driver_sql(f"{word} {statement}", parameters).all()
                plans.append([str(row[-1]) for row in rows])
    return plans
