"""The port for laboratory messages: MLLP over TCP or TLS, with limits of size, time, connections and rate."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections import Counter
from typing import Final

import structlog

from dicom_gateway.association.network_address import is_in, parse_address
from dicom_gateway.association.tls_context import RenewedContext
from dicom_gateway.hl7.message_settings import MessageSettings
from dicom_gateway.hl7.mllp_connection import BLOCK_BYTES, END, START
from dicom_gateway.laboratory.answer import write_answer
from dicom_gateway.laboratory.oru_message import MessageHeader
from dicom_gateway.laboratory.result_intake import ResultIntake
from dicom_gateway.reception.refusal_log import RefusalLog
from domain.errors import PermanentError

REFUSED: Final = "laboratory connection refused"
WAITING: Final = 16
LOOK_EVERY_S: Final = 0.5

log = structlog.get_logger(__name__)


class FrameError(PermanentError):
    """Bytes that are no frame, or too many; the connection is closed. Permanent."""


class ResultListener:
    """Takes laboratory messages at a port.

    Args:
        settings: address, allowed systems, limits.
        tls: certificates of the port; None for plain TCP.
        intake: records messages and answers them.
        refusals: logs refused connections.
    """

    def __init__(
        self,
        settings: MessageSettings,
        tls: RenewedContext | None,
        intake: ResultIntake,
        refusals: RefusalLog,
    ) -> None:
        self._settings = settings.results
        self._names = settings
        self._tls = tls
        self._intake = intake
        self._refusals = refusals
        self._lock = threading.Lock()
        self._open: dict[socket.socket, str] = {}
        self._rates: dict[str, tuple[float, int]] = {}
        self._ending = threading.Event()
        self._port: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> int:
        """Begin to listen; return the port.

        Raises:
            PermanentError: when the port cannot be opened.
        """
        place = (self._settings.host, self._settings.port)
        try:
            family = socket.AF_INET6 if ":" in self._settings.host else socket.AF_INET
            self._port = socket.create_server(place, family=family, backlog=WAITING)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise PermanentError(
                f"cannot listen on {place[0]}:{place[1]} ({reason}): set hl7.results.port"
            ) from None
        self._port.settimeout(LOOK_EVERY_S)
        self._thread = threading.Thread(target=self._accept, name="laboratory", daemon=True)
        self._thread.start()
        port = int(self._port.getsockname()[1])
        log.info("listening for laboratory messages", port=port, tls=self._tls is not None)
        return port

    def stop(self) -> None:
        """Close the port and all connections; what is committed is answered or comes again."""
        self._ending.set()
        if self._port is not None:
            self._port.close()
        if self._thread is not None:
            self._thread.join(timeout=10)
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._refusals.close()

    def _accept(self) -> None:
        assert self._port is not None
        while not self._ending.is_set():
            self._refusals.flush()
            try:
                connection, caller = self._port.accept()
            except TimeoutError:
                continue
            except OSError:
                if not self._ending.is_set():
                    log.error("laboratory connection not accepted")
                    self._ending.wait(LOOK_EVERY_S)
                continue
            parsed = parse_address(str(caller[0]))
            address = str(parsed or caller[0])
            reason = self._judge(address)
            if reason is not None:
                self._refusals.note(REFUSED, address=address, reason=reason)
                connection.close()
                continue
            with self._lock:
                self._open[connection] = address
            threading.Thread(
                target=self._serve, args=(connection, address), name="laboratory message", daemon=True
            ).start()

    def _judge(self, address: str) -> str | None:
        """Return why a caller is not let in."""
        settings, parsed = self._settings, parse_address(address)
        is_here = parsed is not None and parsed.is_loopback
        if not is_in(address, settings.peers) and (settings.peers or not is_here):
            return "its address is not among hl7.results.peers"
        with self._lock:
            counts = Counter(self._open.values())
        if counts.total() >= settings.maximum_connections:
            return "hl7.results.maximum_connections are open"
        if counts[address] >= settings.maximum_connections_per_address:
            return "hl7.results.maximum_connections_per_address are open"
        return None

    def _serve(self, plain: socket.socket, address: str) -> None:
        connection = plain
        try:
            plain.settimeout(self._settings.message_s)
            if self._tls is not None:
                connection = self._tls.current().wrap_socket(plain, server_side=True)
            self._answer_all(connection, address)
        except FrameError as error:
            self._refusals.note(REFUSED, address=address, reason=str(error))
        except ssl.SSLError as error:
            self._refusals.note(REFUSED, address=address, reason=f"TLS: {error.reason or 'failed'}")
        except OSError:
            pass  # it went away, or was silent
        finally:
            with self._lock:
                self._open.pop(plain, None)
            connection.close()
            plain.close()

    def _answer_all(self, connection: socket.socket, address: str) -> None:
        kept = b""
        while not self._ending.is_set():
            content, kept = self._receive(connection, kept)
            if content is None:
                return
            if self._is_too_fast(address):
                limit = self._settings.messages_per_minute
                fault = self._intake.reject(f"more than {limit} messages a minute: send it again later")
                self._refusals.note(REFUSED, address=address, reason="hl7.results.messages_per_minute")
                connection.sendall(START + write_answer(MessageHeader(), self._names, fault) + END)
                return
            connection.sendall(START + self._intake.take(content, address) + END)

    def _receive(self, connection: socket.socket, kept: bytes) -> tuple[bytes | None, bytes]:
        """Return the next message and what came behind it; None at the end of the connection.

        Raises:
            FrameError: for bytes outside of a frame, or a frame that is too long or too slow.
        """
        settings, received, deadline = self._settings, bytearray(kept), 0.0
        if received:
            deadline = time.monotonic() + settings.message_s
        while True:
            if received and not received.startswith(START):
                raise FrameError("bytes outside of a frame")
            place = received.find(END)
            if place >= 0:
                return bytes(received[len(START) : place]), bytes(received[place + len(END) :])
            if len(received) > settings.maximum_message_bytes:
                raise FrameError("larger than hl7.results.maximum_message_bytes")
            left_s = settings.idle_s if not received else deadline - time.monotonic()
            if left_s <= 0:
                raise FrameError("not complete within hl7.results.message_s")
            connection.settimeout(left_s)
            try:
                block = connection.recv(BLOCK_BYTES)
            except TimeoutError:
                if not received:
                    return None, b""
                continue
            if not block:
                return None, b""
            if not received:
                deadline = time.monotonic() + settings.message_s
            received += block

    def _is_too_fast(self, address: str) -> bool:
        """Count a message; True when there were too many from this address within a minute."""
        moment = time.monotonic()
        with self._lock:
            began, count = self._rates.get(address, (moment, 0))
            if moment - began >= 60:
                began, count = moment, 0
            self._rates = {key: rate for key, rate in self._rates.items() if moment - rate[0] < 60}
            self._rates[address] = began, count + 1
            return count >= self._settings.messages_per_minute
