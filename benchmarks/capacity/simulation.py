"""Films on their way through stages: each event at its time, in order."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

SLICE_S: Final = 0.010
"""So long a process keeps a core that others want, about as Linux does it."""

BIN_S: Final = 60.0
"""Use of the pools is added up over so long."""

Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pool:
    """A resource of several stages: the cores of a kind of host, or the writer of SQLite."""

    name: str
    servers: int
    slice_s: float = math.inf
    """So long one keeps a server at a time while others wait."""
    polls_s: tuple[float, ...] = ()
    """As a lock: who does not get it asks again after so long, and so on. Empty: it waits in line."""


@dataclass(frozen=True)
class Work:
    """A part of what a stage does to a film."""

    seconds: float
    """In the mean."""
    pool: str | None = None
    """Of which it takes one server; None takes time alone, as a network or a disk's sync does."""
    varies: bool = True
    """True when durations of films vary."""
    lock: str | None = None
    """A pool, of which it holds a server meanwhile: SQLite's one writer computes while it writes."""


@dataclass(frozen=True)
class Stage:
    """A step of every film, in one place at a time; a place is a process or a thread."""

    name: str
    places: int
    works: tuple[Work, ...]
    """One after the other. The place is held meanwhile."""
    room: int | None = None
    """So many films may wait before it; beyond this the stage before it begins none. None is no bound."""
    variation: float = 0.5
    """Coefficient of variation of the work's seconds: 0 is always the same, 1 is exponential."""


@dataclass(frozen=True)
class Outage:
    """Something is gone for a while."""

    what: str
    """A stage or a pool."""
    begins_s: float
    ends_s: float
    servers: int
    """Places or servers that are lost."""
    again_after_s: float = 0.0
    """Delay after the start of the outage at which the lost films of a stage begin again."""


@dataclass
class Course:
    """Times of each stage and film in seconds; shape (stages, films)."""

    stages: Sequence[Stage]
    pools: Sequence[Pool]
    arrived: Seconds
    begun: Seconds
    ended: Seconds
    busy: dict[str, Seconds]
    """Seconds that the servers of each pool worked, by bins of `BIN_S`."""
    begun_again: int
    """Films that an outage took from a stage."""


@dataclass
class _Place:
    """A stage at work."""

    stage: Stage
    free: int
    waiting: deque[int] = field(default_factory=deque)
    scale: list[list[float]] = field(default_factory=list)
    to_lose: int = 0
    lost_before_s: float = 0.0
    lost_until_s: float = 0.0


@dataclass
class _Servers:
    """A pool at work."""

    pool: Pool
    free: int
    waiting: deque[tuple[int, int, int, float]] = field(default_factory=deque)
    busy: list[float] = field(default_factory=list)


_WORKED, _CHANGE, _AGAIN, _POLL = range(4)


