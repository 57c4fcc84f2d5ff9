"""Scores for files on disk: one record per file, broken ones included."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from db.worklist.study_entries import FilmEntry
from dicom_gateway.pixels.radiograph import read_display
from dicom_gateway.settings import GatewaySettings
from domain.array.normalization import normalize
from domain.bundle.bundle import Bundle, open_bundle, read_files, write_bundle
from domain.bundle.tb_score import MEANING, explain
from domain.errors import PermanentError
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tbscreen.models.prediction import FEW, predict
from tbscreen.models.prepared_file import find_files, read_file
from tbscreen.terminal.prediction_output import write_csv, write_json, write_table
from tests.films import real_film, small_film
from tests.unit.tbscreen.conftest import Cli
from tests.unit.worker.networks import write_network
from worker.prepared_network import CONSTANTS, FACTS, find_prepared, open_prepared
from worker.settings import WorkerSettings

SETTINGS = GatewaySettings()
WITHOUT_KERAS = """
import sys
sys.modules["keras"] = None
from tbscreen.cli import main
main()
"""
"""Program `tbscreen` where Keras cannot be imported."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven files: a PNG and a JPEG of a film, a film, a refused one, a cut one, text, a broken PNG."""
    film = small_film(tmp_path, 1)
    film.rename(tmp_path / "c-film.dcm")
    display = read_display(tmp_path / "c-film.dcm")
    picture = Image.fromarray(np.rint(display * 255).astype(np.uint8))
    picture.save(tmp_path / "a-film.png")
    picture.convert("RGB").save(tmp_path / "b-film.jpg", quality=98)
    small_film(tmp_path, 2, BodyPartExamined="HIP").rename(tmp_path / "d-hip.dcm")
    whole = small_film(tmp_path, 3)
    (tmp_path / "e-cut.dcm").write_bytes(whole.read_bytes()[:-1000])
    whole.unlink()
    (tmp_path / "f-notes.txt").write_text("no film")
    (tmp_path / "g-broken.png").write_bytes((tmp_path / "a-film.png").read_bytes()[:2000])
    return tmp_path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle whose network is loaded in a moment."""
    return write_network(tmp_path_factory.mktemp("small") / "bundle", weight=4.0)


def test_every_file_of_a_folder_is_one_record_in_order(folder: Path, small: Bundle) -> None:
    records = list(predict(find_files([str(folder)]), small, SETTINGS))
    assert [Path(prediction["file"]).name[0] for prediction in records] == list("abcdefg")
    for record in records[:3]:
        assert 0.0 <= record["Probability"] <= 1.0
        assert record["Disease"] in (("undetermined",) if record["doubts"] else ("present", "absent"))
        assert record["trained"] is True
        assert record["model"] == "small 1.0"
    assert [record.get("refusal") for record in records[3:]] == ["not_chest", "undecodable", None, None]
    assert all(record["error"] for record in records[3:])
    assert "neither" in records[5]["error"]


def test_a_png_export_and_its_film_get_the_same_array_and_score(folder: Path, small: Bundle) -> None:
    picture = read_file(folder / "a-film.png", SETTINGS)
    film = read_file(folder / "c-film.dcm", SETTINGS)
    assert picture.array is not None
    assert film.array is not None
    assert float(np.abs(picture.array - film.array).max()) <= 2 / 255
    paths = [folder / "a-film.png", folder / "c-film.dcm"]
    scores = [prediction["score"] for prediction in predict(paths, small, SETTINGS)]
    assert scores[0] == pytest.approx(scores[1], abs=0.01)


def test_more_files_than_a_batch_are_all_scored(folder: Path, small: Bundle) -> None:
    paths = [folder / "a-film.png"] * 11
    scores = [prediction["score"] for prediction in predict(paths, small, SETTINGS)]
    assert len(scores) == 11
    assert max(scores) - min(scores) < 1e-4


def test_a_file_scores_alike_alone_and_among_many(folder: Path, small: Bundle) -> None:
    """Keras scores a few files and OpenVINO many; both in float32, whatever this machine prefers."""
    film = folder / "a-film.png"
    alone = next(predict([film], small, SETTINGS))["score"]
    among_many = next(predict([film] * (FEW + 1), small, SETTINGS))["score"]
    assert alone == pytest.approx(among_many, abs=1e-5)


def test_names_folders_and_globs_are_found_and_a_missing_one_is_kept(folder: Path) -> None:
    found = list(find_files([str(folder / "*.png"), str(folder / "c-film.dcm"), str(folder / "absent.dcm")]))
    assert [path.name for path in found] == ["a-film.png", "g-broken.png", "c-film.dcm", "absent.dcm"]
    record = read_file(folder / "absent.dcm", SETTINGS)
    assert record.array is None
    assert record.error == "No such file or directory"


def test_sixteen_bit_pngs_keep_their_range(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256 * 256, dtype=np.uint16).reshape(256, 256)
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    prepared = read_file(tmp_path / "ramp.png", SETTINGS)
    assert prepared.array is not None
    assert np.allclose(prepared.array, ramp / 65535, atol=1e-6)


def test_a_real_film_is_read_as_the_gateway_reads_it() -> None:
    prepared = read_file(real_film(), SETTINGS)
    assert prepared.array is not None
    assert np.array_equal(prepared.array, normalize(read_display(real_film())))
    assert dcmread(real_film()).PhotometricInterpretation == "MONOCHROME1"


def test_a_bundle_of_another_normalization_is_refused(tmp_path: Path) -> None:
    shipped = open_bundle(DEFAULT_BUNDLE)
    files = {name: content for name, content in read_files(shipped).items() if name != "manifest.json"}
    manifest = shipped.manifest.model_dump(mode="json", exclude={"files"})
    manifest["normalization"]["version"] = "another-1"
    other = write_bundle(tmp_path / "other", manifest, files)
    with pytest.raises(PermanentError, match="another-1"):
        list(predict([], other, SETTINGS))


RECORDS = [
    {
        "file": "a.dcm",
        "probability": 0.25,
        "finding": "absent",
        "Probability": 0.25,
        "Disease": "absent",
        "score": 0.2,
        "priority": "LOW",
        "doubts": ["age_unknown", "view_unknown"],
        "observations": ["turned_90", "inverted"],
        "tb_score": 40,
        "model": "m 1",
        "trained": True,
    },
    {"file": "b,c.dcm", "error": "not_chest: hip", "refusal": "not_chest"},
]


def test_json_is_one_record_per_line() -> None:
    out = io.StringIO()
    write_json(iter(RECORDS), out)
    assert [json.loads(line) for line in out.getvalue().splitlines()] == RECORDS


def test_csv_has_a_header_and_quotes_what_needs_it() -> None:
    out = io.StringIO()
    write_csv(iter(RECORDS), out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert rows[0]["Probability"] == "0.25"
    assert rows[0]["doubts"] == "age_unknown view_unknown"
    assert rows[0]["observations"] == "turned_90 inverted"
    assert rows[1]["file"] == "b,c.dcm"
    assert rows[1]["refusal"] == "not_chest"
    assert rows[1]["Probability"] == ""


@pytest.mark.parametrize("write", [write_csv, lambda records, out: write_table(records, out, MEANING)])
def test_a_file_whose_name_is_no_text_ends_nothing(write: Callable[[Iterator[Any], TextIO], None]) -> None:
    old = {"file": os.fsdecode(b"\x1b[2Jcaf\xe9.dcm"), "error": "not_chest: hip", "refusal": "not_chest"}
    bytes_out = io.BytesIO()
    out = io.TextIOWrapper(bytes_out, "utf-8", write_through=True)
    write(iter([old, *RECORDS]), out)
    written = bytes_out.getvalue().decode()
    assert "\ufffd[2Jcaf\ufffd.dcm" in written
    assert "a.dcm" in written


def test_a_csv_of_predictions_is_no_formula_in_a_spreadsheet() -> None:
    out = io.StringIO()
    write_csv(iter([{**RECORDS[1], "file": '=HYPERLINK("http://a")'}]), out)
    (row,) = csv.DictReader(io.StringIO(out.getvalue()))
    assert row["file"] == '\'=HYPERLINK("http://a")'


def test_the_table_says_that_results_are_not_verified() -> None:
    out = io.StringIO()
    write_table(iter(RECORDS), out, MEANING)
    assert "not_chest: hip" in out.getvalue()
    assert "not verified by a physician" in out.getvalue()
    assert out.getvalue().startswith(" 40 of 100  absent        a.dcm\n")
    assert out.getvalue().endswith(f"\n{MEANING}\n")


def test_a_run_that_scores_nothing_ends_with_status_2(quick_cli: Cli, folder: Path, small: Bundle) -> None:
    words = ("predict", "--bundle", str(small.directory))
    nothing = quick_cli(*words, str(folder / "f-notes.txt"), str(folder / "g-broken.png"))
    assert nothing.returncode == 2
    assert nothing.stdout.count("—") == 4
    assert len(nothing.stdout.splitlines()) == 2
    some = quick_cli(*words, str(folder / "f-notes.txt"), str(folder / "a-film.png"))
    assert some.returncode == 0
    assert some.stdout.endswith(f"{explain(small.manifest.model_dump(mode='json'))}\n")


def test_json_and_csv_are_refused_together_before_a_network_is_loaded(
    quick_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "worker.predictor", None)
    run = quick_cli("predict", "a.png", "--json", "--csv")
    assert (run.returncode, run.stderr) == (1, "tbscreen: --json and --csv do not go together\n")


def test_no_network_is_loaded_where_no_file_can_be_scored(
    quick_cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "worker.predictor", None)
    run = quick_cli("predict", "mistyped.png")
    assert (run.returncode, run.stderr) == (2, "")
    assert "mistyped.png: No such file or directory" in run.stdout
    assert list(place.iterdir()) == []


def test_a_terminal_is_told_that_the_network_is_loaded(
    quick_cli: Cli, folder: Path, small: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("predict", "--bundle", str(small.directory), str(folder / "a-film.png"))
    assert quick_cli(*words).stderr == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert quick_cli(*words).stderr == "loading the network …\n"


@pytest.fixture(scope="module")
def graphs(small: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of graphs of a host whose worker has loaded the small bundle."""
    pytest.importorskip("openvino", reason="the extra openvino is not installed")
    folder = tmp_path_factory.mktemp("graphs")
    assert open_prepared(small, folder) is not None
    return folder


