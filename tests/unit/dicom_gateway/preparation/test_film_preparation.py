from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import CTImageStorage

from dicom_gateway.pixels.radiograph import read_display
from dicom_gateway.pixels.rendition import RENDITION_PIXELS
from dicom_gateway.preparation.film_preparation import PICTURED, prepare
from dicom_gateway.settings import GatewaySettings
from domain.array.normalization import normalize
from domain.codes import Doubt, Observation, Refusal
from tests import checkout
from tests.films import real_film
from tests.golden.synthetic import draw_shapes, make_lut, write_film

SETTINGS = GatewaySettings(excluded_calling_ae_titles=("DENTAL",), image_guard=False)
"""Without the image guard: most films here are drawn, and show no chest."""


SHARED = checkout.SHARED_DATA / "dicom"
SILENT: dict[str, object] = {
    "Modality": "",
    "BodyPartExamined": "",
    "ViewPosition": "",
    "StudyDescription": "",
}
BODY_PART, VIEW = Observation.BODY_PART_FROM_PIXELS, Observation.VIEW_FROM_PIXELS


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_film(tmp_path / "film.dcm", draw_shapes(12), BitsStored=12)


def test_eligible_film_gives_an_array_and_a_rendition(film: Path) -> None:
    preparation = prepare(film, "MODALITY", SETTINGS)

    assert preparation.refusal is None
    assert preparation.doubts == ()
    assert preparation.array is not None
    assert np.array_equal(preparation.array, normalize(read_display(film)))
    picture = np.asarray(Image.open(io.BytesIO(preparation.rendition)))
    assert picture.shape == (300, 340)
    assert np.abs(picture / 255.0 - read_display(film)).mean() < 0.01


@pytest.mark.parametrize(
    "attributes",
    [
        {"VOILUTFunction": "LINEAR_EXACT", "WindowCenter": "3584", "WindowWidth": "1e-40"},
        {"RescaleSlope": "8e304", "RescaleIntercept": "0", "PixelRepresentation": 1, "PixelPaddingValue": 0},
    ],
    ids=["line", "table"],
)
def test_grey_values_that_are_not_finite_are_undecodable(
    attributes: dict[str, object], tmp_path: Path
) -> None:
    pixels = draw_shapes(12)
    assert 3584 in pixels  # a value exactly at the centre of the window
    film = write_film(tmp_path / "film.dcm", pixels, BitsStored=12, **attributes)

    preparation = prepare(film, "MODALITY", SETTINGS)

    assert (preparation.refusal, preparation.array) == (Refusal.UNDECODABLE, None)
    assert "not finite" in preparation.detail


def test_rendition_of_a_real_film_is_small_enough_and_keeps_its_shape() -> None:
    path = get_testdata_file("RG1_UNCR.dcm", download=False)
    assert path is not None

    preparation = prepare(Path(path), "MODALITY", SETTINGS)

    picture = Image.open(io.BytesIO(preparation.rendition))
    assert (picture.format, picture.mode) == ("JPEG", "L")
    assert picture.size == (964, RENDITION_PIXELS)
    assert picture.width / picture.height == pytest.approx(1841 / 1955, abs=1e-3)


def test_doubts_come_with_the_array(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", draw_shapes(8), PatientAge=None, ViewPosition=None)

    preparation = prepare(film, "MODALITY", SETTINGS)

    assert preparation.array is not None
    assert set(preparation.doubts) == {Doubt.AGE_UNKNOWN, Doubt.VIEW_UNKNOWN}


@pytest.mark.parametrize(
    ("attributes", "sender", "refusal"),
    [
        ({"Manufacturer": "tbscreen", "PatientAge": "002Y"}, "MODALITY", Refusal.NOT_AN_XRAY),
        ({}, "DENTAL", Refusal.EXCLUDED_BY_RULE),
        ({"SOPClassUID": CTImageStorage}, "MODALITY", Refusal.UNSUPPORTED_SOP_CLASS),
        ({"BodyPartExamined": "KNEE"}, "MODALITY", Refusal.NOT_CHEST),
        ({"ViewPosition": "LL"}, "MODALITY", Refusal.NOT_FRONTAL),
        ({"PatientAge": "002Y"}, "MODALITY", Refusal.UNDER_AGE),
        ({"Rows": 65535, "Columns": 65535}, "MODALITY", Refusal.UNDECODABLE),
        ({"RescaleSlope": "NaN", "RescaleIntercept": "0"}, "MODALITY", Refusal.UNDECODABLE),
        ({"RescaleSlope": "0", "RescaleIntercept": "0"}, "MODALITY", Refusal.NOT_AN_XRAY),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "MODALITY", Refusal.NOT_AN_XRAY),
    ],
    ids=str,
)
def test_film_that_is_not_screened_gives_a_refusal_with_its_reason_and_no_array(
    attributes: dict[str, object], sender: str, refusal: Refusal, tmp_path: Path
) -> None:
    film = write_film(tmp_path / "film.dcm", draw_shapes(12), BitsStored=12, **attributes)

    preparation = prepare(film, sender, SETTINGS)

    assert preparation.refusal is refusal
    assert preparation.detail
    assert preparation.rule
    assert (f"(rule {preparation.rule})" in preparation.detail) is (
        preparation.rule not in ("pixels", "own-output")
    )
    assert preparation.array is None
    assert bool(preparation.rendition) is (refusal in PICTURED)


