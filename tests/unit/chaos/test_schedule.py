"""A seed names one schedule; the table counts what its faults did."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from chaos.faults import FAULTS, POISONS
from chaos.films import Film, Poison, find_poison
from chaos.schedule import Injection, Schedule
from chaos.table import tally
from chaos.verdict import Verdict
from dicom_gateway.pixels.radiograph import read_display
from domain.array.normalization import normalize
from tests.films import read

ALL = [*FAULTS, *POISONS]


def test_a_seed_draws_the_same_schedule_again_with_each_fault_as_often_as_asked_for() -> None:
    first, again, other = (Schedule(seed, ALL, 3, 2.0).planned for seed in (7, 7, 8))
    assert first == again != other
    assert Counter(planned.fault for planned in first) == dict.fromkeys(ALL, 3)


def test_a_lost_film_counts_against_each_fault_during_which_it_was_on_its_way() -> None:
    injections = [
        Injection("kill gateway", 10.0, frozenset({"a", "b"})),
        Injection("kill gateway", 20.0, frozenset({"b"})),
        Injection("disk full", 5.0, frozenset({"a"})),
        Injection("disk full", 6.0, frozenset({"b"}), skipped="no disk"),
    ]
    none: frozenset[str] = frozenset()
    verdict = Verdict(frozenset({"b"}), none, none, none, frozenset({"a"}), 0)
    disk, gateway = tally(injections, {"a": 12.0}, verdict)
    assert (disk.injected, disk.lost, disk.recovered_p95_s, disk.skipped) == (1, 0, 7.0, ("no disk",))
    assert (disk.struck_out, gateway.struck_out) == (1, 1)
    assert (gateway.injected, gateway.in_flight, gateway.lost, gateway.recovered_p95_s) == (2, 3, 2, 2.0)


def test_films_differ_by_number_and_are_the_same_bytes_again(tmp_path: Path) -> None:
    contents = []
    for place, number in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / place).mkdir()
        contents.append(Film(3, number).write(tmp_path / place).read_bytes())
    assert contents[0] == contents[1] != contents[2]
    assert read(tmp_path / "a" / "00001.dcm").SOPInstanceUID == Film(3, 1).sop_instance_uid


def test_a_poisoned_film_is_known_by_its_array_and_no_other_is(tmp_path: Path) -> None:
    def array_of(film: Film) -> np.ndarray:
        return normalize(read_display(film.write(tmp_path)))

    for poison in Poison:
        assert find_poison(array_of(Film(3, 9, poison))) is poison
    assert [find_poison(array_of(Film(3, number))) for number in range(6)] == [None] * 6
