"""The seal of a bundle: its golden scores and signatures, in a file beside its folder.

It is no file of the bundle: the manifest of earlier versions forbids unknown keys and files. Golden scores
are those of the golden arrays (`worker.golden_arrays`), by Keras in float32 on the machine that made the
bundle: a network that gives others is not the one that was evaluated. A signature is Ed25519 (RFC 8032), over
the digest and the golden scores.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import PermanentError, write_reason

SUFFIX: Final = ".seal.json"
TOLERANCE: Final = 0.01
"""Largest difference of a score from its golden score, in any runtime and precision."""
EXACT: Final = 1e-5
"""Largest difference of a score in float32 by the same runtime: another CPU sums in another order."""
FLOAT32: Final = "float32"
SCORES: Final = 256
"""Golden scores of a seal."""
FEWEST_SCORES: Final = 16
MAX_BYTES: Final = 1_000_000
PURPOSE: Final = "tbscreen bundle 1"
"""Beginning of what is signed, so that no signature of another purpose is one of a bundle."""

Score = Annotated[float, Field(ge=0.0, le=1.0)]


class Signature(BaseModel):
    """One signature of a bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    public_key: str = Field(pattern=r"^[0-9a-f]{64}$")
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")
    signed_at: datetime


class Seal(BaseModel):
    """Golden scores and signatures of one bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    bundle: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Digest of the bundle."""
    golden_scores: tuple[Score, ...] = Field(min_length=FEWEST_SCORES, max_length=4096)
    """Scores of the first golden arrays, in their order."""
    signatures: tuple[Signature, ...] = Field(default=(), max_length=64)


def locate_seal(directory: Path) -> Path:
    """Return the place of the seal of a bundle's folder."""
    folder = directory.resolve()
    return folder.with_name(folder.name + SUFFIX)


def read_seal(path: Path, digest: str) -> Seal | None:
    """Return the seal in a file, or None if there is no such file.

    Raises:
        PermanentError: when it is not a seal, or that of another bundle.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    try:
        seal = Seal.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "seal"
        raise PermanentError(f"{path} is not a seal: {where}: {write_reason(first['msg'])}") from error
    if seal.bundle != digest:
        raise PermanentError(
            f"{path} is the seal of bundle {seal.bundle[:12]}, not of {digest[:12]}: the bundle was changed "
            "after it was sealed. Take both from where they were made, or delete the seal"
        )
    return seal


def write_seal(path: Path, seal: Seal) -> None:
    """Write a seal in place of an older one."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(seal.model_dump_json(indent=1) + "\n", "utf-8")
    partial.replace(path)


def allow_difference(recorded: tuple[str, str], again: tuple[str, str]) -> float:
    """Return the largest difference of a score that was computed twice.

    Args:
        recorded: runtime and precision of the first score.
        again: those of the second.
    """
    return EXACT if recorded == again and again[1] == FLOAT32 else TOLERANCE


def serialize_signed(digest: str, golden_scores: Sequence[float]) -> bytes:
    """Return the bytes that a signature signs."""
    scores = json.dumps([float(score) for score in golden_scores], separators=(",", ":")).encode()
    return f"{PURPOSE}\n{digest}\n{hashlib.sha256(scores).hexdigest()}\n".encode()


def check_golden_scores(computed: Sequence[float], golden: Sequence[float]) -> None:
    """Check that a network gives the golden scores, as many as both have.

    Raises:
        PermanentError: when a score differs by more than `TOLERANCE`.
    """
    furthest = max(abs(ours - theirs) for ours, theirs in zip(computed, golden, strict=False))
    if not furthest <= TOLERANCE:
        raise PermanentError(
            f"the network gives other scores than when the bundle was made: a golden array differs by "
            f"{furthest:.4f}, {TOLERANCE} is allowed"
        )
