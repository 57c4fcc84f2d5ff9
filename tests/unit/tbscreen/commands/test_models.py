"""`tbscreen models …`: what each command says, prints and refuses."""

from __future__ import annotations

import csv
import getpass
import io
import json
import os
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from db.database import Database
from db.models import activations, admissions, shadow_screenings
from domain.bundle.bundle import Bundle, write_bundle
from domain.bundle.manifest import STRUCTURE, WEIGHTS
from domain.codes import Finding, Trust
from tbscreen.models.bundle_lookup import find_bundle
from tbscreen.models.default_bundle import register_bundle
from tbscreen.settings import load_settings
from tbscreen.terminal.model_sheet import draw_sheet, read_sheet
from tests.unit import rows
from tests.unit.tbscreen.conftest import Cli, assert_one_line
from tests.unit.tbscreen.films_csv import make_films_csv
from tests.unit.worker.networks import MANIFEST, write_network
from training.films.film_store import fill_store

pytestmark = pytest.mark.usefixtures("examined_here")

ESTIMATE = {"value": 0.912, "low": 0.9, "high": 0.924}
METRICS = {
    "overall": {
        "name": "all test films",
        "tb": 120,
        "not_tb": 480,
        "auc": ESTIMATE,
        "sensitivity": {"screening": {"value": 0.925, "low": 0.86, "high": 0.96}},
        "specificity": {},
    },
    "unseen": [{"name": "shenzhen", "tb": 50, "not_tb": 50, "auc": None}],
}


def add_network(
    folder: Path, name: str, weight: float = 1.0, films: str | None = None, **manifest: Any
) -> Bundle:
    """Write a bundle whose score is sigmoid(weight · mean), with a report, and register it as trusted."""
    plain = write_network(folder / f"{name}-plain", weight=weight)
    files = {file: (plain.directory / file).read_bytes() for file in (STRUCTURE, WEIGHTS)}
    files["report.html"] = f"<h1>{name}</h1>".encode()
    if films is not None:
        files["films.csv"] = films.encode()
    bundle = write_bundle(folder / name, {**MANIFEST, "name": name, **manifest}, files)
    with closing(Database.open(load_settings().database_settings())) as database:
        register_bundle(database, bundle.directory)
        with database.write() as session:
            admissions.trust(session, bundle.digest, Trust.REASON, "me@here", "a test made it")
    return bundle


def read_json(cli: Cli, *words: str) -> Any:
    run = cli(*words, "--json")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_a_bundle_is_added_activated_rolled_back_and_its_history_shown(
    quick_cli: Cli, installed: Database, place: Path
) -> None:
    (shipped,) = read_json(quick_cli, "models", "list")
    assert (shipped["active"], shipped["previous"], shipped["shadow"]) == (True, False, False)
    bundle = add_network(place, "candidate")
    again = quick_cli("models", "add", str(place / "candidate"))
    assert again.stdout.startswith(f"{bundle.digest[:12]} was registered already\n")

    activated = quick_cli("models", "activate", bundle.digest[:8], "--force", "to try it")
    assert activated.returncode == 0, activated.stderr
    assert activated.stdout.startswith(f"{bundle.digest[:12]} is active: candidate 1.0\nbefore: ")
    assert shipped["digest"][:12] in activated.stdout
    assert quick_cli("models", "activate", "active").stdout == f"{bundle.digest[:12]} is active already\n"
    listed = {model["digest"]: model for model in read_json(quick_cli, "models", "list")}
    assert (listed[bundle.digest]["active"], listed[shipped["digest"]]["previous"]) == (True, True)
    table = quick_cli("models", "list").stdout
    assert "● active" in table
    assert "previous" in table

    (entry,) = read_json(quick_cli, "models", "show", "active")["activations"]
    assert entry["activated_by"] == f"{getpass.getuser()}@{socket.gethostname()}"
    assert (entry["previous_digest"], entry["rollback"]) == (shipped["digest"], False)

    back = quick_cli("models", "rollback")
    assert back.returncode == 0, back.stderr
    assert back.stdout.startswith(f"{shipped['digest'][:12]} is active: ")
    assert f"before: {bundle.digest[:12]}, candidate 1.0" in back.stdout
    assert_one_line(quick_cli("models", "rollback"), "there is no bundle to roll back to")


