"""Refusals to report: written with the refusal, gone with another chance, never of our own objects."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from db.database import Database
from db.delivery import outbox, refusal_outbox, report_objects
from db.delivery.refusal_outbox import ReportableRefusal
from db.delivery.report_objects import BuiltReport
from db.films import films
from db.tables import Delivery, Instance, RefusalOutboxEntry, ReportObject
from db.worklist import worklist
from domain.codes import Refusal
from tests.unit import rows

SR_CLASS = "1.2.840.10008.5.1.4.1.1.88.34"


def test_a_refused_film_waits_to_be_reported_with_all_that_the_report_needs(database: Database) -> None:
    instance_id = _refuse(database)
    film = rows.make_film()

    (leased,) = _lease(database)

    assert leased.instance_id == instance_id
    assert (leased.sop_instance_uid, leased.dataset_sha256) == (film.sop_instance_uid, film.dataset_sha256)
    assert (leased.refusal, leased.detail) == (Refusal.NOT_CHEST, "a hand")
    assert (leased.attempts, leased.revision, leased.predecessor) == (1, 1, None)
    assert (leased.calling_ae_title, leased.modality) == ("MODALITY", "DX")
    assert leased.header == film.header
    assert _lease(database) == []
    rows.make_due(database, RefusalOutboxEntry)
    assert [refusal.attempts for refusal in _lease(database)] == [2]


def test_a_refusal_of_a_newer_version_holds_up_no_other_and_waits(database: Database) -> None:
    unknown, known = _refuse(database), _refuse(database, "1.2.3.2")
    with database.write() as session:
        session.get_one(Instance, unknown).refusal = "taken_through_a_window"
    assert [refusal.instance_id for refusal in _lease(database)] == [known]
    assert not _has_due(database)
    with database.write() as session:
        session.get_one(Instance, unknown).refusal = "not_chest"
    assert [(refusal.instance_id, refusal.attempts) for refusal in _lease(database)] == [(unknown, 1)]


def test_what_tbscreen_made_is_never_reported(database: Database) -> None:
    _refuse(database, refusal=Refusal.OWN_OUTPUT)
    assert not _has_due(database)


def test_a_reported_refusal_is_delivered_to_each_peer_and_its_object_known_as_ours(
    database: Database,
) -> None:
    instance_id = _refuse(database)
    (leased,) = _lease(database)

    _fan_out(database, leased, ["pacs", "ris"])
    _fan_out(database, leased, ["pacs", "ris"])

    with database.read() as session:
        stored = session.get_one(ReportObject, "2.25.7")
        assert (stored.screening_id, stored.instance_id, stored.kind) == (None, instance_id, "refusal")
        assert session.scalars(select(Delivery.peer).order_by(Delivery.peer)).all() == ["pacs", "ris"]
        assert session.scalar(select(func.count()).select_from(RefusalOutboxEntry)) == 0
        assert report_objects.find_known(session, ["2.25.7", "2.25.8"]) == {"2.25.7"}
        assert worklist.find_page(session).studies[0].films[0].refusal == "not_chest"


def test_a_film_with_another_chance_is_not_reported_as_refused(database: Database) -> None:
    _refuse(database, refusal=Refusal.PROCESSING_FAILED)
    (leased,) = _lease(database)
    with database.write() as session:
        assert films.retry_failed(session) == 1
        assert not refusal_outbox.has_due(session)

    _fan_out(database, leased, ["pacs"])

    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(ReportObject)) == 0


def test_a_lease_drops_what_is_no_longer_refused(database: Database) -> None:
    instance_id = _refuse(database)
    with database.write() as session:
        session.get_one(Instance, instance_id).state = "received"

    assert _lease(database) == []
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(RefusalOutboxEntry)) == 0


@pytest.mark.parametrize("corrected", [False, True])
def test_the_report_of_a_film_that_was_refused_before_supersedes_the_refusal(
    corrected: bool, database: Database
) -> None:
    rows.register_model(database)
    instance_id = _refuse(database, refusal=Refusal.PROCESSING_FAILED)
    (leased,) = _lease(database)
    _fan_out(database, leased, ["pacs"])
    if corrected:
        instance_id = rows.receive(database, content="corrected").instance_id
    else:
        with database.write() as session:
            films.retry_failed(session)
    rows.queue(database, instance_id)
    rows.screen(database, instance_id)

    with database.write() as session:
        (screening,) = outbox.lease(session, rows.LEASE, 9)

    assert screening.predecessor == b"the refusal"


def test_a_corrected_film_that_is_refused_supersedes_the_report_and_no_picture(database: Database) -> None:
    rows.register_model(database)
    rows.screen(database, rows.receive_and_queue(database))
    with database.write() as session:
        (screening,) = outbox.lease(session, rows.LEASE, 9)
        for number, kind in enumerate(("sr", "sc")):
            built = BuiltReport(f"2.25.{number}", SR_CLASS, kind, kind.encode())
            report_objects.store(session, built, ["pacs"], screening_id=screening.screening_id)
        outbox.close(session, screening.outbox_id)
    _refuse(database, content="corrected")

    (leased,) = _lease(database)

    assert (leased.revision, leased.predecessor) == (2, b"sr")


def test_when_nobody_wants_to_know_nothing_waits(database: Database) -> None:
    for number in (1, 2, 3):
        _refuse(database, f"1.2.3.{number}")
    with database.write() as session:
        refusal_outbox.clear(session)
    assert not _has_due(database)


def _refuse(
    database: Database,
    uid: str = "1.2.3.1",
    content: str = "pixels",
    refusal: Refusal = Refusal.NOT_CHEST,
) -> int:
    instance_id = rows.receive(database, uid, content).instance_id
    with database.write() as session:
        assert films.refuse(session, instance_id, refusal, "a hand")
    return instance_id


def _lease(database: Database) -> list[ReportableRefusal]:
    with database.write() as session:
        return refusal_outbox.lease(session, timedelta(minutes=5), 9)


def _has_due(database: Database) -> bool:
    with database.read() as session:
        return refusal_outbox.has_due(session)


def _fan_out(database: Database, leased: ReportableRefusal, peers: list[str]) -> None:
    built = BuiltReport("2.25.7", SR_CLASS, "refusal", b"the refusal")
    with database.write() as session:
        refusal_outbox.fan_out(session, leased, built, peers)
