"""The simulation's own books: every count and estimate of the report, without the code of the service.

Intervals are compared with the truth alone; so are cross-fitted figures, whose folds only the service knows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.e2e.calibration_programme.people import LEVELS, SLOPE, Person, find_mean

FEWEST_BELOW: Final = 50
FEWEST_CASES: Final = 5
ALMOST: Final = 0.01
"""Grey values by which a score may lie beside its level."""


@dataclass(frozen=True)
class Entry:
    """A person of the study, as the books know it."""

    person: Person
    drawn: bool
    has_result: bool


def compare(analysis: Mapping[str, Any], books: Sequence[Entry]) -> list[str]:
    """Return the figures of the report that differ from the books, in words; none where all are right."""
    edges = [find_level(band["begins"]) for band in analysis["bands"]]
    return [
        f"{name}: the report has {told}, the books {known}"
        for name, told, known in _list_figures(analysis, books, edges)
        if not _is_same(told, known)
    ]


def count_figures(analysis: Mapping[str, Any], books: Sequence[Entry]) -> int:
    """Return the number of figures that `compare` looks at."""
    edges = [find_level(band["begins"]) for band in analysis["bands"]]
    return sum(1 for _ in _list_figures(analysis, books, edges))


def find_level(score: float) -> int:
    """Return the lowest grey value of a film that reaches a score."""
    if score <= 0:
        return 0
    level = (0.5 + math.log(score / (1 - score)) / SLOPE - find_mean(0)) * LEVELS
    return math.ceil(level - ALMOST)


def find_truth(people: Sequence[Person], is_positive: Callable[[Person], bool]) -> dict[str, float]:
    """Return sensitivity and specificity among all these people, of whom the simulation knows TB."""
    ill, well = ([person for person in people if person.is_tb is is_tb] for is_tb in (True, False))
    return {
        "sensitivity": sum(map(is_positive, ill)) / len(ill),
        "specificity": 1 - sum(map(is_positive, well)) / len(well),
    }


def _list_figures(
    analysis: Mapping[str, Any], books: Sequence[Entry], edges: Sequence[int]
) -> Iterator[tuple[str, Any, Any]]:
    """Yield each figure's name, its value in the report, and in the books."""
    yield "people", analysis["people"], len(books)
    yield "repeated", analysis["repeated"], 0
    yield "tested without a draw", analysis["undrawn_tested"], 0
    for place, band in enumerate(analysis["bands"]):
        here = [entry for entry in books if _find_band(entry, edges) == place]
        yield f"band {place}, people", band["people"], len(here)
        yield f"band {place}, drawn", band["drawn"], sum(entry.drawn for entry in here)
        found = [entry for entry in here if entry.has_result]
        tb = sum(entry.person.is_tb for entry in found)
        yield f"band {place}, TB", band["tb"], tb
        yield f"band {place}, not TB", band["not_tb"], len(found) - tb
        yield f"band {place}, waiting", band["waiting"], sum(entry.drawn for entry in here) - len(found)
    for threshold in [*analysis["thresholds"], analysis["current"]]:
        yield from _list_accuracy(f"at {threshold['threshold']:.4f}", threshold, books, edges)
    chosen = analysis["recommended"]
    if chosen is not None:
        yield from _list_accuracy("recommended", chosen["accuracy"], books, edges)
        if chosen["cross_fitted"] is not None:
            yield "cross-fitted, people", chosen["cross_fitted"]["people"], len(books)
    for group in analysis["groups"]:
        if group["kind"] != "station":
            holds = _hold_age if group["kind"] == "age" else _hold_sex
            members = [entry for entry in books if holds(entry.person, group["name"])]
            yield from _list_accuracy(f"{group['kind']} {group['name']}", group["accuracy"], members, edges)
    for paid, accuracy in zip(analysis["yields"], analysis["thresholds"], strict=True):
        yield from _list_costs(paid, accuracy, analysis["prices"])
    if analysis["bound"] is not None:
        yield (
            "people without a result",
            analysis["bound"]["missing"],
            sum(entry.drawn and not entry.has_result for entry in books),
        )
        judged = analysis["current"] if chosen is None else chosen["accuracy"]
        for name, ratio in (
            ("least", 1 / analysis["bound"]["odds"]),
            ("greatest", analysis["bound"]["odds"]),
        ):
            known = _bound(books, edges, find_level(judged["threshold"]), ratio)
            yield f"bound, {name}", analysis["bound"][name]["value"], known
    for cell in (analysis["table"] or {"cells": ()})["cells"]:
        members = [
            entry
            for entry in books
            if entry.person.sex == cell["sex"] and cell["first"] <= entry.person.age <= cell["last"]
        ]
        name = f"cell {cell['sex']} {cell['first']}"
        tb = sum(entry.has_result and entry.person.is_tb for entry in members)
        yield f"{name}, people", cell["people"], len(members)
        yield f"{name}, TB", cell["tb"], tb
        yield f"{name}, not TB", cell["not_tb"], sum(entry.has_result for entry in members) - tb


