"""A manifest is read only if each of its fields is valid."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from domain.bundle.manifest import MANIFEST, STRUCTURE, DamagedBundleError, parse_manifest
from tbscreen.models.default_bundle import DEFAULT_BUNDLE

Json = dict[str, Any]


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
        (_set("format", 3), "format: this version of tbscreen reads 1 and 2, not 3: upgrade"),
        (_set("format", "2"), "format: Input should be 1 or 2"),
        (_set("name", ""), "name: String should match"),
        (_set("name", "../x"), "name: String should match"),
        (_set("version", "a b"), "version: String should match"),
        (_set("trained", None), "trained: Input should be a valid boolean"),
        (_set("finding", "COVID"), "finding: Input should be 'TBCXR'"),
        (_set("normalization", {}), "manifest: normalization has no version"),
        (_set("surprise", 1), "surprise: Extra inputs are not permitted"),
        (_set_point(0, "surprise", 1), "operating_points.0.surprise: Extra inputs are not permitted"),
        (
            _set("calibration", {"method": "identity", "surprise": 1}),
            "calibration.identity.surprise: Extra inputs are not permitted",
        ),
        (_set("operating_points", []), "manifest: operating point 'screening' is missing"),
        (_set("reported_operating_point", "best"), "operating point 'best' is missing"),
        (_set("files", {}), "manifest: file 'model_structure.json' is missing"),
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


def test_known_keys_of_format_2_are_checked_as_those_of_format_1() -> None:
    with pytest.raises(DamagedBundleError, match="trained: Input should be a valid boolean"):
        parse_manifest(_changed_manifest(lambda manifest: manifest.update(format=2, trained=None)))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"name": "x"}'])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(DamagedBundleError, match=r"^manifest\.json: "):
        parse_manifest(content)


def _changed_manifest(change: Callable[[Json], None]) -> bytes:
    manifest = json.loads((DEFAULT_BUNDLE / MANIFEST).read_text())
    change(manifest)
    return json.dumps(manifest).encode()
