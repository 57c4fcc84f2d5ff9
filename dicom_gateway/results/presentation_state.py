"""The Grayscale Softcopy Presentation State of one screening (PS3.3 A.33.1), for viewers that apply them.

It lays the outlines of the regions and the result as text over the film itself. It carries the film's own
modality and VOI transforms and its inversion, because a viewer that applies a presentation state applies no
transform of the film (PS3.4 N.2).
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from highdicom import ContributingEquipment, pr
from highdicom.color import CIELabColor
from highdicom.content import ModalityLUTTransformation
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import DSfloat

from db.delivery.outbox import ReportableScreening
from db.delivery.report_objects import BuiltReport
from db.films.screenings import Heat
from dicom_gateway.identifiers import derive_uid
from dicom_gateway.pixels.grey_transforms import (
    GreyTransforms,
    LookupTable,
    describe_transforms,
    find_window,
    is_inverted,
)
from dicom_gateway.results.algorithm_equipment import derive_algorithm_uid, describe_algorithm
from dicom_gateway.results.finding_outlines import trace_outlines
from dicom_gateway.results.report_encoding import encode, localize
from dicom_gateway.results.report_identity import derive_identity
from dicom_gateway.results.report_wording import (
    HEADLINES,
    MANUFACTURER,
    MODEL_NAME,
    NOT_A_DEVICE,
    describe_series,
    describe_tb_score,
    list_remarks,
)
from dicom_gateway.results.source_header import make_evidence, read_source, restore_as_sent
from dicom_gateway.settings import CourierSettings
from domain.codes import Finding, ReportKind
from domain.notices import NOT_VERIFIED
from domain.regions import Outline
from domain.viewing.film_scale import read_scale

SERIES_NUMBER: Final = 9004
LAYER: Final = "TBSCREEN"
"""Graphic Layer (0070,0002) of outline and text."""
LABEL: Final = "TB_AI_RESULT"
"""Content Label (0070,0080)."""
AMBER: Final = CIELabColor(l_star=80.0, a_star=15.0, b_star=70.0)
"""Recommended colour of the layer (PS3.3 C.10.7.1.1)."""
NO_MODALITY_TRANSFORM: Final = ModalityLUTTransformation(0.0, 1.0, "US")
NO_WINDOW: Final = pr.SoftcopyVOILUTTransformation(window_center=128.0, window_width=256.0)
"""Both are replaced by the film's; without them highdicom looks for functional groups in some films."""
LONGEST_LINE: Final = 64
"""Characters of a line of text."""
TEXT_BOX: Final = (0.02, 0.02, 0.98, 0.22)
"""Left, top, right and bottom of the text, as shares of the displayed area."""
MAX_TEXT: Final = 1024
"""Characters of Unformatted Text Value (0070,0006), whose VR is ST."""


