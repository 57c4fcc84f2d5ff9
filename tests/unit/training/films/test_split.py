"""The split: by patient, in proportion, always the same, and never with a part that lacks a class."""

from __future__ import annotations

import random
from collections import Counter
from itertools import product

import pytest

from domain.errors import PermanentError
from tests.unit.training.films_on_disk import make_film
from training.films.labelled_film import Label, LabelledFilm
from training.films.split import Part, split


def make_pool() -> list[LabelledFilm]:
    """Three sources with several labels; every second film of the last has a patient of three films."""
    films = [
        make_film(1000 * number + index, label, source)
        for number, (source, label, count) in enumerate(
            [("big", Label.TB, 300), ("big", Label.NORMAL, 200), ("small", Label.TB, 22)]
        )
        for index in range(count)
    ]
    films += [make_film(9000 + index, Label.NORMAL, "small", f"p{index // 3}") for index in range(60)]
    films += [make_film(9500 + index, Label.OTHER, "small", f"p{index // 2}") for index in range(30)]
    return films


def count(films: list[LabelledFilm], parts: list[Part]) -> Counter[tuple[str, Label, Part]]:
    return Counter((film.source, film.label, part) for film, part in zip(films, parts, strict=True))


def test_each_source_and_label_is_split_64_16_20() -> None:
    films = make_pool()
    parts = split(films)
    counts = count(films, parts)
    strata = Counter((film.source, film.label) for film in films)
    for (source, label), size in strata.items():
        for part, share in ((Part.TRAIN, 0.64), (Part.VALIDATION, 0.16), (Part.TEST, 0.2)):
            assert abs(counts[source, label, part] - share * size) <= 3.5
    assert counts["big", Label.TB, Part.TEST] in (59, 60, 61)


def test_a_patient_is_in_one_part() -> None:
    films = make_pool()
    for seed in range(5):
        parts = split(films, seed=seed)
        used = {(film.patient, part) for film, part in zip(films, parts, strict=True) if film.patient}
        assert len(used) == len({patient for patient, _ in used}) == 20


def test_the_same_films_in_any_order_are_split_alike() -> None:
    films = make_pool()
    expected = dict(zip((film.digest for film in films), split(films), strict=True))
    random.Random(3).shuffle(films)
    assert dict(zip((film.digest for film in films), split(films), strict=True)) == expected


def test_another_seed_is_another_split() -> None:
    films = make_pool()
    assert split(films, seed=42) == split(films)
    assert split(films, seed=1) != split(films)


def test_a_held_out_source_only_tests_and_takes_its_patients_along() -> None:
    films = [*make_pool(), make_film(1, Label.NORMAL, "big", "p1")]
    parts = split(films, hold_out=("small",))
    assert {part for film, part in zip(films, parts, strict=True) if film.source == "small"} == {Part.TEST}
    assert parts[-1] is Part.TEST
    assert set(parts[:500]) == set(Part)
    several = split(
        [*films, *(make_film(7000 + number, source="third") for number in range(9))],
        hold_out=["small", "third"],
    )
    assert set(several[-9:]) == {Part.TEST}


def test_a_test_share_of_nothing_leaves_testing_to_the_held_out() -> None:
    films = make_pool()
    parts = split(films, test_share=0, hold_out=("small",))
    assert {part for film, part in zip(films, parts, strict=True) if film.source == "big"} == {
        Part.TRAIN,
        Part.VALIDATION,
    }


def test_a_validation_share_of_nothing_leaves_all_other_films_to_training() -> None:
    films = make_pool()
    parts = split(films, test_share=0, validation_share=0, hold_out=("small",))
    assert {part for film, part in zip(films, parts, strict=True) if film.source == "big"} == {Part.TRAIN}


@pytest.mark.parametrize("patients", range(5, 30))
def test_few_patients_still_give_every_part_both_classes(patients: int) -> None:
    films = [
        make_film(100 * number + index, label, "a")
        for number, label in enumerate((Label.TB, Label.NORMAL))
        for index in range(patients)
    ]
    for seed in range(10):
        parts = split(films, seed=seed)
        together = {(film.label, part) for film, part in zip(films, parts, strict=True)}
        assert together == set(product((Label.TB, Label.NORMAL), Part))


def test_many_sources_of_one_film_each_are_spread_over_the_parts() -> None:
    films = [
        make_film(number, Label.TB if number % 2 else Label.NORMAL, f"s{number}") for number in range(100)
    ]
    counts = Counter(zip((film.label for film in films), split(films), strict=True))
    for label in (Label.TB, Label.NORMAL):
        assert abs(counts[label, Part.TEST] - 10) <= 1
        assert abs(counts[label, Part.VALIDATION] - 8) <= 1


def test_what_cannot_be_split_is_said() -> None:
    films = make_pool()
    with pytest.raises(PermanentError, match="no film has the source 'west'; the sources are big, small"):
        split(films, hold_out=("west",))
    with pytest.raises(PermanentError, match="0 patients with films that are TB remain"):
        split(films, hold_out=("big", "small"))
    with pytest.raises(PermanentError, match="4 patients with films that are not TB"):
        split([*films[:10], *(make_film(8000 + number, Label.OTHER) for number in range(4))])
    with pytest.raises(PermanentError, match="0 patients with films that are not TB"):
        split(films[:300])
    with pytest.raises(PermanentError, match="no test film is TB"):
        split(films, test_share=0)
    with pytest.raises(PermanentError, match="between 0 and 1"):
        split(films, validation_share=1.0)
