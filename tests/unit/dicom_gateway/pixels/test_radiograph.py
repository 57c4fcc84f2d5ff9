from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.processing import apply_modality_lut, apply_voi, apply_windowing
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from dicom_gateway.pixels.radiograph import UndecodableError, read_display
from dicom_gateway.pixels.rendering import Display, NotAnXrayError
from tests import checkout
from tests.golden.synthetic import draw_shapes, make_lut, write_film

Stored = npt.NDArray[Any]

RAMP_12 = np.arange(4096, dtype=np.uint16).reshape(64, 64)
"""Every value of 12 bits once."""

SHARED = checkout.SHARED_DATA / "dicom"


# Window and photometric interpretation


@pytest.mark.parametrize("bits", [8, 10, 12, 15, 16])
def test_window_is_linear_as_the_standard_says(bits: int, tmp_path: Path) -> None:
    stored = draw_shapes(bits)
    center, width = 2.0**bits * 0.45, 2.0**bits * 0.6

    display = _show(tmp_path, stored, BitsStored=bits, WindowCenter=center, WindowWidth=width)

    assert _differ(display, _linear(stored, center, width)) < 1e-6


@pytest.mark.parametrize("bits", [8, 10, 12, 15, 16])
def test_monochrome1_is_inverted_after_the_window(bits: int, tmp_path: Path) -> None:
    stored = draw_shapes(bits)
    center, width = 2.0**bits * 0.3, 2.0**bits * 0.4

    display = _show(
        tmp_path,
        stored,
        BitsStored=bits,
        PhotometricInterpretation="MONOCHROME1",
        WindowCenter=center,
        WindowWidth=width,
    )

    assert _differ(display, 1.0 - _linear(stored, center, width)) < 1e-6


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", None, False),
    ],
)
def test_film_is_inverted_once_or_not_at_all(
    photometric: str, shape: str | None, inverted: bool, tmp_path: Path
) -> None:
    display = _show(
        tmp_path,
        RAMP_12,
        BitsStored=12,
        PhotometricInterpretation=photometric,
        PresentationLUTShape=shape,
        WindowCenter=2048,
        WindowWidth=4096,
    )

    assert (display[0, 0], display[-1, -1]) == ((1.0, 0.0) if inverted else (0.0, 1.0))


def test_linear_exact_window_as_the_standard_says(tmp_path: Path) -> None:
    display = _show(
        tmp_path, RAMP_12, BitsStored=12, VOILUTFunction="LINEAR_EXACT", WindowCenter=1000, WindowWidth=500
    )

    assert display[0, 0] == 0.0
    assert display.ravel()[750] == 0.0
    assert display.ravel()[1000] == 0.5
    assert display.ravel()[1125] == pytest.approx(0.75, abs=1e-6)
    assert display.ravel()[1250] == 1.0
    assert display[-1, -1] == 1.0


def test_linear_window_differs_from_linear_exact_by_half_a_value(tmp_path: Path) -> None:
    window = {"BitsStored": 12, "WindowCenter": 4, "WindowWidth": 5}

    linear = _show(tmp_path, RAMP_12, **window).ravel()
    exact = _show(tmp_path, RAMP_12, VOILUTFunction="LINEAR_EXACT", **window).ravel()

    assert linear[:8] == pytest.approx([0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1])
    assert exact[:8] == pytest.approx([0, 0, 0.1, 0.3, 0.5, 0.7, 0.9, 1])


def test_sigmoid_window_as_the_standard_says(tmp_path: Path) -> None:
    display = _show(
        tmp_path, RAMP_12, BitsStored=12, VOILUTFunction="SIGMOID", WindowCenter=2000, WindowWidth=800
    ).ravel()

    for value in (0, 1500, 2000, 2200, 4095):
        assert display[value] == pytest.approx(1 / (1 + math.exp(-4 * (value - 2000) / 800)), abs=1e-6)


