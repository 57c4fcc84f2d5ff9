from __future__ import annotations

import errno
import io
import os
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from domain.bundle.bundle import open_bundle
from domain.bundle.calibration import IdentityCalibration
from tbscreen.commands.retrain import _write_command
from tbscreen.models import retraining
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tbscreen.models.retraining import Order, _find_patient, carry_out, score_unseen, show_result
from tbscreen.settings import Settings
from tests.e2e.test_retrain import draw_films
from tests.films import small_film
from tests.unit.training.synthetic_films import POINTS, scored
from training.films.film_index import LabelsFrom
from training.films.film_store import FILM_BYTES, FilmStore
from training.films.labelled_film import Label, LabelledFilm
from training.judging.comparison import read_seen
from training.judging.evaluation import evaluate
from training.judging.verdict import Advice, Verdict
from training.retrain_settings import RetrainSettings
from training.writing.naming import Naming


class NamedPredictor:
    """Gives every film the score 0.5."""

    def __init__(self, bundle: Any, precision: str) -> None:
        assert precision == "float32", "as the network that it is compared with"

    def predict(self, films: Any) -> Any:
        return np.full(len(films), 0.5)


def test_the_reference_does_not_score_films_that_trained_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would look better on them than on any film of the site."""
    bundle = open_bundle(DEFAULT_BUNDLE)
    seen = sorted(read_seen(bundle))[0]
    (tmp_path / "films.u16").write_bytes(bytes(FILM_BYTES * 2))
    store = FilmStore(tmp_path / "films.u16", (0, 1), (seen, "f" * 32))
    monkeypatch.setattr("worker.predictor.Predictor", NamedPredictor)
    scores = score_unseen(bundle)(store, [0, 1])
    assert np.isnan(scores[0])
    assert scores[1] == 0.5


@pytest.mark.parametrize("advice", Advice)
def test_a_model_that_is_not_to_be_used_gets_no_next_commands(advice: Advice) -> None:
    output = io.StringIO()
    bundle = open_bundle(DEFAULT_BUNDLE)
    films = scored(("a", "tb", 0.9), ("a", "normal", 0.1))
    evaluation = evaluate(films, POINTS, IdentityCalibration())
    show_result(evaluation, Verdict(advice, "so it is"), bundle, ["films/"], None, Console(file=output))
    printed = output.getvalue()
    assert "verdict: so it is" in printed
    assert ("tbscreen models activate" in printed) == (advice is not Advice.REJECT)
    which_films = "active films/  # of them, those that neither was fitted to"
    assert (which_films in printed) == (advice is not Advice.REJECT)


def test_films_of_one_patient_are_kept_together_however_a_modality_wrote_the_number(tmp_path: Path) -> None:
    films = [
        LabelledFilm(small_film(tmp_path, number, PatientID=patient), Label.TB, "here", f"{number:032x}")
        for number, patient in enumerate(("AB-77", "ab-77", "AB -77"))
    ]
    assert len({_find_patient(film).patient for film in films}) == 1


@pytest.mark.parametrize("is_full", [True, False])
def test_a_training_is_kept_until_its_bundle_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_full: bool
) -> None:
    """A full disk at the end of hours costs the writing alone: the same command goes on from there."""
    draw_films(tmp_path / "films", 20)
    state = tmp_path / "state"
    state.mkdir()
    trained = SimpleNamespace(state=state, evaluation=None, verdict=None)

    def write(directory: Path, *_: Any) -> Path:
        if is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return directory

    monkeypatch.setattr("training.retrain.retrain", lambda *_: trained)
    monkeypatch.setattr("training.writing.retrained_bundle.write_retrained", write)
    for name in ("make_seal", "write_seal", "show_result"):
        monkeypatch.setattr(retraining, name, lambda *_: None)
    order = Order(
        images=[str(tmp_path / "films")],
        labels=None,
        labels_from=LabelsFrom.AUTO,
        skip_bad=False,
        settings=RetrainSettings(tmp_path / "cache"),
        out=tmp_path / "bundle",
        naming=Naming("a", "1", "tbscreen retrain", "a machine"),
        with_films=False,
    )
    with pytest.raises(OSError, match="No space") if is_full else nullcontext():
        carry_out(order, Settings(), Console(file=io.StringIO()))
    assert state.exists() == is_full


def test_a_command_of_names_that_are_no_utf_8_can_be_written() -> None:
    folder = os.fsdecode(b"H\xf4pital")
    assert _write_command(["retrain", folder], [folder]) == "tbscreen retrain 'H\\xf4pital'"


def test_report_and_manifest_name_no_film_of_many() -> None:
    many = [f"MILLER_{number}.png" for number in range(9)]
    assert _write_command(["retrain", *many, "--seed", "1"], many) == "tbscreen retrain --seed 1  # 9 files"
    assert _write_command(["retrain", "films/"], ["films/"]) == "tbscreen retrain films/"
