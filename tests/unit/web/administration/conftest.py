"""The pages of administrators over the installation of this machine, with a morning's films."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from db.database import Database
from tbscreen.administration.local_installation import LocalInstallation
from tbscreen.settings import Settings, load_settings
from tests.servers.ports import free_port
from tests.unit.web import reading_room
from tests.unit.web.browsers import let_in
from tests.unit.web.conftest import HERE
from web.access.audit import ChangeKind, NoAuditTrail
from web.application import build_application


class Trail(NoAuditTrail):
    """Keeps what administrators did."""

    def __init__(self) -> None:
        self.accesses: list[tuple[str, str, str]] = []
        self.changes: list[tuple[str, str, str]] = []

    def record_change(self, user: str, address: str, kind: ChangeKind, change: str) -> None:
        """Keep a change."""
        self.changes.append((user, kind, change))

    def record_access(
        self, user: str, address: str, study_instance_uid: str, patient_id: str, *, is_changed: bool
    ) -> None:
        """Keep a view."""
        assert not is_changed
        self.accesses.append((user, study_instance_uid, patient_id))


@pytest.fixture
def trail() -> Trail:
    """An audit trail in memory."""
    return Trail()


@pytest.fixture
def settings(tmp_path: Path, peopled: Database, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of an installation of which no process runs."""
    monkeypatch.chdir(tmp_path)
    url = peopled.engine.url.render_as_string(hide_password=False)
    (tmp_path / "data").mkdir()
    return load_settings(
        data_directory=tmp_path / "data", database_url=url, gateway={"port": free_port(), "host": "127.0.0.1"}
    )


@pytest.fixture
def admin(settings: Settings, peopled: Database, trail: Trail) -> Iterator[TestClient]:
    """A browser in which `ada`, an administrator, is logged in."""
    reading_room.fill(peopled)
    application = build_application(
        peopled, "1.2.3", audit=trail, installation=LocalInstallation(settings, peopled)
    )
    with TestClient(application, base_url=HERE) as made:
        yield let_in(made, peopled, "ada")
