"""Compares the HL7 messages in the database with those that the receiver got."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import Hl7Message, Instance
from tests.servers.peers.mllp_receiver import read_control_id


@dataclass(frozen=True)
class MessageEvidence:
    """Messages that were made, and those that came."""

    made: Sequence[tuple[str, str, bytes]]
    """Film's SOP Instance UID, control ID and content of each."""
    came: Sequence[bytes]
    """Each message that came, with repetitions."""

    @property
    def repeated(self) -> int:
        """Messages that came again with the same control ID, which receivers recognize."""
        return len(self.came) - len(set(self.came))


def gather_messages(session: Session, came: Sequence[bytes]) -> MessageEvidence:
    """Read the messages of the database."""
    rows = session.execute(
        select(Instance.sop_instance_uid, Hl7Message.control_id, Hl7Message.content).join(
            Instance, Instance.id == Hl7Message.instance_id
        )
    )
    return MessageEvidence(rows.tuples().all(), tuple(came))


def find_untold(evidence: MessageEvidence, screened: Collection[str]) -> set[str]:
    """Return the screened films of which the receiver was not told by the bytes that are stored."""
    came = set(evidence.came)
    told = {film for film, _, content in evidence.made if content in came}
    return set(screened) - told


def find_told_twice(evidence: MessageEvidence) -> set[str]:
    """Return the films with two control IDs, and those whose control ID came with different bytes."""
    counted = Counter(film for film, _, _ in evidence.made)
    contents: dict[str, set[bytes]] = {}
    for message in evidence.came:
        contents.setdefault(read_control_id(message), set()).add(message)
    twice = {film for film, number in counted.items() if number > 1}
    return twice | {film for film, control_id, _ in evidence.made if len(contents.get(control_id, ())) > 1}


def find_strangers(evidence: MessageEvidence) -> set[str]:
    """Return the control IDs that came and that the database does not know."""
    known = {control_id for _, control_id, _ in evidence.made}
    return {read_control_id(message) for message in evidence.came} - known
