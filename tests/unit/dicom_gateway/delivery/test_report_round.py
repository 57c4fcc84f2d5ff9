"""The courier builds the objects of finished films, also when one object cannot be built."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from db.database import Database
from db.tables import Delivery, OutboxEntry, RefusalOutboxEntry, Rendition, ReportObject
from dicom_gateway.delivery.report_round import ReportRound
from dicom_gateway.settings import CourierSettings, PeerSettings
from domain.codes import Refusal
from tests import screened_films
from tests.films import real_film, small_film
from tests.unit import rows


def report(database: Database, *kinds: str, **settings: Any) -> None:
    """Report all that is due, to one peer."""
    peer = PeerSettings.model_validate(
        {"name": "pacs", "ae_title": "PACS", "host": "h", "port": 104, "kinds": kinds} | settings
    )
    courier_round = ReportRound(database, [peer], CourierSettings(), "9.9")
    while courier_round.report_due(threading.Event()):
        pass


def look(database: Database) -> tuple[list[str], list[str], list[str | None]]:
    """Return the kinds of the objects, of the deliveries, and the errors of what waits."""
    with database.read() as session:
        made = session.scalars(select(ReportObject.kind).order_by(ReportObject.kind)).all()
        sent = session.scalars(select(ReportObject.kind).join(Delivery).order_by(ReportObject.kind)).all()
        waiting = [
            *session.scalars(select(OutboxEntry.last_error)),
            *session.scalars(select(RefusalOutboxEntry.last_error)),
        ]
    return list(made), list(sent), waiting


@pytest.fixture
def film(sqlite_database: Database) -> int:
    screened_films.activate_model(sqlite_database)
    return screened_films.receive(sqlite_database, real_film())


@pytest.mark.parametrize(
    ("kinds", "made", "sent"),
    [
        (["sr"], ["sr"], ["sr"]),
        (["sr", "sc"], ["sc", "sr"], ["sc", "sr"]),
        (["sc"], ["sc", "sr"], ["sc"]),
        (["refusal"], ["sr"], []),
    ],
)
def test_the_sr_is_always_kept_and_a_picture_is_made_only_for_who_wants_it(
    kinds: list[str], made: list[str], sent: list[str], sqlite_database: Database, film: int
) -> None:
    screened_films.screen(sqlite_database, film, heat=screened_films.one_hot_cell())

    report(sqlite_database, *kinds)

    assert look(sqlite_database) == (made, sent, [])


def test_a_picture_that_cannot_be_made_holds_up_no_report_and_is_made_later(
    sqlite_database: Database, film: int
) -> None:
    screened_films.screen(sqlite_database, film)
    with sqlite_database.write() as session:
        session.execute(delete(Rendition))

    report(sqlite_database, "sr", "sc")
    assert look(sqlite_database) == (["sr"], ["sr"], ["sc: LookupError: the film has no rendition"])

    with sqlite_database.write() as session:
        session.add(Rendition(instance_id=film, jpeg=screened_films.draw_rendition()))
    rows.make_due(sqlite_database, OutboxEntry)
    report(sqlite_database, "sr", "sc")
    assert look(sqlite_database) == (["sc", "sr"], ["sc", "sr"], [])


def test_a_refusal_is_reported_to_who_wants_to_know(sqlite_database: Database, film: int) -> None:
    screened_films.refuse(sqlite_database, film, Refusal.NOT_FRONTAL)

    report(sqlite_database, "sr", "refusal")

    assert look(sqlite_database) == (["refusal"], ["refusal"], [])


def test_refusals_that_nobody_wants_are_not_made_and_do_not_wait(
    sqlite_database: Database, film: int
) -> None:
    screened_films.refuse(sqlite_database, film, Refusal.NOT_FRONTAL)

    report(sqlite_database, "sr", "sc")

    assert look(sqlite_database) == ([], [], [])
    report(sqlite_database, "refusal")  # nor are they kept for a peer that comes later
    assert look(sqlite_database) == ([], [], [])


def test_what_we_made_and_what_has_no_study_is_never_reported_as_refused(
    sqlite_database: Database, film: int, tmp_path: Path
) -> None:
    screened_films.refuse(sqlite_database, film, Refusal.OWN_OUTPUT)
    without_study = screened_films.receive(sqlite_database, small_film(tmp_path, StudyInstanceUID=None))
    screened_films.refuse(sqlite_database, without_study, Refusal.NOT_CHEST)

    report(sqlite_database, "refusal")

    assert look(sqlite_database) == ([], [], [])


def test_a_courier_that_is_told_to_end_hands_back_what_it_took(sqlite_database: Database, film: int) -> None:
    screened_films.screen(sqlite_database, film)
    peer = PeerSettings(name="pacs", ae_title="PACS", host="h", port=104)
    ending = threading.Event()
    ending.set()

    ReportRound(sqlite_database, [peer], CourierSettings(), "9.9").report_due(ending)

    assert look(sqlite_database) == ([], [], [None])
    report(sqlite_database, "sr")
    assert look(sqlite_database) == (["sr"], ["sr"], [])