def _list_accuracy(
    name: str, told: Mapping[str, Any], books: Sequence[Entry], edges: Sequence[int]
) -> Iterator[tuple[str, Any, Any]]:
    level = find_level(told["threshold"])
    weights = _weigh(books, edges)
    above = [entry for entry in books if entry.person.level >= level]
    found = [entry for entry in books if entry.has_result]
    hits, alarms, missed, cleared = (
        sum(
            weights[_find_band(entry, edges)]
            for entry in found
            if (entry.person.level >= level) is is_above and entry.person.is_tb is is_tb
        )
        for is_above in (True, False)
        for is_tb in (True, False)
    )
    tested_above = sum(entry.has_result for entry in above)
    tb_above = sum(entry.has_result and entry.person.is_tb for entry in above)
    tb = sum(entry.person.is_tb for entry in found)
    yield f"{name}, people", told["people"], len(books)
    yield f"{name}, referred", told["referred"], len(above)
    yield f"{name}, tested above", told["tested_above"], tested_above
    yield f"{name}, tested below", told["tested_below"], len(found) - tested_above
    yield f"{name}, TB above", told["tb_above"], tb_above
    yield f"{name}, TB below", told["tb_below"], tb - tb_above
    untested = {_find_band(entry, edges) for entry in books} - {_find_band(entry, edges) for entry in found}
    is_known = not untested and len(found) - tested_above >= FEWEST_BELOW
    shares = {
        "sensitivity": _divide(hits, hits + missed) if is_known and tb >= FEWEST_CASES else None,
        "specificity": _divide(cleared, cleared + alarms) if is_known else None,
        "ppv": _divide(hits, hits + alarms) if tested_above else None,
        "npv": _divide(cleared, cleared + missed) if is_known else None,
        "cases": hits,
    }
    if not untested:
        for figure, share in shares.items():
            value = told[figure]
            yield f"{name}, {figure}", None if value is None else value["value"], share
            if value is not None:
                yield f"{name}, interval of {figure}", value["low"] <= value["value"] <= value["high"], True


def _list_costs(
    paid: Mapping[str, Any], accuracy: Mapping[str, Any], prices: Mapping[str, float] | None
) -> Iterator[tuple[str, Any, Any]]:
    cases = accuracy["cases"]
    if cases is None or paid["tests_per_case"] is None:
        return
    name = f"at {paid['threshold']:.4f}"
    yield f"{name}, tests for a case", paid["tests_per_case"]["value"], accuracy["referred"] / cases["value"]
    if prices is not None:
        total = prices["film"] * accuracy["people"] + prices["test"] * accuracy["referred"]
        yield f"{name}, cost of a case", paid["cost_per_case"]["value"], total / cases["value"]


def _bound(books: Sequence[Entry], edges: Sequence[int], level: int, ratio: float) -> float:
    """Return the sensitivity where people without a result have such odds of TB, and one over it below."""
    total = {True: 0.0, False: 0.0}
    weights = _weigh(books, edges)
    for place in range(len(edges)):
        here = [entry for entry in books if _find_band(entry, edges) == place]
        found = [entry for entry in here if entry.has_result]
        share = (sum(entry.person.is_tb for entry in found) + 0.5) / (len(found) + 1)
        there = len(found) / max(sum(entry.drawn for entry in here), 1)
        for entry in found:
            if entry.person.is_tb:
                is_above = entry.person.level >= level
                odds = ratio if is_above else 1 / ratio
                total[is_above] += weights[place] * (there + (1 - there) * odds / (1 - share + odds * share))
    return total[True] / (total[True] + total[False])


def _weigh(books: Sequence[Entry], edges: Sequence[int]) -> dict[int, float]:
    """Return for each band the people that one with a result stands for."""
    people, found = [0] * len(edges), [0] * len(edges)
    for entry in books:
        band = _find_band(entry, edges)
        people[band] += 1
        found[band] += entry.has_result
    return {band: people[band] / found[band] for band in range(len(edges)) if found[band]}


def _find_band(entry: Entry, edges: Sequence[int]) -> int:
    return sum(entry.person.level >= edge for edge in edges[1:])


def _hold_age(person: Person, name: str) -> bool:
    first, _, last = name.replace(" and older", " to 999").partition(" to ")
    return int(first) <= person.age <= int(last)


def _hold_sex(person: Person, name: str) -> bool:
    return person.sex == name


def _divide(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _is_same(told: Any, known: Any) -> bool:
    if isinstance(told, float) and isinstance(known, (int, float)):
        return math.isclose(told, known, rel_tol=1e-9, abs_tol=1e-12)
    return bool(told == known)
