"""The reads of a study that stand: the newest of each reader, and what they say together.

Readers whose verdicts differ are a disagreement. The read of a further reader, who is none of them, decides
it (an arbitration). Reads from before the newest film say nothing of that film: they stand in the history,
and a disagreement needs younger ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from db.tables import Read


@dataclass(frozen=True)
class StandingReads:
    """The newest read of each reader, oldest first."""

    reads: Sequence[Read]
    arbitration: Read | None
    """The newest arbitration of the study as it is now."""
    verdicts: frozenset[str]
    """Verdicts of the study as it is now."""

    @property
    def current(self) -> Read | None:
        """The read that counts for the study: the arbitration, else the newest."""
        return self.arbitration or (self.reads[-1] if self.reads else None)

    @property
    def differing(self) -> frozenset[str]:
        """The verdicts on which readers differ, and which nobody has decided; else empty."""
        is_open = self.arbitration is None and len(self.verdicts) > 1
        return self.verdicts if is_open else frozenset()


def find_standing(reads: Iterable[Read], newest_film_at: datetime | None) -> StandingReads:
    """Return the reads that stand.

    Args:
        reads: all reads of a study, in any order; undone ones are left out.
        newest_film_at: reception of the study's newest film; None without one.
    """
    newest: dict[str, Read] = {}
    for read in sorted(reads, key=lambda read: (read.read_at, read.id)):
        if read.withdrawn_at is None:
            newest.pop(read.reader, None)
            newest[read.reader] = read
    standing = list(newest.values())
    valid = [read for read in standing if newest_film_at is None or read.read_at >= newest_film_at]
    return StandingReads(
        standing,
        next((read for read in reversed(valid) if read.arbitrates), None),
        frozenset(read.verdict for read in valid),
    )


def counts_for(shown_films: Collection[int] | None, instance_id: int) -> bool:
    """True when a read that is later than a film counts for it.

    A film that was split off into the study after the read may be older than that and was not shown.

    Args:
        shown_films: the films that were shown to the reader; None where nobody said so.
        instance_id: the film.
    """
    return shown_films is None or instance_id in shown_films


def decides(standing: StandingReads, reader: str, newest_film_at: datetime | None) -> bool:
    """True when a read of this reader decides a disagreement of others, or decided it and changes."""
    if standing.arbitration is not None:
        return standing.arbitration.reader == reader
    parties = {
        read.reader for read in standing.reads if newest_film_at is None or read.read_at >= newest_film_at
    }
    return bool(standing.differing) and reader not in parties
