"""The Secondary Capture of one screening (PS3.3 A.8.1), for viewers without SR.

It is an RGB image of the film with the heat map and the burned-in result. Its Image Type is DERIVED, and its
series is described as "AI result, not verified by a physician".
"""

from __future__ import annotations

import io
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset, validate_file_meta
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit, SecondaryCaptureImageStorage

from db.delivery.outbox import ReportableScreening
from db.delivery.report_objects import BuiltReport
from db.films.screenings import Heat
from dicom_gateway.identifiers import derive_uid
from dicom_gateway.results.algorithm_equipment import derive_algorithm_uid, describe_algorithm
from dicom_gateway.results.report_encoding import encode, localize
from dicom_gateway.results.report_identity import derive_identity
from dicom_gateway.results.report_wording import (
    HEADLINES,
    MANUFACTURER,
    MODEL_NAME,
    NOT_A_DEVICE,
    describe_series,
    describe_tb_score,
    find_tb_score,
    list_remarks,
)
from dicom_gateway.results.result_picture import Caption, draw_result
from dicom_gateway.results.source_header import (
    TYPE_2,
    has_its_vr,
    make_evidence,
    read_source,
    restore_as_sent,
)
from dicom_gateway.settings import CourierSettings
from domain.codes import Finding, ReportKind
from domain.languages.catalogue import load_catalogue
from domain.languages.sentence import say, say_value
from domain.notices import NOT_VERIFIED
from domain.regions import find_regions

SERIES_NUMBER: Final = 9002
JPEG_QUALITY: Final = 92
JPEG_METHOD: Final = "ISO_10918_1"

VISUAL_EXPLANATION: Final = ("130401", "DCM", "Visual explanation")
SOURCE_IMAGE: Final = ("121322", "DCM", "Source image for image processing operation")
"""CID 7202 Source Image Purposes of Reference."""


def build_secondary_capture(
    screening: ReportableScreening,
    rendition: bytes,
    heat: Heat | None,
    settings: CourierSettings,
    software_version: str,
) -> BuiltReport:
    """Build the Secondary Capture of one screening. Its UIDs derive from the result, as those of the SR.

    Args:
        screening: the film's header, the result and the bundle's manifest.
        rendition: the film's rendition, a grey JPEG.
        heat: the heat map; None for a bundle without one, which the picture states.
        settings: AE title and compression.
        software_version: version of tbscreen.

    Returns:
        The object as DICOM Part 10 bytes: JPEG Baseline or Explicit VR Little Endian, 8-bit colour.
    """
    source = read_source(screening.header)
    moment = localize(screening.finished_at, source)
    with Image.open(io.BytesIO(rendition)) as film:
        ratio = film.width * film.height / len(rendition)
        regions = find_regions(Finding(screening.finding), heat, film.height, film.width)
        pixels = draw_result(
            film, heat, _write_caption(screening, moment, settings.picture_language), regions
        )
    image = _describe_image(screening, source, moment, settings, software_version)
    ratios = [ratio]
    if settings.sc_compression == "jpeg":
        ratios.append(_compress(image, pixels))
    else:
        _store_plain(image, pixels)
    _describe_compression(image, ratios)
    restore_as_sent(image, source)
    return BuiltReport(
        sop_instance_uid=str(image.SOPInstanceUID),
        sop_class_uid=str(image.SOPClassUID),
        kind=ReportKind.SC.value,
        part10=encode(image, source),
    )


def _write_caption(screening: ReportableScreening, moment: datetime, language: str) -> Caption:
    """Write the text in the site's language; the notice stands in English beside its translation."""
    manifest, catalogue = screening.manifest, load_catalogue(language)
    tell = catalogue.translate
    notices = dict.fromkeys((tell(say(NOT_VERIFIED)), NOT_VERIFIED))
    facts = [
        *describe_tb_score(screening),
        say("Priority {priority}.", priority=say_value(screening.priority)),
        *list_remarks(screening),
        say(
            "Model {name} {version}, operating point {point}, {moment}.",
            name=manifest["name"],
            version=manifest["version"],
            point=screening.operating_point,
            moment=moment.strftime("%Y-%m-%d %H:%M %z"),
        ),
    ]
    if not catalogue.language.checked:
        facts.append(say("No clinician who is a native speaker has checked this translation."))
    return Caption(
        notice=" · ".join(notices),
        disclaimer=tell(NOT_A_DEVICE),
        headline=tell(HEADLINES[Finding(screening.finding)]),
        tb_score=find_tb_score(screening),
        facts=[tell(fact) for fact in facts],
        language=language,
    )