class Simulation:
    """One run.

    Args:
        stages: in the order in which films pass.
        pools: that their works name.
        outages: of stages and pools.
        random: where chance comes from.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        pools: Sequence[Pool],
        outages: Sequence[Outage] = (),
        random: np.random.Generator | None = None,
    ) -> None:
        self._random = random or np.random.default_rng(0)
        self._places = [_Place(stage, stage.places) for stage in stages]
        self._pools = {pool.name: _Servers(pool, pool.servers) for pool in pools}
        self._outages = outages
        self._events: list[tuple[float, int, int, int, int, int, float]] = []
        self._number = 0
        self._now = 0.0
        self._begun_again = 0

    def run(self, arrivals: Seconds) -> Course:
        """Bring all films through all stages."""
        count = len(arrivals)
        self._begun = [[math.nan] * count for _ in self._places]
        self._ended = [[math.nan] * count for _ in self._places]
        for place in self._places:
            place.scale = [self._draw(place.stage, work, count) for work in place.stage.works]
        for number, outage in enumerate(self._outages):
            self._schedule(outage.begins_s, _CHANGE, number, -outage.servers)
            self._schedule(outage.ends_s, _CHANGE, number, outage.servers)
        self._go(arrivals.tolist())
        return Course(
            [place.stage for place in self._places],
            [pool.pool for pool in self._pools.values()],
            arrivals,
            np.array(self._begun),
            np.array(self._ended),
            {name: np.array(pool.busy) for name, pool in self._pools.items()},
            self._begun_again,
        )

    def _draw(self, stage: Stage, work: Work, count: int) -> list[float]:
        if stage.variation == 0 or not work.varies:
            return [work.seconds] * count
        shape = stage.variation**-2
        drawn: list[float] = (self._random.gamma(shape, work.seconds / shape, count)).tolist()
        return drawn

    def _schedule(
        self, at: float, kind: int, film: int, stage: int, work: int = 0, left: float = 0.0
    ) -> None:
        self._number += 1
        heapq.heappush(self._events, (at, self._number, kind, film, stage, work, left))

    def _go(self, arrivals: list[float]) -> None:
        """Take events in order; arrivals are sorted already and need not go through the heap."""
        events, coming = self._events, 0
        while events or coming < len(arrivals):
            if coming < len(arrivals) and (not events or arrivals[coming] <= events[0][0]):
                self._now = arrivals[coming]
                self._places[0].waiting.append(coming)
                coming += 1
                self._begin_waiting(0)
                continue
            self._now, _, kind, film, stage, work, left = heapq.heappop(events)
            if kind == _WORKED:
                self._finish_slice(film, stage, work, left)
            elif kind == _CHANGE:
                self._change(self._outages[film], stage)
            elif kind == _POLL:
                self._lock(film, stage, work, int(left))
            else:
                self._places[stage].waiting.appendleft(film)
                self._begin_waiting(stage)

    def _begin_waiting(self, number: int) -> None:
        """Begin what can begin in a stage, and what this makes room for before it."""
        place = self._places[number]
        began = False
        while place.free > 0 and place.waiting and self._has_room_after(number):
            film = place.waiting.popleft()
            place.free -= 1
            began = True
            self._begun[number][film] = self._now
            self._begin_work(film, number, 0)
        if began and number and place.stage.room is not None:
            self._begin_waiting(number - 1)

    def _has_room_after(self, number: int) -> bool:
        if number + 1 == len(self._places):
            return True
        after = self._places[number + 1]
        return after.stage.room is None or len(after.waiting) < after.stage.room

    def _begin_work(self, film: int, number: int, work: int) -> None:
        place = self._places[number]
        if work == len(place.stage.works):
            self._leave(film, number)
            return
        if place.stage.works[work].lock is not None:
            self._lock(film, number, work, 0)
        else:
            self._ask_for_server(film, number, work)

    def _lock(self, film: int, number: int, work: int, asked: int) -> None:
        """Take the lock of a work, or ask for it again later."""
        name = self._places[number].stage.works[work].lock
        assert name is not None
        pool = self._pools[name]
        if pool.free > 0:
            pool.free -= 1
            self._ask_for_server(film, number, work)
        elif pool.pool.polls_s:
            pause = pool.pool.polls_s[min(asked, len(pool.pool.polls_s) - 1)]
            self._schedule(self._now + pause, _POLL, film, number, work, asked + 1)
        else:
            pool.waiting.append((film, number, work, 0.0))

    def _unlock(self, name: str) -> None:
        pool = self._pools[name]
        pool.free += 1
        if pool.free > 0 and pool.waiting:
            film, number, work, _ = pool.waiting.popleft()
            self._lock(film, number, work, 0)

    def _ask_for_server(self, film: int, number: int, work: int) -> None:
        place = self._places[number]
        seconds = place.scale[work][film]
        name = place.stage.works[work].pool
        if name is None:
            self._schedule(self._now + seconds, _WORKED, film, number, work)
            return
        pool = self._pools[name]
        if pool.free > 0:
            self._serve(pool, film, number, work, seconds)
        else:
            pool.waiting.append((film, number, work, seconds))

    def _serve(self, pool: _Servers, film: int, number: int, work: int, seconds: float) -> None:
        now_s = min(seconds, pool.pool.slice_s)
        pool.free -= 1
        when = int(self._now / BIN_S)
        while len(pool.busy) <= when:
            pool.busy.append(0.0)
        pool.busy[when] += now_s
        self._schedule(self._now + now_s, _WORKED, film, number, work, seconds - now_s)

    def _finish_slice(self, film: int, number: int, work: int, left: float) -> None:
        done = self._places[number].stage.works[work]
        if done.pool is not None:
            pool = self._pools[done.pool]
            pool.free += 1
            if left > 0:
                pool.waiting.append((film, number, work, left))
            self._serve_waiting(pool)
            if left > 0:
                return
        if done.lock is not None:
            self._unlock(done.lock)
        self._begin_work(film, number, work + 1)

    def _serve_waiting(self, pool: _Servers) -> None:
        while pool.free > 0 and pool.waiting:
            self._serve(pool, *pool.waiting.popleft())

    def _leave(self, film: int, number: int) -> None:
        place = self._places[number]
        place.free += 1
        if place.to_lose and self._begun[number][film] < place.lost_before_s:
            place.to_lose -= 1
            self._begun_again += 1
            self._schedule(max(self._now, place.lost_until_s), _AGAIN, film, number)
        else:
            self._ended[number][film] = self._now
            if number + 1 < len(self._places):
                self._places[number + 1].waiting.append(film)
                self._begin_waiting(number + 1)
        self._begin_waiting(number)

    def _change(self, outage: Outage, servers: int) -> None:
        """A part of the site goes, or comes back."""
        if outage.what in self._pools:
            pool = self._pools[outage.what]
            pool.free += servers
            self._serve_waiting(pool)
            return
        names = [place.stage.name for place in self._places]
        number = names.index(outage.what)
        place = self._places[number]
        if servers < 0 and outage.again_after_s:
            at_hand = place.stage.places - place.free
            place.to_lose = min(at_hand, -servers)
            place.lost_before_s = self._now
            place.lost_until_s = self._now + outage.again_after_s
        place.free += servers
        self._begin_waiting(number)
