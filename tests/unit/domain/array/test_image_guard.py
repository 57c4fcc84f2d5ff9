from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from dicom_gateway.pixels.radiograph import read_display
from domain.array.image_features import FEATURES, describe
from domain.array.image_guard import (
    PICTURES,
    WEIGHTS,
    Certainty,
    Opinion,
    Picture,
    Thresholds,
    load_network,
    shipped_network,
)
from domain.array.normalization import normalize
from domain.array.picture import read_picture
from domain.errors import PermanentError
from tests import checkout
from tests.films import real_film, small_film

SHARED = checkout.SHARED_DATA

Array = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def chest() -> Array:
    return normalize(read_display(real_film()))


def test_a_real_chest_film_raises_no_doubt(chest: Array, tmp_path: Path) -> None:
    for array in (chest, chest[:, ::-1], normalize(read_display(small_film(tmp_path)))):
        opinion = shipped_network().judge(np.ascontiguousarray(array))
        assert (opinion.certainty, opinion.picture) == (Certainty.CHEST, Picture.FRONTAL_CHEST)
        assert opinion.chest_probability > 0.9


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_chest_film_that_is_turned_is_neither_screened_in_silence_nor_refused(
    chest: Array, turns: int
) -> None:
    for array in (np.rot90(chest, turns), np.rot90(1 - chest, turns)):
        assert shipped_network().judge(np.ascontiguousarray(array)).certainty is Certainty.UNSURE


def test_a_chest_film_that_is_inverted_or_upside_down_is_a_turned_one(chest: Array) -> None:
    for array in (1 - chest, chest[::-1]):
        opinion = shipped_network().judge(np.ascontiguousarray(array))
        assert (opinion.certainty, opinion.picture) == (Certainty.UNSURE, Picture.TURNED_CHEST)


def test_a_leg_is_no_chest() -> None:
    assert shipped_network().judge(normalize(read_display(real_film("RG3_UNCR.dcm")))).certainty is (
        Certainty.NO_CHEST
    )


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((256, 256)),
        np.ones((256, 256)),
        np.random.default_rng(0).random((256, 256)),
        np.tile(np.linspace(0, 1, 256), (256, 1)),
        np.indices((256, 256)).sum(axis=0) // 32 % 2,
    ],
    ids=["black", "white", "noise", "gradient", "stripes"],
)
def test_what_is_no_picture_of_a_body_is_no_chest(array: npt.NDArray[np.float64]) -> None:
    opinion = shipped_network().judge(array.astype(np.float32))

    assert opinion.certainty is not Certainty.CHEST
    assert 0 <= opinion.chest_probability < 0.5


def test_thresholds_part_keep_doubt_and_refusal() -> None:
    network = replace(shipped_network(), thresholds=Thresholds(0.5, 0.7, 0.1, 10.0))
    seen = [
        network.weigh(np.array(shares, dtype=np.float32), distance)
        for shares, distance in (
            ([0.8, 0.1, 0.1, 0.0, 0.0], 10.0),
            ([0.5, 0.2, 0.0, 0.2, 0.1], 1.0),
            ([0.8, 0.1, 0.1, 0.0, 0.0], 10.1),
            ([0.3, 0.1, 0.0, 0.5, 0.1], 1.0),
            ([0.09, 0.0, 0.6, 0.3, 0.01], 1.0),
            ([0.05, 0.0, 0.05, 0.8, 0.1], 1.0),
            ([0.3, 0.05, 0.0, 0.6, 0.05], 10.1),
            ([0.0, 0.9, 0.0, 0.1, 0.0], 1.0),
        )
    ]
    chest, unsure, refused = Certainty.CHEST, Certainty.UNSURE, Certainty.NO_CHEST
    expected = [chest, chest, unsure, unsure, refused, refused, refused, unsure]
    assert [opinion.certainty for opinion in seen] == expected
    assert [opinion.near_certain for opinion in seen] == [True, *[False] * 7]
    assert seen[4].picture is Picture.LATERAL_CHEST
    assert seen[5].picture is Picture.OTHER_RADIOGRAPH
    assert seen[7].picture is Picture.TURNED_CHEST


def test_the_shipped_weights_are_small_and_of_this_version() -> None:
    assert WEIGHTS.stat().st_size < 400_000
    network = load_network()
    assert network.hidden.shape[0] == FEATURES
    assert network.output.shape[1] == len(PICTURES)
    limits = network.thresholds
    assert 0 < limits.refuse_below < limits.keep_from < limits.certain_from < 1
    assert np.allclose(
        network.components.T @ network.components, np.eye(network.components.shape[1]), atol=0.01
    )


def test_a_network_is_kept_as_it_was(tmp_path: Path, chest: Array) -> None:
    shipped_network().save(tmp_path / "copy.npz")
    assert load_network(tmp_path / "copy.npz").judge(chest) == shipped_network().judge(chest)


def test_weights_that_are_missing_or_foreign_are_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="FileNotFoundError"):
        load_network(tmp_path / "absent.npz")
    objects = tmp_path / "objects.npz"
    np.savez(objects, thresholds=np.array([object()], dtype=object))
    with pytest.raises(PermanentError, match="ValueError"):
        load_network(objects)
    other = replace(shipped_network(), hidden=np.zeros((7, 48), dtype=np.float32))
    other.save(tmp_path / "other.npz")
    with pytest.raises(PermanentError, match="another version"):
        load_network(tmp_path / "other.npz")


def test_features_do_not_depend_on_exposure(chest: Array) -> None:
    assert describe(chest).shape == (FEATURES,)
    assert np.allclose(
        describe(chest)[:1024], describe(chest * np.float32(0.5) + np.float32(0.2))[:1024], atol=1e-3
    )
    assert np.isfinite(describe(np.zeros((256, 256), dtype=np.float32))).all()


def _judge_shared(
    folder: str, table: str, chosen: Callable[[dict[str, str]], bool], step: int
) -> list[Opinion]:
    if not (SHARED / table).is_file():
        pytest.skip(f"no file {table}: the folder shared/data is not beside the repository")
    with (SHARED / table).open(encoding="utf-8", newline="") as file:
        files = [row["file"] for row in csv.DictReader(file) if chosen(row)][::step]
    assert files
    return [shipped_network().judge(normalize(read_picture(SHARED / folder / name))) for name in files]


def test_chest_films_of_all_sources_are_kept() -> None:
    seen = _judge_shared("films", "films.csv", lambda row: True, 24)

    assert np.mean([opinion.certainty is Certainty.CHEST for opinion in seen]) >= 0.985
    assert np.mean([opinion.certainty is Certainty.NO_CHEST for opinion in seen]) <= 0.003


@pytest.mark.parametrize("kind", ["limb", "ct", "other"])
def test_no_limb_and_no_slice_is_kept(kind: str) -> None:
    seen = _judge_shared("guard", "guard.csv", lambda row: row["kind"] == kind, 3)

    assert np.mean([opinion.certainty is Certainty.CHEST for opinion in seen]) <= 0.02


def test_lateral_films_are_refused_as_such() -> None:
    seen = _judge_shared("guard", "guard.csv", lambda row: row["kind"] == "lateral_chest", 1)

    assert not [opinion for opinion in seen if opinion.certainty is Certainty.CHEST]
    refused = [opinion for opinion in seen if opinion.certainty is Certainty.NO_CHEST]
    assert np.mean([opinion.picture is Picture.LATERAL_CHEST for opinion in refused]) >= 0.95
    assert len(refused) >= 0.85 * len(seen)
