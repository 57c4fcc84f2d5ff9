"""Migrations go up and down, by one process at a time, and say the same as `db.tables`."""

from __future__ import annotations

import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, inspect, text

from db import schema
from db.clock import now
from db.database import Database
from db.models import admissions, shadow_screenings
from db.settings import DatabaseSettings
from db.tables import Record
from db.worklist.studies import StudyHeader
from tests.unit import rows

UPGRADE = """
import sys
from db import schema
from db.database import Database
from db.settings import DatabaseSettings

database = Database.open(DatabaseSettings(url=sys.argv[1]))
print("here", flush=True)
sys.stdin.readline()
schema.upgrade(database)
database.close()
"""
ASK = """
import sys
from db import schema
from db.database import Database
from db.settings import DatabaseSettings

database = Database.open(DatabaseSettings(url=sys.argv[1]))
print(schema.is_behind(database), "alembic" in sys.modules)
database.close()
"""


def test_migrations_go_up_and_down_and_up_again(empty_database: Database) -> None:
    ours = {table.name for table in Record.metadata.sorted_tables}
    assert schema.find_revision(empty_database) is None

    schema.upgrade(empty_database)
    assert schema.find_revision(empty_database) == schema.newest_revision()
    assert set(inspect(empty_database.engine).get_table_names()) == ours | {"alembic_version"}

    schema.downgrade(empty_database, "base")
    assert schema.find_revision(empty_database) is None
    assert set(inspect(empty_database.engine).get_table_names()) == {"alembic_version"}

    schema.upgrade(empty_database)
    assert set(inspect(empty_database.engine).get_table_names()) == ours | {"alembic_version"}


def test_the_numbers_of_the_files_are_the_revisions_that_alembic_knows() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    assert known == sorted(known)
    assert known[-1] == schema.newest_revision()
    assert all(map(schema.is_known, known))
    assert not schema.is_known("9999")


def test_a_process_that_only_asks_for_the_revision_imports_no_alembic(sqlite_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK, sqlite_url], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_a_database_is_behind_until_it_is_upgraded_and_never_when_it_is_ahead(
    empty_database: Database,
) -> None:
    assert schema.is_behind(empty_database)
    schema.upgrade(empty_database)
    assert not schema.is_behind(empty_database)
    with empty_database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert not schema.is_behind(empty_database)
    assert schema.find_revision(empty_database) == "9999"


def test_a_second_upgrade_changes_nothing(database: Database) -> None:
    schema.upgrade(database)
    assert schema.find_revision(database) == schema.newest_revision()


def test_migrations_and_tables_do_not_differ(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Record.metadata) == []


def test_migrations_and_tables_name_the_same_constraints_and_indexes(empty_database: Database) -> None:
    schema.upgrade(empty_database)
    migrated = _names(empty_database)
    schema.downgrade(empty_database, "base")
    Record.metadata.create_all(empty_database.engine)
    assert migrated == _names(empty_database)
    assert {("models", "uq_models_one_active"), ("models", "uq_models_one_shadow")} <= migrated


def test_a_filled_database_loses_nothing_on_its_way_to_the_registry_and_back(
    empty_database: Database,
) -> None:
    schema.upgrade(empty_database)
    _fill(empty_database)
    schema.downgrade(empty_database, "0001")
    before = _read_all(empty_database)
    assert {"activations", "shadow_screenings", "comparisons"} & before.keys() == set()
    assert [len(before[table]) for table in ("models", "screenings", "outbox", "instances")] == [2, 2, 1, 3]

    schema.upgrade(empty_database)
    after = _read_all(empty_database)
    assert [row.pop("shadow") in (False, 0) for row in after["models"]] == [True, True]
    assert [(row.pop("verdict"), row.pop("is_read") in (False, 0)) for row in after["studies"]] == [
        (None, True) for _ in before["studies"]
    ]
    (study,) = after["studies"]
    assert [study.pop(name) for name in ("modalities", "stations", "senders")] == ["DX", "", "MODALITY"]
    assert (study.pop("place"), study.pop("received_day")) == (pytest.approx(0.1), f"{now():%Y%m%d}")
    assert [study.pop(f"{name}_key") for name in ("accession", "patient_id", "name")] == [
        "a7",
        "p1",
        "doe jane",
    ]
    assert after["study_keys"] == [{"study_id": study["id"], "key": "jane doe"}]
    # What later migrations add to a row is theirs to test.
    assert {table: _keep_columns(after[table], before[table]) for table in before} == before
    with empty_database.write() as session:
        shadow_screenings.start(session, rows.OTHER_DIGEST)

    schema.downgrade(empty_database, "0001")
    assert _read_all(empty_database) == before