def _describe_image(
    screening: ReportableScreening,
    source: Dataset,
    moment: datetime,
    settings: CourierSettings,
    software_version: str,
) -> Dataset:
    """Return the image with all modules except the pixels."""
    identity = derive_identity(screening, ReportKind.SC)
    evidence = make_evidence(source)
    image = Dataset()
    image.SOPClassUID = SecondaryCaptureImageStorage
    image.SOPInstanceUID = derive_uid(*identity)
    image.StudyInstanceUID = evidence.StudyInstanceUID
    for keyword in TYPE_2:
        setattr(image, keyword, "")
    day, time = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")
    # General Series and Equipment (PS3.3 C.7.3.1, C.7.5.1)
    image.Modality = "OT"
    image.SeriesInstanceUID = derive_uid(*identity, "series")
    image.SeriesNumber, image.BodyPartExamined = SERIES_NUMBER, "CHEST"
    image.SeriesDescription = describe_series(screening)
    image.Manufacturer, image.ManufacturerModelName = MANUFACTURER, MODEL_NAME
    image.DeviceSerialNumber, image.SoftwareVersions = settings.ae_title, software_version
    # SC Equipment and Image (C.8.6.1, C.8.6.2)
    image.ConversionType = "WSD"
    image.SecondaryCaptureDeviceManufacturer = MANUFACTURER
    image.SecondaryCaptureDeviceManufacturerModelName = MODEL_NAME
    image.SecondaryCaptureDeviceSoftwareVersions = software_version
    manifest, uid = screening.manifest, derive_algorithm_uid(screening.bundle_digest)
    algorithm = describe_algorithm(manifest["name"], manifest["version"], uid)
    image.ContributingEquipmentSequence = Sequence([algorithm])
    # General Image and Reference (C.7.6.1, C.12.4)
    image.InstanceNumber = 1
    image.ImageType = ["DERIVED", "SECONDARY"]
    oriented = has_its_vr(source, "PatientOrientation")
    image.PatientOrientation = (source.PatientOrientation or "") if oriented else ""
    for prefix in ("Content", "InstanceCreation"):
        setattr(image, f"{prefix}Date", day)
        setattr(image, f"{prefix}Time", time)
    image.DateOfSecondaryCapture, image.TimeOfSecondaryCapture = day, time
    image.BurnedInAnnotation, image.RecognizableVisualFeatures = "YES", "NO"
    image.DerivationDescription = "Film with what raised the model's score laid over it, and the result"
    image.DerivationCodeSequence = Sequence([_make_code(*VISUAL_EXPLANATION)])
    film = Dataset()
    film.ReferencedSOPClassUID = screening.sop_class_uid
    film.ReferencedSOPInstanceUID = screening.sop_instance_uid
    film.PurposeOfReferenceCodeSequence = Sequence([_make_code(*SOURCE_IMAGE)])
    image.SourceImageSequence = Sequence([film])
    return image


def _make_code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _store_plain(image: Dataset, pixels: npt.NDArray[np.uint8]) -> None:
    _describe_pixels(image, pixels, "RGB")
    image.PixelData = pixels.tobytes() + b"\0" * (pixels.size % 2)
    _add_file_meta(image, ExplicitVRLittleEndian)


def _compress(image: Dataset, pixels: npt.NDArray[np.uint8]) -> float:
    """Store the pixels as JPEG Baseline, with colour at half the width; return the compression ratio."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling="4:2:2", optimize=True)
    _describe_pixels(image, pixels, "YBR_FULL_422")
    image.PixelData = encapsulate([buffer.getvalue()])
    image["PixelData"].VR = "OB"
    _add_file_meta(image, JPEGBaseline8Bit)
    return pixels.size / len(buffer.getvalue())


def _describe_pixels(image: Dataset, pixels: npt.NDArray[np.uint8], interpretation: str) -> None:
    """Add the Image Pixel module (PS3.3 C.7.6.3) without the pixels."""
    image.SamplesPerPixel, image.PlanarConfiguration = 3, 0
    image.PhotometricInterpretation = interpretation
    image.Rows, image.Columns = pixels.shape[:2]
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0


def _describe_compression(image: Dataset, ratios: list[float]) -> None:
    """Add the lossy compression of the film's rendition and of the picture (PS3.3 C.7.6.1.1.5)."""
    image.LossyImageCompression = "01"
    image.LossyImageCompressionRatio = [f"{ratio:.2f}" for ratio in ratios]
    image.LossyImageCompressionMethod = [JPEG_METHOD] * len(ratios)


def _add_file_meta(image: Dataset, syntax: UID) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = image.SOPClassUID
    meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.FileMetaInformationGroupLength = 0
    validate_file_meta(meta)
    image.file_meta = meta
    image.preamble = b"\0" * 128
