"""Fetches studies from a peer, one after the other: the films that the peer lists and the gateway lacks."""

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
from dicom_gateway.retrieval.pull_association import Calling, Retrieved
from dicom_gateway.retrieval.pull_pace import Pace
from dicom_gateway.retrieval.pull_settings import PullSettings
from dicom_gateway.retrieval.pull_source import PullSource, open_source
from dicom_gateway.settings import GatewaySettings, PeerSettings
from dicom_gateway.spool import Spool
from domain.errors import TransientError

LOOK_EVERY_S: Final = 0.1
"""Pause between two checks for films that a peer reports as moved."""

KEEP_OPEN_S: Final = 1.0
"""Longest time that an idle connection stays open; peers end idle ones."""

LEAST_FREE_BYTES: Final = 32 * 1024 * 1024
"""Free space, room for one or two films, below which a disk counts as full at any settings."""

UIDS_AT_ONCE: Final = 500
"""Most UIDs in an element (PS3.5 7.1.2: 64 KiB); a series with more missing films is retrieved whole."""


class DiskFullError(TransientError):
    """Free disk space is below the gateway's reserve. Transient: the pull continues when space is freed."""


class StoppedError(TransientError):
    """The pull was asked to stop. Unfinished studies stay wanted."""


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
    """Films that are here, earlier ones included."""
    new: int
    missing: int
    reason: str = ""
    """Reason why films are missing."""


class StudyFetcher:
    """Fetches studies over a connection that it opens when it needs one.

    Args:
        peer: the peer.
        calling: the calling side.
        settings: selection of series, and limits.
        gateway: the gateway that receives the films.
        pace: limit on films a minute, shared by all fetchers of a pull.
        stopping: set when the pull is to end.
        wait_for: receives the reason for a wait, and "" at its end.
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
        self._source: PullSource | None = None

    def open(self) -> PullSource:
        """Return an open connection to the peer.

        Raises:
            PeerAwayError, PeerRefusesError: see `PullAssociation`.
        """
        if self._source is None or not self._source.is_open:
            self._source = open_source(self._peer, self._calling, self._gateway.reception)
        return self._source

    def close(self) -> None:
        """End the connection, if there is one."""
        source, self._source = self._source, None
        if source is not None:
            source.release()

    def cancel(self) -> None:
        """Cancel the retrieval in progress, from any thread."""
        source = self._source
        if source is not None:
            source.cancel()

    def abort(self) -> None:
        """End the connection at once, from any thread."""
        source = self._source
        if source is not None:
            source.abort()

    def fetch(self, study_instance_uid: str) -> Fetched:
        """Fetch the missing films of one study.

        Raises:
            StoppedError, DiskFullError, AnswerError: the fetched films are kept, the others stay missing.
        """
        wanted_series = [
            series.series_instance_uid
            for series in study_query.list_series(self.open(), study_instance_uid)
            if series.is_wanted(self._settings.modalities, self._settings.body_parts)
        ]
        here = new = missing = 0
        reason = ""
        for series in wanted_series:
            films, instances = study_query.list_films(self.open(), study_instance_uid, series)
            requested = self._find_missing(study_instance_uid, films)
            left = requested
            if requested:
                self._wait_for_room(len(requested))
                answer = self._retrieve(
                    study_instance_uid, series, sorted(requested), whole=len(requested) == instances
                )
                left = self._await(study_instance_uid, films, answer)
                if left:
                    self._check_disk()
                    reason = f"{len(left)} of {len(films)} films did not come: {answer.explain()}"
            here += len(films) - len(left)
            new += len(requested) - len(left)
            missing += len(left)
        return Fetched(here, new, missing, reason)

    def _retrieve(self, study: str, series: str, films: Sequence[str], *, whole: bool) -> Retrieved:
        identifier = (
            study_query.make_series_identifier(study, series)
            if whole or len(films) > UIDS_AT_ONCE
            else study_query.make_films_identifier(study, series, films)
        )
        source = self.open()
        if self._stopping.is_set():
            raise StoppedError("stopped")
        answer = source.retrieve(identifier)
        if self._stopping.is_set():
            raise StoppedError("stopped")
        return answer

    def _find_missing(self, study: str, films: Sequence[str]) -> set[str]:
        senders = (self._peer.ae_title or self._peer.name, *self._peer.answers.ae_titles)
        with self._gateway.database.read() as session:
            return receptions.find_missing(session, films, study, senders)

    def _await(self, study: str, films: Sequence[str], answer: Retrieved) -> set[str]:
        """Return the missing films; wait for those that the peer reports as moved but is still sending.

        The peer's count is not believed: a film has come when it is in the database.
        """
        deadline = time.monotonic() + self._settings.arrival_s
        while missing := self._find_missing(study, films):
            if answer.failed or answer.status or time.monotonic() >= deadline:
                break
            if self._stopping.wait(LOOK_EVERY_S):
                raise StoppedError("stopped")
        return missing

    def _wait_for_room(self, films: int) -> None:
        """Wait until pace, waiting films and disk space allow requesting these films."""
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
                "gateway.reserved_disk_bytes): free some space and start the pull again; nothing is lost"
            )
