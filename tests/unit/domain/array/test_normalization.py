from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from dicom_gateway.pixels.radiograph import read_display
from domain.array.normalization import SPEC, normalize
from tests.golden.synthetic import draw_shapes, write_film

Picture = npt.NDArray[np.float32]


def test_whole_steps_give_the_mean_of_each_block() -> None:
    display = _noise(512, 1024)

    expected = display.astype(np.float64).reshape(256, 2, 256, 4).mean(axis=(1, 3))

    assert np.abs(normalize(display) - expected).max() < 1e-6


@pytest.mark.parametrize("shape", [(300, 340), (1955, 1841), (257, 4000), (100, 700), (3, 5), (1, 1)])
def test_fractional_steps_give_the_mean_of_the_pixels_whose_centres_are_covered(
    shape: tuple[int, int],
) -> None:
    display = _noise(*shape)

    expected = _average(_average(display.astype(np.float64), 256).T, 256).T

    assert np.abs(normalize(display) - expected).max() < 1e-5


def test_the_mean_brightness_of_a_smooth_film_is_kept() -> None:
    rows, columns = np.mgrid[0:1955, 0:1841]
    display = (0.5 + 0.5 * np.sin(rows / 200) * np.cos(columns / 150)).astype(np.float32)

    assert float(normalize(display).mean()) == pytest.approx(float(display.mean()), abs=1e-3)


def test_rows_stay_rows_and_columns_columns() -> None:
    display = np.zeros((600, 900), dtype=np.float32)
    display[:300, 600:] = 1.0

    array = normalize(display)

    assert array[10, 250] == 1.0
    assert array[250, 250] == array[10, 10] == array[250, 10] == 0.0
    assert array[127, 200] == 1.0
    assert array[129, 200] == 0.0


def test_array_is_what_the_spec_says() -> None:
    array = normalize(_noise(700, 500))

    assert array.shape == (SPEC.rows, SPEC.columns) == (256, 256)
    assert str(array.dtype) == SPEC.dtype == "float32"
    assert float(array.min()) >= SPEC.minimum == 0.0
    assert float(array.max()) <= SPEC.maximum == 1.0
    assert array.flags.c_contiguous


def test_spec_survives_a_manifest() -> None:
    assert json.loads(json.dumps(SPEC.to_manifest())) == SPEC.to_manifest()
    assert SPEC.to_manifest()["version"] == "tbscreen-normalization-1"


@pytest.mark.parametrize("shape", [(256, 256), (640, 480)])
def test_8_bit_picture_is_the_same_film_in_255ths(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)

    assert np.array_equal(normalize(picture), normalize(picture.astype(np.float32) / np.float32(255)))


def test_film_of_256_pixels_a_side_is_taken_as_it_is() -> None:
    display = _noise(256, 256)

    assert np.array_equal(normalize(display), display)


@pytest.mark.parametrize("side", [256, 400])
def test_values_outside_0_to_1_are_clipped_and_the_film_given_is_not_changed(side: int) -> None:
    display = _noise(side, side) * 4 - 2
    before = display.copy()

    array = normalize(display)

    assert (float(array.min()), float(array.max())) == (0.0, 1.0)
    assert np.array_equal(display, before)


def test_a_view_of_a_larger_film_is_taken_as_it_lies() -> None:
    film = _noise(1200, 900)

    assert np.array_equal(normalize(film[::2, ::-3]), normalize(film[::2, ::-3].copy()))


@pytest.mark.parametrize(
    "display",
    [
        np.zeros((10, 10, 3), np.uint8),
        np.zeros(10, np.uint8),
        np.zeros((0, 10), np.float32),
        np.zeros((10, 0), np.float32),
        np.zeros((10, 10), np.float64),
        np.zeros((10, 10), np.uint16),
        np.zeros((10, 10), np.bool_),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_what_is_no_film_is_refused(display: Picture) -> None:
    with pytest.raises(ValueError, match=r"rows and columns|float32 or uint8"):
        normalize(display)


def test_png_export_of_a_real_film_gives_the_array_of_its_dicom_file(tmp_path: Path) -> None:
    path = get_testdata_file("RG1_UNCR.dcm")
    assert path is not None
    display = read_display(Path(path))

    _assert_same(display, tmp_path / "film.png")


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_png_export_of_a_film_gives_the_array_of_its_dicom_file(
    photometric: str, bits: int, tmp_path: Path
) -> None:
    film = write_film(
        tmp_path / "film.dcm", draw_shapes(bits), BitsStored=bits, PhotometricInterpretation=photometric
    )

    _assert_same(read_display(film), tmp_path / "film.png")


def _assert_same(display: Picture, png: Path) -> None:
    Image.fromarray(np.rint(display * 255).astype(np.uint8)).save(png)
    exported = np.asarray(Image.open(png))

    assert np.abs(normalize(exported) - normalize(display)).max() <= 2 / 255


def _noise(rows: int, columns: int) -> Picture:
    return np.random.default_rng(rows * columns).random((rows, columns), dtype=np.float32)


def _average(display: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    """Average along the rows: each new row is the mean of the old ones whose centres lie within it.

    A film with fewer rows than that is enlarged: the row that lies where the new row's centre falls.
    """
    rows = display.shape[0]
    averaged = np.empty((size, display.shape[1]))
    for row in range(size):
        low, high = row * rows / size, (row + 1) * rows / size
        covered = [old for old in range(rows) if low < old + 0.5 <= high]
        if rows < size:
            covered = [int((low + high) / 2)]
        averaged[row] = display[covered].mean(axis=0)
    return averaged
