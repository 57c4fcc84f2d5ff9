"""Events of a study in order of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.worklist.study_details import FilmDetails, StudyDetails
from web.pages.pages import format_words

VERDICTS = {"tb": "TB", "not_tb": "not TB", "unsure": "unsure"}
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
        undone = "" if read.withdrawn_at is None else ", and undone"
        deciding = ", which decides" if read.arbitrates else ""
        what = f"read as {word} by {read.reader}{deciding}{undone}"
        events.append(Event(read.read_at, what, read.comment or "", "read"))
    return sorted(events, key=lambda event: event.at)[::-1]


def _list_film_events(film: FilmDetails, several: bool) -> list[Event]:
    name = f"film {film.instance_id} " if several else ""
    events = [Event(film.received_at, f"{name}received", f"from {film.calling_ae_title}")]
    if film.revision > 1:
        events[0] = Event(film.received_at, f"{name}received as revision {film.revision}", "a correction")
    if film.prepared_at is not None:
        events.append(Event(film.prepared_at, f"{name}prepared"))
    if film.queued_at is not None:
        events.append(Event(film.queued_at, f"{name}queued"))
    if film.refused_at is not None:
        what = f"{name}refused: {format_words(film.refusal)}"
        events.append(Event(film.refused_at, what, film.refusal_detail or "", "result"))
    screening = film.screening
    if screening is not None:
        by = f"{screening.model} {screening.model_version}"
        events.append(Event(screening.finished_at, f"{name}screened: {screening.finding}", by, "result"))
    for delivery in film.deliveries:
        if delivery.delivered_at is not None:
            what = f"{name}{delivery.kind.upper()} delivered to {delivery.peer}"
            events.append(Event(delivery.delivered_at, what, "", "delivery"))
    return events
