"""The recipe from the command line: labelled images to a bundle that predicts, with its report."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from markupsafe import escape
from PIL import Image, ImageDraw

from dicom_gateway.settings import GatewaySettings
from domain.bundle.bundle import Bundle, open_bundle
from domain.bundle.seal import SCORES, locate_seal, read_seal
from tbscreen.models.prediction import predict
from tbscreen.models.prepared_file import find_files
from tests import checkout
from tests.unit.training.test_left_out import Stages
from training.films.film_index import FilmIndex, index_films
from training.films.split import split
from training.judging.scored_films import from_csv
from training.learning.finished_network import FinishedNetwork
from training.learning.precision import Precision, choose_precision
from training.learning.recipe import Architecture
from training.learning.recipes import load_trained
from training.left_out import LEFT_OUT
from training.retrain import Retrained, retrain
from training.retrain_settings import RetrainSettings
from training.training_run import identify
from training.writing.naming import Naming
from training.writing.retrained_bundle import write_retrained

SHARED = checkout.SHARED_DATA
VGG16 = SHARED / "models" / "vgg16_notop_candidate_f16.npz"

pytestmark = pytest.mark.timeout(900)
"""A training takes minutes on a slow machine."""

needs_real_films = pytest.mark.skipif(
    not (SHARED / "films.csv").is_file(), reason=f"the real films are not there: {SHARED}"
)


def tbscreen(place: Path, *words: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TBSCREEN_DATA_DIRECTORY": str(place / "data"), "COLUMNS": "120"}
    command = [sys.executable, "-m", "tbscreen", *words]
    return subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )


def draw_films(folder: Path, count: int) -> None:
    """Write pictures named the tutorial's way; those with TB have a bright spot."""
    folder.mkdir()
    random = np.random.default_rng(1)
    for number in range(count):
        sick = number % 2
        grey = random.integers(40, 90, (64, 64), np.uint8)
        picture = Image.fromarray(grey).resize((300, 280))
        if sick:
            x, y = random.integers(80, 200, 2)
            ImageDraw.Draw(picture).ellipse((x, y, x + 50, y + 40), fill=250)
        picture.save(folder / f"CXR_{number:04d}_{sick}.png")


