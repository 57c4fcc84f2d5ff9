"""A bundle is opened only if every file is as its manifest says."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from domain.bundle.bundle import open_bundle, read_files, write_bundle
from domain.bundle.manifest import MANIFEST, STRUCTURE, WEIGHTS, DamagedBundleError
from domain.errors import PermanentError
from tbscreen.models.default_bundle import DEFAULT_BUNDLE

LAMBDA = {"module": "keras.layers", "class_name": "Lambda", "config": {}, "registered_name": None}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the bundle that comes with tbscreen."""
    return Path(shutil.copytree(DEFAULT_BUNDLE, tmp_path / "bundle"))


def test_the_shipped_bundle_is_trained_and_brings_its_evaluation() -> None:
    bundle = open_bundle(DEFAULT_BUNDLE)
    assert bundle.digest == hashlib.sha256((DEFAULT_BUNDLE / MANIFEST).read_bytes()).hexdigest()
    assert bundle.manifest.trained is True
    assert {"films.csv", "report.html", "model_card.md"} <= bundle.manifest.files.keys()
    assert sum(path.stat().st_size for path in DEFAULT_BUNDLE.iterdir()) < 20e6
    assert bundle.manifest.finding == "TBCXR"


def test_a_bundle_written_from_its_files_is_the_same_bundle(tmp_path: Path) -> None:
    shipped = open_bundle(DEFAULT_BUNDLE)
    files = read_files(shipped)
    assert {MANIFEST, STRUCTURE, WEIGHTS} < set(files)
    manifest = json.loads(files.pop(MANIFEST))
    del manifest["files"]
    assert write_bundle(tmp_path / "copy", manifest, files).digest == shipped.digest


def test_a_bundle_is_not_written_over_another(folder: Path) -> None:
    with pytest.raises(PermanentError, match="is not empty"):
        write_bundle(folder, {}, {})


def test_a_folder_without_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(DamagedBundleError, match=r"is not a bundle: it has no manifest\.json"):
        open_bundle(tmp_path)


def test_a_folder_that_is_not_there_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(DamagedBundleError, match="nowhere is not a bundle: there is no such folder"):
        open_bundle(tmp_path / "nowhere")


def test_one_changed_byte_is_noticed(folder: Path) -> None:
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[1000] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    with pytest.raises(DamagedBundleError, match=r"model\.weights\.h5 does not match its SHA-256"):
        open_bundle(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / STRUCTURE).unlink()
    with pytest.raises(DamagedBundleError, match=r"model_structure\.json is missing"):
        open_bundle(folder)


@pytest.mark.parametrize("name", ["extra.py", ".hidden", "__pycache__"])
def test_what_the_manifest_does_not_name_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("print('here')")
    with pytest.raises(DamagedBundleError, match="is not in the manifest"):
        open_bundle(folder)


def test_a_symbolic_link_in_place_of_a_file_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / WEIGHTS, tmp_path / "elsewhere.h5")
    (folder / WEIGHTS).symlink_to(tmp_path / "elsewhere.h5")
    with pytest.raises(DamagedBundleError, match=r"model\.weights\.h5 is not a plain file"):
        open_bundle(folder)


def test_a_folder_in_place_of_a_file_is_refused(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).mkdir()
    with pytest.raises(DamagedBundleError, match="is not a plain file"):
        open_bundle(folder)


def test_unknown_keys_of_format_2_are_kept(tmp_path: Path) -> None:
    """A worker of this version loads the bundles of the next."""
    files = read_files(open_bundle(DEFAULT_BUNDLE))
    manifest = json.loads(files.pop(MANIFEST)) | {"format": 2, "golden_scores": [{"film": "a", "score": 0.5}]}
    del manifest["files"]
    manifest["operating_points"][0]["hospitals"] = {"count": 3}
    manifest["calibration"]["fitted_on"] = "validation"
    written = write_bundle(tmp_path / "later", manifest, files)
    opened = open_bundle(tmp_path / "later")
    content = (tmp_path / "later" / MANIFEST).read_bytes()
    assert opened.digest == written.digest == hashlib.sha256(content).hexdigest()
    assert opened.manifest.model_dump(mode="json") == json.loads(content)
    assert opened.manifest.find_operating_point("screening").model_extra == {"hospitals": {"count": 3}}


def test_an_unsafe_graph_is_not_written(tmp_path: Path) -> None:
    files = read_files(open_bundle(DEFAULT_BUNDLE))
    manifest = json.loads(files.pop(MANIFEST))
    del manifest["files"]
    files[STRUCTURE] = json.dumps({"class_name": "Functional", "config": {"layers": [LAMBDA]}}).encode()
    with pytest.raises(PermanentError, match="is not allowed in a bundle"):
        write_bundle(tmp_path / "unsafe", manifest, files)
