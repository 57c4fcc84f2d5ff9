"""Fills a database with as many studies as a region makes in five years, one film each."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import psycopg
from sqlalchemy import Table as SqlTable
from sqlalchemy import func, inspect, make_url, select, text

from benchmarks.inputs.result_filling import fill_results
from db.database import Database
from db.tables import Instance, Screening, Study, StudyKey
from db.worklist.search_keys import fold, fold_name, list_further_keys

NOW: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAYS: Final = 1825
FIRST_UID: Final = 10_000_000_000
DIGEST: Final = "d" * 64
SURNAMES: Final = [
    f"{a}{b}{c}" for a in "ABDGKLMNRST" for b in ("an", "el", "io", "ur") for c in ("da", "mov", "ri")
]
GIVEN: Final = [
    f"{a}{b}" for a in ("Ade", "Bo", "Chi", "Du", "Em", "Fa", "Go", "Ha") for b in ("la", "ni", "rek", "so")
]
STATIONS: Final = [f"ROOM{number:02}" for number in range(1, 41)]
SENDERS: Final = [f"PACS{number}" for number in range(1, 9)]
BLOCK: Final = 20_000


Rows = list[dict[str, Any]]


def make_rows(begin: int, count: int) -> Iterator[tuple[Rows, ...]]:
    """Yield blocks of studies, instances, screenings and search keys, from study `begin` + 1 on."""
    for first in range(begin + 1, count + 1, BLOCK):
        chance = random.Random(first)
        made = [_make_study(number, count, chance) for number in range(first, min(first + BLOCK, count + 1))]
        yield (
            made,
            [_make_instance(study) for study in made],
            [_make_screening(study) for study in made if study["priority"]],
            [{"study_id": study["id"], "key": key} for study in made for key in _list_keys(study)],
        )


def _make_study(number: int, count: int, chance: random.Random) -> dict[str, Any]:
    received = NOW - timedelta(seconds=DAYS * 86400 * (1 - number / count))
    age = (NOW - received).total_seconds() / 86400
    drawn = chance.random()
    priority = "HIGH" if drawn < 0.05 else "MEDIUM" if drawn < 0.15 else "LOW" if drawn < 0.92 else None
    state = "screened" if priority else "received" if age < 0.5 else "refused"
    if age < 0.01:
        priority, state = None, "received"
    probability = None if priority is None else round(chance.random(), 6)
    name = f"{chance.choice(SURNAMES)}^{chance.choice(GIVEN)}"
    accession, patient = f"A{number:09}", f"P{chance.randrange(count):08}"
    return {
        "id": number,
        "study_instance_uid": f"2.25.{FIRST_UID + number}",
        "accession_number": accession,
        "patient_id": patient,
        "patient_name": name,
        "study_date": f"{received:%Y%m%d}",
        "received_at": received,
        "received_day": f"{received:%Y%m%d}",
        "state": state,
        "refusal": chance.choice(["not_frontal", "not_chest", "under_age"]) if state == "refused" else None,
        "finding": None if priority is None else "absent" if priority == "LOW" else "present",
        "priority": priority,
        "priority_rank": {"HIGH": 3, "MEDIUM": 2, "LOW": 1, None: 0}[priority],
        "probability": probability,
        "sort_probability": -1.0 if probability is None else probability,
        "is_read": age > 3 and chance.random() < 0.99,
        "modalities": chance.choices(["DX", "CR", "CR\\DX"], [70, 28, 2])[0],
        "stations": chance.choices(STATIONS, range(40, 0, -1))[0],
        "senders": chance.choice(SENDERS),
        "accession_key": fold(accession),
        "patient_id_key": fold(patient),
        "name_key": fold_name(name),
    }


def _list_keys(study: dict[str, Any]) -> list[str]:
    return list_further_keys(study["patient_name"], study["patient_id"], study["accession_number"])


def _make_instance(study: dict[str, Any]) -> dict[str, Any]:
    received, uid = study["received_at"], f"{study['study_instance_uid']}.1"
    return {
        "id": study["id"],
        "study_id": study["id"],
        "sop_instance_uid": uid,
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.1.1",
        "series_instance_uid": f"{study['study_instance_uid']}.2",
        "transfer_syntax_uid": "1.2.840.10008.1.2.1",
        "dataset_sha256": f"{study['id']:064x}",
        "revision": 1,
        "current": True,
        "modality": study["modalities"][:2],
        "body_part": "CHEST",
        "view_position": "PA",
        "age_years": 40,
        "station_name": study["stations"],
        "calling_ae_title": study["senders"],
        "gateway": "gateway",
        "byte_size": 10_000_000,
        "header": {},
        "state": study["state"],
        "refusal": study["refusal"],
        "doubts": [],
        "preparation_attempts": 1,
        "screening_attempts": 1,
        "due_at": received,
        "requested_at": received,
        "received_at": received,
        "prepared_at": received,
        "array_mean": 0.4 + 0.2 * study["sort_probability"],
        "array_deviation": 0.2,
        "array_dark": 0.1,
        "state_changed_at": received,
    }


def _make_screening(study: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": study["id"],
        "instance_id": study["id"],
        "bundle_digest": DIGEST,
        "operating_point": "screening",
        "threshold": 0.4,
        "score": study["probability"],
        "probability": study["probability"],
        "calibrated_threshold": 0.4,
        "finding": study["finding"],
        "priority": study["priority"],
        "worker": "worker",
        "started_at": study["received_at"],
        "finished_at": study["received_at"],
    }


TABLES: Final = [cast(SqlTable, record.__table__) for record in (Study, Instance, Screening, StudyKey)]


def fill(database: Database, count: int, copies: int = 1) -> None:
    """Write `count` studies, `copies` times, into a migrated database; indexes are made at the end.

    A database whose filling was cut short is filled on.
    """
    is_sqlite = database.engine.dialect.name == "sqlite"
    if is_sqlite:
        _hurry(database)
    filled = _begin(database)
    if filled == count * copies and _is_indexed(database):
        return
    for blocks in make_rows(filled, count):
        if is_sqlite:
            with database.engine.begin() as connection:
                for table, rows in zip(TABLES, blocks, strict=True):
                    connection.execute(table.insert(), rows)
        else:
            _copy(database, blocks)
    for copy in range(max(1, filled // count), copies):
        _copy_shifted(database, copy * count, count)
    for table in TABLES:
        for index in table.indexes:
            with database.engine.begin() as connection:
                if not is_sqlite:
                    connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
                index.create(connection, checkfirst=True)
    fill_results(database, count)
    if is_sqlite:
        database.close()  # what is measured is opened as ever
    else:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _is_indexed(database: Database) -> bool:
    names = {found["name"] for table in TABLES for found in inspect(database.engine).get_indexes(table.name)}
    return names >= {index.name for table in TABLES for index in table.indexes}


def _hurry(database: Database) -> None:
    """Let SQLite's one connection of this process write without care."""
    with database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        for pragma in ("synchronous=OFF", "cache_size=-1000000", "temp_store=MEMORY", "threads=2"):
            raw.execute(f"PRAGMA {pragma}")


