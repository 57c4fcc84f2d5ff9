"""`tbscreen retrain`: what cannot be done is said in one line, before anything is trained."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tbscreen.commands.retrain import PRECISIONS
from tests.e2e.test_retrain import draw_films
from tests.films import small_film
from tests.unit.tbscreen.conftest import Cli
from training.learning.precision import Precision


@pytest.fixture
def films(place: Path) -> Path:
    draw_films(place / "films", 20)
    return place / "films"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--architecture", "resnet"), "--architecture resnet: allowed are default, scratch, vgg16"),
        (("--precision", "int8"), "--precision int8: allowed are auto, float32, bfloat16"),
        (("--labels-from", "dreams"), "--labels-from dreams: allowed are auto, csv, folders, names"),
        (("--hold-out", "elsewhere"), "no film has the source 'elsewhere'; the sources are films"),
        (("--labels", "none.csv"), "none.csv"),
        (("--labels-from", "csv"), "none is given"),
        (("--from", "nothing"), "nothing is not a bundle"),
        (("--architecture", "vgg16", "--pretrained", "none.h5"), "none.h5"),
        (("--pretrained", "films/CXR_0000_0.png"), "does not hold EfficientNet-Lite0"),
        (("--validation-share", "0.05"), "larger"),
        (("--validation-share", "0"), "a larger --validation-share"),
        (("--leave-out", "north"), "--thresholds-from left-out"),
        (("--thresholds-from", "left-out"), "need two groups of sources at least: the films name films"),
        (("--out", "films"), "films exists and is not empty"),
    ],
)
def test_what_cannot_be_done_says_what_to_change(
    quick_cli: Cli, films: Path, words: tuple[str, ...], said: str
) -> None:
    run = quick_cli("retrain", "films", *words)
    assert run.returncode == 1
    assert said in " ".join(run.stderr.split())
    assert "Traceback" not in run.stderr


def test_what_cannot_be_done_is_refused_before_the_seconds_in_which_keras_loads(
    cli: Cli, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keras.py").write_text("import os\nos.abort()\n")
    path = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    run = cli("retrain", "films", "--hold-out", "elsewhere")
    assert run.returncode == 1, run.stderr
    assert "no film has the source" in run.stderr


def test_the_words_for_precision_are_those_of_the_training() -> None:
    assert tuple(Precision) == PRECISIONS


def test_bad_files_stop_it_before_it_trains_and_are_named(quick_cli: Cli, films: Path) -> None:
    (films / "CXR_0100_1.png").write_bytes(b"no picture")
    shutil.copyfile(films / "CXR_0000_0.png", films / "CXR_0101_1.png")
    (films / "letter.png").write_bytes((films / "CXR_0001_1.png").read_bytes())
    run = quick_cli("retrain", "films", "--out", "bundle")
    assert run.returncode == 1
    for said in (
        "CXR_0100_1.png",
        "letter.png",
        "2 conflicting",
        "1 unreadable",
        "1 unlabelled",
        "--skip-bad",
    ):
        assert said in run.stderr, run.stderr
    assert not (films.parent / "bundle").exists()


def test_films_follow_the_rules_of_now_not_those_of_an_earlier_run(quick_cli: Cli, films: Path) -> None:
    """Each run ends before it trains: by the unreadable film, or by the option."""
    small_film(films, PatientAge="012Y").rename(films / "CXR_0100_1.dcm")
    words = ("retrain", "films", "--hold-out", "elsewhere")
    for youngest, said in (("10", "no film has the source"), ("15", "1 unreadable"), ("10", "no film has")):
        assert said in quick_cli(*words, GATEWAY__MINIMUM_AGE_YEARS=youngest).stderr


def test_where_no_film_is_labelled_the_ways_to_label_are_named(quick_cli: Cli, place: Path) -> None:
    (place / "films").mkdir()
    (place / "films" / "a.png").write_bytes(b"no picture")
    run = quick_cli("retrain", "films")
    assert run.returncode == 1
    assert "Give labels by --labels FILE, by folders called tb and normal" in run.stderr
    assert "--skip-bad" not in run.stderr


def test_percentages_of_the_films_are_named_before_training(quick_cli: Cli, films: Path) -> None:
    """The run ends with the validation films, which are too few."""
    few = ("retrain", "films", "--validation-share", "0.05")
    advice = "percentages will hold where 50% have TB, as in these films: --prevalence gives"
    assert advice in quick_cli(*few).stderr
    assert advice not in quick_cli(*few, "--prevalence", "0.02").stderr


def test_a_csv_may_describe_a_part_of_a_folder(quick_cli: Cli, films: Path) -> None:
    """The run goes on to its next problem, the few films, and says how many it leaves out."""
    labels = films.parent / "labels.csv"
    names = sorted(path.name for path in films.iterdir())[:6]
    labels.write_text("file,label\n" + "".join(f"{name},{name[-5]}\n" for name in names))
    run = quick_cli("retrain", "films", "--labels", str(labels))
    assert run.returncode == 1
    assert "6 films, labels from csv; 14 more files that it does not list" in " ".join(run.stderr.split())
    assert "patients with films that are TB" in run.stderr
    assert "--skip-bad" not in run.stderr
