"""The storage SCP (PS3.4 B): answers C-STORE, C-ECHO and the other requests of callers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from pynetdicom import AE, evt

from db.database import Database
from dicom_gateway.association.peer_recognition import PeerRecognition
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
from dicom_gateway.settings import GatewaySettings, PeerSettings
from dicom_gateway.spool import Spool

log = structlog.get_logger(__name__)

DRAIN_S: Final = 3.0
"""Longest time that open associations may continue when the gateway ends."""


class StorageScp:
    """Listens for associations.

    Args:
        settings: AE title, address, limits.
        database: records receptions.
        spool: holds the received datasets.
        received: called after each new film is durable and committed.
        ports: open ports; None opens those of the settings.
        audit: records receptions, queries and refusals; None for no audit.
        peers: the peers whose answers are believed.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        database: Database,
        spool: Spool,
        received: Callable[[], None],
        ports: OpenPorts | None = None,
        audit: AuditTrail | None = None,
        peers: Sequence[PeerSettings] = (),
    ) -> None:
        self._settings = settings
        self._recognition = PeerRecognition(peers)
        self._ports = ports
        self._database = database
        self._reception = FilmReception(settings, database, spool, received, audit)
        self._audit = audit
        self._refusals = RefusalLog(alert=None if audit is None else audit.record_alert)
        self._listeners: list[Listener] = []

    def start(self) -> int:
        """Begin to listen; return the plain TCP port, or the TLS port without a plain one.

        Raises:
            PermanentError: when a port cannot be opened, or certificate, key or CA cannot be used.
        """
        settings = self._settings
        ae = build_entity(settings)
        worklist = WorklistScp(settings.query, self._database)
        commitments = CommitmentEvents(self._database, self._recognition, self._refusals)
        handlers: list[Any] = [
            (evt.EVT_C_FIND, worklist.find),
            (evt.EVT_C_STORE, self._reception.store),
            (evt.EVT_C_ECHO, lambda event: SUCCESS),
            (evt.EVT_N_EVENT_REPORT, commitments.receive),
            (evt.EVT_CONN_CLOSE, drop_unfinished),
            *bind_query_audit(self._audit, evt.EVT_DIMSE_RECV),
        ]
        tls = RenewedContext(settings.tls) if settings.tls is not None else None
        ports = self._ports or open_ports(settings)
        if ports.plain is not None:
            self._listeners.append(Listener(ae, settings, ports.plain, None, handlers, self._refusals))
        if ports.tls is not None:
            self._listeners.append(Listener(ae, settings, ports.tls, tls, handlers, self._refusals))
        ports.close()  # each listener holds a duplicate
        for listener in self._listeners:
            listener.start()
            log.info(
                "listening", ae_title=settings.ae_title, port=listener.port, tls=listener.tls is not None
            )
        return self.ports[0]

    @property
    def ports(self) -> list[int]:
        """Open TCP ports, the plain port first."""
        return [listener.port for listener in self._listeners]

    def find_deaf(self, seconds: float) -> list[int]:
        """Return the open ports that have looked for no connection for so long."""
        return [listener.port for listener in self._listeners if listener.is_deaf(seconds)]

    def stop(self) -> None:
        """Close the ports, give open associations `DRAIN_S` to end, and abort the others.

        Films answered with success are kept. It returns in bounded time.
        """
        for listener in self._listeners:
            listener.shutdown()
        deadline = time.monotonic() + DRAIN_S
        for listener in self._listeners:
            listener.end_associations(deadline)
        self._listeners = []
        self._refusals.close()


def build_entity(settings: GatewaySettings) -> AE:
    """Return the listening application entity with its presentation contexts and limits."""
    ae = AE(ae_title=settings.ae_title)
    ae.maximum_pdu_size = settings.maximum_pdu_bytes
    ae.maximum_associations = sys.maxsize  # `Admission` counts them, and logs its rejections
    ae.network_timeout = settings.network_timeout_s
    ae.acse_timeout = ae.dimse_timeout = settings.network_timeout_s
    ae.add_supported_context(VERIFICATION)
    for sop_class in STORAGE_SOP_CLASSES:
        ae.add_supported_context(sop_class, list(ACCEPTED_TRANSFER_SYNTAXES))
    # A peer that reports on our requests is their SCP, also on an association that it opens itself.
    ae.add_supported_context(STORAGE_COMMITMENT, scu_role=False, scp_role=True)
    add_contexts(ae, settings.query)
    return ae
