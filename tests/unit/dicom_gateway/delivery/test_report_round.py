"""The courier builds the objects of finished films, also when one object cannot be built."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.clock import now
from db.database import Database
from db.delivery import deliveries, outbox, refusal_outbox, unbuilt_reports
from db.delivery.deliveries import DueDelivery
from db.erasure import patient_data
from db.erasure.patient_data import PatientData
from db.films import films, spooled_files
from db.tables import Delivery, Instance, OutboxEntry, RefusalOutboxEntry, Rendition, ReportObject, Screening
from dicom_gateway.delivery.report_round import MOST_BUILDS, ReportRound
from dicom_gateway.results import report_identity
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
        (["sr", "sc", "gsps"], ["gsps", "sc", "sr"], ["gsps", "sc", "sr"]),
        (["gsps"], ["gsps", "sr"], ["gsps"]),
        (["refusal"], ["sr"], []),
    ],
)
def test_the_sr_is_always_kept_and_a_picture_is_made_only_for_who_wants_it(
    kinds: list[str], made: list[str], sent: list[str], sqlite_database: Database, film: int
) -> None:
    screened_films.screen(sqlite_database, film, heat=screened_films.one_hot_cell())

    report(sqlite_database, *kinds)

    assert look(sqlite_database) == (made, sent, [])


@pytest.mark.parametrize("late", [True, False], ids=["late", "in order"])
def test_a_result_that_comes_after_that_of_its_correction_is_kept_and_not_sent(
    sqlite_database: Database, film: int, late: bool
) -> None:
    correction = screened_films.receive(sqlite_database, real_film(), dataset_sha256="c" * 64)
    for screened in (correction, film) if late else (film, correction):
        screened_films.screen(sqlite_database, screened)

    report(sqlite_database, "sr", "sc")

    with sqlite_database.read() as session:
        made = select(ReportObject.sop_instance_uid, Screening.instance_id).join(Screening)
        film_of = dict(session.execute(made).tuples().all())
        sent = {film_of[uid] for uid in session.scalars(select(Delivery.sop_instance_uid))}
    assert sorted(set(film_of.values())) == [film, correction]
    assert sent == ({correction} if late else {film, correction})


class Sender:
    """A sender that keeps what it takes, and what is committed when it begins."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.committed: list[tuple[str, bool]] = []
        self.leased: list[DueDelivery] = []

    def lease(self, session: Session) -> dict[str, list[DueDelivery]]:
        return {"pacs": deliveries.lease_due(session, timedelta(minutes=5), 16, "pacs")}

    def send(self, leased: Mapping[str, Sequence[DueDelivery]]) -> None:
        self.leased += leased["pacs"]
        with self.database.read() as session:
            self.committed += [
                (row.sop_instance_uid, row.due_at > now()) for row in session.scalars(select(Delivery))
            ]


def test_an_object_is_committed_with_the_lease_of_its_delivery_before_it_is_sent(
    sqlite_database: Database, film: int
) -> None:
    screened_films.screen(sqlite_database, film)
    sender = Sender(sqlite_database)

    peer = PeerSettings(name="pacs", ae_title="PACS", host="h", port=104)
    assert ReportRound(sqlite_database, [peer], CourierSettings(), "9.9", sender).report_due(
        threading.Event()
    )

    (delivery,) = sender.leased
    assert (delivery.attempts, sender.committed) == (1, [(delivery.sop_instance_uid, True)])
    assert look(sqlite_database) == (["sr"], ["sr"], [])


