"""The bundle that comes with tbscreen, registered and activated when a database has no active one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from db.database import Database
from db.models import activations, bundles
from domain.bundle.bundle import open_bundle, read_files

DEFAULT_BUNDLE: Final = Path(__file__).parents[1] / "bundles" / "default"


def register_bundle(database: Database, directory: Path) -> tuple[str, bool]:
    """Verify a bundle and store it in the database; returns its digest and whether it was new.

    Raises:
        PermanentError: when it is not a sound bundle.
    """
    bundle = open_bundle(directory)
    with database.write() as session:
        new = bundles.register(
            session, bundle.digest, bundle.manifest.model_dump(mode="json"), read_files(bundle)
        )
    return bundle.digest, new


def ensure_active(database: Database) -> bundles.RegisteredModel:
    """Return the active bundle; activate the one that comes with tbscreen if there is no active bundle."""
    with database.read() as session:
        active = bundles.find_active(session)
    if active is None:
        digest, _ = register_bundle(database, DEFAULT_BUNDLE)
        with database.write() as session:
            if bundles.find_active(session) is None:
                activations.switch_to(session, digest, "tbscreen", instead_of=None)
            active = bundles.find_active(session)
    assert active is not None
    return active
