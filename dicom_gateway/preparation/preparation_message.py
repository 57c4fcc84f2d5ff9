"""Messages between a gateway and its preparation process, in msgpack; each answer is validated before use.

The process decodes untrusted bytes. Its answers hold data alone, never a pickle, which could run code here.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Final

import msgpack
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from dicom_gateway.pixels.grey_transforms import GreyTransforms
from dicom_gateway.preparation.film_preparation import Preparation
from domain.array.normalization import SPEC
from domain.codes import Doubt, Observation, Refusal

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""Largest answer; an array (float32, 256 by 256) and a grey JPEG of at most 1024 pixels a side take less."""

ARRAY_BYTES: Final = SPEC.rows * SPEC.columns * 4

Line = Annotated[str, StringConstraints(max_length=1024, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Text of a log line, without control characters."""


Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256, hexadecimal."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _RefusedFilm(_Answer):
    refusal: Annotated[Refusal, Field(strict=False)]
    detail: str
    rule: str
    rendition: bytes = b""


class _PreparedFilm(_Answer):
    detail: str
    rule: str
    doubts: Annotated[tuple[Annotated[Doubt, Field(strict=False)], ...], Field(strict=False)]
    observations: Annotated[tuple[Annotated[Observation, Field(strict=False)], ...], Field(strict=False)]
    array: Annotated[bytes, Field(min_length=ARRAY_BYTES, max_length=ARRAY_BYTES)]
    """Little-endian float32, row by row."""
    rendition: Annotated[bytes, Field(min_length=1)]
    pixel_digest: Digest | None = None
    content_digest: Digest | None = None
    transforms: GreyTransforms | None = None


class PreparationEnd(_Answer):
    """The exception that ended a child, without its text, which may quote the header."""

    error: Line
    at: Line
    """File and line of the error."""


_ANSWER: Final[TypeAdapter[_RefusedFilm | _PreparedFilm | PreparationEnd]] = TypeAdapter(
    _RefusedFilm | _PreparedFilm | PreparationEnd
)


def pack_request(
    path: Path, calling_ae_title: str, own_digests: Collection[str], *, header_only: bool
) -> bytes:
    """Return the message that requests a film's preparation."""
    fields = [str(path), calling_ae_title, sorted(own_digests), header_only]
    packed: bytes = msgpack.packb(fields, unicode_errors="surrogatepass")
    return packed


def unpack_request(content: bytes) -> tuple[Path, str, list[str], bool]:
    """Return path and sender's AE title of a film, digests of own objects, and whether to decode nothing."""
    path, title, own_digests, header_only = msgpack.unpackb(content, unicode_errors="surrogatepass")
    return Path(path), title, own_digests, header_only


def pack_answer(answer: Preparation | PreparationEnd) -> bytes:
    """Return the message with a film's preparation, or with the error that prevented it."""
    fields: dict[str, object]
    if isinstance(answer, PreparationEnd):
        fields = answer.model_dump()
    elif answer.refusal is not None:
        fields = {
            "refusal": answer.refusal,
            "detail": answer.detail,
            "rule": answer.rule,
            "rendition": answer.rendition,
        }
    else:
        fields = {
            "detail": answer.detail,
            "rule": answer.rule,
            "doubts": answer.doubts,
            "observations": answer.observations,
            "array": np.ascontiguousarray(answer.array, dtype="<f4").tobytes(),
            "rendition": answer.rendition,
            "pixel_digest": answer.pixel_digest,
            "transforms": None if answer.transforms is None else answer.transforms.model_dump(),
            "content_digest": answer.content_digest,
        }
    packed: bytes = msgpack.packb(fields, unicode_errors="replace")
    return packed


def unpack_answer(content: bytes) -> Preparation | PreparationEnd:
    """Return the validated answer of a preparation process.

    Raises:
        ValueError: for bytes that `pack_answer` does not produce. Never log its text, which may quote them.
    """
    answer = _ANSWER.validate_python(msgpack.unpackb(content))
    if isinstance(answer, PreparationEnd):
        return answer
    if isinstance(answer, _RefusedFilm):
        return Preparation(answer.refusal, answer.detail, rule=answer.rule, rendition=answer.rendition)
    array = np.frombuffer(answer.array, dtype="<f4").reshape(SPEC.rows, SPEC.columns).astype(np.float32)
    if not bool(np.all((array >= 0.0) & (array <= 1.0))):
        raise ValueError("array values must be 0..1")
    return Preparation(
        None,
        answer.detail,
        answer.doubts,
        answer.rule,
        array,
        answer.rendition,
        answer.pixel_digest,
        answer.observations,
        answer.transforms,
        answer.content_digest,
    )