def test_sigmoid_window_far_off_center_does_not_overflow(tmp_path: Path) -> None:
    display = _show(
        tmp_path, RAMP_12, BitsStored=12, VOILUTFunction="SIGMOID", WindowCenter=2000, WindowWidth="0.001"
    )

    assert set(np.unique(display)) == {np.float32(0), np.float32(0.5), np.float32(1)}


def test_first_of_several_windows_is_taken(tmp_path: Path) -> None:
    display = _show(
        tmp_path, RAMP_12, BitsStored=12, WindowCenter=[1000, 3000, 50], WindowWidth=[2000, 100, 10]
    )

    assert _differ(display, _linear(RAMP_12, 1000, 2000)) < 1e-6


@pytest.mark.parametrize(
    ("center", "width"),
    [(None, None), (2000, None), (None, 800), (2000, 0), (2000, -5), ("NaN", 800), (2000, "inf"), ("", "")],
)
def test_film_without_usable_window_shows_the_range_of_what_it_holds(
    center: object, width: object, tmp_path: Path
) -> None:
    stored = (RAMP_12 // 2 + 500).astype(np.uint16)

    display = _show(tmp_path, stored, BitsStored=12, WindowCenter=center, WindowWidth=width)

    assert _differ(display, (stored - 500.0) / 2047.0) < 1e-6


@pytest.mark.parametrize("function", ["LINEAR_EXACT", "SIGMOID"])
def test_window_of_no_width_is_as_good_as_none_for_every_function(function: str, tmp_path: Path) -> None:
    display = _show(
        tmp_path, RAMP_12, BitsStored=12, VOILUTFunction=function, WindowCenter=9000, WindowWidth=0
    )

    assert _differ(display, RAMP_12 / 4095.0) < 1e-6


# Stored values


@pytest.mark.parametrize("bits", [8, 10, 12, 15, 16])
def test_signed_values_are_read_with_their_sign(bits: int, tmp_path: Path) -> None:
    stored = draw_shapes(bits, signed=True)

    display = _show(tmp_path, stored, BitsStored=bits, WindowCenter=-3, WindowWidth=2.0**bits * 0.7)

    assert _differ(display, _linear(stored, -3, 2.0**bits * 0.7)) < 1e-6


def test_sign_is_taken_from_the_high_bit_where_it_is_not_extended(tmp_path: Path) -> None:
    values = draw_shapes(12, signed=True)
    stored = (values.astype(np.uint16) & 0x0FFF).astype(np.uint16)

    display = _show(tmp_path, stored, BitsStored=12, PixelRepresentation=1, WindowCenter=0, WindowWidth=3000)

    assert _differ(display, _linear(values, 0, 3000)) < 1e-6


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize(
    ("bits_stored", "high_bit"), [(12, 15), (12, 13), (8, 11), (8, 15), (10, 9), (16, 15), (1, 15)]
)
def test_values_are_found_where_the_high_bit_says(
    bits_stored: int, high_bit: int, syntax: UID, tmp_path: Path
) -> None:
    values = draw_shapes(bits_stored).astype(np.uint16)
    stored = values << np.uint16(high_bit + 1 - bits_stored)
    window = (2.0**bits_stored / 2, 2.0**bits_stored)

    film = write_film(
        tmp_path / "film.dcm",
        stored,
        syntax,
        BitsStored=bits_stored,
        HighBit=high_bit,
        WindowCenter=window[0],
        WindowWidth=window[1],
    )

    assert _differ(read_display(film), _linear(values, *window)) < 1e-6


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_signed_values_below_a_high_bit_of_15_keep_their_sign(syntax: UID, tmp_path: Path) -> None:
    values = draw_shapes(12, signed=True)

    film = write_film(
        tmp_path / "film.dcm",
        values << 4,
        syntax,
        BitsStored=12,
        HighBit=15,
        WindowCenter=0,
        WindowWidth=4000,
    )

    assert _differ(read_display(film), _linear(values, 0, 4000)) < 1e-6


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("garbage", [0x1000, 0xA000, 0xF000])
def test_garbage_in_unused_bits_is_not_seen(garbage: int, signed: bool, tmp_path: Path) -> None:
    values = draw_shapes(12, signed=signed)
    dirty = ((values.astype(np.uint16) & 0x0FFF) | np.uint16(garbage)).astype(np.uint16)

    display = _show(
        tmp_path, dirty, BitsStored=12, PixelRepresentation=int(signed), WindowCenter=500, WindowWidth=2000
    )

    assert _differ(display, _linear(values, 500, 2000)) < 1e-6


def test_garbage_in_unused_bits_does_not_widen_the_range_of_a_film_without_window(tmp_path: Path) -> None:
    dirty = RAMP_12.copy()
    dirty[10, 10] |= 0xF000

    assert _differ(_show(tmp_path, dirty, BitsStored=12), RAMP_12 / 4095.0) < 1e-6


@pytest.mark.parametrize("high_bit", [None, ""])
def test_film_that_names_no_high_bit_uses_the_lowest_bits(high_bit: object, tmp_path: Path) -> None:
    assert _differ(_show(tmp_path, RAMP_12, BitsStored=12, HighBit=high_bit), RAMP_12 / 4095.0) < 1e-6


@pytest.mark.parametrize(("bits_stored", "high_bit"), [(12, 16), (12, 10), (17, 16), (0, 15), (12, 255)])
def test_bits_that_contradict_each_other_are_undecodable(
    bits_stored: int, high_bit: int, tmp_path: Path
) -> None:
    with pytest.raises(UndecodableError):
        _show(tmp_path, RAMP_12, BitsStored=bits_stored, HighBit=high_bit)


# Lookup tables and rescaling


@pytest.mark.parametrize(
    ("slope", "intercept"), [("0.5", "-1000"), ("2", "100"), ("-1", "4095"), ("1e-3", "0")]
)
def test_rescaled_values_are_what_the_window_is_about(slope: str, intercept: str, tmp_path: Path) -> None:
    rescaled = RAMP_12 * float(slope) + float(intercept)
    center, width = float(rescaled.mean()), float(np.ptp(rescaled)) / 2 + 1.5

    display = _show(
        tmp_path,
        RAMP_12,
        BitsStored=12,
        RescaleSlope=slope,
        RescaleIntercept=intercept,
        WindowCenter=round(center, 4),
        WindowWidth=round(width, 4),
    )

    assert _differ(display, _linear(rescaled, round(center, 4), round(width, 4))) < 1e-6


@pytest.mark.parametrize(("slope", "intercept"), [(None, None), (2, None), (None, 5), ("", "")])
def test_half_a_rescaling_is_as_good_as_none(slope: object, intercept: object, tmp_path: Path) -> None:
    display = _show(
        tmp_path,
        RAMP_12,
        BitsStored=12,
        RescaleSlope=slope,
        RescaleIntercept=intercept,
        WindowCenter=1000,
        WindowWidth=2000,
    )

    assert _differ(display, _linear(RAMP_12, 1000, 2000)) < 1e-6


@pytest.mark.parametrize("slope", ["NaN", "inf", "1e308"])
def test_rescaling_to_what_is_no_number_is_undecodable(slope: str, tmp_path: Path) -> None:
    with pytest.raises(UndecodableError):
        _show(tmp_path, RAMP_12, BitsStored=12, RescaleSlope=slope, RescaleIntercept="0")


def test_modality_lut_comes_before_the_window_and_its_ends_are_extended(tmp_path: Path) -> None:
    entries = [10, 20, 40, 80]
    stored = np.array([[0, 1, 2, 3], [4, 5, 6, 4095]], dtype=np.uint16)

    display = _show(
        tmp_path,
        stored,
        BitsStored=12,
        VOILUTFunction="LINEAR_EXACT",
        WindowCenter=50,
        WindowWidth=100,
        **make_lut("ModalityLUTSequence", 2, 16, entries),
    )

    assert display.ravel().tolist() == pytest.approx([0.1, 0.1, 0.1, 0.2, 0.4, 0.8, 0.8, 0.8])


def test_first_voi_lut_is_taken_and_preferred_to_a_window(tmp_path: Path) -> None:
    stored = np.array([[99, 100], [101, 102], [103, 4095]], dtype=np.uint16)
    first = make_lut("VOILUTSequence", 100, 10, [0, 1023, 341, 682])["VOILUTSequence"]
    second = make_lut("VOILUTSequence", 0, 8, [255, 0])["VOILUTSequence"]

    display = _show(
        tmp_path, stored, BitsStored=12, VOILUTSequence=first + second, WindowCenter=5, WindowWidth=4
    )

    assert display.ravel().tolist() == pytest.approx([0, 0, 1, 1 / 3, 2 / 3, 2 / 3])


def test_empty_voi_lut_sequence_leaves_the_window(tmp_path: Path) -> None:
    display = _show(tmp_path, RAMP_12, BitsStored=12, VOILUTSequence=[], WindowCenter=1000, WindowWidth=2000)

    assert _differ(display, _linear(RAMP_12, 1000, 2000)) < 1e-6


def test_voi_lut_may_begin_below_zero(tmp_path: Path) -> None:
    stored = np.array([[-2048, -3], [-2, -1], [0, 2047]], dtype=np.int16)

    display = _show(tmp_path, stored, BitsStored=12, **make_lut("VOILUTSequence", -2, 8, [0, 51, 255]))

    assert display.ravel().tolist() == pytest.approx([0, 0, 0, 0.2, 1, 1])


def test_voi_lut_of_65536_entries_is_read(tmp_path: Path) -> None:
    stored = draw_shapes(16)
    lut = make_lut("VOILUTSequence", 0, 16, [])
    lut["VOILUTSequence"][0].add_new("LUTData", "OW", np.arange(65535, -1, -1, dtype="<u2").tobytes())

    display = _show(tmp_path, stored, **lut)

    assert _differ(display, 1.0 - stored / 65535.0) < 1e-6


def test_voi_lut_of_8_bits_may_have_more_than_256_entries(tmp_path: Path) -> None:
    entries = [code // 16 for code in range(4096)]

    display = _show(tmp_path, RAMP_12, BitsStored=12, **make_lut("VOILUTSequence", 0, 8, entries))

    assert _differ(display, RAMP_12 // 16 / 255.0) < 1e-6


def test_voi_lut_with_fewer_entries_than_it_says_is_undecodable(tmp_path: Path) -> None:
    lut = make_lut("VOILUTSequence", 0, 12, [0, 1000, 4095])
    lut["VOILUTSequence"][0].LUTDescriptor = [4, 0, 12]

    with pytest.raises(UndecodableError):
        _show(tmp_path, RAMP_12, BitsStored=12, **lut)


def test_voi_lut_written_as_words_of_either_byte_order_is_read(tmp_path: Path) -> None:
    sequence = make_lut("VOILUTSequence", 0, 12, [0, 4095, 1365])
    stored = np.array([[0, 1], [2, 9]], dtype=np.uint16)
    for syntax, order in (
        (ExplicitVRLittleEndian, "<"),
        (ImplicitVRLittleEndian, "<"),
        (ExplicitVRBigEndian, ">"),
    ):
        words = np.array([0, 4095, 1365], dtype=f"{order}u2").tobytes()
        sequence["VOILUTSequence"][0].add_new("LUTData", "OW", words)

        film = write_film(tmp_path / "film.dcm", stored, syntax, BitsStored=12, **sequence)

        assert read_display(film).ravel().tolist() == pytest.approx([0, 1, 1 / 3, 1 / 3])


@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
@pytest.mark.parametrize(
    ("syntax", "vr", "packed"),
    [
        (ExplicitVRLittleEndian, "OW", bytes([0, 51, 255, 0])),
        (ImplicitVRLittleEndian, "OW", bytes([0, 51, 255, 0])),
        (ExplicitVRBigEndian, "OW", bytes([51, 0, 0, 255])),
        (ExplicitVRLittleEndian, "US", [0 | 51 << 8, 255]),
    ],
)
def test_a_lookup_table_of_8_bits_may_have_two_entries_in_a_word(
    keyword: str, syntax: UID, vr: str, packed: object, tmp_path: Path
) -> None:
    lut = make_lut(keyword, 0, 8, [0, 51, 255])
    lut[keyword][0].add_new("LUTData", vr, packed)
    window = {"VOILUTFunction": "LINEAR_EXACT", "WindowCenter": "127.5", "WindowWidth": "255"}

    film = write_film(tmp_path / "film.dcm", np.array([[0, 1], [2, 9]], np.uint16), syntax, **lut, **window)

    assert read_display(film).ravel().tolist() == pytest.approx([0, 0.2, 1, 1])


@pytest.mark.parametrize(
    "lut",
    [
        make_lut("ModalityLUTSequence", 0, 12, [0, 1]),
        make_lut("ModalityLUTSequence", 0, 0, [0, 1]),
        make_lut("VOILUTSequence", 0, 3, [0, 1]),
        make_lut("VOILUTSequence", 0, 9, [0, 1]),
        make_lut("VOILUTSequence", 0, 12, []),
    ],
    ids=["modality-12-bits", "modality-0-bits", "voi-3-bits", "voi-9-bits", "voi-without-entries"],
)
def test_lookup_table_that_contradicts_itself_is_undecodable(lut: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UndecodableError):
        _show(tmp_path, RAMP_12, BitsStored=12, **lut)


@pytest.mark.parametrize("seed", range(25))
def test_any_rescaling_and_window_agree_with_pydicom(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    bits, signed = draw.choice([8, 10, 12, 15, 16]), draw.random() < 0.5
    stored = draw_shapes(bits, signed=signed)
    attributes: dict[str, object] = {
        "BitsStored": bits,
        "VOILUTFunction": draw.choice(["LINEAR", "LINEAR_EXACT", "SIGMOID", None]),
        "WindowCenter": draw.randrange(-(2 ** (bits - 1)), 2**bits),
        "WindowWidth": draw.randrange(2**bits // 8, 2**bits),
    }
    slope, intercept = 1.0, 0.0
    if draw.random() < 0.5:
        slope, intercept = draw.choice([0.25, 1.0, 1.5]), draw.choice([-100.0, 0.0, 64.0])
        attributes |= {"RescaleSlope": str(slope), "RescaleIntercept": str(intercept)}
    film = write_film(tmp_path / "film.dcm", stored, **attributes)
    dataset = dcmread(film)

    shown = apply_windowing(apply_modality_lut(dataset.pixel_array, dataset), dataset)

    low = (-(2 ** (bits - 1)) if signed else 0) * slope + intercept
    expected = (shown - low) / ((2**bits - 1) * slope)
    if expected.min() == expected.max():
        with pytest.raises(NotAnXrayError):
            read_display(film)
    else:
        assert _differ(read_display(film), expected) < 1e-6


@pytest.mark.parametrize("name", ["mlut_18.dcm", "vlut_04.dcm"])
def test_real_file_with_lookup_table_agrees_with_pydicom(name: str) -> None:
    dataset = dcmread(_packaged(name))
    expected = apply_voi(apply_modality_lut(dataset.pixel_array, dataset), dataset).astype(np.float64)
    if "VOILUTSequence" in dataset:
        expected /= 2 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1
    else:
        expected = (expected - expected.min()) / np.ptp(expected)

    assert _differ(read_display(_packaged(name)), expected) < 1e-6


def test_real_chest_film_agrees_with_pydicom() -> None:
    dataset = dcmread(_packaged("RG1_UNCR.dcm"))
    expected = 1.0 - apply_windowing(dataset.pixel_array, dataset) / 32767.0

    assert _differ(read_display(_packaged("RG1_UNCR.dcm")), expected) < 1e-6


# Padding


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_not_part_of_the_range(photometric: str, tmp_path: Path) -> None:
    stored = np.array([[0, 1000], [2000, 3000]], dtype=np.uint16)

    display = _show(
        tmp_path, stored, BitsStored=12, PixelPaddingValue=0, PhotometricInterpretation=photometric
    )

    expected = [0, 1, 0.5, 0] if photometric == "MONOCHROME1" else [0, 0, 0.5, 1]
    assert display.ravel().tolist() == pytest.approx(expected)


@pytest.mark.parametrize(("value", "limit"), [(0, 10), (10, 0)])
def test_padding_range_is_black_in_whichever_order_its_ends_are_given(
    value: int, limit: int, tmp_path: Path
) -> None:
    stored = np.array([[0, 5, 10], [11, 61, 111]], dtype=np.uint16)

    display = _show(
        tmp_path,
        stored,
        BitsStored=12,
        PixelPaddingValue=value,
        PixelPaddingRangeLimit=limit,
        PhotometricInterpretation="MONOCHROME1",
    )

    assert display.ravel().tolist() == pytest.approx([0, 0, 0, 1, 0.5, 0])


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_padding_of_a_signed_film_may_be_negative(syntax: UID, tmp_path: Path) -> None:
    stored = np.array([[-2000, 0], [100, 200]], dtype=np.int16)

    film = write_film(tmp_path / "film.dcm", stored, syntax, BitsStored=12, PixelPaddingValue=-2000)

    assert read_display(film).ravel().tolist() == pytest.approx([0, 0, 0.5, 1])


def test_padding_stays_black_under_a_window(tmp_path: Path) -> None:
    stored = np.array([[4095, 1000], [2000, 3000]], dtype=np.uint16)

    display = _show(
        tmp_path, stored, BitsStored=12, PixelPaddingValue=4095, WindowCenter=2000, WindowWidth=1000
    )

    assert display[0, 0] == 0.0
    assert display[1, 1] == 1.0


# Colour


def test_grey_film_in_three_channels_is_shown(tmp_path: Path) -> None:
    grey = draw_shapes(8)

    assert _differ(_show(tmp_path, np.stack([grey] * 3, axis=-1)), grey / 255.0) < 1e-6


def test_grey_film_in_planes_is_shown(tmp_path: Path) -> None:
    grey = draw_shapes(8)
    film = write_film(tmp_path / "film.dcm", np.stack([grey] * 3, axis=-1))
    dataset = dcmread(film)
    dataset.PlanarConfiguration = 1
    dataset.PixelData = grey.tobytes() * 3
    dataset.save_as(film)

    assert _differ(read_display(film), grey / 255.0) < 1e-6


def test_grey_film_in_luminance_and_chrominance_is_shown(tmp_path: Path) -> None:
    grey = draw_shapes(8)
    stored = np.stack([grey, np.full_like(grey, 128), np.full_like(grey, 128)], axis=-1)

    assert _differ(_show(tmp_path, stored, PhotometricInterpretation="YBR_FULL"), grey / 255.0) < 1e-6


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "RGB"])
def test_grey_screen_capture_in_jpeg_is_shown(photometric: str, tmp_path: Path) -> None:
    grey = draw_shapes(8)
    film = write_film(
        tmp_path / "film.dcm",
        np.stack([grey] * 3, axis=-1),
        JPEGBaseline8Bit,
        PhotometricInterpretation=photometric,
    )

    assert float(np.abs(read_display(film) - grey / 255.0).mean()) < 2 / 255


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_colour_picture_is_no_xray(photometric: str, tmp_path: Path) -> None:
    stored = np.random.default_rng(3).integers(0, 256, (40, 50, 3)).astype(np.uint8)

    with pytest.raises(NotAnXrayError, match="colour"):
        _show(tmp_path, stored, PhotometricInterpretation=photometric)


def test_film_with_a_little_coloured_label_is_shown(tmp_path: Path) -> None:
    picture = np.stack([draw_shapes(8)] * 3, axis=-1)
    picture[5:15, 5:40] = (255, 255, 0)

    assert _show(tmp_path, picture).shape == picture.shape[:2]


def test_palette_colour_picture_is_no_xray(tmp_path: Path) -> None:
    with pytest.raises(NotAnXrayError, match="palette"):
        _show(tmp_path, draw_shapes(8), PhotometricInterpretation="PALETTE COLOR")


@pytest.mark.parametrize(
    "name", ["SC_rgb.dcm", "SC_rgb_jpeg_dcmtk.dcm", "examples_palette.dcm", "US1_J2KR.dcm"]
)
def test_real_colour_picture_is_no_xray(name: str) -> None:
    with pytest.raises(NotAnXrayError, match="colour"):
        read_display(_packaged(name))


# What cannot be shown


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"WindowCenter": 2048, "WindowWidth": 4096},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"RescaleSlope": "0", "RescaleIntercept": "7"},
        {"PixelPaddingValue": 700},
    ],
    ids=str,
)
def test_blank_film_is_no_xray(attributes: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(NotAnXrayError, match="one value"):
        _show(tmp_path, np.full((40, 50), 700, dtype=np.uint16), BitsStored=12, **attributes)


def test_film_blank_but_for_its_padding_is_no_xray(tmp_path: Path) -> None:
    stored = np.full((40, 50), 700, dtype=np.uint16)
    stored[:, :10] = 0

    with pytest.raises(NotAnXrayError, match="one value"):
        _show(tmp_path, stored, BitsStored=12, PixelPaddingValue=0)


def test_blank_colour_picture_is_no_xray(tmp_path: Path) -> None:
    with pytest.raises(NotAnXrayError, match="one value"):
        _show(tmp_path, np.full((40, 50, 3), 9, dtype=np.uint8))


@pytest.mark.parametrize(("rows", "columns"), [(65535, 65535), (65535, 1526), (0, 64), (64, 0)])
def test_size_that_no_film_has_is_undecodable(rows: int, columns: int, tmp_path: Path) -> None:
    with pytest.raises(UndecodableError, match=f"{rows} rows by {columns} columns"):
        _show(tmp_path, RAMP_12, BitsStored=12, Rows=rows, Columns=columns)


def test_film_without_a_size_is_undecodable(tmp_path: Path) -> None:
    with pytest.raises(UndecodableError):
        _show(tmp_path, RAMP_12, BitsStored=12, Rows=None)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("missing", [2, 100, 8190, 8192])
def test_pixels_cut_short_are_undecodable(missing: int, syntax: UID, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", RAMP_12, syntax, BitsStored=12)
    film.write_bytes(film.read_bytes()[:-missing])

    with pytest.raises(UndecodableError):
        read_display(film)


@pytest.mark.parametrize(
    "syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless, JPEG2000, JPEGBaseline8Bit]
)
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.9])
def test_compressed_pixels_cut_short_are_undecodable(syntax: UID, kept: float, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", draw_shapes(8), syntax)
    dataset = dcmread(film)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate([frame[: int(len(frame) * kept)]])
    dataset.save_as(film)

    with pytest.raises(UndecodableError):
        read_display(film)


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99])
def test_file_that_ends_within_compressed_pixels_is_undecodable(kept: float, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", draw_shapes(12), JPEG2000Lossless, BitsStored=12)
    content = film.read_bytes()
    begin = content.index(b"\xe0\x7f\x10\x00")
    film.write_bytes(content[: begin + int((len(content) - begin) * kept)])

    with pytest.raises(UndecodableError):
        read_display(film)


def test_pixels_with_a_byte_too_many_are_shown(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.dcm", RAMP_12, BitsStored=12)
    dataset = dcmread(film)
    dataset.PixelData += b"\0\0"
    dataset.save_as(film)

    assert _differ(read_display(film), RAMP_12 / 4095.0) < 1e-6


def test_number_of_frames_0_is_read_as_one_frame(tmp_path: Path) -> None:
    assert _differ(_show(tmp_path, RAMP_12, BitsStored=12, NumberOfFrames=0), RAMP_12 / 4095.0) < 1e-6


def test_several_frames_are_undecodable(tmp_path: Path) -> None:
    with pytest.raises(UndecodableError):
        _show(tmp_path, RAMP_12, BitsStored=12, NumberOfFrames=2, Rows=32)


def test_32_bits_a_pixel_are_undecodable(tmp_path: Path) -> None:
    with pytest.raises(UndecodableError):
        _show(tmp_path, RAMP_12.astype(np.uint32), BitsStored=32)


@pytest.mark.parametrize(
    "attributes",
    [
        {"PhotometricInterpretation": None},
        {"BitsAllocated": None},
        {"BitsStored": None},
        {"SamplesPerPixel": 2},
        {"BitsAllocated": 12},
        {"PixelRepresentation": 7},
    ],
    ids=str,
)
def test_header_that_does_not_describe_the_pixels_is_undecodable(
    attributes: dict[str, object], tmp_path: Path
) -> None:
    with pytest.raises(UndecodableError):
        _show(tmp_path, RAMP_12, **attributes)


@pytest.mark.parametrize("content", [b"", b"\0" * 200, b"not DICOM at all" * 40])
def test_file_that_is_no_dicom_is_undecodable(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(content)

    with pytest.raises(UndecodableError):
        read_display(path)


def test_error_says_nothing_of_the_patient(tmp_path: Path) -> None:
    film = write_film(
        tmp_path / "film.dcm", RAMP_12, PatientName="Secret^Name", RescaleSlope="1", RescaleIntercept="0"
    )
    content = film.read_bytes().replace(b"DS\x02\x001 ", b"DS\x02\x00Sx")

    film.write_bytes(content)

    with pytest.raises(UndecodableError) as caught:
        read_display(film)
    assert "Sx" not in str(caught.value)
    assert "Secret" not in str(caught.value)


def test_real_film_for_presentation_shows_its_bones_white() -> None:
    path = SHARED / "dx_image.dcm"
    if not path.is_file():
        pytest.skip("no dx_image.dcm: the folder shared/data/dicom is not beside the repository")
    dataset = dcmread(path)
    assert (dataset.PhotometricInterpretation, dataset.PresentationLUTShape) == ("MONOCHROME1", "INVERSE")
    expected = 1.0 - _linear(dataset.pixel_array, float(dataset.WindowCenter), float(dataset.WindowWidth))

    assert _differ(read_display(path), expected) < 1e-6


def _show(folder: Path, stored: Stored, **attributes: Any) -> Display:
    return read_display(write_film(folder / "film.dcm", stored, **attributes))


def _linear(values: Stored, center: float, width: float) -> npt.NDArray[np.float64]:
    """The pseudo-code of PS3.3 C.11.2.1.2.1, output range 0..1."""
    x = values.astype(np.float64)
    y = (x - (center - 0.5)) / (width - 1) + 0.5
    y[x <= center - 0.5 - (width - 1) / 2] = 0.0
    y[x > center - 0.5 + (width - 1) / 2] = 1.0
    return y


def _differ(display: Display, expected: npt.NDArray[Any]) -> float:
    assert display.dtype == np.float32
    assert display.shape == expected.shape
    return float(np.abs(display - expected).max())


def _packaged(name: str) -> Path:
    path = get_testdata_file(name, download=False)
    assert path is not None, "the package pydicom-data is not installed"
    return Path(path)