def copy_real_films(folder: Path, each: int) -> Path:
    """Copy some Shenzhen films of both classes, with their lines of the CSV; returns the CSV."""
    with (SHARED / "films.csv").open(newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["source"] == "shenzhen"]
    chosen = [
        *[line for line in lines if line["label"] == "tb"][:each],
        *[line for line in lines if line["label"] == "normal"][:each],
    ]
    for line in chosen:
        (folder / line["file"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SHARED / "films" / line["file"], folder / line["file"])
    with (folder / "films.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, lines[0].keys())
        writer.writeheader()
        writer.writerows(chosen)
    return folder / "films.csv"


def test_pictures_to_a_bundle_that_predicts(tmp_path: Path) -> None:
    draw_films(tmp_path / "films", 20)
    run = tbscreen(tmp_path, "retrain", "films", "--epochs", "1", "--batch", "8", "--out", "bundle")
    assert run.returncode == 0, run.stderr
    assert "20 films, labels from names" in run.stderr
    assert "epoch 1: loss" in run.stderr
    said = " ".join(run.stderr.split())
    assert (
        "advice: 20 films are few to train a network anew; go on from the shipped model: --from shipped"
        in said
    )
    assert run.stderr.index("advice: ") < run.stderr.index("epoch 1: loss"), "before hours of training"
    verdict = next(line for line in run.stderr.splitlines() if line.startswith("verdict: AUC "))
    assert ("tbscreen models compare" in run.stderr) != ("do not use it" in verdict)
    bundle = open_bundle(tmp_path / "bundle")
    assert bundle.manifest.trained
    seal = read_seal(locate_seal(tmp_path / "bundle"), bundle.digest)
    assert seal is not None
    assert (len(seal.golden_scores), seal.signatures) == (SCORES, ())
    assert bundle.manifest.architecture == "default"
    films = from_csv((tmp_path / "bundle" / "films.csv").read_text())
    parts = [str(part) for part in films.parts]
    assert [parts.count(name) for name in ("train", "validation", "test")] == [12, 4, 4]
    report = (tmp_path / "bundle" / "report.html").read_text()
    assert "ROC" in report
    told = report.index(escape(verdict.removeprefix("verdict: ")))
    assert told < report.index("<section"), "the verdict stands at the top"
    assert "data:image/png" not in report
    assert not list((tmp_path / "data" / "training" / "runs").iterdir())

    records = list(predict(find_files([str(tmp_path / "films")]), bundle, GatewaySettings()))
    assert len(records) == 20
    for digest, part, score in zip(films.digests, films.parts, films.scores, strict=True):
        if part != "train":
            assert min(abs(record["score"] - score) for record in records) < 0.011, digest


@needs_real_films
def test_vgg16_trains_on_real_films(tmp_path: Path) -> None:
    """In this process and without a seal: the golden scores of this large network take a minute."""
    labels = copy_real_films(tmp_path / "films", 6)
    index = index_films([tmp_path / "films"], tmp_path / "cache", labels)
    settings = RetrainSettings(
        cache=tmp_path / "cache",
        architecture=Architecture.VGG16,
        pretrained=VGG16,
        epochs=1,
        batch=8,
        validation_share=0.4,
    )
    retrained = retrain(index.films, index.store, settings, Stages())
    naming = Naming(name="real", version="1.0", command="tbscreen retrain", machine="a machine")
    bundle = write_retrained(tmp_path / "bundle", retrained, settings, naming)
    assert_it_scores_as_trained(bundle, Architecture.VGG16, retrained, index)


def assert_it_scores_as_trained(
    bundle: Bundle, architecture: Architecture, retrained: Retrained, index: FilmIndex
) -> None:
    assert (bundle.manifest.architecture, bundle.manifest.trained) == (architecture.value, True)
    tested = np.flatnonzero(retrained.scored.parts == "test").tolist()
    again = FinishedNetwork(load_trained(bundle, architecture))
    scores = again.score(index.store, tested, lambda done, total: None)
    assert scores == pytest.approx(retrained.scored.scores[tested], abs=1e-5)


def test_thresholds_come_from_hospitals_that_the_network_did_not_see(tmp_path: Path) -> None:
    """With networks of the tutorial's size, from scratch. The scores of the first group are there from an
    earlier run: two trainings in place of three."""
    draw_films(tmp_path / "films", 20)
    with (tmp_path / "films.csv").open("w") as file:
        file.write("file,label,source\n")
        for number, path in enumerate(sorted((tmp_path / "films").iterdir())):
            file.write(f"{path.name},{path.stem[-1]},{'north' if number % 4 < 2 else 'south'}\n")
    index = index_films([tmp_path / "films"], tmp_path / "cache", tmp_path / "films.csv")
    settings = RetrainSettings(
        cache=tmp_path / "cache",
        architecture=Architecture.SCRATCH,
        epochs=1,
        batch=8,
        validation_share=0.0,
        prevalence=0.1,
        left_out=(("north",), ("south",)),
    )
    precision = choose_precision(Precision(settings.precision), settings.architecture)
    parts = split(index.films, settings.seed, 0.0, 0.0, hold_out=("north",), any_test=True)
    kept = settings.cache / LEFT_OUT
    kept.mkdir()
    north = {film.digest: 0.6 if film.label.is_tb else 0.4 for film in index.films if film.source == "north"}
    (kept / f"{identify(index.films, parts, settings, precision)}.json").write_text(json.dumps(north))
    stages = Stages()
    retrained = retrain(index.films, index.store, settings, stages)
    assert "scores without north (1 of 2) are there from an earlier run" in stages.names
    assert "scoring the films without south (2 of 2)" in stages.names
    written = [json.loads(path.read_text()) for path in kept.glob("*.json")]
    assert sorted(map(len, written)) == [10, 10]
    scores = {digest: score for found in written for digest, score in found.items()}
    naming = Naming(name="left-out", version="1.0", command="tbscreen retrain", machine="a machine")
    bundle = write_retrained(tmp_path / "bundle", retrained, settings, naming)
    assert_it_scores_as_trained(bundle, Architecture.SCRATCH, retrained, index)
    manifest = bundle.manifest
    figures = manifest.metrics["left_out"]
    assert figures["groups"] == [["north"], ["south"]]
    assert {row["name"] for row in manifest.metrics["unseen"]} == {"north", "south"}
    assert manifest.calibration.method == "platt"
    assert manifest.find_operating_point("screening").threshold in scores.values()
    card = (tmp_path / "bundle" / "model_card.md").read_text()
    report = (tmp_path / "bundle" / "report.html").read_text()
    for text in (card, report):
        assert "never saw" in text
        assert "north" in text
