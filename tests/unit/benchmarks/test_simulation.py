"""The simulation of a site against what queueing theory and bookkeeping say."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.capacity.arrivals import Day, draw_poisson
from benchmarks.capacity.simulation import Course, Outage, Pool, Simulation, Stage, Work


def arrive(rate: float, count: int, seed: int = 1) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate, count))


def run(stages: list[Stage], arrivals: np.ndarray, *outages: Outage, pools: tuple[Pool, ...] = ()) -> Course:
    return Simulation(stages, pools, outages, np.random.default_rng(2)).run(arrivals)


@pytest.mark.parametrize(
    ("variation", "expected"),
    [
        (1.0, 4.0),  # M/M/1: mean wait = load / (1 - load) times service
        (0.0, 2.0),  # M/D/1: half of it
        (0.5, 2.5),  # M/G/1, Pollaczek and Khinchine: (1 + variation²) / 2 of it
    ],
)
def test_one_server_makes_wait_as_theory_says(variation: float, expected: float) -> None:
    course = run([Stage("only", 1, (Work(1.0),), variation=variation)], arrive(0.8, 60_000))
    waited = (course.begun - course.arrived)[0, 5_000:].mean()
    assert waited == pytest.approx(expected, rel=0.08)


def test_several_servers_make_wait_as_erlang_says() -> None:
    # M/M/4, load 0.8: Erlang C is 0.5964, the mean wait 0.5964 / (4 - 3.2)
    course = run([Stage("only", 4, (Work(1.0),), variation=1.0)], arrive(3.2, 60_000))
    assert (course.begun - course.arrived)[0, 5_000:].mean() == pytest.approx(0.7455, rel=0.1)


def test_a_shared_core_is_one_core() -> None:
    """Two stages that each want a second of one core make one film in two seconds, and share it fairly."""
    stages = [Stage(name, 1, (Work(1.0, "core"),), variation=0.0) for name in ("first", "second")]
    course = run(stages, np.zeros(100), pools=(Pool("core", 1, slice_s=0.01),))
    assert course.ended[1, -1] == pytest.approx(200.0, rel=0.02)
    assert course.busy["core"].sum() == pytest.approx(200.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_film_is_lost_and_none_goes_back_in_time(seed: int) -> None:
    random = np.random.default_rng(seed)
    stages = [
        Stage("first", 2, (Work(0.2, "core"), Work(0.01, varies=False))),
        Stage("second", 1, (Work(0.3, "core"),), room=5),
        Stage("third", 3, (Work(0.2),)),
    ]
    outages = [
        Outage("second", 100.0, 300.0, 1, again_after_s=20.0),
        Outage("third", 200.0, 500.0, 3),
        Outage("core", 600.0, 660.0, 2),
    ]
    arrivals = np.sort(random.random(2_000) * 900)
    course = run(stages, arrivals, *outages, pools=(Pool("core", 2, slice_s=0.05),))
    assert not np.isnan(course.ended).any()
    assert (course.begun[0] >= course.arrived).all()
    assert (course.ended > course.begun).all()
    assert (course.begun[1:] >= course.ended[:-1]).all()
    assert course.begun_again <= 1
    began = course.begun[2]
    assert not ((began > 200.0) & (began < 500.0)).any()
    assert course.busy["core"].max() <= 2 * 60 + 0.05


def test_what_a_lost_host_had_at_hand_begins_anew() -> None:
    stage = Stage("only", 2, (Work(10.0),), variation=0.0)
    course = run([stage], np.zeros(4), Outage("only", 5.0, 50.0, 1, again_after_s=30.0))
    assert course.begun_again == 1
    assert sorted(course.ended[0]) == pytest.approx([10.0, 20.0, 30.0, 45.0])


def test_what_has_no_room_waits_in_the_stage_before() -> None:
    stages = [
        Stage("quick", 1, (Work(0.1),), variation=0.0),
        Stage("slow", 1, (Work(1.0),), room=5, variation=0.0),
    ]
    course = run(stages, np.zeros(100))
    for now in course.begun[1]:
        waits = (course.ended[0] <= now).sum() - (course.begun[1] <= now).sum()
        assert waits <= 5
    assert course.ended[1, -1] == pytest.approx(100.1)


def test_a_day_has_its_morning_and_its_vans() -> None:
    sent = Day(100_000, van_share=0.2).draw(np.random.default_rng(3))
    hours = np.bincount((sent / 3600).astype(int), minlength=24)
    assert len(sent) == pytest.approx(100_000, rel=0.05)
    assert (np.diff(sent) >= 0).all()
    assert hours[9] == pytest.approx(100_000 * 0.8 * 15 / 120, rel=0.05)
    assert hours[15:19].sum() > 100_000 * 0.2


def test_a_poisson_process_has_the_rate_of_its_hour() -> None:
    times = draw_poisson(30_000, (1, 2), np.random.default_rng(4))
    assert (times < 3600).sum() == pytest.approx(10_000, rel=0.04)
    gaps = np.diff(times[times < 3600])
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)
