"""Bundles in the database: registered once, fetched byte for byte, one active."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from db.database import Database
from db.models import bundles
from db.models.bundles import CHUNK_BYTES
from db.tables import BundleChunk, Model
from domain.errors import PermanentError
from tests.unit import rows

MANIFEST = {"name": "m", "version": "1", "trained": False, "normalization": {"version": "n"}}


def test_files_larger_than_a_chunk_come_back_byte_for_byte(database: Database) -> None:
    content = random.Random(7)
    files = {
        "manifest.json": b"{}",
        "empty.txt": b"",
        "exactly-one-chunk.bin": content.randbytes(CHUNK_BYTES),
        "model.weights.h5": content.randbytes(2 * CHUNK_BYTES + 5),
    }
    with database.write() as session:
        assert bundles.register(session, rows.DIGEST, MANIFEST, files)
    with database.read() as session:
        assert bundles.fetch_files(session, rows.DIGEST) == files
        chunks = dict(
            session.execute(select(BundleChunk.file, func.count()).group_by(BundleChunk.file)).tuples().all()
        )
        largest = session.scalar(select(func.max(func.length(BundleChunk.content))))
    assert chunks == {
        "manifest.json": 1,
        "empty.txt": 1,
        "exactly-one-chunk.bin": 1,
        "model.weights.h5": 3,
    }
    assert largest == CHUNK_BYTES


def test_a_bundle_is_registered_once(database: Database) -> None:
    with database.write() as session:
        assert bundles.register(session, rows.DIGEST, MANIFEST, {"manifest.json": b"first"})
    with database.write() as session:
        assert bundles.register(session, rows.DIGEST, MANIFEST, {"manifest.json": b"second"}) is False
    with database.read() as session:
        assert bundles.fetch_files(session, rows.DIGEST) == {"manifest.json": b"first"}
        assert [model.digest for model in bundles.list_models(session)] == [rows.DIGEST]


def test_an_unknown_bundle_is_named(database: Database) -> None:
    with database.read() as session, pytest.raises(PermanentError, match="no bundle aaaaaaaaaaaa "):
        bundles.fetch_files(session, rows.DIGEST)


def test_a_registered_bundle_is_not_active_by_itself(database: Database) -> None:
    rows.register_model(database, active=False)
    with database.read() as session:
        assert bundles.find_active(session) is None


def test_activating_one_deactivates_the_other(database: Database) -> None:
    rows.register_model(database, rows.DIGEST, name="first")
    rows.register_model(database, rows.OTHER_DIGEST, name="second")
    with database.read() as session:
        active = bundles.find_active(session)
        models = bundles.list_models(session)
    assert active is not None
    assert active.name == "second"
    assert active.activated_at is not None
    assert [(model.name, model.active) for model in models] == [("second", True), ("first", False)]


def test_activating_the_active_bundle_again_is_harmless(database: Database) -> None:
    rows.register_model(database)
    with database.write() as session:
        bundles.mark_active(session, rows.DIGEST)
    with database.read() as session:
        active = bundles.find_active(session)
    assert active is not None
    assert active.digest == rows.DIGEST


def test_the_database_itself_allows_one_active_bundle(database: Database) -> None:
    rows.register_model(database, rows.DIGEST)
    rows.register_model(database, rows.OTHER_DIGEST)
    with pytest.raises(IntegrityError, match=r"models.active|uq_models_one_active"):
        _activate_all(database)


def test_several_bundles_may_be_inactive(database: Database) -> None:
    rows.register_model(database, rows.DIGEST, active=False)
    rows.register_model(database, rows.OTHER_DIGEST, active=False)
    with database.read() as session:
        assert [model.active for model in bundles.list_models(session)] == [False, False]


def _activate_all(database: Database) -> None:
    with database.write() as session:
        session.execute(update(Model).values(active=True))
