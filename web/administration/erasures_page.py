"""The page that erases a patient, and lists what was erased: when, by whom and why, never whose."""

from __future__ import annotations

from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from db.erasure import erased_files, erasures, patient_data
from db.erasure.erasures import describe_rows
from domain.errors import PermanentError
from domain.languages.sentence import say
from web.access.audit import find_address
from web.access.authentication import Visit
from web.administration.administration_page import AdministrationPage

LOG = structlog.get_logger(__name__)

LONGEST_ID: Final = 64
LONGEST_REASON: Final = 500


class ErasuresPage(AdministrationPage):
    """The page `/administration/erasures`."""

    def show(self, visit: Visit) -> Response:
        """Show past erasures, newest first, and the form of a new one."""
        return self._show(visit)

    def erase(self, visit: Visit) -> Response:
        """Say what would go and ask for the patient ID once more; then erase."""
        patient_id = _take(visit, "patient_id", LONGEST_ID, say("a patient ID"))
        reason = _take(visit, "reason", LONGEST_REASON, say("a reason without patient data"))
        issuer = visit.form.get("issuer", "").strip()[:LONGEST_ID] or None
        try:
            with self.database.write() as session:
                found = patient_data.find(session, patient_id, issuer)
                holders = patient_data.list_holders(session, found.films)
                session.rollback()
        except PermanentError as error:
            return self._show(visit, say("Nothing was erased: {reason}.", reason=str(error)), is_problem=True)
        if not (found.films or found.results or found.corrections):
            return self._show(visit, say("There is nothing about this patient ID."), is_problem=True)
        again = visit.form.get("again")
        if again is None or again.strip() != patient_id:
            context = {
                "patient_id": patient_id,
                "issuer": issuer or "",
                "reason": reason,
                "found": found,
                "holders": holders,
                "message": ""
                if again is None
                else say("That is not the same patient ID. Nothing was erased."),
                "is_problem": True,
            }
            return self.render(visit, "erasure", context)
        by = f"{visit.user.name} (page)"
        try:
            entry = self.installation.erase_patient(patient_id, issuer, by, reason)
        except PermanentError as error:
            return self._show(visit, say("Nothing was erased: {reason}.", reason=str(error)), is_problem=True)
        rows = describe_rows(entry.record["rows"])
        self.audit.record_reconciliation(
            visit.user.name,
            find_address(visit.request),
            f"patient erased: {rows}",
            [patient_id],
            list(found.studies.values()),
        )
        LOG.info("patient erased", user=visit.user.name)
        told = say("Erased: {rows}.", rows=rows)
        if holders:
            told = say(
                "Erased: {rows}. Objects of these films were sent to {peers}: erase them there, too.",
                rows=rows,
                peers=", ".join(holders),
            )
        return self._show(visit, told)

    def _show(self, visit: Visit, message: str = "", *, is_problem: bool = False) -> Response:
        with self.database.read() as session:
            entries, waiting = erasures.list_erasures(session), erased_files.count(session)
        context = {
            "entries": [(entry, describe_rows(entry.record["rows"])) for entry in reversed(entries)],
            "waiting": waiting,
            "message": message,
            "is_problem": is_problem,
        }
        status = 409 if is_problem else 200
        return self.render(visit, "erasures", context, status)


def _take(visit: Visit, name: str, longest: int, meaning: str) -> str:
    value = visit.form.get(name, "").strip()
    if not value or len(value) > longest:
        raise HTTPException(
            422,
            say(
                "Nothing was erased: {field} is missing, or longer than {longest}.",
                field=meaning,
                longest=longest,
            ),
        )
    return value
