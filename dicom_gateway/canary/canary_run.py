"""One canary film: issued, sent to the gateway's own port, awaited, judged, and deleted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from pydicom.dataset import Dataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian
from pynetdicom import build_context
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from db.canary import canaries, expected_scores, verdicts
from db.canary.canaries import CanaryEntry
from db.canary.expected_scores import ExpectedScore
from db.canary.verdicts import JudgedCanary, Verdict
from db.database import Database
from dicom_gateway.association.peer_association import (
    REJECTED,
    NoAssociationError,
    NothingAcceptedError,
    open_association,
)
from dicom_gateway.association.statuses import SUCCESS
from dicom_gateway.canary.canary_film import DRAWING, digest_film, draw_film
from dicom_gateway.canary.canary_uid import make_canary_uid
from dicom_gateway.canary.own_port import find_own_port
from dicom_gateway.settings import GatewaySettings
from dicom_gateway.spool import Spool
from domain.bundle.seal import allow_difference
from domain.errors import PermanentError

LOOK_EVERY_S: Final = 0.25
SENDING_S: Final = 20.0
"""Longest wait for an answer of the gateway's port."""
RESTARTED: Final = "the gateway was started anew meanwhile: send another one"
FIRST: Final = "first score of this bundle"

log = structlog.get_logger(__name__)


