"""Reads a dataset strictly up to its pixels, without decoding them.

pydicom reads what it can and tolerates the rest, which suits a viewer but not a gateway: a dataset that was
cut short must not be answered with success. This module parses with pydicom and checks that every element is
as long as its length states.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from pydicom import dcmread
from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filereader import data_element_generator, read_file_meta_info
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    UID,
    AllTransferSyntaxes,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicom_gateway.header_stream import HeaderStreamError, MeasuredStream, inflated
from dicom_gateway.source_uids import read_uid
from domain.dicom_file import PREAMBLE_BYTES, PREFIX, FileStart, find_start
from domain.errors import PermanentError
from domain.patient_identity import write_date

if TYPE_CHECKING:
    from db.worklist.studies import StudyHeader

PIXEL_TAGS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Float, Double Float and Pixel Data (PS3.3 C.7.6.24, C.7.6.25, C.7.6.3)."""

PER_FRAME: Final = 0x52009230
"""Per-Frame Functional Groups (PS3.3 C.7.6.16). Only multi-frame objects have them, which are refused by
earlier attributes; their elements may exceed the limit of reading."""

UNDEFINED_LENGTH: Final = 0xFFFFFFFF
"""Length of an element that ends with a delimiter (PS3.5 7.1.1); of Pixel Data only if encapsulated."""

MAX_READ_VALUE_BYTES: Final = 1024 * 1024
"""Largest value that is read; longer ones (an encapsulated PDF, raw data) are skipped, since they are not
needed."""

MAX_UID_CHARACTERS: Final = 64
"""Longest UID (PS3.5 9.1)."""

MAX_JSON_VALUE_BYTES: Final = 4096
"""Largest value that the database keeps; longer ones (overlays, lookup tables, private data) are left out."""


PLAIN_VRS: Final = frozenset({"AS", "CS", "DA", "DT", "LO", "SH", "TM", "UI"})
"""Value representations (PS3.5 6.2) of one text whose trailing padding means nothing."""

PLAIN_TEXT: Final = re.compile(rb"[!-\[\]-}][ -\[\]-}]*")
"""One value in the characters that all character sets share: ASCII up to }, without backslash."""

BARE_SYNTAXES: Final = {
    FileStart.IMPLICIT: ImplicitVRLittleEndian,
    FileStart.EXPLICIT: ExplicitVRLittleEndian,
}
"""Transfer syntaxes of datasets without file meta information."""


class NotUnderstoodError(PermanentError):
    """The dataset cannot be parsed: C-STORE answers 0xC000 (PS3.4 B.2.3)."""


class MismatchError(PermanentError):
    """The dataset contradicts its SOP class: C-STORE answers 0xA900 (PS3.4 B.2.3)."""


@dataclass(frozen=True)
class DatasetHeader:
    """A dataset without its pixels."""

    dataset: Dataset
    file_meta: FileMetaDataset
    transfer_syntax: UID
    has_pixels: bool
    """True also for a multi-frame object that is read only up to its Per-Frame Functional Groups."""
    dataset_offset: int
    """Offset of the dataset in the file, bytes."""
    pixel_offset: int | None = None
    """Offset of the element with the pixels in the file, bytes; None without one, and if deflated."""


class _Encoding(NamedTuple):
    """Properties of a transfer syntax."""

    implicit: bool
    little: bool
    native: bool
    """True where pixels are native (PS3.5 A.4): never encapsulated."""


def read_header(path: Path) -> DatasetHeader:
    """Read the dataset of a DICOM file, with or without preamble, up to its pixels.

    Raises:
        NotUnderstoodError: when an element is longer than the rest of the file, when the elements are not in
            order (PS3.5 7.1), when pixels are encapsulated in a transfer syntax of native pixels (PS3.5 8.2),
            or when the file holds no dataset.
        OSError: when the file cannot be read.
    """
    try:
        file_meta, offset = _read_file_meta(path)
        syntax = UID(str(file_meta.TransferSyntaxUID))
        if syntax not in AllTransferSyntaxes:
            # In practice, private syntaxes encode the header in explicit little endian.
            encoding = _Encoding(implicit=False, little=True, native=False)
        else:
            encoding = _Encoding(syntax.is_implicit_VR, syntax.is_little_endian, not syntax.is_encapsulated)
        with path.open("rb") as file:
            file.seek(offset)
            if syntax == DeflatedExplicitVRLittleEndian:
                with inflated(file) as stream:
                    dataset, has_pixels, _ = _read_elements(stream, encoding)
                pixel_offset = None
            else:
                dataset, has_pixels, pixel_offset = _read_elements(file, encoding)
    except NotUnderstoodError:
        raise
    except HeaderStreamError as error:
        raise NotUnderstoodError(str(error)) from None
    except Exception as error:
        # pydicom raises many types for malformed bytes (struct.error, RecursionError, KeyError, …). Their
        # texts may quote patient data, so only the type is given. An OSError of the operating system has a
        # number; pydicom's OSError at the end of the file has none.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise NotUnderstoodError(f"the dataset cannot be parsed ({type(error).__name__})") from None
    return DatasetHeader(dataset, file_meta, syntax, has_pixels, offset, pixel_offset)