def test_a_version_that_knows_the_first_tables_alone_goes_on_beside_the_registry(database: Database) -> None:
    with database.write() as session:
        session.execute(
            text(
                "INSERT INTO models (digest, name, version, trained, normalization_version, manifest, "
                "registered_at, active) VALUES (:digest, 'm', '1', false, 'n', '{}', '2026-01-01', true)"
            ),
            {"digest": rows.DIGEST},
        )
        assert session.execute(text("SELECT shadow FROM models")).scalar_one() in (False, 0)


def test_bundles_that_are_registered_count_as_trusted(empty_database: Database) -> None:
    with empty_database.engine.begin() as connection:
        schema.upgrade_within(connection, "0019")
    with empty_database.write() as session:
        session.execute(
            text(
                "INSERT INTO models (digest, name, version, trained, normalization_version, manifest, "
                "registered_at, active) VALUES (:digest, 'm', '1', false, 'n', '{}', '2026-01-01', true)"
            ),
            {"digest": rows.DIGEST},
        )
    schema.upgrade(empty_database)
    with empty_database.read() as session:
        entry = admissions.find(session, rows.DIGEST)
    assert (entry.trust, entry.trusted_by, entry.golden_scores) == ("before", "tbscreen", None)
    assert entry.trusted_at is not None


@pytest.mark.parametrize("url_fixture", ["empty_sqlite_url", "empty_postgresql_url"])
def test_several_processes_upgrade_at_once(url_fixture: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(url_fixture)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", UPGRADE, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    database = Database.open(DatabaseSettings(url=url))
    assert schema.find_revision(database) == schema.newest_revision()
    database.close()


def _fill(database: Database) -> None:
    """Bundles, films in every state, a report; a bundle in the shadow and what it said."""
    rows.register_model(database, rows.OTHER_DIGEST, name="other", active=False)
    rows.register_model(database)
    header = StudyHeader("1.2.3", "A7", "P1", "Doe^Jané")
    screened = rows.receive_and_queue(database, "1.2.3.1", study=header)
    rows.screen(database, screened)
    rows.report(database)
    rows.screen(database, rows.receive_and_queue(database, "1.2.3.2"))
    rows.receive(database, "1.2.3.3")
    with database.write() as session:
        shadow_screenings.start(session, rows.OTHER_DIGEST)
        row = shadow_screenings.begin(session, screened, rows.OTHER_DIGEST, "worker-1")
        assert row is not None
        shadow_screenings.finish(session, row, rows.make_result(screened, digest=rows.OTHER_DIGEST))


def _keep_columns(
    rows_after: list[dict[str, object]], rows_before: list[dict[str, object]]
) -> list[dict[str, object]]:
    known = set().union(*rows_before)
    return [{name: value for name, value in row.items() if name in known} for row in rows_after]


def _read_all(database: Database) -> dict[str, list[dict[str, object]]]:
    """Return every row of every table that there is, as it is stored."""
    metadata = MetaData()
    metadata.reflect(database.engine)
    with database.read() as session:
        return {
            table.name: [
                dict(row) for row in session.execute(table.select().order_by(*table.primary_key)).mappings()
            ]
            for table in metadata.sorted_tables
            if table.name != "alembic_version"
        }


def _names(database: Database) -> set[tuple[str, str | None]]:
    inspector = inspect(database.engine)
    found = set()
    for table in Record.metadata.tables:
        found.add((table, inspector.get_pk_constraint(table)["name"]))
        found |= {(table, constraint["name"]) for constraint in inspector.get_unique_constraints(table)}
        found |= {(table, key["name"]) for key in inspector.get_foreign_keys(table)}
        found |= {(table, index["name"]) for index in inspector.get_indexes(table)}
    return found
