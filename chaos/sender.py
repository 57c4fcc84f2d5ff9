"""Four associations and two senders by STOW-RS, which send every film until it is answered with success."""

from __future__ import annotations

import http.client
import queue
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydicom import dcmread
from pynetdicom import AE, _config
from pynetdicom.association import Association

from chaos.films import Film
from tests.servers.peers.stow_requests import CONTENT_TYPE, STUDIES, Answer, encode_body

ASSOCIATIONS: Final = 4
WEB_SENDERS: Final = 2
ANSWER_TIMEOUT_S: Final = 10.0
PAUSE_S: Final = 0.3
"""Between two attempts at one film."""
RESENT: Final = 10
"""Every so manieth film is sent once more after success, to the other gateway."""
CR_IMAGE: Final = "1.2.840.10008.5.1.4.1.1.1"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"


@dataclass
class Ledger:
    """Answers to senders. Several threads write them, under `lock`."""

    answered: dict[str, float] = field(default_factory=dict)
    """SOP Instance UID of each film that was answered with success: when (time.monotonic)."""
    begun: dict[str, float] = field(default_factory=dict)
    """SOP Instance UID of each film that was sent at least once: when."""
    poisoned: set[str] = field(default_factory=set)
    statuses: Counter[str] = field(default_factory=Counter)
    """Number of answers by status."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sender:
    """Sends films from a queue.

    Args:
        gateways: addresses and ports; a film that one does not take goes to the next.
        folder: where films lie while they are on their way.
        ledger: what is answered goes in here.
        web_gateways: addresses and ports for DICOMweb, in the same order.
        token: opens the latter.
    """

    def __init__(
        self,
        gateways: Sequence[tuple[str, int]],
        folder: Path,
        ledger: Ledger,
        web_gateways: Sequence[tuple[str, int]],
        token: str,
    ) -> None:
        _config.STORE_SEND_CHUNKED_DATASET = True
        self._folder = folder
        self._ledger = ledger
        self._films: queue.Queue[Film | None] = queue.Queue()
        folder.mkdir(exist_ok=True)
        lines: list[_Line | _WebLine] = [_Line(gateways, number) for number in range(ASSOCIATIONS)]
        lines += [_WebLine(web_gateways, number, token) for number in range(WEB_SENDERS)]
        self._threads = [
            threading.Thread(target=self._send_all, args=(line,), name=f"sender-{number}", daemon=True)
            for number, line in enumerate(lines)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, film: Film) -> None:
        """Send a film as soon as an association is free."""
        self._films.put(film)

    def finish(self, timeout_s: float) -> bool:
        """Wait until every film is answered with success; False when time runs out."""
        for _ in self._threads:
            self._films.put(None)
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(timeout=max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _send_all(self, line: _Line | _WebLine) -> None:
        while (film := self._films.get()) is not None:
            path = film.write(self._folder)
            uid = film.sop_instance_uid
            with self._ledger.lock:
                self._ledger.begun.setdefault(uid, time.monotonic())
                if film.poison is not None:
                    self._ledger.poisoned.add(uid)
            self._send_until_taken(line, path)
            with self._ledger.lock:
                self._ledger.answered.setdefault(uid, time.monotonic())
            if film.number % RESENT == 0:
                line.change()
                self._send_until_taken(line, path)
            path.unlink()
        line.close()

    def _send_until_taken(self, line: _Line | _WebLine, path: Path) -> None:
        while True:
            answer = line.store(path)
            with self._ledger.lock:
                self._ledger.statuses[answer] += 1
            if answer == "0x0000":
                return
            time.sleep(PAUSE_S)
            if answer in ("none", "HTTP 503"):
                line.change()


class _Line:
    """One association after another."""

    def __init__(self, gateways: Sequence[tuple[str, int]], number: int) -> None:
        self._gateways = gateways
        self._at = number % len(gateways)
        self._association: Association | None = None
        self._ae = AE(ae_title=f"MODALITY{number}")
        self._ae.add_requested_context(CR_IMAGE, EXPLICIT_LITTLE)
        self._ae.connection_timeout = self._ae.acse_timeout = ANSWER_TIMEOUT_S
        self._ae.dimse_timeout = self._ae.network_timeout = ANSWER_TIMEOUT_S

    def store(self, path: Path) -> str:
        """C-STORE one film; returns the status, "none" where no answer came."""
        association: Any = self._association
        if association is None or not association.is_established:
            association = self._ae.associate(*self._gateways[self._at], ae_title="TBSCREEN")
            self._association = association
        if not association.is_established:
            return "none"
        try:
            answer = association.send_c_store(path)
        except (RuntimeError, ValueError):
            return "none"
        return f"0x{answer.Status:04X}" if "Status" in answer else "none"

    def change(self) -> None:
        """Go on with the next gateway."""
        self.close()
        self._at = (self._at + 1) % len(self._gateways)

    def close(self) -> None:
        """End the association."""
        if self._association is not None and self._association.is_established:
            self._association.release()
        self._association = None


class _WebLine:
    """Store requests, one film in each."""

    def __init__(self, gateways: Sequence[tuple[str, int]], number: int, token: str) -> None:
        self._gateways = gateways
        self._at = number % len(gateways)
        self._headers = {"Content-Type": CONTENT_TYPE, "Authorization": f"Bearer {token}"}

    def store(self, path: Path) -> str:
        """Store one film.

        Returns:
            "0x0000" when the answer lists it as stored, a Failure Reason, "HTTP" and the status of an answer
            without, or "none" where no answer came.
        """
        connection = http.client.HTTPConnection(*self._gateways[self._at], timeout=ANSWER_TIMEOUT_S)
        try:
            connection.request("POST", STUDIES, encode_body([path]), self._headers)
            response = connection.getresponse()
            answer = Answer(response.status, {}, response.read())
        except (OSError, http.client.HTTPException):
            return "none"
        finally:
            connection.close()
        if answer.status not in (200, 202, 409, 413) and answer.status != 503:
            return f"HTTP {answer.status}"
        try:
            reasons = answer.list_reasons("00081198") + answer.list_reasons("0008119A")
            if answer.stored == [str(dcmread(path, stop_before_pixels=True).SOPInstanceUID)] and not reasons:
                return "0x0000"
        except (ValueError, KeyError, AttributeError):
            reasons = []
        return f"0x{reasons[0]:04X}" if reasons else f"HTTP {answer.status}"

    def change(self) -> None:
        """Go on with the next gateway."""
        self._at = (self._at + 1) % len(self._gateways)

    def close(self) -> None:
        """Do nothing: each request has a connection of its own."""
