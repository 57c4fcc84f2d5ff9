"""An upgrade brings its bundle, and leaves the active one and its thresholds."""

from __future__ import annotations

from pathlib import Path

from db.database import Database
from db.models import activations, bundles
from domain.bundle.bundle import open_bundle, read_files, write_bundle
from domain.bundle.manifest import MANIFEST
from tbscreen.doctor.check import Health
from tbscreen.doctor.shipped_checks import examine_shipped
from tbscreen.models.default_bundle import DEFAULT_BUNDLE, ensure_active, register_bundle


def test_a_site_keeps_the_bundle_of_the_version_before_and_learns_of_the_new_one(
    sqlite_database: Database, tmp_path: Path
) -> None:
    shipped = open_bundle(DEFAULT_BUNDLE)
    files = {name: content for name, content in read_files(shipped).items() if name != MANIFEST}
    manifest = shipped.manifest.model_dump(mode="json", exclude={"files"}) | {"version": "0.9.0"}
    before = write_bundle(tmp_path / "before", manifest, files)
    register_bundle(sqlite_database, before.directory)
    with sqlite_database.write() as session:
        activations.switch_to(session, before.digest, "me@here", instead_of=None)
    assert list(examine_shipped(sqlite_database)) == []  # not registered yet

    assert ensure_active(sqlite_database).digest == before.digest
    with sqlite_database.read() as session:
        registered = {model.digest: model.active for model in bundles.list_models(session)}
    assert registered == {before.digest: True, shipped.digest: False}
    (check,) = examine_shipped(sqlite_database)
    assert check.health is Health.NOTE
    assert f"{shipped.manifest.version}, {shipped.digest[:12]}, which is not active" in check.finding
    assert f"tbscreen models activate {shipped.digest[:12]}" in check.advice

    with sqlite_database.write() as session:
        activations.switch_to(session, shipped.digest, "me@here", instead_of=before.digest)
    assert list(examine_shipped(sqlite_database)) == []


def test_a_new_installation_needs_no_advice(sqlite_database: Database) -> None:
    assert ensure_active(sqlite_database).active
    assert list(examine_shipped(sqlite_database)) == []
