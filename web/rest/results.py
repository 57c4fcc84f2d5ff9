"""Bacteriology results from programs: those of a laboratory's system, in the words of its CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from db.accounts.api_tokens import TokenEntry
from db.bacteriology import results
from db.bacteriology.laboratory_words import find_contradictions, read_result
from db.bacteriology.links import WINDOW_DAYS, LinkState, find_links
from db.bacteriology.results import NewResult
from db.database import Database
from web.access.audit import AuditTrail, find_address
from web.rest.json_body import read_json

MOST_RESULTS: Final = 1000
LARGEST_BODY: Final = 1024 * 1024
PATIENTS_AT_ONCE: Final = 100
"""Patients in one audit record."""


class ResultValues(BaseModel):
    """A result in the words of a laboratory's CSV, with an accession number or a patient ID."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    specimen_date: str = Field(max_length=32)
    """Day of collection, YYYY-MM-DD."""
    method: str = Field(max_length=64)
    """xpert, ultra, culture or smear."""
    result: str = Field(max_length=64)
    """positive, negative, indeterminate, withdrawn; of ultra also trace, of culture contaminated and ntm."""
    accession_number: str | None = Field(default=None, max_length=64)
    """Of the imaging request."""
    patient_id: str | None = Field(default=None, max_length=256)
    patient_id_issuer: str | None = Field(default=None, max_length=64)
    specimen_id: str | None = Field(default=None, max_length=64)
    """The laboratory's number: recommended."""


class ResultsRequest(BaseModel):
    """Results that are recorded all or not at all."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    results: list[ResultValues] = Field(min_length=1, max_length=MOST_RESULTS)
    restate: bool = False
    """True: a result that was corrected since is corrected back."""
    window_days: int = Field(default=WINDOW_DAYS, ge=0, le=366)
    """Most days between specimen and film, before or after."""


class ResultsAnswer(BaseModel):
    """The outcome: places count from 0 in the order of the request."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    new: list[int]
    corrected: list[int]
    unchanged: list[int]
    """They were there already."""
    outdated: list[int]
    """They repeat a result that was corrected since, so the correction stays."""
    links: dict[LinkState, int]
    """Number of the tests by the study that was found for them; a person decides those of several."""


class ResultsEndpoint:
    """`POST /results`."""

    def __init__(self, database: Database, audit: AuditTrail) -> None:
        self.database = database
        self.audit = audit

    def take(self, request: Request, token: TokenEntry, body: bytes) -> Response:
        """Record the results of the body; the same again changes nothing."""
        given = read_json(ResultsRequest, request, body)
        new = _read_all(given.results)
        with self.database.write() as session:
            recorded = results.record(session, new, token.user.name, given.restate)
            subjects = [result.name_subject() for result in new]
            links = list(find_links(session, results.find_standing(session, subjects), given.window_days))
        changed = [new[place] for place in (*recorded.new, *recorded.corrected)]
        patients = sorted({result.patient_id for result in changed if result.patient_id})
        for first in range(0, max(len(patients), 1) if changed else 0, PATIENTS_AT_ONCE):
            self.audit.record_reconciliation(
                token.user.name,
                find_address(request),
                f"{len(changed)} bacteriology results recorded",
                patients[first : first + PATIENTS_AT_ONCE],
                [],
            )
        counts = {state: sum(link.state == state for link in links) for state in LinkState}
        answer = ResultsAnswer(
            new=recorded.new,
            corrected=recorded.corrected,
            unchanged=recorded.unchanged,
            outdated=recorded.outdated,
            links={state: count for state, count in counts.items() if count},
        )
        return Response(answer.model_dump_json(), media_type="application/json")


def _read_all(values: Sequence[ResultValues]) -> list[NewResult]:
    """Return the results.

    Raises:
        HTTPException: 422; the text names every bad one, and no patient's number.
    """
    read: list[NewResult] = []
    places: list[int] = []
    problems: list[tuple[int, str]] = []
    for place, each in enumerate(values):
        cells = {name: value.strip() for name, value in each.model_dump(exclude_none=True).items()}
        try:
            read.append(read_result(cells))
            places.append(place)
        except ValueError as error:
            problems.append((place, str(error)))
    problems += find_contradictions(read, places, "result")
    if problems:
        named = "; ".join(f"results.{place}: {problem}" for place, problem in sorted(problems))
        raise HTTPException(422, f"Nothing was recorded. {named}.")
    return read
