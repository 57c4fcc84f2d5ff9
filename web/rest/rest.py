"""REST version 1: worklist, studies, reads, results and reports. Fields are added, never changed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from db.accounts.api_tokens import TokenEntry
from db.database import Database
from db.worklist import study_details
from db.worklist.reads import MAX_COMMENT, ReadEntry
from db.worklist.study_details import StudyDetails
from db.worklist.study_entries import StudyEntry
from db.worklist.worklist import InvalidCursorError
from domain.codes import ReadOrigin, Verdict
from domain.languages.language import ENGLISH
from domain.notices import NOTICE
from domain.roles import Permission
from domain.secret_words import is_same
from web.access.audit import AuditTrail, find_address
from web.access.bearer import BearerGate
from web.pages.report_page import RenderReport, ReportBusyError, explain_busy, read_wish
from web.pages.study_page import find_heat, record_access, record_read, take_film, take_uid
from web.rest.json_body import read_json
from web.rest.results import LARGEST_BODY, ResultsEndpoint
from web.rest.worklist_query import find_page, read_query
from web.settings import WebSettings

STUDIES: Final = 100
"""Studies on a page of the worklist without `limit`."""


MAX_FILMS: Final = 500
"""Most films that a read names."""

REPORT_FORMS: Final = {"json": "application/json", "csv": "text/csv; charset=utf-8"}
"""Forms of a report, and their media types."""


class WorklistAnswer(BaseModel):
    """A page of the worklist, most urgent first."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    notice: str = NOTICE
    studies: list[StudyEntry]
    following: str | None
    """The value of `after` for the next page; null on the last page."""


class StudyAnswer(BaseModel):
    """One study with films, results, deliveries and reads."""

    notice: str = NOTICE
    study: StudyDetails


class HeatAnswer(BaseModel):
    """The heat map of a film: the regions that its score comes from, according to the network."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    rows: int
    columns: int
    margin: float = Field(ge=0, lt=0.5)
    """Margin that the map leaves out at each edge, as a share of the height and width of the film."""
    cells: list[int]
    """0 to 255, row by row; 255 is hottest."""


class ShownFilm(BaseModel):
    """A film that was on the reader's screen."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    film: int = Field(ge=0, lt=2**31)
    """Its `instance_id`."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """SHA-256 of the film's `film.jpg` as it was shown, hexadecimal."""


