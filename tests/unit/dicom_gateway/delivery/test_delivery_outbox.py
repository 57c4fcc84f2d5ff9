"""The end of a delivery is recorded for that delivery alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from db.database import Database
from db.delivery import deliveries, outbox
from db.delivery.deliveries import DueDelivery
from db.erasure import patient_data
from db.erasure.patient_data import PatientData
from dicom_gateway.delivery.commitment_round import CommitmentRound
from dicom_gateway.delivery.commitment_settings import CommitmentSettings
from dicom_gateway.delivery.delivery_attempt import DeliveryAttempt
from dicom_gateway.delivery.delivery_outbox import DeliveryOutbox
from dicom_gateway.reception.refusal_log import RefusalLog
from dicom_gateway.settings import CourierSettings
from sending.send_result import SendResult
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


@pytest.mark.parametrize("result", SendResult)
def test_the_end_of_an_erased_delivery_is_not_that_of_the_delivery_with_its_number(
    database: Database, result: SendResult
) -> None:
    """A patient is erased while the peer takes the report, and the next film's report comes."""
    rows.register_model(database)
    sender = make_outbox(database)
    erased = lease_report(database, "1.2.1")
    with database.write() as session:
        patient_data.erase(session, PatientData(films=[1]))
    waiting = lease_report(database, "1.2.2")
    attempt = DeliveryAttempt(erased, result, "status 0xA900")
    with database.write() as session:
        if result is SendResult.DELIVERED:
            sender.mark_delivered(session, [attempt])
        elif result is SendResult.PERMANENT:
            sender.park(session, attempt)
        else:
            sender.retry_later(session, attempt, timedelta(hours=1))
    with database.read() as session:
        row = deliveries.find_delivery(session, waiting.delivery_id)
    assert row is not None
    assert (row.state, row.last_error) == ("pending", None)
