"""Replays by a person: parked deliveries and commitments, reports that could not be built, HL7 messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from db.database import Database
from db.delivery import commitments, deliveries, unbuilt_reports
from db.delivery.deliveries import DeliveryRow, find_delivery, list_replayable
from db.hl7 import message_list
from db.states import CommitmentState, DeliveryState
from domain.errors import PermanentError
from domain.languages.sentence import Sentence, say, say_number, say_value

BATCH: Final = 500
"""Deliveries in one transaction."""


@dataclass(frozen=True)
class Replayed:
    """The numbers of what is sent, asked for or built again."""

    deliveries: int = 0
    commitments: int = 0
    reports: int = 0
    messages: int = 0

    def describe(self, *, delivered: bool = False) -> list[Sentence]:
        """Return a sentence for each kind of thing; deliveries are always named."""
        told = []
        if self.reports:
            told.append(
                say_number("{number} report is built again", "{number} reports are built again", self.reports)
            )
        if self.messages:
            told.append(
                say_number(
                    "{number} HL7 message is sent again",
                    "{number} HL7 messages are sent again",
                    self.messages,
                )
            )
        if delivered:
            told.append(
                say_number(
                    "{number} report is sent again", "{number} reports are sent again", self.deliveries
                )
            )
        else:
            told.append(
                say_number(
                    "{number} parked report is sent again",
                    "{number} parked reports are sent again",
                    self.deliveries,
                )
            )
        if self.commitments:
            told.append(
                say_number(
                    "{number} parked commitment is asked for again",
                    "{number} parked commitments are asked for again",
                    self.commitments,
                )
            )
        return told


def replay(database: Database, delivery_ids: Sequence[int], by: str, *, delivered: bool = False) -> Replayed:
    """Send deliveries again and ask again for their parked commitments, in short transactions.

    Args:
        database: open.
        delivery_ids: numbers of deliveries; those that are not parked are left alone.
        by: the person, for the history of each delivery.
        delivered: replay delivered ones too, for a peer that lost them.
    """
    count = asked = 0
    for start in range(0, len(delivery_ids), BATCH):
        part = delivery_ids[start : start + BATCH]
        with database.write() as session:
            count += deliveries.replay(session, part, delivered=delivered, by=by)
            asked += commitments.replay(session, part, by=by)
            if delivered:
                commitments.void(session, part, by)
    return Replayed(count, asked)


def replay_named(
    database: Database, delivery_ids: Sequence[int], by: str, *, delivered: bool = False
) -> Replayed:
    """Do as `replay`, or nothing at all where one of the deliveries cannot be replayed.

    Raises:
        PermanentError: naming the delivery that is unknown or not parked.
    """
    with database.read() as session:
        for number in delivery_ids:
            row = find_delivery(session, number)
            if row is None or not is_replayable(row, delivered=delivered):
                raise PermanentError(
                    say("delivery {number} is unknown", number=number)
                    if row is None
                    else say(
                        "delivery {number} is {state}, not parked", number=number, state=say_value(row.state)
                    )
                )
    return replay(database, delivery_ids, by, delivered=delivered)


def replay_everything(database: Database, by: str) -> Replayed:
    """Replay all that is parked: reports that could not be built, HL7 messages, deliveries, commitments."""
    with database.write() as session:
        reports = unbuilt_reports.replay(session)
    with database.write() as session:
        messages = message_list.replay(session)
    with database.read() as session:
        parked = list_replayable(session, delivered=False)
    sent = replay(database, parked, by)
    return Replayed(sent.deliveries, sent.commitments, reports, messages)


def is_replayable(row: DeliveryRow, *, delivered: bool = False) -> bool:
    """True for a delivery that `replay` sends again or whose commitment it asks for."""
    return (
        row.state == DeliveryState.PARKED
        or row.commitment == CommitmentState.PARKED
        or (delivered and row.state == DeliveryState.DELIVERED)
    )
