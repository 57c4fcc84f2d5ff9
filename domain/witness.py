"""Witness of failures: judges whether a film ended the process that worked on it, or something outside did.

A process that dies or hangs with a film says little: an administrator, the kernel short of memory, or a
failing host ends processes whatever they work on. A failure is the film's where nothing else went wrong.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

KEPT_FILMS: Final = 256
"""Films whose failures are remembered."""


class Witness:
    """The failures that one surviving process saw of the processes that it watches.

    Args:
        quiet_s: how long nothing else may have gone wrong before a failure is the film's, seconds.
        clock: monotonic, seconds.
    """

    def __init__(self, quiet_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._quiet_s = quiet_s
        self._clock = clock
        self._started = clock()
        self._failures: OrderedDict[int | None, float] = OrderedDict()

    def note(self, film: int | None) -> None:
        """Note that a watched process ended or hung.

        Args:
            film: the row of the film that it worked on; None for none: something outside ended it.
        """
        # The first failure of a film may have come from outside, and then it disturbs others. A second one of
        # the same film disturbs nobody: two films that kill would otherwise excuse each other for ever.
        if film is None or film not in self._failures:
            self._failures[film] = self._clock()
        while len(self._failures) > KEPT_FILMS:
            self._failures.popitem(last=False)

    def blames(self, film: int) -> bool:
        """True when a failure just now is the film's: for a while nothing else failed, and this one ran."""
        since = self._clock() - self._quiet_s
        others = (at for other, at in self._failures.items() if other != film)
        return self._started <= since and all(at <= since for at in others)
