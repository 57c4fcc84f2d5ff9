"""The split of films into parts by patient, with the same mix of sources and labels in each part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Final

import numpy as np

from domain.errors import PermanentError
from training.films.labelled_film import LabelledFilm


class Part(StrEnum):
    """The use of a film in a run."""

    TRAIN = "train"
    VALIDATION = "validation"
    """Films for early stopping, calibration and the choice of operating points."""
    TEST = "test"
    """Films that are scored once, at the end."""


FEWEST_PATIENTS: Final = 5
"""Minimum number of patients of each class among the films that are not held out."""


Shares = Mapping[Part, float]
Stratum = tuple[str, ...]
"""(source, label) of films, and (class,) of all of them."""


def split(
    films: Sequence[LabelledFilm],
    seed: int = 42,
    test_share: float = 0.2,
    validation_share: float = 0.2,
    hold_out: Collection[str] = (),
    any_test: bool = False,
) -> list[Part]:
    """Assign every film to a part, by iterative stratification (after Sechidis et al. 2011).

    All films of a patient fall in one part; a film without a patient counts as a patient of its own. Patient
    numbers are shared by all sources: where two hospitals use the same numbers for different people, prefix
    them. The same films give the same parts in any order.

    Args:
        films: films of both classes.
        seed: seed of the split.
        test_share: share of test films among the films that are not held out, 0..1.
        validation_share: share of validation films among the rest, 0..1; the default is a fifth of 80 %,
            and 0 is for a training that needs none.
        hold_out: sources whose films are all test films, with all other films of their patients.
        any_test: the test films may be of one class.

    Returns:
        One part per film, in the order of `films`.

    Raises:
        PermanentError: when a source to hold out does not exist, when there are too few patients, or when a
            part lacks a class.
    """
    if not 0 <= test_share < 1 or not 0 <= validation_share < 1:
        raise PermanentError("the shares of test and validation films must lie between 0 and 1")
    _check_sources(films, hold_out)
    patients: dict[str, list[int]] = defaultdict(list)
    for position, film in enumerate(films):
        patients[f"patient {film.patient}" if film.patient else f"film {film.digest}"].append(position)
    held_out = {
        patient
        for patient, positions in patients.items()
        if any(films[position].source in hold_out for position in positions)
    }
    rest = {patient: positions for patient, positions in patients.items() if patient not in held_out}
    _check_patients(films, rest)
    shares = {
        Part.TRAIN: (1 - test_share) * (1 - validation_share),
        Part.VALIDATION: (1 - test_share) * validation_share,
        Part.TEST: test_share,
    }
    part_of = dict.fromkeys(held_out, Part.TEST) | _divide(films, rest, shares, seed)
    parts = [Part.TRAIN] * len(films)
    for patient, positions in patients.items():
        for position in positions:
            parts[position] = part_of[patient]
    unchecked = {Part.TEST} if any_test else set()
    if not validation_share:
        unchecked.add(Part.VALIDATION)
    _check_parts(films, parts, [part for part in Part if part not in unchecked])
    return parts


def _divide(
    films: Sequence[LabelledFilm], patients: Mapping[str, Sequence[int]], shares: Shares, seed: int
) -> dict[str, Part]:
    """Assign each patient to the part that lacks most of the patient's strata, rare strata first."""
    strata = {patient: _count_strata(films, positions) for patient, positions in patients.items()}
    sizes: dict[Stratum, int] = defaultdict(int)
    for counts in strata.values():
        for stratum, count in counts.items():
            sizes[stratum] += count
    # The digest makes the split independent of the order and the paths of the films.
    ordered = sorted(
        patients, key=lambda patient: min(films[position].digest for position in patients[patient])
    )
    shuffled = [ordered[place] for place in np.random.default_rng(seed).permutation(len(ordered))]
    shuffled.sort(
        key=lambda patient: (min(sizes[stratum] for stratum in strata[patient]), -len(patients[patient]))
    )
    behind: dict[Part, dict[Stratum, float]] = {part: defaultdict(float) for part in shares}
    chosen = {}
    for patient in shuffled:
        counts = strata[patient]
        for part, share in shares.items():
            for stratum, count in counts.items():
                behind[part][stratum] += share * count
        part = max(shares, key=lambda part: sum(behind[part][name] * count for name, count in counts.items()))
        for stratum, count in counts.items():
            behind[part][stratum] -= count
        chosen[patient] = part
    return chosen


def _count_strata(films: Sequence[LabelledFilm], positions: Sequence[int]) -> dict[Stratum, int]:
    counts: dict[Stratum, int] = defaultdict(int)
    for position in positions:
        film = films[position]
        counts[(film.source, film.label.value)] += 1
        counts[(_name_class(film),)] += 1
    return dict(counts)


def _name_class(film: LabelledFilm) -> str:
    return "TB" if film.label.is_tb else "not TB"


def _check_sources(films: Sequence[LabelledFilm], hold_out: Collection[str]) -> None:
    sources = {film.source for film in films}
    for unknown in sorted(set(hold_out) - sources):
        raise PermanentError(
            f"no film has the source {unknown!r}; the sources are {', '.join(sorted(sources))}"
        )


def _check_patients(films: Sequence[LabelledFilm], patients: Mapping[str, Sequence[int]]) -> None:
    for name in ("TB", "not TB"):
        count = sum(
            any(_name_class(films[position]) == name for position in positions)
            for positions in patients.values()
        )
        if count < FEWEST_PATIENTS:
            raise PermanentError(
                f"{count} patients with films that are {name} remain for training, validation and test; "
                f"at least {FEWEST_PATIENTS} are needed: add films, or hold out fewer sources"
            )


def _check_parts(films: Sequence[LabelledFilm], parts: Sequence[Part], checked: Sequence[Part]) -> None:
    present = {(part, _name_class(film)) for film, part in zip(films, parts, strict=True)}
    for part in checked:
        for name in ("TB", "not TB"):
            if (part, name) not in present:
                raise PermanentError(
                    f"no {part.value} film is {name}: add films, hold out fewer sources, "
                    "or choose a larger share"
                )
