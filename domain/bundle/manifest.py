"""The manifest of a bundle: its description, operating points, calibration, and the digests of its files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails

from domain.bundle.calibration import Calibration
from domain.errors import PermanentError, write_reason

MANIFEST: Final = "manifest.json"
STRUCTURE: Final = "model_structure.json"
WEIGHTS: Final = "model.weights.h5"

FILE_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"


class DamagedBundleError(PermanentError):
    """A file is missing, unexpected, or not the one that the manifest names."""


class OperatingPoint(BaseModel):
    """A threshold with its sensitivity and specificity. All values are 0..1."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    threshold: float = Field(ge=0.0, le=1.0)
    sensitivity: float | None = Field(default=None, ge=0.0, le=1.0)
    specificity: float | None = Field(default=None, ge=0.0, le=1.0)


class Manifest(BaseModel):
    """The manifest of a bundle. Unknown keys are refused in format 1 and kept in format 2."""

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
        """Return the operating point with this name; raises `KeyError` for an unknown name."""
        for point in self.operating_points:
            if point.name == name:
                return point
        raise KeyError(name)


def parse_manifest(content: bytes) -> Manifest:
    """Parse a manifest; raises `DamagedBundleError` when the content is not a valid manifest."""
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "manifest"
        raise DamagedBundleError(f"{MANIFEST}: {where}: {write_reason(first['msg'])}") from error


def localize(manifest: Manifest, points: Mapping[str, Any] | None) -> Manifest:
    """Return a manifest with the operating points and the calibration of a site instead of the bundle's.

    Args:
        manifest: manifest of the bundle.
        points: changes of `db.models.site_thresholds.find_points`; None for no change.

    Raises:
        DamagedBundleError: when the changed manifest is not valid.
    """
    if points is None:
        return manifest
    return parse_manifest(json.dumps({**manifest.model_dump(mode="json"), **points}).encode())
