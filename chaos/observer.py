"""Watches the database, through its outages too, for films that are done: reported, or refused."""

from __future__ import annotations

import threading
import time
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from db.database import Database
from db.states import DeliveryState, FilmState
from db.tables import Delivery, Instance, ReportObject, Screening

INTERVAL_S: Final = 0.5


class Observer(threading.Thread):
    """Notes by the clock of this process when each film is done."""

    def __init__(self, database: Database) -> None:
        super().__init__(name="observer", daemon=True)
        self._database = database
        self._ending = threading.Event()
        self.done: dict[str, float] = {}
        """SOP Instance UID: when (time.monotonic)."""

    def run(self) -> None:
        """Work until `end`."""
        while not self._ending.wait(INTERVAL_S):
            self.look()

    def look(self) -> None:
        """Look once."""
        refused = select(Instance.sop_instance_uid).where(Instance.state == FilmState.REFUSED)
        reported = (
            select(Instance.sop_instance_uid)
            .join(Screening, Screening.instance_id == Instance.id)
            .join(ReportObject, ReportObject.screening_id == Screening.id)
            .join(Delivery, Delivery.sop_instance_uid == ReportObject.sop_instance_uid)
            .where(Delivery.state == DeliveryState.DELIVERED)
        )
        try:
            with self._database.read() as session:
                found = set(session.scalars(refused)) | set(session.scalars(reported))
        except SQLAlchemyError:
            return  # it is away, as it should be at times
        moment = time.monotonic()
        for uid in found:
            self.done.setdefault(uid, moment)

    def end(self) -> None:
        """Stop."""
        self._ending.set()
        self.join()
