"""Model bundles: registered, marked active, stored in chunks for hosts without a shared disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from db.clock import now
from db.entries import make_entry
from db.tables import BundleChunk, Model
from domain.errors import PermanentError

CHUNK_BYTES: Final = 4 * 1024 * 1024
"""Size of a chunk, below the packet limits of any server."""


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
    shadow: bool = False
    """True for the bundle that scores every film after the active one; its results are not reported."""


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


def mark_active(session: Session, digest: str) -> str | None:
    """Mark a registered bundle as the active one for new films, and no longer as the one in the shadow.

    Commands call `db.models.activations`, which records the history.

    Returns:
        The digest of the bundle that was active until now, or None.

    Raises:
        PermanentError: when it is not registered.
    """
    models = _lock(session, Model.active | (Model.digest == digest))
    if digest not in models:
        raise _unknown(digest)
    previous = next((model for model in models.values() if model.active), None)
    if previous is models[digest]:
        return digest
    if previous is not None:
        previous.active = False
        session.flush()
    models[digest].active = True
    models[digest].shadow = False
    models[digest].activated_at = now()
    return None if previous is None else previous.digest


def put_in_shadow(session: Session, digest: str) -> None:
    """Put a registered bundle in the shadow, where it scores every film beside the active one.

    Raises:
        PermanentError: when it is not registered, or when it is the active one.
    """
    models = _lock(session, Model.shadow | (Model.digest == digest))
    if digest not in models:
        raise _unknown(digest)
    if models[digest].active:
        raise PermanentError(f"{digest[:12]} is the active bundle: its results are reported already")
    for model in models.values():
        model.shadow = False
    session.flush()
    models[digest].shadow = True


def end_shadow(session: Session, digest: str | None = None) -> str | None:
    """Take the bundle, or only the one with `digest`, out of the shadow; its results are kept.

    Returns:
        The digest of the bundle that was in the shadow, or None.
    """
    in_shadow = select(Model).where(Model.shadow)
    if digest is not None:
        in_shadow = in_shadow.where(Model.digest == digest)
    model = session.scalar(in_shadow.with_for_update())
    if model is None:
        return None
    model.shadow = False
    return model.digest


def find_active(session: Session) -> RegisteredModel | None:
    """Return the active bundle, or None."""
    model = session.scalar(select(Model).where(Model.active))
    return None if model is None else _describe(model)


def find_shadow(session: Session) -> RegisteredModel | None:
    """Return the bundle in the shadow, or None."""
    model = session.scalar(select(Model).where(Model.shadow))
    return None if model is None else _describe(model)


def list_models(session: Session) -> list[RegisteredModel]:
    """Return all registered bundles, newest first."""
    return [_describe(model) for model in session.scalars(select(Model).order_by(Model.registered_at.desc()))]


def read_manifest(session: Session, digest: str) -> dict[str, Any]:
    """Return the manifest of a registered bundle.

    Raises:
        PermanentError: when it is not registered.
    """
    model = session.get(Model, digest)
    if model is None:
        raise _unknown(digest)
    return dict(model.manifest)


def fetch_file(session: Session, digest: str, name: str) -> bytes | None:
    """Return one file of a registered bundle, or None if it has no such file."""
    pieces = session.scalars(
        select(BundleChunk.content)
        .where(BundleChunk.digest == digest, BundleChunk.file == name)
        .order_by(BundleChunk.position)
    ).all()
    return b"".join(pieces) if pieces else None


def fetch_files(session: Session, digest: str) -> dict[str, bytes]:
    """Return every file of a registered bundle by name.

    Raises:
        PermanentError: when it is not registered.
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
        raise _unknown(digest)
    return {name: b"".join(parts) for name, parts in pieces.items()}


def _describe(model: Model) -> RegisteredModel:
    return make_entry(RegisteredModel, model)


def _lock(session: Session, condition: ColumnElement[bool]) -> dict[str, Model]:
    """Lock rows in one order, so that two changes at the same time cannot deadlock."""
    rows = select(Model).where(condition).order_by(Model.digest).with_for_update()
    found = session.scalars(rows.execution_options(populate_existing=True))
    return {model.digest: model for model in found}


def _unknown(digest: str) -> PermanentError:
    return PermanentError(f"no bundle {digest[:12]} is registered; see 'tbscreen models list'")
