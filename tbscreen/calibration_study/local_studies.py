"""The calibration studies of this installation, for the page."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from db.calibration_study import people
from db.calibration_study.people import PersonToTest
from db.calibration_study.studies import CalibrationStudyEntry
from db.database import Database
from domain.calibration_wishes import PlanWish, PolicyWish
from tbscreen import __version__
from tbscreen.settings import Settings
from web.calibration.studies import SignedThreshold, StudyProgress
from web.pages.report_page import ReportBusyError

if TYPE_CHECKING:
    from reports.sections.section import Section

PATIENCE_S: Final = 20.0
"""Seconds that an analysis waits for another one; it holds a thread of the page meanwhile."""


class LocalStudies:
    """A `web.calibration.studies.CalibrationStudies`: the functions of `tbscreen study`.

    What they import is imported when it is first needed. One analysis is made at a time; another one waits
    for `PATIENCE_S`, as that of a person who changed the demand while the first was drawn.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self._one_at_a_time = threading.Lock()

    def plan(self, wish: PlanWish) -> Section:
        """Return a plan; nothing is changed.

        Raises:
            PermanentError: when no trained bundle is active, or films are too few.
        """
        from reports.calibration_study.progress import write_plan
        from tbscreen.calibration_study import site_study

        with self.database.read() as session:
            return write_plan(site_study.plan(session, wish)[0])

    def start(self, name: str, wish: PlanWish, by: str) -> CalibrationStudyEntry:
        """Start a study by its plan.

        Raises:
            PermanentError: for a name that is none or taken, and as in `plan`.
        """
        from tbscreen.calibration_study import site_study

        return site_study.start(self.database, name, wish, by)[0]

    def describe(self, name: str) -> StudyProgress:
        """Return how far a study is."""
        from tbscreen.calibration_study import site_study

        study = site_study.enrol(self.database, name)
        with self.database.read() as session:
            _, progress = site_study.count_progress(session, study)
            return StudyProgress(study, progress, site_study.list_warnings(session, study))

    def list_people_to_test(self, name: str) -> Sequence[PersonToTest]:
        """Return the people who were drawn and have no result that decides, longest waiting first."""
        from tbscreen.calibration_study import site_study

        study = site_study.enrol(self.database, name)
        with self.database.read() as session:
            return people.list_people_to_test(session, study)

    def render(self, name: str, wish: PolicyWish, form: str) -> str | bytes:
        """Return the analysis as `html`, `pdf` or `json`.

        Raises:
            PermanentError: when nobody has a result.
            ReportBusyError: while another one is made.
        """
        from reports import html_form, pdf_form
        from reports.calibration_study.pages import compose_page
        from tbscreen.calibration_study import site_study

        if not self._one_at_a_time.acquire(timeout=PATIENCE_S):
            raise ReportBusyError("another analysis is being made; ask again in a moment")
        try:
            analysis, _ = site_study.analyse_study(self.database, name, wish)
            if form == "json":
                return analysis.model_dump_json()
            made_at = datetime.now(UTC)
            page = compose_page(analysis, made_at, __version__, self.settings.reports.organisation)
            return pdf_form.render_page(page, made_at) if form == "pdf" else html_form.render_page(page)
        finally:
            self._one_at_a_time.release()

    def close(self, name: str, wish: PolicyWish, by: str, reason: str) -> SignedThreshold:
        """Close a study and keep its recommended threshold, signed and not in use.

        Raises:
            PermanentError: when no threshold is recommended, or the study is closed.
        """
        from tbscreen.calibration_study import site_study
        from tbscreen.commands.calibration.calibrate import open_key

        sign = open_key(self.settings, None)
        entry = site_study.close_with_threshold(self.database, name, wish, by, reason, sign)
        point = next(point for point in entry.record["operating_points"] if point["name"] == entry.name)
        return SignedThreshold(entry.calibration_id, point["threshold"])

    def drop(self, name: str, by: str, reason: str) -> None:
        """Close a study without a threshold.

        Raises:
            PermanentError: when it is closed.
        """
        from tbscreen.calibration_study import site_study

        site_study.drop(self.database, name, by, reason)
