"""Rows are written by the server's time: a host whose clock is wrong holds nothing back."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from chaos.jumped_clock import JumpedClock, build_library
from db.database import Database
from db.tables import Instance
from tests.unit import rows

LEASING = """
import sys
from datetime import UTC, datetime, timedelta
from db.films import films
from db.database import Database
from db.settings import DatabaseSettings
database = Database.open(DatabaseSettings(url=sys.argv[1]))
with database.write() as session:
    assert len(films.lease_due(session, sys.argv[2], timedelta(seconds=60), 9)) == 1
print(datetime.now(UTC).isoformat())
"""


@pytest.mark.parametrize("jump_s", [-7200, 7200])
def test_a_lease_ends_in_time_whatever_the_clock_of_the_host_that_took_it_says(
    postgresql_database: Database, tmp_path: Path, jump_s: int
) -> None:
    library = build_library(tmp_path)
    if library is None:
        pytest.skip("there is no C compiler, so no process has a clock of its own")
    clock = JumpedClock(tmp_path / "clock", library)
    clock.jump(jump_s)
    instance_id = rows.receive(postgresql_database).instance_id
    url = postgresql_database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", LEASING, url, rows.GATEWAY]
    environment = {**os.environ, **clock.environment()}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    its_time = datetime.fromisoformat(done.stdout.strip())
    assert abs(its_time - datetime.now(UTC)) > timedelta(seconds=7000), "its clock was wrong"
    with postgresql_database.read() as session:
        due_at = session.scalar(select(Instance.due_at).where(Instance.id == instance_id))
    assert due_at is not None
    assert timedelta(0) < due_at - datetime.now(UTC) < timedelta(seconds=61)
