"""Faults of the HL7 receiver: away, silent, or refusing for a while. One at a time."""

from __future__ import annotations

import time
from random import Random
from typing import Final

from chaos.site import Site
from tests.servers.peers.mllp_receiver import Answer, acknowledge

INTERNAL_ERROR: Final = "207"
"""Error code (HL7 2.5.1, table 0357) after which the same message may be sent again."""


def receiver_down(site: Site, random: Random) -> None:
    """The receiver closes its port and its connections, also between a message and its answer."""
    with site.receiver_fault:
        site.receiver.go_away()
        time.sleep(random.uniform(1.0, 4.0))
        site.receiver.come_back()


def receiver_silent(site: Site, random: Random) -> None:
    """The receiver takes messages and does not answer, longer than the courier waits."""
    _answer_otherwise(site, lambda _: None, random.uniform(4.0, 9.0))


def receiver_refuses(site: Site, random: Random) -> None:
    """The receiver answers every message AE with an internal error, or AR."""
    code, error = random.choice((("AE", INTERNAL_ERROR), ("AR", "")))
    _answer_otherwise(site, lambda message: acknowledge(message, code, error), random.uniform(1.0, 4.0))


def _answer_otherwise(site: Site, answer: Answer, seconds: float) -> None:
    with site.receiver_fault:
        site.receiver.answer = answer
        time.sleep(seconds)
        site.receiver.answer = acknowledge