def test_where_a_worker_has_prepared_the_network_keras_is_not_loaded(
    folder: Path, small: Bundle, graphs: Path, place: Path
) -> None:
    film = folder / "a-film.png"
    shutil.copytree(graphs, place / "data" / "graphs")
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            WITHOUT_KERAS,
            "predict",
            "--json",
            "--bundle",
            str(small.directory),
            str(film),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    (by_keras,) = predict([film], small, SETTINGS)
    found = json.loads(run.stdout)
    assert found["score"] == pytest.approx(by_keras["score"], abs=0.01)
    assert found["finding"] == by_keras["finding"]


def test_a_damaged_graph_is_neither_used_nor_made_anew(
    folder: Path, small: Bundle, graphs: Path, tmp_path: Path
) -> None:
    copied = Path(shutil.copytree(graphs, tmp_path / "graphs"))
    (constants,) = copied.glob(f"*/{CONSTANTS}")
    constants.write_bytes(b"damaged")
    (record,) = predict([folder / "a-film.png"], small, SETTINGS, copied)
    assert record == next(predict([folder / "a-film.png"], small, SETTINGS))
    assert constants.read_bytes() == b"damaged"


@pytest.fixture
def without_predictor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever would load a network by Keras fails."""
    monkeypatch.setitem(sys.modules, "worker.predictor", None)


@pytest.mark.usefixtures("without_predictor")
def test_a_graph_is_not_used_where_the_host_s_workers_use_none(
    folder: Path, small: Bundle, graphs: Path
) -> None:
    films = [folder / "a-film.png"]
    assert list(predict(films, small, SETTINGS, graphs, WorkerSettings()))
    with pytest.raises(ImportError, match=r"worker\.predictor"):
        list(predict(films, small, SETTINGS, graphs, WorkerSettings(runtime="keras")))


@pytest.mark.usefixtures("without_predictor")
def test_a_graph_that_only_says_to_be_the_shipped_network_is_not_used(
    folder: Path, small: Bundle, graphs: Path, tmp_path: Path
) -> None:
    shipped = open_bundle(DEFAULT_BUNDLE)
    (made,) = graphs.glob(f"{small.digest}-*")
    forged = tmp_path / made.name.replace(small.digest, shipped.digest)
    shutil.copytree(made, forged)
    facts = (forged / FACTS).read_text("utf-8")
    (forged / FACTS).write_text(facts.replace(small.digest, shipped.digest), "utf-8")
    assert find_prepared(shipped, tmp_path) is not None
    with pytest.raises(ImportError, match=r"worker\.predictor"):
        list(predict([folder / "a-film.png"], shipped, SETTINGS, tmp_path))


def test_where_no_worker_ran_nothing_is_written(folder: Path, small: Bundle, place: Path) -> None:
    (place / "data").mkdir()
    film = folder / "a-film.png"
    assert list(predict([film], small, SETTINGS, place / "data" / "graphs"))
    assert list((place / "data").iterdir()) == []


def test_predictions_have_the_words_of_the_worklist(folder: Path, small: Bundle) -> None:
    (record,) = predict([folder / "a-film.png"], small, SETTINGS)
    shared = {field.name for field in fields(FilmEntry)} & set(record)
    assert shared == {
        "probability",
        "finding",
        "score",
        "priority",
        "doubts",
        "model",
        "trained",
        "tb_score",
    }
    assert (record["Probability"], record["Disease"]) == (record["probability"], record["finding"])
