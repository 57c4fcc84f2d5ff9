"""The pages of calibration studies: by the functions of the commands, names only for who may see them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from httpx import Response
from sqlalchemy import update
from starlette.testclient import TestClient

from db.bacteriology import results
from db.database import Database
from db.models import site_thresholds
from db.tables import Study
from domain.roles import Role
from tbscreen.administration.local_installation import LocalInstallation
from tbscreen.settings import Settings, load_settings
from tests.unit.web import reading_room, screened_programme
from tests.unit.web.administration.conftest import Trail
from tests.unit.web.browsers import let_in, read_csrf
from tests.unit.web.conftest import HERE
from web.application import build_application

PLAN = {
    "prevalence": "20",
    "half_width": "5",
    "results": "90",
    "shares": screened_programme.SHARES,
    "first": "",
}
UID = re.compile(r'name="uid" value="([\d.]+)"')


@pytest.fixture
def trail() -> Trail:
    return Trail()


@pytest.fixture
def truth(peopled: Database) -> dict[str, bool]:
    reading_room.add_user(peopled, "ann", Role.ANALYST)
    return screened_programme.fill_programme(peopled)


@pytest.fixture
def settings(tmp_path: object, peopled: Database) -> Settings:
    url = peopled.engine.url.render_as_string(hide_password=False)
    return load_settings(data_directory=tmp_path, database_url=url)


@pytest.fixture
def client(
    settings: Settings, peopled: Database, truth: dict[str, bool], trail: Trail
) -> Iterator[TestClient]:
    here = LocalInstallation(settings, peopled)
    with TestClient(build_application(peopled, "1", audit=trail, installation=here), base_url=HERE) as made:
        yield let_in(made, peopled, "ada")


def send(client: TestClient, path: str, **fields: str) -> Response:
    """Send a form of these pages; redirects are not followed."""
    csrf = read_csrf(client.get("/account").text)
    return client.post(path, data={"csrf": csrf, **fields}, follow_redirects=False)


def list_waiting(settings: Settings, database: Database) -> list[str]:
    """Return the accession numbers of those who wait for a test."""
    waiting = LocalInstallation(settings, database).studies.list_people_to_test("north")
    return [person.accession_number or "" for person in waiting]


def test_a_study_from_its_plan_to_a_signed_threshold(
    client: TestClient, peopled: Database, truth: dict[str, bool], trail: Trail, settings: Settings
) -> None:
    planned = client.get("/calibration/plan", params=PLAN)
    assert "95 % interval of the sensitivity" in planned.text
    assert "None yet" in planned.text, "nothing is changed"
    asked = send(client, "/calibration/start", name="north", **PLAN)
    assert "each person is enrolled" in asked.text
    assert "None yet" in client.get("/calibration").text, "it asks first"
    started = send(client, "/calibration/start", name="north", sure="yes", **PLAN)
    assert (started.status_code, started.headers["location"]) == (303, "/calibration/1")
    again = send(client, "/calibration/start", name="south", sure="yes", **PLAN)
    assert (again.status_code, "close it first" in again.text) == (422, True)
    screened_programme.begin_earlier(peopled)

    progress = " ".join(client.get("/calibration/1").text.split())
    assert f"{screened_programme.PEOPLE} of " in progress
    accessions = list_waiting(settings, peopled)
    listed = client.get("/calibration/1/tests").text
    assert f"50 of {len(accessions)} people are shown" in listed
    assert re.findall(r"<td>(ACC\d+)</td>", listed) == accessions[:50]
    assert "nobody who was drawn has a result" in client.get("/calibration/1/document").text

    positive = next(place for place, accession in enumerate(accessions) if truth[accession])
    day = f"{screened_programme.now():%Y-%m-%d}"
    (uid,) = UID.findall(client.get("/calibration/1/tests", params={"find": accessions[positive]}).text)
    form = {"uid": uid, "method": "ultra", "result": "positive", "specimen_date": day}
    wrong = send(client, "/calibration/1/results", **{**form, "method": "smear", "result": "ntm"})
    assert (wrong.status_code, "Not recorded" in wrong.text) == (422, True)
    entered = send(client, "/calibration/1/results", **form)
    assert "The result is recorded." in entered.text
    left = list_waiting(settings, peopled)
    assert set(accessions) - set(left) == {accessions[positive]}
    assert send(client, "/calibration/1/results", **form).status_code == 404, "nobody waits for it any more"
    screened_programme.record_results(peopled, truth, left[3:])

    document = client.get("/calibration/1/document", params={"sensitivity": "85", "by_group": "yes"})
    assert "script-src" not in document.headers["content-security-policy"]
    assert document.text.count("<svg") >= 2
    assert "Other demands" in document.text
    analysis = json.loads(client.get("/calibration/1/document?sensitivity=85&form=json").text)
    assert analysis["people"] == screened_programme.PEOPLE
    assert sum(band["waiting"] for band in analysis["bands"]) == 3

    close = {"sensitivity": "85", "by_group": "yes", "reason": "all results are in"}
    assert "a sensitivity of at least 85 %" in send(client, "/calibration/1/close", **close).text
    assert "open" in client.get("/calibration").text, "it asks first"
    closed = send(client, "/calibration/1/close", sure="yes", **close)
    assert closed.headers["location"] == "/administration/thresholds/1"
    sheet = client.get("/administration/thresholds/1").text
    assert "of the calibration study north" in sheet
    with peopled.read() as session:
        entry = site_thresholds.find(session, 1)
    points = {point["name"]: point["threshold"] for point in entry.record["operating_points"]}
    assert points["screening"] == analysis["recommended"]["threshold"]
    assert entry.made_by == "ada"
    assert "was closed on" in send(client, "/calibration/1/drop", sure="yes", reason="again").text
    assert [change.split(",")[0] for _, _, change in trail.changes] == [
        "calibration study north started",
        "calibration study north closed",
    ]


def test_namesakes_of_two_issuers_have_results_of_their_own(
    client: TestClient, peopled: Database, settings: Settings
) -> None:
    send(client, "/calibration/start", name="north", sure="yes", **PLAN)
    screened_programme.begin_earlier(peopled)
    namesakes = dict(zip(list_waiting(settings, peopled), ("NORTH", "SOUTH"), strict=False))
    with peopled.write() as session:
        for accession, issuer in namesakes.items():
            values = {"patient_id": "P1", "patient_id_issuer": issuer}
            session.execute(update(Study).where(Study.accession_number == accession).values(values))
    day = f"{screened_programme.now():%Y-%m-%d}"
    for accession, result in zip(namesakes, ("positive", "negative"), strict=True):
        (uid,) = UID.findall(client.get("/calibration/1/tests", params={"find": accession}).text)
        form = {"uid": uid, "method": "ultra", "result": result, "specimen_date": day}
        assert send(client, "/calibration/1/results", **form).status_code == 200
    with peopled.read() as session:
        standing = session.scalars(results.select_results()).all()
    assert {(row.patient_id_issuer, row.outcome) for row in standing} == {
        ("NORTH", "positive"),
        ("SOUTH", "negative"),
    }


def test_names_are_for_those_who_may_see_them(client: TestClient, peopled: Database) -> None:
    send(client, "/calibration/start", name="north", sure="yes", **PLAN)
    screened_programme.begin_earlier(peopled)
    for name, statuses in {
        "ann": (200, 200, 403, 200, 403, 403, 403),
        "max": (200, 200, 200, 200, 403, 403, 403),
        "rosa": (403, 403, 403, 403, 403, 403, 403),
    }.items():
        let_in(client, peopled, name)
        shown = ("/calibration", "/calibration/1", "/calibration/1/tests", "/calibration/1/analysis")
        found = [client.get(path).status_code for path in shown]
        found += [
            send(client, path).status_code
            for path in ("/calibration/start", "/calibration/1/close", "/calibration/1/results")
        ]
        assert tuple(found) == statuses, name
        if name != "rosa":
            figures = "".join(client.get(path).text for path in ("/calibration", "/calibration/1"))
            assert "Secret" not in figures
            assert "PATIENT" not in figures
    let_in(client, peopled, "max")
    assert "Secret" in client.get("/calibration/1/tests").text
    assert "Enter the result" not in client.get("/calibration/1/tests").text, "results are for others"


def test_wrong_values_are_told(client: TestClient) -> None:
    for change, words in {
        "prevalence": ("x", "a number"),
        "half_width": ("90", "at most 30 %"),
        "shares": ("1,2", "2 shares for 4 score bands"),
        "first": ("2099-01-01", "screened 0 studies"),
    }.items():
        answer = client.get("/calibration/plan", params={**PLAN, change: words[0]})
        assert (answer.status_code, words[1] in answer.text) == (422, True), answer.text
    assert client.get("/calibration/7").status_code == 404
    send(client, "/calibration/start", name="north", sure="yes", **PLAN)
    assert client.get("/calibration/1/analysis?sensitivity=20").status_code == 400
    assert client.get("/calibration/1/document?form=exe").status_code == 400
    nothing = send(client, "/calibration/1/close", sure="yes")
    assert (nothing.status_code, "nobody who was drawn has a result" in nothing.text) == (422, True)
    assert (
        send(client, "/calibration/1/drop", sure="yes", reason="moved").headers["location"] == "/calibration"
    )
    assert "closed" in client.get("/calibration").text
