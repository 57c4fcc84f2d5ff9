"""Prometheus metrics of the whole installation, from the database."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import structlog
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from db.canary import verdicts
from db.canary.verdicts import CanaryWatch
from db.clock import now
from db.counts import backlog
from db.counts.backlog import Backlog, PullBacklog
from db.counts.referrals import watch_referral
from db.database import Database
from domain.referral_watch import ReferralWatch

WATCH_S: Final = 600.0
"""Seconds for which the watch over referrals, which reads thousands of rows, is kept."""
UP: Final = "tbscreen_database_up"

log = structlog.get_logger(__name__)


class DatabaseMetrics(Collector):
    """Asks the database each time that it is asked. Several processes may tell the same; take one of them."""

    def __init__(self, database: Database, prevalence: float | None = None) -> None:
        """Keep the database.

        Args:
            database: the database.
            prevalence: stated share of TB among the people screened, 0..1.
        """
        self._database, self._prevalence = database, prevalence
        self._referral: ReferralWatch | None = None
        self._watched_at = -math.inf

    def describe(self) -> list[Metric]:
        """Return nothing, because the database may not exist yet at registration."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield each family."""
        try:
            with self._database.read() as session:
                measured = backlog.measure(session)
                canaries = verdicts.list_watches(session)
                if time.monotonic() - self._watched_at > WATCH_S:
                    self._referral = watch_referral(session, self._prevalence)
                    self._watched_at = time.monotonic()
        except SQLAlchemyError as error:
            log.warning("the database is away: not measured", error=type(error).__name__)
            yield GaugeMetricFamily(UP, "Whether the database answers: 1 or 0.", value=0)
            return
        yield GaugeMetricFamily(UP, "Whether the database answers: 1 or 0.", value=1)
        films = GaugeMetricFamily(
            "tbscreen_films_waiting", "Films that wait for their result or their report.", labels=["state"]
        )
        ages = GaugeMetricFamily(
            "tbscreen_films_oldest_waiting_seconds", "Age of the oldest of them.", labels=["state"]
        )
        for state, queue in measured.films.items():
            films.add_metric([state], queue.count)
            ages.add_metric([state], _age(queue.oldest))
        yield films
        yield ages
        yield GaugeMetricFamily(
            "tbscreen_reports_waiting", "Results and refusals to be reported.", value=measured.reports
        )
        yield GaugeMetricFamily(
            "tbscreen_reports_parked", "Reports that cannot be built.", value=measured.parked_reports
        )
        deliveries = GaugeMetricFamily(
            "tbscreen_deliveries", "Objects that are not delivered.", labels=["peer", "state"]
        )
        oldest = GaugeMetricFamily(
            "tbscreen_deliveries_oldest_seconds", "Age of the oldest of them.", labels=["peer", "state"]
        )
        for row in measured.deliveries:
            deliveries.add_metric([row.peer, row.state], row.count)
            oldest.add_metric([row.peer, row.state], _age(row.oldest))
        yield deliveries
        yield oldest
        yield from _tell_messages(measured)
        notices = GaugeMetricFamily(
            "tbscreen_notices", "Notices that are not delivered.", labels=["receiver", "state"]
        )
        for row in measured.notices:
            notices.add_metric([row.peer, row.state], row.count)
        yield notices
        commitments = GaugeMetricFamily(
            "tbscreen_commitments", "Delivered objects that no peer answers for yet.", labels=["state"]
        )
        for state, count in measured.commitments.items():
            commitments.add_metric([state], count)
        yield commitments
        conflicts = GaugeMetricFamily(
            "tbscreen_conflicts", "Films under one UID that a person has to decide about.", labels=["kind"]
        )
        for kind, count in measured.conflicts.items():
            conflicts.add_metric([kind], count)
        yield conflicts
        yield from _tell_pulls(measured.pulls)
        backup = GaugeMetricFamily(
            "tbscreen_newest_backup_age_seconds", "Age of the state that the newest backup holds."
        )
        if measured.newest_backup is not None:
            backup.add_metric([], _age(measured.newest_backup))
        yield backup
        yield from _tell_referral(self._referral)
        yield from _tell_canaries(canaries)
        if measured.active_model is not None:
            name, version, digest = measured.active_model
            model = {"name": name, "version": version, "digest": digest}
            yield InfoMetricFamily("tbscreen_active_model", "The model that screens.", value=model)


def _tell_referral(referral: ReferralWatch | None) -> Iterator[Metric]:
    """Yield nothing where no prevalence is stated."""
    if referral is None:
        return
    shares = GaugeMetricFamily(
        "tbscreen_referred_share",
        "Share of people referred by the operating point in use, and the expected one.",
        labels=["kind"],
    )
    shares.add_metric(["referred"], referral.share)
    shares.add_metric(["expected"], referral.expected)
    yield shares
    yield GaugeMetricFamily(
        "tbscreen_referral_shifted",
        "Whether more people are referred than chance and prevalence explain: 1 or 0.",
        value=referral.warned_after is not None,
    )


def _tell_canaries(canaries: Sequence[CanaryWatch]) -> Iterator[Metric]:
    alarms = GaugeMetricFamily(
        "tbscreen_canary_alarm",
        "Whether the last canary film had no score, or another than expected, or none came: 1 or 0.",
        labels=["gateway"],
    )
    ages = GaugeMetricFamily(
        "tbscreen_canary_good_age_seconds", "Age of the last good canary film.", labels=["gateway"]
    )
    seconds = GaugeMetricFamily(
        "tbscreen_canary_seconds",
        "Seconds from sending the last canary film to its score.",
        labels=["gateway"],
    )
    for watch in canaries:
        alarms.add_metric([watch.gateway], watch.is_alarm)
        if watch.good_at is not None:
            ages.add_metric([watch.gateway], _age(watch.good_at))
        if watch.seconds is not None:
            seconds.add_metric([watch.gateway], watch.seconds)
    yield alarms
    yield ages
    yield seconds


def _tell_messages(measured: Backlog) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "tbscreen_hl7_films_waiting", "Films of which HL7 receivers are to be told.", value=measured.untold
    )
    messages = GaugeMetricFamily(
        "tbscreen_hl7_messages", "HL7 messages that are not delivered.", labels=["receiver", "state"]
    )
    oldest = GaugeMetricFamily(
        "tbscreen_hl7_messages_oldest_seconds", "Age of the oldest of them.", labels=["receiver", "state"]
    )
    for row in measured.messages:
        messages.add_metric([row.peer, row.state], row.count)
        oldest.add_metric([row.peer, row.state], _age(row.oldest))
    yield messages
    yield oldest


def _tell_pulls(pulls: Sequence[PullBacklog]) -> Iterator[Metric]:
    failing = GaugeMetricFamily(
        "tbscreen_pull_failing", "Whether a schedule's last round ended with an error.", labels=["pull"]
    )
    studies = GaugeMetricFamily(
        "tbscreen_pulled_studies",
        "Studies that a schedule found and that are not here.",
        labels=["pull", "state"],
    )
    for pull in pulls:
        failing.add_metric([pull.name], pull.failing)
        for state, count in pull.studies.items():
            studies.add_metric([pull.name, state], count)
    yield failing
    yield studies


def _age(moment: datetime | None) -> float:
    return 0.0 if moment is None else max(0.0, (now() - moment).total_seconds())
