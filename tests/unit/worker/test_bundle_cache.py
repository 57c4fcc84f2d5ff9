"""Bundles on a worker's disk: fetched once, verified each time, fetched anew when damaged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import delete, update

from db.database import Database
from db.models import bundles
from db.tables import BundleChunk
from domain.bundle.bundle import Bundle, read_files
from domain.bundle.manifest import MANIFEST, WEIGHTS, DamagedBundleError
from domain.errors import PermanentError
from tests.unit.worker.conftest import register
from worker.bundle_cache import BundleCache


@pytest.fixture
def cache(tmp_path: Path, sqlite_database: Database, small_bundle: Bundle) -> BundleCache:
    """An empty cache of a database that holds the small bundle."""
    register(sqlite_database, small_bundle)
    return BundleCache(tmp_path / "cache", sqlite_database)


def test_a_bundle_is_fetched_from_the_database(
    database: Database, small_bundle: Bundle, tmp_path: Path
) -> None:
    register(database, small_bundle)
    fetched = BundleCache(tmp_path / "cache", database).open(small_bundle.digest)
    assert fetched.directory == tmp_path / "cache" / small_bundle.digest
    assert (fetched.digest, fetched.manifest) == (small_bundle.digest, small_bundle.manifest)
    assert read_files(fetched) == read_files(small_bundle)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [small_bundle.digest]


def test_a_bundle_of_the_next_manifest_format_is_fetched_whole(
    database: Database, later_bundle: Bundle, tmp_path: Path
) -> None:
    register(database, later_bundle)
    with database.read() as session:
        kept = bundles.read_manifest(session, later_bundle.digest)
    assert (kept["format"], kept["golden_scores"]) == (2, {"films": [0.5]})
    assert [point["hospitals"] for point in kept["operating_points"]] == [3, 3]
    fetched = BundleCache(tmp_path / "cache", database).open(later_bundle.digest)
    assert (fetched.digest, fetched.manifest) == (later_bundle.digest, later_bundle.manifest)
    assert read_files(fetched) == read_files(later_bundle)


def test_a_bundle_that_is_here_is_not_fetched_again(
    cache: BundleCache, sqlite_database: Database, small_bundle: Bundle
) -> None:
    cache.open(small_bundle.digest)
    with sqlite_database.write() as session:
        session.execute(delete(BundleChunk))
    assert cache.open(small_bundle.digest).digest == small_bundle.digest


@pytest.mark.parametrize("damage", ["changed", "missing", "extra", "no manifest"])
def test_a_damaged_bundle_is_fetched_again(cache: BundleCache, small_bundle: Bundle, damage: str) -> None:
    directory = cache.open(small_bundle.digest).directory
    if damage == "changed":
        (directory / WEIGHTS).write_bytes(b"damaged")
    elif damage == "missing":
        (directory / WEIGHTS).unlink()
    elif damage == "extra":
        (directory / "extra.bin").write_bytes(b"x")
    else:
        (directory / MANIFEST).unlink()
    assert read_files(cache.open(small_bundle.digest)) == read_files(small_bundle)


def test_another_sound_bundle_under_this_digest_is_fetched_again(
    cache: BundleCache, small_bundle: Bundle, other_bundle: Bundle
) -> None:
    directory = cache.open(small_bundle.digest).directory
    for name, content in read_files(other_bundle).items():
        (directory / name).write_bytes(content)
    assert cache.open(small_bundle.digest).manifest.name == "small"


def test_what_is_not_registered_is_unknown(cache: BundleCache) -> None:
    with pytest.raises(PermanentError, match="no bundle cccccccccccc"):
        cache.open("c" * 64)


def test_registered_bytes_that_do_not_match_their_digest_are_refused(
    cache: BundleCache, sqlite_database: Database, small_bundle: Bundle, tmp_path: Path
) -> None:
    with sqlite_database.write() as session:
        session.execute(update(BundleChunk).where(BundleChunk.file == MANIFEST).values(content=b"{}"))
    with pytest.raises(DamagedBundleError, match="does not match its digest"):
        cache.open(small_bundle.digest)
    assert list((tmp_path / "cache").iterdir()) == []


def test_registered_weights_that_do_not_match_the_manifest_are_refused(
    cache: BundleCache, sqlite_database: Database, small_bundle: Bundle, tmp_path: Path
) -> None:
    with sqlite_database.write() as session:
        session.execute(update(BundleChunk).where(BundleChunk.file == WEIGHTS).values(content=b"other"))
    with pytest.raises(DamagedBundleError, match="does not match its SHA-256"):
        cache.open(small_bundle.digest)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("name", ["../outside.txt", "/tmp/outside.txt", ".hidden", "a/b"])
def test_a_registered_name_that_is_a_path_is_not_written(
    tmp_path: Path, sqlite_database: Database, small_bundle: Bundle, name: str
) -> None:
    with sqlite_database.write() as session:
        files = {name: b"outside", **read_files(small_bundle)}
        bundles.register(session, small_bundle.digest, small_bundle.manifest.model_dump(), files)
    cache = BundleCache(tmp_path / "place" / "cache", sqlite_database)
    with pytest.raises(DamagedBundleError, match="is not the name of a bundle's file"):
        cache.open(small_bundle.digest)
    assert [path for path in (tmp_path / "place").rglob("*") if path.is_file()] == []


def test_processes_that_fetch_at_the_same_time_share_one_copy(
    cache: BundleCache, small_bundle: Bundle, tmp_path: Path
) -> None:
    barrier = Barrier(6)

    def fetch(_: int) -> str:
        barrier.wait(timeout=30)
        return cache.open(small_bundle.digest).digest

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(fetch, range(6))) == {small_bundle.digest}
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [small_bundle.digest]
