from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dicom_gateway.pixels.radiograph import read_display
from domain.array.image_guard import Certainty, shipped_network
from domain.array.normalization import normalize
from domain.array.upright import WAYS, find_upright, turn, turn_back
from domain.codes import Observation
from tests.films import real_film

Array = npt.NDArray[np.float32]

CORNERS = np.arange(12, dtype=np.uint8).reshape(3, 4)


@pytest.fixture(scope="module")
def chest() -> Array:
    return normalize(read_display(real_film()))


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_is_found_in_a_turned_array_is_turned_back(way: tuple[Observation, ...]) -> None:
    array = np.random.default_rng(0).random((256, 256), dtype=np.float32)
    turned = turn(array, way)
    back = turn_back(turned, way)

    assert not np.array_equal(turned, array)
    assert np.array_equal(1 - back if Observation.INVERTED in way else back, array)
    assert (turned.dtype, turned.flags.c_contiguous) == (np.float32, True)


def test_what_was_only_observed_turns_nothing() -> None:
    assert np.array_equal(turn_back(CORNERS, [Observation.VIEW_FROM_PIXELS, Observation.OTHER]), CORNERS)
    assert turn_back(CORNERS, [Observation.TURNED_90]).shape == (4, 3)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_turned_chest_film_is_turned_back_or_doubted(chest: Array, way: tuple[Observation, ...]) -> None:
    found = find_upright(turn_film(chest, way), shipped_network())

    if found.observations:
        assert found.opinion.near_certain
        assert np.allclose(found.array, chest, atol=1e-6)
    else:
        assert found.opinion.certainty is Certainty.UNSURE


def test_most_turned_ways_are_turned_back(chest: Array) -> None:
    found = [find_upright(turn_film(chest, way), shipped_network()).observations for way in WAYS]

    assert sum(bool(observations) for observations in found) >= 5


def test_an_upright_or_mirrored_film_stays_as_it_is(chest: Array) -> None:
    for array in (chest, np.ascontiguousarray(chest[:, ::-1])):
        found = find_upright(array, shipped_network())
        assert (found.opinion.certainty, found.observations) == (Certainty.CHEST, ())
        assert found.array is array


def test_what_is_no_chest_film_is_not_turned() -> None:
    leg = normalize(read_display(real_film("RG3_UNCR.dcm")))
    for array in (leg, np.ascontiguousarray(np.rot90(leg)), np.zeros((256, 256), dtype=np.float32)):
        found = find_upright(array, shipped_network())
        assert found.opinion.certainty is not Certainty.CHEST
        assert found.array is array


def turn_film(array: Array, way: tuple[Observation, ...]) -> Array:
    """Return a film that `turn(film, way)` makes upright."""
    turned = np.ascontiguousarray(turn_back(array, way))
    return 1 - turned if Observation.INVERTED in way else turned
