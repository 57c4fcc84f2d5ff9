"""Registered bundles as a person names them."""

from __future__ import annotations

from sqlalchemy.orm import Session

from db.models import activations, bundles, site_thresholds
from db.models.bundles import RegisteredModel
from db.tables import Model
from domain.bundle.manifest import Manifest, localize
from domain.errors import PermanentError


def find_bundle(session: Session, word: str) -> RegisteredModel:
    """Return the bundle that `word` names: a digest or its beginning, "active", "shadow" or "previous".

    Raises:
        PermanentError: when it names no bundle or several.
    """
    models = bundles.list_models(session)
    if word == "active":
        matching = [model for model in models if model.active]
    elif word == "shadow":
        matching = [model for model in models if model.shadow]
    elif word == "previous":
        previous = activations.find_previous(session)
        matching = [model for model in models if model.digest == previous]
    else:
        matching = [model for model in models if model.digest.startswith(word)]
        if len(matching) != 1:
            raise PermanentError(
                f"{len(matching)} registered bundles begin with {word!r}; see 'tbscreen models list'"
            )
    if not matching:
        raise PermanentError(f"no bundle is {word}; see 'tbscreen models list'")
    return matching[0]


def find_active_manifest(session: Session) -> Manifest | None:
    """Return the manifest by which new films are judged, with the site's threshold, if any."""
    active = bundles.find_active(session)
    return None if active is None else find_local_manifest(session, active.digest)


def find_local_manifest(session: Session, digest: str) -> Manifest:
    """Return the manifest of a registered bundle, with the site's threshold for it, if any."""
    model = session.get_one(Model, digest)
    point = site_thresholds.find_operating_point(session, model)
    manifest = Manifest.model_validate(model.manifest)
    return localize(manifest, site_thresholds.find_points(session, digest, point))
