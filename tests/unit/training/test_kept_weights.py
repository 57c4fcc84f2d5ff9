"""A run of 0 epochs keeps the weights of a bundle: left-out hospitals choose calibration and thresholds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.bundle.bundle import Bundle, open_bundle, write_bundle
from domain.bundle.manifest import STRUCTURE, WEIGHTS
from domain.errors import PermanentError
from tests.unit.training.synthetic_films import film
from tests.unit.training.test_left_out import Stages
from tests.unit.worker.networks import write_network
from training.films.film_store import FilmStore
from training.films.labelled_film import LabelledFilm
from training.films.split import split
from training.judging.comparison import FILMS
from training.judging.scored_films import from_csv, gather
from training.learning.precision import Precision
from training.learning.recipe import Architecture
from training.left_out import LEFT_OUT
from training.retrain import retrain
from training.retrain_settings import RetrainSettings
from training.run_checks import divide
from training.training_run import identify
from training.writing.naming import REPORT, Naming
from training.writing.retrained_bundle import write_retrained

GROUPS = (("a",), ("b",))
NAMING = Naming(name="kept", version="1.1", command="tbscreen retrain", machine="a machine")


def list_films() -> list[LabelledFilm]:
    """Return 40 films of each of four sources, half of each with TB; "late" is not in the bundle."""
    return [
        film(number, ("tb", "normal")[number % 2], ("a", "b", "c", "late")[number // 40])
        for number in range(160)
    ]


def store_films(folder: Path, films: list[LabelledFilm]) -> FilmStore:
    """Write films whose grey is 0.8 with TB and 0.2 without, but for a little noise."""
    noise = np.random.default_rng(3).normal(0, 0.1, len(films))
    greys = np.clip([0.8 if member.label.is_tb else 0.2 for member in films] + noise, 0, 1)
    np.broadcast_to((greys * 65535).astype("<u2")[:, None, None], (len(films), 256, 256)).tofile(
        folder / "films"
    )
    return FilmStore(folder / "films", tuple(range(len(films))), tuple(member.digest for member in films))


def write_start(folder: Path, films: list[LabelledFilm]) -> Bundle:
    """Write a bundle that names the films of "a", "b" and "c": a fifth of them tested it."""
    bundle = write_network(folder / "first", weight=6.0, offset=-3.0)
    known = [member for member in films if member.source != "late"]
    parts = ["test" if place // 2 % 5 == 0 else "train" for place in range(len(known))]
    manifest = {**bundle.manifest.model_dump(mode="json", exclude={"files"}), "architecture": "scratch"}
    files = {name: (bundle.directory / name).read_bytes() for name in (STRUCTURE, WEIGHTS)}
    files[FILMS] = gather(known, parts, np.full(len(known), 0.5)).to_csv().encode()
    return write_bundle(folder / "start", manifest, files)


def keep_scores(films: list[LabelledFilm], settings: RetrainSettings) -> None:
    """Write the scores of the left-out sources, as an earlier run has left them."""
    (settings.cache / LEFT_OUT).mkdir()
    for group in GROUPS:
        used = [member for member in films if member.source != "late"]
        parts = split(used, settings.seed, 0.0, settings.validation_share, hold_out=group, any_test=True)
        fresh = replace(settings, start=None, epochs=None)
        key = identify(used, parts, fresh, Precision.FLOAT32)
        kept = {
            member.digest: 0.75 + place / 1000 if member.label.is_tb else 0.25 + place / 1000
            for place, member in enumerate(films)
            if member.source in group
        }
        (settings.cache / LEFT_OUT / f"{key}.json").write_text(json.dumps(kept))


def make_settings(folder: Path, start: Bundle | None) -> RetrainSettings:
    return RetrainSettings(
        cache=folder,
        start=start,
        architecture=Architecture.SCRATCH,
        epochs=0,
        precision=Precision.FLOAT32,
        hold_out=("late",),
        left_out=GROUPS,
        prevalence=0.1,
    )


def test_the_weights_stay_and_the_thresholds_come_from_left_out_hospitals(tmp_path: Path) -> None:
    films = list_films()
    start = write_start(tmp_path, films)
    settings = make_settings(tmp_path, start)
    keep_scores(films, settings)
    stages = Stages()
    retrained = retrain(films, store_films(tmp_path, films), settings, stages)
    assert not any("training" in name for name in stages.names)
    bundle = write_retrained(tmp_path / "kept", retrained, settings, NAMING)

    assert (bundle.directory / WEIGHTS).read_bytes() == (start.directory / WEIGHTS).read_bytes()
    assert 0.75 <= bundle.manifest.find_operating_point("screening").threshold < 0.85
    before, after = (from_csv((found.directory / FILMS).read_text()) for found in (start, bundle))
    assert dict(zip(before.digests, before.parts, strict=True)) == {
        digest: part
        for digest, part, source in zip(after.digests, after.parts, after.sources, strict=True)
        if source != "late"
    }
    assert set(after.parts[after.sources == "late"].tolist()) == {"test"}
    report = (bundle.directory / REPORT).read_text()
    assert start.digest[:12] in report
    average = bundle.manifest.metrics["left_out"]["points"][0]["sensitivity"]["average"]
    assert f"sensitivity <b>{average * 100:.1f} %</b>" in report, "the figure that travels stands at the top"
    assert "averaged over hospitals that the scoring network never saw, for people who have TB" in report
    assert open_bundle(bundle.directory).manifest.training_data["weights_of"] == start.digest
    assert f"its weights are those of bundle {start.digest[:12]}" in retrained.verdict.sentence
    beside = {"intensity and border", "16×16 thumbnail"}
    beside |= {f"{name}, same source" for name in beside}
    assert {row.name: set(row.baselines) for row in retrained.evaluation.unseen} == {"a": beside, "b": beside}


def test_films_that_the_bundle_does_not_name_must_be_held_out(tmp_path: Path) -> None:
    films = list_films()
    settings = replace(make_settings(tmp_path, write_start(tmp_path, films)), hold_out=())
    with pytest.raises(PermanentError, match="does not name these films: 40 of late"):
        retrain(films, store_films(tmp_path, films), settings, Stages())


@pytest.mark.parametrize("left_out", [(), GROUPS])
def test_0_epochs_need_a_bundle_and_left_out_hospitals(
    tmp_path: Path, left_out: tuple[tuple[str, ...], ...]
) -> None:
    films = list_films()
    start = None if left_out else write_start(tmp_path, films)
    settings = replace(make_settings(tmp_path, start), left_out=left_out)
    with pytest.raises(PermanentError, match="add --from and --thresholds-from left-out"):
        retrain(films, store_films(tmp_path, films), settings, Stages())


def test_a_network_that_goes_on_from_a_bundle_does_not_leave_out_what_that_has_seen(tmp_path: Path) -> None:
    films = list_films()
    settings = replace(make_settings(tmp_path, write_start(tmp_path, films)), epochs=1)
    with pytest.raises(PermanentError, match="has seen 32 films of a, 32 films of b"):
        divide(films, settings)