def test_the_report_of_an_erased_film_is_not_that_of_the_film_with_its_number(
    sqlite_database: Database, film: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its patient is erased while the courier builds the report, and the next film has its result."""
    screened_films.screen(sqlite_database, film)
    build = ReportRound._build

    def erase_meanwhile(self: ReportRound, *built_from: Any) -> Any:
        built = build(self, *built_from)
        monkeypatch.setattr(ReportRound, "_build", build)
        with sqlite_database.write() as session:
            patient_data.erase(session, PatientData(films=[film]))
        screened_films.screen(sqlite_database, screened_films.receive(sqlite_database, small))
        return built

    small = small_film(tmp_path)
    monkeypatch.setattr(ReportRound, "_build", erase_meanwhile)
    report(sqlite_database, "sr")
    with sqlite_database.read() as session:
        (part10,) = session.scalars(select(ReportObject.part10))
    assert dcmread(small).SOPInstanceUID.encode() in part10


def test_a_refusal_of_an_erased_film_is_not_that_of_the_film_with_its_number(
    sqlite_database: Database, film: int
) -> None:
    with sqlite_database.write() as session:
        films.refuse(session, film, Refusal.NOT_FRONTAL, "ViewPosition is LL")
        (leased,) = refusal_outbox.lease(session, rows.LEASE, 9)
        patient_data.erase(session, PatientData(films=[film]))
    other = rows.receive(sqlite_database, "1.2.9.1", study="1.2.9").instance_id
    with sqlite_database.write() as session:
        films.refuse(session, other, Refusal.UNDER_AGE, "12 years")
        assert other == film
        assert not refusal_outbox.is_stored(session, leased)


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


def test_an_sr_that_is_stored_is_not_built_again_by_a_version_whose_content_is_another(
    sqlite_database: Database, film: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    screened_films.screen(sqlite_database, film)
    with sqlite_database.write() as session:
        session.execute(delete(Rendition))
    report(sqlite_database, "sr", "sc")

    monkeypatch.setattr(report_identity, "CONTENT_VERSION", "content-of-tomorrow")
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


def test_a_report_that_cannot_be_built_is_parked_after_bounded_attempts_and_can_be_replayed(
    sqlite_database: Database, film: int
) -> None:
    screened_films.screen(sqlite_database, film)
    reason = "sc: LookupError: the film has no rendition"
    with sqlite_database.write() as session:
        session.execute(delete(Rendition))
    attempts = 0
    while not count_parked(sqlite_database):
        report(sqlite_database, "sr", "sc")
        attempts += 1
        with sqlite_database.write() as session:
            session.execute(update(OutboxEntry).where(OutboxEntry.parked_at.is_(None)).values(due_at=now()))
        assert attempts <= MOST_BUILDS, "it is tried without end"
    assert attempts == MOST_BUILDS
    with sqlite_database.read() as session:
        (parked,) = unbuilt_reports.list_parked(session, 9)
        assert not outbox.has_due(session)
        assert outbox.count_failing(session) == 0
    assert (parked.of, parked.attempts, parked.last_error) == ("screening", MOST_BUILDS, reason)

    with sqlite_database.write() as session:
        session.execute(update(Delivery).values(state="delivered"))
        assert spooled_files.list_done(session, rows.GATEWAY, now(), 9), "its file may be deleted"
        session.add(Rendition(instance_id=film, jpeg=screened_films.draw_rendition()))
        assert unbuilt_reports.replay(session) == 1
    report(sqlite_database, "sr", "sc")
    assert look(sqlite_database) == (["sc", "sr"], ["sc", "sr"], [])
    assert count_parked(sqlite_database) == 0


def test_a_refusal_whose_report_cannot_be_built_is_parked(sqlite_database: Database, film: int) -> None:
    screened_films.refuse(sqlite_database, film, Refusal.NOT_FRONTAL)
    with sqlite_database.write() as session:
        session.execute(update(Instance).values(header={"0020000D": {"vr": "UI", "Value": ["1.2.3"]}}))
    for attempt in range(MOST_BUILDS):
        assert (count_parked(sqlite_database), attempt) == (0, attempt)
        rows.make_due(sqlite_database, RefusalOutboxEntry)
        report(sqlite_database, "refusal")
    with sqlite_database.read() as session:
        (parked,) = unbuilt_reports.list_parked(session, 9)
        assert not refusal_outbox.has_due(session)
    assert (parked.of, parked.attempts) == ("refusal", MOST_BUILDS)


def count_parked(database: Database) -> int:
    with database.read() as session:
        return unbuilt_reports.count_parked(session)
