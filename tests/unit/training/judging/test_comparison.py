"""Two bundles are compared on films that neither was fitted to, and worse means beyond chance."""

from __future__ import annotations

import numpy as np
import pytest

from training.films.labelled_film import Label
from training.judging.comparison import (
    FEWEST,
    Comparison,
    ComparisonVerdict,
    compare_scored,
    compare_unseen,
    find_seen,
)
from training.judging.scored_films import ScoredFilms, from_csv

A, B = "a" * 64, "b" * 64


def make_films(
    count: int = 200, noise: float = 0.1, part: str = "test", seed: int = 1, first: int = 0
) -> ScoredFilms:
    """Return films of which every second has TB; the less noise, the better they are told apart."""
    is_tb = np.arange(count) % 2 == 0
    scores = np.clip(0.3 + 0.4 * is_tb + np.random.default_rng(seed).normal(0, noise, count), 0, 1)
    return ScoredFilms(
        digests=np.array([f"{first + number:032x}" for number in range(count)]),
        labels=np.where(is_tb, Label.TB.value, Label.NORMAL.value).astype(np.str_),
        sources=np.full(count, "here"),
        parts=np.full(count, part),
        scores=scores,
        sex=np.full(count, ""),
        ages=np.full(count, np.nan),
        views=np.full(count, ""),
    )


def change(films: ScoredFilms, **columns: object) -> ScoredFilms:
    return ScoredFilms(**{**vars(films), **columns})


def test_a_candidate_that_is_much_worse_is_worse_and_the_other_way_round_better() -> None:
    good, bad = make_films(noise=0.1), make_films(noise=1.0, seed=2)
    worse = compare_unseen(A, B, bad, good)
    better = compare_unseen(B, A, good, bad)
    assert (worse.verdict, better.verdict) == (ComparisonVerdict.WORSE, ComparisonVerdict.BETTER)
    assert worse.difference is not None
    assert worse.difference.low < worse.difference.value < worse.difference.high < 0
    assert (worse.films, worse.tb, worse.left_out, worse.origin) == (200, 100, 0, "films.csv")
    assert worse.reverse() == better


def test_a_candidate_within_chance_is_not_worse() -> None:
    comparison = compare_unseen(A, B, make_films(noise=0.5, seed=3), make_films(noise=0.5, seed=4))
    assert comparison.verdict is ComparisonVerdict.NOT_WORSE
    assert comparison.reverse().verdict is ComparisonVerdict.NOT_WORSE
    assert compare_unseen(A, B, make_films(), make_films()).verdict is ComparisonVerdict.NOT_WORSE


def test_the_same_films_in_another_order_compare_alike() -> None:
    good, bad = make_films(noise=0.1), make_films(noise=1.0, seed=2)
    shuffled = bad.select(np.random.default_rng(0).permutation(len(bad)))
    assert compare_unseen(A, B, shuffled, good) == compare_unseen(A, B, bad, good)


def test_only_films_that_both_scored_and_neither_was_fitted_to_count() -> None:
    ours, theirs = make_films(120), make_films(120, seed=2, first=10)  # 110 in common
    parts = ours.parts.astype("<U10").copy()
    parts[10:20], parts[20:30] = "train", "validation"
    their_parts = theirs.parts.astype("<U10").copy()
    their_parts[20:25] = "train"  # number 30 to 34 of ours
    scores = theirs.scores.copy()
    scores[25] = np.nan
    labels = theirs.labels.astype("<U6").copy()
    labels[26] = Label.OTHER.value  # 36, with TB as ours says
    comparison = compare_unseen(
        A, B, change(ours, parts=parts), change(theirs, parts=their_parts, scores=scores, labels=labels)
    )
    assert (comparison.films, comparison.left_out) == (110 - 20 - 5 - 2, 27)


@pytest.mark.parametrize("count", [0, 2 * FEWEST - 2])
def test_too_few_films_are_not_comparable(count: int) -> None:
    films = make_films(count) if count else from_csv("digest,part,source,label,score\n")
    comparison = compare_unseen(A, B, films, make_films())
    assert (comparison.verdict, comparison.difference, comparison.films) == ("not_comparable", None, count)
    assert (
        compare_unseen(A, B, make_films(2 * FEWEST), make_films()).verdict
        is not ComparisonVerdict.NOT_COMPARABLE
    )


def test_films_scored_just_now_are_compared_in_their_order() -> None:
    good, bad = make_films(noise=0.1), make_films(noise=1.0, seed=2)
    comparison = compare_scored(A, B, bad, good, left_out=7, warnings=("nothing is known of it",))
    assert (comparison.verdict, comparison.left_out, comparison.origin) == ("worse", 7, "images")
    assert Comparison.model_validate(comparison.model_dump(mode="json")) == comparison
    with pytest.raises(ValueError, match="different films"):
        compare_scored(A, B, bad, good.select(np.arange(len(good))[::-1]))


def test_a_bundle_has_seen_what_it_was_trained_and_validated_on() -> None:
    films = change(make_films(3), parts=np.array(["train", "validation", "test"]))
    assert find_seen(films) == {f"{0:032x}", f"{1:032x}"}


def test_the_difference_within_a_source_stands_beside_the_whole() -> None:
    sources = np.where(np.arange(200) < 120, "one", np.where(np.arange(200) < 180, "two", "three"))
    good, bad = make_films(noise=0.1), make_films(noise=1.0, seed=2)
    comparison = compare_unseen(A, B, change(bad, sources=sources), change(good, sources=sources))
    assert list(comparison.sources) == ["one", "two"], "the third has too few films"
    alone = compare_unseen(A, B, bad.select(sources == "one"), good.select(sources == "one"))
    assert comparison.sources["one"] == alone.difference
    assert comparison.reverse().sources["one"].high == -comparison.sources["one"].low
