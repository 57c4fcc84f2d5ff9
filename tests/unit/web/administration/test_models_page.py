"""The pages on models: bundles and thresholds are shown and changed as by the commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from db.database import Database
from db.models import activations, admissions, bundles, shadow_screenings, site_thresholds
from domain.codes import Trust
from tbscreen.administration.local_installation import LocalInstallation
from tbscreen.commands.calibration.calibrate import open_key
from tbscreen.models.default_bundle import register_bundle
from tbscreen.settings import Settings
from tests.servers.ports import wait_until
from tests.unit import rows
from tests.unit.web.administration.conftest import Trail
from tests.unit.web.browsers import let_in, send
from tests.unit.web.conftest import HERE
from tests.unit.web.reading_room import DIGEST
from tests.unit.worker.networks import write_network
from web.application import build_application

PAGE = "/administration/models"
OTHER = "b" * 64


@pytest.fixture
def other(admin: TestClient, peopled: Database) -> str:
    """The digest of a second bundle, a manifest alone, that nobody vouches for."""
    rows.register_model(peopled, OTHER, name="candidate", active=False)
    return OTHER


def find_active(database: Database) -> str:
    """Return the digest of the active bundle."""
    with database.read() as session:
        active = bundles.find_active(session)
    assert active is not None
    return active.digest


def test_bundles_are_listed_and_one_is_shown_with_its_comparison(admin: TestClient, other: str) -> None:
    page = admin.get(PAGE).text
    assert f'href="{PAGE}/{DIGEST}"' in page
    assert f'href="{PAGE}/{other}"' in page
    shown = admin.get(f"{PAGE}/{other}").text
    assert "Compared with the active one" in shown
    assert "not comparable" in shown
    assert "no: no trusted site key has signed it" in shown
    assert "Activate …" not in admin.get(f"{PAGE}/{DIGEST}").text, "it is active"
    assert admin.get(f"{PAGE}/{'c' * 64}").status_code == 404
    assert admin.get(f"{PAGE}/active").status_code == 404


def test_a_bundle_that_nobody_vouches_for_is_refused_and_the_page_says_why(
    admin: TestClient, peopled: Database, other: str, trail: Trail
) -> None:
    pytest.importorskip("keras")  # which the page's thread loads: a fast run skips the test here
    asked = send(admin, f"{PAGE}/{other}/activate", force="because", trust="")
    assert "is examined, which takes a minute or more" in asked.text
    assert 'name="force" value="because"' in asked.text, "the question repeats the reason"
    begun = send(admin, f"{PAGE}/{other}/activate", force="because", sure="yes")
    assert (begun.status_code, begun.headers["location"]) == (303, f"{PAGE}#work")
    wait_until(lambda: "Not done: " in admin.get(PAGE).text, 60, "the examination ends")
    assert "trust" in admin.get(PAGE).text
    admin.headers["Accept-Language"] = "hi"
    assert f"{other[:12]} विश्वसनीय नहीं है" in admin.get(PAGE).text
    assert find_active(peopled) == DIGEST
    assert trail.changes == []


def test_a_bundle_is_examined_activated_and_rolled_back_in_the_user_s_name(
    settings: Settings, peopled: Database, trail: Trail, tmp_path: Path
) -> None:
    first, second = (
        write_network(tmp_path / name, weight=weight) for name, weight in (("a", 1.0), ("b", 2.0))
    )
    for bundle in (first, second):
        register_bundle(peopled, bundle.directory)
    with peopled.write() as session:
        activations.switch_to(session, first.digest, "me@here", instead_of=None)
        admissions.trust(session, second.digest, Trust.REASON, "me@here", "a test made it")
    here = LocalInstallation(settings, peopled)
    with TestClient(build_application(peopled, "1", audit=trail, installation=here), base_url=HERE) as client:
        let_in(client, peopled, "ada")
        send(client, f"{PAGE}/{second.digest}/activate", force="to try it", sure="yes")
        wait_until(lambda: "Asked for by ada" in client.get(PAGE).text, 120, "the examination ends")
        assert f"{second.digest[:12]} is active: " in client.get(PAGE).text
        french = client.get(PAGE, headers={"Accept-Language": "fr"}).text
        assert re.search(rf"{second.digest[:12]} est actif : [^;]* ; avant : {first.digest[:12]}", french)
        with peopled.read() as session:
            entry = activations.list_activations(session)[0]
        assert (entry.bundle_digest, entry.activated_by) == (second.digest, "ada")
        assert "without an examination" in send(client, f"{PAGE}/rollback").text, "it asks first"
        assert f"{first.digest[:12]} is active" in send(client, f"{PAGE}/rollback", sure="yes").text
        assert find_active(peopled) == first.digest
        again = send(client, f"{PAGE}/rollback", sure="yes")
        assert again.status_code == 422
        assert "Not done: there is no bundle to roll back to" in again.text
    assert [(user, kind, change.split(";")[0]) for user, kind, change in trail.changes] == [
        ("ada", "software", f"bundle {second.digest} activated"),
        ("ada", "software", f"bundle {first.digest} activated by a rollback"),
    ]


def test_the_shadow_is_shown_and_ended(
    admin: TestClient, peopled: Database, other: str, trail: Trail
) -> None:
    with peopled.write() as session:
        shadow_screenings.start(session, other)
    assert "In the shadow: candidate" in admin.get(PAGE).text
    assert "scores no further films" in send(admin, f"{PAGE}/shadow/end").text
    assert f"{other[:12]} left the shadow." in send(admin, f"{PAGE}/shadow/end", sure="yes").text
    assert "no bundle ran in the shadow." in send(admin, f"{PAGE}/shadow/end", sure="yes").text
    admin.headers["Accept-Language"] = "fr"
    assert "aucun bundle n’était dans l’ombre." in send(admin, f"{PAGE}/shadow/end", sure="yes").text
    assert trail.changes == [("ada", "software", f"bundle {other} taken out of the shadow")]


def test_a_threshold_is_used_and_rolled_back_and_a_forged_one_is_not(
    admin: TestClient, peopled: Database, settings: Settings, trail: Trail
) -> None:
    record = {"operating_points": [{"name": site_thresholds.NAME, "threshold": 0.3}]}
    with peopled.write() as session:
        entry = site_thresholds.keep(session, DIGEST, "me@here", record, open_key(settings, None))
        forged = site_thresholds.keep(session, DIGEST, "me@here", record, lambda _: "0" * 64)
    use = f"/administration/thresholds/{entry.calibration_id}/use"
    assert entry.name in admin.get(PAGE).text
    assert "New films are judged by threshold" in send(admin, use).text, "it asks first"
    assert f"are judged by {entry.name}." in send(admin, use, reason="our study", sure="yes").text
    assert "our study" in admin.get(f"{PAGE}/{DIGEST}").text
    refused = send(admin, f"/administration/thresholds/{forged.calibration_id}/use", sure="yes")
    assert (refused.status_code, "is not what was signed" in refused.text) == (422, True)
    assert "is not what was signed" in admin.get(f"/administration/thresholds/{forged.calibration_id}").text
    back = send(admin, f"{PAGE}/{DIGEST}/threshold/rollback", sure="yes")
    assert "are judged by the operating point of the bundle itself." in back.text
    admin.headers["Accept-Language"] = "fr"
    again = send(admin, f"{PAGE}/{DIGEST}/threshold/rollback", sure="yes")
    assert "Non fait : le point de fonctionnement du bundle lui-même est utilisé" in again.text
    assert [change for _, _, change in trail.changes] == [
        f"threshold {entry.calibration_id}, {entry.name}, of bundle {DIGEST} in use",
        f"threshold of bundle {DIGEST} rolled back to the operating point of the bundle itself",
    ]
    assert admin.get("/administration/thresholds/99").status_code == 404
