"""A gateway that listens for DICOMweb, and a token for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.database import Database
from tests.integration.listening import Listening, gateway
from tests.servers.peers.stow_requests import make_token


@pytest.fixture
def listening(sqlite_database: Database, tmp_path: Path) -> Iterator[Listening]:
    """A gateway with default limits."""
    with gateway(sqlite_database, tmp_path / "spool", 0, dicomweb={"port": 0}) as running:
        yield running


@pytest.fixture
def token(sqlite_database: Database) -> str:
    """A token that may store, labelled MODALITY."""
    return make_token(sqlite_database)
