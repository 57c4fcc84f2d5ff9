"""The storage SCP (PS3.4 B): takes C-STORE and C-ECHO from whoever calls."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from pynetdicom import AE, evt
from pynetdicom.transport import ThreadedAssociationServer

from db.database import Database
from dicom_gateway.commitment_events import CommitmentEvents
from dicom_gateway.film_reception import SUCCESS, FilmReception
from dicom_gateway.film_stream import FilmRequestHandler, SharedContexts
from dicom_gateway.presentation_contexts import (
    ACCEPTED_TRANSFER_SYNTAXES,
    STORAGE_COMMITMENT,
    STORAGE_SOP_CLASSES,
    VERIFICATION,
)
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool

log = structlog.get_logger(__name__)


class StorageScp:
    """Listens for associations.

    Args:
        settings: AE title, address, limits.
        database: where receptions are recorded.
        spool: where datasets are kept.
        received: called after each new film is durable and committed.
    """

    def __init__(
        self, settings: GatewaySettings, database: Database, spool: Spool, received: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._database = database
        self._reception = FilmReception(settings, database, spool, received)
        self._server: ThreadedAssociationServer | None = None

    def start(self) -> int:
        """Begin to listen; returns the TCP port.

        Raises:
            OSError: when the port is taken.
        """
        settings = self._settings
        ae = AE(ae_title=settings.ae_title)
        ae.maximum_pdu_size = settings.maximum_pdu_bytes
        ae.maximum_associations = settings.maximum_associations
        ae.network_timeout = settings.network_timeout_s
        ae.acse_timeout = ae.dimse_timeout = settings.network_timeout_s
        ae.require_called_aet = settings.require_called_ae_title
        ae.require_calling_aet = list(settings.allowed_calling_ae_titles)
        ae.add_supported_context(VERIFICATION)
        for sop_class in STORAGE_SOP_CLASSES:
            ae.add_supported_context(sop_class, list(ACCEPTED_TRANSFER_SYNTAXES))
        # A peer reports on our requests as their SCP: it takes the SCP's role on its own association.
        ae.add_supported_context(STORAGE_COMMITMENT, scu_role=False, scp_role=True)
        handlers: list[Any] = [
            (evt.EVT_C_STORE, self._reception.store),
            (evt.EVT_C_ECHO, lambda event: SUCCESS),
            (evt.EVT_N_EVENT_REPORT, CommitmentEvents(self._database).receive),
            (evt.EVT_CONN_CLOSE, _drop_unfinished),
        ]
        server = ae.make_server(
            (settings.host, settings.port),
            evt_handlers=handlers,
            server_class=ThreadedAssociationServer,
            request_handler=FilmRequestHandler,
        )
        assert isinstance(server, ThreadedAssociationServer)
        server.contexts = SharedContexts(server.contexts)
        ae._servers.append(server)  # where its shutdown looks for it
        threading.Thread(target=server.serve_forever, name="listener", daemon=True).start()
        self._server = server
        port = int(server.server_address[1])
        log.info("listening", ae_title=settings.ae_title, port=port)
        return port

    def stop(self) -> None:
        """Close the port and abort what is still open; what was answered with success is kept."""
        if self._server is not None:
            self._server.shutdown()
            self._server = None


def _drop_unfinished(event: evt.Event) -> None:
    """Delete the part of a dataset that an aborted association leaves behind."""
    message = getattr(event.assoc.dimse, "message", None)
    file = getattr(message, "_data_set_file", None)
    if file is not None:
        with contextlib.suppress(OSError):  # what a full disk did not take is tried again by close
            file.close()
    path = getattr(message, "_data_set_path", None)
    if path is not None:
        Path(path).unlink(missing_ok=True)
