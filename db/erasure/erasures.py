"""The register of erasures: keyed digests of what was erased, so that a restore erases it again."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.bacteriology import results
from db.clock import now
from db.entries import make_entry
from db.erasure import erased_files, patient_data
from db.erasure.digests import Digests
from db.erasure.patient_data import PatientData
from db.tables import BacteriologyResult, Erasure, Instance, Reconciliation, Study
from domain.languages.sentence import Sentence, join, say, say_value


class ErasureKind(StrEnum):
    """The kinds of erasures."""

    PATIENT = "patient"
    """Films, results and corrections of a patient."""
    RESULTS = "results"
    """Results of a patient alone."""
    OLD_RESULTS = "old_results"
    """Results of specimens before a day."""


@dataclass(frozen=True)
class ErasureEntry:
    """One erasure, without patient data."""

    token: str
    kind: str
    key_id: str
    record: Mapping[str, Any]
    erased_at: datetime
    erased_by: str
    reason: str


@dataclass
class ErasedAgain:
    """The outcome of a register's erasures on a restored database."""

    rows: Counter[str] = field(default_factory=Counter)
    """Number of rows that went, by table."""
    left: list[str] = field(default_factory=list)
    """Study Instance UIDs of an erased patient's studies that were not the patient's at the erasure, or were
    received later: a person decides."""


def erase(
    session: Session,
    data: PatientData,
    kind: ErasureKind,
    digests: Digests,
    author: str,
    reason: str,
    patients: Iterable[tuple[str, str | None]] = (),
) -> ErasureEntry:
    """Erase a patient's data and register it.

    Args:
        session: one that writes.
        data: what `patient_data.find` found, or results alone.
        kind: of the erasure.
        digests: of the site's key.
        author: user and host.
        reason: why; without patient data.
        patients: patient IDs with their issuers, to recognize in corrections and studies of an older backup.
    """
    films = session.execute(
        select(Instance.sop_instance_uid, Instance.dataset_sha256, Instance.gateway, Instance.spool_path)
        .where(Instance.id.in_(data.films))
        .order_by(Instance.id)
    ).all()
    subjects = session.scalars(
        select(BacteriologyResult.subject).where(BacteriologyResult.id.in_(data.results)).distinct()
    ).all()
    files = [(film.gateway, film.spool_path) for film in films if film.spool_path]
    record = {
        "films": sorted(digests.of_film(film.sop_instance_uid, film.dataset_sha256) for film in films),
        "tests": sorted(map(digests.of_test, subjects)),
        "patients": sorted({each for patient in patients for each in digests.of_erased(*patient)}),
        "files": sorted(files),
        "rows": dict(sorted(patient_data.erase(session, data).items())),
    }
    entry = _make(kind, digests.key_id, record, author, reason)
    erased_files.record(session, files, entry.erased_at)
    register(session, [entry])
    return entry


def erase_old_results(session: Session, day: str, author: str, reason: str) -> ErasureEntry:
    """Erase the results of specimens before a day (YYYYMMDD) and register it."""
    count = results.delete_before(session, day)
    record = {"before": day, "rows": {"bacteriology_results": count}}
    entry = _make(ErasureKind.OLD_RESULTS, "", record, author, reason)
    register(session, [entry])
    return entry


def describe_rows(rows: Mapping[str, int]) -> Sentence:
    """Return the numbers of rows by table, as words."""
    parts = [say("{number} {rows}", number=count, rows=say_value(table)) for table, count in rows.items()]
    return join(parts) if parts else say("nothing")


def list_erasures(session: Session) -> list[ErasureEntry]:
    """Return all erasures, oldest first."""
    rows = session.scalars(select(Erasure).order_by(Erasure.erased_at, Erasure.token))
    return [make_entry(ErasureEntry, row) for row in rows]


def register(session: Session, entries: Iterable[ErasureEntry]) -> list[ErasureEntry]:
    """Add erasures to the register; return those that it did not have."""
    known = set(session.scalars(select(Erasure.token)))
    fresh = [entry for entry in entries if entry.token not in known]
    session.add_all(Erasure(**vars(entry)) for entry in fresh)
    session.flush()
    return fresh


def erase_again(
    session: Session, entries: Sequence[ErasureEntry], keys: Mapping[str, Digests]
) -> ErasedAgain:
    """Erase in a restored database what was erased since its backup.

    Films and tests are recognized by their own digests, whatever study or patient they stand under in the
    backup.

    Args:
        session: one that writes.
        entries: erasures that the backup does not know.
        keys: digests by key ID, for every entry that has one.
    """
    again = ErasedAgain()
    for entry in entries:
        erased_files.record(session, (tuple(file) for file in entry.record.get("files", ())), entry.erased_at)
        if (day := entry.record.get("before")) is not None:
            again.rows["bacteriology_results"] += results.delete_before(session, day)
    for key_id, digests in keys.items():
        of_key = [entry.record for entry in entries if entry.key_id == key_id]
        named = {
            part: {each for record in of_key for each in record[part]}
            for part in ("films", "tests", "patients")
        }
        again.rows += patient_data.erase(session, _recognize(session, named, digests))
        again.left += [
            study.study_instance_uid
            for study in session.scalars(select(Study).order_by(Study.id))
            if digests.of_patient(study.patient_id, study.patient_id_issuer) & named["patients"]
        ]
    again.left.sort()
    return again


def _recognize(session: Session, named: Mapping[str, set[str]], digests: Digests) -> PatientData:
    films = session.execute(select(Instance.id, Instance.sop_instance_uid, Instance.dataset_sha256))
    tests = session.execute(select(BacteriologyResult.id, BacteriologyResult.subject))
    corrections = session.scalars(select(Reconciliation)).all() if named["patients"] else ()
    return PatientData(
        films=[row.id for row in films if digests.of_film(row[1], row[2]) in named["films"]]
        if named["films"]
        else [],
        results=[row.id for row in tests if digests.of_test(row.subject) in named["tests"]]
        if named["tests"]
        else [],
        corrections=[
            rule.id
            for rule in corrections
            if named["patients"]
            & (
                digests.of_patient(rule.prior_patient_id, rule.prior_patient_id_issuer)
                | digests.of_patient(rule.patient_id, rule.patient_id_issuer)
            )
        ],
    )


def _make(
    kind: ErasureKind, key_id: str, record: Mapping[str, Any], author: str, reason: str
) -> ErasureEntry:
    return ErasureEntry(secrets.token_hex(16), kind.value, key_id, record, now(), author, reason)
