"""The storage SCP (PS3.4 B): answers C-STORE, C-ECHO and the other requests of callers."""

from __future__ import annotations

import socket
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
from dicom_gateway.delivery.commitment_roles import CommitmentRoles
from dicom_gateway.dicomweb.application import build_application
from dicom_gateway.dicomweb.held_objects import HeldObjects
from dicom_gateway.dicomweb.http_port import HttpPort
from dicom_gateway.dicomweb.http_senders import HttpSenders
from dicom_gateway.dicomweb.request_gate import RequestGate
from dicom_gateway.dicomweb.retrieve_endpoint import RetrieveEndpoint
from dicom_gateway.dicomweb.search_endpoint import SearchEndpoint
from dicom_gateway.dicomweb.store_endpoint import StoreEndpoint
from dicom_gateway.identifiers import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_gateway.query.worklist_scp import WorklistScp, add_contexts, refuse_operation
from dicom_gateway.query.worklist_search import WorklistSearch
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
    """Listens for associations, and for DICOMweb requests where a port is set.

    Args:
        settings: AE title, address, limits.
        database: records receptions.
        spool: holds the received datasets.
        received: called after each new film is durable and committed.
        ports: open ports; None opens those of the settings.
        audit: records receptions, queries and refusals; None for no audit.
        peers: the peers whose answers are believed.
        blinded_reading: whether readers read blinded by default.
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
        *,
        blinded_reading: bool = False,
    ) -> None:
        self._settings = settings
        self._peers = peers
        self._blinded_reading = blinded_reading
        self._recognition = PeerRecognition(peers)
        self._titles = {peer.name: peer.ae_title for peer in peers if peer.ae_title}
        self._ports = ports
        self._database = database
        self._spool = spool
        self._reception = FilmReception(settings, database, spool, received, audit)
        self._audit = audit
        self._refusals = RefusalLog(alert=None if audit is None else audit.record_alert)
        self._listeners: list[Listener] = []
        self._http: HttpPort | None = None

    def start(self) -> int:
        """Begin to listen; return the plain TCP port, or the TLS port without a plain one.

        Raises:
            PermanentError: when a port cannot be opened, or certificate, key or CA cannot be used.
        """
        settings = self._settings
        ae = build_entity(settings)
        worklist = WorklistScp(settings.query, self._database, self._titles)
        roles = CommitmentRoles(self._peers, self._recognition, self._refusals)
        commitments = CommitmentEvents(self._database, self._recognition, self._refusals)
        handlers: list[Any] = [
            (evt.EVT_C_FIND, worklist.find),
            (evt.EVT_C_STORE, self._reception.store),
            (evt.EVT_C_ECHO, lambda event: SUCCESS),
            (evt.EVT_N_EVENT_REPORT, commitments.receive),
            (evt.EVT_REQUESTED, roles.negotiate),
            *(
                (operation, refuse_operation)
                for operation in (evt.EVT_N_GET, evt.EVT_N_SET, evt.EVT_N_ACTION)
            ),
            (evt.EVT_CONN_CLOSE, drop_unfinished),
            *bind_query_audit(self._audit, evt.EVT_DIMSE_RECV),
        ]
        tls = RenewedContext(settings.tls) if settings.tls is not None else None
        ports = self._ports or open_ports(settings)
        if ports.plain is not None:
            self._listeners.append(Listener(ae, settings, ports.plain, None, handlers, self._refusals))
        if ports.tls is not None:
            self._listeners.append(Listener(ae, settings, ports.tls, tls, handlers, self._refusals))
        if ports.dicomweb is not None:
            self._http = self._serve_dicomweb(ports.dicomweb)
        ports.close()  # each listener holds a duplicate
        for listener in self._listeners:
            listener.start()
            log.info(
                "listening", ae_title=settings.ae_title, port=listener.port, tls=listener.tls is not None
            )
        return self.ports[0]

    def _serve_dicomweb(self, port: socket.socket) -> HttpPort:
        settings = self._settings
        senders = HttpSenders(settings, self._database, self._refusals, blinded_reading=self._blinded_reading)
        gate = RequestGate(settings, senders)
        held = HeldObjects(self._database, self._spool, settings.name)
        search = WorklistSearch(settings.query, self._database, self._titles, held.complete)
        application = build_application(
            gate,
            StoreEndpoint(settings, self._reception, self._spool, gate),
            SearchEndpoint(settings, search, gate, self._audit),
            RetrieveEndpoint(settings, held, gate, self._audit),
        )
        tls = None if settings.tls is None else RenewedContext(settings.tls, needs_no_certificate=True)
        http = HttpPort(settings, application, port, tls, self._refusals)
        http.start()
        log.info("listening for DICOMweb", port=http.port, tls=http.is_tls)
        return http

    @property
    def dicomweb_port(self) -> int | None:
        """Open TCP port for DICOMweb; None without one."""
        return None if self._http is None else self._http.port

    @property
    def ports(self) -> list[int]:
        """Open TCP ports for DICOM, the plain port first."""
        return [listener.port for listener in self._listeners]

    def find_deaf(self, seconds: float) -> list[int]:
        """Return the open ports that have looked for no connection for so long."""
        ports: list[Listener | HttpPort] = [*self._listeners]
        if self._http is not None:
            ports.append(self._http)
        return [port.port for port in ports if port.is_deaf(seconds)]

    def stop(self) -> None:
        """Close the ports, give open associations `DRAIN_S` to end, and abort the others.

        Films answered with success are kept. It returns in bounded time.
        """
        for listener in self._listeners:
            listener.shutdown()
        if self._http is not None:
            self._http.stop()
        deadline = time.monotonic() + DRAIN_S
        for listener in self._listeners:
            listener.end_associations(deadline)
        self._listeners = []
        self._http = None
        self._refusals.close()


def build_entity(settings: GatewaySettings) -> AE:
    """Return the listening application entity with its presentation contexts and limits."""
    ae = AE(ae_title=settings.ae_title)
    ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
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