def build_presentation_state(
    screening: ReportableScreening,
    heat: Heat | None,
    transforms: Mapping[str, Any] | None,
    settings: CourierSettings,
    software_version: str,
) -> BuiltReport:
    """Build the presentation state of one screening. Its UIDs derive from the result, as those of the SR.

    Args:
        screening: the film's header, the result and the bundle's manifest.
        heat: the heat map, from which the outlines come; None for a bundle without one.
        transforms: a `GreyTransforms` as JSON, from the film's preparation; None where they are not known,
            for which the film's header stands in.
        settings: AE title.
        software_version: version of tbscreen.

    Returns:
        The object as DICOM Part 10 bytes, Explicit VR Little Endian.
    """
    source = read_source(screening.header)
    moment = localize(screening.finished_at, source)
    identity = derive_identity(screening, ReportKind.GSPS)
    evidence = make_evidence(source)
    evidence.SamplesPerPixel = 1
    outlines = [region.outline for region in trace_outlines(screening, heat).regions]
    layer = pr.GraphicLayer(LAYER, order=1, description="Result of the model", display_color=AMBER)
    state = pr.GrayscaleSoftcopyPresentationState(
        referenced_images=[evidence],
        series_instance_uid=derive_uid(*identity, "series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=derive_uid(*identity),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MODEL_NAME,
        software_versions=software_version,
        device_serial_number=settings.ae_title,
        content_label=LABEL,
        content_description=NOT_VERIFIED,
        graphic_layers=[layer],
        graphic_annotations=[_annotate(evidence, layer, outlines, _write_text(screening, bool(outlines)))],
        modality_lut_transformation=NO_MODALITY_TRANSFORM,
        voi_lut_transformations=[NO_WINDOW],
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=describe_series(screening),
        contributing_equipment=[_name_algorithm(screening)],
    )
    state.BodyPartExamined = "CHEST"
    _describe_pixel_shape(state, screening.header, source)
    _add_transforms(state, _read_transforms(transforms, source))
    _date(state, moment)
    restore_as_sent(state, source)
    return BuiltReport(
        sop_instance_uid=str(state.SOPInstanceUID),
        sop_class_uid=str(state.SOPClassUID),
        kind=ReportKind.GSPS.value,
        part10=encode(state, source),
    )


def _name_algorithm(screening: ReportableScreening) -> ContributingEquipment:
    uid = derive_algorithm_uid(screening.bundle_digest)
    return describe_algorithm(screening.manifest["name"], screening.manifest["version"], uid)


def may_be_presented(screening: ReportableScreening) -> bool:
    """False for a colour picture, and for a header without the size that the displayed area names."""
    source = read_source(screening.header)
    sizes = (source.get("Rows"), source.get("Columns"))
    return source.get("SamplesPerPixel", 1) == 1 and all(isinstance(size, int) and size > 0 for size in sizes)


def _read_transforms(stored: Mapping[str, Any] | None, source: Dataset) -> GreyTransforms:
    """Return the transforms of the film's preparation, else those of its header, else none."""
    if stored is not None:
        return GreyTransforms.model_validate(stored)
    return describe_transforms(source, find_window(source)) or GreyTransforms(inverse=is_inverted(source))


def _annotate(
    evidence: Dataset, layer: pr.GraphicLayer, outlines: Sequence[Outline], text: str
) -> pr.GraphicAnnotation:
    return pr.GraphicAnnotation(
        referenced_images=[evidence],
        graphic_layer=layer,
        graphic_objects=[
            pr.GraphicObject(
                pr.GraphicTypeValues.POLYLINE, outline, pr.AnnotationUnitsValues.PIXEL, is_filled=False
            )
            for outline in outlines
        ],
        text_objects=[
            pr.TextObject(
                text,
                pr.AnnotationUnitsValues.DISPLAY,
                bounding_box=TEXT_BOX,
                text_justification=pr.TextJustificationValues.LEFT,
            )
        ],
    )


def _write_text(screening: ReportableScreening, has_outline: bool) -> str:
    """Return the text: short lines, since viewers do not wrap, separated as PS3.5 6.2 (ST) asks."""
    manifest = screening.manifest
    sentences = [
        f"{NOT_VERIFIED}.",
        NOT_A_DEVICE,
        HEADLINES[Finding(screening.finding)],
        *describe_tb_score(screening),
        f"Priority {screening.priority}.",
        *(["Outline: what raised the score most; no outline of disease."] if has_outline else []),
        *list_remarks(screening),
        f"Model {manifest['name']} {manifest['version']}, operating point {screening.operating_point}.",
    ]
    lines = [line for sentence in sentences for line in textwrap.wrap(sentence, LONGEST_LINE)]
    text = "\r\n".join(lines)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + "..."


def _describe_pixel_shape(state: Dataset, header: Mapping[str, Any], source: Dataset) -> None:
    """Tell that the film's pixels are not square: a viewer takes it from the state alone (PS3.3 C.10.4)."""
    (area,) = state.DisplayedAreaSelectionSequence
    scale, ratio = read_scale(header), source.get("PixelAspectRatio")
    if scale is not None and scale.row_mm is not None and scale.column_mm is not None:
        if scale.row_mm != scale.column_mm:
            del area.PresentationPixelAspectRatio
            area.PresentationPixelSpacing = [
                DSfloat(size, auto_format=True) for size in (scale.row_mm, scale.column_mm)
            ]
    elif isinstance(ratio, Sequence) and [isinstance(side, int) and side > 0 for side in ratio] == [True] * 2:
        area.PresentationPixelAspectRatio = list(ratio)


def _add_transforms(state: Dataset, transforms: GreyTransforms) -> None:
    """Add Modality LUT, Softcopy VOI LUT and Softcopy Presentation LUT (PS3.3 C.11.1, C.11.8, C.11.6)."""
    if transforms.modality_table is not None:
        item = _make_table(transforms.modality_table)
        item.ModalityLUTType = "US"
        state.ModalityLUTSequence = [item]
        del state.RescaleIntercept, state.RescaleSlope, state.RescaleType
    else:
        state.RescaleIntercept = DSfloat(transforms.intercept, auto_format=True)
        state.RescaleSlope = DSfloat(transforms.slope, auto_format=True)
    del state.SoftcopyVOILUTSequence
    shown = Dataset()
    if transforms.voi_table is not None:
        shown.VOILUTSequence = [_make_table(transforms.voi_table)]
    elif transforms.center is not None and transforms.width is not None:
        shown.WindowCenter = DSfloat(transforms.center, auto_format=True)
        shown.WindowWidth = DSfloat(transforms.width, auto_format=True)
        if transforms.function != "LINEAR":
            shown.VOILUTFunction = transforms.function
    if shown:
        state.SoftcopyVOILUTSequence = [shown]
    state.PresentationLUTShape = "INVERSE" if transforms.inverse else "IDENTITY"


def _make_table(table: LookupTable) -> Dataset:
    """Return the item of a lookup table; its first value is signed where it is negative."""
    content = table.unpack()
    entries: Any = len(content) // 2 % 2**16
    if table.bits == 8:  # bytes, two in a word (PS3.3 C.11.1.1.1)
        content = content[::2] + b"\0" * (len(content) // 2 % 2)
    vr = "SS" if table.first < 0 else "US"
    if vr == "SS" and entries >= 2**15:
        entries -= 2**16
    item = Dataset()
    item.add_new("LUTDescriptor", vr, [entries, table.first, table.bits])
    item.add_new("LUTData", "OW", content)
    return item


def _date(state: Dataset, moment: datetime) -> None:
    """Give every date and time of the state the moment of the result, so that it is the same when rebuilt."""
    day, time = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")
    for prefix in ("InstanceCreation", "PresentationCreation"):
        setattr(state, f"{prefix}Date", day)
        setattr(state, f"{prefix}Time", time)
    for equipment in state.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = f"{day}{time}"
