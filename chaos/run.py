"""One run: a site, senders, a schedule of faults, and the verdict."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from sqlalchemy.exc import SQLAlchemyError

from chaos import site as sites
from chaos.films import Film, Poison
from chaos.observer import Observer
from chaos.schedule import Injection, Schedule
from chaos.sender import Ledger, Sender
from chaos.site import Site
from chaos.verdict import Evidence, Verdict, count_waiting, gather, judge

SETTLE_S = 300.0
"""Longest time from the last fault until every film is done."""


@dataclass(frozen=True)
class Run:
    """The outcome of one run."""

    seed: int
    films: int
    injections: Sequence[Injection]
    done: dict[str, float]
    evidence: Evidence
    verdict: Verdict
    statuses: Counter[str]
    restarts: dict[str, int]
    unanswered: int
    """Films that no gateway took until the end."""
    seconds: float
    settled_s: float
    """From the last fault's end until nothing was on its way any more."""
    logs: str
    """The last lines of every process, where something was wrong."""


def run(
    seed: int, films: int, schedule: Schedule, progress: Callable[[str], None], keep: Path | None = None
) -> Run:
    """Run a site through a schedule.

    Args:
        seed: makes the films.
        films: how many are sent, poisoned ones aside, evenly over the schedule.
        schedule: what is done to the site.
        progress: told what happens.
        keep: where the logs are copied to.
    """
    started = time.monotonic()
    with sites.running() as site:
        progress("the site runs")
        ledger, observer = Ledger(), Observer(site.database)
        observer.start()
        sender = Sender(site.gateways, site.folder / "films", ledger, site.web_gateways, site.token)
        feeder = _Feeder(sender, seed, films, schedule.duration_s)
        feeder.start()

        def in_flight() -> frozenset[str]:
            with ledger.lock:
                return frozenset(ledger.begun.keys() - observer.done.keys())

        injections = schedule.run(site, in_flight, feeder.poison, progress)
        over = time.monotonic()
        feeder.join()
        taken = sender.finish(SETTLE_S)
        progress("all faults are over" + ("" if taken else "; some films are still not taken"))
        _wait_until_settled(site, ledger, observer, over + SETTLE_S)
        settled_s = time.monotonic() - over
        observer.end()
        observer.look()
        evidence = gather(
            site.database,
            (site.orthanc, site.web_orthanc),
            site.receiver.received,
            ledger.answered.keys(),
            ledger.poisoned,
        )
        verdict = judge(evidence)
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            for log in site.folder.glob("*.log"):
                (keep / f"{seed}-{log.name}").write_bytes(log.read_bytes())
        return Run(
            seed=seed,
            films=len(ledger.begun),
            injections=injections,
            done=observer.done,
            evidence=evidence,
            verdict=verdict,
            statuses=ledger.statuses,
            restarts={name: process.starts - 1 for name, process in site.processes.items()},
            unanswered=len(ledger.begun) - len(ledger.answered),
            seconds=time.monotonic() - started,
            settled_s=settled_s,
            logs="" if verdict.is_good else sites.tail_logs(site),
        )


class _Feeder(threading.Thread):
    """Gives the senders film by film, evenly over the time of the schedule."""

    def __init__(self, sender: Sender, seed: int, films: int, seconds: float) -> None:
        super().__init__(name="feeder", daemon=True)
        self._sender = sender
        self._seed = seed
        self._films = films
        self._seconds = seconds
        self._poisoned = films  # their numbers come after those of the others

    def run(self) -> None:
        random = Random(self._seed)
        started = time.monotonic()
        moments = sorted(random.uniform(0, self._seconds) for _ in range(self._films))
        for number, moment in enumerate(moments):
            time.sleep(max(0.0, started + moment - time.monotonic()))
            self._sender.put(Film(self._seed, number))

    def poison(self, poison: Poison) -> str:
        """Send a poisoned film; returns its SOP Instance UID."""
        film = Film(self._seed, self._poisoned, poison)
        self._poisoned += 1
        self._sender.put(film)
        return film.sop_instance_uid


def _wait_until_settled(site: Site, ledger: Ledger, observer: Observer, deadline: float) -> None:
    """Wait until no film, outbox row or delivery is on its way, or time runs out."""
    while time.monotonic() < deadline:
        time.sleep(0.5)
        if ledger.answered.keys() - observer.done.keys():
            continue
        try:
            with site.database.read() as session:
                if not any(count_waiting(session).values()):
                    return
        except SQLAlchemyError:
            continue
