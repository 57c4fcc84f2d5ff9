"""Bundles on a worker's own disk, fetched from db by digest and verified each time they are opened."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from pathlib import Path

from db.database import Database
from db.models import bundles
from domain.bundle.bundle import Bundle, open_bundle
from domain.bundle.manifest import FILE_NAME, MANIFEST, DamagedBundleError


class BundleCache:
    """A folder of bundles, each under its digest.

    Args:
        directory: made if it does not exist.
        database: where bundles are fetched from.
    """

    def __init__(self, directory: Path, database: Database) -> None:
        self._directory = directory
        self._database = database
        directory.mkdir(parents=True, exist_ok=True)

    def open(self, digest: str) -> Bundle:
        """Return the bundle of this digest, fetching it if it is not here or damaged.

        Raises:
            PermanentError: when no such bundle is registered, or when what is registered is not a sound
                bundle.
        """
        target = self._directory / digest
        if target.is_dir():
            try:
                return self._verify(target, digest)
            except DamagedBundleError:
                shutil.rmtree(target, ignore_errors=True)
        with self._database.read() as session:
            files = bundles.fetch_files(session, digest)
        if hashlib.sha256(files.get(MANIFEST, b"")).hexdigest() != digest:
            raise DamagedBundleError(f"the registered bundle {digest[:12]} does not match its digest")
        staging = Path(tempfile.mkdtemp(prefix=".incoming-", dir=self._directory))
        try:
            for name, content in files.items():
                if not re.fullmatch(FILE_NAME, name):
                    raise DamagedBundleError(f"{name!r} is not the name of a bundle's file")
                (staging / name).write_bytes(content)
            self._verify(staging, digest)
            try:
                staging.rename(target)
            except OSError:
                if not target.is_dir():  # else another process of this host was faster
                    raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return self._verify(target, digest)

    def _verify(self, directory: Path, digest: str) -> Bundle:
        bundle = open_bundle(directory)
        if bundle.digest != digest:
            raise DamagedBundleError(f"{directory} holds another bundle")
        return bundle
