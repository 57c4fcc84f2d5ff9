"""The courier's round of reports: builds the objects that peers get of finished films, and fans them out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from db.database import Database
from db.delivery import outbox, refusal_outbox, report_objects
from db.delivery.deliveries import DueDelivery
from db.delivery.outbox import ReportableScreening
from db.delivery.refusal_outbox import ReportableRefusal
from db.delivery.report_objects import BuiltReport
from db.films import screenings
from db.films.screenings import Heat
from dicom_gateway.delivery.delivery_rules import choose_receivers
from dicom_gateway.delivery.film_conditions import FilmFacts
from dicom_gateway.results.presentation_state import build_presentation_state, may_be_presented
from dicom_gateway.results.refusal_report import build_refusal, may_be_reported
from dicom_gateway.results.secondary_capture import build_secondary_capture
from dicom_gateway.results.structured_report import build_report
from dicom_gateway.settings import CourierSettings, PeerSettings
from domain.codes import ReportKind
from domain.film_key import film_key
from domain.film_stage import shorten_key, stage
from sending.receiver_breaker import jittered_pause

BATCH: Final = 4
"""Films whose reports are built in one round and stored in one transaction, before they are sent."""

MOST_BUILDS: Final = 10
"""Attempts to build the objects of a film, after which it is parked. With the default pauses they take a
quarter of an hour."""

log = structlog.get_logger(__name__)


@dataclass
class _Built:
    """The objects of a screening, each with its receivers."""

    screening: ReportableScreening
    reports: list[tuple[BuiltReport, Sequence[str]]] = field(default_factory=list)
    failure: str | None = None
    """Error of an object that could not be built."""


@dataclass
class _Unbuilt:
    """A screening that is handed back because the courier ends."""

    screening: ReportableScreening


class ReportSender(Protocol):
    """Sends the objects that a round has stored."""

    def lease(self, session: Session) -> Mapping[str, Sequence[DueDelivery]]:
        """Take deliveries, by peer, in the transaction that makes them."""

    def send(self, leased: Mapping[str, Sequence[DueDelivery]]) -> None:
        """Begin to send the deliveries that were taken, after the commit."""


class ReportRound:
    """Turns screenings and refusals into objects and deliveries.

    Args:
        database: outboxes, objects, deliveries.
        peers: all peers of the settings, with their delivery rules.
        settings: settings of building and retrying.
        software_version: version that the objects name.
        sender: sends stored objects at once; None leaves them to who takes due deliveries.
    """

    def __init__(
        self,
        database: Database,
        peers: Collection[PeerSettings],
        settings: CourierSettings,
        software_version: str,
        sender: ReportSender | None = None,
    ) -> None:
        self._sender = sender
        self._database = database
        self._peers = peers
        self._settings = settings
        self._software_version = software_version
        self._refusals_wanted = any(
            peer.send_reports
            and ReportKind.REFUSAL in {*peer.kinds, *(kind for rule in peer.rules for kind in rule.kinds)}
            for peer in peers
        )

    def report_due(self, ending: threading.Event) -> int:
        """Report due screenings and refusals, at most `BATCH` of each; return how many were due."""
        with self._database.read() as session:
            due, due_refusals = outbox.has_due(session), refusal_outbox.has_due(session)
        reported = self._report_screenings(ending) if due else 0
        return reported + (self._report_refusals(ending) if due_refusals else 0)

    def _report_screenings(self, ending: threading.Event) -> int:
        with self._database.write() as session:
            due = outbox.lease(session, timedelta(seconds=self._settings.lease_s), BATCH)
        with self._database.read() as session:
            numbers = [screening.screening_id for screening in due]
            heats = screenings.find_heats(session, numbers)
            stored = report_objects.find_built(session, numbers)
        built = [
            _Unbuilt(screening)
            if ending.is_set()
            else self._build(screening, heats.get(number), stored.get(number, {}))
            for number, screening in zip(numbers, due, strict=True)
        ]
        try:
            self._record(built)
        except SQLAlchemyError:  # perhaps of one of them
            if len(built) == 1:
                raise
            for single in built:
                self._record([single])
        return len(built)

    def _build(
        self, screening: ReportableScreening, heat: Heat | None, stored: Mapping[str, BuiltReport]
    ) -> _Built | _Unbuilt:
        """Build the objects of a screening; those that are stored are taken as they are."""
        film_log = log.bind(film=shorten_key(film_key(screening.sop_instance_uid)))
        peers = () if screening.overtaken else self._peers
        receivers = choose_receivers(peers, FilmFacts.of_screening(screening))
        built = _Built(screening)
        builders: dict[ReportKind, Callable[[ReportableScreening, Heat | None], BuiltReport]] = {
            ReportKind.SR: self._build_sr,  # always: the database keeps every report
        }
        if receivers[ReportKind.SC]:
            builders[ReportKind.SC] = self._build_sc
        if receivers[ReportKind.GSPS] and may_be_presented(screening):
            builders[ReportKind.GSPS] = self._build_gsps
        for kind, build in builders.items():
            if kind.value in stored:  # in an earlier round, perhaps by another version
                built.reports.append((stored[kind.value], receivers[kind]))
                continue
            try:
                with stage("report", film_key(screening.sop_instance_uid), kind=kind.value):
                    built.reports.append((build(screening, heat), receivers[kind]))
            except SQLAlchemyError:
                raise  # no fault of the film: the lease ends
            except Exception as error:  # noqa: BLE001  one malformed header must not stop all reports
                built.failure = f"{kind.value}: {type(error).__name__}: {error}"
                film_log.error(
                    "report not built",
                    kind=kind.value,
                    error=type(error).__name__,
                    attempt=screening.attempts,
                )
        return built

    def _record(self, batch: Sequence[_Built | _Unbuilt]) -> None:
        """Store and fan out the objects of some films in one transaction.

        A screening stays in the outbox when one of its objects could not be built.
        """
        with self._database.write() as session:
            for built in batch:
                if not outbox.is_stored(session, built.screening):
                    continue
                if isinstance(built, _Unbuilt):
                    outbox.postpone(session, built.screening.outbox_id, timedelta(0), None)
                else:
                    self._store(session, built)
            leased = {} if self._sender is None else self._sender.lease(session)
        if self._sender is not None:
            self._sender.send(leased)
        for built in batch:
            film_log = log.bind(film=shorten_key(film_key(built.screening.sop_instance_uid)))
            if isinstance(built, _Built):
                for report, peers in built.reports:
                    film_log.info("report built", kind=report.kind, peers=len(peers))
                if built.failure is not None and built.screening.attempts >= MOST_BUILDS:
                    film_log.error("report parked: it cannot be built", help="tbscreen deliveries unbuilt")

    def _store(self, session: Session, built: _Built) -> None:
        screening = built.screening
        for report, peers in built.reports:
            report_objects.store(session, report, peers, screening_id=screening.screening_id)
        if built.failure is None:
            outbox.close(session, screening.outbox_id)
        elif screening.attempts >= MOST_BUILDS:
            outbox.park(session, screening.outbox_id, built.failure)
        else:
            outbox.postpone(session, screening.outbox_id, self._pause(screening.attempts), built.failure)

    def _build_sr(self, screening: ReportableScreening, heat: Heat | None) -> BuiltReport:
        return build_report(screening, heat, self._settings, self._software_version)

    def _build_sc(self, screening: ReportableScreening, heat: Heat | None) -> BuiltReport:
        with self._database.read() as session:
            rendition = outbox.find_rendition(session, screening.screening_id)
        if rendition is None:
            raise LookupError("the film has no rendition")
        return build_secondary_capture(screening, rendition, heat, self._settings, self._software_version)

    def _build_gsps(self, screening: ReportableScreening, heat: Heat | None) -> BuiltReport:
        with self._database.read() as session:
            transforms = outbox.find_transforms(session, screening.screening_id)
        return build_presentation_state(screening, heat, transforms, self._settings, self._software_version)

    def _report_refusals(self, ending: threading.Event) -> int:
        with self._database.write() as session:
            if not self._refusals_wanted:
                refusal_outbox.clear(session)
                return 0
            due = refusal_outbox.lease(session, timedelta(seconds=self._settings.lease_s), BATCH)
        for refusal in due:
            if ending.is_set():
                with self._database.write() as session:
                    refusal_outbox.postpone(session, refusal.instance_id, timedelta(0), None)
            else:
                self._report_refusal(refusal)
        return len(due)

    def _report_refusal(self, refusal: ReportableRefusal) -> None:
        key = film_key(refusal.sop_instance_uid)
        film_log = log.bind(film=shorten_key(key), refusal=refusal.refusal.value)
        receivers = choose_receivers(self._peers, FilmFacts.of_refusal(refusal))[ReportKind.REFUSAL]
        report = None
        try:
            if receivers and may_be_reported(refusal):
                with stage("report", key, kind=ReportKind.REFUSAL.value):
                    report = build_refusal(refusal, self._settings, self._software_version)
        except Exception as error:  # noqa: BLE001  as above
            film_log.error("refusal not built", error=type(error).__name__, attempt=refusal.attempts)
            failure = f"{type(error).__name__}: {error}"
            with self._database.write() as session:
                if not refusal_outbox.is_stored(session, refusal):
                    return
                if refusal.attempts >= MOST_BUILDS:
                    refusal_outbox.park(session, refusal.instance_id, failure)
                    film_log.error("refusal parked: it cannot be built", help="tbscreen deliveries unbuilt")
                else:
                    pause = self._pause(refusal.attempts)
                    refusal_outbox.postpone(session, refusal.instance_id, pause, failure)
            return
        with self._database.write() as session:
            if not refusal_outbox.is_stored(session, refusal):
                return
            if report is None:
                refusal_outbox.close(session, refusal.instance_id)
            else:
                refusal_outbox.fan_out(session, refusal, report, receivers)
        film_log.info("refusal reported", peers=0 if report is None else len(receivers))

    def _pause(self, attempts: int) -> timedelta:
        settings = self._settings
        return timedelta(seconds=jittered_pause(attempts, settings.retry_first_s, settings.retry_most_s))
