"""A bundle is opened only if it is whole, and its graph only if it computes and nothing else."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.bundle.bundle import open_bundle, read_files, write_bundle
from domain.bundle.graph_structure import HOUSE_LAYERS, check_structure
from domain.bundle.manifest import MANIFEST, STRUCTURE, WEIGHTS, DamagedBundleError, parse_manifest
from domain.errors import PermanentError
from tbscreen.models.default_bundle import DEFAULT_BUNDLE

Json = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the bundle that comes with tbscreen."""
    return Path(shutil.copytree(DEFAULT_BUNDLE, tmp_path / "bundle"))


@pytest.fixture
def graph() -> Json:
    """The graph of the bundle that comes with tbscreen."""
    read: Json = json.loads((DEFAULT_BUNDLE / STRUCTURE).read_text())
    return read


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
    with pytest.raises(DamagedBundleError, match="is not a bundle"):
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


@pytest.mark.parametrize(
    "name", ["../outside.h5", "/etc/passwd", "a/b", "..", ".", "", ".hidden", "a\\b", "a\n", "x" * 129]
)
def test_names_that_are_paths_are_refused(name: str) -> None:
    def add(manifest: Json) -> None:
        manifest["files"][name] = "0" * 64

    with pytest.raises(DamagedBundleError, match=r"^manifest\.json: files"):
        parse_manifest(_changed_manifest(add))


def _set(key: str, value: object) -> Callable[[Json], None]:
    return lambda manifest: manifest.__setitem__(key, value)


def _set_point(number: int, key: str, value: object) -> Callable[[Json], None]:
    return lambda manifest: manifest["operating_points"][number].__setitem__(key, value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_set("format", 0), "format: Input should be 1 or 2"),
        (_set("format", 3), "format: Value error, this version of tbscreen reads 1 and 2, not 3: upgrade"),
        (_set("format", "2"), "format: Input should be 1 or 2"),
        (_set("name", ""), "name: String should match"),
        (_set("name", "../x"), "name: String should match"),
        (_set("version", "a b"), "version: String should match"),
        (_set("trained", None), "trained: Input should be a valid boolean"),
        (_set("finding", "COVID"), "finding: Input should be 'TBCXR'"),
        (_set("normalization", {}), "manifest: Value error, normalization has no version"),
        (_set("surprise", 1), "surprise: Extra inputs are not permitted"),
        (_set_point(0, "surprise", 1), "operating_points.0.surprise: Extra inputs are not permitted"),
        (
            _set("calibration", {"method": "identity", "surprise": 1}),
            "calibration.identity.surprise: Extra inputs are not permitted",
        ),
        (_set("operating_points", []), "manifest: Value error, operating point 'screening' is missing"),
        (_set("reported_operating_point", "best"), "operating point 'best' is missing"),
        (_set("files", {}), "manifest: Value error, file 'model_structure.json' is missing"),
        (_set("files", {STRUCTURE: "0" * 64}), "file 'model.weights.h5' is missing"),
        (_set("files", {STRUCTURE: "abc"}), "files.model_structure.json: String should match"),
        (_set_point(0, "threshold", 1.5), "operating_points.0.threshold: Input should be less than or equal"),
        (_set_point(0, "threshold", "NaN"), "operating_points.0.threshold: "),
        (_set_point(1, "threshold", 0.1), "rule_in lies below screening"),
        (_set_point(1, "name", "Rule in"), "operating_points.1.name: String should match"),
        (_set("calibration", {"method": "magic"}), "calibration: Input tag 'magic'"),
        (
            _set("calibration", {"method": "platt", "prevalence": 0.1}),
            "calibration.platt.slope: Field required",
        ),
    ],
)
def test_a_wrong_field_of_the_manifest_is_named(change: Callable[[Json], None], said: str) -> None:
    with pytest.raises(DamagedBundleError) as caught:
        parse_manifest(_changed_manifest(change))
    assert str(caught.value).startswith("manifest.json: ")
    assert said in str(caught.value)


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


