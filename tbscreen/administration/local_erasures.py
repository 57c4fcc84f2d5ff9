"""Erasures: in one transaction with their register, of which the data directory keeps a copy."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from db.database import Database
from db.erasure import patient_data
from db.erasure.digests import Digests
from db.erasure.erasures import ErasureEntry, ErasureKind, erase
from tbscreen.backup import erasure_register
from tbscreen.settings import Settings


def erase_patient(
    settings: Settings, database: Database, patient_id: str, issuer: str | None, by: str, reason: str
) -> ErasureEntry:
    """Erase everything about a patient for good.

    Args:
        settings: with the data directory.
        database: holds the patient's data.
        patient_id: the patient; with it go the IDs that were merged into it.
        issuer: data of other issuers stay; None for all.
        by: user and host.
        reason: without patient data; it is kept.

    Raises:
        PermanentError: when films of the patient stand among another patient's, or others may read the key.
    """

    def work(session: Session, digests: Digests) -> ErasureEntry:
        found = patient_data.find(session, patient_id, issuer)
        return erase(session, found, ErasureKind.PATIENT, digests, by, reason, found.patients)

    return carry_out(settings, database, work)


def carry_out(
    settings: Settings, database: Database, work: Callable[[Session, Digests], ErasureEntry]
) -> ErasureEntry:
    """Erase in one transaction, and write the register into the data directory."""
    settings.data_directory.mkdir(parents=True, exist_ok=True)
    digests = erasure_register.load_digests(settings.data_directory)
    with database.write() as session:
        entry = work(session, digests)
    with database.read() as session:
        erasure_register.copy_from_database(session, settings.data_directory / erasure_register.IN_DATA)
    return entry
