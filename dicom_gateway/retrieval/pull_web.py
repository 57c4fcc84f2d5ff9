"""Queries of a peer by QIDO-RS (PS3.18 10.6), and retrieval from it by WADO-RS (PS3.18 10.4).

Identifiers and matches are those of C-FIND, so that a pull asks and believes in the same way by either
protocol.
"""

from __future__ import annotations

import http.client
import json
import secrets
import time
from collections.abc import Iterator
from email.message import Message
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dicom_gateway.association.film_sender import FilmSender
from dicom_gateway.association.statuses import SUCCESS
from dicom_gateway.association.web_connection import NoAnswerError, WebAnswer, WebConnection
from dicom_gateway.dicomweb.multipart_body import MalformedBodyError, MultipartBody
from dicom_gateway.dicomweb.store_transaction import MEDIA_TYPE, StoreTransaction, TooManyInstancesError
from dicom_gateway.reception.film_reception import FilmReception
from dicom_gateway.retrieval.pull_association import (
    AnswerError,
    Calling,
    CutShortError,
    PeerAwayError,
    PeerGoneError,
    PeerRefusesError,
    Retrieved,
)
from dicom_gateway.settings import PeerSettings

LARGEST_LIST: Final = 32 * 1024 * 1024
"""Most bytes of a list of matches; a longer one counts as cut."""

MOST_INSTANCES: Final = 10_000
"""Most instances of an answer, as of a series."""

READ_BYTES: Final = 64 * 1024
"""Bytes of a body that have to come within the time for an answer."""

NOT_READY: Final = frozenset({408, 425, 429, 502, 503, 504})
"""Statuses of a service that is away for a time (RFC 9110 15)."""

ABSENT: Final = frozenset({404, 405, 501})
"""Statuses of an address without the service."""

TOO_LARGE: Final = 413
"""Status of a search with more matches than the peer returns (PS3.18 Table 10.6.3-1)."""

PATHS: Final = {
    "STUDY": "/studies",
    "SERIES": "/studies/{study}/series",
    "IMAGE": "/studies/{study}/series/{series}/instances",
}
"""Targets of searches by Query/Retrieve Level."""

UNIQUE: Final = frozenset({"QueryRetrieveLevel", "StudyInstanceUID", "SeriesInstanceUID"})


