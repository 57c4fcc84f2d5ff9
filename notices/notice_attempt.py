"""One attempt to send a notice, and the limit on its time."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from db.notices.notice_outbox import DueNotice
from domain.errors import TransientError
from sending.send_result import SendResult


class UnreachableError(TransientError):
    """A receiver could not be reached, or gave no answer. Transient; the text says why."""


@dataclass(frozen=True)
class NoticeAttempt:
    """One attempt to send a notice: its result and, unless delivered, the reason, which quotes no answer."""

    row: DueNotice
    result: SendResult
    reason: str = ""
    in_trouble: bool = False
    """True when the next notice would fail as well."""


@contextmanager
def limited(seconds: float, place: str, find_socket: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Cut a connection whose other end is slow or drips its answers.

    Args:
        seconds: longest time of the block.
        place: host and port, as the error names it.
        find_socket: returns the connection, as soon as there is one.

    Raises:
        UnreachableError: when the connection was cut.
    """
    was_cut = threading.Event()

    def cut() -> None:
        was_cut.set()
        connected = find_socket()
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception:
        if was_cut.is_set():
            raise UnreachableError(f"{place} gave no whole answer within {seconds:g} s") from None
        raise
    finally:
        timer.cancel()


def build_context(ca: Path | None) -> ssl.SSLContext:
    """Return the TLS context of a client that checks certificate and host name.

    Raises:
        UnreachableError: when the file of CA certificates cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError) as error:
        raise UnreachableError(f"ca: {ca} holds no PEM certificates ({type(error).__name__})") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def explain(error: OSError, place: str) -> str:
    """Return the reason of a failed connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS with {place} failed: its certificate: {error.verify_message.rstrip('.')}"
    if isinstance(error, ssl.SSLError):
        return f"TLS with {place} failed: {(error.reason or type(error).__name__).lower().replace('_', ' ')}"
    if isinstance(error, socket.gaierror):
        return f"the host name of {place} cannot be resolved"
    if isinstance(error, TimeoutError):
        return f"nothing answers at {place} in time"
    return f"nothing answers at {place} ({error.strerror or type(error).__name__})"
