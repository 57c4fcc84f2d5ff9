"""Model bundles in the database: registered, activated, and kept in chunks for hosts that share no disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.database import DatabaseError
from db.tables import BundleChunk, Model, now

CHUNK_BYTES: Final = 4 * 1024 * 1024
"""Size of one piece, small enough for any server's packet limits."""


class UnknownBundleError(DatabaseError):
    """No bundle of this digest is registered. `tbscreen models list` shows those that are."""


@dataclass(frozen=True)
class RegisteredModel:
    """One line of `tbscreen models list`."""

    digest: str
    name: str
    version: str
    trained: bool
    normalization_version: str
    active: bool
    registered_at: datetime
    activated_at: datetime | None


def register(
    session: Session,
    digest: str,
    manifest: Mapping[str, Any],
    files: Mapping[str, bytes],
) -> bool:
    """Store a verified bundle under its digest.

    Args:
        session: in a transaction.
        digest: SHA-256 of `manifest.json`, which in turn holds the SHA-256 of every other file.
        manifest: the parsed manifest.
        files: every file of the bundle, `manifest.json` included, by name.

    Returns:
        False when it was registered already.
    """
    if session.get(Model, digest) is not None:
        return False
    session.add(
        Model(
            digest=digest,
            name=manifest["name"],
            version=manifest["version"],
            trained=manifest["trained"],
            normalization_version=manifest["normalization"]["version"],
            manifest=dict(manifest),
            registered_at=now(),
            active=False,
        )
    )
    session.flush()
    for name, content in files.items():
        for position in range(0, max(1, len(content)), CHUNK_BYTES):
            session.add(
                BundleChunk(
                    digest=digest,
                    file=name,
                    position=position // CHUNK_BYTES,
                    content=content[position : position + CHUNK_BYTES],
                )
            )
    return True


def activate(session: Session, digest: str) -> None:
    """Make one registered bundle the one that new films are screened with.

    Raises:
        UnknownBundleError: when it is not registered.
    """
    model = session.get(Model, digest, with_for_update=True)
    if model is None:
        raise UnknownBundleError(f"no bundle {digest[:12]} is registered; see 'tbscreen models list'")
    for other in session.scalars(select(Model).where(Model.active)):
        other.active = False
    session.flush()
    model.active = True
    model.activated_at = now()


def find_active(session: Session) -> RegisteredModel | None:
    """Return the active bundle, if any."""
    model = session.scalar(select(Model).where(Model.active))
    return None if model is None else _describe(model)


def list_models(session: Session) -> list[RegisteredModel]:
    """Return all registered bundles, newest first."""
    return [_describe(model) for model in session.scalars(select(Model).order_by(Model.registered_at.desc()))]


def fetch_files(session: Session, digest: str) -> dict[str, bytes]:
    """Return every file of a registered bundle by name.

    Raises:
        UnknownBundleError: when it is not registered.
    """
    chunks = session.scalars(
        select(BundleChunk)
        .where(BundleChunk.digest == digest)
        .order_by(BundleChunk.file, BundleChunk.position)
    )
    pieces: dict[str, list[bytes]] = {}
    for chunk in chunks:
        pieces.setdefault(chunk.file, []).append(chunk.content)
    if not pieces:
        raise UnknownBundleError(f"no bundle {digest[:12]} is registered; see 'tbscreen models list'")
    return {name: b"".join(parts) for name, parts in pieces.items()}


def _describe(model: Model) -> RegisteredModel:
    return RegisteredModel(
        digest=model.digest,
        name=model.name,
        version=model.version,
        trained=model.trained,
        normalization_version=model.normalization_version,
        active=model.active,
        registered_at=model.registered_at,
        activated_at=model.activated_at,
    )
