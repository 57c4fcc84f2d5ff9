"""One study as a page: films with heat maps, results, deliveries, reads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from db.database import Database
from db.films.screenings import Heat
from db.worklist import claims, films_to_see, other_studies, reads, studies_ahead, study_details
from db.worklist.reads import (
    InvalidReadError,
    ReadEntry,
    UndoOverError,
    UnknownReadError,
    UnknownStudyError,
    UnseenFilmsError,
)
from db.worklist.study_details import FilmDetails, StudyDetails
from domain.codes import ReadOrigin, Verdict
from domain.languages.sentence import say
from domain.roles import Permission
from domain.secret_words import hash_secret
from web.access.audit import AuditTrail, find_address
from web.access.authentication import Visit
from web.access.recent_views import RecentViews
from web.pages import film_tokens
from web.pages.film_tiles import FilmTiles
from web.pages.history import VERDICTS, list_events
from web.pages.pages import Pages
from web.pages.score_scale import draw_scale, list_points
from web.settings import WebSettings
from web.viewer_address import fill_template

LOG = structlog.get_logger(__name__)

MOST_AHEAD: Final = 50
"""Most studies that are looked at ahead."""

FINE: Final = 1000
"""Columns and rows to which outlines refer."""

LONGEST_UID: Final = 64
"""Most characters of a stored UID."""


class StudyPage:
    """The pages under `/studies/`: of a study by its key, or by its UID where that has a dot and no slash."""

    def __init__(self, database: Database, settings: WebSettings, pages: Pages, audit: AuditTrail) -> None:
        self.database = database
        self.settings = settings
        self.pages = pages
        self.audit = audit
        self._views = RecentViews()
        self._tiles = FilmTiles(database)

    def show(self, visit: Visit) -> Response:
        """Show a study; `?film=` selects a film, by default the most suspicious one."""
        uid = self._find_uid(visit)
        hidden_from = self.settings.find_blinded(visit.user)
        with self.database.read() as session:
            study = study_details.find_details(session, uid, hidden_from=hidden_from)
            if study is None:
                raise HTTPException(404, say("There is no such study."))
            to_see = films_to_see.list_films_to_see(session, study.key)
            others = other_studies.list_other_studies(session, study, hidden_from=hidden_from)
        self._record_view(visit, uid)
        holder = self._claim(visit, study)
        film = _choose_film(study, visit.request.query_params.get("film", ""))
        beside = _find_beside(study, film, visit.request.query_params.get("beside", ""))
        context: dict[str, Any] = {
            "user": visit.user,
            "csrf": visit.csrf,
            "study": study,
            "film": film,
            "sides": [film] if beside is None else [film, beside],
            "others": others,
            "holder": holder,
            "deciding": self._decides(visit, study),
            "to_see": {shown.instance_id for shown in to_see},
            "events": list_events(study),
            "verdicts": VERDICTS,
            "read": next((read for read in study.reads if _is_of(read, visit.user.name)), None),
        }
        if self.settings.viewer_url and not study.hidden:  # the archive may hold our report
            context["viewer_url"] = fill_template(
                self.settings.viewer_url,
                study_instance_uid=study.study_instance_uid,
                accession_number=study.accession_number,
                patient_id=study.patient_id,
            )
        if film is not None and film.screening is not None:
            context["points"] = list_points(film.screening)
            if film.screening.tb_score is not None:
                context["scale"] = draw_scale(film.screening.tb_score)
        return self.pages.render(visit.request, "study.html", context)

    def look_ahead(self, visit: Visit) -> Response:
        """Send which of the studies that come next (`?studies=5,9`) are passed over, and films to fetch."""
        given = visit.request.query_params.get("studies", "").split(",")[:MOST_AHEAD]
        keys = [int(key) for key in given if key.isascii() and key.isdecimal() and len(key) < 10]
        with self.database.read() as session:
            ahead = studies_ahead.look_ahead(session, keys, visit.user.name)
        films = [f"/studies/{key}/films/{film}/film.jpg" for key in ahead.films for film in ahead.films[key]]
        return JSONResponse({"passed": [str(key) for key in ahead.passed], "films": films})

    def send_film(self, visit: Visit) -> Response:
        """Send a film as JPEG, 8 bit grey, at most 1024 pixels a side, with its token."""
        uid, film = self._find_uid(visit), take_film(visit.request)
        with self.database.read() as session:
            jpeg = study_details.find_rendition(session, uid, film)
        if jpeg is None:
            raise HTTPException(404, say("There is no such film."))
        self._record_view(visit, uid)
        token = film_tokens.sign(visit.secret, uid, film)
        return Response(jpeg, media_type="image/jpeg", headers={film_tokens.HEADER: token})

    def send_tile(self, visit: Visit) -> Response:
        """Send a part of a film at full resolution as JPEG; see `FilmTiles.fetch`."""
        uid, film = self._find_uid(visit), take_film(visit.request)
        jpeg = self._tiles.fetch(uid, film, visit.request.query_params)
        self._record_view(visit, uid)
        return Response(jpeg, media_type="image/jpeg")

    def send_heat(self, visit: Visit) -> Response:
        """Send a film's heat map as JSON: rows, columns, margin (a share of each edge), cells 0..255.

        With it the outlines of the finding's regions, as the reports have them: lists of places [x, y], in
        thousandths of the film's width and height; and the heat at an outline, 0..1.
        """
        # With NumPy and contourpy, which a page without heat maps does without.
        from domain.regions import CUT_OFF, find_regions

        uid = self._find_uid(visit)
        hidden_from = self.settings.find_blinded(visit.user)
        heat = find_heat(self.database, uid, visit.request, hidden_from)
        self._record_view(visit, uid)
        with self.database.read() as session:
            finding = study_details.find_finding(session, uid, take_film(visit.request))
        outlines = [region.outline.tolist() for region in find_regions(finding, heat, FINE, FINE)]
        return JSONResponse(
            {**asdict(heat), "cells": list(heat.cells), "cut_off": CUT_OFF, "outlines": outlines}
        )

    def take_read(self, visit: Visit) -> Response:
        """Store the verdict of a radiologist whose page has drawn each film of the study."""
        uid = self._find_uid(visit)
        read = record_read(
            self.database,
            uid,
            visit.form.get("verdict", ""),
            visit.user.name,
            visit.form.get("comment"),
            origin=ReadOrigin.PAGE,
            may_arbitrate=self.settings.may_arbitrate(visit.user.name),
            reads_blinded=self.settings.find_blinded(visit.user) is not None,
            shown=film_tokens.verify(visit.secret, uid, visit.form.get("shown", "")),
        )
        self._record(visit, uid, is_changed=True)
        content = {"read_id": read.read_id, "verdict": read.verdict.value, "reader": read.reader}
        return JSONResponse(content, status_code=201)

    def undo_read(self, visit: Visit) -> Response:
        """Undo a read that its reader has just stored."""
        uid, read_id = self._find_uid(visit), int(visit.request.path_params["read"])
        if read_id >= 2**31:
            raise HTTPException(404, say("There is no such read."))
        try:
            with self.database.write() as session:
                reads.withdraw(session, uid, read_id, visit.user.name)
        except (UnknownStudyError, UnknownReadError) as error:
            raise HTTPException(404, say("{reason}.", reason=str(error))) from None
        except UndoOverError as error:
            raise HTTPException(409, say("{reason}.", reason=str(error))) from None
        self._record(visit, uid, is_changed=True)
        return Response(status_code=204)

    def _claim(self, visit: Visit, study: StudyDetails) -> str | None:
        """Claim a study for a reader who has it open; return the other reader who has it, or None."""
        reader = visit.user.name
        holder = claims.find_holder(study.opened_by, study.opened_at)
        if visit.user.may(Permission.READ) and claims.is_due(study.opened_by, study.opened_at, reader):
            with self.database.write() as session:
                claims.claim(session, study.key, reader)
        return None if holder == reader else holder

    def _decides(self, visit: Visit, study: StudyDetails) -> bool:
        """True when the user's read would decide a disagreement of others."""
        is_party = any(_is_of(read, visit.user.name) for read in study.reads)
        return bool(
            study.differing_verdicts and not is_party and self.settings.may_arbitrate(visit.user.name)
        )

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
            raise HTTPException(404, say("There is no such study."))
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