def test_known_keys_of_format_2_are_checked_as_those_of_format_1() -> None:
    with pytest.raises(DamagedBundleError, match="trained: Input should be a valid boolean"):
        parse_manifest(_changed_manifest(lambda manifest: manifest.update(format=2, trained=None)))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"name": "x"}'])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(DamagedBundleError, match=r"^manifest\.json: "):
        parse_manifest(content)


def _insert(layer: Json) -> Callable[[Json], None]:
    return lambda graph: graph["config"]["layers"].insert(1, layer)


def _first_convolution(graph: Json) -> Json:
    return next(layer for layer in graph["config"]["layers"] if layer["class_name"] == "Conv2D")


def _set_convolution(key: str, value: object) -> Callable[[Json], None]:
    return lambda graph: _first_convolution(graph)["config"].__setitem__(key, value)


def _house(name: str = "EqualizeHistogram1", **changes: object) -> Json:
    return {
        "module": "worker.layers",
        "class_name": name,
        "config": {"name": "house"},
        "registered_name": f"tbscreen>{name}",
        **changes,
    }


LAMBDA = {"module": "keras.layers", "class_name": "Lambda", "config": {}, "registered_name": None}
NESTED = {
    "module": "keras.src.models.functional",
    "class_name": "Functional",
    "registered_name": "Functional",
    "config": {"name": "inner", "layers": [{"module": "os", "class_name": "system", "config": {}}]},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_insert(LAMBDA), "keras.layers.Lambda"),
        (_insert({"class_name": "Lambda", "config": {}}), "keras.Lambda"),
        (_insert({"class_name": "TFSMLayer", "module": "keras.layers", "config": {}}), "TFSMLayer"),
        (_insert({"class_name": "TorchModuleWrapper", "module": "keras.layers"}), "TorchModuleWrapper"),
        (_insert({"class_name": "Conv2D", "module": "evil.layers", "config": {}}), "evil.layers.Conv2D"),
        (_insert({"class_name": "Conv2D", "module": "builtins", "config": {}}), "builtins.Conv2D"),
        (_insert({"class_name": "Functional", "module": "evil", "config": {}}), "evil.Functional"),
        (_insert(NESTED), "os.system"),
        (_insert({"class_name": ["Lambda"], "module": "keras.layers"}), "not allowed"),
        (_insert({"class_name": None, "module": "keras.layers"}), "not allowed"),
        (_insert({"class_name": "Dense", "module": ["keras.layers"]}), "not allowed"),
        (
            lambda graph: _first_convolution(graph).__setitem__("registered_name", "evil>Conv2D"),
            "keras.layers.Conv2D",
        ),
        (
            _set_convolution(
                "activation", {"class_name": "function", "module": "builtins", "config": "eval"}
            ),
            "builtins.function",
        ),
        (
            _set_convolution(
                "activation", {"class_name": "function", "module": "keras.activations", "config": "get"}
            ),
            "keras.activations.function",
        ),
        (
            _set_convolution(
                "bias_initializer", {"class_name": "__lambda__", "module": "keras.initializers"}
            ),
            "keras.initializers.__lambda__",
        ),
        (_set_convolution("kernel_initializer", {"class_name": "Evil", "module": "evil"}), "evil.Evil"),
        (
            _set_convolution("dtype", {"class_name": "load_model", "module": "keras.saving"}),
            "keras.saving.load_model",
        ),
        (_set_convolution("dtype", {"class_name": "Model", "module": "keras"}), "keras.Model"),
        (_insert(_house("os")), "worker.layers.os"),
        (_insert(_house("keras")), "worker.layers.keras"),
        (_insert(_house("EqualizeHistogram99")), "worker.layers.EqualizeHistogram99"),
        (_insert(_house("Dense")), "worker.layers.Dense"),
        (_insert(_house("Functional")), "worker.layers.Functional"),
        (_insert(_house(registered_name=None)), "worker.layers.EqualizeHistogram1"),
        (_insert(_house(registered_name="EqualizeHistogram1")), "worker.layers.EqualizeHistogram1"),
        (_insert(_house(registered_name="evil>EqualizeHistogram1")), "worker.layers.EqualizeHistogram1"),
        (_insert(_house(registered_name="tbscreen>Other")), "worker.layers.EqualizeHistogram1"),
        (_insert(_house(module="worker.layers.evil")), "worker.layers.evil.EqualizeHistogram1"),
        (_insert(_house(module="worker")), "worker.EqualizeHistogram1"),
        (_insert(_house(module="keras.layers")), "keras.layers.EqualizeHistogram1"),
        (_insert(_house(module=None)), "keras.EqualizeHistogram1"),
        (_insert(_house(config={"cells": LAMBDA})), "keras.layers.Lambda"),
        (_insert(_house(class_name=["EqualizeHistogram1"])), "not allowed"),
        (lambda graph: graph.__setitem__("compile_config", {"class_name": "X", "module": "evil"}), "evil.X"),
    ],
)
def test_a_graph_that_does_more_than_compute_is_refused(
    graph: Json, change: Callable[[Json], None], said: str
) -> None:
    change(graph)
    with pytest.raises(PermanentError) as caught:
        check_structure(json.dumps(graph).encode())
    assert said in str(caught.value)
    assert "is not allowed in a bundle" in str(caught.value)


