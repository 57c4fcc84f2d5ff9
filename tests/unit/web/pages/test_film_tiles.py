"""Tiles on the page: for whom may see the film, a few at a time, with the reason where there is none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from starlette.testclient import TestClient

from db.database import Database
from db.films import film_tiles, spooled_files
from db.worklist.studies import StudyHeader
from dicom_gateway.spool import Spool
from domain.roles import Role
from tests import spooled_films
from tests.unit.web import reading_room
from tests.unit.web.browsers import let_in
from tests.unit.web.conftest import HERE
from web.access.audit import NoAuditTrail
from web.application import build_application
from web.pages import film_tiles as page

TILE = "/studies/1/films/1/tile.jpg"
PART = {"left": 600, "top": 800, "columns": 64, "rows": 48}


class Trail(NoAuditTrail):
    """Keeps who saw which study."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def record_access(self, user: str, address: str, study_instance_uid: str, *_: Any, **__: Any) -> None:
        """Keep a record."""
        self.seen.append((user, study_instance_uid))


@pytest.fixture
def spool(tmp_path: Path, peopled: Database) -> Spool:
    made = Spool(tmp_path / "spool")
    study = StudyHeader("1.2.1", patient_name="Okafor^Chidi", patient_id="P-4137")
    spooled_films.receive_fine_film(peopled, made, tmp_path, study, "1.2.1.1")
    return made


def get(client: TestClient, path: str = TILE, **changes: object) -> Response:
    return client.get(path, params={**PART, **changes}, headers={"sec-fetch-mode": "cors"})


def test_a_tile_comes_from_the_gateway_to_those_who_may_see_the_film(peopled: Database, spool: Spool) -> None:
    trail = Trail()
    client = let_in(TestClient(build_application(peopled, "1.2.3", audit=trail), base_url=HERE), peopled)
    with spooled_films.drawing_tiles(peopled, spool):
        answer = get(client)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
        assert answer.headers["cache-control"] == "no-store"
        assert trail.seen == [("rosa", "1.2.1")]
        assert get(client, left=1990).status_code == 422, "beyond the edge"
        spool.discard(next(iter(spool.list_files())))
        assert get(client).status_code == 410, "the file is gone, and the row does not know it yet"
    reading_room.add_user(peopled, "ana", Role.ANALYST)
    assert get(let_in(client, peopled, "ana")).status_code == 403
    client.cookies.clear()
    assert get(client).status_code == 401


def test_the_reason_is_told_where_there_is_no_tile(
    client: TestClient, peopled: Database, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in ({"rows": 0}, {"columns": 5000, "rows": 5000}, {"level": "x"}, {"file": "/etc/passwd"}):
        assert get(client, **wrong).status_code == 400
    assert get(client, "/studies/1/films/9/tile.jpg").status_code == 404
    assert get(client, "/studies/9/films/1/tile.jpg").status_code == 404
    monkeypatch.setattr(page, "GIVE_UP", timedelta(seconds=0))
    for _ in range(film_tiles.MOST_WAITING):
        answer = get(client)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert (get(client).status_code, get(client).text) == (503, page.BUSY)
    with peopled.write() as session:
        spooled_files.forget_file(session, 1)
    assert (get(client).status_code, get(client).text) == (410, page.GONE)