def _begin(database: Database) -> int:
    """Take the indexes away from an empty database; return how many studies one holds that is not empty."""
    with database.engine.begin() as connection:
        filled = connection.scalar(select(func.max(Study.id))) or 0
        if filled == 0:
            for table in TABLES:
                for index in table.indexes:
                    index.drop(connection)
            connection.execute(
                text(
                    "INSERT INTO models (digest, name, version, trained, normalization_version, manifest, "
                    "registered_at, active) VALUES (:digest, 'm', '1', true, 'n', '{}', '2026-01-01', true)"
                ),
                {"digest": DIGEST},
            )
    return filled


def _copy(database: Database, blocks: tuple[Rows, ...]) -> None:
    url = make_url(database.engine.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for table, rows in zip(TABLES, blocks, strict=True):
            names = list(rows[0])
            statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
            lines = io.StringIO()
            for row in rows:
                lines.write("\t".join(_write_value(row[name]) for name in names) + "\n")
            with cursor.copy(statement.encode()) as copy:
                copy.write(lines.getvalue())


def _write_value(value: Any) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    return str(value).replace("\\", "\\\\")


def _copy_shifted(database: Database, shift: int, count: int) -> None:
    """Write all studies once more under other numbers, with scores that differ a little."""
    changed = {
        "id": f"id + {shift}",
        "study_id": f"study_id + {shift}",
        "instance_id": f"instance_id + {shift}",
        "study_instance_uid": f"'2.25.' || CAST({FIRST_UID} + id + {shift} AS TEXT)",
        "sop_instance_uid": f"'2.25.' || CAST({FIRST_UID} + id + {shift} AS TEXT) || '.1'",
        "sort_probability": "CASE WHEN priority IS NULL THEN -1 "
        f"ELSE sort_probability * (1 - {shift} / 1e12) END",
        "patient_id_key": f"'p' || CAST({FIRST_UID} + id + {shift} AS TEXT)",
        "accession_key": f"'a' || CAST({FIRST_UID} + id + {shift} AS TEXT)",
    }
    with database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # what is copied refers to what was copied before
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table in TABLES:
            names = [column.name for column in table.columns if column.computed is None]
            values = ", ".join(changed.get(name, f'"{name}"') for name in names)
            columns = ", ".join(f'"{name}"' for name in names)
            name = table.name
            number = "id" if "id" in names else "study_id"
            rows = f"SELECT {values} FROM {name} WHERE {number} <= {count}"
            connection.execute(text(f"INSERT INTO {name} ({columns}) {rows}"))
