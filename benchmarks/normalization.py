"""CPU time from a DICOM file to the array that models take, against the naive way.

    python -m benchmarks.normalization [--films FOLDER] [--rounds 5]

Naive is `dcmread(path).pixel_array`, pydicom's `apply_modality_lut` and `apply_voi_lut`, MONOCHROME1 turned
over, scaled to 0..1, and Pillow's area average; where pydicom drives no decoder, there is no naive figure. A
film of RG1's kind, 2500×2048 with 16 bits, stands for the uncompressed syntaxes, with and without a window;
real films of pydicom-data and of `--films` (by default `../shared/data/dicom`) for the others. Both ways take
turns; medians of CPU time in ms; the difference of the two arrays, 255ths; how far the array of the film's
rendition is from the film's: mean and largest, 255ths. The last line is a JSON object.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from benchmarks.inputs.full_size_films import make_films
from dicom_gateway.library_settings import configure_dicom_libraries
from dicom_gateway.pixels.radiograph import read_rendering
from dicom_gateway.pixels.rendition import Rendition
from domain.array.normalization import FilmArray, normalize, normalize_strips
from tbscreen.machine import describe_machine

PACKAGED = ("RG1_UNCR", "RG1_J2KR", "RG1_J2KI", "RG3_UNCR", "RG3_J2KR")
SHARED = ("RG1_JLSN", "RG2_JLSL", "RG2_JPLL", "RG2_JPLY", "RG2_RLE")
JPEG_BASELINE = "1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819"


def take_naive_way(path: Path) -> FilmArray:
    """Film to array as one would write it first."""
    film = dcmread(path)
    values: Any = apply_voi_lut(apply_modality_lut(film.pixel_array, film), film)
    low, high = _find_output_range(film, values)
    display = np.clip((np.asarray(values, dtype=np.float64) - low) / (high - low), 0.0, 1.0)
    if film.PhotometricInterpretation == "MONOCHROME1":
        display = 1.0 - display
    resized = Image.fromarray(display.astype(np.float32)).resize((256, 256), Image.Resampling.BOX)
    return np.asarray(resized)


def _find_output_range(film: Any, values: npt.NDArray[Any]) -> tuple[float, float]:
    """`apply_voi_lut` answers in the range of the stored values where there is a window."""
    if film.get("WindowWidth") is None:
        return float(values.min()), float(values.max())
    if film.get("PixelRepresentation") == 1:
        return -(2.0 ** (film.BitsStored - 1)), 2.0 ** (film.BitsStored - 1) - 1
    return 0.0, 2.0**film.BitsStored - 1


def measure(path: Path, rounds: int) -> dict[str, Any]:
    """Time both ways in turn."""
    ways: dict[str, Callable[[Path], FilmArray]] = {
        "naive": take_naive_way,
        "ours": lambda film: normalize_strips(read_rendering(film).strips()),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    arrays: dict[str, FilmArray] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.process_time()
            try:
                arrays[name] = way(path)
            except RuntimeError:  # pydicom has no decoder for it
                continue
            taken[name].append((time.process_time() - began) * 1000)
    header = dcmread(path, stop_before_pixels=True)
    ours = statistics.median(taken["ours"])
    result: dict[str, Any] = {
        "syntax": header.file_meta.TransferSyntaxUID.name.split(",")[0],
        "size": f"{header.Rows}×{header.Columns}",
        "naive_ms": None,
        "ours_ms": round(ours, 1),
        "ratio": None,
        "largest_difference": None,
        **compare_rendition(path, arrays["ours"]),
    }
    if taken["naive"]:
        naive = statistics.median(taken["naive"])
        difference = float(np.abs(arrays["naive"] - arrays["ours"]).max()) * 255
        result |= {
            "naive_ms": round(naive, 1),
            "ratio": round(naive / ours, 2),
            "largest_difference": round(difference, 3),
        }
    return result


def compare_rendition(path: Path, array: FilmArray) -> dict[str, float]:
    """Return how far the array of the film's rendition is from `array`, 255ths."""
    strips = list(read_rendering(path).strips())
    rendition = Rendition((sum(len(strip) for strip in strips), strips[0].shape[1]))
    for strip in strips:
        rendition.add(strip)
    picture = np.asarray(Image.open(io.BytesIO(rendition.encode())))
    difference = np.abs(normalize(picture) - array) * 255
    return {
        "rendition_mean": round(float(difference.mean()), 2),
        "rendition_largest": round(float(difference.max()), 1),
    }


def list_films(folder: Path, shared: Path) -> dict[str, Path]:
    """Return the films by name."""
    full_size = make_films(folder, 1)[0]
    films = {"full size": full_size}
    unwindowed = dcmread(full_size)
    del unwindowed.WindowCenter, unwindowed.WindowWidth
    films["full size, no window"] = folder / "unwindowed.dcm"
    unwindowed.save_as(films["full size, no window"])
    for name in PACKAGED:
        path = get_testdata_file(f"{name}.dcm", download=False)
        assert path is not None, "the package pydicom-data is not installed"
        films[name] = Path(path)
    for name in (*SHARED, JPEG_BASELINE):
        if (shared / f"{name}.dcm").is_file():
            films[name[:9]] = shared / f"{name}.dcm"
        else:
            print(f"{name}: not measured, there is no such file in {shared}")
    return films


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--films", type=Path, default=Path("../shared/data/dicom"))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    configure_dicom_libraries()
    print(describe_machine())
    results = {}
    with tempfile.TemporaryDirectory(prefix="tbscreen-films-") as folder:
        for name, path in list_films(Path(folder), options.films).items():
            result = results[name] = measure(path, options.rounds)
            naive = "-" if result["naive_ms"] is None else f"{result['naive_ms']:.1f}"
            print(
                f"{name:22} {result['syntax'][:40]:40} {result['size']:>10}  naive {naive:>6} ms  "
                f"ours {result['ours_ms']:>6} ms  ratio {result['ratio'] or '-':>5}  "
                f"difference {result['largest_difference']}  "
                f"rendition {result['rendition_mean']}, {result['rendition_largest']}"
            )
    print(json.dumps({"films": results}))


if __name__ == "__main__":
    main()
