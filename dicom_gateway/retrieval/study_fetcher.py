"""Fetches one study after the other from a peer: what is listed there and not here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from db.database import Database
from db.films import receptions
from dicom_gateway.reception.film_reception import FilmReception
from dicom_gateway.retrieval import study_query
from dicom_gateway.retrieval.pull_association import Calling, PullAssociation, Retrieved
from dicom_gateway.retrieval.pull_pace import Pace
from dicom_gateway.retrieval.pull_settings import PullSettings
from dicom_gateway.settings import GatewaySettings, PeerSettings
from dicom_gateway.spool import Spool
from domain.errors import TransientError

LOOK_EVERY_S: Final = 0.1
KEEP_OPEN_S: Final = 1.0
"""An association is not kept for longer while nothing is asked on it: peers end idle ones."""


LEAST_FREE_BYTES: Final = 32 * 1024 * 1024
"""A disk with less than this, room for a film or two, is full, whatever the settings say."""

UIDS_AT_ONCE: Final = 500
"""Most UIDs in an element (PS3.5 7.1.2: 64 KiB); a series that lacks more films is retrieved whole."""


class DiskFullError(TransientError):
    """Less disk space is free than the gateway keeps free. Transient; the pull goes on when there is more."""


class StoppedError(TransientError):
    """The pull was asked to stop. What was on its way is wanted again."""


@dataclass(frozen=True)
class Gateway:
    """The gateway for which films are fetched."""

    settings: GatewaySettings
    database: Database
    spool: Spool
    reception: FilmReception


@dataclass(frozen=True)
class Fetched:
    """Result of fetching a study."""

    films: int
    """That are here, those included that were here before."""
    new: int
    missing: int
    reason: str = ""
    """Reason why films are missing."""


class StudyFetcher:
    """Fetches studies over an association that it opens when it needs one.

    Args:
        peer: from whom.
        calling: who calls, and how.
        settings: what is fetched.
        gateway: for whom.
        pace: how fast, shared by all fetchers of a pull.
        stopping: set when the pull is to end.
        wait_for: told why nothing is fetched at the moment, and "" when that is over.
    """

    def __init__(
        self,
        peer: PeerSettings,
        calling: Calling,
        settings: PullSettings,
        gateway: Gateway,
        pace: Pace,
        stopping: threading.Event,
        wait_for: Callable[[str], None],
    ) -> None:
        self._peer = peer
        self._calling = calling
        self._settings = settings
        self._gateway = gateway
        self._pace = pace
        self._stopping = stopping
        self._wait_for = wait_for
        self._association: PullAssociation | None = None

    def open(self) -> PullAssociation:
        """Return an open association.

        Raises:
            PeerAwayError, PeerRefusesError: as `PullAssociation`.
        """
        if self._association is None or not self._association.is_open:
            self._association = PullAssociation(self._peer, self._calling, self._gateway.reception)
        return self._association

    def close(self) -> None:
        """Release the association, if there is one."""
        association, self._association = self._association, None
        if association is not None:
            association.release()

    def cancel(self) -> None:
        """Ask the peer to end what it sends, from any thread."""
        association = self._association
        if association is not None:
            association.cancel()

    def abort(self) -> None:
        """End the association at once, from any thread."""
        association = self._association
        if association is not None:
            association.abort()

    def fetch(self, study_instance_uid: str) -> Fetched:
        """Fetch what is missing of one study.

        Raises:
            StoppedError, DiskFullError, AnswerError: what is not fetched is still missing.
        """
        wanted = [
            series.series_instance_uid
            for series in study_query.list_series(self.open(), study_instance_uid)
            if series.is_wanted(self._settings.modalities, self._settings.body_parts)
        ]
        here = new = missing = 0
        reason = ""
        for series in wanted:
            films, instances = study_query.list_films(self.open(), study_instance_uid, series)
            lacking = self._find_missing(films)
            left = lacking
            if lacking:
                self._make_way(len(lacking))
                answer = self._retrieve(
                    study_instance_uid, series, sorted(lacking), whole=len(lacking) == instances
                )
                left = self._await(films, answer)
                if left:
                    self._check_disk()
                    reason = f"{len(left)} of {len(films)} films did not come: {answer.explain()}"
            here += len(films) - len(left)
            new += len(lacking) - len(left)
            missing += len(left)
        return Fetched(here, new, missing, reason)

    def _retrieve(self, study: str, series: str, films: Sequence[str], *, whole: bool) -> Retrieved:
        identifier = (
            study_query.make_series_identifier(study, series)
            if whole or len(films) > UIDS_AT_ONCE
            else study_query.make_films_identifier(study, series, films)
        )
        association = self.open()
        if self._stopping.is_set():
            raise StoppedError("stopped")
        answer = association.retrieve(identifier)
        if self._stopping.is_set():
            raise StoppedError("stopped")
        return answer

    def _find_missing(self, films: Sequence[str]) -> set[str]:
        with self._gateway.database.read() as session:
            return receptions.find_missing(session, films)

    def _await(self, films: Sequence[str], answer: Retrieved) -> set[str]:
        """Return what is missing; a peer that says it has moved films may still be at it."""
        deadline = time.monotonic() + self._settings.arrival_s
        while missing := self._find_missing(films):
            if answer.failed or answer.status or time.monotonic() >= deadline:
                break
            if self._stopping.wait(LOOK_EVERY_S):
                raise StoppedError("stopped")
        return missing

    def _make_way(self, films: int) -> None:
        """Wait until these films may be asked for."""
        self._check_disk()
        self._pause(self._pace.reserve(films))
        most = self._settings.maximum_waiting_films
        while self._count_waiting(most) >= most:
            self._wait_for(f"{most} films wait to be screened")
            self._pause(KEEP_OPEN_S * 2)
            self._check_disk()
        self._wait_for("")

    def _pause(self, seconds: float) -> None:
        if seconds > KEEP_OPEN_S:
            self.close()
        if self._stopping.wait(seconds):
            raise StoppedError("stopped")

    def _count_waiting(self, most: int) -> int:
        with self._gateway.database.read() as session:
            return receptions.count_waiting(session, self._gateway.settings.name, most)

    def _check_disk(self) -> None:
        spool, settings = self._gateway.spool, self._gateway.settings
        least = max(settings.reserved_disk_bytes, LEAST_FREE_BYTES)
        if spool.free_bytes() < least:
            raise DiskFullError(
                f"the disk of {spool.directory} has less than {least} bytes free (see "
                "gateway.reserved_disk_bytes): make room and start the pull again; nothing is lost"
            )
