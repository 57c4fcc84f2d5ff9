"""Films that a gateway has received and that were screened, with the objects that were made of them."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.database import Database
from dicom_gateway.audit.audit_trail import AuditTrail
from dicom_gateway.delivery.report_round import ReportRound
from dicom_gateway.settings import CourierSettings, PeerSettings
from domain.codes import ReportKind
from domain.roles import Permission
from tests.integration.dicomweb.test_stow import list_rows, port_of
from tests.integration.listening import Listening, gateway
from tests.screened_films import activate_model, one_hot_cell, screen
from tests.servers.peers.stow_requests import Answer, encode_body, make_token, post

PEER = PeerSettings(
    name="pacs",
    ae_title="PACS",
    host="127.0.0.1",
    port=104,
    kinds=(ReportKind.SR, ReportKind.SC, ReportKind.GSPS),
)
RETRIEVE_URL = "https://pacs.example/dicom-web"


@dataclass(frozen=True)
class Held:
    """A gateway that serves what it holds."""

    listening: Listening
    database: Database
    token: str

    @property
    def port(self) -> int:
        """Of DICOMweb."""
        return port_of(self.listening)

    @property
    def url(self) -> str:
        """Base URL of the service."""
        return f"http://127.0.0.1:{self.port}/dicom-web"

    def get(self, target: str, token: str | None = None, **headers: str) -> Answer:
        """Return the answer to a GET; headers with underscores for hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Authorization": f"Bearer {self.token if token is None else token}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request("GET", f"/dicom-web{target}", headers=sent)
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def search(self, target: str) -> list[dict[str, Any]]:
        """Return the matches of a search."""
        answer = self.get(target)
        assert answer.status in (200, 204), answer.body
        return [] if answer.status == 204 else list(json.loads(answer.body))

    def forget_files(self) -> None:
        """Delete the films' files, as retention does."""
        with self.database.write() as session:
            for row in list_rows(self.database):
                if row.spool_path is not None:
                    self.listening.spool.discard(row.spool_path)
                    session.merge(row).spool_path = None


def value(model: dict[str, Any], tag: str) -> Any:
    """Return the first value of an attribute of DICOM JSON; None without one."""
    return next(iter(model.get(tag, {}).get("Value", ())), None)


def receive(held: Held, films: Sequence[Path]) -> None:
    """Send films, screen them and make their objects."""
    storing = make_token(held.database, "STORER")
    assert post(held.port, encode_body(films), storing).status == 200
    report(held.database)


def report(database: Database) -> None:
    """Screen the received films and make their objects."""
    for row in list_rows(database):
        if row.state == "received":
            screen(database, row.id, heat=one_hot_cell())
    round_ = ReportRound(database, [PEER], CourierSettings(), "9.9")
    while round_.report_due(threading.Event()):
        pass


@contextmanager
def holding(
    database: Database,
    folder: Path,
    films: Sequence[Path],
    audit: AuditTrail | None = None,
    **changes: Any,
) -> Iterator[Held]:
    """Run a gateway that has received films; `changes` are further settings."""
    activate_model(database)
    web = {"port": 0, "retrieve_url": RETRIEVE_URL, **changes.pop("dicomweb", {})}
    with gateway(database, folder, 0, audit, dicomweb=web, **changes) as listening:
        held = Held(listening, database, make_token(database, "VIEWER", [Permission.WORKLIST]))
        receive(held, films)
        yield held
