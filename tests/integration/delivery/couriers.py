"""A courier in this process, over real objects, without worker and broker."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import generate_uid

from db.clock import now
from db.database import Database
from db.delivery import outbox
from db.delivery.report_objects import BuiltReport
from db.tables import CommitmentItem, Delivery, OutboxEntry
from dicom_gateway.association.tls_settings import PeerTlsSettings
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.delivery.commitment_settings import CommitmentSettings
from dicom_gateway.delivery.courier import Courier
from dicom_gateway.settings import CourierSettings, PeerSettings
from tests.films import small_film
from tests.unit import rows

FAST = CourierSettings(retry_first_s=0.2, retry_most_s=0.5, network_timeout_s=4.0, poll_interval_s=0.02)


@dataclass(frozen=True)
class Rows:
    """The state of one peer in the database."""

    states: list[str]
    commitments: list[str]
    errors: list[str | None]


def make_reports(database: Database, count: int, peers: Sequence[str], folder: Path) -> list[str]:
    """Write screened films whose reports, small real objects, wait for `peers`; returns the reports' UIDs."""
    rows.register_model(database)
    template = dcmread(small_film(folder))
    made = []
    for number in range(count):
        instance_id = rows.receive_and_queue(database, f"1.2.3.{number + 1}")
        rows.screen(database, instance_id)
        template.SOPInstanceUID = template.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        buffer = io.BytesIO()
        template.save_as(buffer)
        uid, sop_class = str(template.SOPInstanceUID), str(template.SOPClassUID)
        with database.write() as session:
            (entry,) = outbox.lease(session, timedelta(minutes=5), 9)
            built = BuiltReport(uid, sop_class, "sr", buffer.getvalue())
            rows.store_report(session, entry, built, peers)
        made.append(uid)
    with database.read() as session:
        assert session.query(OutboxEntry).count() == 0
    return made


def peer(
    name: str, ae_title: str, port: int, *, commitment: bool = False, tls: PeerTlsSettings | None = None
) -> PeerSettings:
    """Return a peer on this machine."""
    return PeerSettings(
        name=name, ae_title=ae_title, host="127.0.0.1", port=port, commitment=commitment, tls=tls
    )


@contextmanager
def courier(
    database: Database,
    peers: Sequence[PeerSettings],
    settings: CourierSettings = FAST,
    commitment: CommitmentSettings | None = None,
    audit: AuditTrail | None = None,
) -> Iterator[None]:
    """Run a courier in a thread inside the block."""
    ending = threading.Event()
    commitment = commitment or CommitmentSettings(delay_s=0, wait_s=2)
    thread = threading.Thread(
        target=Courier(database, peers, settings, commitment, "test", audit).run, args=(ending,)
    )
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(timeout=60)
        assert not thread.is_alive()


def look(database: Database, name: str) -> Rows:
    """Return what the database says of a peer's deliveries, in order."""
    with database.read() as session:
        found = session.query(Delivery, CommitmentItem).outerjoin(
            CommitmentItem, CommitmentItem.delivery_id == Delivery.id
        )
        pairs = found.filter(Delivery.peer == name).order_by(Delivery.id).all()
    return Rows(
        [delivery.state for delivery, _ in pairs],
        [item.state for _, item in pairs if item is not None],
        [(item.last_error if item is not None else None) or delivery.last_error for delivery, item in pairs],
    )


def make_all_due(database: Database) -> None:
    """Let every pause of a delivery be over."""
    with database.write() as session:
        for row in session.query(Delivery).filter(Delivery.state == "pending"):
            row.due_at = now()
