"""The digest of a film's content, by which it is recognized when it comes again in another encoding."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from dicom_gateway.dataset_header import to_json_model
from dicom_gateway.results.source_header import PATIENT_AND_STUDY
from domain.array.normalization import FilmArray

HEADER_VALUES: Final = (
    "SOPClassUID",
    "SeriesInstanceUID",
    "Modality",
    "PatientOrientation",
    "ProcedureCodeSequence",
    *PATIENT_AND_STUDY,
)
"""Header values by which a film is identified or which its report repeats."""


_TAGS: Final = {tag: f"{tag:08X}" for tag in map(tag_for_keyword, HEADER_VALUES) if tag is not None}


def digest_content(
    header: Dataset, pixel_digest: str, array: FilmArray, judgements: Iterable[StrEnum]
) -> str:
    """Return the SHA-256, hexadecimal, of a film's pixels, of their display, and of `HEADER_VALUES`.

    Header values that only affect how the film is judged or displayed (its view, window, lookup tables) count
    by what they make of it. Texts are compared without case, surrounding spaces and empty components; an
    empty value counts as absent.

    Args:
        header: the dataset without pixels.
        pixel_digest: SHA-256 of the decoded pixels, hexadecimal.
        array: float32 (256, 256) that is screened, 0..1.
        judgements: doubts and observations.
    """
    model = to_json_model(header, _TAGS.keys())
    values = {tag: model[tag]["Value"] for tag in _TAGS.values() if model.get(tag, {}).get("Value")}
    content: list[Any] = [pixel_digest, sorted(judgements), _fold(values)]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    digest.update(array.tobytes())
    return digest.hexdigest()


def _fold(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip(" ^=").casefold()
    if isinstance(value, list):
        return [_fold(item) for item in value]
    if isinstance(value, dict):
        return {key: _fold(item) for key, item in value.items()}
    return value
