"""The bundle: a deployable model as a folder. No Keras here, so that everybody may read one.

A bundle holds `model_structure.json`, `model.weights.h5`, `manifest.json` and its evaluation report. Its
digest is the SHA-256 of `manifest.json`, which holds the SHA-256 of every other file. Loading a bundle
never runs code from it: its graph may contain only layers of `ALLOWED_LAYERS`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails

from domain.bundle.calibration import Calibration
from domain.errors import PermanentError

MANIFEST: Final = "manifest.json"
STRUCTURE: Final = "model_structure.json"
WEIGHTS: Final = "model.weights.h5"

MAX_FILE_BYTES: Final = 2 * 1024**3

FILE_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"

ALLOWED_LAYERS: Final = frozenset(
    {
        "Activation",
        "Add",
        "AveragePooling2D",
        "BatchNormalization",
        "Concatenate",
        "Conv2D",
        "Cropping2D",
        "Dense",
        "DepthwiseConv2D",
        "Dropout",
        "Flatten",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "InputLayer",
        "MaxPooling2D",
        "Multiply",
        "Normalization",
        "ReLU",
        "Rescaling",
        "Reshape",
        "SeparableConv2D",
        "Softmax",
        "UpSampling2D",
        "ZeroPadding2D",
    }
)
"""Keras layers that only compute. A Lambda, or any other that runs what the file says, is refused."""

HOUSE_PACKAGE: Final = "tbscreen"
HOUSE_MODULE: Final = "worker.layers"
"""Where `networks.layers` once was: the module that every saved graph names."""
HOUSE_LAYERS: Final = frozenset({"EqualizeHistogram1", "LogMeanExpPooling1"})
"""Layers of `networks.layers`, registered with Keras under "tbscreen>NAME"."""

ALLOWED_CONTAINERS: Final = frozenset({"Functional", "Sequential"})
KERAS_CONTAINER_MODULES: Final = (
    "keras",
    "keras.models",
    "keras.src.models.functional",
    "keras.src.models.sequential",
)
KERAS_VALUE_MODULES: Final = (
    "keras.initializers",
    "keras.regularizers",
    "keras.activations",
    "keras.constraints",
)


class DamagedBundleError(PermanentError):
    """A file is missing, unexpected, or not the one that the manifest names."""


class OperatingPoint(BaseModel):
    """A threshold with what it was chosen for. All values 0..1."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    threshold: float = Field(ge=0.0, le=1.0)
    sensitivity: float | None = Field(default=None, ge=0.0, le=1.0)
    specificity: float | None = Field(default=None, ge=0.0, le=1.0)


class Manifest(BaseModel):
    """A bundle's description of itself. Unknown keys are refused in format 1 and kept in format 2."""

    model_config = ConfigDict(frozen=True, extra="allow")

    format: Literal[1, 2] = 1
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_. -]{0,63}$")
    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}$")
    architecture: str = Field(max_length=64)
    trained: bool
    finding: Literal["TBCXR"] = "TBCXR"
    normalization: dict[str, Any]
    """`domain.array.normalization.NormalizationSpec` of the arrays that the graph takes."""
    operating_points: tuple[OperatingPoint, ...]
    reported_operating_point: str = "screening"
    calibration: Calibration
    metrics: dict[str, Any] = Field(default_factory=dict)
    training_data: dict[str, Any] = Field(default_factory=dict)
    notes: str = ""
    files: dict[Annotated[str, Field(pattern=FILE_NAME)], Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]]
    """SHA-256 of every other file, by name."""

    @field_validator("format", mode="before")
    @classmethod
    def _check_format(cls, value: object) -> object:
        if isinstance(value, int) and value > 2:
            raise ValueError(f"this version of tbscreen reads 1 and 2, not {value}: upgrade it first")
        return value

    @model_validator(mode="after")
    def _check(self) -> Manifest:
        if self.format == 1:
            self._refuse_unknown_keys()
        names = [point.name for point in self.operating_points]
        for needed in ("screening", "rule_in", self.reported_operating_point):
            if needed not in names:
                raise ValueError(f"operating point {needed!r} is missing")
        if self.find_operating_point("rule_in").threshold < self.find_operating_point("screening").threshold:
            raise ValueError("rule_in lies below screening")
        if not isinstance(self.normalization.get("version"), str):
            raise ValueError("normalization has no version")
        for needed in (STRUCTURE, WEIGHTS):
            if needed not in self.files:
                raise ValueError(f"file {needed!r} is missing")
        return self

    def _refuse_unknown_keys(self) -> None:
        parts: dict[tuple[str | int, ...], BaseModel] = {
            (): self,
            ("calibration", self.calibration.method): self.calibration,
            **{("operating_points", number): point for number, point in enumerate(self.operating_points)},
        }
        unknown = [
            InitErrorDetails(type="extra_forbidden", loc=(*place, key), input=value)
            for place, part in parts.items()
            for key, value in (part.model_extra or {}).items()
        ]
        if unknown:
            raise ValidationError.from_exception_data("Manifest", unknown)

    def find_operating_point(self, name: str) -> OperatingPoint:
        """Return the operating point called `name`; raises `KeyError` if there is none."""
        for point in self.operating_points:
            if point.name == name:
                return point
        raise KeyError(name)