def test_a_bundle_is_shown_as_a_person_reads_it(quick_cli: Cli, installed: Database, place: Path) -> None:
    add_network(
        place,
        "candidate",
        metrics=METRICS,
        training_data={"sources": {"here": 500}, "seed": 42},
        notes="made by \x1b[31mhand",
        calibration={"method": "platt", "slope": 1.0, "intercept": 0.0, "prevalence": 0.05},
    )
    with installed.write() as session:
        digest = next(
            model for model in activations.bundles.list_models(session) if model.name == "candidate"
        ).digest
        activations.switch_to(
            session, digest, "me@here", instead_of=_find_active(session), forced_reason="because"
        )
    run = quick_cli("models", "show", "active", "--report", "report.html")
    assert run.returncode == 0, run.stderr
    assert (place / "report.html").read_text() == "<h1>candidate</h1>"
    assert "\x1b" not in run.stdout
    words = " ".join(run.stdout.split())
    for said in (
        "candidate 1.0",
        digest,
        "● active",
        "platt, for a prevalence of 5.00%",
        "chosen on validation films",
        "screening 0.2500 90.0 % 70.0 % reported",
        "all test films 120 480 0.912 (0.900–0.924) 0.925 (0.860–0.960) —",
        "shenzhen (left out of training) 50 50 —",
        "sources.here 500",
        "seed 42",
        "me@here",
        "forced: because",
        "model.weights.h5",
        "its report: report.html",
    ):
        assert said in words
    assert read_json(quick_cli, "models", "show", digest)["manifest"]["metrics"] == METRICS
    shipped = " ".join(quick_cli("models", "show", "previous").stdout.split())
    assert "chosen on films of hospitals that the scoring network never saw" in shipped


def test_candidates_are_compared_and_refused_by_the_films_that_they_share(
    quick_cli: Cli, installed: Database, place: Path
) -> None:
    good = add_network(place, "good", films=make_films_csv(noise=0.1))
    bad = add_network(place, "bad", films=make_films_csv(noise=1.0, seed=2))
    assert quick_cli("models", "activate", good.digest, "--force", "the first").returncode == 0
    comparison = read_json(quick_cli, "models", "compare", bad.digest[:9], "active")
    assert (comparison["verdict"], comparison["films"], comparison["tb"]) == ("worse", 200, 100)
    table = quick_cli("models", "compare", bad.digest[:9], "active").stdout
    assert "verdict: the candidate is worse" in table
    assert "200 films, 100 with TB; 0 left out" in table

    assert_one_line(quick_cli("models", "activate", bad.digest), "is worse than the active bundle: AUC 0.")
    forced = quick_cli("models", "activate", bad.digest, "--force", "the detector changed")
    assert forced.returncode == 0, forced.stderr
    assert "forced; the reason is kept" in forced.stdout
    assert "a difference of -0." in forced.stdout
    (entry,) = read_json(quick_cli, "models", "show", "active")["activations"]
    assert entry["forced_reason"] == "the detector changed"


