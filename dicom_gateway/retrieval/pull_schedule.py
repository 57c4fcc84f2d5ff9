"""Pulls new studies at intervals from a PACS that cannot route; one gateway at a time runs a schedule."""

from __future__ import annotations

import threading
from datetime import date, datetime, timedelta
from typing import Final

import structlog

from dicom_gateway.retrieval.pull import Pull
from dicom_gateway.retrieval.pull_association import Calling
from dicom_gateway.retrieval.pull_request import PullRequest
from dicom_gateway.retrieval.pull_settings import PullScheduleSettings, PullSettings
from dicom_gateway.retrieval.study_fetcher import Gateway
from dicom_gateway.settings import PeerSettings
from domain.errors import TbscreenError

LOOK_EVERY_S: Final = 5.0
"""Pause between two checks for a due round."""

log = structlog.get_logger(__name__)


class PullSchedule(threading.Thread):
    """A thread that runs one of the settings' `[[pulls]]`.

    Args:
        schedule: interval, days and hours.
        peer: the peer that the schedule names.
        settings: settings of each pull.
        calling: the calling side.
        gateway: the gateway that receives the films.
    """

    def __init__(
        self,
        schedule: PullScheduleSettings,
        peer: PeerSettings,
        settings: PullSettings,
        calling: Calling,
        gateway: Gateway,
    ) -> None:
        super().__init__(name=f"pull {schedule.name}", daemon=True)
        self._schedule = schedule
        self._peer = peer
        self._settings = settings
        self._calling = calling
        self._gateway = gateway
        self._ending = threading.Event()
        self._pull: Pull | None = None

    def end(self) -> None:
        """Stop soon; unfinished studies stay wanted."""
        self._ending.set()
        pull = self._pull
        if pull is not None:
            pull.stop()

    def run(self) -> None:
        """Run due rounds until `end`."""
        look_every_s = min(LOOK_EVERY_S, self._schedule.every_minutes * 30)
        last_reason = ""
        while not self._ending.is_set():
            try:
                self.make_round()
                last_reason = ""
            except TbscreenError as error:
                if str(error) != last_reason:  # a PACS that is down all night is logged once
                    log.warning("pull could not continue", pull=self._schedule.name, reason=str(error))
                last_reason = str(error)
            except Exception as error:  # noqa: BLE001  the next round tries again
                log.error("pull failed", pull=self._schedule.name, error=type(error).__name__)
            self._ending.wait(look_every_s)

    def make_round(self) -> None:
        """Run one round if it is due and no other process runs it.

        Raises:
            TbscreenError: the round could not continue; the next round does.
        """
        if not self._is_open():
            return
        schedule, today = self._schedule, date.today()
        request = PullRequest(
            schedule.name,
            self._peer,
            today - timedelta(days=schedule.days - 1),
            today,
            timedelta(minutes=schedule.every_minutes),
        )
        self._pull = Pull(request, self._settings, self._calling, self._gateway, may_go_on=self._is_open)
        if self._ending.is_set():
            return
        progress = self._pull.run()
        self._pull = None
        if progress is not None and progress.done > progress.here + progress.left:
            log.info(
                "pulled",
                pull=schedule.name,
                found=progress.found,
                complete=progress.complete,
                failed=progress.failed,
                films=progress.films,
            )

    def _is_open(self) -> bool:
        return self._schedule.is_open(datetime.now().time())
