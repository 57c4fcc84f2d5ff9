"""Makes what `tbscreen pull` and the gateway's schedules pull with, out of the settings."""

from __future__ import annotations

from collections.abc import Callable

from db.database import Database
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.reception.film_reception import FilmReception
from dicom_gateway.retrieval.pull_association import Calling
from dicom_gateway.retrieval.pull_schedule import PullSchedule
from dicom_gateway.retrieval.pull_settings import PullSettings
from dicom_gateway.retrieval.study_fetcher import Gateway
from dicom_gateway.spool import Spool
from tbscreen.settings import Settings


def build_calling(settings: Settings, pull: PullSettings, audit: AuditTrail | None) -> Calling:
    """Return the calling AE title: to peers, this site is the courier."""
    return Calling(
        ae_title=settings.courier.ae_title,
        destination_ae_title=pull.destination_ae_title or settings.gateway.ae_title,
        method=pull.method,
        answer_timeout_s=pull.answer_timeout_s,
        audit=audit,
    )


def build_gateway(
    settings: Settings, database: Database, spool: Spool, received: Callable[[], None], audit: AuditTrail
) -> Gateway:
    """Return the gateway for which films are fetched; `received` is called after each new one."""
    reception = FilmReception(settings.gateway, database, spool, received, audit)
    return Gateway(settings.gateway, database, spool, reception)


def build_schedules(settings: Settings, gateway: Gateway, audit: AuditTrail) -> list[PullSchedule]:
    """Return a thread for each of the settings' `[[pulls]]`."""
    peers = {peer.name: peer for peer in settings.peers}
    calling = build_calling(settings, settings.pull, audit)
    return [
        PullSchedule(schedule, peers[schedule.peer], settings.pull, calling, gateway)
        for schedule in settings.pulls
    ]
