"""The bundle: a deployable model as a folder, readable without Keras.

A bundle holds `model_structure.json`, `model.weights.h5`, `manifest.json` and its evaluation report. Its
digest is the SHA-256 of `manifest.json`, which holds the SHA-256 of every other file. Loading a bundle
runs no code from it: its graph may contain only the layers of `graph_structure.ALLOWED_LAYERS`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from domain.bundle.graph_structure import check_structure
from domain.bundle.manifest import MANIFEST, STRUCTURE, DamagedBundleError, Manifest, parse_manifest
from domain.errors import PermanentError

MAX_FILE_BYTES: Final = 2 * 1024**3


@dataclass(frozen=True)
class Bundle:
    """A verified bundle on disk."""

    directory: Path
    manifest: Manifest
    digest: str


def open_bundle(directory: Path) -> Bundle:
    """Verify a bundle: its manifest, the digest of every file, and that its graph only computes.

    Raises:
        DamagedBundleError: when a file is missing, unexpected or different.
        PermanentError: when its graph contains a layer that is not allowed.
    """
    manifest_path = directory / MANIFEST
    if not directory.is_dir():
        raise DamagedBundleError(f"{directory} is not a bundle: there is no such folder")
    if not manifest_path.is_file():
        raise DamagedBundleError(f"{directory} is not a bundle: it has no {MANIFEST}")
    content = manifest_path.read_bytes()
    manifest = parse_manifest(content)
    present = {entry.name for entry in directory.iterdir()}
    for missing in sorted(manifest.files.keys() - present):
        raise DamagedBundleError(f"{directory}: {missing} is missing")
    for extra in sorted(present - manifest.files.keys() - {MANIFEST}):
        raise DamagedBundleError(f"{directory}: {extra} is not in the manifest")
    for name, expected in manifest.files.items():
        path = directory / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            raise DamagedBundleError(f"{directory}: {name} is not a plain file of reasonable size")
        if _hash_file(path) != expected:
            raise DamagedBundleError(f"{directory}: {name} does not match its SHA-256 in the manifest")
    check_structure((directory / STRUCTURE).read_bytes())
    return Bundle(directory, manifest, hashlib.sha256(content).hexdigest())


def write_bundle(directory: Path, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Bundle:
    """Write a bundle into a new folder and verify it.

    Args:
        directory: a new or empty folder.
        manifest: the manifest without `files`.
        files: every other file by name.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise PermanentError(f"{directory} is not empty")
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    text = json.dumps({**manifest, "files": digests}, indent=2, sort_keys=True) + "\n"
    parse_manifest(text.encode())
    for name, content in files.items():
        (directory / name).write_bytes(content)
    (directory / MANIFEST).write_text(text, "utf-8")
    return open_bundle(directory)


def read_files(bundle: Bundle) -> dict[str, bytes]:
    """Return every file of a bundle by name, as `db.models.bundles.register` takes them."""
    names = [MANIFEST, *bundle.manifest.files]
    return {name: (bundle.directory / name).read_bytes() for name in names}


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
