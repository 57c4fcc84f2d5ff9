"""A sent object as lines of text without patient data: an SR's content tree, a picture's facts."""

from __future__ import annotations

import io
from collections.abc import Iterator

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from domain.errors import PermanentError
from domain.languages.sentence import say

UNREADABLE = (InvalidDicomError, AttributeError, EOFError, IndexError, KeyError, TypeError, ValueError)
"""Errors of an object that is no DICOM, or lacks what each of ours has."""

PICTURE_FACTS = (
    "ImageType",
    "DerivationDescription",
    "BurnedInAnnotation",
    "LossyImageCompression",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
)


def summarize(part10: bytes) -> list[str]:
    """Return the main content of an object, one line each, the SR's content items indented by their depth.

    Args:
        part10: the stored object.

    Raises:
        PermanentError: when it is no DICOM object, or no whole one.
    """
    try:
        return _list_lines(part10)
    except UNREADABLE as error:
        raise PermanentError(
            say(
                "the stored object cannot be read as DICOM ({error}): restore a backup of the database",
                error=type(error).__name__,
            )
        ) from error


def _list_lines(part10: bytes) -> list[str]:
    dataset = dcmread(io.BytesIO(part10))
    lines = [
        f"{dataset.SOPClassUID.name}, {dataset.file_meta.TransferSyntaxUID.name}, {len(part10):,} bytes",
        f"series: {dataset.get('SeriesNumber')} {dataset.get('SeriesDescription', '')}",
    ]
    for item in dataset.get("PredecessorDocumentsSequence") or []:
        for series in item.ReferencedSeriesSequence:
            for reference in series.ReferencedSOPSequence:
                lines.append(f"supersedes {reference.ReferencedSOPInstanceUID}")
    if "ContentSequence" in dataset:
        lines.append(f"{dataset.CompletionFlag}, {dataset.VerificationFlag}")
        lines.append(_name(dataset))
        lines.extend(_walk(dataset, 1))
    else:
        lines.extend(
            f"{keyword}: {_join(dataset[keyword].value)}" for keyword in PICTURE_FACTS if keyword in dataset
        )
        for item in dataset.get("SourceImageSequence") or []:
            lines.append(f"derived from {item.ReferencedSOPInstanceUID}")
    return lines


def _walk(item: Dataset, depth: int) -> Iterator[str]:
    for child in item.get("ContentSequence") or []:
        value = _read_value(child)
        yield "  " * depth + " = ".join(part for part in (_name(child), value) if part)
        yield from _walk(child, depth + 1)


def _name(item: Dataset) -> str:
    codes = item.get("ConceptNameCodeSequence")
    return str(codes[0].get("CodeMeaning", "")) if codes else str(item.get("ValueType", ""))


def _read_value(item: Dataset) -> str:
    """Return the value of a content item (PS3.3 Table C.17.3-7)."""
    if item.ValueType == "CODE":
        code = item.ConceptCodeSequence[0]
        return f"{code.CodeMeaning} ({code.get('CodeValue', '')}, {code.CodingSchemeDesignator})"
    if item.ValueType == "NUM":
        measured = item.MeasuredValueSequence[0]
        return f"{measured.NumericValue} {measured.MeasurementUnitsCodeSequence[0].CodeValue}"
    if item.ValueType == "IMAGE":
        return str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
    return str(item.get("TextValue") or item.get("UID") or "")


def _join(value: object) -> str:
    return str(value) if isinstance(value, str | int) else "\\".join(map(str, value))  # type: ignore[call-overload]