class CanaryRun:
    """Sends canary films to a gateway's own port.

    Args:
        settings: of the gateway.
        database: the database of the installation.
        spool: the gateway's spool, for the files that are deleted at once.
        wait: waits for so many seconds; True ends the run early. None waits in any case.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        database: Database,
        spool: Spool,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._settings = settings
        self._database = database
        self._spool = spool
        self._wait = threading.Event().wait if wait is None else wait

    def run(self, next_by: datetime | None = None) -> JudgedCanary | None:
        """Send one canary film, wait for its score, record and log the verdict.

        Args:
            next_by: time by which the next verdict must be here; None for one out of turn.

        Returns:
            None when the run was ended early.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: when the database is away.
        """
        judged = self._send_and_judge()
        if judged is None:
            return None
        with self._database.write() as session:
            verdicts.record(session, self._settings.name, judged, next_by)
        is_good = judged.verdict is Verdict.SAME
        (log.info if is_good else log.error)(
            "canary film" if is_good else "canary film: alarm",
            verdict=judged.verdict.value,
            detail=judged.detail,
            seconds=judged.seconds,
            score=judged.score,
            expected=judged.expected,
            worker=judged.worker,
            **({} if is_good else {"help": "tbscreen canary"}),
        )
        return judged

    def _send_and_judge(self) -> JudgedCanary | None:
        film = draw_film(make_canary_uid())
        deadline = time.monotonic() + self._settings.canary.deadline_s
        with self._database.write() as session:
            canary = canaries.issue(
                session,
                self._settings.name,
                str(film.SOPInstanceUID),
                digest_film(film),
                timedelta(seconds=self._settings.canary.deadline_s),
            )
        try:
            trouble = self._send(film)
            if trouble is not None:
                return JudgedCanary(Verdict.NOT_TAKEN, trouble)
            return self._await(canary.id, deadline)
        finally:
            discard(self._database, self._spool, canary.id)

    def _send(self, film: Dataset) -> str | None:
        """Send a film; return what went wrong."""
        title = self._settings.canary.ae_title
        context = build_context(ComputedRadiographyImageStorage, ExplicitVRLittleEndian)
        try:
            association = open_association(find_own_port(self._settings), title, [context], SENDING_S)
        except (NoAssociationError, NothingAcceptedError, PermanentError) as error:
            text = str(error)
            if text.startswith(REJECTED):
                text += f'; let it in: [[gateway.callers]] ae_title = "{title}", addresses = ["127.0.0.1"]'
            return text
        try:
            status = association.send_c_store(film).get("Status")
        except (RuntimeError, ValueError) as error:
            return f"it could not be sent ({type(error).__name__})"
        finally:
            if association.is_established:
                association.release()
        if status == SUCCESS:
            return None
        return "no answer" if status is None else f"C-STORE is answered with 0x{status:04X}"

    def _await(self, number: int, deadline: float) -> JudgedCanary | None:
        """Wait for the score of a canary film until its deadline (time.monotonic), and judge it."""
        while True:
            with self._database.read() as session:
                canary = canaries.find(session, number)
            if canary is None:
                return JudgedCanary(
                    Verdict.SILENT, "the gateway was started anew meanwhile: send another one"
                )
            if canary.received_at is None:
                detail = "it was received as another film: is there a proxy before the gateway's port?"
                return JudgedCanary(Verdict.NOT_TAKEN, detail)
            if canary.failure is not None:
                return JudgedCanary(Verdict.REFUSED, canary.failure, bundle_digest=canary.bundle_digest)
            if canary.score is not None:
                return judge(self._database, canary)
            if time.monotonic() >= deadline:
                return JudgedCanary(
                    Verdict.SILENT, _explain_silence(canary, self._settings.canary.deadline_s)
                )
            if self._wait(LOOK_EVERY_S):
                return None


def judge(database: Database, canary: CanaryEntry) -> JudgedCanary:
    """Compare the score of a canary film with the expected one; the first one of a bundle is pinned."""
    assert canary.score is not None
    assert canary.scored_at is not None
    assert canary.bundle_digest is not None
    way = canary.runtime or "auto", canary.precision or "auto"
    expected, is_first = _find_expected(database, canary, way)
    allowed = allow_difference(expected.way, way)
    difference = abs(canary.score - expected.score)
    by = f"by {' in '.join(way)} on {canary.worker}"
    if is_first:
        verdict, detail = Verdict.SAME, f"score {canary.score:.6f} {by}, the first of this bundle: pinned"
    elif difference <= allowed:
        verdict, detail = Verdict.SAME, f"score {canary.score:.6f} {by}, as expected"
    else:
        verdict = Verdict.CHANGED
        detail = (
            f"score {canary.score:.6f} {by}, {expected.score:.6f} is expected "
            f"(by {' in '.join(expected.way)}, "
            f"within {allowed:g}): believe no result until the cause is known"
        )
    return JudgedCanary(
        verdict,
        detail,
        seconds=(canary.scored_at - canary.issued_at).total_seconds(),
        bundle_digest=canary.bundle_digest,
        score=canary.score,
        expected=expected.score,
        runtime=way[0],
        precision=way[1],
        worker=canary.worker,
    )


def _find_expected(
    database: Database, canary: CanaryEntry, way: tuple[str, str]
) -> tuple[ExpectedScore, bool]:
    """Return the expected score, and whether this canary film made it."""
    assert canary.score is not None
    assert canary.bundle_digest is not None
    with database.read() as session:
        expected = expected_scores.find(session, canary.bundle_digest, DRAWING)
    if expected is not None:
        return expected, False
    try:
        with database.write() as session:
            pinned = expected_scores.pin(
                session, canary.bundle_digest, DRAWING, canary.score, way, f"gateway {canary.gateway}", FIRST
            )
        log.info("canary film: expected score pinned", bundle=canary.bundle_digest[:12], score=pinned.score)
        return pinned, True
    except IntegrityError:  # another gateway was first
        with database.read() as session:
            expected = expected_scores.find(session, canary.bundle_digest, DRAWING)
        assert expected is not None
        return expected, False


def _explain_silence(canary: CanaryEntry, deadline_s: float) -> str:
    stage = "the gateway has not prepared it" if canary.queued_at is None else "no worker has scored it"
    return f"no score within {deadline_s:g} s: {stage}; films may wait, too ('tbscreen doctor')"


def discard(database: Database, spool: Spool, number: int) -> None:
    """Delete a canary film: its file, then its row. A database that is away is left to the retention."""
    try:
        with database.read() as session:
            canary = canaries.find(session, number)
        if canary is None:
            return
        if canary.spool_path is not None:
            spool.discard(canary.spool_path)
        with database.write() as session:
            canaries.remove(session, number)
    except SQLAlchemyError as error:
        log.error("canary film not deleted", error=type(error).__name__)
