"""The filter of a worklist query."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from db.states import FilmState
from domain.codes import Finding, Notice, Priority, Refusal
from domain.errors import PermanentError

STUDY_STATES: Final = (FilmState.RECEIVED, FilmState.SCREENED, FilmState.REFUSED)
"""The states of a study: a film waits, screened, or all films refused."""

_ALLOWED: Final[dict[str, frozenset[str]]] = {
    "states": frozenset(STUDY_STATES),
    "priorities": frozenset({*Priority, ""}),
    "findings": frozenset(Finding),
    "refusals": frozenset(Refusal),
    "notices": frozenset(Notice),
}

_IDENTIFYING: Final = ("patient_ids", "accession_numbers", "study_instance_uids")


class InvalidFilterError(PermanentError):
    """A filter's value that cannot be; the text names it and says what is allowed. Permanent."""


class HiddenFilterError(PermanentError):
    """A filter by what is hidden from a user who reads blinded. Permanent."""


@dataclass(frozen=True, kw_only=True)
class WorklistFilter:
    """The conditions that wanted studies meet, all of them; an empty filter matches every study.

    A collection matches by any of its values. `modalities`, `stations` and `senders` are compared with
    those of each film, case-sensitively and with the wildcards `*` and `?` (PS3.4 C.2.2.2.4).

    Raises:
        InvalidFilterError: for an unknown state, priority, finding or refusal, or an invalid date.
    """

    read: bool | None = None
    """True for read studies only, False for unread studies only."""
    readers_differ: bool = False
    """True for studies on which readers differ only."""
    states: Collection[str] = ()
    priorities: Collection[str] = ()
    """The empty string is the priority of studies without a result."""
    findings: Collection[str] = ()
    refusals: Collection[str] = ()
    notices: Collection[str] = ()
    """Notices on the patient data of any film."""
    modalities: Collection[str] = ()
    stations: Collection[str] = ()
    """Station names (0008,1010)."""
    senders: Collection[str] = ()
    """AE titles of the films' senders."""
    study_date_from: str | None = None
    """First Study Date (0008,0020), YYYYMMDD."""
    study_date_to: str | None = None
    """Last Study Date, YYYYMMDD."""
    received_from: datetime | None = None
    """Earliest time of reception, with its zone."""
    received_before: datetime | None = None
    """End of the time of reception, excluded, with its zone."""
    read_since: datetime | None = None
    """Leaves out read studies that were received before this time, with its zone; unread ones stay."""
    text: str | None = None
    """Beginning of the patient's name in any of its component groups, of a given name, the patient ID, the
    accession number, a word of either, or, from three characters on, a word of a station; without case and
    accents."""
    name_prefix: str | None = None
    """Prefix of the patient's name, without case and accents."""
    patient_ids: Collection[str] = ()
    accession_numbers: Collection[str] = ()
    study_instance_uids: Collection[str] = ()

    def __post_init__(self) -> None:
        for name, allowed in _ALLOWED.items():
            for value in getattr(self, name):
                if value not in allowed:
                    raise InvalidFilterError(
                        f"{name}: {value!r}: allowed are {', '.join(sorted(filter(None, allowed)))}"
                    )
        for name in ("modalities", "stations", "senders", *_IDENTIFYING):
            if any("\0" in value for value in getattr(self, name)):
                raise InvalidFilterError(f"{name}: no value holds a NUL")
        for name in ("study_date_from", "study_date_to"):
            if (date := getattr(self, name)) is not None and not _is_date(date):
                raise InvalidFilterError(f"{name}: {date!r} is no date YYYYMMDD")
        for name in ("received_from", "received_before", "read_since"):
            if (moment := getattr(self, name)) is not None and moment.tzinfo is None:
                raise InvalidFilterError(f"{name}: a time without zone says too little")


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return False
    return re.fullmatch("[0-9]{8}", text) is not None