def read_dataset(path: Path, *, with_pixels: bool = True, deferred_bytes: int | None = None) -> FileDataset:
    """Read a whole DICOM file as pydicom does, also one without preamble.

    Args:
        path: the file.
        with_pixels: read pixels.
        deferred_bytes: leave larger elements in the file until they are asked for; None to read all.

    Raises:
        Exception: of any type, for bytes that are not DICOM.
    """
    start = find_start(path)
    force = start is not None
    dataset = dcmread(path, force=force, stop_before_pixels=not with_pixels, defer_size=deferred_bytes)
    if deferred_bytes is not None and _is_deflated(dataset):  # places in the file are not those of elements
        dataset = dcmread(path, force=force, stop_before_pixels=not with_pixels)
    if start in BARE_SYNTAXES:
        dataset.file_meta.TransferSyntaxUID = BARE_SYNTAXES[start]
    return dataset


def _is_deflated(dataset: FileDataset) -> bool:
    return bool(dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian)


def _read_file_meta(path: Path) -> tuple[FileMetaDataset, int]:
    start = find_start(path)
    if start in BARE_SYNTAXES:
        bare = FileMetaDataset()
        bare.TransferSyntaxUID = BARE_SYNTAXES[start]
        return bare, 0
    if start is FileStart.META:
        file_meta = dcmread(path, force=True, specific_tags=[]).file_meta
        return _check_file_meta(file_meta, 0)
    return _check_file_meta(read_file_meta_info(path), PREAMBLE_BYTES + len(PREFIX))


def _check_file_meta(file_meta: FileMetaDataset, offset: int) -> tuple[FileMetaDataset, int]:
    # The group length element takes 12 bytes; then come the bytes that it counts.
    length = file_meta.get("FileMetaInformationGroupLength")
    if length is None or "TransferSyntaxUID" not in file_meta:
        raise NotUnderstoodError("the file meta information is incomplete")
    return file_meta, offset + 12 + int(length)


def _find_size(stream: BinaryIO) -> int:
    here = stream.tell()
    end = stream.seek(0, io.SEEK_END)
    stream.seek(here)
    return end


def _read_elements(stream: BinaryIO, encoding: _Encoding) -> tuple[Dataset, bool, int | None]:
    size = _find_size(stream)
    elements: dict[BaseTag, Any] = {}
    reached: list[int] = []
    begun = [-1]
    last = -1
    end = stream.tell()

    def reached_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
        begun[0] = int(tag)
        if int(tag) in PIXEL_TAGS:
            if encoding.native and length == UNDEFINED_LENGTH:
                raise NotUnderstoodError("encapsulated pixels in a transfer syntax of native pixels")
            reached.append(int(tag))
            return True
        if length != UNDEFINED_LENGTH and stream.tell() + length > size:
            raise NotUnderstoodError(
                f"element {tag} says it is {length} bytes long; the dataset ends before that"
            )
        return False

    measured: Any = MeasuredStream(stream)
    try:
        for element in data_element_generator(
            measured,
            encoding.implicit,
            encoding.little,
            stop_when=reached_pixels,
            defer_size=MAX_READ_VALUE_BYTES,
        ):
            if int(element.tag) <= last:
                raise NotUnderstoodError(f"element {element.tag} is out of order")
            last = int(element.tag)
            elements[element.tag] = element
            end = stream.tell()
    except (HeaderStreamError, OSError):  # within an item, pydicom raises an OSError instead
        if begun[0] != PER_FRAME or not measured.is_exceeded:
            raise
        reached.append(PER_FRAME)
    if not reached and end != size:
        raise NotUnderstoodError("the dataset ends in the middle of an element")
    if not elements:
        raise NotUnderstoodError("the dataset is empty")
    dataset = Dataset(elements)
    character_sets = convert_encodings(dataset.get("SpecificCharacterSet"))
    dataset.set_original_encoding(encoding.implicit, encoding.little, character_sets)
    return dataset, bool(reached), end if PIXEL_TAGS & set(reached) else None


def check_identity(header: DatasetHeader, sop_class_uid: str, sop_instance_uid: str) -> None:
    """Compare the dataset with the C-STORE request that brought it.

    Raises:
        NotUnderstoodError: when the dataset lacks a valid SOP Class UID or SOP Instance UID.
        MismatchError: when its SOP class or instance differs, or it is an image without pixels.
    """
    named_class = read_text(header.dataset, "SOPClassUID", MAX_UID_CHARACTERS + 1) or ""
    named_instance = read_text(header.dataset, "SOPInstanceUID", MAX_UID_CHARACTERS + 1) or ""
    if not named_class or not named_instance:
        raise NotUnderstoodError("the dataset has no SOP Class UID or no SOP Instance UID")
    if max(len(named_class), len(named_instance)) > MAX_UID_CHARACTERS:
        raise NotUnderstoodError(f"a UID of more than {MAX_UID_CHARACTERS} characters")
    if named_class != sop_class_uid:
        raise MismatchError("the dataset's SOP class is not the one that was announced")
    if named_instance != sop_instance_uid:
        raise MismatchError("the dataset's SOP instance is not the one that was announced")
    if is_image_storage(sop_class_uid) and not header.has_pixels:
        raise MismatchError("an image without Pixel Data")


