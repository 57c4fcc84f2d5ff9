"""The association that queries a peer for studies and retrieves them (PS3.4 C): C-FIND, C-GET, C-MOVE."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from pydicom.dataset import Dataset
from pynetdicom import build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from dicom_gateway.association.peer_association import (
    NoAssociationError,
    NothingAcceptedError,
    open_association,
)
from dicom_gateway.association.presentation_contexts import DECODABLE, FILM_SOP_CLASSES, VERIFICATION
from dicom_gateway.association.pynetdicom_repairs.dataset_file import drop_unfinished
from dicom_gateway.association.statuses import (
    CANCELLED,
    MOVE_DESTINATION_UNKNOWN,
    NOT_AUTHORISED,
    OUT_OF_RESOURCES,
    PENDING,
    PENDING_INCOMPLETE,
    RESPONSE_LIMIT_REACHED,
    SUCCESS,
)
from dicom_gateway.audit.audit_trail import AuditTrail, bind_query_audit
from dicom_gateway.reception.film_reception import FilmReception
from dicom_gateway.settings import PeerSettings
from domain.errors import PermanentError, TransientError

FIND: Final[str] = str(StudyRootQueryRetrieveInformationModelFind)
GET: Final[str] = str(StudyRootQueryRetrieveInformationModelGet)
MOVE: Final[str] = str(StudyRootQueryRetrieveInformationModelMove)

OPEN_S: Final = 30.0
"""Longest time for a peer to accept an association."""

CONTINUING: Final = (PENDING, PENDING_INCOMPLETE)
CUT_SHORT: Final = (OUT_OF_RESOURCES, RESPONSE_LIMIT_REACHED, CANCELLED)
"""Statuses with which peers end a C-FIND that matches more than they return (PS3.4 Table C.4-1); Orthanc
sends `CANCELLED`."""


class PeerAwayError(TransientError):
    """The peer does not answer, accepts no association, or ended one. Transient."""


class PeerGoneError(PeerAwayError):
    """The peer ended an association that it had accepted, or is silent on it. Transient."""


class PeerRefusesError(PermanentError):
    """The peer refuses the request. Permanent until its settings change."""


class AnswerError(TransientError):
    """The peer answers a request with a failure. Transient: the study is requested again a few times."""


class CutShortError(PermanentError):
    """A query matches more than the peer returns. Permanent: a narrower query is needed."""


@dataclass(frozen=True)
class Retrieved:
    """The end of a C-GET or C-MOVE."""

    status: int
    completed: int
    failed: int
    hint: str = ""
    """Advice for the case that the peer sent nothing."""
    explanation: str = ""
    """The counts as a text for people, where they are not the peer's."""

    def explain(self) -> str:
        """Return the peer's counts and status as a text for people."""
        if self.explanation:
            return self.explanation
        counts = f"the peer reports {self.completed} sent, {self.failed} failed, status 0x{self.status:04X}"
        return f"{counts}; {self.hint}" if self.hint and not self.completed else counts


@dataclass(frozen=True)
class Calling:
    """The calling side of a pull."""

    ae_title: str
    destination_ae_title: str
    """Destination of C-MOVE."""
    method: str
    """`get`, `move` or `auto`."""
    answer_timeout_s: float
    audit: AuditTrail | None = None
    """Records queries."""


