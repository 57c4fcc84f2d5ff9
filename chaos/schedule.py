"""The schedule of faults, drawn from a seed, so that a run can be repeated."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random

from chaos.faults import FAULTS, POISONS, NotInjectedError
from chaos.films import Poison
from chaos.site import Site


@dataclass(frozen=True)
class Planned:
    """One fault to come."""

    fault: str
    pause_s: float
    """After the one before."""
    seed: int


@dataclass
class Injection:
    """One fault that was injected."""

    fault: str
    at: float
    """time.monotonic."""
    in_flight: frozenset[str]
    """SOP Instance UIDs of the films that were on their way then."""
    skipped: str = ""
    """The reason why the fault was not injected."""
    failure: str = ""
    """A process did not do what it should have done."""


@dataclass
class Schedule:
    """A seeded order of faults.

    Args:
        seed: of order, moments, victims and durations.
        faults: names; each comes `rounds` times.
        rounds: how often each comes.
        mean_pause_s: between two.
    """

    seed: int
    faults: Sequence[str]
    rounds: int
    mean_pause_s: float
    planned: list[Planned] = field(init=False)

    def __post_init__(self) -> None:
        """Draw it."""
        random = Random(self.seed)
        names = [name for name in self.faults for _ in range(self.rounds)]
        random.shuffle(names)
        self.planned = [
            Planned(name, random.uniform(0.3, 1.7) * self.mean_pause_s, random.getrandbits(32))
            for name in names
        ]

    @property
    def duration_s(self) -> float:
        """From the first pause to the last fault."""
        return sum(fault.pause_s for fault in self.planned)

    def run(
        self,
        site: Site,
        in_flight: Callable[[], frozenset[str]],
        poison: Callable[[Poison], str],
        progress: Callable[[str], None],
    ) -> list[Injection]:
        """Inject everything; returns when the last fault is over.

        Args:
            site: the victim.
            in_flight: which films are on their way now.
            poison: sends a poisoned film and returns its SOP Instance UID.
            progress: told each fault.
        """
        injections: list[Injection] = []
        waiting: list[Future[None]] = []
        with ThreadPoolExecutor(len(self.planned) or 1, thread_name_prefix="fault") as pool:
            for planned in self.planned:
                time.sleep(planned.pause_s)
                injection = Injection(planned.fault, time.monotonic(), in_flight())
                injections.append(injection)
                progress(f"{planned.fault}, {len(injection.in_flight)} films in flight")
                if planned.fault in POISONS:
                    injection.in_flight |= {poison(POISONS[planned.fault])}
                else:
                    waiting.append(pool.submit(_inject, injection, site, Random(planned.seed)))
            for future in waiting:
                future.result()
        return injections


def _inject(injection: Injection, site: Site, random: Random) -> None:
    try:
        FAULTS[injection.fault](site, random)
    except NotInjectedError as error:
        injection.skipped = str(error)
    except Exception as error:  # noqa: BLE001  told in the table; the run goes on
        injection.failure = f"{type(error).__name__}: {error}"
