"""The spread between left-out hospitals, by films made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from judging.operating_points import choose_operating_points
from tests.unit.training.synthetic_films import scored
from training.judging.left_out_figures import choose_travelling_points, measure_left_out, weigh
from training.judging.scored_films import ScoredFilms
from training.writing.left_out_tables import tabulate_left_out, write_points

GROUPS = (("easy", "clinic"), ("hard",))


def make_films() -> ScoredFilms:
    """Return a large easy hospital, a small hard one whose TB scores low, and a clinic of the ill."""
    generator = np.random.default_rng(3)
    sizes = {("easy", "tb"): (600, 2.0), ("easy", "normal"): (600, -1.0), ("hard", "tb"): (60, 0.0)}
    sizes |= {("hard", "normal"): (60, -1.0), ("clinic", "other"): (60, -1.0), ("hard", "other"): (5, -1.0)}
    return scored(
        *(
            (source, label, float(1 / (1 + np.exp(-generator.normal(mean)))))
            for (source, label), (count, mean) in sizes.items()
            for _ in range(count)
        )
    )


def test_a_large_collection_counts_hardly_more_than_a_hospital() -> None:
    films = make_films()
    weights = weigh(films)
    totals = {source: weights[(films.sources == source) & films.is_tb].sum() for source in ("easy", "hard")}
    assert totals["easy"] == pytest.approx(600 / 630)
    assert totals["hard"] == pytest.approx(60 / 90)
    few = (films.sources == "hard") & (films.labels == "other")
    assert weights[few].sum() == pytest.approx(5 / 35)


def test_the_operating_points_follow_the_hospitals_and_not_the_number_of_films() -> None:
    films = make_films()
    points = {point.name: point for point in choose_travelling_points(films)}
    plain = {point.name: point for point in choose_operating_points(films.is_tb, films.scores)}
    wanted = points["sensitivity_95"].threshold
    assert wanted < plain["sensitivity_95"].threshold
    hits = films.scores >= wanted
    shares = [hits[(films.sources == source) & films.is_tb].mean() for source in ("easy", "hard")]
    assert np.average(shares, weights=(600 / 630, 60 / 90)) == pytest.approx(0.95, abs=0.02)
    assert points["rule_in"].threshold > points["screening"].threshold


def test_the_ill_are_reported_and_choose_no_threshold() -> None:
    films = make_films()
    points = choose_travelling_points(films)
    assert points == choose_travelling_points(films.select(films.labels != "other"))
    ill = films.select(films.labels != "normal")
    assert choose_travelling_points(ill) != points  # then they are all that there is


def test_the_worst_hospital_is_named_and_a_handful_of_films_is_none() -> None:
    films = make_films()
    figures = measure_left_out(films, GROUPS, choose_travelling_points(films), 0.1)
    screening = next(point for point in figures.points if point.name == "screening")
    assert screening.sensitivity is not None
    assert screening.specificity_ill is not None
    assert screening.sensitivity.worst_source == "hard"
    assert screening.sensitivity.worst < screening.sensitivity.average
    assert screening.specificity_ill.worst_source == "clinic"
    clinic = films.scores[films.sources == "clinic"] < screening.threshold
    assert screening.specificity_ill.average == pytest.approx(clinic.mean())
    assert screening.specificity_ill.worst == pytest.approx(clinic.mean())
    said = write_points(figures)[0]
    assert f"worst hospital {screening.sensitivity.worst * 100:.0f} %, hard" in said
    assert f"sensitivity {screening.sensitivity.average * 100:.0f} %" in said


def test_tb_stands_against_the_ill_of_other_hospitals_alone() -> None:
    films = make_films()
    figures = measure_left_out(films, GROUPS, choose_travelling_points(films), 0.1)
    assert {(pair.tb, pair.ill) for pair in figures.pairs} == {("easy", "clinic"), ("hard", "clinic")}
    table = tabulate_left_out(figures)[-1]
    assert f"Worst {min(pair.auc.value for pair in figures.pairs):.3f}" in table.note


def test_normal_and_ill_films_of_a_hospital_have_rows_of_their_own() -> None:
    figures = measure_left_out(make_films(), GROUPS, choose_travelling_points(make_films()), 0.1)
    rows = {row.name: row for row in figures.rows}
    assert set(rows) == {"easy", "clinic", "hard", "hard, normal", "hard, ill, not TB"}
    assert (rows["hard, normal"].not_tb, rows["hard, ill, not TB"].not_tb) == (60, 5)
    assert not any(row.seen_in_training for row in rows.values())


def test_the_bands_of_a_population_follow_from_its_prevalence() -> None:
    films = make_films()
    figures = measure_left_out(films, GROUPS, choose_travelling_points(films), 0.25)
    bands = {band.name: band for band in figures.bands}
    mixed = next(band for name, band in bands.items() if name.startswith("people screened, 25.0%"))
    for share in ("high", "medium", "low"):
        expected = 0.25 * getattr(bands["TB"], share) + 0.75 * getattr(bands["normal"], share)
        assert getattr(mixed, share) == pytest.approx(expected)
    assert all(band.high + band.medium + band.low == pytest.approx(1) for band in figures.bands)
