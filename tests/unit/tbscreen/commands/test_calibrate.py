"""The commands `tbscreen calibrate …`, from reads to the threshold of new films."""

from __future__ import annotations

import json

from db.clock import now
from db.database import Database
from db.tables import Model, Screening, ShadowScreening
from tests.unit import rows
from tests.unit.reports.site_threshold.reads import OTHER_SCORES, TB_SCORES
from tests.unit.reports.small_database import TRAINED, Film, fill
from tests.unit.tbscreen.conftest import Cli, assert_one_line


def test_from_reads_to_the_operating_point_of_new_films_and_back(quick_cli: Cli, installed: Database) -> None:
    reads = [(score, "tb") for score in TB_SCORES] + [(score, "not_tb") for score in OTHER_SCORES]
    fill(installed, [Film("2026-03-10 10:00", score, verdict=verdict) for score, verdict in reads])
    with installed.write() as session:
        session.query(Model).update({"active": False})
        session.get_one(Model, TRAINED).active = True
    assert "no calibration yet" in quick_cli("calibrate", "list").stdout
    proposed = quick_cli("calibrate", "propose", "--from", "2026-01-01", "--to", "2026-12-31")
    assert proposed.returncode == 0, proposed.stderr
    words = " ".join(proposed.stdout.split())
    assert "160 of 160 studies of 2026-01-01 to 2026-12-31 (UTC) were read" in words
    assert "Positive from a score of 0.4700, HIGH from 0.9000." in words
    assert "not a medical device" in words
    assert quick_cli("calibrate", "activate", "1", "--reason", "agreed").returncode == 0
    shown = quick_cli("calibrate", "show", "1")
    assert "in use" in shown.stdout
    assert ": agreed" in shown.stdout
    document = json.loads(quick_cli("calibrate", "show", "1", "--json").stdout)
    assert document["changes"][0]["name"] == document["name"]
    assert "in use" in quick_cli("calibrate", "list").stdout
    back = quick_cli("calibrate", "rollback")
    assert "are judged by the operating point of the bundle itself" in back.stdout
    assert_one_line(quick_cli("calibrate", "rollback"), "nothing to roll back")
    assert_one_line(quick_cli("calibrate", "activate", "2"), "there is no calibration 2")
    assert_one_line(quick_cli("calibrate", "activate", "1", "--key", "other.key"), "is not what was signed")
    few = quick_cli("calibrate", "propose", "--from", "2027-01-01", "--to", "2027-01-31")
    assert_one_line(few, "60 and 100 are needed")
    assert_one_line(quick_cli("calibrate", "propose", "--prevalence", "0.02"), "not calibrated")


def test_reads_give_thresholds_by_age_and_sex_where_enough_were_read(
    quick_cli: Cli, installed: Database
) -> None:
    reads = [(score, "tb") for score in TB_SCORES] + [(score, "not_tb") for score in OTHER_SCORES]
    films = [Film("2026-03-10 10:00", score, verdict=verdict, sex="F") for score, verdict in reads]
    films += [Film("2026-03-10 10:00", score / 2, verdict=verdict, sex="M") for score, verdict in reads]
    fill(installed, films)
    with installed.write() as session:
        session.query(Model).update({"active": False})
        session.get_one(Model, TRAINED).active = True
    period = ("--from", "2026-01-01", "--to", "2026-12-31")
    proposed = quick_cli("calibrate", "propose", *period, "--by-group")
    assert proposed.returncode == 0, proposed.stderr
    words = " ".join(proposed.stdout.split())
    assert "THRESHOLDS BY AGE AND SEX" in words
    assert "at least 30 of them were read as TB and 100 read as not TB" in words
    # The women are those of the test above, 0.47; the men's scores are the halves.
    assert "women of 25 to 44 160 60 / 100 0.4700 its own people" in words
    assert "men of 25 to 44 160 60 / 100 0.2350 its own people" in words
    assert "women of 65 and older 0 0 / 0" in words
    record = json.loads(quick_cli("calibrate", "show", "1", "--json").stdout)["record"]
    assert [cell["first"] for cell in record["groups"]] == [15, 15, 25, 25, 45, 45, 65, 65]
    assert quick_cli("calibrate", "activate", "1").returncode == 0
    cell = quick_cli("calibrate", "show", "4").stdout
    assert "positive from 0.4700: threshold for women of 25 to 44 (160 people, 60 read as TB" in cell
    assert_one_line(quick_cli("calibrate", "activate", "4"), "activate the table that it is a part of")


def test_a_new_bundle_gets_the_threshold_at_which_it_refers_as_many(
    quick_cli: Cli, installed: Database
) -> None:
    scores = [number / 200 for number in range(200)]
    fill(installed, [Film("2026-03-10 10:00", score, verdict="tb") for score in scores])
    rows.register_model(installed, rows.DIGEST, name="newer", active=False)
    with installed.write() as session:
        session.query(Model).update({"active": False})
        session.get_one(Model, TRAINED).active = True
        for screening in session.query(Screening).all():
            session.add(
                ShadowScreening(
                    instance_id=screening.instance_id,
                    bundle_digest=rows.DIGEST,
                    worker="w",
                    started_at=now(),
                    finished_at=now(),
                    score=screening.score / 2,
                )
            )
    period = ("--from", "2026-01-01", "--to", "2026-12-31")
    proposed = quick_cli("calibrate", "equivalent", rows.DIGEST[:12], *period)
    assert proposed.returncode == 0, proposed.stderr
    words = " ".join(proposed.stdout.split())
    # 100 of 200 films lie at 0.5 or above, and 40 at 0.8; the new scores are the halves.
    assert "refers as many at 0.2500" in words
    assert "HIGH from 0.4000" in words
    assert "100 (50.0 %)" in words
    assert "not the same sensitivity" in words
    document = json.loads(quick_cli("calibrate", "show", "1", "--json").stdout)
    assert document["bundle_digest"] == rows.DIGEST
    points = {point["name"]: point["threshold"] for point in document["record"]["operating_points"]}
    assert (points["screening"], points["rule_in"]) == (0.25, 0.4)
    assert "EQUIVALENT THRESHOLD" in quick_cli("calibrate", "show", "1").stdout
    of_tb = quick_cli("calibrate", "equivalent", rows.DIGEST[:12], *period, "--same-sensitivity")
    assert_one_line(of_tb, "scored no film of people with TB by bacteriology")
    assert_one_line(
        quick_cli("calibrate", "equivalent", "active"), "name a bundle that is not the active one"
    )
    assert_one_line(quick_cli("calibrate", "equivalent"), "no bundle is shadow")