def is_image_storage(sop_class_uid: str) -> bool:
    """True for an image storage SOP class, by its name."""
    name = UID(sop_class_uid).name
    return "Image Storage" in name and "Presentation State" not in name


def read_study(dataset: Dataset) -> StudyHeader:
    """Return the attributes of study and patient in the header.

    A film without a Study Instance UID (type 1, but missing in practice) forms a study under its own UID.
    """
    from db.worklist.studies import StudyHeader  # not for a process that decodes: it knows no database

    return StudyHeader(
        study_instance_uid=read_uid(dataset, "StudyInstanceUID") or str(dataset.SOPInstanceUID),
        accession_number=read_text(dataset, "AccessionNumber", 64),
        patient_id=read_text(dataset, "PatientID", 256),
        patient_id_issuer=read_text(dataset, "IssuerOfPatientID", 64),
        patient_name=read_text(dataset, "PatientName", 512),
        patient_birth_date=write_date(read_text(dataset, "PatientBirthDate", 10)),
        patient_sex=read_text(dataset, "PatientSex", 16),
        study_date=write_date(read_text(dataset, "StudyDate", 10)),
        study_time=(read_text(dataset, "StudyTime", 16) or "").replace(":", "") or None,
        description=read_text(dataset, "StudyDescription", 256),
    )


def read_text(dataset: Dataset, keyword: str, length: int) -> str | None:
    """Return an element as text of at most `length` characters, or None if it is absent or empty."""
    with _forgiven():
        value = dataset.get(keyword)
        text = "" if value is None else str(value).replace("\x00", "").strip()
        return text[:length] or None
    return None


def read_items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence; an empty list if it is absent, malformed or not a sequence."""
    with _forgiven():
        return [item for item in dataset.get(keyword) or [] if isinstance(item, Dataset)]
    return []


def to_json_model(dataset: Dataset, tags: Collection[int] | None = None) -> dict[str, Any]:
    """Return the header as DICOM JSON model (PS3.18 F.2).

    Pixels, overlays, private elements, long values and unreadable values are left out, also within sequences.

    Args:
        dataset: the header.
        tags: only these elements; None for all.
    """
    model: dict[str, Any] = {}
    for tag in dataset.keys():  # noqa: SIM118  iterating the dataset itself would parse every element
        if (tags is not None and tag not in tags) or not _is_kept(tag):
            continue
        with _forgiven():
            raw = dataset.get_item(tag)
            value = getattr(raw, "value", None)
            if isinstance(value, bytes) and len(value) > MAX_JSON_VALUE_BYTES:
                continue
            if isinstance(raw, RawDataElement) and value is None and raw.length:
                continue  # skipped when the header was read
            plain = _read_plain(raw)
            if plain is not None:
                model[f"{tag:08X}"] = plain
                continue
            element = dataset[tag]
            if element.VR == "SQ":
                for item in element.value:
                    item.walk(_drop_unkept)
            elif _is_long(element.value):
                continue
            model[f"{tag:08X}"] = _to_plain(element.to_json_dict(None, 0))
    return model


def _read_plain(raw: Any) -> dict[str, Any] | None:
    """Return the JSON model of a single value that is the same text in every character set, as most are.

    pydicom makes an element of each value first, which takes most of the time of a header.
    """
    value = getattr(raw, "value", None)
    if not (isinstance(raw, RawDataElement) and raw.VR in PLAIN_VRS and isinstance(value, bytes)):
        return None
    text = value.rstrip(b"\0 ")
    return {"vr": raw.VR, "Value": [text.decode("ascii")]} if PLAIN_TEXT.fullmatch(text) else None


def _to_plain(value: Any) -> Any:
    """Return a value that PostgreSQL stores as JSON, without NUL characters, which it cannot read back.

    Raises:
        ValueError: for a number or type that JSON does not have.
    """
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_to_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _to_plain(item) for key, item in value.items()}
    if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError(f"{type(value).__name__} is not a JSON type")


def _is_kept(tag: BaseTag) -> bool:
    return not (tag.group in (0x0002, 0x7FE0) or 0x6000 <= tag.group <= 0x60FF or tag.is_private)


def _drop_unkept(dataset: Dataset, element: Any) -> None:
    if not _is_kept(Tag(element.tag)) or (element.VR != "SQ" and _is_long(element.value)):
        del dataset[element.tag]


def _is_long(value: Any) -> bool:
    return len(value if isinstance(value, bytes) else str(value)) > MAX_JSON_VALUE_BYTES


@contextmanager
def _forgiven() -> Iterator[None]:
    """Suppress parser errors, so that a malformed value counts as missing."""
    try:
        yield
    except Exception:  # noqa: BLE001  any parser error; its text may quote patient data
        return
