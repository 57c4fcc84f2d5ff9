"""A request to pull films, with a lease in db, so that only one process of several works on it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.database import Database
from db.pulls import pulls
from dicom_gateway.settings import PeerSettings
from domain.errors import TransientError

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PullRequest:
    """A request to pull films."""

    name: str
    """Name of a schedule, or of a command's pull: see `name_command`."""
    peer: PeerSettings
    first: date
    last: date
    """First and last study date, both included."""
    pause: timedelta | None = None
    """Pause of a schedule from the end of one round to the next; None for a command, which runs once."""

    @property
    def is_scheduled(self) -> bool:
        """True for a schedule's round."""
        return self.pause is not None


def name_command(peer: str, first: date, last: date) -> str:
    """Return the name of a command's pull; the same command, run again, continues the same pull."""
    return f"{peer} {first.isoformat()}..{last.isoformat()}"


class PullLease:
    """The right to carry out a pull; a thread renews it until `end`.

    Args:
        request: the pull.
        database: holds the lease.
        gateway: name of this process's gateway.
        seconds: time that a lease lasts after its last renewal.
        lost: called when another process has taken the lease.
    """

    def __init__(
        self,
        request: PullRequest,
        database: Database,
        gateway: str,
        seconds: float,
        lost: Callable[[TransientError], None],
    ) -> None:
        self._request = request
        self._database = database
        self._seconds = seconds
        self._lost = lost
        self.holder = f"{gateway}:{os.getpid()}:{threading.get_ident()}"
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="pull lease", daemon=True)
        self.pull_id = 0
        """Key of the pull's row, once the pull is taken."""

    def take(self) -> bool:
        """Take the pull; return False for a schedule that is not due or that another gateway carries out.

        Raises:
            TransientError: when another process carries out the same command's pull.
        """
        request = self._request
        dates = (request.first.strftime("%Y%m%d"), request.last.strftime("%Y%m%d"))
        lease = timedelta(seconds=self._seconds)
        with self._database.write() as session:
            pull_id = pulls.begin(
                session,
                request.name,
                request.peer.name,
                dates,
                self.holder,
                lease,
                only_if_due=request.is_scheduled,
            )
            holder = pulls.find_holder(session, request.name)
        if pull_id is None:
            if request.is_scheduled:
                return False
            who = "another process" if holder is None else holder.name
            until = "" if holder is None else f" after {holder.until.astimezone():%H:%M:%S}"
            raise TransientError(f"{who} is at this pull; if that process is dead, try again{until}")
        self.pull_id = pull_id
        self._keeper.start()
        return True

    def end(self, *, complete: bool, error: str | None) -> None:
        """Release the lease; a schedule is due again after its pause."""
        self._ended.set()
        self._keeper.join()
        with self._database.write() as session:
            pulls.end(
                session,
                self.pull_id,
                self.holder,
                complete=complete and not self._request.is_scheduled,
                pause=self._request.pause or timedelta(0),
                error=error,
            )

    def _keep(self) -> None:
        while not self._ended.wait(self._seconds / 3):
            try:
                with self._database.write() as session:
                    kept = pulls.renew(session, self.pull_id, self.holder, timedelta(seconds=self._seconds))
            except SQLAlchemyError as error:
                log.warning("pull lease not renewed", error=type(error).__name__)
                continue
            if not kept:
                self._lost(TransientError("another process has taken over this pull"))
                return
