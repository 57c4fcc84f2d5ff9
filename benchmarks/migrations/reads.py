"""Duration of migration 0031 (each reader's own read) over 1,000,000 reads, in SQLite and in PostgreSQL.

    python -m benchmarks.migrations.reads [--studies 500000] [--databases sqlite postgresql]

Each study has the reads of two readers, who differ on one study in a hundred, and no film. Writers wait while
the migration runs. The last line is one JSON object: seconds of the upgrade, by database.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select, text

from db import schema
from db.database import Database
from db.settings import DatabaseSettings
from db.tables import Study
from tbscreen.machine import describe_machine
from tests.servers.database import postgresql

BEFORE = "0030"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
STUDIES = """
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
    INSERT INTO studies (study_instance_uid, received_at, state, priority_rank, sort_probability, is_read)
    SELECT '2.25.' || n, :at, 'screened', 1, 0.5, true FROM numbers
"""
DIFFER = 100
"""One study in this number is read differently by its two readers."""


def measure(name: str, folder: Path, studies: int) -> float:
    """Return the seconds of the upgrade from the revision before, with two reads of each study."""
    with ExitStack() as stack:
        url = f"sqlite:///{folder}/reads.sqlite3"
        if name == "postgresql":
            url = stack.enter_context(postgresql(folder / "postgresql"))
        database = Database.open(DatabaseSettings(url=url))
        stack.callback(database.close)
        schema.upgrade(database)
        schema.downgrade(database, BEFORE)
        with database.write() as session:
            session.execute(text(STUDIES), {"count": studies, "at": NOW})
            for reader, verdict in (
                ("rosa", "'not_tb'"),
                ("ben", "CASE WHEN id % :n = 0 THEN 'tb' ELSE 'not_tb' END"),
            ):
                session.execute(
                    text(
                        "INSERT INTO reads (study_id, verdict, reader, read_at, current) "
                        f"SELECT id, {verdict}, :reader, :at, :current FROM studies"
                    ),
                    {
                        "reader": reader,
                        "at": NOW,
                        "current": reader == "ben",
                        "n": DIFFER,
                    },
                )
        began = time.monotonic()
        schema.upgrade(database)
        seconds = time.monotonic() - began
        with database.read() as session:
            found = session.scalar(select(func.count()).where(Study.differing_verdicts.is_not(None)))
        assert found == studies // DIFFER, found
        return seconds


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--studies", type=int, default=500_000)
    names = ["sqlite", "postgresql"]
    parser.add_argument("--databases", nargs="+", choices=names, default=names)
    options = parser.parse_args()
    print(describe_machine())
    result: dict[str, object] = {"reads": 2 * options.studies}
    for name in options.databases:
        with tempfile.TemporaryDirectory(prefix="tbscreen-reads-") as folder:
            Path(folder).chmod(0o711)  # PostgreSQL's own user must reach its folder
            result[name] = round(measure(name, Path(folder), options.studies), 1)
        print(f"  {name:12} {result[name]:7.1f} s", flush=True)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
