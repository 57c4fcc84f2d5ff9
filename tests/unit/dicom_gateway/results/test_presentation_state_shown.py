"""DCMTK shows a film with our presentation state as we show it, and reads the outline where it lies.

dcmp2pgm renders the pixels, and lists annotations as it read them without drawing them.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from db.films.screenings import Heat
from dicom_gateway.pixels.radiograph import read_rendering
from dicom_gateway.results.finding_outlines import trace_outlines
from dicom_gateway.results.presentation_state import build_presentation_state
from dicom_gateway.settings import CourierSettings
from tests.films import real_film
from tests.golden.films import GOLDEN_FILMS
from tests.golden.synthetic import draw_shapes, make_lut, write_film
from tests.servers.pacs import need
from tests.unit.reportable import make_screening

GREY_LEVELS = 2
"""Largest difference of a pixel, of 255."""

UNLIKE = {
    "grey-rgb": "a presentation state is for grey films",
    "window-sigmoid": "DCMTK 3.6.7 reads no VOI LUT Function of a presentation state",
    "padding-monochrome1": "padding is black here; a presentation state shows it as any other value",
}
SHOWN = sorted(name for name in GOLDEN_FILMS if name not in UNLIKE and not name.startswith("syntax-"))


def two_spots() -> Heat:
    """Return a heat map with two regions."""
    row, column = np.mgrid[0:14, 0:14]
    heat = np.exp(-((row - 4) ** 2 + (column - 9) ** 2) / 4)
    heat += 0.9 * np.exp(-((row - 9.5) ** 2 + (column - 3) ** 2) / 2)
    return Heat(14, 14, 1 / 16, np.rint(np.clip(heat, 0, 1) * 255).astype(np.uint8).tobytes())


def apply(
    film: Path, transforms: Mapping[str, Any], folder: Path
) -> tuple[npt.NDArray[np.int64], list[list[float]]]:
    """Return what dcmp2pgm shows of a film with our presentation state, and the coordinates that it reads."""
    state, picture = folder / "state.dcm", folder / "shown.pgm"
    built = build_presentation_state(make_screening(film), two_spots(), transforms, CourierSettings(), "9.9")
    state.write_bytes(built.part10)
    command = [need("dcmp2pgm", "dcmtk"), "-v", "-p", str(state), str(film), str(picture)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    said = run.stdout + run.stderr
    assert run.returncode == 0, said
    read = [
        [float(number) for number in re.findall(r"[-\d.]+", line)]
        for line in re.findall(r"coordinates: (.*)", said)
    ]
    with Image.open(picture) as shown:
        return np.asarray(shown).astype(np.int64), read


def assert_alike(film: Path, folder: Path) -> None:
    rendering = read_rendering(film)
    assert rendering.transforms is not None
    theirs, read = apply(film, rendering.transforms.model_dump(mode="json"), folder)
    ours = np.rint(rendering.whole() * 255).astype(np.int64)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= GREY_LEVELS
    assert np.ptp(theirs) > 100, "there is a picture"
    regions = trace_outlines(make_screening(film), two_spots()).regions
    assert len(read) == len(regions) == 2
    for region, coordinates in zip(regions, read, strict=True):
        outline = np.array(coordinates).reshape(-1, 2)
        assert np.abs(outline - region.outline).max() <= 0.1, "far below a pixel"


@pytest.mark.parametrize("name", SHOWN)
def test_dcmtk_shows_golden_films_as_we_do(name: str, tmp_path: Path) -> None:
    film = tmp_path / "film.dcm"
    GOLDEN_FILMS[name].write(film)
    assert_alike(film, tmp_path)


@pytest.mark.parametrize("name", ["RG1_UNCR.dcm", "RG3_UNCR.dcm"])
def test_dcmtk_shows_real_films_as_we_do(name: str, tmp_path: Path) -> None:
    film = real_film(name)
    described = dcmread(film, stop_before_pixels=True)
    if name == "RG1_UNCR.dcm":
        assert (described.PhotometricInterpretation, described.BitsStored) == ("MONOCHROME1", 15)
    assert described.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert_alike(film, tmp_path)


def test_a_long_lookup_table_that_the_database_does_not_keep_in_the_header_is_carried(tmp_path: Path) -> None:
    curve = [round(65535 * (entry / 4095) ** 2) for entry in range(4096)]
    film = tmp_path / "film.dcm"
    write_film(film, draw_shapes(12), BitsStored=12, **make_lut("VOILUTSequence", 0, 16, curve))
    assert "00283006" not in json.dumps(make_screening(film).header), "LUT Data is too long for the database"
    assert_alike(film, tmp_path)


def test_entries_of_8_bits_of_a_modality_table_are_bytes(tmp_path: Path) -> None:
    film = tmp_path / "film.dcm"
    table = make_lut("ModalityLUTSequence", 0, 8, [round(255 * (entry / 1022) ** 2) for entry in range(1023)])
    write_film(film, draw_shapes(10), BitsStored=10, **table)
    assert_alike(film, tmp_path)
    (item,) = dcmread(tmp_path / "state.dcm").ModalityLUTSequence
    assert (item.LUTDescriptor, len(item.LUTData)) == ([1023, 0, 8], 1024)


def test_without_inverse_a_film_of_monochrome1_would_be_shown_as_its_negative(tmp_path: Path) -> None:
    """This test's neighbours see what they shall see: an absent Presentation LUT Shape means identity."""
    film = real_film()
    rendering = read_rendering(film)
    assert rendering.transforms is not None
    wrong = rendering.transforms.model_copy(update={"inverse": False}).model_dump(mode="json")
    theirs, _ = apply(film, wrong, tmp_path)
    ours = np.rint(rendering.whole() * 255).astype(np.int64)
    assert np.abs(255 - ours - theirs).max() <= GREY_LEVELS
