"""A film under the UID of a report, or with our name as its manufacturer, is not hidden as our own output."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from db.database import Database
from db.states import FilmState
from db.tables import Instance
from domain.codes import Refusal
from tests.films import small_film
from tests.integration.conftest import store_raw
from tests.integration.delivery.couriers import make_reports
from tests.servers.gateway import gateway
from tests.servers.ports import free_port, wait_until
from tests.servers.redis import redis_server

CLAIM = "1.2.3.77"


def test_a_film_under_the_uid_of_a_report_is_screened_and_one_that_names_us_is_refused_in_sight(
    sqlite_database: Database, sqlite_url: str, tmp_path: Path
) -> None:
    for name in ("film", "claim"):
        (tmp_path / name).mkdir()
    (report,) = make_reports(sqlite_database, 1, ["pacs"], tmp_path)
    film = small_film(tmp_path / "film", 1, SOPInstanceUID=report)
    claim = small_film(tmp_path / "claim", 2, SOPInstanceUID=CLAIM, Manufacturer="tbscreen")
    port = free_port()

    def find(uid: str) -> Instance:
        with sqlite_database.read() as session:
            return session.scalars(select(Instance).where(Instance.sop_instance_uid == uid)).one()

    with (
        redis_server() as broker,
        gateway(tmp_path / "data", port, sqlite_url, {"TBSCREEN_BROKER_URL": broker}),
    ):
        assert store_raw(port, film) == 0x0000
        assert store_raw(port, claim) == 0x0000
        wait_until(lambda: find(report).state == FilmState.QUEUED, 60, "the film goes to the workers")
        wait_until(lambda: find(CLAIM).state == FilmState.REFUSED, 60, "the claim is refused")
    assert find(CLAIM).refusal == Refusal.NOT_AN_XRAY
