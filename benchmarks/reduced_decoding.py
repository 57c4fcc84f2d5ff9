"""JPEG 2000 decoded at half its size, which tbscreen does not do: what it would save, and what it costs.

    python -m benchmarks.reduced_decoding [--films FOLDER]

Each real film is decoded by one decoder, Pillow's OpenJPEG, whole and without its finest wavelet level; both
are made arrays. The level's low pass lies half a pixel aside, which is also shown corrected. Beside
it stands the decoder that the service uses, which always decodes whole. CPU times in ms, the least of three
runs; the largest difference of the arrays in 255ths. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames

from dicom_gateway.library_settings import configure_dicom_libraries
from dicom_gateway.pixels.frame_decoding import decode_frame
from dicom_gateway.pixels.radiograph import render
from domain.array.normalization import normalize
from tbscreen.machine import describe_machine

PACKAGED: Final = ("RG1_J2KR", "RG1_J2KI", "RG3_J2KR", "RG3_J2KI")
SHARED: Final = ("RG2_J2KI", "RG2_J2KR", "MG1_J2KI")
RUNS: Final = 3
PRECISION_AT: Final = 42
"""Offset of the bit depth of the first component in a codestream (ISO/IEC 15444-1 A.5.1, Ssiz)."""


def decode_without(film: Any, levels: int) -> npt.NDArray[np.uint16]:
    """Decode all but the finest `levels` levels, by Pillow."""
    frame = next(generate_frames(film.PixelData, number_of_frames=1))
    image: Any = Image.open(io.BytesIO(frame))
    image.reduce = levels
    image.load()
    # Pillow scales what it reads to 16 bits.
    return np.asarray(image, dtype=np.uint16) >> 16 - (frame[PRECISION_AT] & 0x7F) - 1


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


def measure(path: Path) -> dict[str, Any]:
    """Compare the two ways on one film."""
    film = dcmread(path)
    service_ms, as_served = take_least(lambda: render(decode_frame(film), film).whole())
    whole_ms, display = take_least(lambda: render(decode_without(film, 0), film).whole())
    reduced_ms, reduced = take_least(lambda: render(decode_without(film, 1), film).whole())
    whole, array = normalize(display), normalize(reduced)
    moved = normalize(np.ascontiguousarray(move_half_a_pixel(reduced)))
    return {
        "whole_ms": whole_ms,
        "reduced_ms": reduced_ms,
        "saved": round(1 - reduced_ms / whole_ms, 2),
        "service_whole_ms": service_ms,
        "service_difference": round(float(np.abs(normalize(as_served) - whole).max()) * 255, 1),
        "largest_difference": round(float(np.abs(array - whole).max()) * 255, 1),
        "largest_difference_moved": round(float(np.abs(moved - whole).max()) * 255, 1),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--films", type=Path, default=Path("../shared/data/dicom"))
    options = parser.parse_args()
    configure_dicom_libraries()
    print(describe_machine())
    films = {name: Path(str(get_testdata_file(f"{name}.dcm", download=False))) for name in PACKAGED}
    films |= {name: options.films / f"{name}.dcm" for name in SHARED}
    results = {}
    for name, path in films.items():
        if not path.is_file():
            print(f"{name}: not measured, there is no such file in {options.films}")
            continue
        result = results[name] = measure(path)
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in result.items()))
    print(json.dumps({"films": results}))


if __name__ == "__main__":
    main()