class PullWeb:
    """A connection to a peer's DICOMweb service.

    Args:
        peer: a peer with `protocol = "dicomweb"`.
        calling: the calling side.
        reception: receives the films; None for a connection that only queries.

    Raises:
        PeerRefusesError: when a file of certificate, key, CA or token cannot be used.
    """

    method = "web"

    def __init__(self, peer: PeerSettings, calling: Calling, reception: FilmReception | None) -> None:
        self._peer = peer
        self._calling = calling
        self._reception = reception
        self.is_open = True
        """False when the connection was ended."""
        host = urlsplit(peer.url).hostname or ""
        self._sender = FilmSender(peer.name, host, secrets.token_hex(4), calling.ae_title, is_caller=False)
        try:
            self._connection = WebConnection(peer, calling.answer_timeout_s)
        except NoAnswerError as error:
            raise PeerRefusesError(f"{peer.name}: {error}") from None

    def release(self) -> None:
        """End the connection."""
        self.is_open = False
        self._connection.close()

    def cancel(self) -> None:
        """End the request in progress, from any thread; what came completely stays."""
        self.abort()

    def abort(self) -> None:
        """End the connection at once, from any thread."""
        self.is_open = False
        self._connection.cut()

    def find(self, identifier: Dataset) -> Iterator[Dataset]:
        """Search by QIDO-RS; yield the matches, as C-FIND would.

        Raises:
            PeerAwayError: when the peer does not answer, or not yet.
            CutShortError: when the peer does not return all matches.
            PeerRefusesError: when the peer does not allow the search.
            AnswerError: when the peer answers with a failure.
        """
        level = str(identifier.QueryRetrieveLevel)
        wanted = [element for element in identifier if element.keyword not in UNIQUE or element.is_empty]
        parameters = [(element.keyword, str(element.value)) for element in wanted if not element.is_empty]
        parameters += [("includefield", element.keyword) for element in wanted if element.is_empty]
        path = PATHS[level].format(
            study=quote(str(identifier.get("StudyInstanceUID", ""))),
            series=quote(str(identifier.get("SeriesInstanceUID", ""))),
        )
        target = f"{path}?{urlencode(parameters)}"
        if self._calling.audit is not None:
            self._calling.audit.record_web_query(self._sender, target.encode())
        keywords = [element.keyword for element in wanted]
        for match in self._search(target, is_list_of_studies=level == "STUDY"):
            yield _read_match(match, keywords)

    def retrieve(self, identifier: Dataset) -> Retrieved:
        """Retrieve a series or instances of it by WADO-RS; return when they are durable and recorded.

        Raises:
            PeerAwayError: when the peer does not answer, or not yet.
            PeerRefusesError: when the peer does not allow the request.
        """
        study = str(identifier.StudyInstanceUID)
        series = f"/studies/{quote(study)}/series/{quote(str(identifier.SeriesInstanceUID))}"
        if identifier.QueryRetrieveLevel == "SERIES":
            return self._fetch(series, study)
        uids = identifier.SOPInstanceUID
        done = failed = status = 0
        for uid in [uids] if isinstance(uids, str) else list(uids):
            answer = self._fetch(f"{series}/instances/{quote(str(uid))}", study)
            done, failed, status = done + answer.completed, failed + answer.failed, status or answer.status
        return Retrieved(status, done, failed, explanation=_count(done, failed, status))

    def _search(self, target: str, *, is_list_of_studies: bool) -> list[dict[str, Any]]:
        answer = self._ask(target)
        name, status = self._peer.name, answer.status
        if status == 204:
            return []
        if status == TOO_LARGE or len(answer.body) >= LARGEST_LIST:
            raise CutShortError(f"{name} does not list all matches of a search (status {status})")
        if status in ABSENT and is_list_of_studies:
            raise PeerRefusesError(f"{name} has no QIDO-RS at {self._peer.url} (status {status})")
        if status != 200:
            raise AnswerError(f"{name} answers a search with status {status}")
        if "additional results" in answer.warning:
            raise CutShortError(f"{name} says that there are more matches than it lists")
        try:
            matches = json.loads(answer.body)
            if isinstance(matches, list) and all(isinstance(match, dict) for match in matches):
                return matches
        except (ValueError, RecursionError):
            pass
        raise AnswerError(f"{name} answers a search with something that is no DICOM JSON")

    def _ask(self, target: str) -> WebAnswer:
        try:
            answer = self._connection.ask(
                "GET", target, b"", {"Accept": "application/dicom+json"}, LARGEST_LIST
            )
        except NoAnswerError as error:
            raise PeerAwayError(f"{self._peer.name}: {error}") from None
        self._check(answer.status, "a search")
        return answer

    def _check(self, status: int, request: str) -> None:
        name = self._peer.name
        if status in NOT_READY:
            raise PeerAwayError(f"{name} is not ready (status {status})")
        if status in (401, 403):
            raise PeerRefusesError(
                f"{name} does not allow {request} (status {status}): look at our token or certificate there"
            )

    def _fetch(self, target: str, study: str) -> Retrieved:
        assert self._reception is not None
        accept = {"Accept": f'multipart/related; type="{MEDIA_TYPE}"; transfer-syntax=*'}
        try:
            response = self._connection.fetch(target, accept)
        except NoAnswerError as error:
            raise PeerAwayError(f"{self._peer.name}: {error}") from None
        try:
            self._check(response.status, "retrieval")
            if response.status not in (200, 206):
                self._connection.close()  # the rest of the answer is not read
                return Retrieved(response.status, 0, 1, explanation=_count(0, 1, response.status))
            return self._receive(response, study)
        except (OSError, http.client.HTTPException) as error:
            raise PeerGoneError(f"{self._peer.name}: {self._connection.explain(error)}") from None

    def _receive(self, response: http.client.HTTPResponse, study: str) -> Retrieved:
        assert self._reception is not None
        transaction = StoreTransaction(
            self._reception, self._reception.incoming, self._sender, study, MOST_INSTANCES
        )
        try:
            body = MultipartBody(_read_boundary(response), transaction)
            while block := self._read_block(response):
                body.feed(block)
            if not response.length:
                response.read()  # nothing; the connection is ready for the next request
            else:
                raise http.client.IncompleteRead(b"", response.length)
            body.finish()
        except (MalformedBodyError, TooManyInstancesError) as error:
            self._connection.close()
            raise AnswerError(f"{self._peer.name} answers a retrieval with no DICOM: {error}") from None
        finally:
            transaction.abandon()
        outcome = transaction.outcome
        done, failed = len(outcome.stored), len(outcome.failed) + len(outcome.other_failures)
        status = SUCCESS if response.status == 200 else response.status
        return Retrieved(status, done, failed, explanation=_count(done, failed, response.status))

    def _read_block(self, response: http.client.HTTPResponse) -> bytes:
        """Return the next bytes; fewer than `READ_BYTES` only at the end.

        Raises:
            TimeoutError: when they do not come in time.
        """
        block = bytearray()
        limit = time.monotonic() + self._calling.answer_timeout_s
        while len(block) < READ_BYTES and (piece := response.read1(READ_BYTES)):
            block += piece
            if time.monotonic() > limit:
                self._connection.close()
                raise TimeoutError
        return bytes(block)


def _read_boundary(response: http.client.HTTPResponse) -> str:
    header = Message()
    header["Content-Type"] = response.getheader("Content-Type", "")
    boundary = header.get_param("boundary", "", unquote=True)
    if not boundary or not isinstance(boundary, str):
        raise MalformedBodyError("no multipart")
    return boundary


def _read_match(match: dict[str, Any], keywords: list[str]) -> Dataset:
    """Return the wanted attributes of a match, as texts; what cannot be read is left out."""
    dataset = Dataset()
    for keyword in keywords:
        tag = DataElement(keyword, "UC", "").tag
        element = match.get(f"{tag:08X}")
        values = element.get("Value") if isinstance(element, dict) else None
        if isinstance(values, list):
            texts = [str(value) for value in values if isinstance(value, str | int | float)]
            dataset.add(DataElement(tag, "UC", texts, validation_mode=IGNORE))
    return dataset


def _count(done: int, failed: int, status: int) -> str:
    return f"{done} came, {failed} did not, status {status}"
