"""A delivery is known by its report, not by its number alone."""

from __future__ import annotations

from dataclasses import replace

from db.database import Database
from db.delivery import deliveries, outbox
from db.delivery.deliveries import DueDelivery
from db.erasure import patient_data
from db.erasure.patient_data import PatientData
from dicom_gateway.delivery.commitment_round import CommitmentRound
from dicom_gateway.delivery.commitment_settings import CommitmentSettings
from dicom_gateway.delivery.delivery_outbox import DeliveryOutbox
from dicom_gateway.reception.refusal_log import RefusalLog
from dicom_gateway.settings import CourierSettings
from tests.unit import rows

PEER = "pacs"


def make_outbox(database: Database) -> DeliveryOutbox:
    settings = CourierSettings()
    commitments = CommitmentRound(database, {}, CommitmentSettings(), settings, RefusalLog())
    return DeliveryOutbox({}, settings, commitments, None)


def lease_report(database: Database, uid: str) -> DueDelivery:
    """Lease the delivery of a new film's report."""
    rows.screen(database, rows.receive_and_queue(database, uid))
    with database.write() as session:
        (entry,) = outbox.lease(session, rows.LEASE, 9)
        report = replace(rows.make_report(entry.screening_id), sop_instance_uid=f"{uid}.9")
        rows.store_report(session, entry, report, [PEER])
        (due,) = deliveries.lease_due(session, rows.LEASE, 9)
    return due


def test_the_delivery_with_the_number_of_an_erased_one_is_another(sqlite_database: Database) -> None:
    rows.register_model(sqlite_database)
    sender = make_outbox(sqlite_database)
    erased = lease_report(sqlite_database, "1.2.1")
    with sqlite_database.write() as session:
        patient_data.erase(session, PatientData(films=[1]))
    waiting = lease_report(sqlite_database, "1.2.2")
    assert waiting.number == erased.number, "SQLite gives it again"
    with sqlite_database.read() as session:
        assert [sender.is_stored(session, row) for row in (erased, waiting)] == [False, True]
