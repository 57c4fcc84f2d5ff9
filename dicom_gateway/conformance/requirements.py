"""A requirement of an IHE profile, and an actor as a list of them; requirements that profiles share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydicom.uid import Comprehensive3DSRStorage

from dicom_gateway.conformance import capabilities
from dicom_gateway.conformance.capabilities import Capabilities, sends


def never(_: Capabilities) -> bool:
    """Return False: nothing in tbscreen does this."""
    return False


def always(_: Capabilities) -> bool:
    """Return True: each film takes this way, whatever the settings are."""
    return True


@dataclass(frozen=True)
class Requirement:
    """A requirement on an actor."""

    reference: str
    """Section, transaction or content."""
    asked: str
    is_met: Callable[[Capabilities], bool]
    done: str
    """The part that tbscreen does."""
    gap: str
    """The part that is missing where `is_met` is False."""
    optional: bool = False
    """The profile asks for it only of those who choose it."""


@dataclass(frozen=True)
class Actor:
    """An actor of a profile, with the requirements on it."""

    profile: str
    name: str
    edition: str
    requirements: tuple[Requirement, ...]
    compared: bool = False
    """The rows were compared with the text of that edition, line by line. Without it nothing is claimed."""

    def list_gaps(self, facts: Capabilities) -> list[Requirement]:
        """Return the requirements that are not met and not optional."""
        return [row for row in self.requirements if not row.optional and not row.is_met(facts)]

    def is_claimed(self, facts: Capabilities) -> bool:
        """Return True if every requirement is known and met."""
        return self.compared and not self.list_gaps(facts)


STORED: Final = Requirement(
    "[RAD-18] Creator Images Stored, [RAD-43] Evidence Document Stored",
    "results are stored in the Image Manager / Image Archive by C-STORE",
    sends(Comprehensive3DSRStorage),
    "the courier sends SR and, by `kinds`, picture and presentation state, and tries again until accepted",
    "no Comprehensive 3D SR is sent",
)
COMMITTED: Final = Requirement(
    "[RAD-10] Storage Commitment",
    "the archive is asked to answer for what was stored",
    capabilities.asks_for_commitment,
    "N-ACTION for peers with `commitment = true`; what is not committed is sent again",
    "no storage commitment",
)
SAME_TIME: Final = Requirement(
    "grouping with Consistent Time (CT), Time Client",
    "the clock is synchronised by NTP [ITI-1]",
    never,
    "the clock of the host is used",
    "no time client in the product: the site synchronises its hosts",
)
