"""JPEG 2000 decoded at half its size, which tbscreen does not do: what it would save, and what it costs.

    python -m benchmarks.reduced_decoding [--films FOLDER]

Each real film is decoded by one decoder, Pillow's OpenJPEG, whole and without its finest wavelet level; both
are made arrays. The level's low pass lies half a pixel aside, which is also shown corrected. Beside
it stands the decoder that the service uses, which always decodes whole. Chest films in other encodings are
encoded first, without loss. CPU times in ms, the least of three runs; differences of the arrays in 255ths,
the largest and the 99.9th percentile; for chest films the scores of the shipped bundle. The last line is one
JSON object.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless

from dicom_gateway.library_settings import configure_dicom_libraries
from dicom_gateway.pixels.frame_decoding import decode_frame
from dicom_gateway.pixels.radiograph import render
from domain.array.normalization import normalize
from domain.bundle.bundle import open_bundle
from tbscreen.machine import describe_machine
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from worker.predictor import Predictor

PACKAGED: Final = ("RG1_J2KR", "RG1_J2KI", "RG3_J2KR", "RG3_J2KI")
SHARED: Final = ("RG2_J2KI", "RG2_J2KR", "MG1_J2KI")
ENCODED: Final = (
    "1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819",
    "fuji_chest_portable_rle",
    "fuji_chest_without_preamble",
    "konica_chest_jpeg_mono1",
)
"""Chest films in other encodings."""
CHEST: Final = ("RG1_J2KR", "RG1_J2KI", *ENCODED)
RUNS: Final = 3
PRECISION_AT: Final = 42
"""Offset of the bit depth of the first component in a codestream (ISO/IEC 15444-1 A.5.1, Ssiz)."""


def read_film(path: Path, *, encode: bool) -> Any:
    """Read a file, and encode its pixels as lossless JPEG 2000 if wanted."""
    film = dcmread(path, force=True)
    if "TransferSyntaxUID" not in film.file_meta:
        film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if encode:
        bits = None if film.BitsAllocated == 8 else film.BitsStored
        stored = np.ascontiguousarray(decode_frame(film))
        frame = imagecodecs.jpeg2k_encode(stored, codecformat="j2k", reversible=True, bitspersample=bits)
        film.PixelData = encapsulate([bytes(frame)])
        film.file_meta.TransferSyntaxUID = JPEG2000Lossless
    return film


def decode_without(film: Any, levels: int) -> npt.NDArray[Any]:
    """Decode all but the finest `levels` levels, by Pillow."""
    frame = next(generate_frames(film.PixelData, number_of_frames=1))
    image: Any = Image.open(io.BytesIO(frame))
    image.reduce = levels
    image.load()
    stored = np.asarray(image)
    # Pillow scales what has more than 8 bits to 16.
    return stored if stored.dtype == np.uint8 else stored >> 16 - (frame[PRECISION_AT] & 0x7F) - 1


def move_half_a_pixel(display: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Move a film at half its size by a quarter of its pixels, along both axes."""
    for axis in (0, 1):
        following = np.take(display, [*range(1, display.shape[axis]), -1], axis)
        display = np.float32(0.75) * display + np.float32(0.25) * following
    return display


def take_least(
    decode: Callable[[], npt.NDArray[np.float32]],
) -> tuple[float, npt.NDArray[np.float32]]:
    """Return the least CPU time of some runs, from the codestream to the array, in ms, and what they give."""
    times = []
    for _ in range(RUNS):
        began = time.process_time()
        display = decode()
        normalize(display)
        times.append((time.process_time() - began) * 1000)
    return round(min(times), 1), display


def measure(film: Any, predictor: Predictor | None) -> dict[str, Any]:
    """Compare the two ways on one film, by scores too where a predictor is given."""
    service_ms, as_served = take_least(lambda: render(decode_frame(film), film).whole())
    whole_ms, display = take_least(lambda: render(decode_without(film, 0), film).whole())
    reduced_ms, reduced = take_least(lambda: render(decode_without(film, 1), film).whole())
    whole, half = normalize(display), normalize(reduced)
    moved = normalize(np.ascontiguousarray(move_half_a_pixel(reduced)))
    measured = {
        "whole_ms": whole_ms,
        "reduced_ms": reduced_ms,
        "saved": round(1 - reduced_ms / whole_ms, 2),
        "service_whole_ms": service_ms,
        "service_difference": round(float(np.abs(normalize(as_served) - whole).max()) * 255, 1),
    }
    for name, array in (("", half), ("_moved", moved)):
        difference = np.abs(array - whole) * 255
        measured[f"largest_difference{name}"] = round(float(difference.max()), 1)
        measured[f"percentile_99_9{name}"] = round(float(np.percentile(difference, 99.9)), 1)
    if predictor is not None:
        scores = predictor.predict(np.stack([whole, half, moved])).round(3)
        measured |= dict(zip(("score", "score_reduced", "score_moved"), map(float, scores), strict=True))
    return measured


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--films", type=Path, default=Path("../shared/data/dicom"))
    options = parser.parse_args()
    configure_dicom_libraries()
    print(describe_machine())
    films = {name: Path(str(get_testdata_file(f"{name}.dcm", download=False))) for name in PACKAGED}
    films |= {name: options.films / f"{name}.dcm" for name in (*SHARED, *ENCODED)}
    predictor = Predictor(open_bundle(DEFAULT_BUNDLE), precision="float32")
    results = {}
    for name, path in films.items():
        if not path.is_file():
            print(f"{name}: not measured, there is no such file in {options.films}")
            continue
        film = read_film(path, encode=name in ENCODED)
        result = results[name] = measure(film, predictor if name in CHEST else None)
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in result.items()))
    print(json.dumps({"films": results}))


if __name__ == "__main__":
    main()
