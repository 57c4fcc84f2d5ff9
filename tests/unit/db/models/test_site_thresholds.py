"""Operating points of a site's own: kept as signed, used for films that come after, rolled back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import update

from db.database import Database
from db.films import screenings
from db.models import site_thresholds
from db.tables import Screening, SiteThreshold
from domain.errors import PermanentError
from tests.unit import rows

RECORD = {
    "operating_points": [
        {"name": "screening", "threshold": 0.35},
        {"name": "rule_in", "threshold": 0.65},
        {"name": site_thresholds.NAME, "threshold": 0.35},
    ],
    "calibration": None,
    "prevalence": None,
    "auc": 0.1 + 0.2,
}


def sign(content: bytes) -> str:
    return hashlib.sha256(b"key" + content).hexdigest()


def keep(database: Database, **changes: Any) -> site_thresholds.SiteThresholdEntry:
    with database.write() as session:
        return site_thresholds.keep(session, rows.DIGEST, "me@here", {**RECORD, **changes}, sign)


def read(database: Database, number: int) -> site_thresholds.SiteThresholdEntry:
    with database.read() as session:
        return site_thresholds.find(session, number)


def pin(database: Database, uid: str) -> str | None:
    return rows.read_film(database, rows.receive_and_queue(database, uid, study=f"{uid}.9")).operating_point


def activate(database: Database, number: int) -> None:
    with database.write() as session:
        site_thresholds.switch_to(session, number, "me@here", "the physicist agreed")


def roll_back(database: Database) -> str | None:
    with database.write() as session:
        entry = site_thresholds.switch_back(session, rows.DIGEST, "me@here")
        return None if entry is None else entry.name


def test_a_record_is_named_after_its_day_and_is_what_was_signed(database: Database) -> None:
    rows.register_model(database)
    first, second = keep(database), keep(database)
    assert first.name == f"local_{first.made_at:%Y%m%d}"
    assert second.name == f"{first.name}_2"
    kept = read(database, first.calibration_id)
    assert kept == first
    assert kept.record["operating_points"][2] == {"name": first.name, "threshold": 0.35}
    site_thresholds.verify(kept, sign)
    with pytest.raises(PermanentError, match="the key is another"):
        site_thresholds.verify(kept, lambda content: sign(content + b"?"))
    with database.write() as session:
        session.execute(
            update(SiteThreshold)
            .where(SiteThreshold.id == first.calibration_id)
            .values(record={**RECORD, "auc": 1})
        )
    with pytest.raises(PermanentError, match="is not what was signed"):
        site_thresholds.verify(read(database, first.calibration_id), sign)
    with database.read() as session, pytest.raises(PermanentError, match="there is no calibration 99"):
        site_thresholds.find(session, 99)


def test_what_is_activated_holds_for_films_that_come_after(database: Database) -> None:
    rows.register_model(database)
    first, two = keep(database), keep(database)
    assert pin(database, "1.1") == "screening"
    activate(database, first.calibration_id)
    activate(database, first.calibration_id)
    assert pin(database, "1.2") == first.name
    activate(database, two.calibration_id)
    assert pin(database, "1.3") == two.name
    assert [read(database, number.calibration_id).active for number in (first, two)] == [False, True]
    assert roll_back(database) == first.name
    assert pin(database, "1.4") == first.name
    assert roll_back(database) is None
    assert pin(database, "1.5") == "screening"
    with pytest.raises(PermanentError, match="nothing to roll back"):
        roll_back(database)
    with database.read() as session:
        changes = site_thresholds.list_changes(session, rows.DIGEST)
    assert [(change.name, change.previous, change.rollback, change.reason) for change in changes] == [
        (None, first.name, True, None),
        (first.name, two.name, True, None),
        (two.name, first.name, False, "the physicist agreed"),
        (first.name, None, False, "the physicist agreed"),
    ]


def test_a_worker_and_a_report_get_the_manifest_by_which_the_film_is_judged(database: Database) -> None:
    rows.register_model(database)
    calibration: Mapping[str, Any] = {"method": "platt", "slope": 1.0, "intercept": -2.0, "prevalence": 0.02}
    entry = keep(database, calibration=calibration)
    activate(database, entry.calibration_id)
    instance_id = rows.receive_and_queue(database)
    # What is rolled back meanwhile still holds for a film that was pinned.
    roll_back(database)
    with database.write() as session:
        attempt = screenings.begin_attempt(session, instance_id)
        assert attempt is not None
        assert attempt.operating_point == entry.name
        assert attempt.local_points == {
            "operating_points": entry.record["operating_points"],
            "calibration": calibration,
            "reported_operating_point": entry.name,
        }
        result = rows.make_result(instance_id)
        assert screenings.record_result(
            session, screenings.ScreeningResult(**{**result.__dict__, "operating_point": entry.name})
        )
    with database.read() as session:
        screening = session.query(Screening).one()
        manifest = site_thresholds.read_manifest(session, screening)
        assert manifest["name"] == "test-model"
        assert manifest["calibration"]["prevalence"] == 0.02
        assert site_thresholds.find_points(session, rows.DIGEST, "screening") is None
