"""The real files that mutations start from: pydicom's, pydicom-data's, and `../shared`'s where they are."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom import dcmread
from pydicom.data import get_testdata_files
from pydicom.dataelem import RawDataElement
from pydicom.errors import InvalidDicomError
from pydicom.tag import Tag
from pydicom.uid import DigitalXRayImageStorageForPresentation

from tests import checkout
from tests.films import small_film

SHARED = checkout.SHARED_DATA / "dicom"

MAXIMUM_BYTES = 700_000
"""Larger files take longer to send and break in no other way."""


UNREADABLE = (
    InvalidDicomError,
    AttributeError,
    KeyError,
    NotImplementedError,
    EOFError,
    ValueError,
    TypeError,
)
"""Exceptions of pydicom for its test files that are broken on purpose."""


@dataclass(frozen=True)
class Element:
    """The place of a top-level element in its dataset, bytes."""

    tag: int
    start: int
    value: int
    end: int
    explicit: bool

    @property
    def length_field(self) -> tuple[int, int]:
        """Return the offset of the length field, and its size in bytes."""
        return (self.value - 2, 2) if self.explicit and self.value - self.start == 8 else (self.value - 4, 4)


@dataclass(frozen=True)
class Source:
    """A real file, taken apart."""

    name: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    dataset: bytes
    elements: tuple[Element, ...]
    """Empty where the dataset is deflated."""
    is_chest_film: bool = False
    """True for a film that is screened unless a mutation prevents it."""

    @property
    def pixels(self) -> int:
        """Return the offset of the value of Pixel Data."""
        return next(
            (element.value for element in self.elements if element.tag == 0x7FE00010), len(self.dataset)
        )


def list_sources(folder: Path) -> list[Source]:
    """Return every file that has an identity and pixels, smallest first.

    Args:
        folder: where a film of 512 pixels a side may be written.
    """
    paths = [Path(name) for name in get_testdata_files()] + sorted(SHARED.glob("*.dcm"))
    found = [source for path in paths for source in _open(path)]
    found += [replace(source, is_chest_film=True) for source in _open(small_film(folder))]
    return sorted(found, key=lambda candidate: (len(candidate.dataset), candidate.name))


def _open(path: Path) -> Iterator[Source]:
    """Yield a file as it is, and as a chest film, so that its pixels are looked at whatever it was."""
    if not path.is_file() or path.stat().st_size > MAXIMUM_BYTES:
        return
    warnings.filterwarnings("ignore", category=UserWarning, module="pydicom")  # some are broken on purpose
    try:
        film = dcmread(path)
        as_it_is = _take_apart(path.name, path.read_bytes())
        if as_it_is is None:
            return
        film.SOPClassUID = film.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
        film.Modality, film.BodyPartExamined, film.ViewPosition, film.PatientAge = "DX", "CHEST", "PA", "040Y"
        buffer = io.BytesIO()
        film.save_as(buffer)
        as_chest = _take_apart(f"{path.name} as a chest film", buffer.getvalue())
    except UNREADABLE:
        return
    yield as_it_is
    if as_chest is not None:
        yield as_chest


def _take_apart(name: str, content: bytes) -> Source | None:
    film = dcmread(io.BytesIO(content))
    uids = [str(film.SOPClassUID), str(film.SOPInstanceUID), str(film.file_meta.TransferSyntaxUID)]
    offset = 128 + 4 + 12 + int(film.file_meta.FileMetaInformationGroupLength)
    dataset = content[offset:]
    if "PixelData" not in film or not uids[1]:
        return None
    return Source(name, *uids, dataset, tuple(_find_elements(film, offset, len(dataset))))


def _find_elements(film: object, offset: int, size: int) -> Iterator[Element]:
    """Yield the elements that pydicom left as they are in the file; not those of a deflated dataset."""
    rows = [
        row
        for row in film._dict.values()  # type: ignore[attr-defined]
        if isinstance(row, RawDataElement) and row.is_little_endian
    ]
    if film.file_meta.TransferSyntaxUID.is_deflated:  # type: ignore[attr-defined]
        return
    for row in rows:
        value = row.value_tell - offset
        long_form = not row.is_implicit_VR and row.VR in {
            "OB", "OW", "OF", "OD", "OL", "OV", "UN", "UT", "UC", "UR", "SQ", "SV", "UV",
        }  # fmt: skip
        start = value - (12 if long_form else 8)
        end = size if row.length == 0xFFFFFFFF else value + row.length
        if 0 <= start < value <= end <= size:
            yield Element(int(Tag(row.tag)), start, value, end, not row.is_implicit_VR)
