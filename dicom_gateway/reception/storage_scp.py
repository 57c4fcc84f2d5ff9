"""The storage SCP (PS3.4 B): answers C-STORE, C-ECHO and the other requests of callers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from pynetdicom import AE, evt

from db.database import Database
from dicom_gateway.association.presentation_contexts import (
    ACCEPTED_TRANSFER_SYNTAXES,
    STORAGE_COMMITMENT,
    VERIFICATION,
)
from dicom_gateway.association.pynetdicom_repairs.dataset_file import drop_unfinished
from dicom_gateway.association.statuses import SUCCESS
from dicom_gateway.association.storage_sop_classes import STORAGE_SOP_CLASSES
from dicom_gateway.association.tls_context import RenewedContext
from dicom_gateway.audit.audit_trail import AuditTrail, bind_query_audit
from dicom_gateway.delivery.commitment_events import CommitmentEvents
from dicom_gateway.query.worklist_scp import WorklistScp, add_contexts
from dicom_gateway.reception.film_reception import FilmReception
from dicom_gateway.reception.listener import Listener
from dicom_gateway.reception.open_ports import OpenPorts, open_ports
from dicom_gateway.reception.refusal_log import RefusalLog
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool

log = structlog.get_logger(__name__)

DRAIN_S: Final = 3.0
"""Longest time that open associations may go on when the gateway ends."""


class StorageScp:
    """Listens for associations.

    Args:
        settings: AE title, address, limits.
        database: where receptions are recorded.
        spool: where datasets are kept.
        received: called after each new film is durable and committed.
        ports: where to listen; by default they are opened here.
        audit: where receptions, queries and refusals are recorded; None records none.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        database: Database,
        spool: Spool,
        received: Callable[[], None],
        ports: OpenPorts | None = None,
        audit: AuditTrail | None = None,
    ) -> None:
        self._settings = settings
        self._ports = ports
        self._database = database
        self._reception = FilmReception(settings, database, spool, received, audit)
        self._audit = audit
        self._refusals = RefusalLog(alert=None if audit is None else audit.record_alert)
        self._listeners: list[Listener] = []

    def start(self) -> int:
        """Begin to listen; return the plain TCP port, or that for TLS where there is none.

        Raises:
            OSError: when a port is taken.
            PermanentError: when certificate, key or CA cannot be used.
        """
        settings = self._settings
        ae = build_entity(settings)
        worklist = WorklistScp(settings.query, self._database)
        handlers: list[Any] = [
            (evt.EVT_C_FIND, worklist.find),
            (evt.EVT_C_STORE, self._reception.store),
            (evt.EVT_C_ECHO, lambda event: SUCCESS),
            (evt.EVT_N_EVENT_REPORT, CommitmentEvents(self._database).receive),
            (evt.EVT_CONN_CLOSE, drop_unfinished),
            *bind_query_audit(self._audit, evt.EVT_DIMSE_RECV),
        ]
        tls = RenewedContext(settings.tls) if settings.tls is not None else None
        ports = self._ports or open_ports(settings)
        if ports.plain is not None:
            self._listeners.append(Listener(ae, settings, ports.plain, None, handlers, self._refusals))
        if ports.tls is not None:
            self._listeners.append(Listener(ae, settings, ports.tls, tls, handlers, self._refusals))
        ports.close()  # each listener holds it for itself
        for listener in self._listeners:
            listener.start()
            log.info(
                "listening", ae_title=settings.ae_title, port=listener.port, tls=listener.tls is not None
            )
        return self.ports[0]

    @property
    def ports(self) -> list[int]:
        """TCP ports that are open: the plain one first."""
        return [listener.port for listener in self._listeners]

    def stop(self) -> None:
        """Close the port, let what is open come to its end for a moment, then abort it.

        What was answered with success is kept. Returns in bounded time.
        """
        for listener in self._listeners:
            listener.shutdown()
        deadline = time.monotonic() + DRAIN_S
        for listener in self._listeners:
            listener.end_associations(deadline)
        self._listeners = []
        self._refusals.close()


def build_entity(settings: GatewaySettings) -> AE:
    """Return the application entity that listens: what it supports, and its limits."""
    ae = AE(ae_title=settings.ae_title)
    ae.maximum_pdu_size = settings.maximum_pdu_bytes
    ae.maximum_associations = sys.maxsize  # `Admission` counts, and says whom it sent away
    ae.network_timeout = settings.network_timeout_s
    ae.acse_timeout = ae.dimse_timeout = settings.network_timeout_s
    ae.add_supported_context(VERIFICATION)
    for sop_class in STORAGE_SOP_CLASSES:
        ae.add_supported_context(sop_class, list(ACCEPTED_TRANSFER_SYNTAXES))
    # A peer reports on our requests as their SCP: it takes the SCP's role on its own association.
    ae.add_supported_context(STORAGE_COMMITMENT, scu_role=False, scp_role=True)
    add_contexts(ae, settings.query)
    return ae
