"""Decides which messages a receiver needs: what stands for a film against what the receiver knows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from db.hl7.hl7_messages import StoredMessage
from db.hl7.standing_films import StandingFilm
from dicom_gateway.delivery.film_conditions import FilmConditions, FilmFacts, matches
from dicom_gateway.hl7.message_settings import ReceiverSettings
from dicom_gateway.hl7.observations import explain_refusal
from dicom_gateway.hl7.result_message import derive_number
from domain.codes import UNREPORTED, MessageKind
from domain.patient_identity import fold_patient_id

RESULTS: Final = frozenset({MessageKind.RESULT.value, MessageKind.CORRECTION.value})

WITHDRAWN: Final = "The result that was sent under this filler order number is withdrawn."
OF_ANOTHER: Final = "It belongs to another patient or study."


@dataclass(frozen=True)
class NeededMessage:
    """A message that a receiver needs."""

    kind: MessageKind
    filler_number: str
    withdrawn: StoredMessage | None = None
    """The message that a withdrawal repeats."""
    reasons: Sequence[str] = ()
    """Sentences on the reason of a withdrawal."""


def find_needed(
    receiver: ReceiverSettings, application: str, film: StandingFilm, told: Sequence[StoredMessage]
) -> list[NeededMessage]:
    """Return the messages that bring a receiver's knowledge of a film up to date, in their order.

    A receiver that was sent a result is told whatever takes its place, also where no rule matches any more.
    A result that counts for another patient or study now is withdrawn and sent anew under another filler
    number, so that nothing of it stays with the first patient.

    Args:
        receiver: with its rules.
        application: namespace of filler numbers.
        film: what stands.
        told: the messages on the film to this receiver, oldest first.
    """
    last = told[-1] if told else None
    held = last if last is not None and last.kind in RESULTS else None
    subject = name_subject(film)
    earlier = [message for message in told if message.subject == subject]
    number = earlier[-1].filler_number if earlier else _next_filler_number(application, film, told)
    if film.screening is not None:
        if held is not None and held.subject == subject:
            if held.screening_id == film.screening.screening_id:
                return []
            return [NeededMessage(MessageKind.CORRECTION, held.filler_number)]
        if held is None and not _wants(receiver, FilmFacts.of_screening(film.screening)):
            return []
        corrects = any(message.kind in RESULTS for message in earlier)
        kind = MessageKind.CORRECTION if corrects else MessageKind.RESULT
        withdrawal = [] if held is None else [_withdraw(held, [OF_ANOTHER])]
        return [*withdrawal, NeededMessage(kind, number)]
    if held is not None:
        return [_withdraw(held, _explain(film))]
    if film.refusal is None or film.refusal.refusal in UNREPORTED:
        return []
    if earlier and earlier[-1].instance_id == film.instance_id:
        return []
    if not _wants(receiver, FilmFacts.of_refusal(film.refusal)):
        return []
    return [NeededMessage(MessageKind.REFUSAL, number)]


def name_subject(film: StandingFilm) -> str:
    """Return a digest of the patient ID, its issuer and the study for which a film counts."""
    patient = film.patient
    issuer = fold_patient_id((patient.patient_id_issuer or "").partition("&")[0])
    return derive_number(fold_patient_id(patient.patient_id), issuer, film.study_instance_uid)


def _next_filler_number(application: str, film: StandingFilm, told: Sequence[StoredMessage]) -> str:
    """Return the filler number of a film, which differs from those that it had for other patients."""
    generation = len({message.filler_number for message in told})
    return derive_number(application, film.sop_instance_uid, str(film.line), str(generation))


def _wants(receiver: ReceiverSettings, facts: FilmFacts) -> bool:
    matching = [rule for rule in receiver.rules or (FilmConditions(),) if matches(rule, facts)]
    if facts.refusal is None:
        return bool(matching)
    return any(receiver.refusals or rule.refusals for rule in matching)


def _withdraw(held: StoredMessage, reasons: Sequence[str]) -> NeededMessage:
    return NeededMessage(
        MessageKind.WITHDRAWAL, held.filler_number, withdrawn=held, reasons=[WITHDRAWN, *reasons]
    )


def _explain(film: StandingFilm) -> Sequence[str]:
    if film.refusal is None:
        return ["The image does not count any more: it was sent by mistake or replaced."]
    return ["The image was corrected.", *explain_refusal(film.refusal.refusal)]