def test_a_refused_film_whose_pixels_cannot_be_decoded_keeps_its_refusal(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", draw_shapes(12), BitsStored=12, PatientAge="002Y", Rows=65535)

    preparation = prepare(film, "MODALITY", SETTINGS)

    assert (preparation.refusal, preparation.rendition) == (Refusal.UNDER_AGE, b"")


@pytest.mark.parametrize(
    ("position", "refusal"), [("LL", Refusal.NOT_FRONTAL), ("PA", Refusal.PROCESSING_FAILED)]
)
def test_of_a_film_whose_decoder_crashes_the_header_alone_is_judged(
    position: str, refusal: Refusal, tmp_path: Path
) -> None:
    film = write_film(tmp_path / "film.dcm", draw_shapes(12), BitsStored=12, ViewPosition=position)

    preparation = prepare(film, "MODALITY", GatewaySettings(), header_only=True)

    assert (preparation.refusal, preparation.rendition) == (refusal, b"")


@pytest.mark.parametrize(
    ("name", "attributes", "refusal", "doubts", "observations"),
    [
        ("RG1_UNCR.dcm", {}, None, (), ()),
        ("RG1_UNCR.dcm", SILENT, None, (), (BODY_PART, VIEW)),
        ("RG1_UNCR.dcm", {"ViewPosition": ""}, None, (), (VIEW,)),
        ("RG1_UNCR.dcm", {"PhotometricInterpretation": "MONOCHROME2"}, None, (), (Observation.INVERTED,)),
        ("RG1_UNCR.dcm", {"ViewPosition": "LL"}, Refusal.NOT_FRONTAL, (), ()),
        ("RG1_UNCR.dcm", {"BodyPartExamined": "HIP"}, Refusal.NOT_CHEST, (), ()),
        (
            "RG1_UNCR.dcm",
            {"ViewPosition": "", "SeriesDescription": "lateral"},
            None,
            (Doubt.HEADER_DISAGREES,),
            (),
        ),
        ("RG3_UNCR.dcm", {"BodyPartExamined": "CHEST"}, Refusal.NOT_CHEST, (), ()),
        (
            "RG3_UNCR.dcm",
            {"BodyPartExamined": "CHEST", "StudyDescription": ""},
            None,
            (Doubt.HEADER_DISAGREES,),
            (),
        ),
        ("RG3_UNCR.dcm", SILENT, Refusal.NOT_CHEST, (), ()),
    ],
    ids=str,
)
def test_the_image_guard_sees_what_the_header_does_not_say(
    name: str,
    attributes: dict[str, object],
    refusal: Refusal | None,
    doubts: tuple[Doubt, ...],
    observations: tuple[Observation, ...],
    tmp_path: Path,
) -> None:
    film = dcmread(real_film(name))
    for keyword, value in attributes.items():
        setattr(film, keyword, value)
    film.save_as(tmp_path / "film.dcm")

    preparation = prepare(tmp_path / "film.dcm", "MODALITY", GatewaySettings())

    assert (preparation.refusal, preparation.doubts) == (refusal, doubts)
    assert preparation.observations == observations
    assert (preparation.array is None) is (refusal is not None)


def test_a_film_that_lies_on_its_side_is_scored_upright(tmp_path: Path) -> None:
    film = dcmread(real_film())
    pixels = np.rot90(film.pixel_array)
    film.Rows, film.Columns = pixels.shape
    film.PixelData = np.ascontiguousarray(pixels).tobytes()
    film.save_as(tmp_path / "film.dcm")
    upright = prepare(real_film(), "MODALITY", GatewaySettings())

    lying = prepare(tmp_path / "film.dcm", "MODALITY", GatewaySettings())

    assert (lying.refusal, lying.doubts) == (None, ())
    assert lying.observations == (Observation.TURNED_270,)
    assert lying.array is not None
    assert upright.array is not None
    assert float(np.abs(lying.array - upright.array).max()) < 0.01
    assert Image.open(io.BytesIO(lying.rendition)).size == (RENDITION_PIXELS, 964)


@pytest.mark.parametrize(
    ("name", "refusal", "doubts"),
    [
        ("fuji_chest_without_preamble.dcm", None, {Doubt.AGE_UNKNOWN}),
        ("fuji_chest_portable_rle.dcm", None, set()),
        ("konica_chest_jpeg_mono1.dcm", None, {Doubt.AGE_UNKNOWN}),
        ("1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819.dcm", None, {Doubt.AGE_UNKNOWN}),
        ("Fake_MONOHR1.dcm", None, {Doubt.AGE_UNKNOWN}),
        ("teeth_panoramic_cr.dcm", Refusal.NOT_CHEST, set()),
        ("RG2_RLE.dcm", Refusal.NOT_CHEST, set()),
        ("teeth_intraoral.dcm", Refusal.UNSUPPORTED_SOP_CLASS, set()),
        ("mammogram.dcm", Refusal.UNSUPPORTED_SOP_CLASS, set()),
        ("siemens_rf.dcm", Refusal.UNSUPPORTED_SOP_CLASS, set()),
        ("ct_topogram_as_ot.dcm", Refusal.NOT_CHEST, set()),
    ],
)
def test_real_films_of_many_makers_end_as_they_should(
    name: str, refusal: Refusal | None, doubts: set[Doubt]
) -> None:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"no file {name}: the folder shared/data/dicom is not beside the repository")

    preparation = prepare(path, "MODALITY", GatewaySettings())

    assert (preparation.refusal, set(preparation.doubts)) == (refusal, doubts)
    assert (Observation.INVERTED in preparation.observations) is (name == "Fake_MONOHR1.dcm")


