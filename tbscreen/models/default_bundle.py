"""The bundle that comes with tbscreen, registered and activated when a database has no active one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from db.database import Database
from db.models import activations, admissions, bundles
from domain.bundle.bundle import open_bundle, read_files
from domain.bundle.seal import Seal, locate_seal
from domain.codes import Trust
from domain.errors import PermanentError
from tbscreen.models.trust import keep_seal

DEFAULT_BUNDLE: Final = Path(__file__).parents[1] / "bundles" / "default"


def find_shipped_seal(digest: str) -> Seal | None:
    """Return the seal in the package if it is that of this bundle: its digest and its golden scores."""
    seal = Seal.model_validate_json(locate_seal(DEFAULT_BUNDLE).read_bytes())
    return seal if seal.bundle == digest else None


def register_bundle(database: Database, directory: Path) -> tuple[str, bool]:
    """Verify a bundle and store it in the database; returns its digest and whether it was new.

    Its network is not computed: `tbscreen.models.registration.add_bundle` does that.

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
    """Return the active bundle; activate the one that comes with tbscreen if there is no active bundle.

    Raises:
        PermanentError: when the bundle in the package is not the one with which it was released.
    """
    with database.read() as session:
        active = bundles.find_active(session)
        if active is not None and admissions.find_golden_scores(session, active.digest):
            return active
    digest = register_bundle(database, DEFAULT_BUNDLE)[0] if active is None else active.digest
    seal = find_shipped_seal(digest)
    if active is None and seal is None:
        raise PermanentError(
            f"{DEFAULT_BUNDLE} is not the bundle with which this version was released: install tbscreen again"
        )
    with database.write() as session:
        if seal is not None:  # else another bundle, registered by an earlier version
            keep_seal(session, seal)
            admissions.trust(session, digest, Trust.SHIPPED, "tbscreen")
        if bundles.find_active(session) is None:
            activations.switch_to(session, digest, "tbscreen", instead_of=None)
        active = bundles.find_active(session)
    assert active is not None
    return active
