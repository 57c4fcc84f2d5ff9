"""The commands `tbscreen calibrate …`, from reads to the threshold of new films."""

from __future__ import annotations

import json

from db.database import Database
from db.tables import Model
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
