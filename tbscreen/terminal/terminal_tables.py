"""Worklist, deliveries and models as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from db.delivery.deliveries import DeliveryRow
from db.delivery.delivery_events import DeliveryEventEntry
from db.delivery.report_objects import StoredObject
from db.delivery.unbuilt_reports import UnbuiltReport
from db.films.foreign_files import ForeignFile
from db.models.bundles import RegisteredModel
from db.worklist.study_entries import FilmEntry, StudyEntry
from domain.codes import Refusal
from domain.film_stage import shorten_key
from domain.notices import NOTICE
from tbscreen.terminal.day_options import show_day

PRIORITY_STYLES = {"HIGH": "bold red", "MEDIUM": "yellow", "LOW": "green"}


def shorten_uid(uid: str, keep: int = 12) -> str:
    """Return the end of a UID, which is what differs between two of them."""
    return uid if len(uid) <= keep + 1 else "…" + uid[-keep:]


def draw_worklist(studies: Sequence[StudyEntry]) -> Table:
    """Return the worklist as a table, most urgent first."""
    table = Table(title="Worklist", caption=NOTICE, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("Priority", "TB score", "Finding", "Accession", "Patient ID", "Study date", "Films"):
        short = heading in ("Priority", "TB score", "Finding", "Study date")
        table.add_column(
            heading,
            justify="right" if heading == "TB score" else "left",
            no_wrap=short,
            overflow="fold",
        )
    for study in studies:
        shown = [film for film in study.films if film.refusal != Refusal.OWN_OUTPUT]
        table.add_row(
            Text(study.priority or "—", PRIORITY_STYLES.get(study.priority or "", "")),
            "—" if study.tb_score is None else str(study.tb_score),
            "\n".join([_name_state(study), *(notice.replace("_", " ") for notice in study.notices)]),
            quote(study.accession_number),
            quote(study.patient_id),
            quote(show_day(study.study_date)),
            Text("\n").join(quote(describe_film(film)) for film in shown),
        )
    return table


def _name_state(study: StudyEntry) -> str:
    return study.finding or (f"refused: {study.refusal}" if study.refusal else "waiting")


def describe_film(film: FilmEntry) -> str:
    """Return one film in a few words."""
    what = " ".join(part for part in (film.modality, film.body_part, film.view_position) if part) or "?"
    if film.refusal:
        return f"{what}: {film.refusal}"
    if film.model is None:
        return f"{what}: {film.state}"
    remarks = [] if film.trained else ["untrained model"]
    remarks.extend(doubt.replace("_", " ") for doubt in film.doubts)
    return f"{what} ({', '.join(remarks)})" if remarks else what


def draw_deliveries(rows: Sequence[DeliveryRow]) -> Table:
    """Return deliveries as a table, newest first."""
    headings = ("No.", "Peer", "State", "Attempts", "Kind", "Report", "Created (UTC)", "Last error")
    table = Table(title="Deliveries", box=box.SIMPLE_HEAD)
    for heading in headings:
        whole_day = len("YYYY-MM-DD") if heading.startswith("Created") else None
        table.add_column(heading, overflow="fold", min_width=whole_day)
    for row in rows:
        table.add_row(
            str(row.delivery_id),
            row.peer,
            row.state if row.commitment is None else f"{row.state}; commitment {row.commitment}",
            str(row.attempts),
            row.kind,
            shorten_uid(row.sop_instance_uid),
            f"{row.created_at:%Y-%m-%d %H:%M:%S}",
            quote(row.last_error, ""),
        )
    return table


def draw_unbuilt(reports: Sequence[UnbuiltReport]) -> Table:
    """Return parked reports that could not be built as a table."""
    table = Table("Film", "Of a", "Attempts", "Parked (UTC)", "Reason", title="Reports that cannot be built")
    for report in reports:
        table.add_row(
            shorten_key(report.film_key),
            report.of,
            str(report.attempts),
            f"{report.parked_at:%Y-%m-%d %H:%M:%S}",
            quote(report.last_error, ""),
        )
    return table


def draw_foreign_files(files: Sequence[ForeignFile]) -> Table:
    """Return files in a spool whose films another gateway has as a table."""
    table = Table("Film", "Gateway", "State", "File", title="Files of films that another gateway has")
    for file in files:
        waits = "overdue: take it over" if file.is_overdue else "needed until the film has its result"
        table.add_row(
            shorten_key(file.film_key),
            quote(file.gateway),
            file.state,
            waits if file.waits else "not needed: delete it",
        )
    return table


def draw_delivery(
    row: DeliveryRow, stored: StoredObject, events: Sequence[DeliveryEventEntry], content: Sequence[str]
) -> Group:
    """Return one delivery in full: where it stands, what happened, what the object says."""
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in (
        ("Delivery", f"{row.delivery_id} to {row.peer}"),
        ("State", f"{row.state}, attempt {row.attempts}"),
        ("Commitment", row.commitment or "not asked for"),
        ("Last error", row.last_error),
        ("Object", f"{stored.kind} {stored.sop_instance_uid}"),
        ("Film", stored.film_sop_instance_uid),
        ("Study", stored.study_instance_uid),
        ("Accession", stored.accession_number),
    ):
        facts.add_row(Text(name, "bold"), quote(value))
    history = Table("When (UTC)", "What", "Detail", box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0))
    history.add_row(f"{row.created_at:%Y-%m-%d %H:%M:%S}", "made", "")
    for event in events:
        history.add_row(f"{event.happened_at:%Y-%m-%d %H:%M:%S}", event.event, quote(event.detail, ""))
    return Group(facts, history, *(quote(line) for line in content))


def draw_models(models: Sequence[RegisteredModel], previous: str | None = None) -> Table:
    """Return the registered bundles as a table, newest first.

    Args:
        models: registered.
        previous: digest of the bundle that a rollback would activate.
    """
    table = Table(title="Models", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("Use", "Name", "Version", "Trained", "Digest", "Registered"):
        table.add_column(heading, no_wrap=heading in ("Use", "Digest"), overflow="fold")
    for model in models:
        table.add_row(
            name_use(model, previous),
            model.name,
            model.version,
            "yes" if model.trained else "no",
            model.digest[:12],
            f"{model.registered_at:%Y-%m-%d}",
        )
    return table


def name_use(model: RegisteredModel, previous: str | None) -> Text:
    """Return what a bundle is used for: active, shadow or previous."""
    if model.active:
        return Text("● active", "bold green")
    uses = [
        word for word, holds in (("shadow", model.shadow), ("previous", model.digest == previous)) if holds
    ]
    return Text(", ".join(uses))


def quote(text: str | None, nothing: str = "—") -> Text:
    """Return a text from outside without markup and control sequences."""
    return Text("".join(letter if letter.isprintable() else "\ufffd" for letter in text or nothing))
