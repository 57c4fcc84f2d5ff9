"""The courier of notices with the parts that only the front door knows: drift, referral, the audit trail."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from db.counts import read_films
from db.counts.referrals import watch_referral
from db.database import Database
from db.models import bundles
from db.notices import notice_list
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.delivery.delivery_attempt import AUDITED_AS
from domain.codes import NoticedEvent
from notices.alarms import Alarm, AlarmSource, SilentStations
from notices.notice_courier import NoticeCourier
from reports.settings import ReportSettings
from sending.send_result import SendResult
from tbscreen.settings import Settings

WEEK: Final = timedelta(days=7)


def build_notice_courier(database: Database, settings: Settings, audit: AuditTrail | None) -> NoticeCourier:
    """Return the courier of notices with its sources of alarms."""
    sources: list[AlarmSource] = [
        SilentStations(settings.notices.silent_station_hours),
        DriftOfStations(settings.reports),
        ShiftedReferral(settings.reports.prevalence),
    ]

    def record(number: int, receiver: str, host: str, result: SendResult, reason: str) -> None:
        with database.read() as session:
            subject = notice_list.find_subject(session, number)
        if audit is not None and subject is not None:
            study, patient = subject
            audit.record_exported(receiver, host, patient, study, AUDITED_AS[result], reason)

    return NoticeCourier(database, settings.notices, settings.courier, sources, record)


class DriftOfStations:
    """Finds stations whose films or scores drifted in the last complete week, Monday to Sunday.

    Args:
        settings: time zone, reference period and threshold, as for reports.
    """

    every_s = 3600.0

    def __init__(self, settings: ReportSettings) -> None:
        self._settings = settings
        self._measured: date | None = None

    def find(self, session: Session) -> list[Alarm]:
        """Return an alarm for each station that drifted; each week is measured once."""
        from reports.drift import measure_drift
        from reports.period import Period

        today = datetime.now(ZoneInfo(self._settings.timezone)).date()
        last = today - timedelta(days=today.weekday() + 1)
        if last == self._measured:
            return []
        week = Period(last - WEEK + timedelta(days=1), last, self._settings.timezone)
        reference = week.find_reference(self._settings.reference_from, self._settings.reference_to)
        before = reference.to_span()
        drift = measure_drift(
            read_films.stream_input(session, before, [before]),
            read_films.stream_input(session, week.to_span(), week.list_weeks()),
            reference,
            self._settings.drift_index,
        )
        self._measured = last
        figures: dict[str, list[str]] = {}
        for row in drift.alerts:
            figures.setdefault(row.station, []).append(f"{row.figure} {row.index:.2f}")
        return [
            Alarm(
                NoticedEvent.DRIFT,
                station,
                f"week of {week.first}",
                {
                    "summary": f"Drift at station {station}",
                    "week_from": str(week.first),
                    "stability_index": ", ".join(listed),
                },
            )
            for station, listed in figures.items()
        ]


class ShiftedReferral:
    """Finds that more people are referred than the operating point lets expect.

    Args:
        prevalence: stated share of TB among the people screened, 0..1; None: not stated.
    """

    every_s = 3600.0

    def __init__(self, prevalence: float | None) -> None:
        self._prevalence = prevalence

    def find(self, session: Session) -> list[Alarm]:
        """Return one alarm for a model in use, however long it lasts."""
        found = watch_referral(session, self._prevalence)
        active = bundles.find_active(session)
        if found is None or found.warned_after is None or active is None:
            return []
        detail = {"summary": "More people are referred than expected", "note": found.describe()}
        return [Alarm(NoticedEvent.DRIFT, "", f"referral {active.digest} {found.warned_after}", detail)]
