from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from dicom_gateway.pixels.radiograph import read_display
from domain.array.image_guard import load_network
from domain.array.normalization import normalize
from domain.errors import PermanentError
from tests.films import real_film
from training.guard.guard_examples import Examples, make_examples
from training.guard.guard_phantoms import draw_phantom
from training.guard.guard_pictures import cut, draw_pattern, turn, vary
from training.guard.image_guard import KEPT, train

FILMS_OF_A_PLACE = 8


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    folder = tmp_path_factory.mktemp("guard")
    chest = normalize(read_display(real_film()))
    (folder / "films").mkdir()
    rows = []
    for number in range(2 * FILMS_OF_A_PLACE):
        name = f"{number}.png"
        picture = vary(chest, np.random.default_rng(number))
        Image.fromarray((picture * 255).astype(np.uint8)).save(folder / "films" / name)
        rows.append({"file": name, "source": ("north", "south")[number % 2]})
    with (folder / "films.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["file", "source"])
        writer.writeheader()
        writer.writerows(rows)
    leg = normalize(read_display(real_film("RG3_UNCR.dcm")))
    np.savez(
        folder / "others.npz",
        arrays=np.stack([chest, leg, 1 - leg]).astype(np.float16),
        names=["chest", "leg", "other"],
        subjects=["RG1", "RG3", "RG4"],
        kinds=["frontal_chest", "other_radiograph", "other_radiograph"],
    )
    return make_examples(folder, folder / "others.npz", drawn=40, threads=1)


def test_each_place_is_judged_by_a_network_that_has_not_seen_it(examples: Examples, tmp_path: Path) -> None:
    network, held_out = train(examples)

    assert not np.isnan(held_out.probabilities).any()
    films = held_out.find("film", chest=True)
    assert int(films.sum()) == 2 * FILMS_OF_A_PLACE
    assert held_out.probabilities[films, 0].mean() > held_out.probabilities[~films, 0].mean() + 0.3
    assert len(held_out.judge_by_others(network)) == 2 * FILMS_OF_A_PLACE
    north, _ = held_out.find_thresholds(without="south")
    asked = films & (examples.hospitals == "north")
    assert north == pytest.approx(np.quantile(held_out.probabilities[asked, 0], 1 - KEPT))
    assert 0 <= network.refuse_below <= network.keep_from <= 1
    network.save(tmp_path / "guard.npz")
    again = load_network(tmp_path / "guard.npz")
    row = examples.features[:1].astype(np.float32)
    assert np.allclose(again.predict(row), network.predict(row), atol=0.02)


def test_only_what_is_learnt_is_learnt(examples: Examples) -> None:
    measured = {str(kind) for kind in examples.kinds[~examples.learnt]}
    assert measured == {
        *("turned by 90°", "turned by 180°", "turned by 270°", "upside down", "inverted"),
        "real",  # RG1: a chest film of no place in training
    }
    assert {str(kind) for kind in examples.kinds[examples.learnt & (examples.targets == 0)]} == {
        "film",
        "changed",
    }


@pytest.mark.parametrize(
    "make", [vary, turn, cut, lambda array, draw: draw_pattern(draw), lambda array, draw: draw_phantom(draw)]
)
def test_pictures_are_arrays_and_the_same_again(make: object) -> None:
    assert callable(make)
    chest = normalize(read_display(real_film()))
    for seed in range(12):
        drawn, same = (_make(make, chest, seed) for _ in range(2))
        assert (drawn.shape, drawn.dtype) == ((256, 256), np.float32)
        assert 0 <= drawn.min() <= drawn.max() <= 1
        assert np.array_equal(drawn, same)
    assert not np.array_equal(_make(make, chest, 1), _make(make, chest, 2))


def test_without_films_it_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"benchmarks\.guard_films"):
        make_examples(tmp_path, tmp_path / "others.npz", 1, 1)


def _make(make: object, chest: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float32]:
    assert callable(make)
    made: npt.NDArray[np.float32] = make(chest, np.random.default_rng(seed))
    return made
