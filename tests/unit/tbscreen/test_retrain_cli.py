"""`tbscreen retrain`: what cannot be done is said in one line, before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tbscreen.cli import app
from tests.e2e.test_retrain import draw_films
from training.training_error import TrainingError
from worker.bundle import BundleError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TBSCREEN_DATA_DIRECTORY", str(tmp_path / "data"))
    draw_films(tmp_path / "films", 20)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--architecture", "resnet"), "--architecture resnet: allowed are default, scratch, vgg16"),
        (("--precision", "int8"), "--precision int8: allowed are auto, float32, bfloat16"),
        (("--labels-from", "dreams"), "--labels-from dreams: allowed are auto, csv, folders, names"),
    ],
)
def test_a_wrong_word_is_named_with_those_allowed(place: Path, words: tuple[str, ...], said: str) -> None:
    run = CliRunner().invoke(app, ["retrain", "films", *words])
    assert run.exit_code == 1
    assert said in " ".join(run.output.split())


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("--hold-out", "elsewhere"), TrainingError, "no film comes from 'elsewhere'; the sources are films"),
        (("--labels", "none.csv"), (TrainingError, OSError), "none.csv"),
        (("--labels-from", "csv"), TrainingError, "none is given"),
        (("--from", "nothing"), BundleError, "nothing is not a bundle"),
        (("--architecture", "vgg16", "--pretrained", "none.h5"), TrainingError, "none.h5"),
        (("--pretrained", "films/CXR_0000_0.png"), TrainingError, "does not hold EfficientNet-Lite0"),
        (("--out", "films"), TrainingError, "films exists and is not empty"),
    ],
)
def test_what_cannot_be_done_says_what_to_change(
    place: Path, words: tuple[str, ...], error: type[Exception], said: str
) -> None:
    run = CliRunner().invoke(app, ["retrain", "films", *words])
    assert isinstance(run.exception, error)
    assert said in str(run.exception)


def test_bad_files_stop_it_before_it_trains(place: Path) -> None:
    (place / "films" / "letter.png").write_bytes(b"no picture")
    run = CliRunner().invoke(app, ["retrain", "films"])
    assert isinstance(run.exception, TrainingError)
    assert "--skip-bad" in str(run.exception)
    assert not list(place.glob("tbscreen-*"))
