from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from dicom_gateway.pixels.radiograph import read_display
from domain.array.image_guard import PICTURES, Picture, load_network
from domain.array.normalization import normalize
from domain.errors import PermanentError
from tests.films import real_film
from training.guard.guard_examples import Examples, Sources, make_examples
from training.guard.guard_phantoms import draw_phantom
from training.guard.guard_pictures import coarsen, cut, draw_pattern, turn, vary
from training.guard.image_guard import KEPT, fit, train

FILMS_OF_A_PLACE = 8
FOREIGN = (
    ("lateral_chest", "laterals", ("7-1.png", "7-2.png", "nejm1_f1.png")),
    ("limb", "knees", ("a.png", "b.png")),
    ("ct", "slices", ("a.png", "b.png")),
    ("other", "rest", ("a.png",)),
    ("paediatric_chest", "children", ("a.png",)),
)


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
    _write_foreign(folder, leg)
    np.savez(
        folder / "others.npz",
        arrays=np.stack([chest, leg, 1 - leg]).astype(np.float16),
        names=["chest", "leg", "other"],
        subjects=["RG1", "RG3", "RG4"],
        kinds=["frontal_chest", "other_radiograph", "other_radiograph"],
    )
    return make_examples(Sources(folder, folder / "others.npz", drawn=40), threads=1)


def _write_foreign(folder: Path, leg: npt.NDArray[np.float32]) -> None:
    rows = []
    for kind, source, names in FOREIGN:
        for number, name in enumerate(names):
            picture = np.rot90(leg, number) if kind != "paediatric_chest" else leg.T
            (folder / "guard" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray((picture * 255).astype(np.uint8)).save(folder / "guard" / kind / name)
            rows.append({"file": f"{kind}/{name}", "kind": kind, "source": source})
    with (folder / "guard.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["file", "kind", "source"])
        writer.writeheader()
        writer.writerows(rows)


def test_each_place_is_judged_by_a_network_that_has_not_seen_it(examples: Examples, tmp_path: Path) -> None:
    network, held_out = train(examples)

    assert not np.isnan(held_out.probabilities).any()
    assert set(held_out.networks) == {"north", "south"}
    films = held_out.find("film", chest=True)
    assert int(films.sum()) == 2 * FILMS_OF_A_PLACE
    assert held_out.probabilities[films, 0].mean() > 2 * held_out.probabilities[~films, 0].mean()
    assert len(held_out.judge_by_others(network)) == 2 * FILMS_OF_A_PLACE
    north = held_out.find_thresholds(without="south")
    asked = films & (examples.hospitals == "north")
    assert north.keep_from == pytest.approx(np.quantile(held_out.probabilities[asked, 0], 1 - KEPT))
    limits = network.thresholds
    assert 0 <= limits.refuse_below <= limits.keep_from <= limits.certain_from <= 1
    assert np.mean(held_out.distances[films] > limits.outlier_above) < 0.2
    network.save(tmp_path / "guard.npz")
    again = load_network(tmp_path / "guard.npz")
    row = examples.features[:1].astype(np.float32)
    assert np.allclose(again.predict(row), network.predict(row), atol=0.02)
    other = examples.features[examples.targets != 0][:1].astype(np.float32)
    assert again.measure_distance(other) == pytest.approx(network.measure_distance(other), rel=0.02)


def test_only_what_is_learnt_is_learnt(examples: Examples) -> None:
    measured = {str(kind) for kind in examples.kinds[~examples.learnt]}
    assert measured == {
        *("turned by 90°", "turned by 180°", "turned by 270°", "upside down", "inverted", "mirrored"),
        "real paediatric_chest",
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


def test_pictures_of_a_patient_or_a_source_are_held_out_together(examples: Examples) -> None:
    places = {str(place) for place in examples.places[examples.kinds == "changed"]}

    assert {"lateral 7", "lateral nejm1", "knees, limb", "slices, ct"} <= places
    is_lateral = examples.targets == PICTURES.index(Picture.LATERAL_CHEST)
    assert {str(place) for place in examples.places[is_lateral]} == {"lateral 7", "lateral nejm1"}


def test_a_picture_is_not_known_by_its_resolution(examples: Examples) -> None:
    chest = normalize(read_display(real_film()))
    draw = np.random.default_rng(0)
    coarse = [coarsen(chest, draw) for _ in range(20)]

    assert 2 < sum(np.array_equal(array, chest) for array in coarse) < 18
    assert all(array.shape == (256, 256) and 0 <= array.min() <= array.max() <= 1 for array in coarse)


def test_examples_of_too_few_kinds_are_an_error(examples: Examples) -> None:
    with pytest.raises(PermanentError, match="only 2 of 5 kinds"):
        fit(examples, examples.learnt & (examples.targets < 2))


def test_without_films_it_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"guard\.csv.*benchmarks\.guard_films"):
        make_examples(Sources(tmp_path, tmp_path / "others.npz", 1), 1)


def _make(make: object, chest: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float32]:
    assert callable(make)
    made: npt.NDArray[np.float32] = make(chest, np.random.default_rng(seed))
    return made
