"""Twice what the service can do, for minutes; then it drains. Nothing is lost, nothing grows.

    python -m benchmarks.load [--minutes 10] [--plot load.png] [--keep-log service.log] [--write]

A whole installation (SQLite, private Redis, one worker) screens films of 512 pixels a side and reports to a
small PACS. First films come one at a time (the latency of rest), then as fast as they are taken until all are
screened (the capacity); then twice the capacity is offered over four associations. What the workers cannot do
waits in the spool. When no more is offered, all of it must drain, and films one at a time must be as quick as
before. Writes a plot; `--write` keeps the figures in `capacity/measured.json`, where they check the
simulation. The last line is one JSON object. Exit code 1 when a film that was answered with success has no
result.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pynetdicom import _config
from sqlalchemy import func, select

from benchmarks.capacity.measured import write_measured
from benchmarks.inputs.full_size_films import make_films
from benchmarks.load_run.load_course import NO_ANSWER, UID_BYTES, Course, Sample
from benchmarks.load_run.load_plot import draw
from db.tables import Instance, Screening
from tbscreen.demo.trial import trial
from tbscreen.machine import describe_machine
from tests.servers.ports import wait_until

SIDE = 512
ASSOCIATIONS = 4
SAMPLE_S = 2.0
RESTING_FILMS = 20
CAPACITY_FILMS = 120
DRAIN_S = 3600.0


def rest(course: Course) -> float:
    """Send films one at a time, each when the one before is screened; returns the median seconds of one."""
    association = course.associate()
    uids = []
    for _ in range(RESTING_FILMS):
        uid = course.send(association)
        assert uid is not None, "a service at rest takes every film"
        uids.append(uid)
        wait_until(lambda uid=uid: _is_screened(course, uid), 60, "the film is screened")  # type: ignore[misc]
    association.release()
    with course.installation.database.read() as session:
        rows = session.execute(
            select(Instance.received_at, Screening.finished_at)
            .join(Screening, Screening.instance_id == Instance.id)
            .where(Instance.sop_instance_uid.in_(uids))
        ).all()
    return statistics.median((finished - received).total_seconds() for received, finished in rows)


def find_capacity(course: Course) -> float:
    """Send as fast as films are taken; returns films per second from the first sent to the last screened."""
    began = time.monotonic()
    before = _count_screened(course)

    def send_share() -> None:
        association = course.associate()
        for _ in range(CAPACITY_FILMS // ASSOCIATIONS):
            course.send(association)
        association.release()

    with ThreadPoolExecutor(ASSOCIATIONS) as pool:
        for share in [pool.submit(send_share) for _ in range(ASSOCIATIONS)]:
            share.result()
    wait_until(lambda: find_lost(course) == 0, 600, "all are screened")
    return (_count_screened(course) - before) / (time.monotonic() - began)


def press(course: Course, rate: float, minutes: float) -> float:
    """Offer `rate` films a second for so long; returns how many a second were really offered."""
    began = time.monotonic()
    before = course.offered
    until = began + 60 * minutes
    turns = itertools.count()

    def send_share() -> None:
        association = course.associate()
        while True:
            with course.lock:
                due = began + next(turns) / rate
            if due > until:
                break
            time.sleep(max(0.0, due - time.monotonic()))
            if not association.is_established:  # ended by an answer that did not come; the film is not taken
                association = course.associate()
            course.send(association)
        association.release()

    with ThreadPoolExecutor(ASSOCIATIONS) as pool:
        shares = [pool.submit(send_share) for _ in range(ASSOCIATIONS)]
        while not all(share.done() for share in shares):
            _show(course.sample())
            time.sleep(SAMPLE_S)
        for share in shares:
            share.result()
    return (course.offered - before) / (time.monotonic() - began)


def drain(course: Course) -> float:
    """Wait until nothing waits any more; returns seconds."""
    began = time.monotonic()
    while time.monotonic() - began < DRAIN_S:
        sample = course.sample()
        _show(sample)
        if sample.in_spool == sample.in_broker == 0:
            break
        time.sleep(SAMPLE_S)
    return time.monotonic() - began


def _is_screened(course: Course, uid: str) -> bool:
    with course.installation.database.read() as session:
        query = select(Screening.id).join(Instance, Instance.id == Screening.instance_id)
        return session.scalar(query.where(Instance.sop_instance_uid == uid)) is not None


def _count_screened(course: Course) -> int:
    with course.installation.database.read() as session:
        return session.scalar(select(func.count()).select_from(Screening)) or 0


def _show(sample: Sample) -> None:
    memory = ", ".join(f"{name} {size / 2**20:.0f}" for name, size in sorted(sample.memory.items()))
    print(
        f"{sample.at_s:7.1f} s  offered {sample.offered}  taken {sample.taken}  screened {sample.screened}  "
        f"spool {sample.in_spool}  broker {sample.in_broker}  MiB: {memory}",
        flush=True,
    )


def find_lost(course: Course) -> int:
    """Return how many films were answered with success and have no screening."""
    with course.installation.database.read() as session:
        done = set(
            session.scalars(
                select(Instance.sop_instance_uid).join(Screening, Screening.instance_id == Instance.id)
            )
        )
    return len(course.taken - done)


def summarise(
    course: Course, rates: tuple[float, float], latencies: tuple[float, float], drained: float
) -> dict[str, Any]:
    """Return the figures that count."""
    names = sorted({name for sample in course.samples for name in sample.memory})
    third = max(1, len(course.samples) // 3)

    def mib(samples: list[Sample], name: str) -> float:
        return round(max(sample.memory.get(name, 0) for sample in samples) / 2**20)

    return {
        "offered": course.offered,
        "taken": len(course.taken),
        "statuses": {
            "no answer" if status == NO_ANSWER else f"0x{status:04X}": number
            for status, number in sorted(course.statuses.items())
        },
        "lost": find_lost(course),
        "capacity_films_per_s": round(rates[0], 1),
        "offered_films_per_s": round(rates[1], 1),
        "offered_over_capacity": round(rates[1] / rates[0], 2),
        "most_in_spool": max(sample.in_spool for sample in course.samples),
        "most_in_broker": max(sample.in_broker for sample in course.samples),
        "drained_in_s": round(drained, 1),
        "latency_at_rest_s": round(latencies[0], 3),
        "latency_afterwards_s": round(latencies[1], 3),
        "memory_mib_first_and_last_third": {
            name: [mib(course.samples[:third], name), mib(course.samples[-third:], name)] for name in names
        },
    }


def name_figures(summary: dict[str, Any]) -> dict[str, tuple[float, str]]:
    """Return the figures that the simulation is checked against, with their units."""
    return {
        "load.at_rest_s": (summary["latency_at_rest_s"], "s"),
        "load.capacity_films_per_s": (summary["capacity_films_per_s"], "films/s"),
        "load.drained_s": (summary["drained_in_s"], "s"),
        "load.films": (summary["offered"], "films"),
        "load.most_in_spool": (summary["most_in_spool"], "films"),
        "load.offered_films_per_s": (summary["offered_films_per_s"], "films/s"),
    }


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="how long twice the capacity is offered")
    parser.add_argument("--plot", type=Path, default=Path("load.png"), help="where the plot goes")
    parser.add_argument("--keep-log", type=Path, help="where a copy of the service's log goes")
    parser.add_argument("--write", action="store_true", help="keep the figures (capacity/measured.json)")
    options = parser.parse_args()
    machine = describe_machine()
    print(machine, flush=True)
    _config.STORE_SEND_CHUNKED_DATASET = True
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tbscreen-load-")))
        installation = stack.enter_context(trial())
        source = make_films(folder / "source", 1, SIDE, SIDE, uid_length=UID_BYTES)[0]
        course = Course(installation, source, folder)
        if options.keep_log is not None:
            stack.callback(shutil.copy, installation.log, options.keep_log)
        before = rest(course)
        capacity = find_capacity(course)
        print(f"at rest {before:.3f} s a film; capacity {capacity:.1f} films/s; twice that is offered")
        course.began = time.monotonic()
        offered = press(course, 2 * capacity, options.minutes)
        ended = course.samples[-1].at_s
        drained = drain(course)
        afterwards = rest(course)
        course.sample()
        summary = summarise(course, (capacity, offered), (before, afterwards), drained)
        draw(course.samples, ended, options.plot)
    if options.write:
        write_measured(
            machine, name_figures(summary), f"python -m benchmarks.load --minutes {options.minutes:g}"
        )
    print(json.dumps(summary))
    return 0 if summary["lost"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
