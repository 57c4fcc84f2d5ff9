from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dicom_gateway.rules.default_rules import DEFAULT_RULES
from tbscreen.cli import app
from tests.films import dataset_offset, real_film, small_film

SETTINGS = """
[[gateway.rules]]
name = "no-staff"
outcome = "refuse"
study_descriptions = ["*staff*"]
calling_ae_titles = ["VAN*"]

[[gateway.rules]]
name = "van"
outcome = "screen"
calling_ae_titles = ["VAN1"]
"""


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tbscreen.toml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)


def test_rules_are_listed_in_the_order_in_which_they_are_tried() -> None:
    listed = json.loads(_run("rules", "list", "--json"))

    assert [rule["name"] for rule in listed] == ["no-staff", "van", *(rule.name for rule in DEFAULT_RULES)]
    assert [rule["origin"] for rule in listed[:3]] == ["settings", "settings", "default"]
    assert listed[0]["outcome"] == "refuse: excluded_by_rule"
    assert listed[0]["meaning"] == "study_descriptions: *staff*; calling_ae_titles: VAN*"
    assert "no-staff" in _run("rules", "list")


def test_a_folder_is_tested_film_by_film(tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    small_film(folder, StudyDescription="Staff, yearly").rename(folder / "a.dcm")
    small_film(folder, BodyPartExamined="HIP").rename(folder / "b.dcm")
    (folder / "c.txt").write_text("no film")

    van = json.loads(_run("rules", "test", "--json", "--from", "VAN1", str(folder)))
    other = json.loads(_run("rules", "test", "--json", str(folder)))

    assert [(film["outcome"], film["refusal"], film["rule"]) for film in van] == [
        ("refused", "excluded_by_rule", "no-staff"),
        ("screened", None, "van"),
        ("unreadable", None, ""),
    ]
    assert [(film["outcome"], film["refusal"], film["rule"]) for film in other] == [
        ("screened", None, ""),
        ("refused", "not_chest", "body-part"),
        ("unreadable", None, ""),
    ]


def test_people_see_name_outcome_and_rule() -> None:
    lines = _run("rules", "test", str(real_film("RG3_UNCR.dcm"))).splitlines()

    assert lines[1].split()[:3] == ["RG3_UNCR.dcm", "not_chest", "body-part"]


def test_the_image_guard_is_asked_whatever_the_header_says(tmp_path: Path) -> None:
    hip = small_film(tmp_path, BodyPartExamined="HIP")
    leg = str(real_film("RG3_UNCR.dcm"))
    (tmp_path / "cut.dcm").write_bytes(hip.read_bytes()[:-1000])

    tested = json.loads(_run("rules", "test", "--json", str(hip), leg, str(tmp_path / "cut.dcm")))

    assert tested[0]["guard"].startswith("chest: looks like a frontal chest film")
    assert tested[1]["guard"].startswith("no_chest: looks like a radiograph of something else")
    assert (tested[2]["refusal"], tested[2]["guard"]) == ("not_chest", None)


def test_a_film_without_preamble_is_tested_like_any_other(tmp_path: Path) -> None:
    film = small_film(tmp_path)
    bare = tmp_path / "bare"
    bare.write_bytes(film.read_bytes()[dataset_offset(film) :])

    with_preamble, without = json.loads(_run("rules", "test", "--json", str(film), str(bare)))

    assert {**with_preamble, "file": str(bare)} == without
    assert without["outcome"] == "screened"


def _run(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout
