"""The attributes and the content tree of sent objects, read from sample objects."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dicom_gateway.results.source_header import PATIENT_AND_STUDY

CONSTANT = (
    "Manufacturer",
    "ManufacturerModelName",
    "SOPClassUID",
    "SeriesNumber",
    "Modality",
    "CompletionFlag",
    "VerificationFlag",
    "PreliminaryFlag",
    "ValueType",
    "ContinuityOfContent",
    "ImageType",
    "ConversionType",
    "BurnedInAnnotation",
    "RecognizableVisualFeatures",
    "SamplesPerPixel",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PlanarConfiguration",
    "PhotometricInterpretation",
    "LossyImageCompression",
    "InstanceNumber",
    "ContentLabel",
    "RescaleType",
)
"""Attributes whose value is the same in all objects, so that the statement gives it."""


def list_attributes(sent: Dataset) -> Iterator[tuple[str, str, str, str]]:
    """Yield tag, name, VR and source of the value of each attribute."""
    for element in sent:
        tag = f"({element.tag.group:04X},{element.tag.element:04X})"
        yield tag, element.name, element.VR, _explain(element)


def _explain(element: DataElement) -> str:
    if element.keyword in PATIENT_AND_STUDY:
        return "copied from the film; empty where it has none"
    if element.keyword in CONSTANT:
        value = element.value
        text = "\\".join(map(str, value)) if element.VM > 1 else str(value)
        return f"`{text}`"
    if element.keyword == "SeriesDescription":
        return f"e.g. `{element.value}`"
    if element.keyword == "SpecificCharacterSet":
        return "the film's, where it carries the text; else ISO_IR 192"
    return "generated"


def list_content(item: Dataset, depth: int = 0) -> Iterator[str]:
    """Yield the content tree below an item (PS3.3 C.17.3), one line of a nested list for each item."""
    for child in item.get("ContentSequence", ()):
        yield f"{'  ' * depth}- {_describe(child)}"
        yield from list_content(child, depth + 1)


def _describe(item: Dataset) -> str:
    name = ""
    if item.get("ConceptNameCodeSequence"):
        name = f" {_write_code(item.ConceptNameCodeSequence[0])}"
    value = ""
    if item.get("ConceptCodeSequence"):
        value = f" = {_write_code(item.ConceptCodeSequence[0])}"
    elif item.get("MeasuredValueSequence"):
        value = f" in {_write_code(item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0])}"
    return f"{item.get('RelationshipType', '')} {item.get('ValueType', 'reference')}{name}{value}"


def _write_code(code: Dataset) -> str:
    value = code.get("CodeValue") or code.get("LongCodeValue") or ""
    return f'({value}, {code.CodingSchemeDesignator}, "{code.CodeMeaning}")'