@pytest.fixture
def films(place: Path) -> Path:
    """A folder of 25 films with TB, which are brighter, and 25 without."""
    random = np.random.default_rng(3)
    for number in range(50):
        name, middle = ("tb", 160) if number % 2 else ("normal", 90)
        folder = place / "films" / name
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(random.normal(middle, 20, (64, 64)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return place / "films"


def test_bundles_that_share_no_films_are_compared_on_labelled_images(
    quick_cli: Cli, installed: Database, place: Path, films: Path
) -> None:
    rising = add_network(place, "rising", weight=4.0)
    falling = add_network(place, "falling", weight=-4.0)
    assert quick_cli("models", "activate", rising.digest, "--force", "the first").returncode == 0
    assert_one_line(
        quick_cli("models", "activate", falling.digest),
        f"models compare {falling.digest[:12]} {rising.digest[:12]}",
    )
    comparison = read_json(quick_cli, "models", "compare", falling.digest, rising.digest, str(films))
    assert (comparison["verdict"], comparison["films"], comparison["left_out"]) == ("worse", 50, 0)
    assert comparison["candidate_auc"]["value"] == 0.0
    assert comparison["reference_auc"]["value"] == 1.0
    assert sum("does not say which films" in warning for warning in comparison["warnings"]) == 2
    assert_one_line(quick_cli("models", "activate", falling.digest), "AUC 0.000 against 1.000 on 50 films")
    quick_cli("models", "activate", falling.digest, "--force", "to go back")
    done = quick_cli("models", "activate", rising.digest)
    assert done.returncode == 0, done.stderr
    assert "AUC 1.000 against 0.000 on 50 films that neither has seen (25 with TB)" in done.stdout


def test_films_that_a_bundle_was_trained_on_are_left_out(
    quick_cli: Cli, installed: Database, place: Path, films: Path
) -> None:
    paths = sorted(films.rglob("*.png"))
    stored = fill_store(paths, place / "store").store
    lines = ["digest,part,source,label,score"]
    lines += [f"{digest},train,here,tb," for digest in stored.digests[:3]]
    lines += [f"{digest},validation,here,tb,0.5" for digest in stored.digests[3:4]]
    rising = add_network(place, "rising", weight=4.0, films="\n".join(lines) + "\n")
    falling = add_network(place, "falling", weight=-4.0, films="digest,part,source,label,score\n")
    with (place / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "label"))
        writer.writerows((path.relative_to(films), path.parent.name) for path in paths)
    comparison = read_json(
        quick_cli, "models", "compare", rising.digest, falling.digest, "films", "--labels", "labels.csv"
    )
    assert (comparison["films"], comparison["left_out"], comparison["warnings"]) == (46, 4, [])
    assert comparison["verdict"] == "better"


def test_a_shadow_is_started_shown_and_ended(quick_cli: Cli, installed: Database, place: Path) -> None:
    bundle = add_network(place, "candidate")
    assert_one_line(quick_cli("models", "shadow"), "activate DIGEST --shadow' lets one")
    started = quick_cli("models", "activate", bundle.digest[:8], "--shadow")
    assert (started.returncode, started.stderr) == (0, "")
    assert started.stdout.startswith(f"{bundle.digest[:12]} runs in the shadow")
    instance_id = rows.receive_and_queue(installed)
    with installed.write() as session:
        digest = _find_active(session)
    assert digest is not None
    with installed.write() as session:
        rows.screenings.begin_attempt(session, instance_id)
        assert rows.screenings.record_result(session, rows.make_result(instance_id, 0.9, digest=digest))
        row = shadow_screenings.begin(session, instance_id, bundle.digest, "worker-1")
        assert row is not None
        result = rows.make_result(instance_id, 0.2, Finding.ABSENT, digest=bundle.digest)
        shadow_screenings.finish(session, row, result)
    agreement = read_json(quick_cli, "models", "shadow")["shadow_screenings"]
    assert (agreement["films"], agreement["equal_share"]) == (1, 0.0)
    assert agreement["findings"] == {"present": {"absent": 1}}
    words = " ".join(quick_cli("models", "show", "shadow").stdout.split())
    assert "reported present, shadow absent 1" in words
    assert "mean difference of the probabilities -70.0%" in words
    assert "correlation of the scores —" in " ".join(quick_cli("models", "shadow").stdout.split())
    assert quick_cli("models", "shadow", "--off").stdout == f"{bundle.digest[:12]} left the shadow\n"
    assert quick_cli("models", "shadow", "--off").stdout == "no bundle ran in the shadow\n"
    assert read_json(quick_cli, "models", "show", bundle.digest)["shadow_screenings"]["films"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["activate", "ffff"], "0 registered bundles begin with 'ffff'; see 'tbscreen models list'"),
        (["activate", "shadow"], "no bundle is shadow; see 'tbscreen models list'"),
        (["activate", "active", "--shadow"], "is the active bundle"),
        (["activate", "active", "--shadow", "--force", "x"], "--force has no effect with --shadow"),
        (["add", "nowhere"], "nowhere is not a bundle: there is no such folder"),
        (["show", "ffff"], "0 registered bundles begin with 'ffff'"),
        (["show", "active", "--report", "r.html"], "has no report.html: only bundles made by"),
        (["compare", "active", "active"], "are the same bundle"),
        (["compare", "active", "active", "--labels", "l.csv"], "--labels says what IMAGES show"),
        (["rollback"], "there is no bundle to roll back to"),
        (["shadow"], "no bundle runs in the shadow"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_one_clear_line(
    quick_cli: Cli, installed: Database, place: Path, words: list[str], said: str
) -> None:
    if "--report" in words:  # the shipped bundle may have one
        installed_without_report(installed)
    assert_one_line(quick_cli("models", *words), said)


@pytest.mark.parametrize("trouble", ["no images", "no labels", "no folder"])
def test_images_that_cannot_be_used_are_one_clear_line(
    quick_cli: Cli, installed: Database, place: Path, trouble: str
) -> None:
    bundle = add_network(place, "candidate")
    if trouble != "no folder":
        (place / "images").mkdir()
    if trouble == "no labels":
        Image.fromarray(np.zeros((9, 9), np.uint8)).save(place / "images" / "film.png")
    run = quick_cli("models", "compare", bundle.digest, "active", "images")
    said = {
        "no images": "no PNG, JPEG or DICOM file in images",
        "no folder": f"no such file or folder: {place / 'images'}",
        "no labels": "film.png: its name is not like name_0001_1.png",
    }
    assert_one_line(run, said[trouble])


def installed_without_report(database: Database) -> None:
    """Make a bundle active that is a manifest alone."""
    rows.register_model(database)


def test_digests_are_whole_in_80_columns(installed: Database) -> None:
    output = io.StringIO()
    with installed.read() as session:
        sheet = read_sheet(session, find_bundle(session, "active"))
    Console(width=80, file=output).print(draw_sheet(sheet))
    fingerprint = sheet.manifest["training_data"]["fingerprint"]
    for digest in (sheet.model.digest, fingerprint, *sheet.manifest["files"].values()):
        assert digest in output.getvalue()


def _find_active(session: Any) -> str | None:
    active = activations.bundles.find_active(session)
    return None if active is None else str(active.digest)


def test_a_user_without_a_name_is_a_number(
    quick_cli: Cli, installed: Database, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tbscreen.terminal import invocation

    def fail() -> str:
        raise OSError("no entry")

    monkeypatch.setattr(getpass, "getuser", fail)
    assert invocation.name_user() == f"{os.getuid()}@{socket.gethostname()}"
    assert register_bundle(installed, add_network(place, "again").directory)[1] is False
