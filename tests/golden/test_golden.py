"""Golden films pin exact pixels; real files in several transfer syntaxes must agree with each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import JPEGExtended12Bit

from dicom_gateway.pixels.radiograph import read_display
from domain.array.normalization import FilmArray, normalize
from domain.array.picture import read_picture
from tests import checkout
from tests.golden import pinned
from tests.golden.films import GOLDEN_FILMS, TRANSFER_SYNTAXES

TOLERANCE = 2.0 / 255.0
"""Largest difference of a lossy decoder."""

SHARED = checkout.SHARED_DATA / "dicom"

HELP = "python -m tests.golden.regenerate, if pixels are meant to change"


@pytest.fixture(scope="module")
def goldens() -> dict[str, dict[str, object]]:
    return pinned.load()


@pytest.fixture(scope="module")
def uncompressed() -> dict[str, FilmArray]:
    return {name: _array(_packaged(f"{name}_UNCR.dcm")) for name in ("RG1", "RG3")}


@pytest.mark.parametrize("name", GOLDEN_FILMS)
def test_film_has_its_golden_pixels(name: str, goldens: dict[str, dict[str, object]], tmp_path: Path) -> None:
    film = GOLDEN_FILMS[name]
    golden = goldens[name]

    found = pinned.pin(_array(film.write(tmp_path / "film.dcm")), exact=film.exact)

    difference = int(np.abs(np.subtract(found["thumbnail"], golden["thumbnail"])).max())
    assert difference <= (1 if film.exact else TOLERANCE * 65535), HELP
    assert found.get("sha256") == golden.get("sha256"), HELP


def test_every_golden_film_is_pinned_and_no_other(goldens: dict[str, dict[str, object]]) -> None:
    assert set(goldens) == set(GOLDEN_FILMS)
    assert {name for name, golden in goldens.items() if "sha256" in golden} == {
        name for name, film in GOLDEN_FILMS.items() if film.exact
    }


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (
            [f"syntax-{name}" for name in TRANSFER_SYNTAXES if GOLDEN_FILMS[f"syntax-{name}"].exact]
            + ["monochrome2-12-bit"],
            "a lossless transfer syntax changes no pixel",
        ),
        (["voi-lut", "voi-lut-signed"], "the same table over a shifted range gives the same film"),
        (["monochrome2-8-bit", "signed-8-bit"], "the sign of the stored values moves the window with them"),
    ],
)
def test_films_that_show_the_same_are_pinned_to_the_same_pixels(
    names: list[str], reason: str, goldens: dict[str, dict[str, object]]
) -> None:
    assert len({goldens[name]["sha256"] for name in names}) == 1, reason


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (
            ["monochrome2-12-bit-window", "high-bit-15-of-12-bits", "garbage-above-high-bit"],
            "where the bits lie and what stands beside them changes no pixel",
        ),
        (["monochrome2-8-bit", "grey-rgb"], "a grey film in three channels is the same film"),
    ],
)
def test_line_and_table_give_the_same_film_to_one_of_65535(
    names: list[str], reason: str, goldens: dict[str, dict[str, object]]
) -> None:
    first, *others = (np.array(goldens[name]["thumbnail"]) for name in names)

    assert all(np.abs(other - first).max() <= 1 for other in others), reason


def test_films_that_show_something_else_are_pinned_to_other_pixels(
    goldens: dict[str, dict[str, object]],
) -> None:
    peculiar = [
        name for name in GOLDEN_FILMS if name.startswith(("monochrome1", "modality", "voi-lut-m", "wind"))
    ]

    assert len({goldens[name]["sha256"] for name in peculiar}) == len(peculiar) >= 8


@pytest.mark.parametrize("bits", [8, 10, 16])
def test_monochrome1_is_pinned_to_the_negative_of_monochrome2(
    bits: int, goldens: dict[str, dict[str, object]]
) -> None:
    positive = np.array(goldens[f"monochrome2-{bits}-bit"]["thumbnail"])
    negative = np.array(goldens[f"monochrome1-{bits}-bit"]["thumbnail"])

    assert np.abs(positive + negative - 65535).max() <= 1


@pytest.mark.parametrize("name", ["RG1", "RG3"])
def test_lossless_jpeg_2000_of_a_real_film_gives_exactly_the_pixels_of_the_uncompressed(
    name: str, uncompressed: dict[str, FilmArray]
) -> None:
    assert np.array_equal(_array(_packaged(f"{name}_J2KR.dcm")), uncompressed[name])


@pytest.mark.parametrize("name", ["RG1", "RG3"])
def test_lossy_jpeg_2000_of_a_real_film_agrees_with_what_it_was_decompressed_to_elsewhere(name: str) -> None:
    """The `_UNCI` files are the `_J2KI` files, decompressed by their makers."""
    difference = np.abs(_array(_packaged(f"{name}_J2KI.dcm")) - _array(_packaged(f"{name}_UNCI.dcm")))

    assert difference.max() <= TOLERANCE


@pytest.mark.parametrize("name", ["RG1", "RG3"])
def test_lossy_jpeg_2000_of_a_real_film_agrees_with_the_uncompressed(
    name: str, uncompressed: dict[str, FilmArray]
) -> None:
    difference = np.abs(_array(_packaged(f"{name}_J2KI.dcm")) - uncompressed[name])

    assert difference.mean() <= TOLERANCE / 4
    assert np.quantile(difference, 0.999) <= TOLERANCE


@pytest.mark.parametrize("name", ["RG3_RLE", "RG3_JLSL", "RG3_JPLL", "RG3_J2KR"])
def test_each_lossless_syntax_of_a_real_film_gives_exactly_the_pixels_of_the_uncompressed(
    name: str, uncompressed: dict[str, FilmArray]
) -> None:
    assert np.array_equal(_array(_shared(name)), uncompressed["RG3"])


def test_near_lossless_jpeg_ls_of_a_real_film_agrees_with_the_uncompressed(
    uncompressed: dict[str, FilmArray],
) -> None:
    assert np.abs(_array(_shared("RG1_JLSN")) - uncompressed["RG1"]).max() <= TOLERANCE


@pytest.mark.parametrize("kind", ["J2KR", "JLSL", "JPLL"])
def test_a_hip_is_the_same_in_every_lossless_syntax(kind: str) -> None:
    assert np.array_equal(_array(_shared(f"RG2_{kind}")), _array(_shared("RG2_RLE")))


def test_a_film_tagged_monochrome1_by_mistake_is_the_negative_of_the_film() -> None:
    film = _array(_shared("1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819"))

    assert np.abs(_array(_shared("Fake_MONOHR1")) + film - 1.0).max() < 1e-5


def test_a_real_deflated_film_is_read() -> None:
    stored = dcmread(_packaged("image_dfl.dcm")).pixel_array.astype(np.float64)
    low, high = stored.min(), stored.max()

    display = read_display(_packaged("image_dfl.dcm"))

    assert np.abs(display - (stored - low) / (high - low)).max() < 1e-6


@pytest.mark.parametrize("name", ["RG2", "RG3"])
def test_jpeg_extended_with_12_bits_agrees_with_the_lossless_film(name: str) -> None:
    """Its makers' losses are in it: they painted over a corner of RG3."""
    difference = np.abs(_array(_shared(f"{name}_JPLY")) - _array(_shared(f"{name}_RLE")))

    assert difference.mean() <= TOLERANCE / 4
    assert np.quantile(difference, 0.99) <= TOLERANCE


def test_jpeg_extended_of_pydicoms_own_file_is_read() -> None:
    path = _packaged("JPGExtended.dcm")
    assert dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID == JPEGExtended12Bit

    assert 0.05 < _array(path).mean() < 0.95


@pytest.mark.parametrize("kind", ["JPLL", "JLSL", "J2KR"])
def test_png_export_of_a_film_gives_the_array_of_the_film(kind: str, tmp_path: Path) -> None:
    """A PNG file in training and its DICOM file in service give the same array."""
    path = _shared(f"RG2_{kind}")
    exported = tmp_path / "film.png"
    Image.fromarray(np.rint(read_display(path) * 255).astype(np.uint8)).save(exported)

    assert np.abs(normalize(read_picture(exported)) - _array(path)).max() <= TOLERANCE


def _array(path: Path) -> FilmArray:
    return normalize(read_display(path))


def _packaged(name: str) -> Path:
    path = get_testdata_file(name, download=False)
    assert path is not None, "the package pydicom-data is not installed"
    return Path(path)


def _shared(name: str) -> Path:
    path = SHARED / f"{name}.dcm"
    if not path.is_file():
        pytest.skip(f"no file {path.name}: the folder shared/data/dicom is not beside the repository")
    return path
