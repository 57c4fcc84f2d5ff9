"""One study as a page: films with heat maps, results, deliveries, reads."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from db.database import Database
from db.films.screenings import Heat
from db.worklist import reads, study_details
from db.worklist.reads import InvalidReadError, ReadEntry, UnknownStudyError
from db.worklist.study_details import FilmDetails, StudyDetails
from domain.codes import Verdict
from web.access.audit import AuditTrail, find_address
from web.access.authentication import Visit
from web.access.recent_views import RecentViews
from web.access.secret_words import hash_secret
from web.pages.history import VERDICTS, list_events
from web.pages.pages import Pages
from web.pages.score_scale import draw_scale

LOG = structlog.get_logger(__name__)

LONGEST_UID: Final = 64
"""Most characters of a stored UID."""


class StudyPage:
    """The pages under `/studies/`: of a study by its key, or by its UID where that has a dot and no slash."""

    def __init__(self, database: Database, pages: Pages, audit: AuditTrail) -> None:
        self.database = database
        self.pages = pages
        self.audit = audit
        self._views = RecentViews()

    def show(self, visit: Visit) -> Response:
        """Show a study; `?film=` selects a film, by default the most suspicious one."""
        uid = self._find_uid(visit)
        with self.database.read() as session:
            study = study_details.find_details(session, uid)
        if study is None:
            raise HTTPException(404, "There is no such study.")
        self._record_view(visit, uid)
        film = _choose_film(study, visit.request.query_params.get("film", ""))
        context: dict[str, Any] = {
            "user": visit.user,
            "csrf": visit.csrf,
            "study": study,
            "film": film,
            "events": list_events(study),
            "verdicts": VERDICTS,
            "read": next((read for read in study.reads if read.current), None),
        }
        if film is not None and film.screening is not None:
            context["scale"] = draw_scale(film.screening)
        return self.pages.render(visit.request, "study.html", context)

    def send_film(self, visit: Visit) -> Response:
        """Send a film as JPEG: 8 bit grey, at most 1024 pixels a side."""
        uid = self._find_uid(visit)
        with self.database.read() as session:
            jpeg = study_details.find_rendition(session, uid, take_film(visit.request))
        if jpeg is None:
            raise HTTPException(404, "There is no such film.")
        self._record_view(visit, uid)
        return Response(jpeg, media_type="image/jpeg")

    def send_heat(self, visit: Visit) -> Response:
        """Send a film's heat map as JSON: rows, columns, margin (a share of each edge), cells 0..255."""
        uid = self._find_uid(visit)
        heat = find_heat(self.database, uid, visit.request)
        self._record_view(visit, uid)
        return JSONResponse({**asdict(heat), "cells": list(heat.cells)})

    def take_read(self, visit: Visit) -> Response:
        """Store the verdict of a radiologist; redirect a browser without scripts to the study."""
        uid = self._find_uid(visit)
        read = record_read(
            self.database, uid, visit.form.get("verdict", ""), visit.user.name, visit.form.get("comment")
        )
        self._record(visit, uid, is_changed=True)
        if "application/json" in visit.request.headers.get("accept", ""):
            return JSONResponse({"verdict": read.verdict.value, "reader": read.reader}, status_code=201)
        return RedirectResponse(visit.request.url.path.removesuffix("/reads"), 303)

    def _find_uid(self, visit: Visit) -> str:
        """Return the UID of the study of the path.

        Raises:
            HTTPException: 404 for the key of no study.
        """
        reference = take_uid(visit.request)
        if not (reference.isascii() and reference.isdecimal()):
            return reference
        with self.database.read() as session:
            uid = study_details.find_uid(session, int(reference)) if int(reference) < 2**31 else None
        if uid is None:
            raise HTTPException(404, "There is no such study.")
        return uid

    def _record_view(self, visit: Visit, uid: str) -> None:
        """Record a view of a study: each time a user opens it, and once for a page that refreshes itself."""
        is_new = self._views.is_new(visit.token_hash, uid)
        is_opened = visit.request.url.path.count("/") == 2 and not visit.is_by_itself
        if is_new or is_opened:
            self._record(visit, uid)

    def _record(self, visit: Visit, uid: str, *, is_changed: bool = False) -> None:
        record_access(self.database, self.audit, visit.request, uid, visit.user.name, is_changed=is_changed)


def record_access(
    database: Database, audit: AuditTrail, request: Request, uid: str, user: str, *, is_changed: bool = False
) -> None:
    """Record that a user saw a study, or read it."""
    with database.read() as session:
        patient_id = study_details.find_patient_id(session, uid) or ""
    audit.record_access(user, find_address(request), uid, patient_id, is_changed=is_changed)


def record_read(database: Database, uid: str, verdict: str, reader: str, comment: str | None) -> ReadEntry:
    """Store a verdict.

    Raises:
        HTTPException: 400 for an unknown verdict, 404 for an unknown study, 422 for a comment too long.
    """
    if verdict not in set(Verdict):
        raise HTTPException(400, f"verdict is one of {', '.join(Verdict)}")
    try:
        with database.write() as session:
            read = reads.record(session, uid, Verdict(verdict), reader, comment)
    except UnknownStudyError:
        raise HTTPException(404, "There is no such study.") from None
    except InvalidReadError as error:
        raise HTTPException(422, str(error)) from None
    LOG.info("study read", study=hash_secret(uid)[:16], reader=reader)
    return read


def find_heat(database: Database, uid: str, request: Request) -> Heat:
    """Return the heat map of the film of the path.

    Raises:
        HTTPException: 404 for a film without one.
    """
    with database.read() as session:
        heat = study_details.find_heat(session, uid, take_film(request))
    if heat is None:
        raise HTTPException(404, "This film has no heat map.")
    return heat


def take_uid(request: Request) -> str:
    """Return the UID of the study from the path, any text that a film may have had as one.

    Raises:
        HTTPException: 404 for a text that no row can have.
    """
    uid = str(request.path_params["uid"])
    if len(uid) > LONGEST_UID or "\0" in uid:
        raise HTTPException(404, "There is no such study.")
    return uid


def take_film(request: Request) -> int:
    """Return the number of the film from the path.

    Raises:
        HTTPException: 404 for a number that no row can have.
    """
    film = int(request.path_params["film"])
    if film >= 2**31:
        raise HTTPException(404, "There is no such film.")
    return film


def _choose_film(study: StudyDetails, wanted: str) -> FilmDetails | None:
    films = [film for film in study.films if film.current]
    chosen = next((film for film in study.films if str(film.instance_id) == wanted), None)
    if chosen is not None or not films:
        return chosen
    return max(
        films,
        key=lambda film: (
            film.screening is not None,
            film.screening.probability if film.screening is not None else 0.0,
            film.has_rendition,
        ),
    )
