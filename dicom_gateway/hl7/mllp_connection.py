"""Connections of the Minimal Lower Layer Protocol, release 1 (HL7 2.5.1 implementation guide, appendix C)."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dicom_gateway.association.peer_association import CONNECTION_TIMEOUT_S, explain_tls
from dicom_gateway.association.tls_context import build_peer_context
from dicom_gateway.hl7.message_settings import ReceiverSettings
from domain.errors import PermanentError, TransientError

START: Final = b"\x0b"
END: Final = b"\x1c\r"

MOST_ANSWER_BYTES: Final = 1024 * 1024
"""Longest answer that is read."""
BLOCK_BYTES: Final = 4096

SECTION: Final = "hl7.receivers.tls"


class NoAnswerError(TransientError):
    """The receiver could not be reached, or gave no answer. Transient; the text says what to do."""


class MllpConnection:
    """An open connection to a receiver; one message at a time.

    Args:
        connected: the socket, after the TLS handshake where there is one.
        timeout_s: longest wait for an answer, in seconds.
    """

    def __init__(self, connected: socket.socket, timeout_s: float) -> None:
        self._socket = connected
        self._timeout_s = timeout_s
        self._kept = b""

    def exchange(self, content: bytes) -> bytes:
        """Send a message and return the answer, both without framing.

        Raises:
            NoAnswerError: when none comes in time, or one that is too long.
        """
        deadline = time.monotonic() + self._timeout_s
        try:
            self._socket.settimeout(self._timeout_s)
            self._socket.sendall(START + content + END)
            return self._receive(deadline)
        except TimeoutError:
            raise NoAnswerError(f"no answer within {self._timeout_s:g} s") from None
        except ssl.SSLError as error:  # in TLS 1.3 a receiver refuses our certificate only now
            raise NoAnswerError(f"TLS failed: {_explain(error)}") from None
        except OSError as error:
            reason = f"the connection broke ({type(error).__name__})"
            raise NoAnswerError(reason + self._hint()) from None

    def _receive(self, deadline: float) -> bytes:
        received = self._kept
        while END not in received:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            block = self._socket.recv(BLOCK_BYTES)
            if not block:
                raise NoAnswerError(f"the receiver ends the connection without an answer{self._hint()}")
            received += block
            if len(received) > MOST_ANSWER_BYTES:
                raise NoAnswerError(f"the answer has more than {MOST_ANSWER_BYTES} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError
        answer, _, self._kept = received.partition(END)
        return answer.rpartition(START)[2]

    def _hint(self) -> str:
        """Advice for an end without a TLS alert: TLS 1.3 refuses our certificate after the handshake."""
        if not isinstance(self._socket, ssl.SSLSocket):
            return ""
        return f"; does it require a certificate ({SECTION}.certificate) or refuse ours?"


@contextmanager
def open_connection(receiver: ReceiverSettings) -> Iterator[MllpConnection]:
    """Open a connection to a receiver, with TLS where set, for the time of the block.

    Raises:
        NoAnswerError: when there is none; the text says why and what to do.
    """
    address = f"{receiver.host}:{receiver.port}"
    try:
        plain = socket.create_connection((receiver.host, receiver.port), timeout=CONNECTION_TIMEOUT_S)
    except socket.gaierror:
        raise NoAnswerError(f"the host name {receiver.host} cannot be resolved") from None
    except OSError as error:
        reason = "timed out" if isinstance(error, TimeoutError) else error.strerror or type(error).__name__
        raise NoAnswerError(f"nothing answers at {address} ({reason})") from None
    with contextlib.closing(_encrypt(receiver, plain, address)) as connected:
        yield MllpConnection(connected, receiver.acknowledgement_timeout_s)


def _encrypt(receiver: ReceiverSettings, plain: socket.socket, address: str) -> socket.socket:
    if receiver.tls is None:
        return plain
    try:
        context = build_peer_context(receiver.tls, SECTION)
        return context.wrap_socket(plain, server_hostname=receiver.tls.host_name or receiver.host)
    except PermanentError as error:
        plain.close()
        raise NoAnswerError(str(error)) from None
    except ssl.SSLError as error:
        plain.close()
        raise NoAnswerError(f"TLS with {address} failed: {_explain(error)}") from None
    except OSError:
        plain.close()
        raise NoAnswerError(
            f"TLS with {address} failed: no answer to the handshake; does it use TLS at this port?"
        ) from None


def _explain(error: ssl.SSLError) -> str:
    return explain_tls(error).replace("peers.tls", SECTION)


def probe(receiver: ReceiverSettings) -> str | None:
    """Connect and send nothing; return what is wrong, or None. MLLP has no question that does no harm."""
    try:
        with open_connection(receiver):
            return None
    except NoAnswerError as error:
        return str(error)
