"""Sends audit records to a repository by syslog (PS3.15 A.6, A.7; RFC 5424 over UDP or TLS).

It runs in a thread of its own, so that an unavailable repository delays nothing. When the queue is full,
records are dropped here, counted and logged; the file still has them.
"""

from __future__ import annotations

import errno
import os
import queue
import socket
import ssl
import threading
from contextlib import suppress
from datetime import datetime
from typing import Final

import structlog

from dicom_gateway.association.tls_context import build_peer_context
from dicom_gateway.audit.audit_settings import AuditSettings
from domain.errors import PermanentError

PRIORITY: Final = 10 * 8 + 5
"""Facility 10 (security), severity 5 (notice): PS3.15 A.6."""

MESSAGE_ID: Final = "DICOM+RFC3881"

WAITING: Final = 10_000
"""Most records that wait for the repository."""

TIMEOUT_S: Final = 10.0
AGAIN_AFTER_S: Final = 5.0

log = structlog.get_logger(__name__)


class SyslogSender(threading.Thread):
    """Sends records in the order in which they arrive.

    Args:
        settings: address and transport of the repository.
        process: kind of the recording process, for the syslog APP-NAME.
    """

    def __init__(self, settings: AuditSettings, process: str) -> None:
        super().__init__(name="syslog", daemon=True)
        self._settings = settings
        self._process = process
        self._waiting: queue.Queue[bytes | None] = queue.Queue(WAITING)
        self._ending = threading.Event()
        self._connection: socket.socket | None = None
        self._dropped = 0

    def put(self, record: bytes, moment: datetime) -> None:
        """Queue a record for sending."""
        try:
            self._waiting.put_nowait(frame(record, moment, self._process))
        except queue.Full:
            self._dropped += 1

    def end(self) -> None:
        """Send the waiting records if the repository is available, and end."""
        self._ending.set()
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            log.error("audit repository unavailable: records not sent", records=self._waiting.qsize())
            return
        self.join(timeout=TIMEOUT_S)

    def run(self) -> None:
        """Send records until `end`."""
        while True:
            message = self._waiting.get()
            if message is None:
                break
            while not self._send(message):
                if self._ending.wait(AGAIN_AFTER_S):
                    log.error("audit repository unavailable: records not sent", records=self._waiting.qsize())
                    return
        self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with suppress(OSError):
            if isinstance(connection, ssl.SSLSocket):
                # Without a TLS close, unread session tickets make TCP reset the connection,
                # and the repository loses the records that it has not read yet.
                connection = connection.unwrap()
        connection.close()

    def _send(self, message: bytes) -> bool:
        where = f"{self._settings.syslog_host}:{self._settings.syslog_port}"
        try:
            if self._connection is None:
                self._connection = self._connect()
            if self._settings.syslog == "tls":
                self._connection.sendall(b"%d " % len(message) + message)  # RFC 5425 4.3
            else:
                self._connection.send(message)
        except (OSError, PermanentError) as error:
            if isinstance(error, OSError) and error.errno == errno.EMSGSIZE:
                log.error("audit record not sent: too long for UDP; it is in the file", bytes=len(message))
                return True
            log.error("audit repository unavailable", at=where, error=str(error))
            self._close()
            return False
        if self._dropped:
            log.error("audit records not sent: queue full", records=self._dropped)
            self._dropped = 0
        return True

    def _connect(self) -> socket.socket:
        settings = self._settings
        address = (settings.syslog_host, settings.syslog_port)
        if settings.syslog == "udp":
            (family, kind, protocol, _, place), *_ = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)
            connection = socket.socket(family, kind, protocol)
            connection.connect(place)
            return connection
        context = build_peer_context(settings.tls, "audit.tls")
        plain = socket.create_connection(address, TIMEOUT_S)
        return context.wrap_socket(plain, server_hostname=settings.tls.host_name or settings.syslog_host)


def frame(record: bytes, moment: datetime, process: str) -> bytes:
    """Return a record as a syslog message (RFC 5424 6; its text begins with a byte order mark)."""
    when = moment.isoformat(timespec="milliseconds")
    head = f"<{PRIORITY}>1 {when} {socket.gethostname()} tbscreen-{process} {os.getpid()} {MESSAGE_ID} - "
    return head.encode("ascii", "replace") + b"\xef\xbb\xbf" + record
