"""A calibration study of this installation: its plan, progress, analysis and end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from db.calibration_study import people, studies
from db.calibration_study.studies import CalibrationStudyEntry
from db.database import Database
from db.models import bundles, site_thresholds
from db.models.site_thresholds import Sign, SiteThresholdEntry
from domain.bundle.manifest import Manifest
from domain.calibration_wishes import PlanWish, PolicyWish
from domain.errors import PermanentError
from judging.calibration_study.threshold_choice import Policy
from reports.calibration_study.analysis import BandCount, Prices, StudyAnalysis, analyse, count_bands
from reports.calibration_study.plan import StudyPlan, make_plan
from reports.calibration_study.progress import write_progress
from reports.calibration_study.site_threshold import make_cells, make_record
from reports.period import Period
from reports.sections.section import Section
from reports.site_threshold.record import WHO_SENSITIVITY
from tbscreen.models.bundle_lookup import find_active_manifest

A_YEAR: Final = timedelta(days=365)
LONGEST_NAME: Final = 64


def plan(session: Session, wish: PlanWish) -> tuple[StudyPlan, str]:
    """Return the plan of a study of the active bundle, and the bundle's digest.

    Raises:
        PermanentError: when no trained bundle is active, or films are too few.
    """
    active, manifest = bundles.find_active(session), find_active_manifest(session)
    if active is None or manifest is None:
        raise PermanentError("no bundle is active: a study is about the bundle in use")
    if not manifest.trained:
        raise PermanentError(
            "the active bundle is not trained, so its scores mean nothing and need no threshold"
        )
    end, first = datetime.now(UTC), wish.first
    begin = end - A_YEAR if first is None else datetime(first.year, first.month, first.day, tzinfo=UTC)
    scores = people.list_scores(session, active.digest, begin, end)
    weeks = max((end - begin) / timedelta(weeks=1), 1 / 7)
    made = make_plan(
        manifest,
        scores,
        wish.prevalence,
        wish.half_width,
        wish.results,
        len(scores) / weeks,
        wish.shares,
    )
    return made, active.digest


def start(database: Database, name: str, wish: PlanWish, by: str) -> tuple[CalibrationStudyEntry, StudyPlan]:
    """Plan a study and start it.

    Raises:
        PermanentError: as in `plan`; for a name that is none or taken; while a study of the bundle is open.
    """
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise PermanentError(f"a study's name has 1 to {LONGEST_NAME} printable characters")
    with database.write() as session:
        made, digest = plan(session, wish)
        entry = studies.start(
            session,
            name,
            digest,
            made.threshold,
            made.edges,
            made.shares,
            made.model_dump(mode="json"),
            by,
        )
    return entry, made


def enrol(database: Database, name: str | None) -> CalibrationStudyEntry:
    """Enrol people whose films were screened meanwhile, and return the study; by default the newest."""
    with database.write() as session:
        study = studies.find(session, name)
        people.enrol(session, study)
    return study


def count_progress(session: Session, study: CalibrationStudyEntry) -> tuple[tuple[BandCount, ...], Section]:
    """Return the counts of a study by score band, and its progress in words and tables."""
    bands = count_bands(people.list_people(session, study), study.edges, study.shares)
    weeks = ((study.closed_at or datetime.now(UTC)) - study.started_at) / timedelta(weeks=1)
    reads = people.count_reads(session, study)
    return bands, write_progress(bands, StudyPlan.model_validate(study.plan), weeks, reads)


def list_warnings(session: Session, study: CalibrationStudyEntry) -> list[str]:
    """Return what speaks against the enrolment just now."""
    active = bundles.find_active(session)
    if study.closed_at is None and (active is None or active.digest != study.bundle_digest):
        return [
            "another bundle is active now: nobody is enrolled until the study's bundle is active again; "
            "activate it, or close the study"
        ]
    return []


def analyse_study(database: Database, name: str | None, wish: PolicyWish) -> tuple[StudyAnalysis, Manifest]:
    """Enrol people, and return the analysis of a study and the manifest of its bundle.

    Raises:
        PermanentError: when there is no such study, nobody has a result, or one price is missing.
    """
    prices = _read_prices(wish)
    study = enrol(database, name)
    with database.read() as session:
        enrolled = people.list_people(session, study)
        repeated = people.count_enrolled(session, study) - len(enrolled)
        manifest = Manifest.model_validate(bundles.read_manifest(session, study.bundle_digest))
    last = study.closed_at or datetime.now(UTC)
    is_plain = wish.sensitivity is None and wish.referred is None
    analysis = analyse(
        study.name,
        f"{manifest.name} {manifest.version}",
        study.bundle_digest,
        Period(study.started_at.date(), last.date()),
        enrolled,
        study.edges,
        study.shares,
        study.threshold,
        Policy(sensitivity=WHO_SENSITIVITY if is_plain else wish.sensitivity, referred=wish.referred),
        repeated=repeated,
        by_station=wish.by_station,
        by_group=wish.by_group,
        prices=prices,
    )
    return analysis, manifest


def close_with_threshold(
    database: Database, name: str | None, wish: PolicyWish, by: str, reason: str, sign: Sign
) -> SiteThresholdEntry:
    """Close a study and keep its recommended threshold, signed and not in use.

    Raises:
        PermanentError: when no threshold is recommended, or the study is closed.
    """
    analysis, manifest = analyse_study(database, name, wish)
    record = make_record(analysis, manifest)
    with database.write() as session:
        studies.close(session, studies.find(session, analysis.name), by, reason)
        return site_thresholds.keep(
            session, analysis.bundle_digest, by, record, sign, make_cells(analysis, manifest)
        )


def drop(database: Database, name: str | None, by: str, reason: str) -> CalibrationStudyEntry:
    """Close a study without a threshold.

    Raises:
        PermanentError: when it is closed.
    """
    with database.write() as session:
        study = studies.find(session, name)
        studies.close(session, study, by, reason)
    return study


def _read_prices(wish: PolicyWish) -> Prices | None:
    film, test = wish.film_price, wish.test_price
    if (film is None) != (test is None):
        raise PermanentError("--film-price and --test-price go together")
    return None if film is None or test is None else Prices(film=film, test=test)