class ReadRequest(BaseModel):
    """A radiologist's verdict on a study."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    verdict: Verdict
    comment: str | None = Field(default=None, max_length=MAX_COMMENT)
    films: list[ShownFilm] | None = Field(default=None, max_length=MAX_FILMS)
    """The films that were on the reader's screen, each by its picture. With it, the read is refused (409)
    unless every film of the study that has a picture is among them. Without it, nothing is demanded."""

    @field_validator("comment")
    @classmethod
    def _check_comment(cls, value: str | None) -> str | None:
        if value is not None and "\0" in value:  # PostgreSQL stores no text with NUL
            raise ValueError("a comment holds no NUL character")
        return value


_READ: Final = TypeAdapter(ReadEntry)


class Rest:
    """The endpoints under `/api/v1`, and the same without `v1`."""

    def __init__(
        self,
        database: Database,
        settings: WebSettings,
        audit: AuditTrail,
        render_report: RenderReport | None = None,
    ) -> None:
        self.database = database
        self.settings = settings
        self.render_report = render_report
        self.audit = audit
        self.gate = BearerGate(database, settings, audit)

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        see, read, count = Permission.WORKLIST, Permission.READ, Permission.REPORT
        results = ResultsEndpoint(self.database, self.audit)
        study = "/studies/{uid:path}"  # a UID that breaks the rules may hold a slash
        film = f"{study}/films/{{film:int}}"
        endpoints = [
            ("/worklist", "GET", self.gate.guard(self.list_studies, see)),
            ("/report", "GET", self.gate.guard(self.send_report, count)),
            (f"{film}/film.jpg", "GET", self.gate.guard(self.send_film, see)),
            (f"{film}/heat.json", "GET", self.gate.guard(self.send_heat, see)),
            (f"{study}/reads", "POST", self.gate.guard(self.take_read, read)),
            (study, "GET", self.gate.guard(self.show_study, see)),
            ("/results", "POST", self.gate.guard(results.take, Permission.RESULTS, LARGEST_BODY)),
        ]
        return [
            Route(root + path, endpoint, methods=[method])
            for root in ("/api/v1", "/api")
            for path, method, endpoint in endpoints
        ]

    def list_studies(self, request: Request, token: TokenEntry, _body: bytes) -> Response:
        """`GET /worklist`."""
        asked = read_query(request.query_params, STUDIES, strict=True)
        try:
            page = find_page(self.database, asked, self.settings.find_blinded(token.user))
        except InvalidCursorError as error:
            raise HTTPException(400, f"after: {error}.") from None
        self.audit.record_search(token.user.name, find_address(request), request.url.query)
        return _send(WorklistAnswer(studies=list(page.studies), following=page.following))

    def show_study(self, request: Request, token: TokenEntry, _body: bytes) -> Response:
        """`GET /studies/{uid}`."""
        uid = take_uid(request)
        with self.database.read() as session:
            hidden_from = self.settings.find_blinded(token.user)
            study = study_details.find_details(session, uid, hidden_from=hidden_from)
        if study is None:
            raise HTTPException(404, "There is no such study.")
        self._record(request, uid, token)
        return _send(StudyAnswer(study=study))

    def take_read(self, request: Request, token: TokenEntry, body: bytes) -> Response:
        """`POST /studies/{uid}/reads`."""
        uid = take_uid(request)
        read = read_json(ReadRequest, request, body)
        entry = record_read(
            self.database,
            uid,
            read.verdict,
            token.user.name,
            read.comment,
            origin=ReadOrigin.REST,
            may_arbitrate=self.settings.may_arbitrate(token.user.name),
            reads_blinded=self.settings.find_blinded(token.user) is not None,
            shown=None if read.films is None else self._check_pictures(uid, read.films),
        )
        self._record(request, uid, token, is_changed=True)
        content = _READ.dump_python(entry, mode="json")
        return JSONResponse(content, 201, {"Location": f"/api/v1/studies/{quote(uid, safe='')}"})

    def _check_pictures(self, uid: str, films: Sequence[ShownFilm]) -> set[int]:
        """Return the films whose pictures were shown.

        Raises:
            HTTPException: 422 for a digest that is not that of the film's picture.
        """
        for film in films:
            with self.database.read() as session:
                jpeg = study_details.find_rendition(session, uid, film.film)
            if jpeg is None or not is_same(hashlib.sha256(jpeg).hexdigest(), film.sha256):
                detail = f"films: {film.film} has no picture in this study with this SHA-256; get it again"
                raise HTTPException(422, detail)
        return {film.film for film in films}

    def _record(self, request: Request, uid: str, token: TokenEntry, *, is_changed: bool = False) -> None:
        record_access(self.database, self.audit, request, uid, token.user.name, is_changed=is_changed)

    def send_report(self, request: Request, _token: TokenEntry, _body: bytes) -> Response:
        """`GET /report`: figures of some days, no patient data."""
        if self.render_report is None:
            raise HTTPException(404, "There is no report here.")
        given = request.query_params
        if unknown := sorted(set(given) - {"from", "to", "by", "format"}):
            raise HTTPException(400, f"{unknown[0]}: there is no such parameter.")
        form = given.get("format") or "json"
        if form not in REPORT_FORMS:
            raise HTTPException(400, f"format: {' or '.join(REPORT_FORMS)}.")
        try:
            document = self.render_report(*read_wish(given), form, ENGLISH.code)
        except ReportBusyError as error:
            raise explain_busy(error) from None
        except ValueError as error:
            raise HTTPException(400, f"{error}.") from None
        return Response(document, media_type=REPORT_FORMS[form])

    def send_film(self, request: Request, token: TokenEntry, _body: bytes) -> Response:
        """`GET /studies/{uid}/films/{film}/film.jpg`."""
        uid = take_uid(request)
        with self.database.read() as session:
            jpeg = study_details.find_rendition(session, uid, take_film(request))
        if jpeg is None:
            raise HTTPException(404, "There is no such film, or no picture of it.")
        self._record(request, uid, token)
        return Response(jpeg, media_type="image/jpeg")

    def send_heat(self, request: Request, token: TokenEntry, _body: bytes) -> Response:
        """`GET /studies/{uid}/films/{film}/heat.json`."""
        uid = take_uid(request)
        heat = find_heat(self.database, uid, request, self.settings.find_blinded(token.user))
        self._record(request, uid, token)
        return _send(
            HeatAnswer(rows=heat.rows, columns=heat.columns, margin=heat.margin, cells=list(heat.cells))
        )


def _send(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(), media_type="application/json")
