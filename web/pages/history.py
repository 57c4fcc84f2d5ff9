"""Events of a study in order of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.worklist.study_details import FilmDetails, StudyDetails
from domain.languages.sentence import Sentence, say, say_value

VERDICTS = {"tb": say("TB"), "not_tb": say("not TB"), "unsure": say("unsure")}
"""Names of verdicts on the page."""


@dataclass(frozen=True)
class Event:
    """One event of a study.

    Attributes:
        at: time of the event.
        what: the event in a few words.
        detail: more text; may hold patient data.
        kind: film, result, delivery or read; the style depends on it.
    """

    at: datetime
    what: str
    detail: str = ""
    kind: str = "film"


def list_events(study: StudyDetails) -> list[Event]:
    """Return all events, newest first."""
    events = [event for film in study.films for event in _list_film_events(film, len(study.films) > 1)]
    for read in study.reads:
        word = VERDICTS[read.verdict.value]
        what = say("read as {verdict} by {reader}", verdict=word, reader=read.reader)
        if read.arbitrates:
            what = say("{event}, which decides", event=what)
        if read.withdrawn_at is not None:
            what = say("{event}, and undone", event=what)
        events.append(Event(read.read_at, what, read.comment or "", "read"))
    return sorted(events, key=lambda event: event.at)[::-1]


def _list_film_events(film: FilmDetails, several: bool) -> list[Event]:
    def name(what: Sentence) -> Sentence:
        return say("film {number} {event}", number=film.instance_id, event=what) if several else what

    sender = say("from {sender}", sender=film.calling_ae_title)
    events = [Event(film.received_at, name(say("received")), sender)]
    if film.revision > 1:
        what = say("received as revision {revision}", revision=film.revision)
        events[0] = Event(film.received_at, name(what), say("a correction"))
    if film.prepared_at is not None:
        events.append(Event(film.prepared_at, name(say("prepared"))))
    if film.queued_at is not None:
        events.append(Event(film.queued_at, name(say("queued"))))
    if film.refused_at is not None:
        what = say("refused: {reason}", reason=say_value(film.refusal))
        events.append(Event(film.refused_at, name(what), film.refusal_detail or "", "result"))
    screening = film.screening
    if screening is not None:
        by = f"{screening.model} {screening.model_version}"
        what = say("screened: {finding}", finding=say_value(screening.finding))
        events.append(Event(screening.finished_at, name(what), by, "result"))
    for delivery in film.deliveries:
        if delivery.delivered_at is not None:
            what = say("{kind} delivered to {peer}", kind=delivery.kind.upper(), peer=delivery.peer)
            events.append(Event(delivery.delivered_at, name(what), "", "delivery"))
    return events
