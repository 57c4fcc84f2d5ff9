"""The bundle that comes with tbscreen: registered by each version, active only where no bundle is."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from db.database import Database
from db.models import activations, admissions, bundles
from domain.bundle.bundle import open_bundle, read_files
from domain.bundle.manifest import MANIFEST
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
    """Register the bundle that comes with tbscreen, and return the active bundle.

    The registered one becomes active only if none is: an upgrade changes no finding and no threshold of a
    site, which compares and activates the new bundle itself.

    Raises:
        PermanentError: when none is active, and the bundle in the package is not the one with which it was
            released.
    """
    shipped = open_bundle(DEFAULT_BUNDLE)
    seal = find_shipped_seal(shipped.digest)
    with database.read() as session:
        active = bundles.find_active(session)
        kept = admissions.find_golden_scores(session, shipped.digest)
    if seal is None and active is None:
        raise PermanentError(
            f"{DEFAULT_BUNDLE} is not the bundle with which this version was released: install tbscreen again"
        )
    if seal is None or (kept and active is not None):
        assert active is not None
        return active
    register_bundle(database, DEFAULT_BUNDLE)
    with database.write() as session:
        keep_seal(session, seal)
        admissions.trust(session, shipped.digest, Trust.SHIPPED, "tbscreen")
        if bundles.find_active(session) is None:
            activations.switch_to(session, shipped.digest, "tbscreen", instead_of=None)
        active = bundles.find_active(session)
    assert active is not None
    return active


def find_newer(database: Database) -> bundles.RegisteredModel | None:
    """Return the registered bundle of this version of tbscreen if another bundle of its name is active."""
    digest = hashlib.sha256((DEFAULT_BUNDLE / MANIFEST).read_bytes()).hexdigest()
    with database.read() as session:
        active = bundles.find_active(session)
        shipped = next((model for model in bundles.list_models(session) if model.digest == digest), None)
    if active is None or shipped is None or active.digest == digest or active.name != shipped.name:
        return None
    return shipped