def record_read(
    database: Database,
    uid: str,
    verdict: str,
    reader: str,
    comment: str | None,
    *,
    origin: ReadOrigin,
    may_arbitrate: bool,
    reads_blinded: bool,
    shown: Collection[int] | None,
) -> ReadEntry:
    """Store a verdict; see `db.worklist.reads.record`.

    Raises:
        HTTPException: 400 for an unknown verdict, 404 for an unknown study, 409 when a film was not shown,
            422 for a comment too long.
    """
    if verdict not in set(Verdict):
        raise HTTPException(400, say("verdict is one of {verdicts}", verdicts=", ".join(Verdict)))
    try:
        with database.write() as session:
            read = reads.record(
                session,
                uid,
                Verdict(verdict),
                reader,
                comment,
                origin=origin,
                shown=shown,
                may_arbitrate=may_arbitrate,
                reads_blinded=reads_blinded,
            )
    except UnknownStudyError:
        raise HTTPException(404, say("There is no such study.")) from None
    except UnseenFilmsError as error:
        raise HTTPException(409, say("{reason}.", reason=str(error))) from None
    except InvalidReadError as error:
        raise HTTPException(422, str(error)) from None
    LOG.info("study read", study=hash_secret(uid)[:16], reader=reader)
    return read


def find_heat(database: Database, uid: str, request: Request, hidden_from: str | None) -> Heat:
    """Return the heat map of the film of the path.

    Raises:
        HTTPException: 403 while it is hidden from the user, who reads blinded; 404 for a film without one.
    """
    with database.read() as session:
        if study_details.is_hidden(session, uid, hidden_from):
            raise HTTPException(403, say("You read blinded: read the study first."))
        heat = study_details.find_heat(session, uid, take_film(request))
    if heat is None:
        raise HTTPException(404, say("This film has no heat map."))
    return heat


def take_uid(request: Request) -> str:
    """Return the UID of the study from the path, any text that a film may have had as one.

    Raises:
        HTTPException: 404 for a text that no row can have.
    """
    uid = str(request.path_params["uid"])
    if len(uid) > LONGEST_UID or "\0" in uid:
        raise HTTPException(404, say("There is no such study."))
    return uid


def take_film(request: Request) -> int:
    """Return the number of the film from the path.

    Raises:
        HTTPException: 404 for a number that no row can have.
    """
    film = int(request.path_params["film"])
    if film >= 2**31:
        raise HTTPException(404, say("There is no such film."))
    return film


def _is_of(read: ReadEntry, reader: str) -> bool:
    return read.reader == reader and read.withdrawn_at is None


def _find_beside(study: StudyDetails, film: FilmDetails | None, wanted: str) -> FilmDetails | None:
    """Return the film that is wanted beside another one; None where either has no picture."""
    if film is None or not film.has_rendition:
        return None
    others = (other for other in study.films if other.has_rendition and other.instance_id != film.instance_id)
    return next((other for other in others if str(other.instance_id) == wanted), None)


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
