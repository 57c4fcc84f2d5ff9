"""The page on which an administrator decides which patient a film belongs to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import structlog
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from db.database import Database
from db.patients import conflict_resolution, conflicts, patient_changes, reconciliations
from db.patients.patient_changes import Author, Change
from domain.codes import ConflictDecision
from domain.errors import PermanentError
from domain.languages.sentence import say
from domain.patient_identity import Patient
from web.access.audit import AuditTrail, find_address
from web.access.authentication import Visit
from web.pages.form_values import take_number
from web.pages.pages import Pages

LOG = structlog.get_logger(__name__)

SHOWN: Final = 100
"""Conflicts and corrections on the page."""
AT_ONCE: Final = 500
"""Proposed merges that one click accepts."""
LONGEST_REASON: Final = 500

HERE: Final = "/patients"

Decide = Callable[[Session, Author], tuple[str, Sequence[str | None], Sequence[str]]]
"""Decides in a transaction; returns the decision in words, patient IDs and Study Instance UIDs."""


class PatientsPage:
    """The pages under `/patients`."""

    def __init__(self, database: Database, pages: Pages, audit: AuditTrail) -> None:
        self.database = database
        self.pages = pages
        self.audit = audit

    def show(self, visit: Visit) -> Response:
        """Show open conflicts, proposed merges, and corrections."""
        with self.database.read() as session:
            context = {
                "user": visit.user,
                "csrf": visit.csrf,
                "conflicts": conflicts.list_conflicts(session, proposed=False, limit=SHOWN),
                "proposed": conflicts.list_conflicts(session, proposed=True, limit=SHOWN),
                "counts": conflicts.count_open(session),
                "corrections": reconciliations.list_reconciliations(session, SHOWN),
            }
        self.audit.record_search(visit.user.name, find_address(visit.request), "patients")
        return self.pages.render(visit.request, "patients.html", context)

    def resolve(self, visit: Visit) -> Response:
        """Decide one conflict."""
        decision = visit.form.get("decision", "")
        if decision not in set(ConflictDecision):
            raise HTTPException(
                400,
                say("{field} is one of {choices}.", field="decision", choices=", ".join(ConflictDecision)),
            )

        def decide(session: Session, author: Author) -> tuple[str, Sequence[str | None], Sequence[str]]:
            number = take_number(visit, "conflict")
            found = conflict_resolution.resolve(session, number, ConflictDecision(decision), author)
            return f"conflict {number} decided: {decision}", found.patient_ids, found.study_instance_uids

        return self._decide(visit, decide)

    def accept(self, visit: Visit) -> Response:
        """Accept all proposed merges, up to `AT_ONCE`."""

        def decide(session: Session, author: Author) -> tuple[str, Sequence[str | None], Sequence[str]]:
            accepted = conflict_resolution.accept_proposed(session, author, AT_ONCE)
            patients = sorted({patient for found in accepted for patient in found.patient_ids})
            studies = sorted({study for found in accepted for study in found.study_instance_uids})
            return f"{len(accepted)} proposed merges accepted", patients, studies

        return self._decide(visit, decide)

    def merge(self, visit: Visit) -> Response:
        """Merge two patient IDs."""
        prior = Patient(visit.form.get("prior"), visit.form.get("prior_issuer") or None)
        survivor = _take_patient(visit)
        return self._decide(
            visit,
            lambda session, author: _describe(
                patient_changes.merge_patients(session, prior, survivor, author)
            ),
        )

    def move(self, visit: Visit) -> Response:
        """Give a study to another patient."""
        study, patient = visit.form.get("study", ""), _take_patient(visit)
        return self._decide(
            visit,
            lambda session, author: _describe(patient_changes.move_study(session, study, patient, author)),
        )

    def split(self, visit: Visit) -> Response:
        """Give a film to another study."""
        study, film = visit.form.get("study", ""), take_number(visit, "film")
        to_study = visit.form.get("to_study", "").strip() or None
        return self._decide(
            visit,
            lambda session, author: _describe(
                patient_changes.split_study(session, study, [film], author, to_study)
            ),
        )

    def end(self, visit: Visit) -> Response:
        """End a correction."""
        number = take_number(visit, "correction")
        return self._decide(
            visit,
            lambda session, author: _describe(
                patient_changes.end_reconciliation(session, number, author.user), "ended"
            ),
        )

    def _decide(self, visit: Visit, decide: Decide) -> Response:
        """Decide in one transaction, record it, and show the page again."""
        author = Author(visit.user.name, visit.form.get("reason", "").strip()[:LONGEST_REASON] or None)
        try:
            with self.database.write() as session:
                change, patients, studies = decide(session, author)
        except PermanentError as error:
            raise HTTPException(422, say("Not done: {reason}.", reason=str(error))) from None
        known = [patient for patient in patients if patient]
        address = find_address(visit.request)
        self.audit.record_reconciliation(visit.user.name, address, change, known, studies)
        LOG.info("patients changed", change=change, user=visit.user.name, studies=len(studies))
        return RedirectResponse(HERE, 303)


def _describe(change: Change, verb: str = "in force") -> tuple[str, Sequence[str | None], Sequence[str]]:
    entry = change.entry
    patients = [entry.prior_patient_id, entry.patient_id]
    return f"{entry.kind} {entry.id} {verb}", patients, change.study_instance_uids


def _take_patient(visit: Visit) -> Patient:
    """Return the patient of a form."""
    names = ("patient_id", "issuer", "name", "birth_date")
    return Patient(*(visit.form.get(name, "").strip() or None for name in names))
