"""Real pictures with which the image guard is taught and measured, and what each of them is.

    python -m benchmarks.guard_films OTHERS.npz [--films FOLDER]

Reads the DICOM files of `--films` (by default `../shared/data/dicom`), of pydicom and of pydicom-data, and
the photographs that scikit-learn and matplotlib bring, makes arrays of them as the gateway would, and writes
them for `python -m training.guard.image_guard`. Files of the same picture in several syntaxes count once.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file

from dicom_gateway.library_settings import configure_dicom_libraries
from dicom_gateway.pixels.radiograph import read_display
from domain.array.normalization import FilmArray, normalize
from domain.errors import PermanentError

FRONTAL, OTHER, NO_XRAY = "frontal_chest", "other_radiograph", "not_an_xray"

SHARED: Final = {
    "RG1_J2KI": ("RG1", FRONTAL),
    "1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819": ("RSNA film", FRONTAL),
    "RG2_RLE": ("RG2 hip", OTHER),
    "RG3_RLE": ("RG3 extremity", OTHER),
    "MG1_J2KI": ("MG1 breast", OTHER),
    "XA1_J2KI": ("XA1 angiogram", OTHER),
    "dx_image": ("dog's thorax", OTHER),
    "fuji_chest_without_preamble": ("Fuji chest", FRONTAL),
    "fuji_chest_portable_rle": ("Fuji portable chest", FRONTAL),
    "konica_chest_jpeg_mono1": ("Konica chest", FRONTAL),
    "teeth_panoramic_cr": ("teeth, panoramic", OTHER),
    "teeth_intraoral": ("teeth, intra-oral", OTHER),
    "ct_topogram_as_ot": ("CT topogram, abdomen", OTHER),
    "siemens_rf": ("RF shoulder", OTHER),
    "mammogram": ("page of text", NO_XRAY),
}
"""Files of the shared folder: subject and kind."""

PACKAGED: Final = {
    "RG1_UNCR": ("RG1", FRONTAL),
    "RG3_UNCR": ("RG3 extremity", OTHER),
    "693_UNCR": ("CT 693 head", NO_XRAY),
    "CT_small": ("CT small", NO_XRAY),
    "J2K_pixelrep_mismatch": ("CT head", NO_XRAY),
    "bad_sequence": ("CT neck", NO_XRAY),
    "explicit_VR-UN": ("CT pancreas", NO_XRAY),
    "MR2_UNCR": ("MR2", NO_XRAY),
    "MR_small": ("MR small", NO_XRAY),
    "examples_overlay": ("MR abdomen", NO_XRAY),
    "emri_small": ("MR head", NO_XRAY),
    "JPEG2000_UNC": ("NM whole body", NO_XRAY),
    "JPGLosslessP14SV1_1s_1f_8b": ("US grey", NO_XRAY),
    "US1_UNCR": ("US 13US1", NO_XRAY),
    "examples_ybr_color": ("US 204", NO_XRAY),
    "liver_1frame": ("segmentation", NO_XRAY),
    "image_dfl": ("drawing", NO_XRAY),
    "mlut_18": ("LUT pattern", NO_XRAY),
    "vlut_04": ("LUT pattern", NO_XRAY),
    "SC_rgb": ("colour bars", NO_XRAY),
    "SC_rgb_jpeg": ("colour picture", NO_XRAY),
}
"""Files of pydicom and pydicom-data."""


@dataclass(frozen=True)
class GuardFilm:
    """One picture, whose it is, and what it is."""

    name: str
    subject: str
    kind: str
    array: FilmArray


def read_films(shared: Path) -> Iterator[GuardFilm]:
    """Yield the pictures that are here; a folder or package that is missing is passed over."""
    for name, (subject, kind) in SHARED.items():
        path = shared / f"{name}.dcm"
        if path.is_file():
            yield GuardFilm(name[:24], subject, kind, _read(path))
    for name, (subject, kind) in PACKAGED.items():
        found = get_testdata_file(f"{name}.dcm", download=False)
        if found is not None and not (name.startswith("RG") and shared.is_dir()):
            yield GuardFilm(name, subject, kind, _read(Path(found)))
    yield from _read_photographs()


def _read(path: Path) -> FilmArray:
    try:
        return normalize(read_display(path))
    except PermanentError:
        # In colour, or of several frames: refused before the guard sees it, but a picture all the same.
        return normalize(_stretch(_take_frame(dcmread(path))))


def _take_frame(film: Any) -> npt.NDArray[Any]:
    pixels = np.asarray(film.pixel_array)
    if int(film.get("NumberOfFrames") or 1) > 1:
        pixels = pixels[len(pixels) // 2]
    return pixels.mean(axis=-1) if pixels.ndim == 3 else pixels


def _stretch(pixels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    low, high = float(pixels.min()), float(pixels.max())
    return ((pixels - low) / max(high - low, 1e-6)).astype(np.float32)


def _read_photographs() -> Iterator[GuardFilm]:
    import matplotlib
    import sklearn.datasets

    folders = (
        Path(sklearn.datasets.__file__).parent / "images",
        Path(matplotlib.get_data_path()) / "sample_data",
    )
    for folder in folders:
        for path in sorted(path for path in folder.glob("*") if path.suffix in (".jpg", ".png")):
            with Image.open(path) as image:
                grey = np.asarray(image.convert("L"), dtype=np.float32)
            yield GuardFilm(path.stem, f"photograph {path.stem}", NO_XRAY, normalize(_stretch(grey)))


def write_films(shared: Path, output: Path) -> str:
    """Write the pictures into a file, and return what was written in words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        films = list(read_films(shared))
    np.savez_compressed(
        output,
        arrays=np.stack([film.array for film in films]).astype(np.float16),
        names=[film.name for film in films],
        subjects=[film.subject for film in films],
        kinds=[film.kind for film in films],
    )
    subjects = len({film.subject for film in films})
    return f"{len(films)} pictures of {subjects} subjects"


def main() -> None:
    """Write the pictures into a file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--films", type=Path, default=Path("../shared/data/dicom"))
    options = parser.parse_args()
    configure_dicom_libraries()
    print(f"{options.output}: {write_films(options.films, options.output)}")


if __name__ == "__main__":
    main()