@pytest.mark.parametrize("class_name", ["Lambda", "Dense", "Subclassed", None])
def test_only_functional_and_sequential_models_are_taken(graph: Json, class_name: str | None) -> None:
    graph["class_name"] = class_name
    with pytest.raises(PermanentError, match="the model is not Functional or Sequential"):
        check_structure(json.dumps(graph).encode())


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"class_name": "Functional", "x": ' + b"[" * 100_000],
)
def test_a_structure_that_is_not_json_is_damaged(content: bytes) -> None:
    with pytest.raises(DamagedBundleError, match=r"model_structure\.json is not JSON"):
        check_structure(content)


@pytest.mark.parametrize("depth", [100, 400, 900, 960, 980, 1000, 5000])
def test_deep_nesting_never_gets_past_the_check(depth: int) -> None:
    structure = '{"class_name": "Functional", "x": ' + "[" * depth + json.dumps(LAMBDA) + "]" * depth + "}"
    with pytest.raises(PermanentError, match=r"^model_structure\.json"):
        check_structure(structure.encode())


def test_a_nested_model_of_allowed_layers_is_taken(graph: Json) -> None:
    graph["config"]["layers"].append(json.loads(json.dumps(graph)))
    check_structure(json.dumps(graph).encode())


@pytest.mark.parametrize("name", sorted(HOUSE_LAYERS))
def test_the_layers_of_the_house_are_taken(graph: Json, name: str) -> None:
    graph["config"]["layers"].append(_house(name))
    check_structure(json.dumps(graph).encode())


def test_every_layer_of_the_house_is_registered_as_it_is_named() -> None:
    import keras

    import networks.layers

    for name in HOUSE_LAYERS:
        layer = getattr(networks.layers, name)
        assert keras.saving.get_registered_object(f"tbscreen>{name}") is layer
        written = keras.saving.serialize_keras_object(layer())
        assert (written["module"], written["class_name"]) == ("worker.layers", name)


def test_an_unsafe_graph_is_not_written(tmp_path: Path) -> None:
    files = read_files(open_bundle(DEFAULT_BUNDLE))
    manifest = json.loads(files.pop(MANIFEST))
    del manifest["files"]
    files[STRUCTURE] = json.dumps({"class_name": "Functional", "config": {"layers": [LAMBDA]}}).encode()
    with pytest.raises(PermanentError, match="is not allowed in a bundle"):
        write_bundle(tmp_path / "unsafe", manifest, files)


def _changed_manifest(change: Callable[[Json], None]) -> bytes:
    manifest = json.loads((DEFAULT_BUNDLE / MANIFEST).read_text())
    change(manifest)
    return json.dumps(manifest).encode()
