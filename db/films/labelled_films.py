"""Screened films with a verdict for the export of labels: pixels, verdict and identifying values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from db.bacteriology.reference import READS, Reference
from db.counts.report_counts import AnySelect, Span, is_film
from db.states import FilmState
from db.tables import Instance, Read, Rendition, Study
from db.worklist.standing_reads import counts_for
from domain.codes import Verdict

BATCH = 50
"""Renditions that are in memory at once."""

BURNED_IN_ANNOTATION = ("00280301", "Value", 0)
"""Path of (0028,0301) in the DICOM JSON model, PS3.18 F.2."""


@dataclass(frozen=True)
class LabelledFilm:
    """One film with its study's verdict.

    All fields but verdict, its source, view, sex and age identify a patient.
    """

    sop_instance_uid: str
    study_instance_uid: str
    patient_id: str | None
    patient_name: str | None
    patient_birth_date: str | None
    institution_name: str | None
    calling_ae_title: str
    verdict: Verdict
    by_bacteriology: bool
    """True when bacteriology gave the verdict, False when a read did."""
    view_position: str | None
    sex: str | None
    age_years: int | None
    burned_in_annotation: str | None
    """Burned In Annotation (0028,0301), as YES, NO or None where the film does not say."""
    gateway: str
    spool_path: str | None
    jpeg: bytes


def stream_labelled_films(
    session: Session, period: Span, reference: Reference = READS
) -> Iterator[LabelledFilm]:
    """Yield the period's screened films whose studies have a verdict, oldest first.

    A read counts if it is later than the film, showed it, and readers agree. Studies with a notice are left
    out, because their verdict may be about another patient.
    """
    query: AnySelect = (
        select(
            Instance.sop_instance_uid,
            Study.id.label("study_id"),
            Study.study_instance_uid,
            Study.patient_id,
            Study.patient_name,
            Study.patient_birth_date,
            Instance.institution_name,
            Instance.calling_ae_title,
            Read.verdict,
            Instance.view_position,
            Study.patient_sex.label("sex"),
            Instance.age_years,
            Instance.header[BURNED_IN_ANNOTATION].as_string().label("burned_in_annotation"),
            Instance.gateway,
            Instance.spool_path,
            Rendition.jpeg,
            Study.differing_verdicts.is_not(None).label("readers_differ"),
            Instance.id.label("instance_id"),
            Read.shown_films,
        )
        .select_from(Instance)
        .join(Study, Study.id == Instance.study_id)
        .join(
            Read,
            and_(Read.study_id == Study.id, Read.current, Read.read_at >= Instance.received_at),
            isouter=not reference.needs_reads,
        )
        .join(Rendition, Rendition.instance_id == Instance.id)
        .where(
            is_film(period),
            Instance.state == FilmState.SCREENED,
            Study.notices.is_(None),
        )
        .order_by(Instance.received_at, Instance.id)
        .execution_options(yield_per=BATCH)
    )
    for row in session.execute(query):
        columns = row._asdict()
        read, readers_differ = columns.pop("verdict"), columns.pop("readers_differ")
        is_seen = counts_for(columns.pop("shown_films"), columns.pop("instance_id"))
        judged = reference.judge(columns.pop("study_id"), read if is_seen and not readers_differ else None)
        if judged is not None:
            yield LabelledFilm(**columns, verdict=judged.verdict, by_bacteriology=judged.by_bacteriology)
