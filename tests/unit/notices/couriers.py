"""A courier of notices in a thread, its rows, and events for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from db.database import Database
from db.notices import notice_list
from db.notices.notice_list import NoticeEntry
from db.worklist.studies import StudyHeader
from dicom_gateway.settings import CourierSettings
from notices.alarms import AlarmSource
from notices.notice_courier import NoticeCourier
from notices.notice_settings import NoticeSettings
from tests.servers.ports import wait_until
from tests.unit import rows

STUDY = StudyHeader("1.2.3", "ACC1", "4711", "Doe^Jane", "19700102", "F")
SECRET = "0123456789abcdef"
HURRIED = CourierSettings(poll_interval_s=0.02, retry_first_s=0.05, retry_most_s=0.2, maximum_attempts=50)


def screen(database: Database, number: int = 1, station: str = "CR1", **result: Any) -> None:
    """Let a film have a result: HIGH by default."""
    film = rows.receive_and_queue(database, f"1.2.3.{number}", study=STUDY, station_name=station)
    rows.screen(database, film, **result)


def write_secret(folder: Path) -> Path:
    """Write the secret of webhooks into a file; return its path."""
    path = folder / "secret.txt"
    path.write_text(f"{SECRET}\n")
    return path


def make_settings(receiver: Mapping[str, Any], kind: str = "webhooks", **others: Any) -> NoticeSettings:
    """Return settings of one receiver, `ops`, that is told of every HIGH finding and parked delivery."""
    events = ("high_finding", "parked_delivery")
    return NoticeSettings.model_validate(
        {
            kind: [{"name": "ops"} | dict(receiver)],
            "rules": [{"event": event, "to": ["ops"]} for event in events],
        }
        | others
    )


@contextmanager
def courier(
    database: Database,
    settings: NoticeSettings,
    sources: Sequence[AlarmSource] = (),
    retry: CourierSettings = HURRIED,
) -> Iterator[None]:
    """Run a courier of notices inside the block."""
    ending = threading.Event()
    thread = threading.Thread(target=NoticeCourier(database, settings, retry, sources).run, args=(ending,))
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(30)
        assert not thread.is_alive()


def look(database: Database) -> list[NoticeEntry]:
    """Return all notices, oldest first."""
    with database.read() as session:
        return notice_list.list_notices(session, None, 100)[::-1]


def wait_for(database: Database, states: Sequence[str]) -> list[NoticeEntry]:
    """Wait until the notices are in these states."""
    wait_until(lambda: [row.state for row in look(database)] == list(states), 30, f"notices are {states}")
    return look(database)
