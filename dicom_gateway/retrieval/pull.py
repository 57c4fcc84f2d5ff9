"""One pull: finds studies at a peer, records them, and fetches them until all are here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Final, TypeVar

import structlog

from db.pulls import listed_studies, pulled_studies
from db.pulls.listed_studies import FetchDecision, ListedStudy
from db.pulls.pulled_studies import TakenStudy
from dicom_gateway.retrieval import study_query
from dicom_gateway.retrieval.pull_association import (
    AnswerError,
    Calling,
    CutShortError,
    PeerAwayError,
    PeerGoneError,
    PeerRefusesError,
)
from dicom_gateway.retrieval.pull_pace import Pace
from dicom_gateway.retrieval.pull_progress import ProgressBoard, PullProgress
from dicom_gateway.retrieval.pull_request import PullLease, PullRequest
from dicom_gateway.retrieval.pull_settings import PullSettings
from dicom_gateway.retrieval.study_fetcher import DiskFullError, Gateway, StoppedError, StudyFetcher
from dicom_gateway.retrieval.study_query import StudyList
from dicom_gateway.retrieval.study_search import search_studies
from domain.errors import TbscreenError

CANCEL_S: Final = 10.0
"""Longest time for a peer to end a cancelled request."""

GRACE_S: Final = 0.2
"""Time in which fetchers without an open request end by themselves."""

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0

Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


class Pull:
    """Carries out a pull. Call `run` once.

    Args:
        request: the peer and the study dates.
        settings: selection of series, pace and patience.
        calling: the calling side.
        gateway: the gateway that receives the films.
        report: receives the progress; called from several threads, one at a time.
        may_go_on: called before each study; False ends the pull, as outside a schedule's hours.
    """

    def __init__(
        self,
        request: PullRequest,
        settings: PullSettings,
        calling: Calling,
        gateway: Gateway,
        report: Callable[[PullProgress], None] = lambda _: None,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> None:
        self._request = request
        self._settings = settings
        self._database = gateway.database
        self._may_go_on = may_go_on
        self._calling = calling
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._board = ProgressBoard(report)
        self._error: BaseException | None = None
        self._lease = PullLease(
            request, gateway.database, gateway.settings.name, settings.lease_s, self._give_up
        )
        pace = Pace(settings.films_per_minute)
        self._fetchers = [
            StudyFetcher(request.peer, calling, settings, gateway, pace, self._stopping, self._board.wait_for)
            for _ in range(settings.studies_at_once)
        ]

    def stop(self) -> None:
        """Make `run` end soon, from a signal handler or another thread; unfinished studies stay wanted."""
        self._stopping.set()

    def run(self) -> PullProgress | None:
        """Pull until every study is here or has failed, or until the pull is stopped.

        Returns:
            The final progress; None for a schedule that is not due or that another gateway carries out.

        Raises:
            PermanentError, TransientError: the pull could not continue. The fetched films are kept; a new
                start continues from there.
        """
        if not self._lease.take():
            return None
        error: str | None = "the process failed"
        watcher = threading.Thread(target=self._end_when_stopping, name="pull stop", daemon=True)
        watcher.start()
        try:
            with suppress(StoppedError):
                self._find()
                self._fetch()
            if self._error is not None:
                raise self._error
            error = None
        except TbscreenError as known:
            error = str(known)
            raise
        finally:
            stopped = self._stopping.is_set()
            self._ended.set()
            self._stopping.set()  # the watcher waits for it
            watcher.join()
            for fetcher in self._fetchers:
                fetcher.close()
            progress = self._board.end(stopped=stopped)
            self._lease.end(complete=error is None and progress.is_complete, error=error)
        return progress

    def _give_up(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
        self._stopping.set()

    def _find(self) -> None:
        """Query the studies, newest days first, and record them span by span."""
        seen: set[str] = set()
        for span in search_studies(self._ask_patiently, self._request.first, self._request.last):
            # A peer that does not match by date may list a study every day.
            new = [study for uid, study in span.studies.studies.items() if uid not in seen]
            seen.update(study.study_instance_uid for study in new)
            if new:
                self._record(new)
        with self._database.write() as session:
            pulled_studies.want_due(session, self._lease.pull_id)
        self._board.ask_for(None)

    def _ask_patiently(self, first: date, last: date) -> StudyList | None:
        if self._stopping.is_set() or not self._may_go_on():
            raise StoppedError("stopped")
        self._board.ask_for(last, (last - self._request.first).days + 1)
        return self._with_patience(partial(self._ask, first, last))

    def _ask(self, first: date, last: date) -> StudyList | None:
        provider = self._fetchers[0].open()
        try:
            return study_query.find_studies(provider, first, last, self._settings.modalities)
        except (AnswerError, CutShortError) as error:
            if first == last:
                raise
            log.info(
                "the peer does not list all days at once", peer=self._request.peer.name, error=str(error)
            )
            return None

    def _record(self, studies: Sequence[ListedStudy]) -> None:
        with self._database.write() as session:
            counts = listed_studies.record_listed(
                session, self._lease.pull_id, studies, retry_failed=not self._request.is_scheduled
            )
        self._board.add(found=len(studies), here=counts[FetchDecision.HERE], left=counts[FetchDecision.LEFT])

    def _fetch(self) -> None:
        """Fetch the studies, and fetch incomplete ones again."""
        pause = self._settings.retry_s
        while True:
            self._run_fetchers()
            if self._stopping.is_set() or not self._may_go_on():
                return
            with self._database.write() as session:
                again = pulled_studies.want_failed(
                    session, self._lease.pull_id, self._settings.maximum_attempts
                )
            if not again:
                return
            self._board.add(failed=-again)
            self._board.wait_for(f"{again} studies are incomplete and are requested again")
            if self._stopping.wait(pause):
                return
            self._board.wait_for("")
            pause *= 2

    def _run_fetchers(self) -> None:
        threads = [
            threading.Thread(target=self._work, args=(fetcher,), name="pull", daemon=True)
            for fetcher in self._fetchers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _end_when_stopping(self) -> None:
        """After a stop, cancel the open requests; abort the associations of a peer that does not end them."""
        self._stopping.wait()
        patience = GRACE_S
        for end in (StudyFetcher.cancel, StudyFetcher.abort):
            if self._ended.wait(patience):
                return
            for fetcher in self._fetchers:
                end(fetcher)
            patience = CANCEL_S

    def _work(self, fetcher: StudyFetcher) -> None:
        try:
            while not self._stopping.is_set() and self._may_go_on():
                with self._database.write() as session:
                    study = pulled_studies.take(session, self._lease.pull_id, self._lease.holder)
                if study is None:
                    break
                self._fetch_study(fetcher, study)
            fetcher.close()
        except BaseException as error:  # noqa: BLE001  raised again by `run`
            self._give_up(error)

    def _fetch_study(self, fetcher: StudyFetcher, study: TakenStudy) -> None:
        try:
            fetched = self._with_patience(lambda: fetcher.fetch(study.study_instance_uid))
        except (StoppedError, PeerAwayError, PeerRefusesError, DiskFullError) as error:
            stopped = isinstance(error, StoppedError)
            with self._database.write() as session:
                pulled_studies.hand_back(session, study, None if stopped else str(error))
            if not stopped:
                raise
            return
        except (AnswerError, CutShortError) as error:
            with self._database.write() as session:
                marked = pulled_studies.mark_failed(session, study, 0, str(error))
            self._board.add(failed=int(marked))
            return
        with self._database.write() as session:
            if fetched.missing:
                marked = pulled_studies.mark_failed(session, study, fetched.films, fetched.reason)
            else:
                marked = pulled_studies.mark_complete(session, study, fetched.films)
        if not marked:
            self._board.add(films=fetched.new)  # another process has taken the study and counts it
        elif fetched.missing:
            self._board.add(failed=1, films=fetched.new)
        elif fetched.films:
            self._board.add(complete=1, films=fetched.new)
        else:
            self._board.add(unwanted=1)

    def _with_patience(self, action: Callable[[], Answer]) -> Answer:
        """Run an action that needs the peer; while the peer is away, wait and try again.

        Raises:
            PeerAwayError: when the peer stays away.
            AnswerError: when the peer ends each association during the action.
            StoppedError: when the pull is stopped meanwhile.
        """
        away_since: float | None = None
        pause, gone = FIRST_PAUSE_S, 0
        while True:
            try:
                return action()
            except PeerAwayError as error:
                if self._stopping.is_set():
                    raise StoppedError("stopped") from None
                moment = time.monotonic()
                if isinstance(error, PeerGoneError):
                    away_since, gone = None, gone + 1
                    if gone >= self._settings.maximum_attempts:
                        hint = f"does it allow AE title {self._calling.ae_title} to ask?"
                        raise AnswerError(f"{error}, {gone} times; {hint}") from None
                else:
                    away_since = away_since or moment
                    if moment - away_since >= self._settings.patience_s:
                        raise
                self._board.wait_for(f"{error}: trying again")
            if self._stopping.wait(pause):
                raise StoppedError("stopped")
            self._board.wait_for("")
            pause = min(pause * 2, LONGEST_PAUSE_S)