@dataclass(frozen=True)
class Bundle:
    """A verified bundle on disk."""

    directory: Path
    manifest: Manifest
    digest: str


def open_bundle(directory: Path) -> Bundle:
    """Verify a bundle: its manifest, the digest of every file, and that its graph only computes.

    Raises:
        DamagedBundleError: when something is missing, extra or different.
        PermanentError: when its graph contains a layer that is not allowed.
    """
    manifest_path = directory / MANIFEST
    if not manifest_path.is_file():
        raise DamagedBundleError(f"{directory} is not a bundle: it has no {MANIFEST}")
    content = manifest_path.read_bytes()
    manifest = parse_manifest(content)
    present = {entry.name for entry in directory.iterdir()}
    for missing in sorted(manifest.files.keys() - present):
        raise DamagedBundleError(f"{directory}: {missing} is missing")
    for extra in sorted(present - manifest.files.keys() - {MANIFEST}):
        raise DamagedBundleError(f"{directory}: {extra} is not in the manifest")
    for name, expected in manifest.files.items():
        path = directory / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            raise DamagedBundleError(f"{directory}: {name} is not a plain file of reasonable size")
        if _hash_file(path) != expected:
            raise DamagedBundleError(f"{directory}: {name} does not match its SHA-256 in the manifest")
    check_structure((directory / STRUCTURE).read_bytes())
    return Bundle(directory, manifest, hashlib.sha256(content).hexdigest())


def parse_manifest(content: bytes) -> Manifest:
    """Read a manifest; raises `DamagedBundleError` when it is not one."""
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "manifest"
        raise DamagedBundleError(f"{MANIFEST}: {where}: {first['msg']}") from error


def localize(manifest: Manifest, points: Mapping[str, Any] | None) -> Manifest:
    """Return a manifest with a site's own operating points and calibration in place of the bundle's.

    Args:
        manifest: of the bundle.
        points: what changes, as `db.models.site_thresholds.find_points` gives it; None for nothing.

    Raises:
        DamagedBundleError: when they do not fit together.
    """
    if points is None:
        return manifest
    return parse_manifest(json.dumps({**manifest.model_dump(mode="json"), **points}).encode())


def check_structure(structure: bytes) -> None:
    """Raise `PermanentError` unless every layer of a Keras model JSON only computes."""
    try:
        graph = json.loads(structure.decode())
        nodes = list(_walk(graph))
    except (ValueError, RecursionError) as error:
        raise DamagedBundleError(f"{STRUCTURE} is not JSON, or nested too deeply") from error
    if not isinstance(graph, dict) or graph.get("class_name") not in ALLOWED_CONTAINERS:
        raise PermanentError(f"{STRUCTURE}: the model is not Functional or Sequential")
    for node in nodes:
        if not _is_allowed(node):
            name, module = node["class_name"], node.get("module") or "keras"
            raise PermanentError(f"{STRUCTURE}: {module}.{name} is not allowed in a bundle")


def _is_allowed(node: Mapping[str, Any]) -> bool:
    """True for an object of a Keras JSON that Keras makes without running what the file says."""
    name, module, registered_name = str(node["class_name"]), node.get("module"), node.get("registered_name")
    if module == HOUSE_MODULE:
        return name in HOUSE_LAYERS and registered_name == f"{HOUSE_PACKAGE}>{name}"
    if registered_name not in (None, name):
        return False
    if name in ALLOWED_CONTAINERS and module in (None, *KERAS_CONTAINER_MODULES):
        return True
    if name == "__keras_tensor__":
        return module is None
    if module in (None, "keras.layers"):
        return name in ALLOWED_LAYERS
    if module in KERAS_VALUE_MODULES:
        # A class like GlorotUniform: never "function", "__lambda__" or another of Keras' special words.
        return re.fullmatch(r"[A-Z][A-Za-z0-9]*", name) is not None
    return module == "keras" and name == "DTypePolicy"


def write_bundle(directory: Path, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Bundle:
    """Write a bundle into a new folder and verify it.

    Args:
        directory: made here; must not exist or be empty.
        manifest: all of the manifest but `files`.
        files: every other file by name.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise PermanentError(f"{directory} is not empty")
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    text = json.dumps({**manifest, "files": digests}, indent=2, sort_keys=True) + "\n"
    parse_manifest(text.encode())
    for name, content in files.items():
        (directory / name).write_bytes(content)
    (directory / MANIFEST).write_text(text, "utf-8")
    return open_bundle(directory)


def read_files(bundle: Bundle) -> dict[str, bytes]:
    """Return every file of a bundle by name, as `db.models.bundles.register` takes them."""
    names = [MANIFEST, *bundle.manifest.files]
    return {name: (bundle.directory / name).read_bytes() for name in names}


def _walk(node: object) -> Iterator[dict[str, Any]]:
    """Yield every object of a Keras JSON that names a class."""
    if isinstance(node, dict):
        if "class_name" in node:
            yield node
        for value in node.values():
            yield from _walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from _walk(value)


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
