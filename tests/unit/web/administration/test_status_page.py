"""The page Status: queues, stations and workers as they are, and the doctor's checks on demand."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from db.canary import verdicts
from db.clock import now
from db.database import Database
from tbscreen.processes.process_records import write_record
from tests.servers.ports import wait_until
from tests.unit.web.browsers import let_in, send
from tests.unit.web.conftest import HERE
from tests.unit.web.reading_room import DIGEST
from web.application import build_application

SHOWN = [
    "/administration",
    "/administration/deliveries",
    "/administration/deliveries/1",
    "/administration/messages",
    "/administration/messages/1",
    "/administration/users",
    "/administration/users/ada",
    "/administration/models",
    f"/administration/models/{DIGEST}",
    "/administration/thresholds/1",
    "/administration/erasures",
    "/administration/audit",
    "/administration/settings",
]
POSTED = [
    "/administration/checks",
    "/administration/deliveries/replay",
    "/administration/deliveries/unbuilt",
    "/administration/deliveries/1/replay",
    "/administration/messages/replay",
    "/administration/erasures",
    "/administration/users",
    *(f"/administration/users/max/{change}" for change in ("role", "blinded", "password", "logout")),
    "/administration/users/max/disabled",
    "/administration/users/max/tokens",
    "/administration/tokens/1/revoke",
    "/administration/models/rollback",
    "/administration/models/shadow/end",
    *(f"/administration/models/{DIGEST}/{act}" for act in ("activate", "shadow", "threshold/rollback")),
    "/administration/thresholds/1/use",
]


@pytest.mark.parametrize("name", ["rosa", "max"])
def test_only_an_administrator_opens_or_sends_any_of_these_pages(
    admin: TestClient, peopled: Database, name: str
) -> None:
    other = let_in(admin, peopled, name)
    assert [other.get(path).status_code for path in SHOWN] == [403] * len(SHOWN)
    assert [send(other, path).status_code for path in POSTED] == [403] * len(POSTED)
    assert 'href="/administration"' not in other.get("/").text


def test_nothing_is_done_without_the_word_that_the_page_carries(admin: TestClient) -> None:
    assert 'href="/administration"' in admin.get("/").text
    assert [admin.post(path, data={"sure": "yes"}).status_code for path in POSTED] == [403] * len(POSTED)


def test_a_page_without_an_installation_has_no_pages_of_administrators(peopled: Database) -> None:
    with TestClient(build_application(peopled, "1"), base_url=HERE) as client:
        assert let_in(client, peopled, "ada").get("/administration").status_code == 404
        assert 'href="/administration"' not in client.get("/").text


def test_the_state_is_shown_with_processes_stations_and_workers(admin: TestClient, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "run"
    folder.mkdir()
    write_record(folder, "gateway", os.getpid(), 1)
    page = admin.get("/administration").text
    assert "<td>ROOM1</td><td>MODALITY</td>" in page
    assert f'<td>gateway</td><td class="number">{os.getpid()}</td>' in page
    assert "none was made yet" in page
    assert "<td>reports to build</td>" in page
    assert "tbscreen-default" in page
    assert "Okafor" not in page, "no patient is named here"


def test_a_canary_film_that_is_missing_is_told_in_the_user_s_language(
    admin: TestClient, peopled: Database
) -> None:
    judged = verdicts.JudgedCanary(verdicts.Verdict.SAME, "score as expected", score=0.9)
    with peopled.write() as session:
        verdicts.record(session, "gateway", judged, now() - timedelta(minutes=1))
    assert "though one is due." in admin.get("/administration").text
    admin.headers["Accept-Language"] = "fr"
    page = admin.get("/administration").text
    assert "alors qu’un cliché est attendu." in page
    assert "no canary film since" not in page


def test_the_checks_of_the_doctor_run_when_asked_for_and_the_worst_comes_first(admin: TestClient) -> None:
    assert "None since this page started" in admin.get("/administration").text
    answer = send(admin, "/administration/checks")
    assert (answer.status_code, answer.headers["location"]) == (303, "/administration#checks")
    wait_until(lambda: "asked for by ada" in admin.get("/administration").text, 60, "the checks end")
    page = admin.get("/administration").text
    assert "need attention" in page
    assert page.index("<strong>gateway</strong>") < page.index("<strong>data directory</strong>")
    assert "run &#39;tbscreen serve&#39;" in page
