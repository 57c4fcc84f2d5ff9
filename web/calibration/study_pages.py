"""The pages of calibration studies: plan, progress, people to test and their results, analysis, end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from db.bacteriology import results
from db.bacteriology.laboratory_words import read_result
from db.bacteriology.links import WINDOW_DAYS, find_links
from db.calibration_study import studies
from db.calibration_study.people import PersonToTest
from db.calibration_study.studies import CalibrationStudyEntry
from db.clock import now
from db.database import Database
from domain.bacteriology import Method, Outcome
from domain.errors import PermanentError
from domain.languages.sentence import say
from domain.roles import Permission
from web.access.audit import AuditTrail, ChangeKind, find_address
from web.access.authentication import Visit
from web.administration.question import ask_first
from web.calibration.forms import PLAN, describe_policy, read_plan, read_policy, write_query
from web.calibration.studies import CalibrationStudies
from web.pages.form_values import take_number
from web.pages.pages import Pages
from web.pages.report_page import DOCUMENT_HEADERS, ReportBusyError, explain_busy, refuse_document

LOG = structlog.get_logger(__name__)

HERE: Final = "/calibration"
LONGEST_REASON: Final = 500
SHOWN: Final = 50
"""People to test on one page."""
FORMS: Final[Mapping[str, str]] = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "json": "application/json",
}


class CalibrationPage:
    """The pages under `/calibration`.

    Figures are for who may see the report. Names of people who wait for a test are for those who also see
    the worklist, and readers do not: who is to be tested says something about the score.
    """

    def __init__(self, database: Database, pages: Pages, audit: AuditTrail, site: CalibrationStudies) -> None:
        self.database = database
        self.pages = pages
        self.audit = audit
        self.site = site

    def show(self, visit: Visit) -> Response:
        """Show all studies, and for administrators the form of a plan."""
        return self._show(visit)

    def show_plan(self, visit: Visit) -> Response:
        """Show the plan that the form asks for; nothing is changed."""
        given = {name: visit.request.query_params.get(name, "").strip() for name in PLAN}
        try:
            plan = self.site.plan(read_plan(given))
        except PermanentError as error:
            return self._show(
                visit, given, message=say("No plan: {reason}.", reason=str(error)), is_problem=True
            )
        return self._show(visit, given, plan=plan)

    def start(self, visit: Visit) -> Response:
        """Start a study by its plan."""
        name, given = visit.form.get("name", "").strip(), {key: visit.form.get(key, "") for key in PLAN}
        question = say(
            "From now on each person is enrolled in the study '{study}' as the film is screened. Bundle and "
            "threshold should stay as they are until it is closed.",
            study=name,
        )
        asked = ask_first(self.pages, visit, question, say("Start the study"), HERE)
        if asked:
            return asked
        try:
            study = self.site.start(name, read_plan(given), visit.user.name)
        except PermanentError as error:
            return self._show(
                visit, given, message=say("Not started: {reason}.", reason=str(error)), is_problem=True
            )
        self._record(visit, f"calibration study {study.name} started")
        return RedirectResponse(f"{HERE}/{study.id}", 303)

    def show_study(self, visit: Visit) -> Response:
        """Show how far a study is."""
        return self._show_study(visit, self._find(visit))

    def list_tests(self, visit: Visit) -> Response:
        """Show whom to test, with a form for each result."""
        return self._list_tests(visit, self._find(visit))

    def take_result(self, visit: Visit) -> Response:
        """Record one result of a person who was drawn."""
        study = self._find(visit)
        waiting = self.site.list_people_to_test(study.name)
        uid = visit.form.get("uid", "")
        person = next((person for person in waiting if person.study_instance_uid == uid), None)
        if person is None:
            raise HTTPException(404, say("Nobody of this study waits for a test under this number."))
        try:
            self._record_result(visit, person)
        except (ValueError, PermanentError) as error:
            return self._list_tests(
                visit, study, say("Not recorded: {reason}.", reason=str(error)), is_problem=True
            )
        return self._list_tests(visit, study, say("The result is recorded."))

    def show_analysis(self, visit: Visit) -> Response:
        """Show the analysis under a policy, in a frame."""
        study, wish = self._find(visit), read_policy(visit.request.query_params)
        context = {"study": study, "wish": wish, "query": write_query(wish)}
        return self._render(visit, "analysis", context)

    def send_document(self, visit: Visit) -> Response:
        """Send the analysis as a document without scripts, or as a file."""
        study, given = self._find(visit), visit.request.query_params
        form = given.get("form") or "html"
        if form not in FORMS:
            raise HTTPException(400, f"form: {', '.join(FORMS)}.")
        try:
            document = self.site.render(study.name, read_policy(given), form)
        except PermanentError as error:
            return refuse_document(f"{error}.", 422)
        except ReportBusyError as error:
            busy = explain_busy(error)
            return refuse_document(busy.detail, busy.status_code, busy.headers)
        headers = dict(DOCUMENT_HEADERS)
        if form != "html" or "download" in given:
            headers["Content-Disposition"] = f'attachment; filename="calibration-study-{study.id}.{form}"'
        return Response(document, headers=headers, media_type=FORMS[form])

    def close(self, visit: Visit) -> Response:
        """Close a study and keep its recommended threshold, signed."""
        study, wish = self._find(visit), read_policy(visit.form)
        question = say(
            "The study '{study}' ends: nobody is enrolled any more. Its recommended threshold is kept, "
            "signed and dated with your name; {policy}. New films are judged by it once it is put in use.",
            study=study.name,
            policy=describe_policy(wish),
        )
        asked = ask_first(self.pages, visit, question, say("Close the study"), f"{HERE}/{study.id}")
        if asked:
            return asked
        try:
            signed = self.site.close(study.name, wish, visit.user.name, _take_reason(visit))
        except PermanentError as error:
            return self._show_study(
                visit, study, say("Not closed: {reason}.", reason=str(error)), is_problem=True
            )
        self._record(
            visit,
            f"calibration study {study.name} closed, threshold {signed.number} of {signed.value:.4f} kept",
        )
        return RedirectResponse(f"/administration/thresholds/{signed.number}", 303)

    def drop(self, visit: Visit) -> Response:
        """Close a study without a threshold."""
        study = self._find(visit)
        question = say(
            "The study '{study}' ends without a threshold: nobody is enrolled any more.", study=study.name
        )
        asked = ask_first(self.pages, visit, question, say("Close without a threshold"), f"{HERE}/{study.id}")
        if asked:
            return asked
        try:
            self.site.drop(study.name, visit.user.name, _take_reason(visit))
        except PermanentError as error:
            return self._show_study(
                visit, study, say("Not closed: {reason}.", reason=str(error)), is_problem=True
            )
        self._record(visit, f"calibration study {study.name} closed without a threshold")
        return RedirectResponse(HERE, 303)

    def _find(self, visit: Visit) -> CalibrationStudyEntry:
        number = take_number(visit, "study")
        with self.database.read() as session:
            entries = studies.list_studies(session)
        for entry in entries:
            if entry.id == number:
                return entry
        raise HTTPException(404, say("There is no calibration study {number}.", number=number))

    def _record(self, visit: Visit, change: str) -> None:
        self.audit.record_change(visit.user.name, find_address(visit.request), ChangeKind.SOFTWARE, change)
        LOG.info("calibration study changed", change=change, by=visit.user.name)

    def _record_result(self, visit: Visit, person: PersonToTest) -> None:
        """Record the result of the form as this person's, and link it to the person's study.

        Raises:
            ValueError: for values that are none.
            PermanentError: for a result that was corrected since.
        """
        cells = {name: visit.form.get(name, "").strip() for name in ("specimen_date", "method", "result")}
        cells["specimen_id"] = visit.form.get("specimen_id", "").strip()
        cells["patient_id"] = person.patient_id or ""
        cells["patient_id_issuer"] = person.patient_id_issuer or ""
        cells["accession_number"] = person.accession_number or ""
        new = read_result(cells)
        with self.database.write() as session:
            recorded = results.record(session, [new], visit.user.name)
            if recorded.outdated:
                raise PermanentError(say("this result was corrected since, and the correction stays"))
            for link in find_links(
                session, results.find_standing(session, [new.name_subject()]), WINDOW_DAYS
            ):
                if link.study is None or link.study.study_instance_uid != person.study_instance_uid:
                    results.link(session, link.result.id, person.study_instance_uid, visit.user.name)
        self.audit.record_reconciliation(
            visit.user.name,
            find_address(visit.request),
            "1 bacteriology results recorded",
            [person.patient_id] if person.patient_id else [],
            [person.study_instance_uid],
        )

    def _show(
        self,
        visit: Visit,
        given: Mapping[str, str] = PLAN,
        *,
        plan: object = None,
        message: str | None = None,
        is_problem: bool = False,
    ) -> Response:
        with self.database.read() as session:
            entries = studies.list_studies(session)
        context = {
            "entries": entries,
            "given": given,
            "plan": plan,
            "message": message,
            "is_problem": is_problem,
        }
        return self._render(visit, "studies", context, 422 if is_problem else 200)

    def _show_study(
        self,
        visit: Visit,
        study: CalibrationStudyEntry,
        message: str | None = None,
        *,
        is_problem: bool = False,
    ) -> Response:
        found = self.site.describe(study.name)
        context = {
            "study": found.study,
            "progress": found.progress,
            "warnings": found.warnings,
            "message": message,
            "is_problem": is_problem,
        }
        return self._render(visit, "study", context, 422 if is_problem else 200)

    def _list_tests(
        self,
        visit: Visit,
        study: CalibrationStudyEntry,
        message: str | None = None,
        *,
        is_problem: bool = False,
    ) -> Response:
        if not visit.user.may(Permission.WORKLIST):
            raise HTTPException(403, say("Your role sees figures alone, no people."))
        waiting = self.site.list_people_to_test(study.name)
        wanted = visit.request.query_params.get("find", "").strip()
        found = [person for person in waiting if wanted in ("", person.patient_id, person.accession_number)]
        context = {
            "study": study,
            "people": found[:SHOWN],
            "found": len(found),
            "waiting": len(waiting),
            "wanted": wanted,
            "methods": list(Method),
            "outcomes": [outcome for outcome in Outcome if outcome is not Outcome.WITHDRAWN],
            "today": now().date().isoformat(),
            "message": message,
            "is_problem": is_problem,
        }
        query = f"calibration study {study.id}, people to test"
        self.audit.record_search(visit.user.name, find_address(visit.request), query)
        return self._render(visit, "tests", context, 422 if is_problem else 200)

    def _render(self, visit: Visit, template: str, context: dict[str, Any], status: int = 200) -> Response:
        context |= {"user": visit.user, "csrf": visit.csrf}
        return self.pages.render(visit.request, f"calibration/{template}.html", context, status)


def _take_reason(visit: Visit) -> str:
    return visit.form.get("reason", "").strip()[:LONGEST_REASON] or "completed"