def test_what_is_drawn_is_never_screened_without_doubt(film: Path) -> None:
    preparation = prepare(film, "MODALITY", GatewaySettings())

    assert preparation.refusal is not None or Doubt.GUARD_UNSURE in preparation.doubts


@pytest.mark.parametrize("keep", [0, 100, 200, 600, 5000, 100_000])
def test_file_that_was_damaged_on_disk_is_undecodable(keep: int, film: Path) -> None:
    content = film.read_bytes()
    assert keep < len(content)
    film.write_bytes(content[:keep])

    assert prepare(film, "MODALITY", SETTINGS).refusal is Refusal.UNDECODABLE


@pytest.mark.filterwarnings("ignore")  # pydicom's and NumPy's, of values that the header is full of
def test_film_with_any_byte_changed_gives_a_preparation_and_never_an_error(tmp_path: Path) -> None:
    film = write_film(
        tmp_path / "film.dcm",
        draw_shapes(8)[::8, ::8],
        WindowCenter=[100, 7],
        WindowWidth=[200, 9],
        RescaleSlope="1",
        RescaleIntercept="-10",
        PixelPaddingValue=0,
        **make_lut("VOILUTSequence", 0, 8, list(range(256))),
    )
    content = film.read_bytes()
    draw = random.Random(15)
    refusals = set()
    for _ in range(600):
        mutated = bytearray(content)
        for _ in range(draw.choice([1, 1, 3])):
            mutated[draw.randrange(340, content.index(b"\xe0\x7f\x10\x00") + 12)] = draw.randrange(256)
        film.write_bytes(mutated)

        preparation = prepare(film, "MODALITY", SETTINGS)

        refusals.add(preparation.refusal)
        assert (preparation.array is None) is (preparation.refusal is not None)
        assert preparation.array is None or bool(np.isfinite(preparation.array).all())
    assert {None, Refusal.UNDECODABLE, Refusal.NOT_CHEST} <= refusals