class PullAssociation:
    """One open association.

    Args:
        peer: the peer to query.
        calling: the calling side.
        reception: receives the films that come by C-GET; None for an association that only queries.

    Raises:
        PeerAwayError: when no association can be opened.
        PeerRefusesError: when the peer accepts neither C-GET nor C-MOVE, or not the configured method.
    """

    def __init__(self, peer: PeerSettings, calling: Calling, reception: FilmReception | None) -> None:
        self._peer = peer
        self._calling = calling
        self._messages = count(1)
        self._retrieving: tuple[int, str] | None = None
        self._lock = threading.Lock()
        self._association = _open(peer, calling, reception)
        try:
            self.method = self._choose_method()
        except PeerRefusesError:
            self._association.release()
            raise

    def release(self) -> None:
        """Release the association."""
        if self._association.is_established:
            self._association.release()

    @property
    def is_open(self) -> bool:
        """False when the association has ended."""
        return bool(self._association.is_established)

    def find(self, identifier: Dataset) -> Iterator[Dataset]:
        """Query by C-FIND, Study Root (PS3.4 C.4.1); yield the matches.

        Raises:
            PeerGoneError: when the association ends.
            CutShortError: when the peer does not return all matches.
            PeerRefusesError: when the peer does not allow the query.
            AnswerError: when the peer answers with a failure.
        """
        answers = self._send(lambda number: self._association.send_c_find(identifier, FIND, msg_id=number))
        for status, match in answers:
            code = self._read_status(status)
            if code in CONTINUING:
                if match is None:
                    self._association.abort()  # else later responses would be taken for the next query's
                    raise AnswerError(
                        f"{self._peer.name} answers C-FIND with an identifier that cannot be read"
                    )
                yield match
            elif code in CUT_SHORT:
                raise CutShortError(f"{self._peer.name} ends C-FIND with status 0x{code:04X}")
            elif code != SUCCESS:
                raise self._explain_failure("C-FIND", code)

    def retrieve(self, identifier: Dataset) -> Retrieved:
        """Retrieve by C-GET or C-MOVE (PS3.4 C.4.2, C.4.3); return when the peer is done.

        Raises:
            PeerGoneError: when the association ends.
            PeerRefusesError: when the peer does not know the destination or does not allow the request.
        """
        answers: Iterator[Any]
        if self.method == "get":
            model, hint = GET, ""
            answers = self._send(lambda number: self._association.send_c_get(identifier, GET, msg_id=number))
        else:
            model, destination = MOVE, self._calling.destination_ae_title
            hint = f"does it know destination {destination}, and this gateway's address and port?"
            answers = self._send(
                lambda number: self._association.send_c_move(identifier, destination, MOVE, msg_id=number)
            )
        with self._lock:
            self._retrieving = (self._number, model)
        try:
            for status, _ in answers:
                code = self._read_status(status)
                if code in CONTINUING:
                    continue
                if code == MOVE_DESTINATION_UNKNOWN:
                    raise PeerRefusesError(
                        f"{self._peer.name} does not know the destination: add AE title {destination} with "
                        "this gateway's address and port to the PACS' table of destinations, or set "
                        'method = "get" (status 0xA801)'
                    )
                if code == NOT_AUTHORISED:
                    raise self._explain_failure("C-GET" if model == GET else "C-MOVE", code)
                return Retrieved(
                    code,
                    int(status.get("NumberOfCompletedSuboperations") or 0),
                    int(status.get("NumberOfFailedSuboperations") or 0),
                    hint,
                )
        finally:
            with self._lock:
                self._retrieving = None
        raise PeerGoneError(f"{self._peer.name} ended the association before it was done")

    def cancel(self) -> None:
        """Ask the peer to cancel the C-GET or C-MOVE in progress (PS3.7 9.3.4.3), from any thread."""
        with self._lock:
            if self._retrieving is not None and self.is_open:
                number, model = self._retrieving
                self._association.send_c_cancel(number, query_model=model)

    def abort(self) -> None:
        """Abort the association at once, from any thread."""
        if self.is_open:
            self._association.abort()
            # The abort does not wake a thread that waits for an answer.
            self._association.dimse.msg_queue.put((None, None))

    def _send(self, send: Callable[[int], Iterator[Any]]) -> Iterator[Any]:
        self._number = next(self._messages) % 65536
        try:
            return send(self._number)
        except RuntimeError:
            raise PeerGoneError(f"{self._peer.name} ended the association") from None

    def _read_status(self, status: Dataset) -> int:
        if "Status" not in status:
            raise PeerGoneError(f"{self._peer.name} ended the association before it was done, or is silent")
        return int(status.Status)

    def _explain_failure(self, request: str, code: int) -> PeerRefusesError | AnswerError:
        if code == NOT_AUTHORISED:
            return PeerRefusesError(
                f"{self._peer.name} does not allow {request} from AE title {self._calling.ae_title} "
                "(status 0x0124): allow it in the PACS"
            )
        return AnswerError(f"{self._peer.name} answers {request} with status 0x{code:04X}")

    def _choose_method(self) -> str:
        accepted = self._association.accepted_contexts
        offered = {str(context.abstract_syntax) for context in accepted}
        name = self._peer.name
        if FIND not in offered:
            raise PeerRefusesError(f"{name} does not take C-FIND (Study Root) from {self._calling.ae_title}")
        sends = any(
            context.abstract_syntax in FILM_SOP_CLASSES and bool(context.as_scp) for context in accepted
        )
        method = self._calling.method
        if method in ("auto", "get") and GET in offered and sends:
            return "get"
        if method in ("auto", "move") and MOVE in offered:
            return "move"
        if method == "auto":
            raise PeerRefusesError(f"{name} takes neither C-GET nor C-MOVE from {self._calling.ae_title}")
        request = "C-GET" if method == "get" else "C-MOVE"
        raise PeerRefusesError(
            f"{name} does not take {request} from {self._calling.ae_title}: try another method"
        )


def offer() -> list[PresentationContext]:
    """Return the presentation contexts that are proposed to a PACS.

    Each SOP class of films has a context for each transfer syntax, so that the peer sends each film as
    stored: 6 × 16 of the 128 contexts of an association (PS3.8 9.3.2.2).
    """
    contexts = [build_context(model) for model in (FIND, GET, MOVE, VERIFICATION)]
    films = [build_context(sop_class, syntax) for sop_class in FILM_SOP_CLASSES for syntax in DECODABLE]
    return contexts + films


def _open(peer: PeerSettings, calling: Calling, reception: FilmReception | None) -> Association:
    handlers = bind_query_audit(calling.audit, evt.EVT_DIMSE_SENT)
    if reception is not None:
        handlers += [(evt.EVT_C_STORE, reception.store), (evt.EVT_CONN_CLOSE, drop_unfinished)]
    try:
        association = open_association(
            peer,
            calling.ae_title,
            offer(),
            min(OPEN_S, calling.answer_timeout_s),
            idle_s=calling.answer_timeout_s,
            handlers=handlers,
            roles=[build_role(sop_class, scp_role=True) for sop_class in FILM_SOP_CLASSES],
            limits=None if reception is None else reception.limits,
        )
    except NothingAcceptedError as error:
        raise PeerRefusesError(f"{peer.name}: {error}") from None
    except NoAssociationError as error:
        raise PeerAwayError(f"{peer.name}: {error}") from None
    association.dimse_timeout = calling.answer_timeout_s
    return association
