from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from dicom_gateway.spool import Spool
from domain.film_key import film_key

UID = "1.2.840.113619.2.55.3.604688119"


def test_kept_file_is_where_the_spool_says_and_nowhere_else(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    incoming = _receive(spool, b"headDATASET")

    kept = spool.put(incoming, UID, dataset_offset=4)

    assert spool.path(kept.relative_path).read_bytes() == b"headDATASET"
    assert not incoming.exists()
    assert kept.byte_size == 11
    assert kept.dataset_sha256 == hashlib.sha256(b"DATASET").hexdigest()
    assert not Path(kept.relative_path).is_absolute()


def test_digest_is_of_the_dataset_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path)

    first = spool.put(_receive(spool, b"oneDATASET"), UID, 3)
    three = spool.put(_receive(spool, b"threeDATASET"), UID, 5)
    other = spool.put(_receive(spool, b"oneDATASET!"), UID, 3)

    assert first.dataset_sha256 == three.dataset_sha256
    assert first.relative_path == three.relative_path
    assert other.relative_path != first.relative_path
    assert spool.path(first.relative_path).read_bytes() == b"threeDATASET"


def test_large_dataset_is_digested_whole(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    content = os.urandom(2**21 + 77)

    kept = spool.put(_receive(spool, content), UID, 100)

    assert kept.dataset_sha256 == hashlib.sha256(content[100:]).hexdigest()
    assert kept.byte_size == len(content)


@pytest.mark.parametrize("uid", [UID, "../../etc/passwd", "/etc/passwd", "1.2\0.3", "", "\udc80", "x" * 5000])
def test_path_shows_nothing_of_the_uid_and_never_leaves_the_spool(uid: str, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")

    kept = spool.put(_receive(spool, b"dataset"), uid, 0)

    path = spool.path(kept.relative_path).resolve()
    assert path.is_relative_to((tmp_path / "spool").resolve())
    assert not uid or uid not in kept.relative_path
    assert path.name.startswith(film_key(uid))


def test_discarded_file_is_gone_and_may_be_discarded_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    kept = spool.put(_receive(spool, b"dataset"), UID, 0)

    spool.discard(kept.relative_path)
    spool.discard(kept.relative_path)

    assert not spool.path(kept.relative_path).exists()


def test_sweep_takes_what_is_half_received_and_leaves_what_is_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    kept = spool.put(_receive(spool, b"dataset"), UID, 0)
    halves = [_receive(spool, b"half", f"half-{number}") for number in range(3)]

    again = Spool(tmp_path)

    assert again.sweep() == 3
    assert not any(half.exists() for half in halves)
    assert again.path(kept.relative_path).exists()
    assert again.sweep() == 0


def test_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Spool(tmp_path).put(tmp_path / "incoming" / "none", UID, 0)


def test_file_that_cannot_be_filed_stays_where_it_is(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    incoming = _receive(spool, b"dataset")
    (tmp_path / film_key(UID)[:2]).write_bytes(b"a file where the folder should be")

    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        spool.put(incoming, UID, 0)
    assert incoming.exists()


def test_free_space_is_that_of_the_disk(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)

    assert 0 < Spool(tmp_path).free_bytes() <= disk.f_frsize * disk.f_blocks


def test_film_key_is_the_digest_of_the_uid() -> None:
    assert film_key(UID) == hashlib.sha256(UID.encode()).hexdigest()
    assert film_key("\udc80") != film_key("\udc81")


def _receive(spool: Spool, content: bytes, name: str = "received") -> Path:
    path = spool.incoming / name
    path.write_bytes(content)
    return path
